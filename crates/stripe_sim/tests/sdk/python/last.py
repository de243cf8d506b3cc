"""The end of the year: lists from page to page, deliveries that must not be believed, and the endpoints taken down."""

import hashlib
import hmac
import time

import stripe

import refusals
from fault import check, same


def every_page(year):
    """A list read in pages of three by the SDK, from either end, is the list."""
    invoices = year.client.v1.invoices

    def ids(**asked):
        listed = invoices.list({"customer": year.people["bob"].id, **asked})
        return [invoice.id for invoice in listed.auto_paging_iter()]

    every = ids(limit=100)
    check(len(every) > 9, "bob has too few invoices for this")
    same("bob's invoices in pages", ids(limit=3), every)
    back = ids(limit=3, ending_before=every[-1])
    same("bob's invoices from the oldest on", back, every[-2::-1])


def forged(year):
    """A delivery that was changed, or is not ours, or is old, is not believed; one that is well signed is."""
    secret = year.receiver.secrets["hook"]
    event, _, body, header = list(year.receiver.events.values())[-1]
    verify = stripe.Webhook.construct_event
    same("a delivery, verified again", verify(body, header, secret).id, event["id"])
    changed = body.replace(event["id"].encode(), b"evt_forged")
    check(changed != body, "the delivery does not name its event")
    now = int(time.time())
    same("a signature of one's own", verify(body, _signed(body, secret, now), secret).id, event["id"])
    attempts = [
        ("a changed body", changed, header, secret),
        ("another secret", body, header, f"{secret}x"),
        ("a signature of nothing", body, f"t={now},v1={'0' * 64}", secret),
        ("a signature of ten minutes ago", body, _signed(body, secret, now - 600), secret),
    ]
    for what, *delivery in attempts:
        year.refused(what, refusals.SIGNATURE, lambda delivery=delivery: verify(*delivery))
    forged_thin(year)


def forged_thin(year):
    """The same of a thin one."""
    secrets, thin = year.receiver.secrets, year.receiver.thin
    body, header = year.receiver.last_thin
    verify = year.client.parse_event_notification
    notice = verify(body, header, secrets["thin"])
    same("a thin delivery, verified again", notice.id, thin[-1].id)
    attempts = [
        ("a changed thin body", body.replace(notice.id.encode(), b"evt_forged"), secrets["thin"]),
        ("the other endpoint's secret", body, secrets["hook"]),
    ]
    for what, text, key in attempts:
        year.refused(what, refusals.SIGNATURE, lambda text=text, key=key: verify(text, header, key))


def _signed(body, secret, when):
    """A signature as the documentation describes it."""
    digest = hmac.new(secret.encode(), f"{when}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={when},v1={digest}"


def leave(year):
    """Every event came once; the endpoints go."""
    year.chronicle.sync()
    twice = [name for name, (_, times, _, _) in year.receiver.events.items() if times > 1]
    same("events that were delivered more than once", twice, [])
    gone = year.v1.webhook_endpoints.delete(year.endpoints["hook"])
    same("the endpoint", (gone["id"], gone["deleted"]), (year.endpoints["hook"], True))
    thin = year.v2.core.event_destinations.delete(year.endpoints["thin"])
    same("the thin endpoint", thin["id"], year.endpoints["thin"])
