//! Errors as callers see them: one JSON shape, its headers, and its description in the OpenAPI document.

use super::fields::CodeName;
use crate::config::Config;
use crate::platform::{
    error::{Code, Error, Kind},
    metrics,
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, ser::SerializeMap};
use std::collections::BTreeMap;
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, HeaderBuilder, Ref, RefOr, Response as Described, ResponseBuilder, Schema,
        schema::{ObjectBuilder, Type},
    },
};

/// An error beside the request it answers, ready to be written as JSON.
#[derive(Clone, Copy, Debug)]
pub struct ErrorView<'a> {
    /// What went wrong.
    pub error: &'a Error,
    /// The request's id, as text.
    pub request: &'a str,
    /// Where the server is reached, for the link to the code's documentation.
    pub public_url: &'a str,
}

impl Serialize for ErrorView<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let code = self.error.code;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("type", code.kind().as_str())?;
        map.serialize_entry("code", code.as_str())?;
        map.serialize_entry("message", &self.error.message)?;
        map.serialize_entry("param", &self.error.param)?;
        map.serialize_entry("request_id", self.request)?;
        map.serialize_entry("doc_url", &format_args!("{}/docs/errors#{}", self.public_url, code.as_str()))?;
        for (name, amount) in &self.error.figures {
            map.serialize_entry(name, &super::Decimal(*amount))?;
        }
        map.end()
    }
}

impl IntoResponse for Error {
    /// The status, with the error laid beside it: the outermost layer knows the request's id and writes the body.
    fn into_response(self) -> Response {
        let mut response = status(&self).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The status of `error`.
fn status(error: &Error) -> StatusCode {
    if error.code == Code::MethodNotAllowed {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    StatusCode::from_u16(error.code.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The body of an error.
#[derive(Serialize)]
struct Whole<'a> {
    error: ErrorView<'a>,
}

/// Writes the body and headers of an error that [`Error::into_response`] laid into `response`; answers its code.
pub(super) fn write(response: &mut Response, request: &str, config: &Config) -> Option<Code> {
    let error = response.extensions_mut().remove::<Error>()?;
    metrics::refused(error.code);
    let whole = Whole { error: ErrorView { error: &error, request, public_url: &config.public_url() } };
    let text = serde_json::to_string(&whole).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
    if let Some(seconds) = error.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if error.code.kind() == Kind::Authentication {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"purser\""));
    }
    *response.body_mut() = axum::body::Body::from(text);
    Some(error.code)
}

/// What every error looks like.
#[derive(Clone, Copy, Debug)]
pub struct Problem;

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        let kinds = ["invalid_request", "authentication", "payment_required", "permission", "not_found", "conflict"];
        let kinds = kinds.into_iter().chain(["rate_limited", "unavailable", "internal"]);
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let amount = || Ref::from_schema_name("Amount");
        let error = ObjectBuilder::new()
            .property("type", text().enum_values(Some(kinds)))
            .property("code", Ref::from_schema_name(CodeName::name()))
            .property("message", text().description(Some("What happened and what to do.")))
            .property(
                "param",
                ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Null]))
                    .description(Some("The field, parameter or header it is about.")),
            )
            .property("request_id", text())
            .property("doc_url", text())
            .property("needed", amount())
            .property("available", amount())
            .property("debt", amount())
            .property("limit", amount())
            .property("used", amount())
            .property("returnable", amount())
            .required("type")
            .required("code")
            .required("message")
            .required("param")
            .required("request_id")
            .required("doc_url");
        ObjectBuilder::new().property("error", error).required("error").into()
    }
}

impl ToSchema for Problem {
    fn name() -> std::borrow::Cow<'static, str> {
        "Error".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((super::Decimal::name().into_owned(), super::Decimal::schema()));
        schemas.push((CodeName::name().into_owned(), CodeName::schema()));
    }
}

/// The errors any route that reads may answer.
#[derive(Clone, Copy, Debug)]
pub struct ReadErrors;

/// The errors any route that writes may answer.
#[derive(Clone, Copy, Debug)]
pub struct WriteErrors;

const READ: &[(&str, &str)] = &[
    ("400", "The request is wrong as it stands; `param` names what."),
    ("401", "No key, or one that is unknown, revoked or expired."),
    ("403", "The key's role does not allow this."),
    ("404", "No such thing."),
    ("429", "Too much; try again after `Retry-After` seconds."),
    ("500", "A bug of ours; report the request id."),
    ("503", "Try again after `Retry-After` seconds."),
];

const WRITE: &[(&str, &str)] =
    &[("402", "Paying cures it: too few credits, debt, a cap."), ("409", "It contradicts what there is.")];

/// The errors a route that takes no key may answer.
#[derive(Clone, Copy, Debug)]
pub struct OpenErrors;

impl IntoResponses for OpenErrors {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        READ.iter().filter(|(status, _)| matches!(*status, "500" | "503")).map(described).collect()
    }
}

impl IntoResponses for ReadErrors {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        READ.iter().map(described).collect()
    }
}

impl IntoResponses for WriteErrors {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        READ.iter().chain(WRITE).map(described).collect()
    }
}

/// One error answer of the document.
fn described((status, says): &(&str, &str)) -> (String, RefOr<Described>) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
    let whole = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    let mut response = ResponseBuilder::new().description(*says).content("application/json", content);
    if matches!(*status, "429" | "503") {
        response = response.header(
            "Retry-After",
            HeaderBuilder::new().schema(Some(whole)).description(Some("Seconds to wait.")).build(),
        );
    }
    ((*status).to_owned(), response.build().into())
}
