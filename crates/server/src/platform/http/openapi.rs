//! The OpenAPI document: what utoipa gathers from the handlers, and what is true of every route.

use super::problem::Problem;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, HeaderBuilder, InfoBuilder, License, OpenApi, RefOr, ServerBuilder,
        header::Header,
        path::{Operation, PathItem},
        request_body::RequestBody,
        schema::{ObjectBuilder, Schema, Type},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

/// The tag of routes that take no key.
const OPEN: &str = "health";
/// The tag of routes that take the cron secret, and the name of that secret.
const CRON: &str = "cron";
/// The tag of routes that Stripe calls.
const WEBHOOKS: &str = "webhooks";
/// The name of what Stripe sends there in the place of a key.
const SIGNATURE: &str = "stripe_signature";
/// The name of what all other routes take.
const KEY: &str = "api_key";

/// The finished document.
#[must_use]
pub fn finish(mut document: OpenApi, public_url: &str) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Purser")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Credits, usage and billing: exact amounts, spent in real time."))
        .license(Some(License::new("Apache-2.0")))
        .build();
    document.servers = Some(vec![ServerBuilder::new().url(public_url).build()]);
    let components = document.components.get_or_insert_with(Components::new);
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let bearer = |says: &str| {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some(says.to_owned());
        SecurityScheme::Http(scheme)
    };
    components.add_security_scheme(KEY, bearer("An API key: `purser keys create`, or PURSER_BOOTSTRAP_KEY."));
    components.add_security_scheme(CRON, bearer("The secret of outside schedulers: CRON_SECRET."));
    let signature = ApiKeyValue::with_description(
        "Stripe-Signature",
        "Stripe's signature of the body, by the secret of its endpoint: STRIPE_WEBHOOK_SECRET.",
    );
    components.add_security_scheme(SIGNATURE, SecurityScheme::ApiKey(ApiKey::Header(signature)));
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let none: [&str; 0] = [];
            let tagged = |name: &str| operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == name));
            operation.security = if tagged(OPEN) {
                None
            } else {
                let schemes = [(CRON, CRON), (WEBHOOKS, SIGNATURE)];
                let its = schemes.iter().find(|(tag, _)| tagged(tag)).map_or(KEY, |(_, scheme)| *scheme);
                Some(vec![SecurityRequirement::new(its, none)])
            };
            if let Some(body) = &mut operation.request_body {
                absent_or_whole(body);
            }
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    response.headers.insert("Request-Id".to_owned(), request_id().into());
                }
            }
        }
    }
    document
}

/// A body that may be absent is described as a body that may be null; null is refused.
fn absent_or_whole(body: &mut RefOr<RequestBody>) {
    let RefOr::T(body) = body else { return };
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::T(Schema::OneOf(choice))) = &content.schema
            && let [schema @ RefOr::Ref(_), _null] = choice.items.as_slice()
        {
            content.schema = Some(schema.clone());
        }
    }
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
}

/// The header every answer has.
fn request_id() -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^req_[0-9a-f]{32}$"));
    HeaderBuilder::new().schema(Some(text)).description(Some("Names the request in logs.")).build()
}

#[cfg(test)]
mod tests {
    use crate::{app, config::Config};
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// Every `$ref` in `value`.
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
                Value::String(to) if name == "$ref" => drop(found.insert(to)),
                value => references(value, found),
            }),
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_is_whole() {
        let document = serde_json::to_value(app::document(&Config::default())).expect("it is JSON");
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in found {
            let there = document.pointer(reference.trim_start_matches('#'));
            assert!(there.is_some(), "{reference} points nowhere");
        }
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let id = operation["operationId"].as_str().expect("each operation has an id");
                assert!(ids.insert(id), "{method} {path}: {id} stands twice");
                let open = path == "/healthz" || path == "/readyz";
                assert_eq!(operation["security"].is_array(), !open, "{method} {path}");
            }
        }
        assert!(ids.len() >= 25, "{ids:?}");
    }
}
