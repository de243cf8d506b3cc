"""Forms as Stripe's API takes them: `a[b][0][c]=d`, `a[]=b`. Texts in, a tree of texts out."""

import re
import urllib.parse

NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")


def parsed(*texts):
    """The tree of some forms (a query and a body), and what is wrong with them as such.

    A leaf is a text, all else a dict: a list has its places as names, `"0"`, `"1"` …
    """
    tree, faults = {}, []
    for text in texts:
        for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True):
            found = NAME.match(name)
            if not found:
                faults.append(f"{name} is no name of a parameter")
                continue
            parts = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])]
            if not put(tree, parts, value):
                faults.append(f"{name} is given twice, or as a text and as more than that")
    return tree, faults


def put(tree, parts, value):
    """Puts `value` where `parts` say; whether there was room."""
    for place, part in enumerate(parts):
        rest = parts[place + 1 :]
        if part == "":
            part = next_place(tree, rest)
        if not rest:
            if part in tree:
                return False
            tree[part] = value
            return True
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            return False
    return False


def next_place(tree, rest):
    """The place that `[]` means: the last one while what comes there is new, else one more."""
    last = str(len(tree) - 1)
    if rest and rest[0] != "" and isinstance(tree.get(last), dict) and rest[0] not in tree[last]:
        return last
    return str(len(tree))


def shaped(tree, shape):
    """The same tree with lists where `shape` has them."""
    if isinstance(tree, str) or isinstance(shape, str):
        return tree
    if "null" in shape:
        return shaped(tree, shape["null"])
    if "any" in shape:
        return shaped(tree, likeliest(tree, shape["any"]))
    if "list" in shape:
        if not all(name.isdigit() for name in tree):
            return tree
        return [shaped(tree[name], shape["list"]) for name in sorted(tree, key=int)]
    if "map" in shape:
        return {name: shaped(inner, shape["map"]) for name, inner in tree.items()}
    if "fields" in shape:
        return {name: shaped(inner, shape["fields"].get(name, "any")) for name, inner in tree.items()}
    return tree


def likeliest(tree, shapes):
    """The one of several shapes that a dict was most likely meant to be."""

    def known(shape):
        inner = shape.get("null", shape) if isinstance(shape, dict) else {}
        if "list" in inner:
            return all(name.isdigit() for name in tree), len(tree)
        return "fields" in inner or "map" in inner, len(set(inner.get("fields", ())) & set(tree))

    return max(shapes, key=known)
