//! Parameters that many calls share: pages, times of creation, metadata, expansion.

use crate::Seconds;
use serde::Serialize;
use std::collections::BTreeMap;

/// Names and texts kept on an object: at most 50, names of at most 40 characters, texts of at most 500.
///
/// In a change a name with an empty text is taken away, and an empty map takes all away.
/// Source: <https://docs.stripe.com/api/metadata>
pub type Metadata = BTreeMap<String, String>;

/// What is answered whole instead of by its id, such as `latest_invoice`; in lists it begins with `data.`.
/// At most four levels deep.
pub type Expand = Vec<&'static str>;

/// Which part of a list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PageOf {
    /// Objects on a page, 1–100; Stripe's default is 10, [`PageOf::full`] asks for 100.
    pub limit: Option<u8>,
    /// The object before the first of the page, in the list's order (newest first).
    pub starting_after: Option<String>,
    /// The object after the last of the page.
    pub ending_before: Option<String>,
}

impl PageOf {
    /// The first page, as long as it may be.
    #[must_use]
    pub fn full() -> Self {
        Self { limit: Some(100), ..Self::default() }
    }
}

/// When it was created.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Created {
    /// At or after.
    pub gte: Option<Seconds>,
    /// Before.
    pub lt: Option<Seconds>,
}

/// No parameters.
#[derive(Serialize)]
pub(super) struct Nothing {}

/// Nothing but what is to be expanded.
#[derive(Serialize)]
pub(super) struct Expanding {
    /// What is answered whole.
    pub expand: Option<Expand>,
}

impl Expanding {
    /// Expands `what`.
    pub fn of(what: &[&'static str]) -> Self {
        Self { expand: (!what.is_empty()).then(|| what.to_vec()) }
    }
}
