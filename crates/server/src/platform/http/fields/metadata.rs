//! Metadata: a small JSON object of the caller's, kept as the bytes that were received.

use super::invalid;
use purser_rules::credit::Digest;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{json, value::RawValue};
use sha2::Digest as _;
use std::{borrow::Cow, collections::HashSet, fmt};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Type},
    },
};

/// The most bytes it may have.
const MOST_BYTES: usize = 4096;
/// The most keys it may have at its top.
const MOST_KEYS: usize = 50;
/// How deep objects and lists may stand in it, itself counted.
const DEEPEST: usize = 4;

/// A JSON object of at most 4 KiB, 50 keys and depth 4, kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata(String);

impl Metadata {
    /// `{}`.
    #[must_use]
    pub fn empty() -> Self {
        Self("{}".to_owned())
    }

    /// What a row holds, written there by [`Self::bytes`].
    #[must_use]
    pub fn from_stored(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The bytes as they were received.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The SHA-256 of the bytes, as the ledger hashes it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(sha2::Sha256::digest(self.0.as_bytes()).into())
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        let text = raw.get();
        if !text.starts_with('{') {
            return Err(invalid("It must be a JSON object."));
        }
        if text.len() > MOST_BYTES {
            return Err(invalid(format_args!("It is over {MOST_BYTES} bytes.")));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        de::DeserializeSeed::deserialize(Checked { depth: 1 }, &mut json).map_err(|error| {
            let said = error.to_string();
            // The inner error's position counts from the object's start: it would mislead.
            invalid(said.split(" at line ").next().unwrap_or_default())
        })?;
        Ok(Self(text.to_owned()))
    }
}

/// Walks a value and refuses what metadata may not hold.
#[derive(Clone, Copy)]
struct Checked {
    depth: usize,
}

impl Checked {
    fn inside<E: de::Error>(self) -> Result<Self, E> {
        if self.depth > DEEPEST {
            return Err(E::custom(format_args!("It is nested deeper than {DEEPEST}.")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> de::DeserializeSeed<'de> for Checked {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') { Err(E::custom("It holds the character U+0000.")) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while seq.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            inside.visit_str(&key)?;
            map.next_value_seed(inside)?;
            if self.depth == 1 && seen.len() == MOST_KEYS {
                return Err(de::Error::custom(format_args!("It has more than {MOST_KEYS} keys.")));
            }
            if let Some(twice) = seen.replace(key) {
                return Err(de::Error::custom(format_args!("The key `{twice}` stands twice.")));
            }
        }
        Ok(())
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.clone()).map_err(serde::ser::Error::custom)?;
        raw.serialize(to)
    }
}

/// A text without U+0000.
fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[^\\x00]*$"))
}

/// An object in which lists and objects stand at most `levels` deep, itself counted.
fn object(levels: usize) -> ObjectBuilder {
    let values = AdditionalProperties::RefOr(value(levels - 1));
    ObjectBuilder::new().schema_type(Type::Object).property_names(Some(text())).additional_properties(Some(values))
}

/// Any value of at most `levels` levels of lists and objects.
fn value(levels: usize) -> RefOr<Schema> {
    let plain = [Type::Null, Type::Boolean, Type::Number].map(|kind| ObjectBuilder::new().schema_type(kind));
    let mut any = AnyOfBuilder::new().item(text());
    for kind in plain {
        any = any.item(kind);
    }
    if levels > 0 {
        any = any.item(object(levels)).item(ArrayBuilder::new().items(value(levels - 1)));
    }
    any.into()
}

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        object(DEEPEST)
            .max_properties(Some(MOST_KEYS))
            .description(Some("Your own data: at most 4 KiB, 50 keys, depth 4, no U+0000. Kept byte for byte."))
            .examples([json!({ "order": "A-17" })])
            .into()
    }
}

impl ToSchema for Metadata {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Metadata")
    }
}
