/** The end of the year: lists from page to page, deliveries that must not be believed, and the endpoints taken down. */
import { check, same } from "./fault.mjs";
import { REFUSED } from "./refusals.mjs";

/** A list read in pages of three, from either end, is the list. */
export async function everyPage(year) {
    const { bob } = year.people;
    const { invoices } = year.stripe;
    const ids = async (asked) => {
        const found = [];
        for await (const invoice of invoices.list({ customer: bob.id, ...asked })) {
            found.push(invoice.id);
        }
        return found;
    };
    const all = await ids({ limit: 100 });
    check(all.length > 9, "bob has too few invoices for this");
    same("bob's invoices in pages", await ids({ limit: 3 }), all);
    const back = await ids({ limit: 3, ending_before: all.at(-1) });
    same("bob's invoices from the oldest on", back, all.slice(0, -1).reverse());
}

/** A delivery that was changed, or is not ours, or is old, is not believed; one that is well signed is. */
export async function forged(year) {
    const { receiver, stripe } = year;
    const { webhooks } = stripe;
    const secret = receiver.secrets.hook;
    const { body, header, event } = [...receiver.events.values()].at(-1);
    same("a delivery, verified again", webhooks.constructEvent(body, header, secret).id, event.id);
    const payload = body.toString("utf8");
    const changed = payload.replace(event.id, "evt_forged");
    check(changed !== payload, "the delivery does not name its event");
    const now = Math.floor(Date.now() / 1000);
    const signed = (timestamp) => webhooks.generateTestHeaderString({ payload, secret, timestamp });
    same("a signature of one's own", webhooks.constructEvent(payload, signed(now), secret).id, event.id);
    const attempts = [
        ["a changed body", changed, header, secret],
        ["another secret", payload, header, `${secret}x`],
        ["a signature of nothing", payload, `t=${now},v1=${"0".repeat(64)}`, secret],
        ["a signature of ten minutes ago", payload, signed(now - 600), secret],
    ];
    for (const [what, text, signature, key] of attempts) {
        await year.refused(what, REFUSED.signature, async () => webhooks.constructEvent(text, signature, key));
    }
    await forgedThin(year);
}

/** The same of a thin one. */
async function forgedThin(year) {
    const { receiver, stripe } = year;
    const secret = receiver.secrets.thin;
    const { body, header } = receiver.lastThin;
    const notice = stripe.parseEventNotification(body, header, secret);
    same("a thin delivery, verified again", notice.id, receiver.thin.at(-1).id);
    const changed = body.toString("utf8").replace(notice.id, "evt_forged");
    const attempts = [
        ["a changed thin body", changed, secret],
        ["the other endpoint's secret", body, receiver.secrets.hook],
    ];
    for (const [what, text, key] of attempts) {
        await year.refused(what, REFUSED.signature, async () => stripe.parseEventNotification(text, header, key));
    }
}

/** Every event came once; the endpoints go. */
export async function leave(year) {
    const { receiver, stripe } = year;
    await year.chronicle.sync();
    const twice = [...receiver.events.values()].filter(({ times }) => times > 1).map(({ event }) => event.id);
    same("events that were delivered more than once", twice, []);
    const gone = await stripe.webhookEndpoints.del(year.endpoints.hook);
    same("the endpoint", [gone.id, gone.deleted], [year.endpoints.hook, true]);
    const thin = await stripe.v2.core.eventDestinations.del(year.endpoints.thin);
    same("the thin endpoint", thin.id, year.endpoints.thin);
}
