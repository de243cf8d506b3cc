"""A year in the sandbox by Stripe's SDK for Python.

    pip install -r requirements.txt && STRIPE_API_BASE=http://127.0.0.1:4242 python year.py

Everything is asked of the sandbox through the SDK; every amount is computed here from Stripe's rules (rules.py) and
compared to the cent; every delivery is verified by the SDK; who is told of what, and in which order, is compared step
by step. Prints a line a month and a summary in JSON; ends with 1 at the first thing that is not as expected.

The people: ada comes by checkout, upgrades, and downgrades by a schedule. bob pays for seats. cem tries with a card,
dee without. eve's calls are metered. fay's card fails. gus gets money back. hal disputes. ivy never pays. jo is
deleted. lou has tiers. max buys once. nat downgrades into a balance. ned has no card at all.
"""

import json
import sys
from importlib.metadata import version

import people
import steps
from apart import apart
from catalog import stock
from fault import Fault, same
from last import every_page, forged, leave
from world import Year

#: Event types that a year must have seen at least once.
SEEN = {
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.failed",
    "charge.refunded",
    "charge.succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.created",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.created",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "invoice.upcoming",
    "invoice.voided",
    "invoiceitem.created",
    "payment_intent.created",
    "payment_intent.payment_failed",
    "payment_intent.succeeded",
    "payment_method.attached",
    "price.created",
    "product.created",
    "refund.created",
    "subscription_schedule.created",
    "subscription_schedule.updated",
    "test_helpers.test_clock.advancing",
    "test_helpers.test_clock.ready",
}


def january(year):
    who = year.people
    people.arrive(year)
    apart(year)
    year.stop(year.at(1, 2, 12))
    steps.expired(year, who["ivy"])
    year.stop(year.at(1, 5, 6))
    steps.will_end(year, who["dee"])
    steps.judged(year, who["hal"])
    year.stop(year.at(1, 8, 2))
    steps.paused(year, who["dee"])
    year.stop(year.at(1, 10, 12))
    steps.calls(year, who["eve"], [1200, 1800])
    year.stop(year.at(1, 12, 6))
    steps.will_end(year, who["cem"])
    steps.counted(year, who["eve"], 3000)
    year.stop(year.at(1, 15, 2))
    steps.trial_ended(year, who["cem"])
    year.stop(year.at(1, 20, 12))
    steps.resumed(year, who["dee"])


def february(year):
    who = year.people
    steps.refund_of_invoice(year, who["gus"])
    year.stop(year.at(2, 15, 9, 26, 53))
    steps.upgrade(year, who["ada"])
    steps.calls(year, who["eve"], [400])
    year.stop(year.at(2, 20, 0, 0, 1))
    steps.downgrade_now(year, who["nat"])


def march(year):
    who = year.people
    steps.balance_used(year, who["nat"])
    year.stop(year.at(3, 11, 12))
    steps.seats(year, who["bob"], 5)
    steps.bad_card(year, who["fay"])
    steps.calls_of_nobody(year)
    year.stop(year.at(3, 16, 2))
    steps.reported(year)
    steps.calls(year, who["eve"], [1001])
    steps.cancel_now(year, who["lou"])


def april(year):
    steps.recover(year, year.people["fay"])
    year.stop(year.at(4, 16, 2))
    steps.calls(year, year.people["eve"], [2500])


def may(year):
    year.stop(year.at(5, 16, 2))


def june(year):
    year.stop(year.at(6, 16, 2))
    year.stop(year.at(6, 21, 17, 45, 10))
    steps.seats(year, year.people["bob"], 4)
    steps.schedule(year, year.people["ada"])


def july(year):
    year.stop(year.at(7, 16, 2))
    steps.in_last_phase(year, year.people["ada"])


def august(year):
    year.stop(year.at(8, 16, 2))


def september(year):
    year.stop(year.at(9, 16, 2))
    year.stop(year.at(9, 20, 8))
    steps.cancel_at_end(year, year.people["cem"])


def october(year):
    year.stop(year.at(10, 16, 2), besides=("cem",))
    steps.ended(year, year.people["cem"])
    year.stop(year.at(10, 20, 15))
    steps.deleted(year, year.people["jo"])


def november(year):
    year.stop(year.at(11, 5, 10))
    steps.cancel_now(year, year.people["bob"])
    year.stop(year.at(11, 16, 2))


def december(year):
    year.stop(year.at(12, 16, 2))
    every_page(year)
    forged(year)


#: What happens in each month beside the renewals. It begins in its first hours, where the last month ended.
MONTHS = [
    january,
    february,
    march,
    april,
    may,
    june,
    july,
    august,
    september,
    october,
    november,
    december,
]


def live():
    """Lives the whole year."""
    year = Year()
    try:
        year.open()
        stock(year)
        for month, happen in enumerate(MONTHS, start=1):
            happen(year)
            # What the turn of the month brings to some beside a renewal is told by their own steps.
            year.stop(year.at(month + 1, 1, 2), besides=steps.OWN_TURNS.get(month, ()))
            steps.turned(year, month)
            told = year.chronicle.seen.total()
            print(f"{happen.__name__.title()} {year.number}: {year.requests} requests, {told} events", flush=True)
        leave(year)
        same("the events that never came", sorted(SEEN - set(year.chronicle.seen)), [])
    finally:
        year.receiver.close()
    summary = {
        "sdk": f"stripe-python {version('stripe')}",
        "year": year.number,
        "months": len(MONTHS),
        "requests": year.requests,
        "refusals": year.refusals,
        "thin": len(year.receiver.thin),
        "events": dict(sorted(year.chronicle.seen.items())),
    }
    print(json.dumps(summary, indent=4))


if __name__ == "__main__":
    try:
        live()
    except Fault as fault:
        sys.exit(f"not as expected: {fault}")
