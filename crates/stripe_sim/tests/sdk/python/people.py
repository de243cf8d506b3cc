"""The first of January: everyone comes, each in a way of their own."""

import re

from catalog import CALLS, COST, TIERS, price_list
from fault import check, same
from page import pay_as_a_person
from rules import DAY, HOUR, add_months, dollars, graduated
from world import INVOICED, JOINED, PAID_ORDER, SUBSCRIBED, period_of


def arrive(year):
    """Everyone comes."""
    price = year.price
    by_checkout(year, "ada")
    bob = paying(year, "bob", [{"price": price["seat"], "quantity": 3}], 3 * COST["seat"], test_clock=year.clock)
    year.lines(bob, [(3 * COST["seat"], f"3 × Seat (at {dollars(COST['seat'])} / month)")])
    trying(year, "cem", "pm_card_visa", 14)
    end = {"end_behavior": {"missing_payment_method": "pause"}}
    trying(year, "dee", None, 7, trial_settings=end)
    platform = [{"price": price["platform"], "quantity": 1}, {"price": price["calls"]}]
    eve = paying(year, "eve", platform, COST["platform"])
    # What is metered has no line on the first invoice.
    year.lines(eve, [(COST["platform"], f"1 × Platform (at {dollars(COST['platform'])} / month)")])
    eve.notes["usage"] = 0
    eve.notes["owes"] = lambda usage: graduated(CALLS, usage)
    paying(year, "fay", [{"price": price["basic"]}], COST["basic"])
    paying(year, "gus", [{"price": price["basic"]}], COST["basic"])
    failing(year, "ivy")
    paying(year, "jo", [{"price": price["basic"]}], COST["basic"])
    tiered(year, "lou", 12)
    paying(year, "nat", [{"price": price["pro"]}], COST["pro"])
    ned = year.join("ned", None)
    year.chronicle.expect("ned comes", ned.id, {"customer.created": 1})


def paying(year, name, items, fee, **more):
    """A new customer who subscribes to `items` for `fee` a month."""
    person = year.join(name, **more)
    year.subscribe(person, items, fee)
    year.chronicle.expect(f"{name} subscribes", person.id, {**JOINED, **SUBSCRIBED}, PAID_ORDER)
    return person


def tiered(year, name, quantity):
    """Someone looks at what all quantities cost, and takes some."""
    person = year.join(name)
    price_list(year, person.id)
    items = [{"price": year.price["graduated"], "quantity": quantity}]
    year.subscribe(person, items, graduated(TIERS, quantity))
    year.chronicle.expect(f"{name} subscribes", person.id, {**JOINED, **SUBSCRIBED}, PAID_ORDER)


def by_checkout(year, name):
    """Someone who comes by the hosted page, where a first card is declined."""
    sessions, url, basic = year.v1.checkout.sessions, year.receiver.url, year.price["basic"]
    session = sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": basic, "quantity": 1}],
            "client_reference_id": name,
            "subscription_data": {"metadata": {"story": name}},
            "success_url": f"{url}/done?session={{CHECKOUT_SESSION_ID}}",
            "cancel_url": f"{url}/left",
        }
    )
    same("a new session", _state(session), ("open", "unpaid", COST["basic"]))
    same("when it ends", session["expires_at"], year.now + DAY)
    same("its customer", session["customer"], None)
    person = {"email": f"{name}@example.com", "name": name}
    location = pay_as_a_person(session["url"], {**person, "number": "4000000000000002"})
    same("the way on after a declined card", location, None)
    same("a session after a declined card", _state(sessions.retrieve(session["id"])), ("open", "unpaid", COST["basic"]))
    location = pay_as_a_person(session["url"], {**person, "number": "4242424242424242"})
    same("the way back", location, f"{url}/done?session={session['id']}")
    done = sessions.retrieve(session["id"], {"expand": ["line_items", "subscription", "invoice"]})
    same("the session", _state(done), ("complete", "paid", COST["basic"]))
    same("its address", done["url"], None)
    whom = (done["client_reference_id"], done["customer_details"]["email"])
    same("whom it is for", whom, (name, person["email"]))
    sold = [(item["price"]["id"], item["quantity"]) for item in done["line_items"]["data"]]
    same("what it sold", sold, [(basic, 1)])
    check(str(done["customer"]).startswith("cus_"), "the session has no customer")
    ada = year.know(name, done["customer"])
    subscription, invoice = done["subscription"], done["invoice"]
    year.begun(ada, subscription, COST["basic"])
    same("the subscription's metadata", subscription["metadata"], {"story": name})
    method = str(subscription["default_payment_method"])
    check(method.startswith("pm_"), "the subscription has no method of its own")
    same("the first invoice", (invoice["total"], invoice["status"]), (COST["basic"], "paid"))
    year.lines(ada, [(COST["basic"], f"1 × Basic (at {dollars(COST['basic'])} / month)")])
    year.chronicle.expect(
        f"{name} by checkout",
        ada.id,
        {**JOINED, **SUBSCRIBED, "payment_intent.created": (1, 2), "checkout.session.completed": 1},
        ("invoice.created", "invoice.finalized", "invoice.paid"),
        # A declined card may or may not have been the customer's, who came with the next one.
        ("charge.failed", "payment_intent.payment_failed"),
    )


def _state(session):
    """Where a session stands."""
    return session["status"], session["payment_status"], session["amount_total"]


def trying(year, name, card, days, **more):
    """Someone who tries for some days, with a card or without."""
    person = year.join(name, card)
    created = year.v1.subscriptions.create(
        {
            "customer": person.id,
            "items": [{"price": year.price["basic"]}],
            "trial_period_days": days,
            "expand": ["latest_invoice"],
            **more,
        }
    )
    end = year.now + days * DAY
    trial = (created["status"], created["trial_start"], created["trial_end"])
    same(f"{name}'s trial", trial, ("trialing", year.now, end))
    same(f"{name}'s anchor", created["billing_cycle_anchor"], end)
    item = created["items"]["data"][0]
    same(f"{name}'s period", period_of(item), (year.now, end))
    invoice = created["latest_invoice"]
    same(f"what {name}'s trial costs", (invoice["total"], invoice["status"]), (0, "paid"))
    told = invoice["lines"]["data"][0]["description"]
    check(re.match("Free trial for 1 [x×] Basic", told), f'{name}\'s trial is told as "{told}"')
    person.sub, person.item, person.notes["trial_end"] = created["id"], item["id"], end
    person.books.append("subscription_create 0 paid")
    year.books(person)
    joined = JOINED if card else {"customer.created": 1}
    must = {**joined, **INVOICED, "customer.subscription.created": 1}
    may = ("setup_intent.created", "setup_intent.succeeded")
    year.chronicle.expect(f"{name} tries", person.id, must, may=may)


def failing(year, name):
    """Someone whose first payment fails: the subscription waits for 23 hours."""
    person = year.join(name, "pm_card_chargeCustomerFail")
    items = [{"price": year.price["basic"]}]
    created = year.v1.subscriptions.create({"customer": person.id, "items": items, "expand": ["latest_invoice"]})
    invoice = created["latest_invoice"]
    same(f"{name}'s subscription", created["status"], "incomplete")
    same(f"{name}'s period", period_of(created["items"]["data"][0]), (year.now, add_months(year.now, 1)))
    state = (invoice["status"], invoice["attempt_count"], invoice["next_payment_attempt"])
    same(f"{name}'s invoice", state, ("open", 1, None))
    person.sub, person.notes["ends"] = created["id"], year.now + 23 * HOUR
    person.books.append(f"subscription_create {COST['basic']} open")
    year.books(person)
    year.chronicle.expect(
        f"{name} fails to pay",
        person.id,
        {
            **JOINED,
            "customer.subscription.created": 1,
            "invoice.created": 1,
            "invoice.finalized": 1,
            "invoice.payment_failed": 1,
            "payment_intent.created": 1,
            "payment_intent.payment_failed": 1,
            "charge.failed": 1,
        },
        ("invoice.created", "invoice.finalized", "payment_intent.created", "invoice.payment_failed"),
    )
