/** The endpoint that the sandbox delivers to: every delivery is verified by the SDK, and kept. */
import { createServer } from "node:http";
import { check } from "./fault.mjs";

/** How long a delivery may take in the life of this computer, in milliseconds. */
const PATIENCE = 20_000;

/** Takes deliveries in on a free port of this computer. */
export class Receiver {
    /** Where it is. */
    url = "";

    /** The secrets of the endpoints, once they are registered: snapshot events come to /hook, thin ones to /thin. */
    secrets = { hook: null, thin: null };

    /** Snapshot events by id: { event, times, body, header }. */
    events = new Map();

    /** Thin events, as they came. */
    thin = [];

    /** The last delivery of one: { body, header }. */
    lastThin = null;

    /** What was wrong with deliveries. */
    faults = [];

    #server;

    constructor(stripe) {
        this.stripe = stripe;
    }

    /** Opens the port. */
    async open() {
        this.#server = createServer((request, response) => {
            this.#take(request, response).catch((error) => this.faults.push(error.message));
        });
        await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
        this.url = `http://127.0.0.1:${this.#server.address().port}`;
    }

    /** Closes it. */
    close() {
        this.#server.closeAllConnections();
        this.#server.close();
    }

    /** Waits until all events with these ids were delivered, and ends the year if one is not. */
    async has(ids) {
        const end = Date.now() + PATIENCE;
        for (;;) {
            check(this.faults.length === 0, `a delivery was wrong: ${this.faults[0]}`);
            const missing = ids.filter((id) => !this.events.has(id));
            if (missing.length === 0) {
                return;
            }
            check(Date.now() < end, `${missing.length} of ${ids.length} events were not delivered: ${missing}`);
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
    }

    /** Waits for a thin event of this type. */
    async thinOf(type) {
        const end = Date.now() + PATIENCE;
        for (;;) {
            check(this.faults.length === 0, `a delivery was wrong: ${this.faults[0]}`);
            const found = this.thin.find((event) => event.type === type);
            if (found) {
                return found;
            }
            check(Date.now() < end, `no ${type} was delivered`);
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
    }

    async #take(request, response) {
        const parts = [];
        for await (const part of request) {
            parts.push(part);
        }
        const body = Buffer.concat(parts);
        let status = 200;
        try {
            this.#keep(request, body);
        } catch (error) {
            this.faults.push(`${request.method} ${request.url}: ${error.message}`);
            status = 400;
        }
        response.writeHead(status, { "content-type": "text/plain" }).end();
    }

    #keep(request, body) {
        const header = request.headers["stripe-signature"];
        const path = request.url.split("?")[0];
        if (request.method === "POST" && path === "/hook") {
            const event = this.stripe.webhooks.constructEvent(body, header, this.secrets.hook);
            const before = this.events.get(event.id);
            this.events.set(event.id, { event, times: (before?.times ?? 0) + 1, body, header });
        } else if (request.method === "POST" && path === "/thin") {
            this.thin.push(this.stripe.parseEventNotification(body, header, this.secrets.thin));
            this.lastThin = { body, header };
        } else if (request.method === "POST") {
            throw new Error("nothing is delivered here");
        }
    }
}
