//! Amounts in JSON: numbers or strings, read exactly and written as exact numbers.

use super::refuse;
use crate::platform::error::Code;
use purser_rules::{Amount, amount::AmountError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{json, value::RawValue};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, OneOfBuilder, Type},
    },
};

/// An amount of any sign: `1`, `1.0` and `"1"` are the same; written as an exact JSON number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(pub Amount);

/// An amount that is more than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Positive(pub Amount);

/// An amount of any sign, but not nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotZero(pub Amount);

impl From<Amount> for Decimal {
    fn from(amount: Amount) -> Self {
        Self(amount)
    }
}

/// Reads an amount from a JSON number or string, through its text and never a float.
fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Amount, D::Error> {
    let raw = Box::<RawValue>::deserialize(from)?;
    let text = raw.get();
    let quoted = text.starts_with('"');
    if !quoted && !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Err(refuse(Code::InvalidField, "It must be a number, or a string holding one."));
    }
    let text: Cow<'_, str> =
        if quoted { Cow::Owned(serde_json::from_str(text).map_err(de::Error::custom)?) } else { Cow::Borrowed(text) };
    if quoted && text.contains(['e', 'E']) {
        return Err(refuse(Code::InvalidField, "As text it must be a plain decimal such as 1 or 2.5."));
    }
    Amount::parse(&text).map_err(|error| match error {
        AmountError::NotANumber => refuse(Code::InvalidField, "It must be a decimal number such as 1 or 2.5."),
        AmountError::TooPrecise => refuse(Code::AmountTooPrecise, "An amount has at most six decimals."),
        AmountError::TooLarge => refuse(Code::AmountTooLarge, "An amount is at most 999,999,999.999999."),
    })
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read(from).map(Self)
    }
}

impl<'de> Deserialize<'de> for Positive {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let amount = read(from)?;
        if amount.is_positive() {
            Ok(Self(amount))
        } else {
            Err(refuse(Code::AmountNotPositive, "The amount must be more than 0."))
        }
    }
}

impl<'de> Deserialize<'de> for NotZero {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let amount = read(from)?;
        if amount.is_zero() { Err(refuse(Code::InvalidField, "The amount must not be 0.")) } else { Ok(Self(amount)) }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?;
        raw.serialize(to)
    }
}

/// The most an amount may be, either way.
const MOST: f64 = 999_999_999.999_999;
const LEAST: f64 = -999_999_999.999_999;
/// The text of an amount that is more than nothing; written so that every dialect of regular expressions reads it.
const MORE_THAN_NOTHING: &str = "([1-9][0-9]{0,8}(\\.[0-9]{1,6}0*)?|0\\.([1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|\
    00[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9])0*)";

/// A number of up to six decimals.
fn number() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .multiple_of(Some(0.000_001))
        .description(Some("An exact decimal with up to six decimals."))
}

/// The same as a text of `pattern`.
fn text(pattern: String) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).description(Some("The same as text."))
}

impl PartialSchema for Decimal {
    fn schema() -> RefOr<Schema> {
        number().minimum(Some(LEAST)).maximum(Some(MOST)).into()
    }
}

impl ToSchema for Decimal {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Amount")
    }
}

impl PartialSchema for Positive {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(number().exclusive_minimum(Some(0.0)).maximum(Some(MOST)))
            .item(text(format!("^{MORE_THAN_NOTHING}$")))
            .examples([json!(1), json!("2.5")])
            .into()
    }
}

impl ToSchema for Positive {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("PositiveAmount")
    }
}

impl PartialSchema for NotZero {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(number().exclusive_minimum(Some(0.0)).maximum(Some(MOST)))
            .item(number().minimum(Some(LEAST)).exclusive_maximum(Some(0.0)))
            .item(text(format!("^-?{MORE_THAN_NOTHING}$")))
            .examples([json!(1), json!("-2.5")])
            .into()
    }
}

impl ToSchema for NotZero {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ChangeOfAmount")
    }
}
