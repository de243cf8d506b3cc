//! Stripe's form encoding, read: `items[0][price]=…` becomes a tree.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What was given for a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// A text.
    Text(String),
    /// Parts by name; the parts of a list are named by their place.
    Inner(BTreeMap<String, Given>),
}

impl Given {
    /// As JSON, with all leaves texts.
    pub fn plain(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Inner(parts) => {
                Value::Object(parts.iter().map(|(name, part)| (name.clone(), part.plain())).collect::<Map<_, _>>())
            }
        }
    }

    /// The given `value` of a JSON body, with all leaves texts; null is an empty text.
    pub fn of_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::Text(String::new()),
            Value::String(text) => Self::Text(text.clone()),
            Value::Object(parts) => {
                Self::Inner(parts.iter().map(|(name, part)| (name.clone(), Self::of_json(part))).collect())
            }
            Value::Array(items) => {
                let parts = items.iter().enumerate().map(|(place, item)| (place.to_string(), Self::of_json(item)));
                Self::Inner(parts.collect())
            }
            other => Self::Text(other.to_string()),
        }
    }
}

/// As Stripe shows a wrong value in an error.
pub(crate) fn shown(given: &Given) -> String {
    given.plain().to_string()
}

/// Deepest nesting that is read; Stripe's own parameters go no deeper than this.
const DEEPEST: usize = 12;

/// Reads a query or form body. What is named twice counts the second time; `a[]` is the next place of a list.
pub(crate) fn read(text: &[u8]) -> BTreeMap<String, Given> {
    let mut tree = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(text) {
        let path = path(&name);
        if path.len() <= DEEPEST {
            put(&mut tree, &path, value.into_owned());
        }
    }
    tree
}

/// The parts of `a[b][0]`.
fn path(name: &str) -> Vec<&str> {
    let Some((first, rest)) = name.split_once('[') else { return vec![name] };
    let mut parts = vec![first];
    parts.extend(rest.trim_end_matches(']').split("]["));
    parts
}

fn put(tree: &mut BTreeMap<String, Given>, path: &[&str], value: String) {
    let Some((first, rest)) = path.split_first() else { return };
    let name = if first.is_empty() { tree.len().to_string() } else { (*first).to_owned() };
    if rest.is_empty() {
        tree.insert(name, Given::Text(value));
        return;
    }
    let inner = tree.entry(name).or_insert_with(|| Given::Inner(BTreeMap::new()));
    if let Given::Text(_) = inner {
        *inner = Given::Inner(BTreeMap::new());
    }
    if let Given::Inner(parts) = inner {
        put(parts, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{Given, read};
    use serde_json::json;

    #[test]
    fn brackets_make_a_tree() {
        let table = [
            ("", json!({})),
            ("a=1&b=x+y%26z", json!({ "a": "1", "b": "x y&z" })),
            (
                "items[0][price]=p&items[1][price]=q",
                json!({ "items": { "0": { "price": "p" }, "1": { "price": "q" } } }),
            ),
            ("items%5B0%5D%5Bprice%5D=p", json!({ "items": { "0": { "price": "p" } } })),
            ("expand[]=a&expand[]=b", json!({ "expand": { "0": "a", "1": "b" } })),
            ("a=1&a=2", json!({ "a": "2" })),
            ("a=1&a[b]=2", json!({ "a": { "b": "2" } })),
            ("metadata[k]=", json!({ "metadata": { "k": "" } })),
        ];
        for (text, expected) in table {
            let read = Given::Inner(read(text.as_bytes())).plain();
            assert_eq!(read, expected, "{text}");
        }
    }
}
