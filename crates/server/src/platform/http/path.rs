//! Values in the path: checked, and refused by name.

use super::fields::CustomerName;
use crate::platform::error::{Code, Error};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use purser_rules::ids::CustomerId;

/// The one value (or the two values) of a path.
#[derive(Clone, Debug)]
pub struct Path<T>(pub T);

/// A value that can stand in a path.
pub trait Segment: Sized {
    /// Reads it from the decoded text.
    ///
    /// # Errors
    /// What it must be, in a sentence.
    fn read(text: &str) -> Result<Self, String>;
}

impl Segment for CustomerName {
    fn read(text: &str) -> Result<Self, String> {
        CustomerId::new(text).map(Self).map_err(|_| Self::RULE.to_owned())
    }
}

impl Segment for String {
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl<S: Send + Sync, T: Segment> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Error::new(Code::InvalidField, "The path is not UTF-8.").about("path"))?;
        let Some((name, text)) = params.iter().next() else {
            return Err(Error::new(Code::Internal, "The route has no value in its path."));
        };
        T::read(text).map(Self).map_err(|rule| Error::new(Code::InvalidField, rule).about(name))
    }
}
