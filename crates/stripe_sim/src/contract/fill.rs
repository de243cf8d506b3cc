//! Fills an answer up: fields the API promises and nobody gave are null, or the only thing they can be.

use super::{CONTRACT, Shape};
use serde_json::{Map, Value, json};

/// Fills up `value`, an object named `schema` in the contract.
///
/// A promised field that is missing becomes null where it may be, its one word (`object`), an empty list or map, or
/// `false` for `livemode`: the sandbox has no live mode. Anything else is left out, and shows when answers are checked.
pub(crate) fn fill(schema: &str, value: &mut Value) {
    if let Some(shape) = CONTRACT.schemas.get(schema) {
        fill_as(shape, value);
    }
}

fn fill_as(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Object { fields, required }, Value::Object(given)) => fill_object(fields, required, given),
        (Shape::List(of), Value::Array(items)) => items.iter_mut().for_each(|item| fill_as(of, item)),
        (Shape::Map(of), Value::Object(items)) => items.values_mut().for_each(|item| fill_as(of, item)),
        (Shape::Nullable(of), value) => fill_as(of, value),
        (Shape::Ref(name), value) => fill(name, value),
        // A text is an id; the object it could be instead has a name of its own.
        (Shape::OneOf(several), value @ Value::Object(_)) => {
            if let Some(shape) = several.iter().find(|shape| is_of(shape, value)) {
                fill_as(shape, value);
            }
        }
        _ => {}
    }
}

fn fill_object(
    fields: &std::collections::BTreeMap<String, Shape>,
    required: &[String],
    given: &mut Map<String, Value>,
) {
    for name in required {
        if !given.contains_key(name)
            && let Some(value) = fields.get(name).and_then(|shape| only(name, shape))
        {
            given.insert(name.clone(), value);
        }
    }
    for (name, value) in given {
        if let Some(shape) = fields.get(name) {
            fill_as(shape, value);
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
