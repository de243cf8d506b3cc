"""Recomputes the hashes of Purser's ledger, knowing only docs/ledger-format.md.

    python3 verify_chain.py VECTORS...

A vector is a block of lines `name = value`, closed by an empty line; its first line says what it is:
`entry`, `terms`, `digest` or `salted`. Exit 1 names each one whose hash is not what it says.
"""

import hashlib
import sys


def text(value):
    return value.encode("utf-8")


def number(size):
    return lambda value: int(value).to_bytes(size, "big", signed=True)


# The fields in order: name, how its text becomes bytes, whether it may be absent.
ENTRY = [
    ("previous", bytes.fromhex, False),
    ("customer", text, False),
    ("unit", text, False),
    ("seq", number(8), False),
    ("at", number(8), False),
    ("kind", number(2), False),
    ("grant", bytes.fromhex, True),
    ("amount", number(8), False),
    ("terms", bytes.fromhex, True),
    ("cause_kind", number(2), False),
    ("cause_id", text, False),
    ("request", bytes.fromhex, True),
    ("subject", text, False),
    ("user", bytes.fromhex, True),
    ("metadata", bytes.fromhex, True),
]
TERMS = [
    ("id", bytes.fromhex, False),
    ("source_kind", number(2), False),
    ("source_id", text, False),
    ("amount", number(8), False),
    ("priority", number(2), False),
    ("effective_at", number(8), False),
    ("expires_at", number(8), True),
    ("rollover_max", number(8), True),
    ("rollover_seconds", number(8), True),
    ("metadata", bytes.fromhex, True),
]
SALTED = [("salt", bytes.fromhex, False), ("text", text, False)]


def digest(fields, values):
    """SHA-256 of the version byte, then each field after its length."""
    sha = hashlib.sha256(b"\x01")
    for name, encode, optional in fields:
        if name in values:
            data = encode(values[name])
            sha.update(len(data).to_bytes(4, "big") + data)
        elif optional:
            sha.update(b"\xff\xff\xff\xff")
        else:
            raise ValueError(f"the field `{name}` is missing")
    return sha.hexdigest()


def recompute(kind, values):
    if kind == "entry":
        return digest(ENTRY, values)
    if kind == "terms":
        return digest(TERMS, values)
    if kind == "salted":
        return digest(SALTED, values)
    if kind == "digest":
        return hashlib.sha256(text(values["text"])).hexdigest()
    raise ValueError(f"`{kind}` is no kind of vector")


def vectors(path):
    """Yields (line, kind, values) for each block of the file."""
    block, start = [], 0
    with open(path, encoding="utf-8") as file:
        for at, line in enumerate([*file, "\n"], 1):
            line = line.rstrip("\n")
            if line.startswith("#"):
                continue
            if line:
                start = start if block else at
                block.append(line)
            elif block:
                pairs = (line.partition(" =") for line in block[1:])
                yield start, block[0], {name: value.removeprefix(" ") for name, _, value in pairs}
                block = []


def main(paths):
    checked, heads, wrong = 0, {}, 0
    for path in paths:
        for line, kind, values in vectors(path):
            checked += 1
            hashed = recompute(kind, values)
            if hashed != values["hash"]:
                wrong += 1
                print(f"{path}:{line}: {kind}: the hash is {hashed}, not {values['hash']}")
            if kind == "entry":
                wallet = values["customer"], values["unit"]
                if values["previous"] != heads.get(wallet, "00" * 32):
                    wrong += 1
                    print(f"{path}:{line}: entry {values['seq']}: does not follow the one before it")
                heads[wallet] = values["hash"]
    print(f"{checked} checked, {wrong} wrong")
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
