/** What ends the year: an expectation that was not met, told so that one sees what was expected and what came. */
import { inspect, isDeepStrictEqual } from "node:util";

/** An expectation that was not met. */
export class Fault extends Error {}

/** Ends the year unless `holds`. */
export function check(holds, message) {
    if (!holds) {
        throw new Fault(message);
    }
}

/** Ends the year unless `got` is `expected`, deep down. */
export function same(what, got, expected) {
    check(isDeepStrictEqual(got, expected), `${what}: expected ${shown(expected)}, got ${shown(got)}`);
}

/** A value in one line. */
export function shown(value) {
    return inspect(value, { breakLength: Infinity, depth: 6, maxArrayLength: 60, maxStringLength: 300 });
}
