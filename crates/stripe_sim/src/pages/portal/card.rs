//! Payment methods in the portal: one more, another default, one less.

use super::{Stay, onward};
use crate::{
    error::ApiError,
    http::Asked,
    objects::{
        customers::Customer,
        payment_methods::{self, Given, PaymentMethod},
        portal::{Session, actions, actions::Added},
        setup_intents::SetupIntent,
    },
    pages::{
        act, challenge,
        method::{self, MethodForm, Problem, Sent, Typed},
        reply,
    },
    world::Cx,
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::json;

/// The page.
#[derive(Template)]
#[template(path = "portal_card.html")]
struct Page {
    home: String,
    form: MethodForm,
}

/// `card`: the form to add a payment method
pub(super) fn answer(stay: &Stay<'_>) -> Response<Body> {
    if !stay.configuration.offers("payment_method_update") {
        return stay.not_offered();
    }
    if stay.visit.reads() {
        let problem = stay.visit.query.given("failed").map(|_| Problem::said(&last_failure(stay)));
        let typed = stay.shared.with(|world| Typed::of_customer(world, &stay.session.customer));
        return show(stay, &typed, problem);
    }
    let (typed, given) = match method::read(&stay.visit.form()) {
        Sent::Again(typed, problem) => return show(stay, &typed, problem),
        Sent::Method(typed, given) => (typed, given),
    };
    match act(stay.shared, |cx| add(cx, &stay.session, &given)) {
        Ok(Added::Done) => onward(stay.shared, &stay.session.id, "payment_method_update"),
        Ok(Added::Challenge(setup)) => reply::see(&challenge::path(&setup)),
        Err(error) => show(stay, &typed, Some(Problem::of(&error))),
    }
}

fn add(cx: &mut Cx<'_>, session: &Session, given: &Given) -> Result<Added, ApiError> {
    let method = payment_methods::from_params(cx, given)?;
    actions::add_method(cx, session, &method)
}

/// Why the holder's bank did not recognize the holder.
fn last_failure(stay: &Stay<'_>) -> String {
    let message = stay.shared.with(|world| {
        let own = |setup: &&SetupIntent| setup.customer.as_ref() == Some(&stay.session.customer);
        let last = world.all::<SetupIntent>().rev().find(own)?;
        last.last_setup_error.as_ref()?["message"].as_str().map(str::to_owned)
    });
    message.unwrap_or_else(|| "That did not work. Please try again.".to_owned())
}

fn show(stay: &Stay<'_>, typed: &Typed, problem: Option<Problem>) -> Response<Body> {
    let status = if problem.is_some() { StatusCode::PAYMENT_REQUIRED } else { StatusCode::OK };
    let currency = stay
        .shared
        .with(|world| world.get::<Customer>(&stay.session.customer).and_then(|customer| customer.currency.clone()));
    let form = MethodForm::new(currency.as_deref().unwrap_or("usd"), typed, false, problem);
    reply::page_leading_away(status, &Page { home: stay.to("home"), form })
}

/// `default`: what is charged when nothing else is said
pub(super) fn make_default(stay: &Stay<'_>) -> Response<Body> {
    if !stay.configuration.offers("payment_method_update") {
        return stay.not_offered();
    }
    let form = stay.visit.form();
    match act(stay.shared, |cx| actions::make_default(cx, &stay.session.customer, form.get("id"))) {
        Ok(()) => onward(stay.shared, &stay.session.id, "payment_method_update"),
        Err(error) => stay.refused(&error),
    }
}

/// `remove`: one less
pub(super) fn remove(stay: &Stay<'_>) -> Response<Body> {
    let form = stay.visit.form();
    let id = form.get("id");
    let own = |method: &PaymentMethod| method.customer.as_ref() == Some(&stay.session.customer);
    let may = stay.configuration.offers("payment_method_update")
        && stay.shared.with(|world| world.get::<PaymentMethod>(id).is_some_and(own));
    if !may {
        return stay.not_offered();
    }
    let asked = Asked { path: vec![id.to_owned()], url: String::new(), params: json!({}) };
    match act(stay.shared, |cx| payment_methods::detach(cx, &asked)) {
        Ok(_) => reply::see(&stay.to("home")),
        Err(error) => stay.refused(&error),
    }
}
