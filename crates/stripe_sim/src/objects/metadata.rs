//! Names and texts on an object, and the limits of them.

use crate::error::ApiError;
use serde_json::{Map, Value};

/// Names and texts.
pub(crate) type Metadata = Map<String, Value>;

const MOST_NAMES: usize = 50;
const LONGEST_NAME: usize = 40;
const LONGEST_TEXT: usize = 500;

/// `kept` after a change: `None` changes nothing, null takes all away, an empty text (null) takes one away.
///
/// # Errors
/// Too many names, a name or a text that is too long, or a name with brackets.
pub(crate) fn merged(kept: &Metadata, given: Option<&Value>) -> Result<Metadata, ApiError> {
    let mut metadata = match given {
        Some(Value::Null) => Metadata::new(),
        _ => kept.clone(),
    };
    for (name, text) in given.and_then(Value::as_object).into_iter().flatten() {
        check(name, text)?;
        match text {
            Value::Null => drop(metadata.remove(name)),
            text => drop(metadata.insert(name.clone(), text.clone())),
        }
    }
    if metadata.len() > MOST_NAMES {
        let message = format!("Metadata can have up to {MOST_NAMES} keys, but you've set {}.", metadata.len());
        return Err(ApiError::wrong(&message, "metadata"));
    }
    Ok(metadata)
}

fn check(name: &str, text: &Value) -> Result<(), ApiError> {
    let at = format!("metadata[{name}]");
    let length = name.chars().count();
    if length > LONGEST_NAME {
        let message = format!(
            "Metadata keys can have up to {LONGEST_NAME} characters, but you passed in a key that is {length} \
             characters. Invalid key: {name}"
        );
        return Err(ApiError::wrong(&message, &at));
    }
    let text = text.as_str().unwrap_or_default();
    let length = text.chars().count();
    if length > LONGEST_TEXT {
        let message = format!(
            "Metadata values can have up to {LONGEST_TEXT} characters, but you passed in a value that is {length} \
             characters. Invalid value: {text}"
        );
        return Err(ApiError::wrong(&message, &at));
    }
    Ok(())
}
