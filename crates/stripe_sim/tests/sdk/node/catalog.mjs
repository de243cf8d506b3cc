/** What is sold in the story, and what it costs by the rules. */
import { check, same } from "./fault.mjs";
import { graduated, packages, volume } from "./rules.mjs";

/** What is asked for a month, in cents. */
export const COST = { basic: 1000, pro: 3000, seat: 1200, platform: 10_000, topup: 1500 };

/** Calls beyond the first thousand of a month cost four cents each. */
export const CALLS = [{ upTo: 1000, unit: 0 }, { upTo: Infinity, unit: 4 }];

/** Stripe's own example of tiers (docs.stripe.com/subscriptions/pricing-models/tiered-pricing). */
export const TIERS = [{ upTo: 5, unit: 700 }, { upTo: 10, unit: 650 }, { upTo: Infinity, unit: 600 }];

/** Its example with a flat part (same page). */
const FLAT_TIERS = [
    { upTo: 5, unit: 500, flat: 1000 }, { upTo: 10, unit: 400, flat: 2000 }, { upTo: 15, unit: 300, flat: 3000 },
    { upTo: 20, unit: 200, flat: 4000 }, { upTo: Infinity, unit: 100, flat: 5000 },
];

/** Makes the products, the meter and the prices. */
export async function stock(year) {
    const { stripe, price } = year;
    const recurring = { recurring: { interval: "month" } };
    const sell = async (name, title, more) => {
        const product = await stripe.products.create({ name: title });
        const made = await stripe.prices.create({ currency: "usd", product: product.id, ...more });
        same(`the price ${name}`, [made.object, made.active, made.product], ["price", true, product.id]);
        price[name] = made.id;
        return made;
    };
    const add = (name, title, more) => sell(name, title, { ...recurring, ...more });
    const stepped = (mode, tiers) => ({
        billing_scheme: "tiered",
        tiers_mode: mode,
        tiers: tiers.map(({ upTo, unit, flat }) => ({
            up_to: upTo === Infinity ? "inf" : upTo,
            unit_amount: unit,
            ...(flat && { flat_amount: flat }),
        })),
    });
    year.lookup = `basic_${year.number}`;
    const basic = await add("basic", "Basic", { unit_amount: COST.basic, lookup_key: year.lookup });
    same("a licensed price", [basic.type, basic.recurring.usage_type], ["recurring", "licensed"]);
    same("its amount", [basic.unit_amount, basic.currency], [COST.basic, "usd"]);
    const { data: found } = await stripe.prices.list({ lookup_keys: [year.lookup] });
    same("the prices with that lookup key", found.map((one) => one.id), [basic.id]);
    await add("pro", "Pro", { unit_amount: COST.pro });
    await add("seat", "Seat", { unit_amount: COST.seat });
    await add("platform", "Platform", { unit_amount: COST.platform });
    await add("graduated", "Desks", stepped("graduated", TIERS));
    await add("volume", "Rooms", stepped("volume", TIERS));
    await add("flatGraduated", "Lockers", stepped("graduated", FLAT_TIERS));
    await add("flatVolume", "Lamps", stepped("volume", FLAT_TIERS));
    await add("packs", "Packs", { unit_amount: 1000, transform_quantity: { divide_by: 5, round: "up" } });
    const topup = await sell("topup", "Credits", { unit_amount: COST.topup });
    same("a price for once", [topup.type, topup.recurring], ["one_time", null]);
    await meter(year);
    const calls = await add("calls", "Calls", {
        ...stepped("graduated", CALLS),
        recurring: { interval: "month", usage_type: "metered", meter: year.meter.id },
    });
    same("a metered price", [calls.recurring.usage_type, calls.recurring.meter], ["metered", year.meter.id]);
    check(!("tiers" in calls), "tiers are shown though nobody asked for them");
    const { tiers } = await stripe.prices.retrieve(price.graduated, { expand: ["tiers"] });
    const shown = tiers.map((tier) => [tier.up_to, tier.unit_amount, tier.flat_amount]);
    same("the tiers", shown, [[5, 700, null], [10, 650, null], [null, 600, null]]);
}

/** Makes the meter. */
async function meter(year) {
    year.meter = await year.stripe.billing.meters.create({
        display_name: "Calls",
        event_name: `calls_${year.number}`,
        default_aggregation: { formula: "sum" },
        customer_mapping: { type: "by_id", event_payload_key: "stripe_customer_id" },
        value_settings: { event_payload_key: "value" },
    });
    same("the meter", [year.meter.object, year.meter.status], ["billing.meter", "active"]);
}

/** Asks the sandbox for previews of what quantities cost, and compares them with the rules. */
export async function priceList(year, customer) {
    const asked = [
        ...[1, 5, 6, 20, 25].flatMap((quantity) => [
            ["graduated", quantity, graduated(TIERS, quantity)],
            ["volume", quantity, volume(TIERS, quantity)],
        ]),
        ["flatGraduated", 12, graduated(FLAT_TIERS, 12)],
        ["flatGraduated", 0, graduated(FLAT_TIERS, 0)],
        ["flatVolume", 12, volume(FLAT_TIERS, 12)],
        ...[1, 5, 6, 7].map((quantity) => ["packs", quantity, packages(1000, 5, quantity)]),
        ["seat", 12, 12 * COST.seat],
    ];
    for (const [name, quantity, total] of asked) {
        const preview = await year.stripe.invoices.createPreview({
            customer,
            subscription_details: { items: [{ price: year.price[name], quantity }] },
        });
        const sum = preview.lines.data.reduce((sum, line) => sum + line.amount, 0);
        same(`the preview of ${quantity} × ${name}`, [preview.total, sum, preview.status], [total, total, "draft"]);
    }
}
