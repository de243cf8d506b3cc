//! JSON bodies: read once, refused by name, never deeper than 64 and never over the limit.

mod scan;

use super::fields::MARK;
use crate::platform::error::{Code, Error};
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// The most bytes a body may have.
pub const MOST_BYTES: usize = 1 << 20;
/// The most bytes that are read only to be thrown away.
const MOST_DRAINED: usize = 16 << 20;

/// A JSON body read into `T`, which derives `Deserialize` with `deny_unknown_fields`.
#[derive(Clone, Debug)]
pub struct Body<T>(pub T);

/// The same, where no body at all says the same as `{}`.
#[derive(Clone, Debug)]
pub struct MaybeBody<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let json = is_json(request.headers());
        let bytes = read(request).await?;
        if !json {
            return Err(not_json());
        }
        parse(&bytes).map(Self)
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for MaybeBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let json = is_json(request.headers());
        let bytes = read(request).await?;
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !json {
            return Err(not_json());
        }
        parse(&bytes).map(Self)
    }
}

/// A `T` that stands in JSON as an object: by itself serde takes a list for a struct too.
#[derive(Clone, Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        from.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

/// What is said to a body that does not claim to be JSON.
fn not_json() -> Error {
    Error::new(Code::UnsupportedContentType, "Send JSON, with the header Content-Type: application/json.")
        .about("Content-Type")
}

/// Whether the content type is JSON, in UTF-8 if it says so at all.
fn is_json(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(Ok(value)), None) = (given.next().map(header::HeaderValue::to_str), given.next()) else { return false };
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && parts.all(|part| part.is_empty() || part.replace('"', "").eq_ignore_ascii_case("charset=utf-8"))
}

/// Reads the whole body, up to the limit. A body somewhat over it is read to its end all the same: a caller that
/// writes everything before it reads would else meet a closed connection instead of the answer.
///
/// # Errors
/// `body_too_large`, or `invalid_json` when it broke off.
pub async fn read(request: Request) -> Result<Bytes, Error> {
    let headers = request.headers();
    let said = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let waits = headers.contains_key(header::EXPECT);
    if said.is_some_and(|length| length > MOST_DRAINED || (waits && length > MOST_BYTES)) {
        return Err(too_large());
    }
    let mut body = request.into_body();
    let (mut whole, mut seen) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::new(Code::InvalidJson, "The body broke off before its end."))?;
        let Some(data) = frame.data_ref() else { continue };
        seen += data.len();
        if seen <= MOST_BYTES {
            whole.extend_from_slice(data);
        } else if seen > MOST_DRAINED {
            break;
        }
    }
    if seen > MOST_BYTES { Err(too_large()) } else { Ok(whole.freeze()) }
}

/// What is said to a body over the limit.
fn too_large() -> Error {
    Error::new(Code::BodyTooLarge, "The body is over 1 MiB. Send less at a time.")
}

/// Reads `bytes` as JSON into `T`.
///
/// # Errors
/// The code and the field that say what is wrong.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::new(Code::InvalidJson, "The body is not UTF-8."))?;
    let nul = scan::scan(text)?;
    let Ok(Object(value)) = serde_json::from_str(text) else { return Err(why::<Object<T>>(text)) };
    match nul {
        Some(field) => Err(Error::new(Code::InvalidField, "It holds the character U+0000.").about(field)),
        None => Ok(value),
    }
}

/// Reads again, slower, to say where and why it failed.
fn why<T: DeserializeOwned>(text: &str) -> Error {
    let mut json = serde_json::Deserializer::from_str(text);
    let (path, error) = match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Err(error) => (error.path().to_string(), error.into_inner()),
        Ok(_) => match json.end() {
            Err(error) => (String::new(), error),
            Ok(()) => return Error::new(Code::InvalidJson, "The body cannot be read."),
        },
    };
    if error.is_data() {
        let said = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        explain(&path, said.strip_suffix(&place).unwrap_or(&said))
    } else if serde_json::from_str::<IgnoredAny>(text).is_ok() {
        // A choice of texts that is given null, say: serde calls it no JSON, though it is.
        about(Error::new(Code::InvalidField, "It has a value of the wrong type."), &path)
    } else if text.trim().is_empty() {
        Error::new(Code::InvalidJson, "The body is empty. Send a JSON object.")
    } else {
        Error::new(Code::InvalidJson, format!("The body is no JSON: {error}."))
    }
}

/// The error behind serde's words about the value at `path`.
pub(super) fn explain(path: &str, said: &str) -> Error {
    let at = if path == "." { "" } else { path };
    if let Some((code, message)) = said.split_once(MARK).and_then(|(_, rest)| rest.split_once(MARK)) {
        let code = Code::ALL.iter().copied().find(|known| known.as_str() == code).unwrap_or(Code::InvalidField);
        return about(Error::new(code, message), at);
    }
    for (start, code, what) in [
        ("missing field `", Code::MissingField, "is missing"),
        ("unknown field `", Code::UnknownField, "is not a field of this request"),
        ("duplicate field `", Code::DuplicateField, "stands twice"),
    ] {
        if let Some((name, rest)) = said.strip_prefix(start).and_then(|rest| rest.split_once('`')) {
            let parent = at.strip_suffix(name).map_or(at, |parent| parent.trim_end_matches('.'));
            let whole = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
            let hint = if code == Code::UnknownField { rest.trim_start_matches(", ") } else { "" };
            let hint = if hint.is_empty() { String::new() } else { format!(": {hint}") };
            return Error::new(code, format!("`{whole}` {what}{hint}.")).about(whole);
        }
    }
    if at.is_empty() && said.starts_with("invalid type") {
        return Error::new(Code::InvalidJson, "The body must be a JSON object.");
    }
    let mut sentence = said.to_owned();
    if let Some(first) = sentence.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    about(Error::new(Code::InvalidField, format!("{sentence}.")), at)
}

/// `error`, about `path` if there is one.
fn about(error: Error, path: &str) -> Error {
    if path.is_empty() { error } else { error.about(path) }
}

/// The header `Idempotency-Key`, if it was sent: 1–255 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let mut given = parts.headers.get_all("idempotency-key").iter();
        let Some(value) = given.next() else { return Ok(Self(None)) };
        let wrong = |message: &str| Error::new(Code::InvalidField, message).about("Idempotency-Key");
        if given.next().is_some() {
            return Err(wrong("The header Idempotency-Key stands twice."));
        }
        let bytes = value.as_bytes();
        let fits = (1..=255).contains(&bytes.len()) && bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
        let text = value.to_str().ok().filter(|_| fits);
        text.map(|key| Self(Some(key.to_owned())))
            .ok_or_else(|| wrong("It must be 1 to 255 printable ASCII characters."))
    }
}

impl IdempotencyKey {
    /// The key of a write that may go without one: the header's, or the body's.
    ///
    /// # Errors
    /// `invalid_field` when they differ.
    pub fn if_any(self, body: Option<String>) -> Result<Option<String>, Error> {
        if self.0.is_none() && body.is_none() { Ok(None) } else { self.or(body).map(Some) }
    }

    /// The one key of a write: the header's, or the body's. Both are fine when they are equal.
    ///
    /// # Errors
    /// `missing_idempotency_key` when there is neither, `invalid_field` when they differ.
    pub fn or(self, body: Option<String>) -> Result<String, Error> {
        match (self.0, body) {
            (Some(header), Some(body)) if header != body => {
                Err(Error::new(Code::InvalidField, "The header Idempotency-Key and this field differ.")
                    .about("idempotency_key"))
            }
            (Some(key), _) | (None, Some(key)) => Ok(key),
            (None, None) => Err(Error::new(
                Code::MissingIdempotencyKey,
                "Send a key of your own with this write, as the header Idempotency-Key or as idempotency_key.",
            )
            .about("idempotency_key")),
        }
    }
}
