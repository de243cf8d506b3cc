//! Stripe's wire as data: the parameters of every operation and the fields of every object, of one version.
//!
//! `contract/endive.json` is derived from the type declarations of the npm package `stripe` by `contract/derive.mjs`.
//! Requests are read by it, so that a wrong parameter is refused as Stripe does; answers are filled up by it, so that
//! every field the API promises is there.

mod ask;
mod fill;
#[cfg(test)]
pub(crate) mod judge;
mod shape;
mod undocumented;

pub(crate) use ask::read;
pub(crate) use fill::fill;
pub(crate) use shape::Shape;

use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

/// One version of the wire.
#[derive(Deserialize)]
pub(crate) struct Contract {
    /// The version, such as `2026-10-28.endive`.
    #[cfg(test)]
    pub version: String,
    /// Operations by method and path, such as `GET /v1/customers/{id}`.
    pub operations: BTreeMap<String, Operation>,
    /// Objects by name, such as `customer`.
    pub schemas: BTreeMap<String, Shape>,
    /// Snapshot events by type, and the object each carries.
    #[cfg(test)]
    pub events: BTreeMap<String, Shape>,
}

/// What may be asked, and what answers.
#[derive(Deserialize)]
pub(crate) struct Operation {
    /// The parameters.
    pub params: BTreeMap<String, Shape>,
    /// Those that must be there.
    #[serde(default)]
    pub required: Vec<String>,
    /// What answers.
    pub answer: Shape,
}

/// The version that is simulated.
pub(crate) static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let text = include_str!("../../contract/endive.json");
    let mut contract: Contract = serde_json::from_str(text).expect("the contract is JSON of this shape");
    contract.operations.extend(undocumented::operations());
    contract
});

#[cfg(test)]
mod tests {
    use super::{CONTRACT, Shape};

    #[test]
    fn the_contract_is_read_whole() {
        assert_eq!(CONTRACT.version, "2026-10-28.endive");
        assert!(CONTRACT.operations.len() > 200 && CONTRACT.schemas.len() > 100 && CONTRACT.events.len() > 270);
        let customer = &CONTRACT.schemas["customer"];
        let Shape::Object { fields, required } = customer else { panic!("no object: {customer:?}") };
        assert!(required.contains(&"invoice_settings".to_owned()) && fields.contains_key("email"));
    }
}
