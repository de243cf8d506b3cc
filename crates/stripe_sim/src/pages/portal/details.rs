//! Who the customer is, changed in the portal.

use super::{Stay, onward};
use crate::{
    http::Asked,
    objects::customers::{self, Customer},
    pages::{act, reply},
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::{Map, Value};

/// What can be changed here, what it is called, and what browsers may fill in. Addresses and tax ids can not.
const FIELDS: &[(&str, &str, &str)] =
    &[("name", "Name", "name"), ("email", "Email", "email"), ("phone", "Phone", "tel")];

/// The page.
#[derive(Template)]
#[template(path = "portal_details.html")]
struct Page {
    home: String,
    fields: Vec<Field>,
}

/// A field of it.
struct Field {
    name: &'static str,
    label: &'static str,
    autocomplete: &'static str,
    value: String,
}

/// `details`
pub(super) fn answer(stay: &Stay<'_>) -> Response<Body> {
    if !stay.configuration.offers("customer_update") {
        return stay.not_offered();
    }
    let allowed = stay.configuration.words("customer_update", "allowed_updates");
    let offered = FIELDS.iter().filter(|(name, ..)| allowed.contains(name));
    if stay.visit.reads() {
        let kept =
            stay.shared.with(|world| world.get::<Customer>(&stay.session.customer).map(|found| found.kept.clone()));
        let kept = kept.unwrap_or_default();
        let fields = offered.map(|&(name, label, autocomplete)| Field {
            name,
            label,
            autocomplete,
            value: kept.get(name).and_then(Value::as_str).unwrap_or_default().to_owned(),
        });
        return reply::page_leading_away(StatusCode::OK, &Page { home: stay.to("home"), fields: fields.collect() });
    }
    let form = stay.visit.form();
    let params = offered.map(|(name, ..)| ((*name).to_owned(), form.given(name).map_or(Value::Null, Value::from)));
    let params = Value::Object(params.collect::<Map<_, _>>());
    let asked = Asked { path: vec![stay.session.customer.clone()], url: String::new(), params };
    match act(stay.shared, |cx| customers::update(cx, &asked)) {
        Ok(_) => onward(stay.shared, &stay.session.id, "customer_update"),
        Err(error) => stay.refused(&error),
    }
}
