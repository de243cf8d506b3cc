//! What the tests of objects have in common: requests to be given to an operation, and answers taken apart.

use crate::{
    error::ApiError,
    http::{Answer, Asked},
    world::{Event, World},
};
use serde_json::Value;

/// A request with these ids in its path and these parameters, as the contract would have read them.
pub(crate) fn asked(path: &[&str], params: Value) -> Asked {
    Asked { path: path.iter().map(|id| (*id).to_owned()).collect(), url: String::new(), params }
}

/// The object that was answered.
pub(crate) fn value(answer: Result<Answer, ApiError>) -> Value {
    match answer {
        Ok(Answer::Value(value)) => value,
        Ok(Answer::List { .. }) => panic!("a list was answered"),
        Err(error) => panic!("{error:?}"),
    }
}

/// The ids that were answered, newest first.
pub(crate) fn listed(answer: Result<Answer, ApiError>) -> Vec<String> {
    match answer {
        Ok(Answer::List { ids, .. }) => ids,
        Ok(Answer::Value(value)) => panic!("no list: {value}"),
        Err(error) => panic!("{error:?}"),
    }
}

/// Why it was refused.
pub(crate) fn refused(answer: Result<Answer, ApiError>) -> ApiError {
    match answer {
        Err(error) => error,
        Ok(_) => panic!("it was not refused"),
    }
}

/// The types of the events that were told, oldest first.
pub(crate) fn told(world: &World) -> Vec<&str> {
    world.all::<Event>().map(|event| event.kind.as_str()).collect()
}
