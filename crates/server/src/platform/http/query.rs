//! The query string: unknown, doubled and ill-formed parameters are refused by name.

use super::body::explain;
use crate::platform::error::{Code, Error};
use axum::{extract::FromRequestParts, http::request::Parts};
use serde::{
    Deserializer,
    de::{DeserializeOwned, IntoDeserializer, Visitor, value::MapDeserializer},
    forward_to_deserialize_any,
};
use std::str::FromStr;

/// A query string read into `T`, which derives `Deserialize` with `deny_unknown_fields`.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        read(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Reads `query`, as it stands after the question mark.
fn read<T: DeserializeOwned>(query: &str) -> Result<T, Error> {
    let mut pairs: Vec<(String, Text)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or_else(|| Error::new(Code::InvalidField, "The query string is not UTF-8."))?;
        let value =
            decode(value).ok_or_else(|| Error::new(Code::InvalidField, "It is not UTF-8.").about(name.clone()))?;
        if value.contains('\0') || name.contains('\0') {
            return Err(Error::new(Code::InvalidField, "It holds the character U+0000.").about(name));
        }
        if pairs.iter().any(|(earlier, _)| *earlier == name) {
            return Err(Error::new(Code::DuplicateField, format!("`{name}` stands twice.")).about(name));
        }
        pairs.push((name, Text(value)));
    }
    let map = MapDeserializer::<_, serde::de::value::Error>::new(pairs.into_iter());
    serde_path_to_error::deserialize(map)
        .map_err(|error| explain(&error.path().to_string(), &error.inner().to_string()))
}

/// Decodes percent escapes and `+`; nothing when the result is not UTF-8 or an escape is broken.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// One value: a text that becomes a number or a switch where one is wanted.
struct Text(String);

impl IntoDeserializer<'_, serde::de::value::Error> for Text {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl Text {
    fn parse<T: FromStr>(&self, want: &str) -> Result<T, serde::de::value::Error> {
        self.0.parse().map_err(|_| super::fields::invalid(format_args!("It must be {want}.")))
    }
}

macro_rules! parsed {
    ($($method:ident => $visit:ident, $want:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            visitor.$visit(self.parse($want)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_string(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.into_deserializer().deserialize_enum(name, variants, visitor)
    }

    parsed! {
        deserialize_bool => visit_bool, "true or false";
        deserialize_u8 => visit_u8, "a whole number";
        deserialize_u16 => visit_u16, "a whole number";
        deserialize_u32 => visit_u32, "a whole number";
        deserialize_u64 => visit_u64, "a whole number";
        deserialize_i64 => visit_i64, "a whole number";
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}
