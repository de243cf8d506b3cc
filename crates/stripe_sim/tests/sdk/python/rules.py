"""What Stripe documents about dates and amounts, computed here from those rules alone.

Nothing here asks the sandbox: what it answers is compared with what comes out here. Amounts are whole minor units,
times are seconds since 1970 in UTC. The rules: docs.stripe.com/billing/subscriptions/prorations (each line to the
second, rounded by itself), /billing-cycle (the anchor's day, or the last one of a shorter month),
/products-prices/pricing-models (tiers, packages).
"""

import calendar
from datetime import UTC, datetime
from fractions import Fraction
from math import floor, inf

HOUR = 3600
DAY = 24 * HOUR


def moment(year, month, day, hour=0, minute=0, second=0):
    """A moment in UTC. A month beyond the twelfth is one of the next year."""
    more, month = divmod(month - 1, 12)
    return calendar.timegm((year + more, month + 1, day, hour, minute, second))


def add_months(anchor, months):
    """`months` after `anchor`: the same day and time, or the last day of a month that has no such day."""
    start = datetime.fromtimestamp(anchor, UTC)
    more, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + more, month + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return moment(year, month, day, start.hour, start.minute, start.second)


def share(amount, part, whole):
    """`amount * part / whole` to the nearest minor unit; a half goes away from zero."""
    exact = Fraction(amount * part, whole)
    rounded = floor(abs(exact) + Fraction(1, 2))
    return rounded if exact >= 0 else -rounded


def proration(was, is_, when, start, end):
    """The lines of a change at `when` within [start, end): the old comes back for the rest, the new is owed for it."""
    credit = -share(was, end - when, end - start)
    debit = share(is_, end - when, end - start)
    return credit, debit


def graduated(tiers, quantity):
    """The price of `quantity` when each tier prices the part that lies in it. A flat part is owed once a tier is used.

    A tier is (up to, unit, flat). The flat part of the first tier is owed for nothing, too.
    """
    below, total = 0, 0
    for up_to, unit, flat in tiers:
        total += (min(quantity, up_to) - below) * unit + flat
        if quantity <= up_to:
            break
        below = up_to
    return total


def volume(tiers, quantity):
    """The price of `quantity` when the tier it ends in prices all of it."""
    _, unit, flat = next(tier for tier in tiers if quantity <= tier[0])
    return quantity * unit + flat


def packages(unit, size, quantity):
    """The price of `quantity` in packages of `size`, of which a begun one counts."""
    return -(-quantity // size) * unit


def dollars(amount):
    """An amount of US dollars as descriptions have it."""
    return f"${amount // 100}.{amount % 100:02}"


def day_of(when):
    """A day as descriptions have it: `01 Sep 2027`."""
    date = datetime.fromtimestamp(when, UTC)
    return f"{date.day:02} {calendar.month_abbr[date.month]} {date.year}"


#: No end of a tier.
ENDLESS = inf
