//! E-mail addresses and time zones.

use super::invalid;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

/// An e-mail address: something, an @, something; no blanks, no control characters; at most 254 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailText(String);

/// The name of an IANA time zone, such as `Europe/Berlin`, exactly as the zone data spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneName(String);

impl EmailText {
    /// The text, taken out.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl ZoneName {
    /// The text, taken out.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<'de> Deserialize<'de> for EmailText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control());
        let two = text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
        if clean && two && text.chars().count() <= 254 {
            Ok(Self(text))
        } else {
            Err(invalid("It must be an e-mail address of at most 254 characters."))
        }
    }
}

impl<'de> Deserialize<'de> for ZoneName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let zone = jiff::tz::TimeZone::get(&text).ok();
        if zone.as_ref().and_then(|zone| zone.iana_name()) == Some(text.as_str()) {
            Ok(Self(text))
        } else {
            Err(invalid("It must be the name of an IANA time zone, such as Europe/Berlin."))
        }
    }
}

impl PartialSchema for EmailText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(254))
            .pattern(Some("^[^@\\s\\x00-\\x1f\\x7f-\\x9f]+@[^@\\s\\x00-\\x1f\\x7f-\\x9f]+$"))
            .description(Some("Where bills and notices go."))
            .into()
    }
}

impl ToSchema for EmailText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Email")
    }
}

impl PartialSchema for ZoneName {
    fn schema() -> RefOr<Schema> {
        let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
            .description(Some("The IANA time zone the customer's days are counted in."))
            .into()
    }
}

impl ToSchema for ZoneName {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("TimeZone")
    }
}
