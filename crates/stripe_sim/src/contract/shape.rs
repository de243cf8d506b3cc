//! What a value may be.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// Whatever it is.
    Any,
    /// One of these words; `open` when Stripe may send others one day.
    Words {
        /// The words.
        words: Vec<Value>,
        /// Whether there may be others.
        open: bool,
    },
    /// A list of values.
    List(Box<Shape>),
    /// Values by names of one's own.
    Map(Box<Shape>),
    /// Fields.
    Object {
        /// By name.
        fields: BTreeMap<String, Shape>,
        /// Those that must be there.
        required: Vec<String>,
    },
    /// An object of the contract.
    Ref(String),
    /// Any of these.
    OneOf(Vec<Shape>),
    /// This, or null; in a request an empty text.
    Nullable(Box<Shape>),
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        shape(&value).ok_or_else(|| D::Error::custom(format!("{value} is no shape")))
    }
}

fn shape(value: &Value) -> Option<Shape> {
    match value {
        Value::String(name) => match name.as_str() {
            "string" => Some(Shape::Text),
            "integer" => Some(Shape::Integer),
            "number" => Some(Shape::Number),
            "boolean" => Some(Shape::Boolean),
            "any" => Some(Shape::Any),
            _ => None,
        },
        Value::Object(parts) => {
            let boxed = |name: &str| parts.get(name).and_then(shape).map(Box::new);
            if let Some(words) = parts.get("enum") {
                let open = parts.get("open").is_some_and(|open| open == true);
                return Some(Shape::Words { words: words.as_array()?.clone(), open });
            }
            if let Some(fields) = parts.get("fields") {
                let fields = fields.as_object()?.iter().map(|(name, value)| Some((name.clone(), shape(value)?)));
                let required = parts.get("required").and_then(Value::as_array).into_iter().flatten();
                let required = required.filter_map(Value::as_str).map(str::to_owned).collect();
                return Some(Shape::Object { fields: fields.collect::<Option<_>>()?, required });
            }
            if let Some(several) = parts.get("any") {
                return Some(Shape::OneOf(several.as_array()?.iter().map(shape).collect::<Option<_>>()?));
            }
            if let Some(name) = parts.get("ref") {
                return Some(Shape::Ref(name.as_str()?.to_owned()));
            }
            None.or_else(|| boxed("list").map(Shape::List))
                .or_else(|| boxed("map").map(Shape::Map))
                .or_else(|| boxed("null").map(Shape::Nullable))
        }
        _ => None,
    }
}
