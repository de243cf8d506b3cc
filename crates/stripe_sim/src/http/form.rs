//! Stripe's form encoding, read: `items[0][price]=…` becomes a tree.

use crate::error::ApiError;
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
///
/// # Errors
/// It is not UTF-8, or nested too deeply. The texts are ours.
pub(crate) fn read(text: &[u8]) -> Result<BTreeMap<String, Given>, ApiError> {
    let mut tree = BTreeMap::new();
    for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let middle = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = (decoded(&pair[..middle])?, decoded(pair.get(middle + 1..).unwrap_or_default())?);
        let path = path(&name);
        if path.len() > DEEPEST {
            return Err(ApiError::wrong(&format!("This parameter is nested too deeply: {name}"), path[0]));
        }
        put(&mut tree, &path, value);
    }
    Ok(tree)
}

/// A name or value without `+` and `%` signs.
fn decoded(text: &[u8]) -> Result<String, ApiError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escaped = || Some(16 * digit(*after.first()?)? + digit(*after.get(1)?)?);
        let (byte, taken) = match first {
            b'+' => (b' ', 0),
            b'%' => escaped().map_or((b'%', 0), |byte| (byte, 2)),
            byte => (*byte, 0),
        };
        bytes.push(byte);
        rest = &after[taken..];
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid("The parameters of this request are not valid UTF-8."))
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
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
    let name = if first.is_empty() { place(tree, rest) } else { (*first).to_owned() };
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

/// Which place of a list `[]` means: the last, as long as it lacks what is given there, so that
/// `items[][price]=…&items[][quantity]=…` is one item; else the next.
fn place(list: &BTreeMap<String, Given>, rest: &[&str]) -> String {
    let last = list.len().checked_sub(1).map(|last| last.to_string());
    let lacks = |last: &String| !rest.is_empty() && list.get(last).is_some_and(|item| !has(item, rest));
    last.filter(lacks).unwrap_or_else(|| list.len().to_string())
}

/// Whether something stands at `path` in `given` already.
fn has(given: &Given, path: &[&str]) -> bool {
    match (given, path) {
        (Given::Text(_), _) | (Given::Inner(_), []) => true,
        // One more can always be put at the end of a list.
        (Given::Inner(_), [""]) => false,
        (Given::Inner(parts), [first, rest @ ..]) => parts.get(*first).is_some_and(|part| has(part, rest)),
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
            (
                "items[][price]=p&items[][quantity]=2&items[][price]=q&items[][m][k]=v",
                json!({ "items": { "0": { "price": "p", "quantity": "2" }, "1": { "price": "q", "m": { "k": "v" } } } }),
            ),
            ("a[][b][]=1&a[][b][]=2", json!({ "a": { "0": { "b": { "0": "1", "1": "2" } } } })),
            ("a=1&a=2", json!({ "a": "2" })),
            ("a&b=+&c=%2B%", json!({ "a": "", "b": " ", "c": "+%" })),
            ("a=1&a[b]=2", json!({ "a": { "b": "2" } })),
            ("metadata[k]=", json!({ "metadata": { "k": "" } })),
        ];
        for (text, expected) in table {
            let read = Given::Inner(read(text.as_bytes()).expect("a form")).plain();
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let deep = |depth: usize| format!("a{}=1", "[b]".repeat(depth));
        for (text, good) in [
            ("a=%F0%9F%92%B6&%C3%A9=%zz%4", true),
            ("a=%ff", false),
            ("%c3=1", false),
            (deep(11).as_str(), true),
            (deep(12).as_str(), false),
            (deep(100_000).as_str(), false),
            ("=&&==&[=&]=&[]=1&[[[]]]=2&a[=1&a]]=2&a[b=3", true),
        ] {
            assert_eq!(read(text.as_bytes()).is_ok(), good, "{}", &text[..text.len().min(80)]);
        }
        assert!(read(b"a=\xff\xfe").is_err());
    }
}
