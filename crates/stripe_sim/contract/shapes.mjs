/**
 * What a value on the wire may be, written as a "shape", from its type in the declarations of Stripe's SDK.
 *
 * README.md lists the shapes. Used by derive.mjs alone.
 */

/** Numbers by these names may have a fraction; every other number that stands alone is whole. */
const FRACTIONS = /decimal|percent|aggregated_value|exchange_rate/i;

/** No declaration nests deeper than this; one that does runs in a circle, which this program cannot write down. */
const DEEPEST = 24;

/** Metadata as a request has it: an empty text takes a name away. */
const METADATA_ASKED = { map: { null: { any: ["string", "integer"] } } };

/** Metadata as an answer has it. */
const METADATA_TOLD = { map: "string" };

/** Turns types into shapes and keeps the objects that it meets on the way. */
export class Shapes {
    /** The objects met, by name, in the order in which they were met. */
    named = new Map();

    /** `ts` is the compiler, `checker` what it knows of the declarations. */
    constructor(ts, checker) {
        this.ts = ts;
        this.checker = checker;
    }

    /** What a value of `type` may be. `asked`: in a request, where no object stands whole. `undefined`: no value. */
    of(type, asked, depth) {
        if (depth > DEEPEST) {
            throw new Error(`${this.checker.typeToString(type)} is nested too deep`);
        }
        const name = type.getSymbol()?.getName();
        if (isOtherWord(type) || name === "Decimal") {
            return "string";
        }
        if (name === "Metadata" || name === "MetadataParam") {
            return asked ? METADATA_ASKED : METADATA_TOLD;
        }
        return this.scalar(type) ?? this.compound(type, name, asked, depth);
    }

    /** What a value without parts may be. */
    scalar(type) {
        const { Any, Boolean, BooleanLiteral, Null, Number, String, Unknown } = this.ts.TypeFlags;
        const plain = [[Any | Unknown, "any"], [String, "string"], [Number, "number"], [Boolean, "boolean"]];
        const found = plain.find(([flag]) => type.flags & flag);
        if (found) {
            return found[1];
        }
        if (type.isStringLiteral()) {
            return wordsOf([type.value], false);
        }
        if (type.isNumberLiteral()) {
            return { enum: [type.value] };
        }
        if (type.flags & BooleanLiteral) {
            return { enum: [this.isTrue(type)] };
        }
        return type.flags & Null ? { null: "any" } : undefined;
    }

    /** What a value with parts or alternatives may be. */
    compound(type, name, asked, depth) {
        if (type.isUnion()) {
            return this.union(type, asked, depth);
        }
        if (type.isIntersection()) {
            // The only one there is is a text that is no known word.
            return "string";
        }
        if (this.checker.isArrayType(type)) {
            return { list: this.of(this.checker.getTypeArguments(type)[0], asked, depth + 1) };
        }
        if (name === "ApiList" || name === "ApiSearchResult") {
            const [of] = this.checker.getTypeArguments(type);
            return listOf(of ? this.of(of, asked, depth + 1) : "any");
        }
        const object = asked ? undefined : this.objectName(type);
        if (object) {
            if (!this.named.has(object)) {
                this.named.set(object, type);
            }
            return { ref: object };
        }
        if (type.getCallSignatures().length > 0) {
            return undefined;
        }
        const index = this.checker.getIndexInfoOfType(type, this.ts.IndexKind.String);
        if (index && this.checker.getPropertiesOfType(type).length === 0) {
            return { map: this.of(index.type, asked, depth + 1) };
        }
        return this.fields(type, asked, depth);
    }

    /** The fields of `type`. `void`, the type of a field that no live object has, is an object without any. */
    fields(type, asked, depth) {
        const fields = {};
        const required = [];
        for (const property of this.checker.getPropertiesOfType(type)) {
            const of = this.typeOf(property);
            const shape = this.of(of, asked, depth + 1);
            if (shape !== undefined) {
                const name = property.getName();
                fields[name] = this.isNumberAlone(of) && !FRACTIONS.test(name) ? whole(shape) : shape;
                if (!(property.flags & this.ts.SymbolFlags.Optional)) {
                    required.push(name);
                }
            }
        }
        return required.length > 0 ? { fields, required: required.sort() } : { fields };
    }

    /** What one of several types may be: words first, then true or false, then the rest as the compiler has it. */
    union(type, asked, depth) {
        const { BooleanLiteral, Null, Undefined } = this.ts.TypeFlags;
        const parts = type.types.filter((part) => !(part.flags & (Null | Undefined)));
        const words = parts.filter((part) => part.isStringLiteral()).map((part) => part.value);
        const truths = parts.filter((part) => part.flags & BooleanLiteral);
        const others = parts.filter((part) => !part.isStringLiteral() && !(part.flags & BooleanLiteral));
        const rest = words.length > 0 ? others.filter((part) => !isOtherWord(part) && !part.isIntersection()) : others;
        let nullable = type.types.some((part) => part.flags & Null);
        const shapes = [];
        if (words.length === 1 && words[0] === "" && truths.length + rest.length > 0) {
            // An empty text beside something else unsets it.
            nullable = true;
        } else if (words.length > 0) {
            shapes.push(wordsOf(words, rest.length < others.length));
        }
        if (truths.length > 0) {
            shapes.push(truths.length === 2 ? "boolean" : { enum: [this.isTrue(truths[0])] });
        }
        shapes.push(...rest.map((part) => this.of(part, asked, depth + 1)));
        const distinct = new Map(shapes.map((shape) => [JSON.stringify(shape), shape]));
        const alternatives = [...distinct.values()];
        const shape = alternatives.length === 1 ? alternatives[0] : { any: alternatives };
        return nullable ? orNull(shape) : shape;
    }

    /** The name of an object that Stripe sends whole: a top-level interface with a fixed `object`. */
    objectName(type) {
        const symbol = type.getSymbol();
        const declared = symbol?.declarations?.[0];
        if (!declared || !this.ts.isInterfaceDeclaration(declared) || !this.ts.isSourceFile(declared.parent)) {
            return undefined;
        }
        const object = this.property(type, "object");
        const word = object?.isUnion() ? object.types.find((part) => part.isStringLiteral()) : object;
        if (!word?.isStringLiteral()) {
            return undefined;
        }
        const isDeleted = symbol.getName().startsWith("Deleted") && type.getProperty("deleted");
        return isDeleted ? `deleted_${word.value}` : word.value;
    }

    /** The type of the property `name` of `type`. */
    property(type, name) {
        const property = type.getProperty(name);
        return property && this.typeOf(property);
    }

    /** The type of a property. */
    typeOf(property) {
        const declared = property.valueDeclaration ?? property.declarations?.[0];
        return declared
            ? this.checker.getTypeOfSymbolAtLocation(property, declared)
            : this.checker.getTypeOfSymbol(property);
    }

    /** Whether a field of `type` holds a number, null or nothing, and no other thing. */
    isNumberAlone(type) {
        const { Null, Number, Undefined } = this.ts.TypeFlags;
        const parts = (type.isUnion() ? type.types : [type]).filter((part) => !(part.flags & (Null | Undefined)));
        return parts.length === 1 && Boolean(parts[0].flags & Number);
    }

    /** Whether a type that is true or false is true. */
    isTrue(type) {
        return this.checker.typeToString(type) === "true";
    }
}

/** Whether `type` is "any other text", which the declarations put beside words that may grow. */
function isOtherWord(type) {
    return type.aliasSymbol?.getName() === "OtherString";
}

/** The shape of a number, as that of a whole one. */
function whole(shape) {
    return shape === "number" ? "integer" : { null: "integer" };
}

/** One of these words. An empty one is no word: it unsets. */
function wordsOf(words, open) {
    const named = words.filter((word) => word !== "").sort();
    const shape = open ? { enum: named, open: true } : { enum: named };
    return named.length < words.length ? { null: shape } : shape;
}

/** `shape` or null. */
function orNull(shape) {
    return typeof shape === "object" && "null" in shape ? shape : { null: shape };
}

/** A list of the first API. */
export function listOf(shape) {
    return {
        fields: {
            object: { enum: ["list", "search_result"] },
            data: { list: shape },
            has_more: "boolean",
            url: "string",
        },
        required: ["data", "has_more", "object", "url"],
    };
}

/** A page of the second API. */
export function pageOf(shape) {
    const url = { null: "string" };
    return {
        fields: { data: { list: shape }, next_page_url: url, previous_page_url: url },
        required: ["data", "next_page_url", "previous_page_url"],
    };
}
