/** The steps of the story after the first of January. Each says what it does, and what must come of it. */
import { COST } from "./catalog.mjs";
import { check, same } from "./fault.mjs";
import { lines } from "./people.mjs";
import { REFUSED } from "./refusals.mjs";
import { addMonths, dayOf, dollars, proration } from "./rules.mjs";
import { INVOICED, PAID, PAID_ORDER } from "./world.mjs";

/** Who has more than a renewal at the end of a month; `turned` tells of them. */
export const OWN_TURNS = { 3: ["fay"], 6: ["ada"], 7: ["ada"] };

/** The month has ended. */
export async function turned(year, month) {
    const { ada, eve, fay } = year.people;
    eve.usage = 0;
    if (month === 3) {
        await declined(year, fay);
    } else if (month === 6) {
        await downgraded(year, ada);
    } else if (month === 7) {
        await scheduleEnded(year, ada);
    }
}

/** The subscription that was never paid has expired, and its invoice is void. */
export async function expired(year, ivy) {
    const { status } = await year.stripe.subscriptions.retrieve(ivy.sub);
    same("ivy's subscription", status, "incomplete_expired");
    const { data: [invoice] } = await year.stripe.invoices.list({ customer: ivy.id, limit: 1 });
    same("when ivy's invoice was voided", invoice.status_transitions.voided_at, ivy.ends);
    ivy.books = [`subscription_create ${COST.basic} void`];
    await year.books(ivy);
    await year.chronicle.expect("ivy's 23 hours are over", ivy.id, {
        must: { "customer.subscription.updated": 1, "invoice.voided": 1 },
        may: ["payment_intent.canceled"],
    });
}

/** In three days a trial ends, which was told. */
export async function willEnd(year, person) {
    const must = { "customer.subscription.trial_will_end": 1 };
    await year.chronicle.expect(`${person.name}'s trial will end`, person.id, { must });
}

/** A trial has ended with a card: the first period is paid, and begins where the trial ended. */
export async function trialEnded(year, cem) {
    Object.assign(cem, { anchor: cem.trialEnd, fee: COST.basic });
    await year.renewed("cem's trial ends", cem);
    const { status, items } = await year.stripe.subscriptions.retrieve(cem.sub);
    const [item] = items.data;
    same("cem's subscription", status, "active");
    const period = [item.current_period_start, item.current_period_end];
    same("cem's period", period, [cem.trialEnd, addMonths(cem.trialEnd, 1)]);
}

/** A trial has ended without a card: the subscription is paused and nothing was asked. */
export async function paused(year, dee) {
    const { status, status_details: details } = await year.stripe.subscriptions.retrieve(dee.sub);
    same("dee's subscription", status, "paused");
    same("why", details?.paused?.subscription?.type, "trial_end_without_payment_method");
    await year.books(dee);
    await year.chronicle.expect("dee's trial ends", dee.id, {
        must: { "customer.subscription.updated": 1, "customer.subscription.paused": 1 },
    });
}

/** A card is added, and the subscription goes on: free until the next end of a period. */
export async function resumed(year, dee) {
    await newCard(year, dee, "pm_card_visa");
    const resumed = await year.stripe.subscriptions.resume(dee.sub, {
        billing_cycle_anchor: { type: "unchanged" },
        proration_behavior: "none",
    });
    same("dee's subscription", resumed.status, "active");
    same("dee's next payment", resumed.items.data[0].current_period_end, addMonths(dee.trialEnd, 1));
    Object.assign(dee, { anchor: dee.trialEnd, fee: COST.basic });
    await year.books(dee);
    await year.chronicle.expect("dee resumes", dee.id, {
        must: { "customer.subscription.resumed": 1, "customer.subscription.updated": 1 },
    });
}

/** `person` gets a card that pays from now on. */
async function newCard(year, person, card) {
    const method = await year.stripe.paymentMethods.attach(card, { customer: person.id });
    same(`${person.name}'s new card`, [method.object, method.customer], ["payment_method", person.id]);
    const settings = { default_payment_method: method.id };
    const customer = await year.stripe.customers.update(person.id, { invoice_settings: settings });
    same(`${person.name}'s default`, customer.invoice_settings.default_payment_method, method.id);
    await year.chronicle.expect(`${person.name} has a new card`, person.id, { must: { "payment_method.attached": 1 } });
}

/** `eve` makes calls. Each is told twice and refused once; one more was told wrongly and is taken back. */
export async function calls(year, eve, values) {
    const { meterEvents, meterEventAdjustments } = year.stripe.billing;
    const { event_name } = year.meter;
    const send = (value, identifier) =>
        meterEvents.create({ event_name, identifier, payload: { stripe_customer_id: eve.id, value: String(value) } });
    for (const [index, value] of values.entries()) {
        const identifier = `${event_name}-${year.now}-${index}`;
        const sent = await send(value, identifier);
        same("a meter event", [sent.object, sent.identifier], ["billing.meter_event", identifier]);
        await year.refused("a meter event told twice", REFUSED.eventTwice, () => send(value, identifier));
        eve.usage += value;
    }
    const wrong = `${event_name}-${year.now}-wrong`;
    await send(500, wrong);
    const taken = await meterEventAdjustments.create({ event_name, type: "cancel", cancel: { identifier: wrong } });
    check(["pending", "complete"].includes(taken.status), `the adjustment is ${taken.status}`);
    eve.once = eve.owes(eve.usage);
}

/** The meter has counted `total` since the year began. */
export async function counted(year, eve, total) {
    const asked = { customer: eve.id, start_time: year.at(1, 1), end_time: year.at(1, 12) };
    const { data } = await year.stripe.billing.meters.listEventSummaries(year.meter.id, asked);
    same("eve's usage", data.map((row) => row.aggregated_value), [total]);
    const days = await year.stripe.billing.meters.listEventSummaries(year.meter.id, {
        ...asked,
        value_grouping_window: "day",
    });
    const used = days.data.filter((row) => row.aggregated_value > 0);
    same("eve's usage by day", used.map((row) => [row.start_time, row.aggregated_value]), [[year.at(1, 10), total]]);
}

/** A call is told of a customer that is not there: it is taken, and found wrong later. */
export async function callsOfNobody(year) {
    const sent = await year.stripe.billing.meterEvents.create({
        event_name: year.meter.event_name,
        identifier: `${year.meter.event_name}-nobody`,
        payload: { stripe_customer_id: "cus_nobody", value: "5" },
    });
    same("a meter event of nobody", sent.object, "billing.meter_event");
}

/** The meter has reported what was wrong, by a thin event. */
export async function reported(year) {
    const report = await year.receiver.thinOf("v1.billing.meter.error_report_triggered");
    same("the meter of the report", report.related_object.id, year.meter.id);
    const { data } = await report.fetchEvent();
    const [{ code, sample_errors: [sample] }] = data.reason.error_types;
    same("what was wrong", [data.reason.error_count, code], [1, "meter_event_customer_not_found"]);
    same("with which event", sample.request.identifier, `${year.meter.event_name}-nobody`);
    same("the meter, fetched", (await report.fetchRelatedObject()).id, year.meter.id);
    const listed = await year.stripe.v2.core.events.list({ object_id: year.meter.id, types: [report.type] });
    same("the reports about the meter", listed.data.map((event) => event.id), [report.id]);
}

/** The disputes are decided as their answers said. */
export async function judged(year, hal) {
    for (const [id, ends] of hal.disputes) {
        const dispute = await year.stripe.disputes.retrieve(id);
        same("a decided dispute", dispute.status, ends);
        same("what moved for it", dispute.balance_transactions.length, ends === "won" ? 2 : 1);
    }
    await year.chronicle.expect("hal's disputes end", hal.id, {
        must: { "charge.dispute.closed": 2, "charge.dispute.funds_reinstated": 1 },
        may: ["charge.dispute.updated"],
    });
}

/** A renewal is paid back whole; its invoice stays paid. */
export async function refundOfInvoice(year, gus) {
    const { stripe } = year;
    const { data: [invoice] } = await stripe.invoices.list({ customer: gus.id, limit: 1 });
    const { data: [paid] } = await stripe.invoicePayments.list({ invoice: invoice.id });
    same("the payment of an invoice", [paid.status, paid.amount_paid], ["paid", COST.basic]);
    const refund = await stripe.refunds.create({ payment_intent: paid.payment.payment_intent });
    same("the refund of an invoice", [refund.status, refund.amount], ["succeeded", COST.basic]);
    await year.books(gus);
    await year.chronicle.expect("gus's invoice is paid back", gus.id, {
        must: { "refund.created": 1, "charge.refunded": 1 },
    });
}

/** The period in which `person` is now. */
function periodOf(year, { anchor }) {
    let count = 0;
    while (addMonths(anchor, count + 1) <= year.now) {
        count += 1;
    }
    return { start: addMonths(anchor, count), end: addMonths(anchor, count + 1) };
}

/** A dearer price from a second in the middle of a month on, paid at once: as the preview and the rules say. */
export async function upgrade(year, ada) {
    const { price, stripe } = year;
    const change = proration({ was: COST.basic, is: COST.pro, when: year.now, ...periodOf(year, ada) });
    const day = dayOf(year.now);
    const asked = { items: [{ id: ada.item, price: price.pro }], proration_date: year.now };
    const told = [
        [change.credit, `Unused time on Basic after ${day}`],
        [change.debit, `Remaining time on Pro after ${day}`],
    ];
    const next = [COST.pro, `1 × Pro (at ${dollars(COST.pro)} / month)`];
    await preview(year, ada, asked, [...told, next]);
    const changed = await stripe.subscriptions.update(ada.sub, {
        ...asked,
        proration_behavior: "always_invoice",
        expand: ["latest_invoice"],
    });
    const { latest_invoice: invoice } = changed;
    same("ada's upgrade", [invoice.total, invoice.amount_paid, invoice.status], [change.total, change.total, "paid"]);
    const [item] = changed.items.data;
    const { end } = periodOf(year, ada);
    same("ada's item", [item.id, item.price.id, item.current_period_end], [ada.item, price.pro, end]);
    await lines(year, ada, told);
    ada.books.push(`subscription_update ${change.total} paid`);
    ada.fee = COST.pro;
    await year.books(ada);
    await year.chronicle.expect("ada upgrades", ada.id, {
        must: { ...INVOICED, ...PAID, "invoiceitem.created": 2, "customer.subscription.updated": 1 },
        order: PAID_ORDER,
    });
}

/** The next invoice of `person`, were it changed as `asked`, has these lines. */
async function preview(year, person, asked, expected) {
    const preview = await year.stripe.invoices.createPreview({
        customer: person.id,
        subscription: person.sub,
        subscription_details: asked,
    });
    const got = preview.lines.data.map((line) => [line.amount, line.description]);
    same(`${person.name}'s preview`, got, expected);
    const total = expected.reduce((sum, [amount]) => sum + amount, 0);
    same("what it comes to", [preview.total, preview.amount_due, preview.status], [total, total, "draft"]);
}

/** More or fewer seats: what changes is owed with the next invoice. */
export async function seats(year, bob, quantity) {
    const { stripe } = year;
    const [was, is] = [bob.fee, quantity * COST.seat];
    const change = proration({ was, is, when: year.now, ...periodOf(year, bob) });
    const day = dayOf(year.now);
    const asked = { items: [{ id: bob.item, quantity }], proration_date: year.now };
    await preview(year, bob, asked, [
        [change.credit, `Unused time on ${was / COST.seat} × Seat after ${day}`],
        [change.debit, `Remaining time on ${quantity} × Seat after ${day}`],
        [is, `${quantity} × Seat (at ${dollars(COST.seat)} / month)`],
    ]);
    const changed = await stripe.subscriptions.update(bob.sub, asked);
    same("bob's seats", changed.items.data[0].quantity, quantity);
    const { data } = await stripe.invoiceItems.list({ customer: bob.id, pending: true });
    const pending = data.map((item) => item.amount).sort((one, other) => one - other);
    same("what waits for the next invoice", pending, [change.credit, change.debit]);
    check(data.every((item) => item.proration), "what waits is no proration");
    bob.fee = is;
    bob.once = change.total;
    await year.books(bob);
    await year.chronicle.expect("bob's seats change", bob.id, {
        must: { "invoiceitem.created": 2, "customer.subscription.updated": 1 },
    });
}

/** A cheaper price at once: what was paid too much becomes the customer's balance. */
export async function downgradeNow(year, nat) {
    const { price, stripe } = year;
    const change = proration({ was: COST.pro, is: COST.basic, when: year.now, ...periodOf(year, nat) });
    const changed = await stripe.subscriptions.update(nat.sub, {
        items: [{ id: nat.item, price: price.basic }],
        proration_date: year.now,
        proration_behavior: "always_invoice",
        expand: ["latest_invoice"],
    });
    const { latest_invoice: invoice } = changed;
    same("nat's downgrade", [invoice.total, invoice.amount_due, invoice.status], [change.total, 0, "paid"]);
    const { balance } = await stripe.customers.retrieve(nat.id);
    same("nat's balance", balance, change.total);
    Object.assign(nat, { balance, fee: COST.basic });
    nat.books.push(`subscription_update ${change.total} paid`);
    await year.books(nat);
    await year.chronicle.expect("nat downgrades", nat.id, {
        must: { ...INVOICED, "invoiceitem.created": 2, "customer.subscription.updated": 1 },
    });
}

/** The balance has paid a part of the renewal. */
export async function balanceUsed(year, nat) {
    const { stripe } = year;
    const due = COST.basic + nat.balance;
    const { data: [invoice] } = await stripe.invoices.list({ customer: nat.id, limit: 1 });
    same("nat's renewal", [invoice.total, invoice.amount_due, invoice.amount_paid], [COST.basic, due, due]);
    same("the balance before and after", [invoice.starting_balance, invoice.ending_balance], [nat.balance, 0]);
    const { balance } = await stripe.customers.retrieve(nat.id);
    same("nat's balance", balance, 0);
    const { data: [intent] } = await stripe.paymentIntents.list({ customer: nat.id, limit: 1 });
    same("what the card paid", intent.amount_received, due);
}

/** A card that will fail takes the place of one that works. */
export async function badCard(year, fay) {
    await newCard(year, fay, "pm_card_chargeCustomerFail");
}

/** The renewal was declined. */
async function declined(year, fay) {
    const { stripe } = year;
    const { status } = await stripe.subscriptions.retrieve(fay.sub);
    same("fay's subscription", status, "past_due");
    const { data: [invoice] } = await stripe.invoices.list({ customer: fay.id, limit: 1 });
    same("fay's invoice", [invoice.attempted, invoice.attempt_count], [true, 1]);
    check(invoice.next_payment_attempt > year.now, "fay's invoice is not tried again");
    fay.open = invoice.id;
    fay.books.push(`subscription_cycle ${COST.basic} open`);
    await year.books(fay);
    await year.chronicle.expect("fay's card is declined", fay.id, {
        must: {
            "customer.subscription.updated": 2,
            "invoice.created": 1,
            "invoice.finalized": 1,
            "payment_intent.created": 1,
            "charge.failed": 1,
            "payment_intent.payment_failed": 1,
            "invoice.payment_failed": 1,
        },
        order: ["invoice.created", "invoice.finalized", "payment_intent.created", "invoice.payment_failed"],
    });
}

/** A new card pays the open invoice. */
export async function recover(year, fay) {
    const { stripe } = year;
    await newCard(year, fay, "pm_card_mastercard");
    const paid = await stripe.invoices.pay(fay.open);
    // Only the first attempt and automatic ones are counted.
    same("fay's invoice", [paid.status, paid.amount_remaining, paid.attempt_count], ["paid", 0, 1]);
    const { status } = await stripe.subscriptions.retrieve(fay.sub);
    same("fay's subscription", status, "active");
    await year.refused("to pay what is paid", REFUSED.alreadyPaid, () => stripe.invoices.pay(fay.open));
    fay.books.splice(-1, 1, `subscription_cycle ${COST.basic} paid`);
    await year.books(fay);
    await year.chronicle.expect("fay recovers", fay.id, {
        must: {
            "charge.succeeded": 1,
            "payment_intent.succeeded": 1,
            "invoice.paid": 1,
            "invoice.payment_succeeded": 1,
            "customer.subscription.updated": 1,
        },
        order: ["payment_intent.succeeded", "invoice.paid", "invoice.payment_succeeded"],
    });
}

/** A cheaper price from the next period on, by a schedule. */
export async function schedule(year, ada) {
    const { price, stripe } = year;
    const { end } = periodOf(year, ada);
    const made = await stripe.subscriptionSchedules.create({ from_subscription: ada.sub });
    const [first] = made.phases;
    same("the schedule", [made.status, made.subscription, first.end_date], ["active", ada.sub, end]);
    const updated = await stripe.subscriptionSchedules.update(made.id, {
        end_behavior: "release",
        phases: [
            {
                items: [{ price: price.pro, quantity: 1 }],
                start_date: first.start_date,
                end_date: first.end_date,
            },
            { items: [{ price: price.basic, quantity: 1 }], duration: { interval: "month", interval_count: 1 } },
        ],
    });
    const phases = updated.phases.map((phase) => [phase.items[0].price, phase.end_date]);
    same("its phases", phases, [[price.pro, end], [price.basic, addMonths(ada.anchor, 7)]]);
    const subscription = await stripe.subscriptions.retrieve(ada.sub);
    same("the subscription's schedule", subscription.schedule, made.id);
    same("the price until then", subscription.items.data[0].price.id, price.pro);
    ada.schedule = made.id;
    await year.chronicle.expect("ada's downgrade is scheduled", ada.id, {
        must: {
            "subscription_schedule.created": 1,
            "subscription_schedule.updated": 1,
            "customer.subscription.updated": [1, 2],
        },
        order: ["subscription_schedule.created", "subscription_schedule.updated"],
    });
}

/** The schedule has brought the cheaper price, with the renewal and without a proration. */
async function downgraded(year, ada) {
    const { items } = await year.stripe.subscriptions.retrieve(ada.sub);
    same("ada's price", items.data.map((item) => item.price.id), [year.price.basic]);
    Object.assign(ada, { item: items.data[0].id, fee: COST.basic });
    await year.renewed("ada's downgrade", ada, {
        must: { "customer.subscription.updated": [1, 3], "subscription_schedule.updated": [1, 2] },
    });
}

/** The schedule stands in its last phase. */
export async function inLastPhase(year, ada) {
    const { status, current_phase: phase } = await year.stripe.subscriptionSchedules.retrieve(ada.schedule);
    const expected = [addMonths(ada.anchor, 6), addMonths(ada.anchor, 7)];
    same("ada's schedule", [status, phase.start_date, phase.end_date], ["active", ...expected]);
}

/** The schedule is over, and the subscription goes on by itself. */
async function scheduleEnded(year, ada) {
    const { status } = await year.stripe.subscriptionSchedules.retrieve(ada.schedule);
    check(["completed", "released"].includes(status), `ada's schedule is ${status}`);
    const subscription = await year.stripe.subscriptions.retrieve(ada.sub);
    same("ada's subscription", [subscription.status, subscription.schedule], ["active", null]);
    await year.renewed("ada's schedule ends", ada, {
        must: { "customer.subscription.updated": [1, 3] },
        may: [
            "subscription_schedule.completed", "subscription_schedule.expiring", "subscription_schedule.released",
            "subscription_schedule.updated",
        ],
    });
}

/** A subscription is to end with its period; that is taken back, and said again. */
export async function cancelAtEnd(year, cem) {
    const { subscriptions } = year.stripe;
    const { end } = periodOf(year, cem);
    const ask = async (cancel_at_period_end) => {
        const { status, cancel_at, canceled_at } = await subscriptions.update(cem.sub, { cancel_at_period_end });
        return [status, cancel_at, canceled_at];
    };
    same("a subscription that will end", await ask(true), ["active", end, year.now]);
    same("one that will not", await ask(false), ["active", null, null]);
    same("one that will after all", await ask(true), ["active", end, year.now]);
    Object.assign(cem, { asked: year.now, ends: end });
    await year.chronicle.expect("cem is to end", cem.id, { must: { "customer.subscription.updated": 3 } });
}

/** It has ended with its period, and nothing was asked for another. */
export async function ended(year, cem) {
    const { status, ended_at, canceled_at } = await year.stripe.subscriptions.retrieve(cem.sub);
    same("cem's subscription", [status, ended_at, canceled_at], ["canceled", cem.ends, cem.asked]);
    cem.anchor = null;
    await year.books(cem);
    await year.chronicle.expect("cem ends", cem.id, { must: { "customer.subscription.deleted": 1 } });
}

/** A subscription ends at once. */
export async function cancelNow(year, person) {
    const { subscriptions } = year.stripe;
    const { status, ended_at, canceled_at, cancellation_details: details } = await subscriptions.cancel(person.sub);
    same(`${person.name}'s subscription`, [status, ended_at, canceled_at], ["canceled", year.now, year.now]);
    same("why", details.reason, "cancellation_requested");
    await year.refused("to cancel again", REFUSED.canceledAgain, () => subscriptions.cancel(person.sub));
    await year.refused("to change what is canceled", REFUSED.canceledChanged, () =>
        subscriptions.update(person.sub, { description: "still there" }));
    person.anchor = null;
    await year.books(person);
    const must = { "customer.subscription.deleted": 1 };
    await year.chronicle.expect(`${person.name} cancels`, person.id, { must });
}

/** A customer is deleted, and the subscription with it. */
export async function deleted(year, jo) {
    const { customers, subscriptions } = year.stripe;
    const gone = { id: jo.id, object: "customer", deleted: true };
    same("a deleted customer", { ...(await customers.del(jo.id)) }, gone);
    same("the same, asked for", { ...(await customers.retrieve(jo.id)) }, gone);
    const { status } = await subscriptions.retrieve(jo.sub);
    same("jo's subscription", status, "canceled");
    jo.anchor = null;
    await year.chronicle.expect("jo is deleted", jo.id, {
        must: { "customer.subscription.deleted": 1, "customer.deleted": 1 },
        may: ["payment_method.detached"],
        order: ["customer.subscription.deleted", "customer.deleted"],
    });
}
