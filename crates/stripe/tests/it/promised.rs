//! Whatever the client reads and Stripe promises is missed by name when it is not there.
//!
//! Stripe's published examples are taken apart field by field, however deep: a field is read if an example with
//! nonsense in its place is refused; it is promised if the contract says so. A field that is both must not be missing
//! unseen, or a skipped write would follow.

use crate::{
    contract::contract,
    shapes::{OBJECTS, WhyNot, fixture},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What may be missing all the same, and why.
const EXCEPT: &[(&str, &str)] = &[
    ("invoice.id", "`invoice.upcoming` tells of an invoice without one"),
    ("subscription.discounts", SENT_AGAIN),
    ("subscription.items.data.0.discounts", SENT_AGAIN),
    ("subscription.items.data.0.tax_rates", SENT_AGAIN),
    ("subscription_item.discounts", SENT_AGAIN),
    ("subscription_item.tax_rates", SENT_AGAIN),
];
const SENT_AGAIN: &str = "only read to be listed again in a schedule: a subscription is mirrored without it";

/// Every field below `value` that `shape` promises, as pointers.
fn promised(schemas: &Value, shape: &Value, value: &Value, at: &str, found: &mut BTreeSet<String>) {
    if let Some(name) = shape.get("ref").and_then(Value::as_str) {
        return promised(schemas, &schemas[name], value, at, found);
    }
    if let Some(inner) = shape.get("null") {
        return promised(schemas, inner, value, at, found);
    }
    if let Some(several) = shape.get("any").and_then(Value::as_array) {
        // An object that stands in place of its id: the alternative that knows its fields.
        let fits = |shape: &&Value| {
            let fields = shape.get("ref").and_then(Value::as_str).map_or(*shape, |name| &schemas[name]);
            let known = fields.get("fields").and_then(Value::as_object);
            known.zip(value.as_object()).is_some_and(|(known, has)| has.keys().all(|name| known.contains_key(name)))
        };
        if let Some(shape) = several.iter().find(fits) {
            promised(schemas, shape, value, at, found);
        }
        return;
    }
    if let (Some(inner), Some(items)) = (shape.get("list"), value.as_array()) {
        for (n, item) in items.iter().enumerate() {
            promised(schemas, inner, item, &format!("{at}/{n}"), found);
        }
    }
    if let (Some(fields), Some(has)) = (shape.get("fields"), value.as_object()) {
        let required: Vec<_> = shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, inner) in has {
            let at = format!("{at}/{name}");
            promised(schemas, &fields[name], inner, &at, found);
            if required.contains(&name.as_str()) {
                found.insert(at);
            }
        }
    }
}

/// `object` with the field at `at` changed by `change`.
fn with(object: &Value, at: &str, change: impl FnOnce(&mut serde_json::Map<String, Value>, &str)) -> Value {
    let mut object = object.clone();
    let (parent, field) = at.rsplit_once('/').expect("a pointer");
    change(object.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object"), field);
    object
}

/// Whether the client reads the field at `at`: with nonsense there the object is refused.
fn is_read(object: &Value, at: &str, why_not: WhyNot) -> bool {
    let nonsense = [json!({ "id": [1] }), json!([[1]]), json!(0.5), json!("§")];
    nonsense.iter().any(|nonsense| {
        let put = |parent: &mut serde_json::Map<String, Value>, field: &str| {
            parent.insert(field.to_owned(), nonsense.clone());
        };
        why_not(&with(object, at, put)).is_some()
    })
}

#[test]
fn what_is_read_and_promised_is_missed_by_name() {
    let contract = contract();
    let schemas = &contract["schemas"];
    let (mut read, mut unseen) = (BTreeMap::new(), Vec::new());
    for (name, why_not) in OBJECTS {
        let object = fixture(name);
        let mut fields = BTreeSet::new();
        promised(schemas, &schemas[name], &object, "", &mut fields);
        for at in fields.iter().filter(|at| is_read(&object, at, *why_not)) {
            *read.entry(*name).or_insert(0) += 1;
            let field = at.rsplit('/').next().expect("a field");
            let gone = with(&object, at, |parent, field| drop(parent.remove(field)));
            let missed = format!("missing field `{field}`");
            let place = format!("{name}{}", at.replace('/', "."));
            let excepted = EXCEPT.iter().any(|(except, _)| *except == place);
            if why_not(&gone).is_none_or(|why| !why.contains(&missed)) != excepted {
                unseen.push(place);
            }
        }
    }
    assert!(unseen.is_empty(), "these may be missing and nobody sees it (or are excepted for nothing): {unseen:?}");
    let all: i32 = read.values().sum();
    assert!(all > 200 && read["subscription"] > 20 && read["invoice"] > 25, "{all} of {read:?}");
}
