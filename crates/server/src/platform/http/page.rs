//! Lists: a page of data, whether there is more, and where the next begins.

use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PageOf<T> {
    /// Always `list`.
    #[schema(value_type = String, pattern = "^list$")]
    pub object: &'static str,
    /// The page, in the order of the list.
    pub data: Vec<T>,
    /// Whether there is more after it: ask again with `starting_after` the last one's id.
    pub has_more: bool,
}

impl<T> PageOf<T> {
    /// The page of `rows`, which were read with one more than `limit` (see [`Limit::one_more`]).
    #[must_use]
    pub fn new(mut rows: Vec<T>, limit: Limit) -> Self {
        let has_more = rows.len() > limit.size();
        rows.truncate(limit.size());
        Self { object: "list", data: rows, has_more }
    }
}

/// How many a page may hold: 1–100, 20 unless said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u8);

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl Limit {
    /// How many the page holds at most.
    #[must_use]
    pub fn size(self) -> usize {
        usize::from(self.0)
    }

    /// What to read, so as to know whether there is more.
    #[must_use]
    pub fn one_more(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = i64::deserialize(from)?;
        u8::try_from(given)
            .ok()
            .filter(|limit| (1..=100).contains(limit))
            .map(Self)
            .ok_or_else(|| super::fields::invalid("It must be 1 to 100."))
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(100))
            .default(Some(20.into()))
            .description(Some("How many to answer at most."))
            .into()
    }
}

impl ToSchema for Limit {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Limit")
    }
}
