//! What each kind of object is, and what its operations do.

pub(crate) mod balance;
pub(crate) mod cards;
pub(crate) mod catalog;
pub(crate) mod charges;
pub(crate) mod checkout;
pub(crate) mod customers;
pub(crate) mod customers_balance;
pub(crate) mod decimal;
pub(crate) mod disputes;
pub(crate) mod entitlements;
pub(crate) mod invoices;
pub(crate) mod metadata;
pub(crate) mod meters;
pub(crate) mod payment_intents;
pub(crate) mod payment_methods;
pub(crate) mod period;
pub(crate) mod portal;
pub(crate) mod refunds;
pub(crate) mod schedules;
pub(crate) mod setup_intents;
pub(crate) mod subscriptions;
pub(crate) mod test_clocks;
#[cfg(test)]
pub(crate) mod testing;

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
