#!/usr/bin/env node
/**
 * A year in the sandbox by Stripe's SDK for Node.
 *
 *     npm ci && STRIPE_API_BASE=http://127.0.0.1:4242 node year.mjs
 *
 * Everything is asked of the sandbox through the SDK; every amount is computed here from Stripe's rules (rules.mjs) and
 * compared to the cent; every delivery is verified by the SDK; who is told of what, and in which order, is compared
 * step by step. Prints a line a month and a summary in JSON; ends with 1 at the first thing that is not as expected.
 *
 * The people: ada comes by checkout, upgrades, and downgrades by a schedule. bob pays for seats. cem tries with a card,
 * dee without. eve's calls are metered. fay's card fails. gus gets money back. hal disputes. ivy never pays. jo is
 * deleted. lou has tiers. max buys once. nat downgrades into a balance. ned has no card at all.
 */
import { readFileSync } from "node:fs";
import { apart } from "./apart.mjs";
import { stock } from "./catalog.mjs";
import { Fault, same } from "./fault.mjs";
import { everyPage, forged, leave } from "./last.mjs";
import * as people from "./people.mjs";
import * as steps from "./steps.mjs";
import { Year } from "./world.mjs";

/** What happens in each month beside the renewals. It begins in its first hours, where the last month ended. */
const MONTHS = [
    ["January", january], ["February", february], ["March", march], ["April", april], ["May", middle], ["June", june],
    ["July", july], ["August", middle], ["September", september], ["October", october], ["November", november],
    ["December", december],
];

/** Event types that a year must have seen at least once. */
const SEEN = [
    "charge.dispute.closed", "charge.dispute.created", "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn", "charge.failed", "charge.refunded", "charge.succeeded",
    "checkout.session.completed", "checkout.session.expired", "customer.created", "customer.deleted",
    "customer.subscription.created", "customer.subscription.deleted", "customer.subscription.paused",
    "customer.subscription.resumed", "customer.subscription.trial_will_end", "customer.subscription.updated",
    "customer.updated", "invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_failed",
    "invoice.payment_succeeded", "invoice.upcoming", "invoice.voided", "invoiceitem.created",
    "payment_intent.created", "payment_intent.payment_failed", "payment_intent.succeeded", "payment_method.attached",
    "price.created", "product.created", "refund.created", "subscription_schedule.created",
    "subscription_schedule.updated", "test_helpers.test_clock.advancing", "test_helpers.test_clock.ready",
];

async function january(year) {
    await people.arrive(year);
    await apart(year);
    await year.stop(year.at(1, 2, 12));
    await steps.expired(year, year.people.ivy);
    await year.stop(year.at(1, 5, 6));
    await steps.willEnd(year, year.people.dee);
    await steps.judged(year, year.people.hal);
    await year.stop(year.at(1, 8, 2));
    await steps.paused(year, year.people.dee);
    await year.stop(year.at(1, 10, 12));
    await steps.calls(year, year.people.eve, [1200, 1800]);
    await year.stop(year.at(1, 12, 6));
    await steps.willEnd(year, year.people.cem);
    await steps.counted(year, year.people.eve, 3000);
    await year.stop(year.at(1, 15, 2));
    await steps.trialEnded(year, year.people.cem);
    await year.stop(year.at(1, 20, 12));
    await steps.resumed(year, year.people.dee);
}

async function february(year) {
    await steps.refundOfInvoice(year, year.people.gus);
    await year.stop(year.at(2, 15, 9, 26, 53));
    await steps.upgrade(year, year.people.ada);
    await steps.calls(year, year.people.eve, [400]);
    await year.stop(year.at(2, 20, 0, 0, 1));
    await steps.downgradeNow(year, year.people.nat);
}

async function march(year) {
    await steps.balanceUsed(year, year.people.nat);
    await year.stop(year.at(3, 11, 12));
    await steps.seats(year, year.people.bob, 5);
    await steps.badCard(year, year.people.fay);
    await steps.callsOfNobody(year);
    await year.stop(year.at(3, 16, 2));
    await steps.reported(year);
    await steps.calls(year, year.people.eve, [1001]);
    await steps.cancelNow(year, year.people.lou);
}

async function april(year) {
    await steps.recover(year, year.people.fay);
    await year.stop(year.at(4, 16, 2));
    await steps.calls(year, year.people.eve, [2500]);
}

async function june(year) {
    await year.stop(year.at(6, 16, 2));
    await year.stop(year.at(6, 21, 17, 45, 10));
    await steps.seats(year, year.people.bob, 4);
    await steps.schedule(year, year.people.ada);
}

async function july(year) {
    await year.stop(year.at(7, 16, 2));
    await steps.inLastPhase(year, year.people.ada);
}

async function september(year) {
    await year.stop(year.at(9, 16, 2));
    await year.stop(year.at(9, 20, 8));
    await steps.cancelAtEnd(year, year.people.cem);
}

async function october(year) {
    await year.stop(year.at(10, 16, 2), { except: ["cem"] });
    await steps.ended(year, year.people.cem);
    await year.stop(year.at(10, 20, 15));
    await steps.deleted(year, year.people.jo);
}

async function november(year) {
    await year.stop(year.at(11, 5, 10));
    await steps.cancelNow(year, year.people.bob);
    await year.stop(year.at(11, 16, 2));
}

async function december(year) {
    await year.stop(year.at(12, 16, 2));
    await everyPage(year);
    await forged(year);
}

/** A month in which nothing is done. */
async function middle(year, month) {
    await year.stop(year.at(month, 16, 2));
}

/** Lives the whole year. */
async function live() {
    const year = await Year.open();
    try {
        await stock(year);
        for (const [index, [name, happen]] of MONTHS.entries()) {
            const month = index + 1;
            await happen(year, month);
            // What the turn of the month brings to some beside a renewal is told by their own steps.
            await year.stop(year.at(month + 1, 1, 2), { except: steps.OWN_TURNS[month] ?? [] });
            await steps.turned(year, month);
            const told = Object.values(year.chronicle.seen).reduce((sum, count) => sum + count, 0);
            console.log(`${name} ${year.number}: ${year.requests} requests, ${told} events`);
        }
        await leave(year);
        const missing = SEEN.filter((type) => !year.chronicle.seen[type]);
        same("the events that never came", missing, []);
        console.log(JSON.stringify(summary(year), null, 4));
    } finally {
        year.receiver.close();
    }
}

/** What was done and seen. */
function summary(year) {
    const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
    const events = Object.fromEntries(Object.entries(year.chronicle.seen).sort());
    return {
        sdk: `stripe-node ${dependencies.stripe}`,
        year: year.number,
        months: MONTHS.length,
        requests: year.requests,
        refusals: year.refusals,
        thin: year.receiver.thin.length,
        events,
    };
}

try {
    await live();
} catch (error) {
    // A fault is told in a sentence; anything else is a fault of this program or of the SDK and is told whole.
    console.error(error instanceof Fault ? `not as expected: ${error.message}` : error);
    process.exit(1);
}
