//! Reading JSON into objects, with an error that names the field that is missing or of another kind.

use serde::de::DeserializeOwned;
use std::fmt;

/// An answer or event that is not what was expected: nothing of it may be acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadShape {
    /// Where in the JSON, such as `items.data[0].current_period_end`; `.` is the whole.
    pub at: String,
    /// What is wrong there.
    pub why: String,
}

impl fmt::Display for BadShape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "at `{}`: {}", self.at, self.why)
    }
}

impl std::error::Error for BadShape {}

/// Reads `json` as a `T`.
///
/// # Errors
/// [`BadShape`] when it is not JSON, or a field that `T` requires is missing or of another kind.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, BadShape> {
    let mut from = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let at = error.path().to_string();
        BadShape { at, why: without_value(&error.into_inner().to_string()) }
    })?;
    from.end().map_err(|error| BadShape { at: ".".into(), why: error.to_string() })?;
    Ok(value)
}

/// What serde says, without the value it found, which may be somebody's address.
fn without_value(why: &str) -> String {
    let bare = |what: &'static str| {
        let (found, expected) = why.strip_prefix(what)?.rsplit_once(", expected ")?;
        let kind = found.split(['"', '`']).next()?.trim_end();
        Some(format!("{what}{kind}, expected {expected}"))
    };
    ["invalid type: ", "invalid value: "].into_iter().find_map(bare).unwrap_or_else(|| why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_fault_names_the_place_and_not_the_value() {
        for (json, found) in [
            (r#"{"a":"jenny@example.com, expected x"}"#, "invalid type: string, expected i64"),
            (r#"{"a":1.5}"#, "invalid type: floating point, expected i64"),
            (r#"{"a":{"b":1}}"#, "invalid type: map, expected i64"),
        ] {
            let fault = read::<std::collections::BTreeMap<String, i64>>(json.as_bytes()).expect_err(json);
            assert_eq!(fault.at, "a");
            assert!(fault.why.starts_with(found), "{fault}");
        }
    }
}
