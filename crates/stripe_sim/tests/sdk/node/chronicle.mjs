/**
 * What happened, and to whom: the events of the API, in its order, each of which must have been delivered as well.
 *
 * A step of the story says what must have happened to a person since the last step. What is told beside it and means
 * nothing to the story stands in `BESIDE`; any other event is a fault.
 */
import { check, same } from "./fault.mjs";

/** The version that the SDK speaks. */
const API_VERSION = "2026-10-28.endive";

/** Events that come along with others, in numbers that the documentation leaves open. */
const BESIDE = new Set([
    "charge.refund.updated", "charge.updated", "customer.updated", "invoice.upcoming", "invoice.updated",
    "invoice_payment.paid", "plan.created", "refund.updated",
]);

/** Fields of an object that lead to another whose owner may be known. */
const LEADS = ["id", "charge", "payment_intent", "invoice", "subscription"];

/** Takes in what happened, by person. */
export class Chronicle {
    /** How many events of each type there were. */
    seen = {};

    #last;
    #owners = new Map();
    #tales = new Map();

    constructor(stripe, receiver) {
        this.stripe = stripe;
        this.receiver = receiver;
    }

    /** Begins after all that has happened so far; something has. */
    async begin() {
        const { data } = await this.stripe.events.list({ limit: 1 });
        check(data.length === 1, "there is no event at all");
        this.#last = data[0].id;
    }

    /** Takes in what happened since the last time, from old to new, and waits until all of it was delivered. */
    async sync() {
        const fresh = [];
        for await (const event of this.stripe.events.list({ ending_before: this.#last, limit: 100 })) {
            fresh.push(event);
        }
        await this.receiver.has(fresh.map((event) => event.id));
        for (const event of fresh) {
            const { event: delivered } = this.receiver.events.get(event.id);
            same(`${event.id} as delivered`, brief(delivered), brief(event));
            same(`${event.id}'s version`, delivered.api_version, API_VERSION);
            this.#note(event.data.object);
            this.#last = event.id;
        }
        for (const event of fresh) {
            const owner = this.#ownerOf(event) ?? "nobody";
            this.seen[event.type] = (this.seen[event.type] ?? 0) + 1;
            this.#tales.set(owner, [...(this.#tales.get(owner) ?? []), event.type]);
        }
    }

    /**
     * What must have happened to `customer` since the last step.
     *
     * `must`: how often each type (a number, or [least, most]); `order`: types in the order in which the first of each
     * must stand; `may`: types that may be there. The story goes on from here.
     */
    async expect(step, customer, { must = {}, order = [], may = [] }) {
        await this.sync();
        const tale = this.#tales.get(customer) ?? [];
        this.#tales.delete(customer);
        const told = ` (told: ${tale.join(", ") || "nothing"})`;
        for (const [type, times] of Object.entries(must)) {
            const [least, most] = Array.isArray(times) ? times : [times, times];
            const count = tale.filter((other) => other === type).length;
            const expected = least === most ? least : `${least} to ${most}`;
            check(count >= least && count <= most, `${step}: ${type} expected ${expected} times, came ${count}${told}`);
        }
        const strange = tale.find((type) => !(type in must) && !may.includes(type) && !BESIDE.has(type));
        check(!strange, `${step}: ${strange} was not expected${told}`);
        const places = order.map((type) => tale.indexOf(type));
        const sorted = places.every((place, at) => place >= 0 && (at === 0 || places[at - 1] < place));
        check(sorted, `${step}: expected the order ${order.join(", ")}${told}`);
    }

    /** Remembers whose an object is. */
    #note(object) {
        const owner = idOf(object.customer);
        if (object.id && owner) {
            this.#owners.set(object.id, owner);
        }
    }

    /** Whom an event is about: the id of a customer. */
    #ownerOf({ data: { object, previous_attributes: previous } }) {
        if (object.object === "customer") {
            return object.id;
        }
        const lead = LEADS.map((name) => this.#owners.get(idOf(object[name]))).find(Boolean);
        return idOf(object.customer) ?? idOf(previous?.customer) ?? lead;
    }
}

/** What an event says of itself. */
function brief(event) {
    const { api_version, created, id, livemode, object, request, type } = event;
    return { api_version, created, id, livemode, object, of: event.data.object.id, request, type };
}

/** The id of an object, or the id that stands in its place. */
function idOf(value) {
    return typeof value === "object" ? value?.id : value;
}
