"""Checks what a sandbox wrote down (`purser sandbox --record FILE`) against Stripe's wire contract.

    python check.py CONTRACT RECORD...

Every answer is checked against what its operation answers, every event against the object its type carries, every
refusal against the form of Stripe's errors, and the parameters of every request that was not refused against those
the operation knows. What the contract does not promise must not be there. It prints how often each operation and event
was seen, and which operations of the sandbox were not; exit code 1 when anything is wrong.

The validator is jsonschema-rs: none of the sandbox's own code judges the sandbox.
"""

import collections
import json
import re
import sys
import urllib.parse

import jsonschema_rs

# Objects of which the contract knows little more than that they exist; what else stands in them is not judged.
FEW_FIELDS = 6

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message"],
            "properties": {
                "type": {"type": "string"},
                "code": {"type": "string"},
                "message": {"type": "string"},
                "param": {"type": "string"},
                "decline_code": {"type": "string"},
                "advice_code": {"enum": ["confirm_card_data", "do_not_try_again", "try_again_later"]},
            },
        }
    },
}


def schema(shape):
    """The JSON Schema of a shape of the contract."""
    if isinstance(shape, str):
        return {} if shape == "any" else {"type": shape}
    if "enum" in shape:
        return {"enum": shape["enum"]}
    if "fields" in shape:
        fields = {name: schema(inner) for name, inner in shape["fields"].items()}
        known = len(fields) >= FEW_FIELDS
        return {
            "type": "object",
            "properties": fields,
            "required": shape.get("required", []),
            **({"additionalProperties": False} if known else {}),
        }
    if "list" in shape:
        return {"type": "array", "items": schema(shape["list"])}
    if "map" in shape:
        return {"type": "object", "additionalProperties": schema(shape["map"])}
    if "any" in shape:
        return {"anyOf": [schema(inner) for inner in shape["any"]]}
    if "ref" in shape:
        return {"$ref": f"#/$defs/{shape['ref']}"}
    if "null" in shape:
        return {"anyOf": [schema(shape["null"]), {"type": "null"}]}
    raise ValueError(f"no shape: {shape}")


class Judge:
    """Validators of one contract, made when they are needed."""

    def __init__(self, contract):
        self.contract = contract
        self.defs = {name: schema(shape) for name, shape in contract["schemas"].items()}
        self.made = {}
        self.routes = [(label, self.pattern(label)) for label in contract["operations"]]

    @staticmethod
    def pattern(label):
        method, path = label.split(" ", 1)
        # A word stands before an id: `/v1/invoices/create_preview` is no invoice.
        return method, re.compile("^" + re.sub(r"\{[^}]*\}", "[^/]+", path) + "$"), path.count("{")

    def operation(self, method, path):
        fits = [(ids, label) for label, (verb, form, ids) in self.routes if verb == method and form.match(path)]
        return min(fits)[1] if fits else None

    def faults(self, name, shape, value):
        if name not in self.made:
            self.made[name] = jsonschema_rs.validator_for({**schema(shape), "$defs": self.defs})
        return [f"{name}: {error.instance_path}: {error.message}" for error in self.made[name].iter_errors(value)]


def parameters(text):
    """The names of the parameters of a form, without their indices."""
    names = [name for name, _ in urllib.parse.parse_qsl(text, keep_blank_values=True)]
    return {name.split("[")[0] for name in names}


def judge_line(judge, line, seen, events):
    """The faults of one request and its answer."""
    label = judge.operation(line["method"], line["path"])
    if label is None:
        return [] if line["status"] == 404 or line["path"].startswith("/v1/payment_pages/") else [f"unknown: {line['path']}"]
    operation = judge.contract["operations"][label]
    if line["status"] >= 400:
        seen[f"{label} refused"] += 1
        validator = jsonschema_rs.validator_for(ERROR)
        return [f"{label}: {error.message}" for error in validator.iter_errors(line["answer"])]
    seen[label] += 1
    asked = parameters(line["query"])
    if not line["path"].startswith("/v2/"):
        asked |= parameters(line["body"])
    unknown = asked - set(operation["params"]) - {"payment_method_types"}
    faults = [f"{label}: unknown parameter {name}" for name in sorted(unknown)]
    faults += judge.faults(label, operation["answer"], line["answer"])
    for event in told(line["answer"]):
        faults += judge_event(judge, event, events)
    return faults


def told(answer):
    """The snapshot events in an answer."""
    listed = answer.get("data") if answer.get("object") == "list" else [answer]
    return [each for each in listed if isinstance(each, dict) and each.get("object") == "event"]


def judge_event(judge, event, events):
    kind = event["type"]
    events[kind] += 1
    shape = judge.contract["events"].get(kind)
    if shape is None:
        return [f"event {kind} is none of Stripe's"]
    value = event["data"]["object"]
    if kind == "invoice.upcoming":
        # The one object without an id: the declarations say so in words, not in types.
        value = {"id": "upcoming", **value}
    return judge.faults(f"event {kind}", shape, value)


def main(contract, records):
    with open(contract, encoding="utf-8") as file:
        judge = Judge(json.load(file))
    seen, events, faults, lines = collections.Counter(), collections.Counter(), collections.Counter(), 0
    for record in records:
        with open(record, encoding="utf-8") as file:
            for text in file:
                lines += 1
                faults.update(judge_line(judge, json.loads(text), seen, events))
    print(f"{lines} requests; {sum(events.values())} events of {len(events)} types")
    for label, count in sorted(seen.items()):
        print(f"  {count:6} {label}")
    for kind, count in sorted(events.items()):
        print(f"  {count:6} event {kind}")
    never = sorted(label for label in judge.contract["operations"] if label not in seen and f"{label} refused" not in seen)
    print(f"not seen: {len(never)} operations of the contract")
    for label in never:
        print(f"         {label}")
    for fault, count in faults.most_common(60):
        print(f"WRONG ({count} times): {fault}")
    print(f"{sum(faults.values())} violations of {len(faults)} kinds")
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
