/**
 * Bad input, and how it must be refused: the SDK's class, the HTTP status, type, code and parameter.
 *
 * What a row does not name is not compared: there the documentation and what others recorded leave it open. A null says
 * that there must be none.
 */
import { DAY } from "./rules.mjs";

const INVALID = { error: "StripeInvalidRequestError", status: 400, type: "invalid_request_error" };
const MISSING = { ...INVALID, code: "resource_missing" };
const GONE = { ...MISSING, status: 404 };
const DECLINED = { error: "StripeCardError", status: 402, type: "card_error", code: "card_declined" };

/** How to say that a payment is made by card alone. */
export const BY_CARD = { automatic_payment_methods: { enabled: true, allow_redirects: "never" } };

/** Refusals that the story meets on its way. */
export const REFUSED = {
    alreadyPaid: { ...INVALID, code: null, says: "already paid" },
    alreadyRefunded: { ...INVALID, code: "charge_already_refunded" },
    canceledAgain: { ...GONE, param: "id", says: "No such subscription" },
    canceledChanged: { ...INVALID, code: "invalid_canceled_subscription_fields" },
    chargedBack: { ...INVALID, code: "charge_disputed" },
    eventTwice: { ...INVALID, says: "An event already exists with identifier" },
    expiredAgain: { ...INVALID, says: 'Only Checkout Sessions with a status in ["open"] can be expired' },
    refundTooLarge: { ...INVALID, code: null, param: "amount", says: "greater than unrefunded amount on charge" },
    signature: { error: "StripeSignatureVerificationError" },
};

/** Tries all bad input that needs no story of its own. `one` and `other` are customers; `bare` has no way to pay. */
export async function refuseAll(year, { one, other, bare }) {
    const rows = [
        ...parametersOf(year, { one, other }),
        ...objectsOf(year, { one, bare }),
        ...paymentsOf(year),
        ...protocolOf(year, { one }),
    ];
    for (const [what, expected, call] of rows) {
        await year.refused(what, expected, call);
    }
}

/** Parameters that are wrong as such. */
function parametersOf({ stripe, price, lookup }, { one, other }) {
    const { customers, prices, subscriptions } = stripe;
    const cent = { currency: "usd", unit_amount: 1 };
    const long = "k".repeat(41);
    return [
        ["an unknown parameter", { ...INVALID, code: "parameter_unknown", param: "wat" },
            () => customers.create({ wat: "x" })],
        ["an unknown inner parameter", { ...INVALID, code: "parameter_unknown", param: "invoice_settings[nope]" },
            () => customers.create({ invoice_settings: { nope: "x" } })],
        ["a missing parameter", { ...INVALID, code: "parameter_missing", param: "currency" },
            () => prices.create({ unit_amount: 100, product_data: { name: "Nothing" } })],
        ["a word that is none", { ...INVALID, code: null, param: "tax_exempt", says: "must be one of" },
            () => customers.create({ tax_exempt: "maybe" })],
        ["a number that is none", { ...INVALID, code: "parameter_invalid_integer", param: "limit" },
            () => customers.list({ limit: "abc" })],
        ["an object where a text is due", { ...INVALID, param: "description", says: "Invalid string" },
            () => customers.create({ description: { a: "b" } })],
        ["a text where an object is due", { ...INVALID, param: "invoice_settings", says: "Invalid object" },
            () => customers.create({ invoice_settings: "x" })],
        ["an address that is none", { ...INVALID, code: "email_invalid", param: "email" },
            () => customers.create({ email: "not-an-email" })],
        ["a name in metadata that is too long", { ...INVALID, says: "Metadata keys can have up to 40 characters" },
            () => customers.create({ metadata: { [long]: "x" } })],
        ["both cursors", { ...INVALID, code: null, param: null },
            () => customers.list({ starting_after: one.id, ending_before: other.id })],
        ["a cursor that is nowhere", { ...MISSING, param: "starting_after" },
            () => customers.list({ starting_after: "cus_nobody" })],
        ["an expansion of nothing", { ...INVALID, code: null, says: "This property cannot be expanded (wat)" },
            () => customers.retrieve(one.id, { expand: ["wat"] })],
        ["an expansion too deep", { ...INVALID, code: "property_expansion_max_depth" },
            () => subscriptions.list({ customer: one.id, expand: ["data.items.data.price.product"] })],
        ["a lookup key in use", { ...INVALID, param: "lookup_key" },
            () => prices.create({ ...cent, product_data: { name: "Again" }, lookup_key: lookup })],
        ["two ways to name a product", { ...INVALID, says: "You may only specify one of these parameters" },
            async () => {
                const { product } = await prices.retrieve(price.pro);
                return prices.create({ ...cent, product, product_data: { name: "Both" } });
            }],
        ["a price of nothing", { ...INVALID, says: "You must specify either `product` or `product_data`" },
            () => prices.create(cent)],
        ["a price for once in a subscription", { ...INVALID, param: "items[0][price]", says: "type=one_time" },
            () => subscriptions.create({ customer: one.id, items: [{ price: price.topup }] })],
    ];
}

/** Objects that are not there, or not in a state for it. */
function objectsOf({ stripe, price, now, clock, meter }, { one, bare }) {
    const { customers, invoices, products, subscriptions } = stripe;
    const items = [{ price: price.basic }];
    const { meterEvents } = stripe.billing;
    return [
        ["a customer that is not there", { ...GONE, param: "id", says: "No such customer: 'cus_nobody'" },
            () => customers.retrieve("cus_nobody")],
        ["an invoice for nobody", { ...MISSING, param: "customer" },
            () => invoices.create({ customer: "cus_nobody" })],
        ["a subscription for nobody", { ...GONE, param: "customer" },
            () => subscriptions.create({ customer: "cus_nobody", items })],
        ["a subscription to nothing", { ...MISSING, param: "items[0][price]" },
            () => subscriptions.create({ customer: one.id, items: [{ price: "price_none" }] })],
        ["a subscription with no way to pay", { ...MISSING, says: "no attached payment source" },
            () => subscriptions.create({ customer: bare.id, items })],
        ["one price twice", { ...INVALID, says: "multiple Subscription Items with the same Price" },
            () => subscriptions.create({ customer: one.id, items: [...items, ...items] })],
        ["a trial that ended yesterday", { ...INVALID, param: "trial_end" },
            () => subscriptions.create({ customer: one.id, items, trial_end: now - DAY })],
        ["a pending first payment", { ...INVALID, param: "payment_behavior" },
            () => subscriptions.create({ customer: one.id, items, payment_behavior: "pending_if_incomplete" })],
        ["a resume of what runs", { ...INVALID, says: "You can only resume a subscription if it is" },
            () => subscriptions.resume(one.sub)],
        ["a product that has prices", { ...INVALID, code: null, says: "user-created prices" },
            async () => products.del((await stripe.prices.retrieve(price.pro)).product)],
        ["usage of no meter", { ...INVALID, says: "No active meter found for event name" },
            () => meterEvents.create({ event_name: "nothing", payload: { stripe_customer_id: one.id, value: "1" } })],
        ["usage of long ago", { ...INVALID, says: "more than 35 days in past" },
            () => meterEvents.create({
                event_name: meter.event_name,
                payload: { stripe_customer_id: one.id, value: "1" },
                timestamp: now - 36 * DAY,
            })],
        ["a clock that goes back", INVALID,
            () => stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: now - DAY })],
    ];
}

/** Payments that fail. */
function paymentsOf({ stripe }) {
    const pay = (card) => () => stripe.paymentIntents.create({
        amount: 2000, currency: "usd", payment_method: card, confirm: true, ...BY_CARD,
    });
    return [
        ["a card that is declined", { ...DECLINED, decline: "generic_decline", param: null },
            pay("pm_card_visa_chargeDeclined")],
        ["a card without funds", { ...DECLINED, decline: "insufficient_funds", says: "insufficient funds" },
            pay("pm_card_visa_chargeDeclinedInsufficientFunds")],
        ["a lost card", { ...DECLINED, decline: "lost_card" }, pay("pm_card_visa_chargeDeclinedLostCard")],
        ["an expired card", { ...DECLINED, code: "expired_card" }, pay("pm_card_chargeDeclinedExpiredCard")],
        ["a wrong check number", { ...DECLINED, code: "incorrect_cvc" }, pay("pm_card_chargeDeclinedIncorrectCvc")],
        ["a bank in trouble", { ...DECLINED, code: "processing_error" }, pay("pm_card_chargeDeclinedProcessingError")],
        ["an amount of nothing", { ...INVALID, code: "parameter_invalid_integer", param: "amount" },
            () => stripe.paymentIntents.create({ amount: 0, currency: "usd" })],
    ];
}

/** Requests that are wrong before anything is read. */
function protocolOf(year, { one }) {
    const { stripe } = year;
    const again = { idempotencyKey: `again-${year.number}` };
    return [
        ["a key that is none", { ...INVALID, error: "StripeAuthenticationError", status: 401, code: null },
            () => year.client("nonsense").customers.list()],
        ["a version that is none", { ...INVALID, says: "Invalid Stripe API version" },
            () => stripe.customers.list({ limit: 1 }, { apiVersion: "not-a-real-version" })],
        ["an address nobody has", { ...INVALID, status: 404, code: null, says: "Unrecognized request URL" },
            () => stripe.rawRequest("GET", "/v1/nothing")],
        ["one key for two requests", { error: "StripeIdempotencyError", status: 400, type: "idempotency_error" },
            async () => {
                await stripe.customers.update(one.id, { description: "once" }, again);
                await stripe.customers.update(one.id, { description: "twice" }, again);
            }],
    ];
}
