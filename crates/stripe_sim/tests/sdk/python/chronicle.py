"""What happened, and to whom: the events of the API, in its order, each of which must have been delivered as well.

A step of the story says what must have happened to a person since the last step. What is told beside it and means
nothing to the story stands in BESIDE; any other event is a fault.
"""

from collections import Counter

from fault import check, same

#: The version that the SDK speaks.
API_VERSION = "2026-10-28.endive"

#: Events that come along with others, in numbers that the documentation leaves open.
BESIDE = {
    "charge.refund.updated",
    "charge.updated",
    "customer.updated",
    "invoice.upcoming",
    "invoice.updated",
    "invoice_payment.paid",
    "plan.created",
    "refund.updated",
}

#: Fields of an object that lead to another whose owner may be known.
LEADS = ("id", "charge", "payment_intent", "invoice", "subscription")


class Chronicle:
    """Takes in what happened, by person."""

    def __init__(self, year):
        self.year = year
        self.seen = Counter()
        self._owners = {}
        self._tales = {}
        # All that has happened so far is past; something has.
        newest = year.v1.events.list({"limit": 1})["data"]
        check(len(newest) == 1, "there is no event at all")
        self._last = newest[0]["id"]

    def sync(self):
        """Takes in what happened since the last time, from old to new, and waits until all of it was delivered."""
        fresh = list(self.year.pages(self.year.v1.events, {"ending_before": self._last, "limit": 100}))
        self.year.receiver.has([event["id"] for event in fresh])
        for event in fresh:
            delivered = self.year.receiver.events[event["id"]][0]
            same(f"{event['id']} as delivered", _brief(delivered), _brief(event))
            same(f"{event['id']}'s data", delivered["data"], event["data"])
            same(f"{event['id']}'s version", delivered["api_version"], API_VERSION)
            self._note(event["data"]["object"])
            self._last = event["id"]
        for event in fresh:
            self.seen[event["type"]] += 1
            self._tales.setdefault(self._owner_of(event), []).append(event["type"])

    def expect(self, step, customer, must=None, order=(), may=()):
        """What must have happened to `customer` since the last step.

        `must`: how often each type (a number, or least and most); `order`: types in the order in which the first of
        each must stand; `may`: types that may be there. The story goes on from here.
        """
        self.sync()
        must = must or {}
        tale = self._tales.pop(customer, [])
        told = f" (told: {', '.join(tale) or 'nothing'})"
        for kind, times in must.items():
            least, most = times if isinstance(times, tuple) else (times, times)
            expected = least if least == most else f"{least} to {most}"
            count = tale.count(kind)
            check(least <= count <= most, f"{step}: {kind} expected {expected} times, came {count}{told}")
        strange = [kind for kind in tale if kind not in must and kind not in may and kind not in BESIDE]
        check(not strange, f"{step}: {strange[:1]} was not expected{told}")
        places = [tale.index(kind) if kind in tale else -1 for kind in order]
        ordered = -1 not in places and places == sorted(places)
        check(ordered, f"{step}: expected the order {', '.join(order)}{told}")

    def _note(self, thing):
        """Remembers whose an object is."""
        if thing.get("id") and _id_of(thing.get("customer")):
            self._owners[thing["id"]] = _id_of(thing["customer"])

    def _owner_of(self, event):
        """Whom an event is about: the id of a customer, or None."""
        thing, previous = event["data"]["object"], event["data"].get("previous_attributes") or {}
        if thing["object"] == "customer":
            return thing["id"]
        leads = (self._owners.get(_id_of(thing.get(name))) for name in LEADS)
        lead = next((owner for owner in leads if owner), None)
        return _id_of(thing.get("customer")) or _id_of(previous.get("customer")) or lead


def _brief(event):
    """What an event says of itself. How many endpoints still wait changes meanwhile."""
    return {name: value for name, value in event.items() if name not in ("data", "pending_webhooks")}


def _id_of(value):
    """The id of an object, or the id that stands in its place."""
    return value.get("id") if isinstance(value, dict) else value
