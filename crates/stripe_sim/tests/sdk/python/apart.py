"""What people buy and get back apart from subscriptions, and all that is refused."""

import refusals
from catalog import COST
from fault import check, same
from page import pay_as_a_person
from world import JOINED, PAID


def apart(year):
    """All of it, on the first of January."""
    people = year.people
    top_up(year, "max")
    refunds(year, people["gus"])
    disputes(year, "hal")
    replays(year, people["ned"])
    refusals.refuse_all(year, people["bob"], people["fay"], people["ned"])


def top_up(year, name):
    """Someone buys twice the same by the hosted page, and lets another page go."""
    sessions, url = year.v1.checkout.sessions, year.receiver.url
    max_ = year.join(name)
    asked = {
        "mode": "payment",
        "customer": max_.id,
        "line_items": [{"price": year.price["topup"], "quantity": 2}],
        "payment_intent_data": {"metadata": {"order": "1"}},
        "success_url": f"{url}/done?session={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{url}/left",
    }
    session = sessions.create(asked)
    price = (session["amount_total"], session["payment_status"])
    same("the price of two", price, (2 * COST["topup"], "unpaid"))
    card = {"number": "5555555555554444", "email": f"{name}@example.com", "name": name}
    location = pay_as_a_person(session["url"], card)
    same("the way back", location, f"{url}/done?session={session['id']}")
    done = sessions.retrieve(session["id"], {"expand": ["payment_intent"]})
    intent = done["payment_intent"]
    state = (done["status"], done["payment_status"], done["customer"])
    same("the session", state, ("complete", "paid", max_.id))
    same("its payment", (intent["status"], intent["amount_received"]), ("succeeded", 2 * COST["topup"]))
    same("the metadata of the payment", intent["metadata"], {"order": "1"})
    found = sessions.list({"payment_intent": intent["id"]})["data"]
    same("the session found by its payment", [one["id"] for one in found], [session["id"]])
    bought = {**JOINED, **PAID, "payment_method.attached": (1, 2), "checkout.session.completed": 1}
    year.chronicle.expect(f"{name} buys", max_.id, bought)
    left = sessions.create(asked)["id"]
    expired = sessions.expire(left)
    same("a session that was let go", (expired["status"], expired["url"]), ("expired", None))
    year.refused("an expired session let go again", refusals.EXPIRED_AGAIN, lambda: sessions.expire(left))
    year.chronicle.expect(f"{name} leaves", max_.id, {"checkout.session.expired": 1})


def pay(year, person, amount, card):
    """`person` pays once."""
    intent = year.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "customer": person.id,
            "payment_method": card,
            "confirm": True,
            **refusals.BY_CARD,
        }
    )
    same(f"{person.name}'s payment", (intent["status"], intent["amount_received"]), ("succeeded", amount))
    check(str(intent["latest_charge"]).startswith("ch_"), "the payment has no charge")
    return intent


def refunds(year, person):
    """A payment goes back in two parts."""
    create = year.v1.refunds.create
    intent = pay(year, person, 5000, "pm_card_visa")
    charge = intent["latest_charge"]
    year.chronicle.expect(f"{person.name} pays", person.id, PAID)

    def state():
        now = year.v1.charges.retrieve(charge)
        return now["amount_refunded"], now["refunded"]

    part = create({"payment_intent": intent["id"], "amount": 2000, "reason": "requested_by_customer"})
    got = (part["status"], part["amount"], part["charge"])
    same("a refund in part", got, ("succeeded", 2000, charge))
    same("the charge after it", state(), (2000, False))
    too_much = {"charge": charge, "amount": 4000}
    year.refused("more than is left", refusals.REFUND_TOO_LARGE, lambda: create(too_much))
    rest = create({"charge": charge})
    same("the rest", (rest["status"], rest["amount"]), ("succeeded", 3000))
    same("the charge after all", state(), (5000, True))
    year.refused("a refund of nothing", refusals.ALREADY_REFUNDED, lambda: create({"charge": charge}))
    listed = year.v1.refunds.list({"charge": charge})["data"]
    same("the refunds, newest first", [refund["amount"] for refund in listed], [3000, 2000])
    must = {"refund.created": 2, "charge.refunded": 2}
    year.chronicle.expect(f"{person.name} is paid back", person.id, must)


def disputes(year, name):
    """Two payments are disputed; the answers say how each is to end."""
    service = year.v1.disputes
    hal = year.join(name)
    hal.notes["disputes"] = []
    for amount, ends, evidence in ((7000, "won", "winning_evidence"), (3000, "lost", "losing_evidence")):
        intent = pay(year, hal, amount, "pm_card_createDispute")
        charge = intent["latest_charge"]
        listed = service.list({"payment_intent": intent["id"]})["data"]
        same("the disputes of a payment", len(listed), 1)
        dispute = listed[0]
        state = (dispute["amount"], dispute["status"], dispute["reason"])
        same("a dispute", state, (amount, "needs_response", "fraudulent"))
        same("its charge", (dispute["charge"], dispute["is_charge_refundable"]), (charge, False))
        same("what was withdrawn", len(dispute["balance_transactions"]), 1)
        refund = {"charge": charge}
        year.refused(
            "a refund of what is disputed",
            refusals.CHARGED_BACK,
            lambda refund=refund: year.v1.refunds.create(refund),
        )
        answer = {"evidence": {"uncategorized_text": evidence}, "submit": True}
        answered = service.update(dispute["id"], answer)
        details = answered["evidence_details"]
        state = (answered["status"], details["has_evidence"], details["submission_count"])
        same("an answered dispute", state, ("under_review", True, 1))
        hal.notes["disputes"].append((dispute["id"], ends))
    must = {
        **JOINED,
        "payment_intent.created": 2,
        "payment_intent.succeeded": 2,
        "charge.succeeded": 2,
        "charge.dispute.created": 2,
        "charge.dispute.funds_withdrawn": 2,
        "charge.dispute.updated": (2, 4),
    }
    order = ("charge.dispute.created", "charge.dispute.updated")
    year.chronicle.expect(f"{name} disputes", hal.id, must, order)


def replays(year, person):
    """The same request with the same key happens once, and says so."""
    answers = []
    for _ in range(2):
        options = {"idempotency_key": f"same-{year.number}"}
        answer = year.v1.customers.update(person.id, {"description": "said twice"}, options)
        answers.append((answer, year.last.headers.get("idempotent-replayed")))
    (first, fresh), (second, replayed) = answers
    same("a request said twice", second, first)
    same("which answer was a replay", (fresh, replayed), (None, "true"))
