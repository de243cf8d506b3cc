//! Whether a value is what the contract says: every answer and event of the tests is judged. The judge from outside is
//! `tests/sdk/check.py`.

use super::{CONTRACT, Shape};
use serde_json::Value;

/// Objects of which the contract knows little more than that they exist may have other fields.
const FEW_FIELDS: usize = 6;

/// What is wrong with `value`, which should be a `shape`; empty when nothing is.
pub(crate) fn faults(shape: &Shape, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    judge(shape, value, "", &mut found);
    found
}

fn judge(shape: &Shape, value: &Value, at: &str, found: &mut Vec<String>) {
    let fits = match (shape, value) {
        (Shape::Any, _) | (Shape::Nullable(_), Value::Null) | (Shape::Text, Value::String(_)) => true,
        // Nothing is declared of it.
        (Shape::Object { fields, .. }, _) if fields.is_empty() => true,
        (Shape::Boolean, Value::Bool(_)) => true,
        (Shape::Integer, Value::Number(number)) => number.is_i64() || number.is_u64(),
        (Shape::Number, Value::Number(_)) => true,
        (Shape::Words { words, .. }, value) => words.contains(value),
        (Shape::Nullable(of), value) => return judge(of, value, at, found),
        (Shape::Ref(name), value) => match CONTRACT.schemas.get(name) {
            Some(shape) => return judge(shape, value, at, found),
            None => false,
        },
        (Shape::List(of), Value::Array(items)) => {
            items.iter().enumerate().for_each(|(place, item)| judge(of, item, &format!("{at}/{place}"), found));
            true
        }
        (Shape::Map(of), Value::Object(items)) => {
            items.iter().for_each(|(name, item)| judge(of, item, &format!("{at}/{name}"), found));
            true
        }
        (Shape::Object { fields, required }, Value::Object(given)) => {
            for name in required.iter().filter(|name| !given.contains_key(*name)) {
                found.push(format!("{at}/{name} is missing"));
            }
            for (name, value) in given {
                match fields.get(name) {
                    Some(shape) => judge(shape, value, &format!("{at}/{name}"), found),
                    None if fields.len() >= FEW_FIELDS => found.push(format!("{at}/{name} is none of its fields")),
                    None => {}
                }
            }
            true
        }
        (Shape::OneOf(several), value) => several.iter().any(|shape| faults(shape, value).is_empty()),
        _ => false,
    };
    if !fits {
        found.push(format!("{at}: {value} is no {shape:?}"));
    }
}
