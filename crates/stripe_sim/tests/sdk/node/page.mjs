/**
 * The hosted checkout page, used as a browser uses it: the page is fetched, its form filled in, and sent.
 *
 * This file alone knows the names of the form's fields.
 */
import { Fault } from "./fault.mjs";

/** The fields of the page's form, by what a person puts there. */
const FIELDS = {
    method: "method",
    number: "number",
    expiry: "expiry",
    cvc: "cvc",
    email: "email",
    name: "name",
};

/** A card as a person has it in hand. */
const CARD = { method: "card", expiry: "12 / 34", cvc: "123" };

/**
 * Pays at `url` as `person` ({ number, email, name }), with one press of the button.
 *
 * Answers { location, text }: where the browser is sent (null when the page comes again, as after a declined card), and
 * the page that came.
 */
export async function payAsAPerson(url, person) {
    const page = await fetch(url, { redirect: "manual" });
    const html = await page.text();
    if (page.status !== 200) {
        throw new Fault(`the checkout page answers ${page.status}`);
    }
    const form = formOf(html);
    const fields = new URLSearchParams(form.fields);
    for (const [meaning, value] of Object.entries({ ...CARD, ...person })) {
        const name = FIELDS[meaning];
        if (form.names.includes(name)) {
            fields.set(name, value);
        } else if (meaning === "number") {
            throw new Fault(`the checkout page has no field "${name}", but ${form.names.join(", ")}`);
        }
    }
    const sent = await fetch(new URL(form.action || url, url), {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded", accept: "text/html" },
        body: fields.toString(),
        redirect: "manual",
    });
    const text = await sent.text();
    if (sent.status >= 500) {
        throw new Fault(`the checkout page answers ${sent.status} to its form: ${text.slice(0, 300)}`);
    }
    return { location: sent.headers.get("location"), text };
}

/** The first form of a page that is sent by POST: where to, with which values already, and the names of its fields. */
function formOf(html) {
    for (const [, attributes, inside] of html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)) {
        const form = read(attributes);
        if (form.method?.toLowerCase() === "post") {
            return { action: form.action, ...fieldsOf(inside) };
        }
    }
    throw new Fault("the checkout page has no form to send");
}

/** What a browser would send of a form nobody touched, and the names of all its fields. */
function fieldsOf(inside) {
    const fields = [];
    const names = [];
    let pressed = false;
    let select;
    for (const [, tag, attributes] of inside.matchAll(/<(input|select|option|textarea|button)\b([^>]*)>/gi)) {
        const kind = tag.toLowerCase();
        const field = read(attributes);
        if (kind === "option") {
            // The first choice of a list counts, unless another is marked.
            if (select && (select[1] === null || "selected" in field)) {
                select[1] = field.value ?? "";
            }
            continue;
        }
        if (!field.name) {
            continue;
        }
        names.push(field.name);
        if (kind === "select") {
            select = [field.name, null];
            fields.push(select);
            continue;
        }
        const isButton = kind === "button" || field.type === "submit";
        const isChoice = field.type === "radio" || field.type === "checkbox";
        const counts = isButton ? !pressed : isChoice ? "checked" in field : true;
        pressed ||= isButton;
        if (counts) {
            fields.push([field.name, field.value ?? ""]);
        }
    }
    return { fields: fields.map(([name, value]) => [name, value ?? ""]), names };
}

/** The attributes of a tag. */
function read(text) {
    const attributes = {};
    const pattern = /([\w:-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;
    for (const [, name, quoted, single, bare] of text.matchAll(pattern)) {
        attributes[name.toLowerCase()] = plain(quoted ?? single ?? bare ?? "");
    }
    return attributes;
}

/** A text without the escapes of HTML. */
function plain(text) {
    const named = { amp: "&", apos: "'", gt: ">", lt: "<", quot: '"' };
    return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
        const code = hex ? parseInt(hex, 16) : decimal ? parseInt(decimal, 10) : undefined;
        return code === undefined ? (named[name.toLowerCase()] ?? whole) : String.fromCodePoint(code);
    });
}
