/** The first of January: everyone comes, each in a way of their own. */
import { CALLS, COST, TIERS, priceList } from "./catalog.mjs";
import { check, same } from "./fault.mjs";
import { payAsAPerson } from "./page.mjs";
import { DAY, HOUR, addMonths, dollars, graduated } from "./rules.mjs";
import { INVOICED, JOINED, PAID, PAID_ORDER, SUBSCRIBED } from "./world.mjs";

/** Everyone comes. */
export async function arrive(year) {
    const { price } = year;
    await byCheckout(year, "ada");
    const bob = await paying(year, "bob", [{ price: price.seat, quantity: 3 }], 3 * COST.seat, {
        test_clock: year.clock.id,
    });
    await lines(year, bob, [[3 * COST.seat, `3 × Seat (at ${dollars(COST.seat)} / month)`]]);
    await trying(year, "cem", "pm_card_visa", 14);
    await trying(year, "dee", null, 7, { trial_settings: { end_behavior: { missing_payment_method: "pause" } } });
    const platform = [{ price: price.platform, quantity: 1 }, { price: price.calls }];
    const eve = await paying(year, "eve", platform, COST.platform);
    // What is metered has no line on the first invoice.
    await lines(year, eve, [[COST.platform, `1 × Platform (at ${dollars(COST.platform)} / month)`]]);
    eve.usage = 0;
    eve.owes = (usage) => graduated(CALLS, usage);
    await paying(year, "fay", [{ price: price.basic }], COST.basic);
    await paying(year, "gus", [{ price: price.basic }], COST.basic);
    await failing(year, "ivy");
    await paying(year, "jo", [{ price: price.basic }], COST.basic);
    await tiered(year, "lou", 12);
    await paying(year, "nat", [{ price: price.pro }], COST.pro);
    const ned = await year.join("ned", null);
    await year.chronicle.expect("ned comes", ned.id, { must: { "customer.created": 1 } });
}

/** A new customer who subscribes to `items` for `fee` a month. */
async function paying(year, name, items, fee, more = {}) {
    const person = await year.join(name, "pm_card_visa", more);
    await year.subscribe(person, items, fee);
    const must = { ...JOINED, ...SUBSCRIBED };
    await year.chronicle.expect(`${name} subscribes`, person.id, { must, order: PAID_ORDER });
    return person;
}

/** The lines of the newest invoice of `person` are these: amount and text. */
export async function lines(year, person, expected) {
    const { data } = await year.stripe.invoices.list({ customer: person.id, limit: 1 });
    const got = data[0].lines.data.map((line) => [line.amount, line.description]);
    same(`the lines of ${person.name}'s invoice`, got, expected);
}

/** Lou looks at what all quantities cost, and takes twelve desks. */
async function tiered(year, name, quantity) {
    const person = await year.join(name);
    await priceList(year, person.id);
    await year.subscribe(person, [{ price: year.price.graduated, quantity }], graduated(TIERS, quantity));
    const must = { ...JOINED, ...SUBSCRIBED };
    await year.chronicle.expect(`${name} subscribes`, person.id, { must, order: PAID_ORDER });
}

/** Someone who comes by the hosted page, where a first card is declined. */
async function byCheckout(year, name) {
    const { price, receiver, stripe } = year;
    const { sessions } = stripe.checkout;
    const session = await sessions.create({
        mode: "subscription",
        line_items: [{ price: price.basic, quantity: 1 }],
        client_reference_id: name,
        subscription_data: { metadata: { story: name } },
        success_url: `${receiver.url}/done?session={CHECKOUT_SESSION_ID}`,
        cancel_url: `${receiver.url}/left`,
    });
    same("a new session", state(session), { status: "open", payment_status: "unpaid", amount_total: COST.basic });
    same("when it ends", session.expires_at, year.now + DAY);
    same("its customer", session.customer, null);
    const person = { email: `${name}@example.com`, name };
    const declined = await payAsAPerson(session.url, { ...person, number: "4000000000000002" });
    same("the way on after a declined card", declined.location, null);
    const open = await sessions.retrieve(session.id);
    same("a session after a declined card", [open.status, open.payment_status], ["open", "unpaid"]);
    const paid = await payAsAPerson(session.url, { ...person, number: "4242424242424242" });
    same("the way back", paid.location, `${receiver.url}/done?session=${session.id}`);
    const done = await sessions.retrieve(session.id, { expand: ["line_items", "subscription", "invoice"] });
    same("the session", state(done), { status: "complete", payment_status: "paid", amount_total: COST.basic });
    same("its address", done.url, null);
    same("whom it is for", [done.client_reference_id, done.customer_details.email], [name, person.email]);
    same("what it sold", done.line_items.data.map((item) => [item.price.id, item.quantity]), [[price.basic, 1]]);
    check(/^cus_/.test(done.customer), "the session has no customer");
    const ada = year.know(name, done.customer);
    await year.begun(ada, done.subscription, COST.basic);
    same("the subscription's metadata", done.subscription.metadata, { story: name });
    check(/^pm_/.test(done.subscription.default_payment_method), "the subscription has no method of its own");
    same("the first invoice", [done.invoice.total, done.invoice.status], [COST.basic, "paid"]);
    await lines(year, ada, [[COST.basic, `1 × Basic (at ${dollars(COST.basic)} / month)`]]);
    await year.chronicle.expect(`${name} by checkout`, ada.id, {
        must: { ...JOINED, ...SUBSCRIBED, "payment_intent.created": [1, 2], "checkout.session.completed": 1 },
        // A declined card may or may not have been the customer's, who came with the next one.
        may: ["charge.failed", "payment_intent.payment_failed"],
        order: ["invoice.created", "invoice.finalized", "invoice.paid"],
    });
}

function state({ status, payment_status, amount_total }) {
    return { status, payment_status, amount_total };
}

/** Someone who tries for some days, with a card or without. */
async function trying(year, name, card, days, more = {}) {
    const person = await year.join(name, card);
    const created = await year.stripe.subscriptions.create({
        customer: person.id,
        items: [{ price: year.price.basic }],
        trial_period_days: days,
        expand: ["latest_invoice"],
        ...more,
    });
    const end = year.now + days * DAY;
    same(`${name}'s trial`, [created.status, created.trial_start, created.trial_end], ["trialing", year.now, end]);
    same(`${name}'s anchor`, created.billing_cycle_anchor, end);
    const [item] = created.items.data;
    same(`${name}'s period`, [item.current_period_start, item.current_period_end], [year.now, end]);
    const [line] = created.latest_invoice.lines.data;
    same(`what ${name}'s trial costs`, [created.latest_invoice.total, created.latest_invoice.status], [0, "paid"]);
    check(/^Free trial for 1 [x×] Basic/.test(line.description), `${name}'s trial is told as "${line.description}"`);
    Object.assign(person, { sub: created.id, item: item.id, trialEnd: end });
    person.books.push("subscription_create 0 paid");
    await year.books(person);
    await year.chronicle.expect(`${name} tries`, person.id, {
        must: { ...(card ? JOINED : { "customer.created": 1 }), ...INVOICED, "customer.subscription.created": 1 },
        may: ["setup_intent.created", "setup_intent.succeeded"],
    });
}

/** Someone whose first payment fails: the subscription waits for 23 hours. */
async function failing(year, name) {
    const person = await year.join(name, "pm_card_chargeCustomerFail");
    const created = await year.stripe.subscriptions.create({
        customer: person.id,
        items: [{ price: year.price.basic }],
        expand: ["latest_invoice"],
    });
    const { latest_invoice: invoice } = created;
    same(`${name}'s subscription`, created.status, "incomplete");
    same(`${name}'s period`, created.items.data[0].current_period_end, addMonths(year.now, 1));
    same(`${name}'s invoice`, [invoice.status, invoice.attempt_count, invoice.next_payment_attempt], ["open", 1, null]);
    Object.assign(person, { sub: created.id, ends: year.now + 23 * HOUR });
    person.books.push(`subscription_create ${COST.basic} open`);
    await year.books(person);
    await year.chronicle.expect(`${name} fails to pay`, person.id, {
        must: {
            ...JOINED,
            "customer.subscription.created": 1,
            "invoice.created": 1,
            "invoice.finalized": 1,
            "invoice.payment_failed": 1,
            "payment_intent.created": PAID["payment_intent.created"],
            "payment_intent.payment_failed": 1,
            "charge.failed": 1,
        },
        order: ["invoice.created", "invoice.finalized", "payment_intent.created", "invoice.payment_failed"],
    });
}
