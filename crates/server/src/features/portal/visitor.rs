//! Who is there, and the forms that are theirs: no other site's, no other visit's.

use super::{
    enter,
    reply::Fields,
    sign::{self, Purpose},
    trouble::Trouble,
};
use crate::{
    features::customers::{self, Customer},
    platform::{
        App,
        auth::Actor,
        http::{self, RequestInfo},
    },
};
use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, request::Parts},
};
use purser_rules::{credit::CauseKind, ids::CustomerId};

/// Somebody who was let in. All that a page shows or does is of this customer: no page takes an id of one.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub customer: Customer,
    /// Who causes what it does.
    pub actor: Actor,
    /// What its forms carry.
    pub mark: String,
    visit: String,
}

impl Visitor {
    /// Whose pages these are.
    pub const fn id(&self) -> &CustomerId {
        &self.customer.id
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Trouble> {
        let request = parts.extensions.get::<RequestInfo>().map(RequestInfo::id);
        let visit = enter::visit(&parts.headers).ok_or(Trouble::NotIn)?.to_owned();
        let secret = enter::secret(app)?;
        let now = app.clock().now_at_hand();
        let pass = sign::read(secret, Purpose::Visit, &visit, now).ok_or(Trouble::NotIn)?;
        app.limits().page(&pass.customer)?;
        let customer = app.db().read(move |tx| customers::find(tx, &pass.customer)).await?;
        if customer.archived_at.is_some() {
            return Err(Trouble::Closed);
        }
        let actor = Actor { kind: CauseKind::Api, id: "portal".to_owned(), request };
        Ok(Self { mark: sign::mark(secret, &visit), customer, actor, visit })
    }
}

/// A form that a visitor sent from a page of ours.
#[derive(Clone, Debug)]
pub(super) struct Form(pub Fields);

impl Form {
    /// Reads the form of a request of `visitor`.
    ///
    /// # Errors
    /// It was not sent from a page of this visit, or cannot be read.
    pub async fn of(app: &App, visitor: &Visitor, request: Request) -> Result<Self, Trouble> {
        if !is_own(request.headers(), &app.config().public_url()) {
            return Err(Trouble::Foreign);
        }
        let fields = Fields::read(&http::read_body(request).await?);
        if !sign::is_mark(enter::secret(app)?, &visitor.visit, fields.get("mark")) {
            return Err(Trouble::Foreign);
        }
        Ok(Self(fields))
    }
}

/// Whether a form comes from a page of ours: browsers say so in `Sec-Fetch-Site` or in `Origin`. What says neither
/// is left to the mark.
fn is_own(headers: &HeaderMap, public_url: &str) -> bool {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (header("sec-fetch-site"), header("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let of = origin.split_once("://").map(|(_, of)| of);
            origin == public_url || (of.is_some() && of == header("host"))
        }
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    #[test]
    fn forms_of_other_sites_are_told_by_what_browsers_say() {
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://billing.example.com")], true),
            (&[("origin", "http://10.0.0.1:8080"), ("host", "10.0.0.1:8080")], true),
            (&[("origin", "https://evil.example"), ("host", "billing.example.com")], false),
            (&[("origin", "null"), ("host", "billing.example.com")], false),
            (&[("origin", "null")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://billing.example.com")], false),
        ];
        for (given, expected) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in *given {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                headers.insert(name, HeaderValue::from_str(value).expect("a value"));
            }
            assert_eq!(is_own(&headers, "https://billing.example.com"), *expected, "{given:?}");
        }
    }
}
