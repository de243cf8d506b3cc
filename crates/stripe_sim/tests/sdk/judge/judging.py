"""Judges lines of what was said, one by one, and counts them."""

import collections
import json
import re
from dataclasses import dataclass, field

import jsonschema_rs

from judge import forms, refusals, shapes

#: What the CLI's triggers still send, which this version of the API has no more: looked over where told to.
OLD_NAMES = {"payment_method_types"}

#: Addresses of Stripe's that no SDK and no documentation knows: its own pages and CLI alone ask there.
UNDOCUMENTED = re.compile(r"^/v1/payment_pages(/|$)")

SNAPSHOTS = ("GET /v1/events", "GET /v1/events/{id}")
THIN_LIST, THIN = "GET /v2/core/events", "GET /v2/core/events/{id}"


@dataclass
class Counts:
    """How much was judged, by operation and by type of event."""

    lines: collections.Counter = field(default_factory=collections.Counter)
    # Requests by those who ask and those who also tell what was answered.
    asked: collections.Counter = field(default_factory=collections.Counter)
    answered: collections.Counter = field(default_factory=collections.Counter)
    refused: collections.Counter = field(default_factory=collections.Counter)
    # Elements of lists.
    elements: collections.Counter = field(default_factory=collections.Counter)
    # Parameters at every depth.
    values: collections.Counter = field(default_factory=collections.Counter)
    listed: collections.Counter = field(default_factory=collections.Counter)
    delivered: collections.Counter = field(default_factory=collections.Counter)
    thin_listed: collections.Counter = field(default_factory=collections.Counter)
    thin_delivered: collections.Counter = field(default_factory=collections.Counter)
    # Refusals by type and code.
    refusals: collections.Counter = field(default_factory=collections.Counter)
    # What was looked over, and why.
    passed_over: collections.Counter = field(default_factory=collections.Counter)


class Judge:
    """The contract, and what was seen of it."""

    def __init__(self, contract):
        self.contract = contract
        schemas = dict(contract["schemas"])
        # Of a thin event the contract says under "thin" what stands in it beside what all have.
        self.thin_base = schemas["v2.core.event"]
        more = {"data": "any", "related_object": "any"}
        schemas["v2.core.event"] = {**self.thin_base, "fields": {**self.thin_base["fields"], **more}}
        self.routes = [(*self.pattern(label), label) for label in contract["operations"]]
        self.counts = Counts()
        self.validator = jsonschema_rs.validator_for(
            {
                # All in one, each under its name: what they have in common is made out once.
                "properties": dict(self.schemas()),
                "$defs": {name: shapes.told(shape) for name, shape in schemas.items()},
            }
        )

    def schemas(self):
        """Every schema there is, by name."""
        for label, operation in self.contract["operations"].items():
            shape = {"fields": operation["params"], "required": operation.get("required", [])}
            of = shapes.asked if label.startswith("POST /v2/") else shapes.written
            # Also where there are no parameters none is known.
            yield f"{label} asked", {**of(shape), "additionalProperties": False}
            yield label, shapes.told(operation["answer"])
        for kind, shape in self.contract["events"].items():
            yield f"event {kind}", shapes.told(shape)
        for kind, own in self.contract["thin"].items():
            for way in ("delivered", "listed", "fetched"):
                yield f"thin event {kind} {way}", shapes.told(self.thin_shape(own, way))
        yield "event", {"$ref": "#/$defs/event"}
        yield "a refusal", refusals.FIRST
        yield "a refusal of v2", refusals.SECOND

    def thin_shape(self, own, way):
        """The shape of a thin event: with its data where it is fetched, without where it is delivered."""
        fields, required = dict(own["fields"]), set(own.get("required", []))
        if way == "delivered":
            fields.pop("data", None)
        if way != "fetched":
            required.discard("data")
        # Null stands for what is not there, as in all that may be missing.
        fields = {name: inner if name in required else {"null": inner} for name, inner in fields.items()}
        if "related_object" not in fields:
            fields["related_object"] = {"null": {"fields": {}}}
        return {
            "fields": {**self.thin_base["fields"], **fields},
            "required": [*self.thin_base["required"], *sorted(required)],
        }

    @staticmethod
    def pattern(label):
        """Method, path and number of ids of an operation."""
        method, path = label.split(" ", 1)
        return method, re.compile("^" + re.sub(r"\{[^}]*\}", "[^/]+", path) + "$"), path.count("{")

    def operation(self, method, path):
        """The operation of a request. A word stands before an id: `/v1/invoices/create_preview` is no invoice."""
        fits = [(ids, label) for verb, form, ids, label in self.routes if verb == method and form.match(path)]
        return min(fits)[1] if fits else None

    def faults(self, name, value):
        """What is wrong with `value`, which should be what `name` names."""
        errors = (nearest(error) for error in self.validator.iter_errors({name: value}))
        return [f"{name}: {pointer(error)}: {brief(error.message)}" for error in errors]

    def line(self, line, old_names=False):
        """The faults of one line: a delivery; an event; a request; or a request and its answer."""
        if "delivery" in line:
            self.counts.lines["delivery"] += 1
            return self.delivery(line["delivery"])
        if "event" in line:
            self.counts.lines["event"] += 1
            return self.told(line["event"], self.counts.listed)
        if UNDOCUMENTED.match(line["path"]):
            self.counts.passed_over[f"{line['method']} /v1/payment_pages/…: no contract has it"] += 1
            return []
        label = self.operation(line["method"], line["path"])
        status = line.get("status")
        if status is None:
            self.counts.lines["request"] += 1
            if label is None:
                return [f"no operation: {line['method']} {line['path']}"]
            return self.request(label, line, old_names)
        self.counts.lines["request and answer"] += 1
        if status >= 400:
            return self.refusal(label, line)
        if label is None:
            return [f"no operation: {line['method']} {line['path']}, but it was answered"]
        return self.request(label, line, old_names) + self.answer(label, line["answer"])

    def request(self, label, line, old_names):
        """The faults of a request: names, types, words and what is required, at every depth."""
        params = self.contract["operations"][label]["params"]
        self.counts.asked[label] += 1
        if label.startswith("POST /v2/"):
            return self.json_body(label, line)
        tree, faults = forms.parsed(line.get("query") or "", line.get("body") or "")
        if old_names:
            for name in OLD_NAMES & (tree.keys() - params.keys()):
                del tree[name]
                self.counts.passed_over[f"{label}: the CLI's {name}, which this version has no more"] += 1
        faults = [f"{label} asked: {fault}" for fault in faults]
        value = {name: forms.shaped(inner, params.get(name, "any")) for name, inner in tree.items()}
        self.counts.values[label] += leaves(value)
        return faults + self.faults(f"{label} asked", value)

    def json_body(self, label, line):
        """The faults of a request of the second API that brings something."""
        if line.get("query"):
            return [f"{label} asked: a query, {line['query']}, where a body is due"]
        try:
            value = json.loads(line.get("body") or "{}")
        except ValueError as error:
            return [f"{label} asked: no JSON: {error}"]
        self.counts.values[label] += leaves(value)
        return self.faults(f"{label} asked", value)

    def answer(self, label, answer):
        """The faults of an answer, and of all events in it."""
        self.counts.answered[label] += 1
        if isinstance(answer, dict) and isinstance(answer.get("data"), list):
            self.counts.elements[label] += len(answer["data"])
        faults = self.faults(label, answer)
        if faults:
            return faults
        events = answer["data"] if label in (SNAPSHOTS[0], THIN_LIST) else [answer]
        if label in SNAPSHOTS:
            return [fault for event in events for fault in self.snapshot(event, self.counts.listed)]
        if label in (THIN, THIN_LIST):
            way = "fetched" if label == THIN else "listed"
            return [fault for event in events for fault in self.thin(event, self.counts.thin_listed, way)]
        return []

    def refusal(self, label, line):
        """The faults of a refusal. What was asked is not judged: it may have been wrong on purpose."""
        self.counts.refused[label or "(no operation)"] += 1
        second = line["path"].startswith("/v2/")
        faults = self.faults("a refusal of v2" if second else "a refusal", line["answer"])
        if faults:
            return [f"{label}: {fault}" for fault in faults]
        error = line["answer"]["error"]
        self.counts.refusals[(line["status"], error.get("type", "(v2)"), error.get("code", ""))] += 1
        return [] if second else [f"{label}: {misfit}" for misfit in refusals.misfits(line["status"], error)]

    def delivery(self, event):
        """The faults of a delivered event."""
        if event.get("object") == "event":
            return self.told(event, self.counts.delivered)
        return self.thin(event, self.counts.thin_delivered, "delivered")

    def told(self, event, count):
        """The faults of a snapshot event that is no answer."""
        faults = self.faults("event", event)
        return faults or self.snapshot(event, count)

    def snapshot(self, event, count):
        """The faults of what an event carries; what all events have was judged."""
        kind = event["type"]
        count[kind] += 1
        shape = self.contract["events"].get(kind)
        if shape is None:
            return [f"event {kind}: none of Stripe's"]
        faults = []
        if event["api_version"] != self.contract["version"]:
            faults.append(f"event {kind}: of the version {event['api_version']}")
        value = event["data"]["object"]
        if kind == "invoice.upcoming":
            # The one object without an id: the declarations say so in words, not in types.
            if "id" in value:
                faults.append(f"event {kind}: an upcoming invoice with an id")
            value = {"id": "upcoming", **value}
        faults += self.faults(f"event {kind}", value)
        before = event["data"].get("previous_attributes")
        if before is not None:
            names = shapes.strangers(shape, before, self.contract["schemas"])
            faults += [f"event {kind}: previous_attributes{name}: no field of it" for name in names]
        return faults

    def thin(self, event, count, way):
        """The faults of a thin event that was delivered, listed or fetched."""
        kind = event.get("type")
        count[kind] += 1
        if kind not in self.contract["thin"]:
            return [f"thin event {kind}: none of Stripe's"]
        return self.faults(f"thin event {kind} {way}", event)


def nearest(error):
    """What is wrong with the alternative that comes nearest, where a value is none of several: the deepest fault."""
    if not isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AnyOf):
        return error
    alternatives = [[nearest(inner) for inner in errors] for errors in error.kind.context]
    deepest = max((inner for errors in alternatives for inner in errors), key=lambda inner: len(inner.instance_path))
    if len(deepest.instance_path) > len(error.instance_path):
        return deepest
    strange = (inner for errors in alternatives for inner in errors if "dditional propert" in inner.message)
    return next(strange, error)


def pointer(error):
    """Where it is."""
    return "/" + "/".join(str(part) for part in error.instance_path[1:])


def leaves(value):
    """How many values there are in a value."""
    if isinstance(value, dict):
        return sum(leaves(inner) for inner in value.values())
    return sum(leaves(inner) for inner in value) if isinstance(value, list) else 1


def brief(message):
    """A message that fits a line."""
    return message if len(message) <= 300 else f"{message[:140]} … {message[-140:]}"
