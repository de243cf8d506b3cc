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
        BadShape { at, why: error.into_inner().to_string() }
    })?;
    from.end().map_err(|error| BadShape { at: ".".into(), why: error.to_string() })?;
    Ok(value)
}
