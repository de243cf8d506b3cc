"""The steps of the story after the first of January. Each says what it does, and what must come of it."""

import refusals
from catalog import COST
from fault import check, same
from rules import add_months, day_of, dollars, proration
from world import INVOICED, PAID, PAID_ORDER, period_of

#: Who has more than a renewal at the end of a month; `turned` tells of them.
OWN_TURNS = {3: ("fay",), 6: ("ada",), 7: ("ada",)}


def turned(year, month):
    """The month has ended."""
    year.people["eve"].notes["usage"] = 0
    if month == 3:
        _declined(year, year.people["fay"])
    elif month == 6:
        _downgraded(year, year.people["ada"])
    elif month == 7:
        _schedule_ended(year, year.people["ada"])


def expired(year, ivy):
    """The subscription that was never paid has expired, and its invoice is void."""
    same("ivy's subscription", year.v1.subscriptions.retrieve(ivy.sub)["status"], "incomplete_expired")
    voided = year.newest_invoice(ivy)["status_transitions"]["voided_at"]
    same("when ivy's invoice was voided", voided, ivy.notes["ends"])
    ivy.books = [f"subscription_create {COST['basic']} void"]
    year.books(ivy)
    must = {"customer.subscription.updated": 1, "invoice.voided": 1}
    year.chronicle.expect("ivy's 23 hours are over", ivy.id, must, may=("payment_intent.canceled",))


def will_end(year, person):
    """In three days a trial ends, which was told."""
    must = {"customer.subscription.trial_will_end": 1}
    year.chronicle.expect(f"{person.name}'s trial will end", person.id, must)


def trial_ended(year, cem):
    """A trial has ended with a card: the first period is paid, and begins where the trial ended."""
    cem.anchor, cem.fee = cem.notes["trial_end"], COST["basic"]
    year.renewed("cem's trial ends", cem)
    subscription = year.v1.subscriptions.retrieve(cem.sub)
    same("cem's subscription", subscription["status"], "active")
    same("cem's period", period_of(subscription["items"]["data"][0]), (cem.anchor, add_months(cem.anchor, 1)))


def paused(year, dee):
    """A trial has ended without a card: the subscription is paused and nothing was asked."""
    subscription = year.v1.subscriptions.retrieve(dee.sub)
    same("dee's subscription", subscription["status"], "paused")
    why = subscription["status_details"]["paused"]["subscription"]["type"]
    same("why", why, "trial_end_without_payment_method")
    year.books(dee)
    must = {"customer.subscription.updated": 1, "customer.subscription.paused": 1}
    year.chronicle.expect("dee's trial ends", dee.id, must)


def resumed(year, dee):
    """A card is added, and the subscription goes on: free until the next end of a period."""
    _new_card(year, dee, "pm_card_visa")
    asked = {"billing_cycle_anchor": {"type": "unchanged"}, "proration_behavior": "none"}
    subscription = year.v1.subscriptions.resume(dee.sub, asked)
    dee.anchor, dee.fee = dee.notes["trial_end"], COST["basic"]
    same("dee's subscription", subscription["status"], "active")
    end = subscription["items"]["data"][0]["current_period_end"]
    same("dee's next payment", end, add_months(dee.anchor, 1))
    year.books(dee)
    must = {"customer.subscription.resumed": 1, "customer.subscription.updated": 1}
    year.chronicle.expect("dee resumes", dee.id, must)


def _new_card(year, person, card):
    """`person` gets a card that pays from now on."""
    method = year.v1.payment_methods.attach(card, {"customer": person.id})
    got = (method["object"], method["customer"])
    same(f"{person.name}'s new card", got, ("payment_method", person.id))
    settings = {"default_payment_method": method["id"]}
    customer = year.v1.customers.update(person.id, {"invoice_settings": settings})
    default = customer["invoice_settings"]["default_payment_method"]
    same(f"{person.name}'s default", default, method["id"])
    year.chronicle.expect(f"{person.name} has a new card", person.id, {"payment_method.attached": 1})


def calls(year, eve, values):
    """`eve` makes calls. Each is told twice and refused once; one more was told wrongly and is taken back."""
    billing, event_name = year.v1.billing, year.meter["event_name"]

    def send(value, identifier):
        payload = {"stripe_customer_id": eve.id, "value": str(value)}
        asked = {"event_name": event_name, "identifier": identifier, "payload": payload}
        return billing.meter_events.create(asked)

    for index, value in enumerate(values):
        identifier = f"{event_name}-{year.now}-{index}"
        sent = send(value, identifier)
        same("a meter event", (sent["object"], sent["identifier"]), ("billing.meter_event", identifier))
        again = (value, identifier)
        year.refused("a meter event told twice", refusals.EVENT_TWICE, lambda again=again: send(*again))
        eve.notes["usage"] += value
    wrong = f"{event_name}-{year.now}-wrong"
    send(500, wrong)
    cancel = {"event_name": event_name, "type": "cancel", "cancel": {"identifier": wrong}}
    status = billing.meter_event_adjustments.create(cancel)["status"]
    check(status in ("pending", "complete"), f"the adjustment is {status}")
    eve.once = eve.notes["owes"](eve.notes["usage"])


def counted(year, eve, total):
    """The meter has counted `total` since the year began."""
    summaries = year.v1.billing.meters.event_summaries
    asked = {"customer": eve.id, "start_time": year.at(1, 1), "end_time": year.at(1, 12)}
    rows = summaries.list(year.meter["id"], asked)["data"]
    same("eve's usage", [row["aggregated_value"] for row in rows], [total])
    days = summaries.list(year.meter["id"], {**asked, "value_grouping_window": "day"})["data"]
    used = [(row["start_time"], row["aggregated_value"]) for row in days if row["aggregated_value"] > 0]
    same("eve's usage by day", used, [(year.at(1, 10), total)])


def calls_of_nobody(year):
    """A call is told of a customer that is not there: it is taken, and found wrong later."""
    event_name = year.meter["event_name"]
    sent = year.v1.billing.meter_events.create(
        {
            "event_name": event_name,
            "identifier": f"{event_name}-nobody",
            "payload": {"stripe_customer_id": "cus_nobody", "value": "5"},
        }
    )
    same("a meter event of nobody", sent["object"], "billing.meter_event")


def reported(year):
    """The meter has reported what was wrong, by a thin event."""
    report = year.receiver.thin_of("v1.billing.meter.error_report_triggered")
    same("the meter of the report", report.related_object.id, year.meter["id"])
    reason = report.fetch_event().data.reason
    [kind] = reason.error_types
    same("what was wrong", (reason.error_count, kind.code), (1, "meter_event_customer_not_found"))
    same("with which event", kind.sample_errors[0].request.identifier, f"{year.meter['event_name']}-nobody")
    same("the meter, fetched", report.fetch_related_object().id, year.meter["id"])
    listed = year.v2.core.events.list({"object_id": year.meter["id"], "types": [report.type]})
    same("the reports about the meter", [event["id"] for event in listed["data"]], [report.id])


def judged(year, hal):
    """The disputes are decided as their answers said."""
    for dispute, ends in hal.notes["disputes"]:
        now = year.v1.disputes.retrieve(dispute)
        same("a decided dispute", now["status"], ends)
        same("what moved for it", len(now["balance_transactions"]), 2 if ends == "won" else 1)
    must = {"charge.dispute.closed": 2, "charge.dispute.funds_reinstated": 1}
    year.chronicle.expect("hal's disputes end", hal.id, must, may=("charge.dispute.updated",))


def refund_of_invoice(year, gus):
    """A renewal is paid back whole; its invoice stays paid."""
    invoice = year.newest_invoice(gus)
    paid = year.v1.invoice_payments.list({"invoice": invoice["id"]})["data"][0]
    same("the payment of an invoice", (paid["status"], paid["amount_paid"]), ("paid", COST["basic"]))
    refund = year.v1.refunds.create({"payment_intent": paid["payment"]["payment_intent"]})
    same("the refund of an invoice", (refund["status"], refund["amount"]), ("succeeded", COST["basic"]))
    year.books(gus)
    must = {"refund.created": 1, "charge.refunded": 1}
    year.chronicle.expect("gus's invoice is paid back", gus.id, must)


def _period(year, person):
    """The period in which `person` is now."""
    count = 0
    while add_months(person.anchor, count + 1) <= year.now:
        count += 1
    return add_months(person.anchor, count), add_months(person.anchor, count + 1)


def _preview(year, person, asked, expected):
    """The next invoice of `person`, were it changed as `asked`, has these lines: amount and text."""
    preview = year.v1.invoices.create_preview(
        {"customer": person.id, "subscription": person.sub, "subscription_details": asked}
    )
    got = [(line["amount"], line["description"]) for line in preview["lines"]["data"]]
    same(f"{person.name}'s preview", got, expected)
    total = sum(amount for amount, _ in expected)
    state = (preview["total"], preview["amount_due"], preview["status"])
    same("what it comes to", state, (total, total, "draft"))


def upgrade(year, ada):
    """A dearer price from a second in the middle of a month on, paid at once: as the preview and the rules say."""
    start, end = _period(year, ada)
    credit, debit = proration(COST["basic"], COST["pro"], year.now, start, end)
    pro, day = year.price["pro"], day_of(year.now)
    asked = {"items": [{"id": ada.item, "price": pro}], "proration_date": year.now}
    told = [(credit, f"Unused time on Basic after {day}"), (debit, f"Remaining time on Pro after {day}")]
    following = (COST["pro"], f"1 × Pro (at {dollars(COST['pro'])} / month)")
    _preview(year, ada, asked, [*told, following])
    now = {"proration_behavior": "always_invoice", "expand": ["latest_invoice"]}
    changed = year.v1.subscriptions.update(ada.sub, {**asked, **now})
    total, invoice = credit + debit, changed["latest_invoice"]
    state = (invoice["total"], invoice["amount_paid"], invoice["status"])
    same("ada's upgrade", state, (total, total, "paid"))
    item = changed["items"]["data"][0]
    got = (item["id"], item["price"]["id"], item["current_period_end"])
    same("ada's item", got, (ada.item, pro, end))
    year.lines(ada, told)
    ada.books.append(f"subscription_update {total} paid")
    ada.fee = COST["pro"]
    year.books(ada)
    must = {**INVOICED, **PAID, "invoiceitem.created": 2, "customer.subscription.updated": 1}
    year.chronicle.expect("ada upgrades", ada.id, must, PAID_ORDER)


def seats(year, bob, quantity):
    """More or fewer seats: what changes is owed with the next invoice."""
    was, is_, seat = bob.fee, quantity * COST["seat"], COST["seat"]
    credit, debit = proration(was, is_, year.now, *_period(year, bob))
    day = day_of(year.now)
    asked = {"items": [{"id": bob.item, "quantity": quantity}], "proration_date": year.now}
    expected = [
        (credit, f"Unused time on {was // seat} × Seat after {day}"),
        (debit, f"Remaining time on {quantity} × Seat after {day}"),
        (is_, f"{quantity} × Seat (at {dollars(seat)} / month)"),
    ]
    _preview(year, bob, asked, expected)
    changed = year.v1.subscriptions.update(bob.sub, asked)
    same("bob's seats", changed["items"]["data"][0]["quantity"], quantity)
    pending = year.v1.invoice_items.list({"customer": bob.id, "pending": True})["data"]
    amounts = sorted(item["amount"] for item in pending)
    same("what waits for the next invoice", amounts, [credit, debit])
    check(all(item["proration"] for item in pending), "what waits is no proration")
    bob.fee, bob.once = is_, credit + debit
    year.books(bob)
    must = {"invoiceitem.created": 2, "customer.subscription.updated": 1}
    year.chronicle.expect("bob's seats change", bob.id, must)


def downgrade_now(year, nat):
    """A cheaper price at once: what was paid too much becomes the customer's balance."""
    credit, debit = proration(COST["pro"], COST["basic"], year.now, *_period(year, nat))
    total = credit + debit
    changed = year.v1.subscriptions.update(
        nat.sub,
        {
            "items": [{"id": nat.item, "price": year.price["basic"]}],
            "proration_date": year.now,
            "proration_behavior": "always_invoice",
            "expand": ["latest_invoice"],
        },
    )
    invoice = changed["latest_invoice"]
    state = (invoice["total"], invoice["amount_due"], invoice["status"])
    same("nat's downgrade", state, (total, 0, "paid"))
    same("nat's balance", year.v1.customers.retrieve(nat.id)["balance"], total)
    nat.fee, nat.notes["balance"] = COST["basic"], total
    nat.books.append(f"subscription_update {total} paid")
    year.books(nat)
    must = {**INVOICED, "invoiceitem.created": 2, "customer.subscription.updated": 1}
    year.chronicle.expect("nat downgrades", nat.id, must)


def balance_used(year, nat):
    """The balance has paid a part of the renewal."""
    balance = nat.notes["balance"]
    due = COST["basic"] + balance
    invoice = year.newest_invoice(nat)
    amounts = (invoice["total"], invoice["amount_due"], invoice["amount_paid"])
    same("nat's renewal", amounts, (COST["basic"], due, due))
    balances = (invoice["starting_balance"], invoice["ending_balance"])
    same("the balance before and after", balances, (balance, 0))
    same("nat's balance", year.v1.customers.retrieve(nat.id)["balance"], 0)
    intent = year.v1.payment_intents.list({"customer": nat.id, "limit": 1})["data"][0]
    same("what the card paid", intent["amount_received"], due)


def bad_card(year, fay):
    """A card that will fail takes the place of one that works."""
    _new_card(year, fay, "pm_card_chargeCustomerFail")


def _declined(year, fay):
    """The renewal was declined."""
    same("fay's subscription", year.v1.subscriptions.retrieve(fay.sub)["status"], "past_due")
    invoice = year.newest_invoice(fay)
    same("fay's invoice", (invoice["attempted"], invoice["attempt_count"]), (True, 1))
    check((invoice["next_payment_attempt"] or 0) > year.now, "fay's invoice is not tried again")
    fay.notes["open"] = invoice["id"]
    fay.books.append(f"subscription_cycle {COST['basic']} open")
    year.books(fay)
    must = {
        "customer.subscription.updated": 2,
        "invoice.created": 1,
        "invoice.finalized": 1,
        "payment_intent.created": 1,
        "charge.failed": 1,
        "payment_intent.payment_failed": 1,
        "invoice.payment_failed": 1,
    }
    order = ("invoice.created", "invoice.finalized", "payment_intent.created", "invoice.payment_failed")
    year.chronicle.expect("fay's card is declined", fay.id, must, order)


def recover(year, fay):
    """A new card pays the open invoice."""
    _new_card(year, fay, "pm_card_mastercard")
    invoice = fay.notes["open"]
    paid = year.v1.invoices.pay(invoice)
    # Only the first attempt and automatic ones are counted.
    state = (paid["status"], paid["amount_remaining"], paid["attempt_count"])
    same("fay's invoice", state, ("paid", 0, 1))
    same("fay's subscription", year.v1.subscriptions.retrieve(fay.sub)["status"], "active")
    year.refused("to pay what is paid", refusals.ALREADY_PAID, lambda: year.v1.invoices.pay(invoice))
    fay.books[-1] = f"subscription_cycle {COST['basic']} paid"
    year.books(fay)
    must = {
        "charge.succeeded": 1,
        "payment_intent.succeeded": 1,
        "invoice.paid": 1,
        "invoice.payment_succeeded": 1,
        "customer.subscription.updated": 1,
    }
    order = ("payment_intent.succeeded", "invoice.paid", "invoice.payment_succeeded")
    year.chronicle.expect("fay recovers", fay.id, must, order)


def schedule(year, ada):
    """A cheaper price from the next period on, by a schedule."""
    pro, basic = year.price["pro"], year.price["basic"]
    _, end = _period(year, ada)
    made = year.v1.subscription_schedules.create({"from_subscription": ada.sub})
    first = made["phases"][0]
    state = (made["status"], made["subscription"], first["end_date"])
    same("the schedule", state, ("active", ada.sub, end))
    month = {"interval": "month", "interval_count": 1}
    phases = [
        {
            "items": [{"price": pro, "quantity": 1}],
            "start_date": first["start_date"],
            "end_date": first["end_date"],
        },
        {"items": [{"price": basic, "quantity": 1}], "duration": month},
    ]
    asked = {"end_behavior": "release", "phases": phases}
    updated = year.v1.subscription_schedules.update(made["id"], asked)
    got = [(phase["items"][0]["price"], phase["end_date"]) for phase in updated["phases"]]
    same("its phases", got, [(pro, end), (basic, add_months(ada.anchor, 7))])
    subscription = year.v1.subscriptions.retrieve(ada.sub)
    same("the subscription's schedule", subscription["schedule"], made["id"])
    same("the price until then", subscription["items"]["data"][0]["price"]["id"], pro)
    ada.notes["schedule"] = made["id"]
    must = {
        "subscription_schedule.created": 1,
        "subscription_schedule.updated": 1,
        "customer.subscription.updated": (1, 2),
    }
    order = ("subscription_schedule.created", "subscription_schedule.updated")
    year.chronicle.expect("ada's downgrade is scheduled", ada.id, must, order)


def _downgraded(year, ada):
    """The schedule has brought the cheaper price, with the renewal and without a proration."""
    items = year.v1.subscriptions.retrieve(ada.sub)["items"]["data"]
    same("ada's price", [item["price"]["id"] for item in items], [year.price["basic"]])
    ada.item, ada.fee = items[0]["id"], COST["basic"]
    must = {"customer.subscription.updated": (1, 3), "subscription_schedule.updated": (1, 2)}
    year.renewed("ada's downgrade", ada, must)


def in_last_phase(year, ada):
    """The schedule stands in its last phase."""
    now = year.v1.subscription_schedules.retrieve(ada.notes["schedule"])
    phase = now["current_phase"]
    got = (now["status"], phase["start_date"], phase["end_date"])
    same("ada's schedule", got, ("active", add_months(ada.anchor, 6), add_months(ada.anchor, 7)))


def _schedule_ended(year, ada):
    """The schedule is over, and the subscription goes on by itself."""
    status = year.v1.subscription_schedules.retrieve(ada.notes["schedule"])["status"]
    check(status in ("completed", "released"), f"ada's schedule is {status}")
    subscription = year.v1.subscriptions.retrieve(ada.sub)
    same("ada's subscription", (subscription["status"], subscription["schedule"]), ("active", None))
    may = (
        "subscription_schedule.completed",
        "subscription_schedule.expiring",
        "subscription_schedule.released",
        "subscription_schedule.updated",
    )
    year.renewed("ada's schedule ends", ada, {"customer.subscription.updated": (1, 3)}, may)


def cancel_at_end(year, cem):
    """A subscription is to end with its period; that is taken back, and said again."""
    _, end = _period(year, cem)

    def ask(at_end):
        told = year.v1.subscriptions.update(cem.sub, {"cancel_at_period_end": at_end})
        return told["status"], told["cancel_at"], told["canceled_at"]

    same("a subscription that will end", ask(True), ("active", end, year.now))
    same("one that will not", ask(False), ("active", None, None))
    same("one that will after all", ask(True), ("active", end, year.now))
    cem.notes.update(asked=year.now, ends=end)
    year.chronicle.expect("cem is to end", cem.id, {"customer.subscription.updated": 3})


def ended(year, cem):
    """It has ended with its period, and nothing was asked for another."""
    now = year.v1.subscriptions.retrieve(cem.sub)
    expected = ("canceled", cem.notes["ends"], cem.notes["asked"])
    same("cem's subscription", (now["status"], now["ended_at"], now["canceled_at"]), expected)
    cem.anchor = None
    year.books(cem)
    year.chronicle.expect("cem ends", cem.id, {"customer.subscription.deleted": 1})


def cancel_now(year, person):
    """A subscription ends at once."""
    service = year.v1.subscriptions
    gone = service.cancel(person.sub)
    state = (gone["status"], gone["ended_at"], gone["canceled_at"])
    same(f"{person.name}'s subscription", state, ("canceled", year.now, year.now))
    same("why", gone["cancellation_details"]["reason"], "cancellation_requested")
    year.refused("to cancel again", refusals.CANCELED_AGAIN, lambda: service.cancel(person.sub))
    change = {"description": "still there"}
    year.refused(
        "to change what is canceled", refusals.CANCELED_CHANGED, lambda: service.update(person.sub, change)
    )
    person.anchor = None
    year.books(person)
    year.chronicle.expect(f"{person.name} cancels", person.id, {"customer.subscription.deleted": 1})


def deleted(year, jo):
    """A customer is deleted, and the subscription with it."""
    gone = {"id": jo.id, "object": "customer", "deleted": True}
    same("a deleted customer", year.v1.customers.delete(jo.id), gone)
    same("the same, asked for", year.v1.customers.retrieve(jo.id), gone)
    same("jo's subscription", year.v1.subscriptions.retrieve(jo.sub)["status"], "canceled")
    jo.anchor = None
    must = {"customer.subscription.deleted": 1, "customer.deleted": 1}
    year.chronicle.expect("jo is deleted", jo.id, must, tuple(must), ("payment_method.detached",))
