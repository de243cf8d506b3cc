//! Reads the parameters of a request by the contract; what is wrong is refused in Stripe's words.

use super::{Operation, Shape};
use crate::{
    error::ApiError,
    http::form::{Given, shown},
};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// Parameters that older clients send and that the API took until 2026-09-30 (endive). They say nothing that the
/// sandbox does not know by itself, so they are let through; see `docs/guide/sandbox.md`.
const BYGONE: &[&str] = &["payment_method_types"];

/// Reads `given` as the parameters of `operation`. A parameter that is to be unset comes as null.
///
/// # Errors
/// The first thing that is wrong, unknown parameters before all else.
pub(crate) fn read(operation: &Operation, given: &BTreeMap<String, Given>) -> Result<Value, ApiError> {
    fields(&operation.params, &operation.required, given, "")
}

fn fields(
    known: &BTreeMap<String, Shape>,
    required: &[String],
    given: &BTreeMap<String, Given>,
    at: &str,
) -> Result<Value, ApiError> {
    let unknown = |name: &&String| !known.contains_key(*name) && !BYGONE.contains(&name.as_str());
    let unknown: Vec<String> = given.keys().filter(unknown).map(|name| inside(at, name)).collect();
    if !unknown.is_empty() {
        return Err(ApiError::unknown_parameters(&unknown));
    }
    if let Some(missing) = required.iter().find(|name| !given.contains_key(*name)) {
        return Err(ApiError::missing(&inside(at, missing)));
    }
    let mut read = Map::new();
    for (name, value) in given {
        if let Some(shape) = known.get(name) {
            read.insert(name.clone(), one(shape, value, &inside(at, name))?);
        }
    }
    Ok(Value::Object(read))
}

/// The name of the field `name` inside the parameter `at`.
fn inside(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}[{name}]") }
}

fn one(shape: &Shape, given: &Given, at: &str) -> Result<Value, ApiError> {
    match (shape, given) {
        (Shape::Nullable(_), Given::Text(text)) if text.is_empty() => Ok(Value::Null),
        (Shape::Nullable(of), given) => one(of, given, at),
        (Shape::OneOf(several), given) => one(fitting(several, given), given, at),
        (Shape::Any, given) => Ok(given.plain()),
        (Shape::List(_), Given::Text(text)) if text.is_empty() => Ok(Value::Array(Vec::new())),
        (Shape::Map(_), Given::Text(text)) if text.is_empty() => Ok(Value::Object(Map::new())),
        (Shape::List(of), Given::Inner(items)) => list(of, items, at),
        (Shape::Map(of), Given::Inner(items)) => map(of, items, at),
        (Shape::Object { fields: known, required }, Given::Inner(items)) => fields(known, required, items, at),
        (Shape::List(_), Given::Text(_)) => Err(ApiError::wrong("Invalid array", at)),
        (Shape::Map(_) | Shape::Object { .. } | Shape::Ref(_), _) => Err(ApiError::wrong("Invalid object", at)),
        (_, Given::Inner(_)) => Err(ApiError::wrong(&format!("Invalid string: {}", shown(given)), at)),
        (_, Given::Text(text)) => scalar(shape, text, at),
    }
}

fn list(of: &Shape, items: &BTreeMap<String, Given>, at: &str) -> Result<Value, ApiError> {
    let mut ordered: Vec<(usize, &Given)> = Vec::with_capacity(items.len());
    for (name, item) in items {
        ordered.push((name.parse().map_err(|_| ApiError::wrong("Invalid array", at))?, item));
    }
    ordered.sort_by_key(|(place, _)| *place);
    let read = ordered.into_iter().map(|(place, item)| one(of, item, &format!("{at}[{place}]")));
    read.collect::<Result<_, _>>().map(Value::Array)
}

fn map(of: &Shape, items: &BTreeMap<String, Given>, at: &str) -> Result<Value, ApiError> {
    let mut read = Map::new();
    for (name, item) in items {
        // An empty text takes a name away.
        let value = match item {
            Given::Text(text) if text.is_empty() => Value::Null,
            item => one(of, item, &inside(at, name))?,
        };
        read.insert(name.clone(), value);
    }
    Ok(Value::Object(read))
}

fn scalar(shape: &Shape, text: &str, at: &str) -> Result<Value, ApiError> {
    if text.is_empty() {
        return Err(ApiError::empty(at));
    }
    match shape {
        Shape::Integer => integer(text, at),
        Shape::Number => {
            let whole = text.parse::<i64>().ok().map(Value::from);
            let number = || text.parse().ok().and_then(Number::from_f64).map(Value::Number);
            whole.or_else(number).ok_or_else(|| ApiError::invalid_integer(text, at))
        }
        Shape::Boolean => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(ApiError::wrong(&format!("Invalid boolean: {text}"), at)),
        },
        Shape::Words { words, .. } => word(words, text, at),
        Shape::Nullable(of) => scalar(of, text, at),
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn integer(text: &str, at: &str) -> Result<Value, ApiError> {
    text.parse::<i64>().map(Value::from).map_err(|_| ApiError::invalid_integer(text, at))
}

fn word(words: &[Value], text: &str, at: &str) -> Result<Value, ApiError> {
    let same = |word: &&Value| {
        word.as_str().is_some_and(|word| word == text)
            || word.as_bool().is_some_and(|word| (text == "true") == word && matches!(text, "true" | "false"))
    };
    words.iter().find(same).cloned().ok_or_else(|| ApiError::not_one_of(words, at))
}

/// Which of several shapes `given` is meant as: by whether it has parts, then the first it can be read as.
fn fitting<'a>(several: &'a [Shape], given: &Given) -> &'a Shape {
    several.iter().find(|shape| fits(shape, given)).or_else(|| several.last()).unwrap_or(&Shape::Any)
}

/// Whether `given` can be meant as a `shape`.
fn fits(shape: &Shape, given: &Given) -> bool {
    match (shape, given) {
        (Shape::Nullable(_), Given::Text(text)) if text.is_empty() => true,
        (Shape::Nullable(of), given) => fits(of, given),
        (Shape::OneOf(several), given) => several.iter().any(|shape| fits(shape, given)),
        (shape, Given::Inner(_)) => {
            matches!(shape, Shape::List(_) | Shape::Map(_) | Shape::Object { .. } | Shape::Ref(_))
        }
        (Shape::List(_) | Shape::Object { .. }, Given::Text(_)) => false,
        (shape, Given::Text(text)) => scalar(shape, text, "").is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Given, Shape, Value, one};

    #[test]
    fn a_number_in_place_of_a_word_that_can_be_unset_is_a_number() {
        let word = Shape::Words { words: vec!["max_period_end".into()], open: true };
        let several = Shape::OneOf(vec![Shape::Nullable(Box::new(word)), Shape::Number]);
        let shape = Shape::Nullable(Box::new(several));
        for (text, value) in
            [("1767225600", Value::from(1_767_225_600)), ("max_period_end", "max_period_end".into()), ("", Value::Null)]
        {
            let read = one(&shape, &Given::Text(text.into()), "cancel_at").map_err(|error| error.message);
            assert_eq!(read, Ok(value), "{text}");
        }
    }
}
