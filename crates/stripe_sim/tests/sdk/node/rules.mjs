/**
 * What Stripe documents about dates and amounts, computed here from those rules alone.
 *
 * Nothing here asks the sandbox: what it answers is compared with what comes out here. Amounts are whole minor units,
 * times are seconds since 1970 in UTC. The rules: docs.stripe.com/billing/subscriptions/prorations (each line to the
 * second, rounded by itself), /billing-cycle (the anchor's day, or the last one of a shorter month),
 * /products-prices/pricing-models (tiers, packages).
 */

/** The length of an hour. */
export const HOUR = 3600;

/** The length of a day. */
export const DAY = 24 * HOUR;

/** A moment in UTC. A month beyond the twelfth is one of the next year. */
export function moment(year, month, day, hour = 0, minute = 0, second = 0) {
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
}

/** `months` after `anchor`: the same day and time, or the last day of a month that has no such day. */
export function addMonths(anchor, months) {
    const from = new Date(anchor * 1000);
    const month = from.getUTCMonth() + months;
    const last = new Date(Date.UTC(from.getUTCFullYear(), month + 1, 0)).getUTCDate();
    const day = Math.min(from.getUTCDate(), last);
    const time = anchor - Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate()) / 1000;
    return Date.UTC(from.getUTCFullYear(), month, day) / 1000 + time;
}

/** `amount · part / whole` to the nearest minor unit; a half goes away from zero. */
export function share(amount, part, whole) {
    const product = BigInt(amount) * BigInt(part);
    const size = product < 0n ? -product : product;
    const rounded = (2n * size + BigInt(whole)) / (2n * BigInt(whole));
    return Number(product < 0n ? -rounded : rounded);
}

/** The lines of a change at `when` within [`start`, `end`): the old comes back for the rest, the new is owed for it. */
export function proration({ was, is, when, start, end }) {
    const credit = -share(was, end - when, end - start);
    const debit = share(is, end - when, end - start);
    return { credit, debit, total: credit + debit };
}

/** The price of `quantity` when each tier prices the part that lies in it. A flat part is owed once a tier is used. */
export function graduated(tiers, quantity) {
    let from = 0;
    let total = 0;
    for (const { upTo, unit, flat = 0 } of tiers) {
        // The flat part of the first tier is owed for nothing, too.
        total += (Math.min(quantity, upTo) - from) * unit + flat;
        if (quantity <= upTo) {
            break;
        }
        from = upTo;
    }
    return total;
}

/** The price of `quantity` when the tier it ends in prices all of it. */
export function volume(tiers, quantity) {
    const { unit, flat = 0 } = tiers.find(({ upTo }) => quantity <= upTo);
    return quantity * unit + flat;
}

/** The price of `quantity` in packages of `size`, of which a begun one counts. */
export function packages(unit, size, quantity) {
    return Math.ceil(quantity / size) * unit;
}

/** An amount of US dollars as descriptions have it. */
export function dollars(amount) {
    return `$${Math.trunc(amount / 100)}.${String(amount % 100).padStart(2, "0")}`;
}

/** A day as descriptions have it: `01 Sep 2027`. */
export function dayOf(when) {
    const date = new Date(when * 1000);
    const month = date.toLocaleString("en-US", { month: "short", timeZone: "UTC" });
    return `${String(date.getUTCDate()).padStart(2, "0")} ${month} ${date.getUTCFullYear()}`;
}
