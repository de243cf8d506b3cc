//! What changed of an object: the former values, as events tell them.

use serde_json::{Map, Value};

/// The former values of what differs between `before` and `after`; `None` when nothing does.
///
/// Inside an object each field is told by itself (one that was not there was null); a list is told whole.
pub(crate) fn previous(before: &Value, after: &Value) -> Option<Value> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let mut former = Map::new();
            for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
                let was = before.get(name).unwrap_or(&Value::Null);
                let is = after.get(name).unwrap_or(&Value::Null);
                if let Some(value) = previous(was, is) {
                    former.insert(name.clone(), value);
                }
            }
            (!former.is_empty()).then_some(Value::Object(former))
        }
        (before, after) => (before != after).then(|| before.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::previous;
    use serde_json::json;

    #[test]
    fn former_values_of_what_differs() {
        let table = [
            (json!({ "a": 1 }), json!({ "a": 1 }), None),
            (json!({ "a": 1, "b": 2 }), json!({ "a": 1, "b": 3 }), Some(json!({ "b": 2 }))),
            (json!({ "m": {} }), json!({ "m": { "foo": "x" } }), Some(json!({ "m": { "foo": null } }))),
            (json!({ "m": { "foo": "x" } }), json!({ "m": {} }), Some(json!({ "m": { "foo": "x" } }))),
            (json!({ "l": [1, 2] }), json!({ "l": [1] }), Some(json!({ "l": [1, 2] }))),
            (json!({ "a": null }), json!({ "a": "x" }), Some(json!({ "a": null }))),
        ];
        for (before, after, expected) in table {
            assert_eq!(previous(&before, &after), expected, "{before} -> {after}");
        }
    }
}
