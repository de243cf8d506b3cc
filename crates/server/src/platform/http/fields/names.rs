//! Customers, units and instants as they stand in JSON, in queries and in paths.

use super::invalid;
use purser_rules::{
    Time,
    ids::{CustomerId, Unit},
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Unexpected, Visitor},
};
use std::{borrow::Cow, fmt};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, RefOr, Schema, SchemaFormat,
        schema::{ObjectBuilder, OneOfBuilder, Type},
    },
};

/// A customer's id as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerName(pub CustomerId);

/// A customer's id in a body; a whole number is taken as its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenCustomer(pub CustomerId);

/// A unit; `credits` when it is absent and the field says `#[serde(default)]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitName(pub Unit);

/// An instant in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Time);

impl Default for UnitName {
    fn default() -> Self {
        Self(Unit::credits())
    }
}

impl From<Time> for Instant {
    fn from(time: Time) -> Self {
        Self(time)
    }
}

impl CustomerName {
    /// What is said when a text is no customer's id.
    pub const RULE: &'static str = "It must be 1 to 128 of A-Z a-z 0-9 _ . : @ -";
}

impl<'de> Deserialize<'de> for CustomerName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        CustomerId::new(&text).map(Self).map_err(|_| invalid(Self::RULE))
    }
}

impl<'de> Deserialize<'de> for GivenCustomer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextOrNumber).map(Self)
    }
}

/// Takes a customer's id from a text or a whole number.
#[derive(Clone, Copy)]
struct TextOrNumber;

impl Visitor<'_> for TextOrNumber {
    type Value = CustomerId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or a whole number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<CustomerId, E> {
        CustomerId::new(text).map_err(|_| invalid(CustomerName::RULE))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<CustomerId, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<CustomerId, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<CustomerId, E> {
        let whole = super::whole::from_float(number);
        self.visit_i64(whole.ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))?)
    }
}

impl<'de> Deserialize<'de> for UnitName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        Unit::new(&text).map(Self).map_err(|_| invalid("It must be 1 to 64 of a-z 0-9 _, a letter first."))
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        Time::parse(&text)
            .map(Self)
            .ok_or_else(|| invalid("It must be a time in RFC 3339, such as 2026-11-21T04:00:00Z."))
    }
}

impl Serialize for CustomerName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl Serialize for UnitName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl PartialSchema for CustomerName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(128))
            .pattern(Some("^[A-Za-z0-9_.:@-]{1,128}$"))
            .description(Some("The customer's id, chosen by you."))
            .examples(["acme"])
            .into()
    }
}

impl PartialSchema for GivenCustomer {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(i64::MIN))
            .maximum(Some(u64::MAX))
            .description(Some("The same as a number: it is taken as its text."));
        OneOfBuilder::new().item(CustomerName::schema()).item(number).examples(["acme"]).into()
    }
}

impl ToSchema for GivenCustomer {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("GivenCustomerId")
    }
}

impl ToSchema for CustomerName {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("CustomerId")
    }
}

impl PartialSchema for UnitName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[a-z][a-z0-9_]{0,63}$"))
            .description(Some("What is counted; `credits` unless given."))
            .into()
    }
}

impl ToSchema for UnitName {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Unit")
    }
}

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("An instant in RFC 3339; answers are in UTC."))
            .into()
    }
}

impl ToSchema for Instant {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Time")
    }
}
