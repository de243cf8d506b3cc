//! What each kind of object is, and what its operations do.

pub(crate) mod catalog;
pub(crate) mod customers;
pub(crate) mod metadata;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Fields of an object that mean nothing to the sandbox: kept and shown as they were given.
pub(crate) type Kept = Map<String, Value>;

/// Takes over from `params` those of `names` that were given; null is one that was unset.
pub(crate) fn keep(kept: &mut Kept, params: &Value, names: &[&str]) {
    for name in names {
        if let Some(value) = params.get(name) {
            kept.insert((*name).to_owned(), value.clone());
        }
    }
}

/// Reads a field that may be absent (`None`) or unset (`Some(Value::Null)`). To be used with `default`.
pub(crate) fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}
