//! The fields of the bodies of payments: each checks itself, names what is wrong, and describes itself.

use crate::platform::http::fields::{invalid, text_fields, whole};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

text_fields! {
    /// A credit pack as it is named.
    PackText = 1..=64, "A top-up plan: its id, or your own name for it.";
    /// A session's id at Stripe.
    SessionName = 1..=255, "Stripe's id of the session: `cs_…`.";
}

/// The longest address.
const LONGEST: usize = 2048;

/// An address that a browser is sent to: `https://…`, or `http://…` while one tries things out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress(String);

impl WebAddress {
    /// The text, taken out.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<'de> Deserialize<'de> for WebAddress {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let fits = rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()));
        if fits && text.len() <= LONGEST {
            Ok(Self(text))
        } else {
            Err(invalid("It must begin with https:// or http://, have no blanks, and at most 2048 characters."))
        }
    }
}

impl PartialSchema for WebAddress {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(LONGEST))
            .pattern(Some("^https?://[!-~]+$"))
            .description(Some("Where a browser is sent."))
            .examples(["https://app.example.com/billing/return?session={CHECKOUT_SESSION_ID}"])
            .into()
    }
}

impl ToSchema for WebAddress {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("WebAddress")
    }
}

/// How many: 1–1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity(pub u16);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = u16::try_from(whole(from)?).ok().filter(|number| (1..=1000).contains(number));
        given.map(Self).ok_or_else(|| invalid("It must be 1 to 1000."))
    }
}

impl PartialSchema for Quantity {
    fn schema() -> RefOr<Schema> {
        let whole = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(1000));
        whole.description(Some("How many.")).into()
    }
}

impl ToSchema for Quantity {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("CheckoutQuantity")
    }
}

/// How many purchases a day at most: 1–100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MostADay(pub u32);

impl<'de> Deserialize<'de> for MostADay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = u32::try_from(whole(from)?).ok().filter(|number| (1..=100).contains(number));
        given.map(Self).ok_or_else(|| invalid("It must be 1 to 100."))
    }
}

impl PartialSchema for MostADay {
    fn schema() -> RefOr<Schema> {
        let whole = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(100));
        whole.description(Some("How many purchases a UTC day at most.")).into()
    }
}

impl ToSchema for MostADay {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("MostADay")
    }
}

/// The most money that may be said, in minor units.
const MOST_MONEY: i64 = 999_999_999_999;

/// How much money a month at most, in minor units: 1–999,999,999,999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MostAMonth(pub i64);

impl<'de> Deserialize<'de> for MostAMonth {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = Some(whole(from)?).filter(|number| (1..=MOST_MONEY).contains(number));
        given.map(Self).ok_or_else(|| invalid("It must be 1 to 999999999999, in minor units of the currency."))
    }
}

impl PartialSchema for MostAMonth {
    fn schema() -> RefOr<Schema> {
        let whole = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MOST_MONEY));
        whole.description(Some("How much money a UTC month at most, in minor units of the pack's currency.")).into()
    }
}

impl ToSchema for MostAMonth {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("MostAMonth")
    }
}
