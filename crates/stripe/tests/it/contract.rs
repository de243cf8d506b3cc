//! Judges requests by Stripe's wire contract, as deep as they go. It shares no code with the client.

use purser_stripe::Request;
use serde_json::{Map, Value};

/// The contract.
pub fn contract() -> Value {
    let text = include_str!("../../../stripe_sim/contract/endive.json");
    serde_json::from_str(text).expect("the contract")
}

/// What is wrong with the parameters of `request`.
pub fn faults(contract: &Value, request: &Request) -> Vec<String> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let Some((label, operation)) = operation(contract, request.method.name(), path) else {
        return vec![format!("{path} is none of Stripe's")];
    };
    let mut given = Value::Object(Map::new());
    for form in [query, &request.body] {
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').expect("a name and a value");
            put(&mut given, &decoded(name), decoded(value));
        }
    }
    let shape = serde_json::json!({ "fields": operation["params"], "required": operation["required"] });
    let mut found = Vec::new();
    judge(&shape, &given, label, &mut found);
    found
}

/// The operation of a path: a word stands before an id.
fn operation<'a>(contract: &'a Value, method: &str, path: &str) -> Option<(&'a str, &'a Value)> {
    let fits = |label: &str| {
        let (verb, form) = label.split_once(' ').expect("a verb and a path");
        let (form, path): (Vec<_>, Vec<_>) = (form.split('/').collect(), path.split('/').collect());
        let same = |(form, part): (&&str, &&str)| form.starts_with('{') || form == part;
        verb == method && form.len() == path.len() && form.iter().zip(&path).all(same)
    };
    let all = contract["operations"].as_object().expect("operations");
    let found = all.iter().filter(|(label, _)| fits(label)).min_by_key(|(label, _)| label.matches('{').count());
    found.map(|(label, operation)| (label.as_str(), operation))
}

/// A part of a form without its encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let hex = std::str::from_utf8(&rest[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(hex, 16).expect("two digits"));
            rest = &rest[2..];
        } else {
            bytes.push(if byte == b'+' { b' ' } else { byte });
        }
    }
    String::from_utf8(bytes).expect("a text")
}

/// Puts `value` where `name`, such as `items[0][price]`, says.
fn put(given: &mut Value, name: &str, value: String) {
    let mut place = given;
    for part in name.split(['[', ']']).filter(|part| !part.is_empty()) {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place = place.as_object_mut().expect("no value has parts").entry(part).or_insert(Value::Null);
    }
    assert!(place.is_null(), "{name} is given twice");
    *place = value.into();
}

/// Adds what is wrong with `given`, which is to be of `shape`.
fn judge(shape: &Value, given: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(kind) = shape.as_str() {
        let text = given.as_str();
        let right = match kind {
            "any" => true,
            "integer" => text.is_some_and(|text| text.parse::<i64>().is_ok()),
            "number" => text.is_some_and(|text| text.parse::<f64>().is_ok()),
            "boolean" => matches!(text, Some("true" | "false")),
            _ => text.is_some(),
        };
        if !right {
            found.push(format!("{at}: {given} is no {kind}"));
        }
    } else if let Some(inner) = shape.get("null") {
        if given.as_str() != Some("") {
            judge(inner, given, at, found);
        }
    } else if let Some(words) = shape.get("enum").and_then(Value::as_array) {
        let is = |word: &Value| {
            word == given || word.as_bool().is_some_and(|word| *given == if word { "true" } else { "false" })
        };
        if !words.iter().any(is) {
            found.push(format!("{at}: {given} is none of {words:?}"));
        }
    } else if let Some(several) = shape.get("any").and_then(Value::as_array) {
        let judged = several.iter().map(|shape| {
            let mut found = Vec::new();
            judge(shape, given, at, &mut found);
            found
        });
        found.extend(judged.min_by_key(Vec::len).unwrap_or_default());
    } else if let Some(inner) = shape.get("list").or_else(|| shape.get("map")) {
        match given.as_object() {
            Some(parts) => parts.iter().for_each(|(name, part)| judge(inner, part, &format!("{at}[{name}]"), found)),
            None if *given == "" => {}
            None => found.push(format!("{at}: {given} has no parts")),
        }
    } else if let Some(fields) = shape.get("fields") {
        let Some(parts) = given.as_object() else { return found.push(format!("{at}: {given} has no fields")) };
        for (name, part) in parts {
            match fields.get(name) {
                Some(shape) => judge(shape, part, &format!("{at}[{name}]"), found),
                None => found.push(format!("{at}[{name}] is not known")),
            }
        }
        for name in shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !parts.contains_key(name) {
                found.push(format!("{at}[{name}] is missing"));
            }
        }
    }
}

#[test]
fn what_is_wrong_is_found_however_deep() {
    let contract = contract();
    let faults = |path: &str, body: &str| {
        let request =
            Request { method: purser_stripe::Method::Post, path: path.into(), body: body.into(), object: None };
        faults(&contract, &request)
    };
    assert!(faults("/v1/subscriptions", "customer=cus_1&items%5B0%5D%5Bprice%5D=p&cancel_at=17").is_empty());
    for (path, body, fault) in [
        ("/v1/nothing", "", "none of Stripe's"),
        ("/v1/subscriptions", "customer=cus_1&itmes=1", "[itmes] is not known"),
        ("/v1/subscriptions", "customer=cus_1&items%5B0%5D%5Bprise%5D=p", "[items][0][prise] is not known"),
        ("/v1/subscriptions", "customer=cus_1&items%5B0%5D%5Bquantity%5D=x", "is no integer"),
        ("/v1/subscriptions", "customer=cus_1&cancel_at_period_end=yes", "is no boolean"),
        ("/v1/subscriptions", "customer=cus_1&proration_behavior=later", "is none of"),
        ("/v1/billing/meters", "display_name=x&event_name=y", "[default_aggregation] is missing"),
        ("/v1/subscriptions", "customer=cus_1&items=p", "has no parts"),
    ] {
        let found = faults(path, body);
        assert!(found.len() == 1 && found[0].contains(fault), "{path} {body}: {found:?}");
    }
}
