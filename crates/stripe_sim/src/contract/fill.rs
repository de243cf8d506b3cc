//! Fills an answer up: fields the API promises and nobody gave are null, or the only thing they can be.

use super::{CONTRACT, Shape};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::LazyLock};

/// What there is to fill up, by the name of the object. Worked out once: it is asked for with every object that is shown.
static FILLINGS: LazyLock<HashMap<&'static str, Filling>> = LazyLock::new(|| {
    let all = CONTRACT.schemas.iter();
    all.filter_map(|(name, shape)| Some((name.as_str(), filling(shape)?))).collect()
});

/// What there is to fill up in a value.
enum Filling {
    /// Fields that nobody gave, and in which of those that are there something is left to do.
    Object { missing: Vec<(&'static str, Value)>, inside: Vec<(&'static str, Filling)> },
    /// The same in each part of a list.
    List(Box<Filling>),
    /// The same in each part of a map.
    Map(Box<Filling>),
    /// As another object.
    Ref(&'static str),
    /// As the first that the value is.
    OneOf(Vec<(&'static Shape, Option<Filling>)>),
}

/// What there is to fill up in a `shape`, if there is anything.
fn filling(shape: &'static Shape) -> Option<Filling> {
    match shape {
        Shape::Object { fields, required } => {
            let missing = required.iter().filter_map(|name| Some((name.as_str(), only(name, fields.get(name)?)?)));
            let inside = fields.iter().filter_map(|(name, shape)| Some((name.as_str(), filling(shape)?)));
            let (missing, inside): (Vec<_>, Vec<_>) = (missing.collect(), inside.collect());
            (!missing.is_empty() || !inside.is_empty()).then_some(Filling::Object { missing, inside })
        }
        Shape::List(of) => filling(of).map(|of| Filling::List(Box::new(of))),
        Shape::Map(of) => filling(of).map(|of| Filling::Map(Box::new(of))),
        Shape::Nullable(of) => filling(of),
        Shape::Ref(name) => Some(Filling::Ref(name)),
        Shape::OneOf(several) => Some(Filling::OneOf(several.iter().map(|shape| (shape, filling(shape))).collect())),
        _ => None,
    }
}

/// Fills up `value`, an object named `schema` in the contract.
///
/// A promised field that is missing becomes null where it may be, its one word (`object`), an empty list or map, or
/// `false` for `livemode`: the sandbox has no live mode. Anything else is left out, and shows when answers are checked.
pub(crate) fn fill(schema: &str, value: &mut Value) {
    if let Some(filling) = FILLINGS.get(schema) {
        fill_as(filling, value);
    }
}

fn fill_as(filling: &Filling, value: &mut Value) {
    match (filling, value) {
        (Filling::Object { missing, inside }, Value::Object(given)) => fill_object(missing, inside, given),
        (Filling::List(of), Value::Array(items)) => items.iter_mut().for_each(|item| fill_as(of, item)),
        (Filling::Map(of), Value::Object(items)) => items.values_mut().for_each(|item| fill_as(of, item)),
        (Filling::Ref(name), value) => fill(name, value),
        // A text is an id; the object it could be instead has a name of its own.
        (Filling::OneOf(several), value @ Value::Object(_)) => {
            if let Some((_, Some(filling))) = several.iter().find(|(shape, _)| is_of(shape, value)) {
                fill_as(filling, value);
            }
        }
        _ => {}
    }
}

fn fill_object(missing: &[(&str, Value)], inside: &[(&str, Filling)], given: &mut Map<String, Value>) {
    for (name, value) in missing {
        if !given.contains_key(*name) {
            given.insert((*name).to_owned(), value.clone());
        }
    }
    for (name, filling) in inside {
        if let Some(value) = given.get_mut(*name) {
            fill_as(filling, value);
        }
    }
}

/// What a field is that nobody gave.
fn only(name: &str, shape: &Shape) -> Option<Value> {
    match shape {
        Shape::Nullable(_) => Some(Value::Null),
        Shape::Words { words, .. } if words.len() == 1 => words.first().cloned(),
        Shape::List(_) => Some(json!([])),
        Shape::Map(_) => Some(json!({})),
        Shape::Boolean if name == "livemode" => Some(json!(false)),
        _ => None,
    }
}

/// Whether the object `value` is what `shape` names.
fn is_of(shape: &Shape, value: &Value) -> bool {
    match shape {
        Shape::Ref(name) => {
            let plain = name.strip_prefix("deleted_").unwrap_or(name);
            value["object"] == plain && (plain != name) == (value["deleted"] == true)
        }
        Shape::Object { .. } | Shape::Map(_) => true,
        Shape::Nullable(of) => is_of(of, value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::fill;
    use serde_json::json;

    #[test]
    fn what_is_promised_is_there_and_what_is_given_stays() {
        let mut value = json!({ "id": "cus_1", "balance": 5, "created": 1, "invoice_settings": {}, "email": "a@x" });
        fill("customer", &mut value);
        assert_eq!(value["object"], "customer");
        assert_eq!(value["livemode"], false);
        assert_eq!(value["email"], "a@x");
        assert!(value["description"].is_null() && value.as_object().is_some_and(|all| all.contains_key("description")));
        assert!(value["invoice_settings"]["default_payment_method"].is_null());
        assert_eq!(value["metadata"], json!({}));
        assert!(value.get("sources").is_none(), "what is not promised is not made up");
    }
}
