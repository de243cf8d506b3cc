//! The hosted checkout: what is bought, the form to pay with, and what becomes of it.

use super::{
    act, challenge,
    method::{self, MethodForm, Problem, Sent, Typed},
    notice, reply,
    shown::{self, money},
    visit::Visit,
};
use crate::{
    deliver::{Delivery, deliveries::State},
    error::ApiError,
    objects::{
        catalog::Price,
        checkout::{
            Mode, Session, Status,
            complete::{self, Done, Payer, customer_of},
        },
        invoices::Invoice,
        payment_intents::PaymentIntent,
        payment_methods::{self, Given},
        subscriptions::Subscription,
    },
    sandbox::Shared,
    world::{Cx, Event, World},
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// For how long a payer is held back at most until the seller's endpoints answered, and how often that is looked at.
/// Source: <https://docs.stripe.com/checkout/fulfillment>
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// `/c/pay/{session}`
pub(super) async fn answer(shared: &Arc<Shared>, visit: &Visit, id: &str) -> Response<Body> {
    if visit.reads() {
        return shown_now(shared, id, None);
    }
    if !visit.posts() {
        return notice::not_that_way();
    }
    let form = visit.form();
    let (typed, given) = match method::read(&form) {
        Sent::Again(typed, problem) => return shown_now(shared, id, Some((typed, problem))),
        Sent::Method(typed, given) => (typed, given),
    };
    match act(shared, |cx| pay(cx, id, &typed, &given)) {
        Ok(Done::Complete) => completed(shared, id).await,
        Ok(Done::Challenge(intent)) => reply::see(&challenge::path(&intent)),
        Err(error) => shown_now(shared, id, Some((typed, Some(Problem::of(&error))))),
    }
}

fn pay(cx: &mut Cx<'_>, id: &str, typed: &Typed, given: &Given) -> Result<Done, ApiError> {
    let found: Session = cx.of_path(id)?;
    let method = payment_methods::from_params(cx, given)?;
    let said = |name: &str| Some(typed.text(name).to_owned()).filter(|text| !text.is_empty());
    let email = known_email(cx, &found).or_else(|| said("email"));
    complete::pay(cx, id, &method, &Payer { email, name: said("name") })
}

/// The payer's address, if the seller knows it.
fn known_email(cx: &Cx<'_>, found: &Session) -> Option<String> {
    let of_customer = || {
        let email = customer_of(cx, found)?.kept.get("email")?;
        email.as_str().map(str::to_owned)
    };
    found.customer_email.clone().or_else(of_customer)
}

/// Leads from a session that is complete to the seller's page, once the seller was told.
pub(super) async fn completed(shared: &Arc<Shared>, id: &str) -> Response<Body> {
    let looks = LONGEST_WAIT.as_millis() / LOOK.as_millis();
    for _ in 0..looks {
        if !shared.with(|world| is_being_told(world, id)) {
            break;
        }
        sleep(LOOK).await;
    }
    let success = shared.with(|world| world.get::<Session>(id).and_then(|session| session.success_url.clone()));
    match success {
        Some(url) => reply::see(&url.replace("{CHECKOUT_SESSION_ID}", id)),
        None => reply::see(&path(id)),
    }
}

/// Whether an endpoint is yet to be told, for the first time, that the session is complete.
fn is_being_told(world: &World, id: &str) -> bool {
    let tells = |event: &&Event| event.kind == "checkout.session.completed" && event.about() == Some(id);
    let Some(event) = world.all::<Event>().rev().find(tells) else { return false };
    let under_way = |delivery: &Delivery| match delivery.state {
        State::Sending => delivery.attempts.len() < 2,
        State::Waiting => delivery.attempts.is_empty() && delivery.due.is_some_and(|turn| turn.at <= world.now),
        _ => false,
    };
    let since = world.all::<Delivery>().rev().take_while(|delivery| delivery.created >= event.created);
    since.filter(|delivery| delivery.event == event.id && !delivery.again).any(under_way)
}

/// The address of a session's page, on this server.
pub(super) fn path(id: &str) -> String {
    format!("/c/pay/{id}")
}

/// The page of an open session.
#[derive(Template)]
#[template(path = "checkout.html")]
struct Open {
    items: Vec<Item>,
    total: String,
    /// What is said below the total: a trial, for instance.
    note: String,
    button: String,
    cancel_url: Option<String>,
    expires: String,
    form: MethodForm,
}

/// Something that is bought.
struct Item {
    name: String,
    quantity: String,
    amount: String,
    every: String,
}

/// The page as things stand, with what was typed.
fn shown_now(shared: &Arc<Shared>, id: &str, typed: Option<(Typed, Option<Problem>)>) -> Response<Body> {
    shared.with(|world| {
        let cx = Cx::new(world, None);
        match cx.find::<Session>(id).cloned() {
            None => {
                let message = "This address leads to no Checkout Session: it is misspelt, or of another state.";
                notice::say(StatusCode::NOT_FOUND, "No such session", message, ("/_sandbox/", "To the control page"))
            }
            Some(found) if found.status == Status::Open => open(&cx, &found, typed),
            Some(found) => over(&found),
        }
    })
}

fn open(cx: &Cx<'_>, found: &Session, typed: Option<(Typed, Option<Problem>)>) -> Response<Body> {
    let email = known_email(cx, found);
    let (typed, problem) = typed.unwrap_or_else(|| {
        let name = customer_of(cx, found).and_then(|customer| customer.kept.get("name"));
        let known = Typed::known(email.as_deref(), name.and_then(serde_json::Value::as_str));
        (known, last_decline(cx.world, found).map(|message| Problem::said(&message)))
    });
    let status = if problem.is_some() { StatusCode::PAYMENT_REQUIRED } else { StatusCode::OK };
    let currency = found.currency.as_deref().unwrap_or("usd");
    let total = found.total(cx.world);
    let page = Open {
        items: found.items_of(cx.world).map(|item| line(cx.world, item)).collect(),
        total: money(total, currency),
        note: note(found, total),
        button: match found.mode {
            Mode::Setup => "Save".to_owned(),
            Mode::Subscription if total == 0 => "Start trial".to_owned(),
            Mode::Subscription => format!("Subscribe and pay {}", money(total, currency)),
            Mode::Payment => format!("Pay {}", money(total, currency)),
        },
        cancel_url: found.cancel_url.clone(),
        expires: shown::when(found.expires_at),
        form: MethodForm::new(currency, &typed, email.is_some(), problem),
    };
    reply::page_leading_away(status, &page)
}

fn line(world: &World, item: &crate::objects::checkout::SessionItem) -> Item {
    let recurring = world.get::<Price>(&item.price).and_then(|price| price.recurring.as_ref());
    let every = match recurring.map(|recurring| (recurring.every.interval_count, recurring.every.interval.name())) {
        Some((1, interval)) => format!("every {interval}"),
        Some((count, interval)) => format!("every {count} {interval}s"),
        None => String::new(),
    };
    Item {
        name: item.description.clone(),
        quantity: item.quantity.map_or_else(|| "Billed".to_owned(), |quantity| format!("Quantity {quantity}, billed")),
        amount: item.quantity.map_or_else(|| "by usage".to_owned(), |_| money(item.amount, &item.currency)),
        every,
    }
}

/// What is said below the total.
fn note(found: &Session, total: i64) -> String {
    let data = &found.subscription_data;
    match (found.mode, data.trial_period_days, data.trial_end) {
        (Mode::Subscription, ..) if total > 0 => String::new(),
        (Mode::Subscription, Some(days), _) => format!("Nothing is due today: the first {days} days are free."),
        (Mode::Subscription, None, Some(end)) => format!("Nothing is due before {}.", shown::day(end)),
        (Mode::Setup, ..) => "Nothing is paid now. What you enter is kept for later payments.".to_owned(),
        _ => String::new(),
    }
}

/// Why the last attempt failed, if it did outside of this page: at the holder's bank.
fn last_decline(world: &World, found: &Session) -> Option<String> {
    let under_way = found.under_way.as_ref()?;
    let of_subscription = || {
        let invoice = world.get::<Subscription>(under_way)?.latest_invoice.as_ref()?;
        world.get::<PaymentIntent>(world.get::<Invoice>(invoice)?.payment_intent.as_ref()?)
    };
    let intent = world.get::<PaymentIntent>(under_way).or_else(of_subscription)?;
    intent.last_payment_error.as_ref()?["message"].as_str().map(str::to_owned)
}

/// The page of a session that is over.
fn over(found: &Session) -> Response<Body> {
    let back = |url: &Option<String>, name: &'static str| {
        url.clone().map(|url| (url.replace("{CHECKOUT_SESSION_ID}", &found.id), name))
    };
    let (title, message, back) = if found.status == Status::Complete {
        let message = "This session is complete: it cannot be paid a second time.";
        ("You are all done here", message, back(&found.success_url, "On to the seller's page"))
    } else {
        let message = "This session expired before it was paid. The seller can make a new one.";
        ("This session is over", message, back(&found.cancel_url, "Back to the seller's page"))
    };
    let (url, name) = back.unwrap_or_else(|| ("/_sandbox/".to_owned(), "To the control page"));
    notice::say(StatusCode::OK, title, message, (url.as_str(), name))
}
