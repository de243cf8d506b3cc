/** What people buy and get back apart from subscriptions, and all that is refused. */
import { COST } from "./catalog.mjs";
import { check, same } from "./fault.mjs";
import { payAsAPerson } from "./page.mjs";
import { BY_CARD, REFUSED, refuseAll } from "./refusals.mjs";
import { JOINED, PAID } from "./world.mjs";

/** All of it, on the first of January. */
export async function apart(year) {
    const { bob, fay, gus, ned } = year.people;
    await topUp(year, "max");
    await refunds(year, gus);
    await disputes(year, "hal");
    await replays(year, ned);
    await refuseAll(year, { one: bob, other: fay, bare: ned });
}

/** Someone buys twice the same by the hosted page, and lets another page go. */
async function topUp(year, name) {
    const { price, receiver, stripe } = year;
    const { sessions } = stripe.checkout;
    const max = await year.join(name);
    const asked = {
        mode: "payment",
        customer: max.id,
        line_items: [{ price: price.topup, quantity: 2 }],
        payment_intent_data: { metadata: { order: "1" } },
        success_url: `${receiver.url}/done?session={CHECKOUT_SESSION_ID}`,
        cancel_url: `${receiver.url}/left`,
    };
    const session = await sessions.create(asked);
    same("the price of two", [session.amount_total, session.payment_status], [2 * COST.topup, "unpaid"]);
    const card = { number: "5555555555554444", email: `${name}@example.com`, name };
    const { location } = await payAsAPerson(session.url, card);
    same("the way back", location, `${receiver.url}/done?session=${session.id}`);
    const done = await sessions.retrieve(session.id, { expand: ["payment_intent"] });
    const { payment_intent: intent } = done;
    same("the session", [done.status, done.payment_status, done.customer], ["complete", "paid", max.id]);
    same("its payment", [intent.status, intent.amount_received], ["succeeded", 2 * COST.topup]);
    same("the metadata of the payment", intent.metadata, { order: "1" });
    const { data: found } = await sessions.list({ payment_intent: intent.id });
    same("the session found by its payment", found.map((one) => one.id), [session.id]);
    await year.chronicle.expect(`${name} buys`, max.id, {
        must: { ...JOINED, ...PAID, "payment_method.attached": [1, 2], "checkout.session.completed": 1 },
    });
    const left = await sessions.create(asked);
    const expired = await sessions.expire(left.id);
    same("a session that was let go", [expired.status, expired.url], ["expired", null]);
    await year.refused("an expired session let go again", REFUSED.expiredAgain, () => sessions.expire(left.id));
    await year.chronicle.expect(`${name} leaves`, max.id, { must: { "checkout.session.expired": 1 } });
}

/** `person` pays once. */
async function pay(year, person, amount, card) {
    const intent = await year.stripe.paymentIntents.create({
        amount,
        currency: "usd",
        customer: person.id,
        payment_method: card,
        confirm: true,
        ...BY_CARD,
    });
    same(`${person.name}'s payment`, [intent.status, intent.amount_received], ["succeeded", amount]);
    check(/^ch_/.test(intent.latest_charge), "the payment has no charge");
    return intent;
}

/** A payment goes back in two parts. */
async function refunds(year, person) {
    const { charges, refunds } = year.stripe;
    const { id: payment_intent, latest_charge: charge } = await pay(year, person, 5000, "pm_card_visa");
    await year.chronicle.expect(`${person.name} pays`, person.id, { must: PAID });
    const state = async () => {
        const { amount_refunded, refunded } = await charges.retrieve(charge);
        return [amount_refunded, refunded];
    };
    const part = await refunds.create({ payment_intent, amount: 2000, reason: "requested_by_customer" });
    same("a refund in part", [part.status, part.amount, part.charge], ["succeeded", 2000, charge]);
    same("the charge after it", await state(), [2000, false]);
    await year.refused("more than is left", REFUSED.refundTooLarge, () => refunds.create({ charge, amount: 4000 }));
    const rest = await refunds.create({ charge });
    same("the rest", [rest.status, rest.amount], ["succeeded", 3000]);
    same("the charge after all", await state(), [5000, true]);
    await year.refused("a refund of nothing", REFUSED.alreadyRefunded, () => refunds.create({ charge }));
    const { data } = await refunds.list({ charge });
    same("the refunds, newest first", data.map((refund) => refund.amount), [3000, 2000]);
    await year.chronicle.expect(`${person.name} is paid back`, person.id, {
        must: { "refund.created": 2, "charge.refunded": 2 },
    });
}

/** Two payments are disputed; the answers say how each is to end. */
async function disputes(year, name) {
    const { disputes, refunds } = year.stripe;
    const hal = await year.join(name);
    hal.disputes = [];
    for (const [amount, ends, evidence] of [[7000, "won", "winning_evidence"], [3000, "lost", "losing_evidence"]]) {
        const intent = await pay(year, hal, amount, "pm_card_createDispute");
        const { data } = await disputes.list({ payment_intent: intent.id });
        same("the disputes of a payment", data.length, 1);
        const [dispute] = data;
        same("a dispute", [dispute.amount, dispute.status, dispute.reason], [amount, "needs_response", "fraudulent"]);
        same("its charge", [dispute.charge, dispute.is_charge_refundable], [intent.latest_charge, false]);
        same("what was withdrawn", dispute.balance_transactions.length, 1);
        await year.refused("a refund of what is disputed", REFUSED.chargedBack, () =>
            refunds.create({ charge: intent.latest_charge }));
        const answered = await disputes.update(dispute.id, {
            evidence: { uncategorized_text: evidence },
            submit: true,
        });
        const { has_evidence, submission_count } = answered.evidence_details;
        same("an answered dispute", [answered.status, has_evidence, submission_count], ["under_review", true, 1]);
        hal.disputes.push([dispute.id, ends]);
    }
    await year.chronicle.expect(`${name} disputes`, hal.id, {
        must: {
            ...JOINED,
            "payment_intent.created": 2,
            "payment_intent.succeeded": 2,
            "charge.succeeded": 2,
            "charge.dispute.created": 2,
            "charge.dispute.funds_withdrawn": 2,
            "charge.dispute.updated": [2, 4],
        },
        order: ["charge.dispute.created", "charge.dispute.updated"],
    });
}

/** The same request with the same key happens once, and says so. */
async function replays(year, person) {
    const { customers } = year.stripe;
    const key = { idempotencyKey: `same-${year.number}` };
    const first = await customers.update(person.id, { description: "said twice" }, key);
    const second = await customers.update(person.id, { description: "said twice" }, key);
    same("a request said twice", second, first);
    const replayed = [first, second].map((answer) => answer.lastResponse.headers["idempotent-replayed"]);
    same("which answer was a replay", replayed, [undefined, "true"]);
}
