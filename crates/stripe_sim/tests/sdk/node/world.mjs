/** The sandbox as the story sees it: the SDK, the clock, the people, and what is expected of them again and again. */
import Stripe from "stripe";
import { Chronicle } from "./chronicle.mjs";
import { Fault, check, same } from "./fault.mjs";
import { Receiver } from "./receiver.mjs";
import { HOUR, addMonths, moment } from "./rules.mjs";

/** The version that the SDK speaks. */
export const API_VERSION = "2026-10-28.endive";

/** The thin events that an endpoint of their own gets: what meters report, and some that are told both ways. */
const THIN = [
    "v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found", "v1.customer.subscription.created",
    "v1.customer.subscription.deleted", "v1.customer.subscription.paused", "v1.customer.subscription.updated",
    "v1.invoice.paid", "v1.invoice.payment_failed", "v1.invoice.voided",
];

/** How long the clock may take to move in the life of this computer, in milliseconds. */
const PATIENCE = 120_000;

/** What a new customer with a card is told of. */
export const JOINED = { "customer.created": 1, "payment_method.attached": 1 };

/** A payment that succeeds. */
export const PAID = {
    "payment_intent.created": 1,
    "charge.succeeded": 1,
    "payment_intent.succeeded": 1,
};

/** An invoice that is made, final and paid. */
export const INVOICED = {
    "invoice.created": 1,
    "invoice.finalized": 1,
    "invoice.paid": 1,
    "invoice.payment_succeeded": 1,
};

/** A subscription whose first invoice is paid in the same request, and in which order. */
export const SUBSCRIBED = { ...INVOICED, ...PAID, "customer.subscription.created": 1 };
export const PAID_ORDER = [
    "invoice.created", "invoice.finalized", "payment_intent.created", "payment_intent.succeeded", "invoice.paid",
    "invoice.payment_succeeded",
];

/** A period that ends, and its invoice paid an hour later. */
export const RENEWED = { ...INVOICED, ...PAID, "customer.subscription.updated": 1 };

/** One year in the sandbox. */
export class Year {
    /** How many requests the SDK sent. */
    requests = 0;

    /** Everyone by name: { name, id, … }. */
    people = {};

    /** The prices by name, and what the catalogue keeps beside them. */
    price = {};

    /** Kinds of bad input that were refused as they should be. */
    refusals = 0;

    /** Opens the sandbox at STRIPE_API_BASE: registers the endpoint and sets a clock to the next first of January. */
    static async open() {
        const year = new Year();
        check(process.env.STRIPE_API_BASE, "STRIPE_API_BASE is not set; it says where the sandbox is");
        year.stripe = year.client(process.env.STRIPE_API_KEY ?? "sk_test_a_year");
        year.receiver = new Receiver(year.stripe);
        await year.receiver.open();
        // The sandbox may live in another time than this computer, and a signature must not be older than five
        // minutes here: so the year begins after both.
        const probe = await year.stripe.products.create({ name: "What time is it?" });
        const now = Math.max(probe.created, Date.now() / 1000);
        year.number = new Date(now * 1000).getUTCFullYear() + 1;
        year.now = year.at(1, 1);
        year.clock = await year.stripe.testHelpers.testClocks.create({ frozen_time: year.now, name: "A year" });
        await year.#arrive(year.clock, year.now);
        await year.#register();
        year.chronicle = new Chronicle(year.stripe, year.receiver);
        await year.chronicle.begin();
        return year;
    }

    /** The SDK with this key. Nothing is tried twice, so that nothing is hidden. */
    client(key, more = {}) {
        const { hostname, port, protocol } = new URL(process.env.STRIPE_API_BASE);
        const stripe = new Stripe(key, {
            host: hostname,
            port: port || (protocol === "https:" ? 443 : 80),
            protocol: protocol.slice(0, -1),
            maxNetworkRetries: 0,
            telemetry: false,
            ...more,
        });
        stripe.on("response", () => (this.requests += 1));
        return stripe;
    }

    /** A moment of this year, in UTC. The thirteenth month is the next January. */
    at(month, day, hour = 0, minute = 0, second = 0) {
        return moment(this.number, month, day, hour, minute, second);
    }

    /** Registers the endpoints: of all snapshot events, and of some thin ones. */
    async #register() {
        const hook = await this.stripe.webhookEndpoints.create({
            url: `${this.receiver.url}/hook`,
            enabled_events: ["*"],
            api_version: API_VERSION,
            description: "a year by the SDK",
        });
        same("the endpoint", [hook.status, hook.api_version], ["enabled", API_VERSION]);
        check(hook.secret?.startsWith("whsec_"), "the endpoint has no secret");
        const thin = await this.stripe.v2.core.eventDestinations.create({
            name: "thin",
            type: "webhook_endpoint",
            event_payload: "thin",
            enabled_events: THIN,
            include: ["webhook_endpoint.signing_secret"],
            webhook_endpoint: { url: `${this.receiver.url}/thin` },
        });
        same("the thin endpoint", [thin.object, thin.status], ["v2.core.event_destination", "enabled"]);
        this.receiver.secrets = { hook: hook.secret, thin: thin.webhook_endpoint.signing_secret };
        this.endpoints = { hook: hook.id, thin: thin.id };
    }

    /** Moves the clock, and waits until it is ready. */
    async moveTo(when) {
        const clock = await this.stripe.testHelpers.testClocks.advance(this.clock.id, { frozen_time: when });
        await this.#arrive(clock, when);
        this.now = when;
    }

    /** Waits until the clock is ready, and then it is `when`. */
    async #arrive(clock, when) {
        const end = Date.now() + PATIENCE;
        while (clock.status !== "ready") {
            same("the clock on its way", clock.status, "advancing");
            check(Date.now() < end, "the clock does not arrive");
            await new Promise((resolve) => setTimeout(resolve, 5));
            clock = await this.stripe.testHelpers.testClocks.retrieve(clock.id);
        }
        same("the clock", clock.frozen_time, when);
    }

    /** Moves the clock. Everyone whose period ended meanwhile has paid for the next; to the others nothing happened. */
    async stop(when, { except = [] } = {}) {
        const before = this.now;
        await this.moveTo(when);
        for (const person of Object.values(this.people)) {
            if (!person.anchor || except.includes(person.name)) {
                continue;
            }
            const step = `${person.name} until ${new Date(when * 1000).toISOString()}`;
            const due = renewals(person.anchor, before, when);
            check(due.length < 2, `${step}: the story lets ${due.length} periods end at once`);
            if (due.length === 1) {
                await this.renewed(step, person);
            } else {
                await this.chronicle.expect(step, person.id, {});
            }
        }
    }

    /** `person` has paid for another period: what is due now, and with it what was due once. */
    async renewed(step, person, more = {}) {
        const must = { ...RENEWED, ...more.must };
        await this.chronicle.expect(step, person.id, { must, order: PAID_ORDER, may: more.may });
        person.books.push(`subscription_cycle ${person.fee + person.once} paid`);
        person.once = 0;
        await this.books(person);
    }

    /** The invoices of `person` are those that the story expects: why, how much, and what became of it. */
    async books(person) {
        const books = [];
        for await (const invoice of this.stripe.invoices.list({ customer: person.id, limit: 100 })) {
            books.unshift(`${invoice.billing_reason} ${invoice.total} ${invoice.status}`);
        }
        same(`${person.name}'s invoices`, books, person.books);
    }

    /** A new customer, who pays by `card` unless it is null. */
    async join(name, card = "pm_card_visa", more = {}) {
        const email = `${name}@example.com`;
        const paying = card ? { payment_method: card, invoice_settings: { default_payment_method: card } } : {};
        const metadata = { story: name };
        const customer = await this.stripe.customers.create({ name, email, metadata, ...paying, ...more });
        const expected = { object: "customer", created: this.now, email, name, balance: 0, metadata };
        same(`${name} the customer`, facts(customer), expected);
        check(/^req_/.test(customer.lastResponse.requestId), "an answer has no request id");
        same("the version of an answer", customer.lastResponse.apiVersion, API_VERSION);
        const method = customer.invoice_settings.default_payment_method;
        check(card ? /^pm_/.test(method) && method !== card : method === null, `${name}'s default is ${method}`);
        return this.know(name, customer.id);
    }

    /** Somebody the story tells of. `fee` is what a period costs, `once` what the next invoice has beside it. */
    know(name, id) {
        this.people[name] = { name, id, fee: 0, once: 0, books: [] };
        return this.people[name];
    }

    /** `person` subscribes to `items`, which cost `fee` a month, and pays at once. */
    async subscribe(person, items, fee, more = {}) {
        const created = await this.stripe.subscriptions.create({
            customer: person.id,
            items,
            expand: ["latest_invoice"],
            ...more,
        });
        await this.begun(person, created, fee);
        same(`${person.name}'s first invoice`, firstFacts(created.latest_invoice), {
            total: fee, amount_paid: fee, status: "paid", billing_reason: "subscription_create", attempt_count: 1,
        });
        return created;
    }

    /** Checks a subscription that has just begun, paid, and follows it from here. */
    async begun(person, subscription, fee) {
        const { name } = person;
        same(`${name}'s subscription`, subscription.status, "active");
        same(`${name}'s billing mode`, subscription.billing_mode.type, "flexible");
        same(`${name}'s anchor`, subscription.billing_cycle_anchor, this.now);
        for (const item of subscription.items.data) {
            const period = [item.current_period_start, item.current_period_end];
            same(`${name}'s period`, period, [this.now, addMonths(this.now, 1)]);
        }
        Object.assign(person, { fee, anchor: this.now, sub: subscription.id, item: subscription.items.data[0].id });
        person.books.push(`subscription_create ${fee} paid`);
        await this.books(person);
    }

    /** `call` must be refused as `expected`: { error, status, type, code, param, decline }; null is "none". */
    async refused(what, expected, call) {
        let answer;
        try {
            answer = await call();
        } catch (error) {
            if (error instanceof Fault) {
                throw error;
            }
            this.#judge(what, expected, error);
            this.refusals += 1;
            return error;
        }
        throw new Fault(`${what}: was not refused, but answered ${answer?.object} ${answer?.id ?? ""}`);
    }

    #judge(what, expected, error) {
        const kind = Stripe.errors[expected.error];
        const came = `${error.type ?? error.name}: ${error.message}`;
        check(kind && error instanceof kind, `${what}: expected ${expected.error}, got ${came}`);
        const got = {
            status: error.statusCode, type: error.rawType, code: error.code ?? null, param: error.param ?? null,
            decline: error.decline_code ?? null,
        };
        for (const field of Object.keys(got).filter((field) => field in expected)) {
            same(`${what}: ${field} of "${error.message}"`, got[field], expected[field]);
        }
        check(expected.says === undefined || error.message.includes(expected.says), `${what}: says "${error.message}"`);
    }
}

/** The ends of monthly periods from `anchor` on that lie after `from` and not after `until`, their invoices paid. */
function renewals(anchor, from, until) {
    const ends = [];
    for (let count = 1; addMonths(anchor, count) <= until; count += 1) {
        const end = addMonths(anchor, count);
        if (end > from) {
            check(end + HOUR <= until, "the story stops between the end of a period and the payment of its invoice");
            ends.push(end);
        }
    }
    return ends;
}

function facts({ object, created, email, name, balance, metadata }) {
    return { object, created, email, name, balance, metadata };
}

function firstFacts({ total, amount_paid, status, billing_reason, attempt_count }) {
    return { total, amount_paid, status, billing_reason, attempt_count };
}
