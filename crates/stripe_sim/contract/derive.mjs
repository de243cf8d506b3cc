#!/usr/bin/env node
/**
 * Derives the wire contract (endive.json) from the type declarations of Stripe's SDK for Node.
 *
 *     npm ci --prefix crates/stripe_sim/tests/sdk/node     # stripe and typescript, in exact versions
 *     node crates/stripe_sim/contract/derive.mjs            # writes endive.json beside this file
 *     node crates/stripe_sim/contract/derive.mjs --check    # writes nothing; fails when endive.json differs
 *
 * Options: `--package FOLDER` the unpacked npm package `stripe`, `--out FILE` where to write.
 *
 * Three things are read. The declarations (`esm/resources/**.d.ts`) say what every operation takes and answers, and
 * what stands in every object. The code beside them (`.js`) says under which method and path an operation is called.
 * `Events.d.ts` says which object each snapshot event carries, `V2/Core/Events.d.ts` what stands in each thin one beside
 * what all have. What a value may be is written as a "shape"; README.md lists them.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Shapes, listOf, pageOf } from "./shapes.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const INSTALLED = resolve(HERE, "../tests/sdk/node");

/** The resources whose operations the contract has: those that Purser calls, and what a newcomer tries beside them. */
const RESOURCES = new Set([
    "Billing/Alerts", "Billing/CreditBalanceSummary", "Billing/CreditBalanceTransactions", "Billing/CreditGrants",
    "Billing/MeterEventAdjustments", "Billing/MeterEventSummaries", "Billing/MeterEvents", "Billing/Meters",
    "BillingPortal/Configurations", "BillingPortal/Sessions", "Charges", "Checkout/Sessions", "CreditNotes",
    "Customers", "Disputes", "Entitlements/ActiveEntitlements", "Entitlements/Features", "Events", "InvoiceItems",
    "InvoiceLineItems", "InvoicePayments", "Invoices", "PaymentIntents", "PaymentLinks", "PaymentMethods", "Prices",
    "Products", "Refunds", "SetupIntents", "SubscriptionItems", "SubscriptionSchedules", "Subscriptions",
    "TestHelpers/TestClocks", "V2/Billing/MeterEventAdjustments", "V2/Billing/MeterEventSession",
    "V2/Billing/MeterEventStream", "V2/Billing/MeterEvents", "V2/Core/EventDestinations", "V2/Core/Events",
    "WebhookEndpoints",
]);

/** The objects the contract has whole. Of every other object that these name it has the id alone. */
const WHOLE = new Set([
    "billing.alert", "billing.credit_balance_summary", "billing.credit_balance_transaction", "billing.credit_grant",
    "billing.meter", "billing.meter_event", "billing.meter_event_adjustment", "billing.meter_event_summary",
    "billing_portal.configuration", "billing_portal.session", "charge", "checkout.session", "coupon", "credit_note",
    "customer", "discount", "dispute", "entitlements.active_entitlement", "entitlements.active_entitlement_summary",
    "entitlements.feature", "event", "invoice", "invoice_payment", "invoiceitem", "item", "line_item", "payment_intent",
    "payment_link", "payment_method", "plan", "price", "product", "product_feature", "promotion_code", "refund", "setup_intent", "subscription", "subscription_item",
    "subscription_schedule", "test_helpers.test_clock", "v2.billing.meter_event",
    "v2.billing.meter_event_adjustment", "v2.billing.meter_event_session", "v2.core.event_destination",
    "webhook_endpoint",
]);

/** Parameters that name another account. The sandbox has one account; at the top of a request they are not known. */
const OTHER_ACCOUNTS = ["on_behalf_of"];

/** The thin events the contract has: of what the first API makes, and the one that tries a destination. */
const THIN = /^v1\.|^v2\.core\.event_destination\.ping$/;

/** An object of which only the id is known. */
const STUB = { fields: { id: "string" }, required: ["id"] };

/** What all 275 kinds of snapshot event have in common; what each carries stands under "events". */
const EVENT = {
    fields: {
        id: "string",
        object: { enum: ["event"] },
        account: "string",
        api_version: { null: "string" },
        context: "string",
        created: "integer",
        data: { fields: { object: "any", previous_attributes: "any" }, required: ["object"] },
        livemode: "boolean",
        pending_webhooks: "integer",
        request: {
            null: {
                fields: { id: { null: "string" }, idempotency_key: { null: "string" } },
                required: ["id", "idempotency_key"],
            },
        },
        type: "string",
    },
    required: ["api_version", "created", "data", "id", "livemode", "object", "pending_webhooks", "request", "type"],
};

const { values: options } = parseArgs({
    options: {
        check: { type: "boolean", default: false },
        out: { type: "string", default: join(HERE, "endive.json") },
        package: { type: "string", default: join(INSTALLED, "node_modules", "stripe") },
    },
});

const ts = typescript();
const folder = join(options.package, "esm", "resources");
if (!existsSync(folder)) {
    stop(`${folder} is not there. Run: npm ci --prefix ${INSTALLED}`);
}

/** The compiler, as it is installed for the tests of the SDK. */
function typescript() {
    try {
        return createRequire(join(INSTALLED, "package.json"))("typescript");
    } catch {
        return stop(`typescript is not there. Run: npm ci --prefix ${INSTALLED}`);
    }
}

/** Ends the program with a message. */
function stop(message) {
    console.error(`derive: ${message}`);
    process.exit(1);
}

/** The whole contract, as the text of its file. */
function derive() {
    const files = declarations("");
    const program = ts.createProgram(files.map((file) => join(folder, `${file}.d.ts`)), {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        noEmit: true,
        skipLibCheck: true,
        strict: true,
        types: [],
    });
    const shapes = new Shapes(ts, program.getTypeChecker());
    for (const name of RESOURCES) {
        if (!files.includes(name)) {
            stop(`the package has no resource ${name}`);
        }
    }
    // The order of what follows decides in which order the compiler first meets the objects, and with it the order of
    // the alternatives of a field that may be one of several: operations, then events, then objects as they are named.
    const operations = new Map();
    for (const file of files.filter((file) => RESOURCES.has(file))) {
        for (const [label, operation] of operationsOf(program, shapes, file)) {
            // Of several ways to call an operation the one that tells its parameters counts.
            if (!operations.has(label) || Object.keys(operation.params).length > 0) {
                operations.set(label, operation);
            }
        }
    }
    const events = new Map(eventsOf(program, shapes));
    const thin = new Map(thinOf(program, shapes));
    const schemas = new Map([["event", EVENT], ["v2.core.event", thinEvent(program, shapes)]]);
    // Reading an object may name others: they join the end of the row that is being walked.
    for (const [name, type] of shapes.named) {
        if (!schemas.has(name)) {
            schemas.set(name, WHOLE.has(name) || name.startsWith("deleted_") ? shapes.fields(type, false, 0) : STUB);
        }
    }
    const released = version();
    console.log(
        `stripe ${packageVersion()}, API ${released}: ${operations.size} operations, ${schemas.size} objects, ` +
            `${events.size} events, ${thin.size} thin ones`,
    );
    const parts = [["operations", operations], ["schemas", schemas], ["events", events], ["thin", thin]];
    return `{\n"version":${JSON.stringify(released)},\n${parts.map(part).join(",\n")}\n}\n`;
}

/** One part of the file: an entry a line, by name. */
function part([name, entries]) {
    const lines = [...entries.keys()].sort().map((key) => `${JSON.stringify(key)}:${JSON.stringify(entries.get(key))}`);
    return `${JSON.stringify(name)}:{\n${lines.join(",\n")}\n}`;
}

/** All declaration files at and below `under`, without their ending, by name. */
function declarations(under) {
    const entries = readdirSync(join(folder, under), { withFileTypes: true });
    entries.sort((one, other) => (one.name < other.name ? -1 : 1));
    return entries.flatMap((entry) => {
        const path = under ? `${under}/${entry.name}` : entry.name;
        if (entry.isDirectory()) {
            return declarations(path);
        }
        return path.endsWith(".d.ts") ? [path.slice(0, -".d.ts".length)] : [];
    });
}

/** The version of the API that the package speaks, such as `2026-10-28.endive`: the newest it names. */
function version() {
    for (const file of [join(options.package, "esm", "apiVersion.js"), join(folder, "WebhookEndpoints.d.ts")]) {
        const named = existsSync(file) ? readFileSync(file, "utf8").match(/\b20\d\d-\d\d-\d\d\.[a-z]+\b/g) : null;
        if (named) {
            return named.sort().at(-1);
        }
    }
    return stop("the package names no version of the API");
}

/** The version of the package. */
function packageVersion() {
    return JSON.parse(readFileSync(join(options.package, "package.json"), "utf8")).version;
}

/** All nodes at and below `node`. */
function* nodes(node) {
    yield node;
    const inner = [];
    ts.forEachChild(node, (child) => void inner.push(child));
    for (const child of inner) {
        yield* nodes(child);
    }
}

/** The methods of the classes of `source`, each with the name of its class: `CustomerResource.create`. */
function* methodsOf(source) {
    for (const node of nodes(source)) {
        if (ts.isClassDeclaration(node) && node.name) {
            for (const member of node.members.filter(ts.isMethodDeclaration)) {
                yield [`${node.name.text}.${member.name.getText(source)}`, member];
            }
        }
    }
}

/** The operations of one resource: pairs of a label such as `GET /v1/customers/{id}` and what it takes and answers. */
function* operationsOf(program, shapes, file) {
    const urls = urlsOf(join(folder, `${file}.js`));
    const source = program.getSourceFile(join(folder, `${file}.d.ts`));
    for (const [name, method] of methodsOf(source)) {
        const url = urls.get(name);
        if (!url) {
            continue;
        }
        const answer = answerOf(method.type, shapes, source);
        const asks = method.parameters.find((parameter) => parameter.name.getText(source) === "params");
        const { fields, required } = asks
            ? shapes.fields(shapes.checker.getTypeFromTypeNode(asks.type), true, 0)
            : { fields: {}, required: undefined };
        OTHER_ACCOUNTS.forEach((parameter) => delete fields[parameter]);
        if (url.path.startsWith("/v2/") && promiseOf(method.type, source).includes("List")) {
            // The addresses of other pages that an answer holds name them by this.
            fields.page = "string";
            // Times are texts there; the declarations borrow the range of the first API, whose times are numbers.
            Object.keys(fields.created?.fields ?? {}).forEach((bound) => void (fields.created.fields[bound] = "string"));
        }
        yield [`${url.method} ${url.path}`, { params: fields, answer, ...(required && { required }) }];
    }
}

/** Method and path that each method of a resource calls, by the method's name, read from the code. */
function urlsOf(file) {
    const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true);
    const urls = new Map();
    for (const [name, method] of methodsOf(source)) {
        for (const node of nodes(method)) {
            if (ts.isCallExpression(node) && node.expression.getText(source).endsWith("_makeRequest")) {
                const [verb, path] = node.arguments;
                if (!ts.isStringLiteralLike(path) && !ts.isTemplateExpression(path)) {
                    // It fetches what an event is about, from wherever the event says.
                    continue;
                }
                urls.set(name, { method: verb.text.toUpperCase(), path: pathOf(path, source) });
            }
        }
    }
    return urls;
}

/** The path of a call: a text, or a template whose holes become `{id}`. */
function pathOf(node, source) {
    if (ts.isStringLiteralLike(node)) {
        return node.text;
    }
    const holes = node.templateSpans.map((span) => {
        // `encodeURIComponent(customerId)`: the last word is the name.
        const [, name] = /(\w+)\)*$/.exec(span.expression.getText(source));
        return `{${name}}${span.literal.text}`;
    });
    return node.head.text + holes.join("");
}

/** What an operation answers, from the type of its promise. */
function answerOf(node, shapes, source) {
    const [of] = node?.typeArguments ?? [];
    if (!of) {
        return "any";
    }
    // `Promise<Response<Customer>>`, `ApiListPromise<Customer>`, and a page of the second API by a name of its own.
    const inner = nameOf(of, source) === "Response" ? of.typeArguments[0] : of;
    const shape = shapes.of(shapes.checker.getTypeFromTypeNode(inner), false, 0);
    const promise = promiseOf(node, source);
    if (promise === "ApiListPromise" || promise === "ApiSearchResultPromise") {
        return listOf(shape);
    }
    return promise.includes("List") ? pageOf(shape) : shape;
}

/** The kind of promise that a method answers with. */
function promiseOf(node, source) {
    return node ? nameOf(node, source) : "";
}

/** The name of a type with arguments, without what it is a part of; empty for any other type. */
function nameOf(node, source) {
    return ts.isTypeReferenceNode(node) && node.typeArguments ? node.typeName.getText(source).split(".").at(-1) : "";
}

/** The snapshot events: pairs of a type such as `invoice.paid` and the object it carries. */
function* eventsOf(program, shapes) {
    const source = program.getSourceFile(join(folder, "Events.d.ts"));
    for (const node of source.statements) {
        if (!ts.isInterfaceDeclaration(node) || !node.name.text.endsWith("Event")) {
            continue;
        }
        const event = shapes.checker.getTypeAtLocation(node);
        const kind = shapes.property(event, "type");
        const data = shapes.property(event, "data");
        const object = data && shapes.property(data, "object");
        if (kind?.isStringLiteral() && object) {
            yield [kind.value, shapes.of(object, false, 0)];
        }
    }
}

/** The declarations of thin events. */
function thinSource(program) {
    return program.getSourceFile(join(folder, "V2", "Core", "Events.d.ts"));
}

/** What every thin event has. The second API sends null for what the declarations say may be missing. */
function thinEvent(program, shapes) {
    const base = thinSource(program).statements.find((node) => node.name?.text === "EventBase");
    const { fields, required } = shapes.fields(shapes.checker.getTypeAtLocation(base), false, 0);
    const { request } = fields.reason.fields;
    // Who deletes sends no key: there snapshot events have null, of the same request.
    request.fields.idempotency_key = { null: request.fields.idempotency_key };
    const entries = Object.entries(fields).map(([name, shape]) =>
        [name, required.includes(name) ? shape : { null: orNulls(shape) }]);
    return { fields: Object.fromEntries(entries), required };
}

/** The same of what stands in a field: its inner fields that may be missing may be null. */
function orNulls(shape) {
    if (!shape.fields) {
        return shape;
    }
    const entries = Object.entries(shape.fields).map(([name, inner]) =>
        [name, shape.required?.includes(name) ? inner : { null: inner }]);
    return { ...shape, fields: Object.fromEntries(entries) };
}

/** The thin events: pairs of a type such as `v1.invoice.paid` and what stands in it beside what all have. */
function* thinOf(program, shapes) {
    const base = shapes.checker.getTypeAtLocation(
        thinSource(program).statements.find((node) => node.name?.text === "EventBase"),
    );
    for (const node of thinSource(program).statements) {
        if (!ts.isInterfaceDeclaration(node) || !node.name.text.endsWith("Event")) {
            continue;
        }
        const event = shapes.checker.getTypeAtLocation(node);
        const kind = shapes.property(event, "type");
        if (kind?.isStringLiteral() && THIN.test(kind.value)) {
            const { fields, required = [] } = shapes.fields(event, false, 0);
            const own = Object.entries(fields).filter(([name]) => !base.getProperty(name));
            yield [kind.value, {
                fields: Object.fromEntries(own),
                required: required.filter((name) => !base.getProperty(name)),
            }];
        }
    }
}

const text = derive();
if (options.check) {
    if (readFileSync(options.out, "utf8") !== text) {
        stop(`${options.out} is not what the declarations say. Run this without --check and look at the difference.`);
    }
} else {
    writeFileSync(options.out, text);
}
