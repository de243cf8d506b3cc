#!/usr/bin/env node
/**
 * Says what differs between two versions of the contract, field by field.
 *
 *     node crates/stripe_sim/contract/compare.mjs OLD.json NEW.json
 *     git show HEAD~1:crates/stripe_sim/contract/endive.json | node …/compare.mjs - endive.json
 *
 * `-` is gone, `+` is new, `~` is other than it was. Ends with 1 when anything differs.
 */
import { readFileSync } from "node:fs";

const [from, to] = process.argv.slice(2);
if (!to) {
    console.error("usage: compare.mjs OLD.json NEW.json");
    process.exit(2);
}
const [before, after] = [from, to].map((file) => facts(JSON.parse(readFileSync(file === "-" ? 0 : file, "utf8"))));
const names = [...new Set([...before.keys(), ...after.keys()])].sort();
const changed = names.filter((name) => before.get(name) !== after.get(name));
for (const name of changed) {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === undefined) {
        console.log(`+ ${name}: ${is}`);
    } else if (is === undefined) {
        console.log(`- ${name}: ${was}`);
    } else {
        console.log(`~ ${name}: ${was} -> ${is}`);
    }
}
console.log(`${changed.length} of ${names.length} facts differ`);
process.exitCode = changed.length > 0 ? 1 : 0;

/** All that a contract says, as pairs of a place and what may stand there. */
function facts(contract) {
    const found = new Map([["version", contract.version]]);
    for (const [label, { params, answer, required = [] }] of Object.entries(contract.operations)) {
        note(found, `${label} ?`, { fields: params, required });
        note(found, `${label} !`, answer);
    }
    for (const [name, shape] of Object.entries(contract.schemas)) {
        note(found, name, shape);
    }
    for (const [kind, shape] of Object.entries(contract.events)) {
        note(found, `event ${kind}`, shape);
    }
    return found;
}

/** Notes what `shape` says about `place`, and about all places within it. */
function note(found, place, shape, promised = "") {
    found.set(place, promised + brief(shape));
    const inner = "null" in Object(shape) ? shape.null : shape;
    for (const [name, field] of Object.entries(inner.fields ?? {})) {
        note(found, `${place}.${name}`, field, inner.required?.includes(name) ? "required " : "");
    }
    if (inner.list) {
        note(found, `${place}[]`, inner.list);
    }
    if (inner.map) {
        note(found, `${place}{}`, inner.map);
    }
    for (const part of inner.any ?? []) {
        if (typeof part === "object" && !part.ref) {
            note(found, `${place}|${brief(part)}`, part);
        }
    }
}

/** A shape in a word or a few. */
function brief(shape) {
    if (typeof shape === "string") {
        return shape;
    }
    if ("null" in shape) {
        return `${brief(shape.null)} or null`;
    }
    if (shape.enum) {
        return shape.enum.join("|") + (shape.open ? "|…" : "");
    }
    if (shape.any) {
        return shape.any.map(brief).join(" or ");
    }
    if (shape.ref) {
        return `@${shape.ref}`;
    }
    return shape.list ? "list" : shape.map ? "map" : "object";
}
