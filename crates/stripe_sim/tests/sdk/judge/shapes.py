"""Shapes of the contract (its README lists them) as JSON Schemas: of what is told, of JSON and of texts that ask."""

NOTHING = {"fields": {}}

#: Objects of which the contract knows the id alone: what else stands in them is not judged.
STUB = {"id"}


def told(shape):
    """The schema of a value in an answer or an event."""
    return schema(shape, told, closed=lambda fields: bool(fields) and set(fields) != STUB)


def asked(shape):
    """The schema of a value in a JSON body."""
    return schema(shape, asked, closed=lambda fields: bool(fields))


def written(shape):
    """The schema of a value in a form: a text, or a list or dict of such."""
    if isinstance(shape, str):
        return {
            "any": {},
            "string": {"type": "string", "minLength": 1},
            "integer": {"type": "string", "pattern": "^-?[0-9]+$"},
            "number": {"type": "string", "pattern": "^-?[0-9]+([.][0-9]+)?$"},
            "boolean": {"enum": ["true", "false"]},
        }[shape]
    if "enum" in shape:
        return {"enum": [str(word).lower() if isinstance(word, bool) else str(word) for word in shape["enum"]]}
    if "null" in shape:
        # An empty text unsets.
        return {"anyOf": [written(shape["null"]), {"const": ""}]}
    return schema(shape, written, closed=lambda fields: bool(fields))


def schema(shape, of, closed):
    """The schema of a shape, `of` being that of the shapes in it. Fields nobody knows are wrong where it is `closed`."""
    if isinstance(shape, str):
        return {} if shape == "any" else {"type": shape}
    if "enum" in shape:
        # Also of words that Stripe may add to: the sandbox and the client know no others.
        return {"enum": shape["enum"]}
    if "fields" in shape:
        fields = shape["fields"]
        return {
            "type": "object",
            "properties": {name: of(inner) for name, inner in fields.items()},
            "required": shape.get("required", []),
            **({"additionalProperties": False} if closed(fields) else {}),
        }
    if "list" in shape:
        return {"type": "array", "items": of(shape["list"])}
    if "map" in shape:
        return {"type": "object", "additionalProperties": of(shape["map"])}
    if "any" in shape:
        return {"anyOf": [of(inner) for inner in shape["any"]]}
    if "ref" in shape:
        return {"$ref": f"#/$defs/{shape['ref']}"}
    if "null" in shape:
        return {"anyOf": [of(shape["null"]), {"type": "null"}]}
    raise ValueError(f"no shape: {shape}")


def strangers(shape, value, schemas):
    """The paths of names in `value`, a part of an object (what it was before), that `shape` does not have."""
    if isinstance(shape, str) or value is None:
        return []
    if "null" in shape:
        return strangers(shape["null"], value, schemas)
    if "ref" in shape:
        return strangers(schemas[shape["ref"]], value, schemas)
    if "any" in shape:
        return min((strangers(inner, value, schemas) for inner in shape["any"]), key=len)
    if "list" in shape and isinstance(value, list):
        return [path for item in value for path in strangers(shape["list"], item, schemas)]
    if "fields" in shape and isinstance(value, dict) and set(shape["fields"]) - STUB:
        found = [f"/{name}" for name in value if name not in shape["fields"]]
        for name in value.keys() & shape["fields"].keys():
            inner = strangers(shape["fields"][name], value[name], schemas)
            found += [f"/{name}{path}" for path in inner]
        return found
    return []
