"""The sandbox as the story sees it: the SDK, the clock, the people, and what is expected of them again and again."""

import json
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import stripe

from chronicle import API_VERSION, Chronicle
from fault import Fault, check, same
from receiver import Receiver
from rules import HOUR, add_months, moment

#: The thin events that an endpoint of their own gets: what meters report, and some that are told both ways.
THIN = [
    "v1.billing.meter.error_report_triggered",
    "v1.billing.meter.no_meter_found",
    "v1.customer.subscription.created",
    "v1.customer.subscription.deleted",
    "v1.customer.subscription.paused",
    "v1.customer.subscription.updated",
    "v1.invoice.paid",
    "v1.invoice.payment_failed",
    "v1.invoice.voided",
]

#: How long the clock may take to move in the life of this computer, in seconds.
PATIENCE = 120

#: What a new customer with a card is told of.
JOINED = {"customer.created": 1, "payment_method.attached": 1}

#: A payment that succeeds.
PAID = {"payment_intent.created": 1, "charge.succeeded": 1, "payment_intent.succeeded": 1}

#: An invoice that is made, final and paid.
INVOICED = {
    "invoice.created": 1,
    "invoice.finalized": 1,
    "invoice.paid": 1,
    "invoice.payment_succeeded": 1,
}

#: A subscription whose first invoice is paid in the same request, and in which order.
SUBSCRIBED = {**INVOICED, **PAID, "customer.subscription.created": 1}
PAID_ORDER = (
    "invoice.created",
    "invoice.finalized",
    "payment_intent.created",
    "payment_intent.succeeded",
    "invoice.paid",
    "invoice.payment_succeeded",
)

#: A period that ends, and its invoice paid an hour later.
RENEWED = {**INVOICED, **PAID, "customer.subscription.updated": 1}


@dataclass
class Person:
    """Somebody the story tells of."""

    name: str
    id: str
    # What a period costs, and what the next invoice has beside it.
    fee: int = 0
    once: int = 0
    # Where the periods of a running subscription are counted from.
    anchor: int | None = None
    sub: str = ""
    item: str = ""
    # The invoices so far: why, how much, and what became of them.
    books: list[str] = field(default_factory=list)
    # Whatever else a story keeps.
    notes: dict = field(default_factory=dict)


class Calls:
    """The services of the SDK. Counts the requests, and gives answers back as the JSON they came as."""

    def __init__(self, year, target):
        self._year = year
        self._target = target

    def __getattr__(self, name):
        found = getattr(self._target, name)
        if not callable(found):
            return Calls(self._year, found)

        def call(*args, **kwargs):
            self._year.requests += 1
            answer = found(*args, **kwargs)
            self._year.last = answer.last_response
            return json.loads(answer.last_response.body)

        return call


class Year:
    """One year in the sandbox at STRIPE_API_BASE."""

    def __init__(self):
        check(os.environ.get("STRIPE_API_BASE"), "STRIPE_API_BASE is not set; it says where the sandbox is")
        # What was asked and refused so far, and the headers and body of the newest answer.
        self.requests = 0
        self.refusals = 0
        self.last = None
        # Everyone by name; the ids of the prices and endpoints by name; the meter.
        self.people = {}
        self.price = {}
        self.endpoints = {}
        self.meter = {}
        self.lookup = ""
        # The calendar year, what time it is, and the id of the clock.
        self.number = 0
        self.now = 0
        self.clock = ""
        self.chronicle = None
        self.client = self.client_of(os.environ.get("STRIPE_API_KEY", "sk_test_a_year"))
        self.v1 = Calls(self, self.client.v1)
        self.v2 = Calls(self, self.client.v2)
        self.receiver = Receiver(self.client)

    def open(self):
        """Registers the endpoints, and sets a clock to the next first of January."""
        self.receiver.open()
        # The sandbox may live in another time than this computer, and a signature must not be older than five minutes
        # here: so the year begins after both.
        probe = self.v1.products.create({"name": "What time is it?"})
        now = max(probe["created"], time.time())
        self.number = datetime.fromtimestamp(now, UTC).year + 1
        self.now = self.at(1, 1)
        clock = self.v1.test_helpers.test_clocks.create({"frozen_time": self.now, "name": "A year"})
        self.clock = clock["id"]
        self._arrive(clock, self.now)
        self._register()
        self.chronicle = Chronicle(self)

    @staticmethod
    def client_of(key):
        """The SDK with this key. Nothing is tried twice, so that nothing is hidden."""
        base = os.environ["STRIPE_API_BASE"].rstrip("/")
        addresses = {"api": base, "meter_events": base}
        return stripe.StripeClient(key, base_addresses=addresses, max_network_retries=0)

    def at(self, month, day, hour=0, minute=0, second=0):
        """A moment of this year, in UTC. The thirteenth month is the next January."""
        return moment(self.number, month, day, hour, minute, second)

    def _register(self):
        """Registers the endpoints: of all snapshot events, and of some thin ones."""
        hook = self.v1.webhook_endpoints.create(
            {
                "url": f"{self.receiver.url}/hook",
                "enabled_events": ["*"],
                "api_version": API_VERSION,
                "description": "a year by the SDK",
            }
        )
        same("the endpoint", [hook["status"], hook["api_version"]], ["enabled", API_VERSION])
        check(hook.get("secret", "").startswith("whsec_"), "the endpoint has no secret")
        thin = self.v2.core.event_destinations.create(
            {
                "name": "thin",
                "type": "webhook_endpoint",
                "event_payload": "thin",
                "enabled_events": THIN,
                "include": ["webhook_endpoint.signing_secret"],
                "webhook_endpoint": {"url": f"{self.receiver.url}/thin"},
            }
        )
        same("the thin endpoint", [thin["object"], thin["status"]], ["v2.core.event_destination", "enabled"])
        self.receiver.secrets = {"hook": hook["secret"], "thin": thin["webhook_endpoint"]["signing_secret"]}
        self.endpoints = {"hook": hook["id"], "thin": thin["id"]}

    def pages(self, service, params):
        """All objects of a list, page by page as the SDK turns them: backwards when they are to come before one."""
        backwards = "ending_before" in params
        page = service._target.list(params)
        while not page.is_empty:
            self.requests += 1
            data = json.loads(page.last_response.body)["data"]
            yield from reversed(data) if backwards else data
            page = page.previous_page() if backwards else page.next_page()

    def move_to(self, when):
        """Moves the clock, and waits until it is ready."""
        self._arrive(self.v1.test_helpers.test_clocks.advance(self.clock, {"frozen_time": when}), when)
        self.now = when

    def _arrive(self, clock, when):
        """Waits until the clock is ready, and then it is `when`."""
        end = time.monotonic() + PATIENCE
        while clock["status"] != "ready":
            same("the clock on its way", clock["status"], "advancing")
            check(time.monotonic() < end, "the clock does not arrive")
            time.sleep(0.005)
            clock = self.v1.test_helpers.test_clocks.retrieve(clock["id"])
        same("the clock", clock["frozen_time"], when)

    def stop(self, when, besides=()):
        """Moves the clock. Everyone whose period ended meanwhile has paid for the next; to the others nothing happened.

        To those of `besides` more than that happens; their own steps tell it.
        """
        before = self.now
        self.move_to(when)
        for person in self.people.values():
            if person.anchor is None or person.name in besides:
                continue
            step = f"{person.name} until {datetime.fromtimestamp(when, UTC):%d %b %H:%M}"
            due = _renewals(person.anchor, before, when)
            check(len(due) < 2, f"{step}: the story lets {len(due)} periods end at once")
            if due:
                self.renewed(step, person)
            else:
                self.chronicle.expect(step, person.id)

    def renewed(self, step, person, must=None, may=()):
        """`person` has paid for another period: what is due now, and with it what was due once."""
        self.chronicle.expect(step, person.id, {**RENEWED, **(must or {})}, PAID_ORDER, may)
        person.books.append(f"subscription_cycle {person.fee + person.once} paid")
        person.once = 0
        self.books(person)

    def books(self, person):
        """The invoices of `person` are those that the story expects: why, how much, and what became of it."""
        invoices = list(self.pages(self.v1.invoices, {"customer": person.id, "limit": 100}))
        books = [f"{one['billing_reason']} {one['total']} {one['status']}" for one in reversed(invoices)]
        same(f"{person.name}'s invoices", books, person.books)

    def newest_invoice(self, person):
        """The newest invoice of `person`."""
        return self.v1.invoices.list({"customer": person.id, "limit": 1})["data"][0]

    def lines(self, person, expected):
        """The lines of the newest invoice of `person` are these: amount and text."""
        got = [(line["amount"], line["description"]) for line in self.newest_invoice(person)["lines"]["data"]]
        same(f"the lines of {person.name}'s invoice", got, expected)

    def join(self, name, card="pm_card_visa", **more):
        """A new customer, who pays by `card` unless it is None."""
        expected = {"name": name, "email": f"{name}@example.com", "metadata": {"story": name}}
        paying = {"payment_method": card, "invoice_settings": {"default_payment_method": card}} if card else {}
        customer = self.v1.customers.create({**expected, **paying, **more})
        expected.update({"object": "customer", "created": self.now, "balance": 0, "livemode": False})
        same(f"{name} the customer", {key: customer[key] for key in expected}, expected)
        check(self.last.headers["request-id"].startswith("req_"), "an answer has no request id")
        same("the version of an answer", self.last.headers["stripe-version"], API_VERSION)
        method = customer["invoice_settings"]["default_payment_method"]
        good = method.startswith("pm_") and method != card if card else method is None
        check(good, f"{name}'s default is {method}")
        return self.know(name, customer["id"])

    def know(self, name, customer):
        """Somebody the story tells of."""
        self.people[name] = Person(name, customer)
        return self.people[name]

    def subscribe(self, person, items, fee):
        """`person` subscribes to `items`, which cost `fee` a month, and pays at once."""
        created = self.v1.subscriptions.create(
            {"customer": person.id, "items": items, "expand": ["latest_invoice"]}
        )
        self.begun(person, created, fee)
        invoice = created["latest_invoice"]
        expected = {
            "total": fee,
            "amount_paid": fee,
            "status": "paid",
            "billing_reason": "subscription_create",
            "attempt_count": 1,
        }
        same(f"{person.name}'s first invoice", {key: invoice[key] for key in expected}, expected)

    def begun(self, person, subscription, fee):
        """Checks a subscription that has just begun, paid, and follows it from here."""
        same(f"{person.name}'s subscription", subscription["status"], "active")
        same(f"{person.name}'s billing mode", subscription["billing_mode"]["type"], "flexible")
        same(f"{person.name}'s anchor", subscription["billing_cycle_anchor"], self.now)
        for item in subscription["items"]["data"]:
            same(f"{person.name}'s period", period_of(item), (self.now, add_months(self.now, 1)))
        person.fee, person.anchor = fee, self.now
        person.sub, person.item = subscription["id"], subscription["items"]["data"][0]["id"]
        person.books.append(f"subscription_create {fee} paid")
        self.books(person)

    def refused(self, what, expected, call):
        """`call` must be refused as `expected`, a dictionary of error, status, type, code, param, decline and says."""
        try:
            answer = call()
        except stripe.StripeError as error:
            self._judge(what, expected, error)
            self.refusals += 1
        else:
            raise Fault(f"{what}: was not refused, but answered {str(answer)[:200]}")

    @staticmethod
    def _judge(what, expected, error):
        kind = expected["error"]
        check(type(error) is kind, f"{what}: expected {kind.__name__}, got {error!r}")
        told = (error.json_body or {}).get("error", {})
        got = {
            "status": error.http_status,
            "type": told.get("type"),
            "code": error.code,
            "param": getattr(error, "param", None),
            "decline": told.get("decline_code"),
        }
        for name in got.keys() & expected.keys():
            same(f'{what}: {name} of "{error}"', got[name], expected[name])
        check(expected.get("says", "") in str(error), f'{what}: says "{error}"')


def period_of(item):
    """The period in which an item is."""
    return item["current_period_start"], item["current_period_end"]


def _renewals(anchor, start, until):
    """The ends of monthly periods from `anchor` on, after `start` and not after `until`, whose invoices are paid."""
    ends, count = [], 1
    while (end := add_months(anchor, count)) <= until:
        if end > start:
            check(end + HOUR <= until, "the story stops between the end of a period and the payment of its invoice")
            ends.append(end)
        count += 1
    return ends
