//! What the tests of payments share: requests, a customer, a payment, time that passes, and the events that were told.

use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{customers, disputes, payment_intents, refunds},
    world::{Cx, Event, Timer},
};
use serde_json::{Value, json};

/// A request with these parameters, as the contract reads them.
pub(crate) fn ask(params: Value) -> Asked {
    Asked { path: Vec::new(), url: "/".to_owned(), params }
}

/// A request about the object `id`.
pub(crate) fn ask_of(id: &str, params: Value) -> Asked {
    Asked { path: vec![id.to_owned()], url: "/".to_owned(), params }
}

/// The object that was answered.
pub(crate) fn shown(answer: Result<Answer, ApiError>) -> Value {
    match answer {
        Ok(Answer::Value(value)) => value,
        Ok(Answer::List { .. }) => panic!("a list was answered"),
        Err(error) => panic!("refused: {error:?}"),
    }
}

/// The text in the field `name`.
pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// A new customer: the id.
pub(crate) fn customer(cx: &mut Cx<'_>) -> String {
    text(&shown(customers::create(cx, &ask(json!({})))), "id")
}

/// A payment of `amount` cents that is confirmed at once.
pub(crate) fn pay(cx: &mut Cx<'_>, method: &str, amount: i64) -> Value {
    let params = json!({ "amount": amount, "currency": "usd", "payment_method": method, "confirm": true });
    shown(payment_intents::create(cx, &ask(params)))
}

/// The types of the events that were told, oldest first, those of customers left out.
pub(crate) fn kinds(cx: &Cx<'_>) -> Vec<String> {
    let told = cx.world.all::<Event>().map(|event| event.kind.clone());
    told.filter(|kind| !kind.starts_with("customer.")).collect()
}

/// Forgets the events that were told so far.
pub(crate) fn forget(cx: &mut Cx<'_>) {
    let ids: Vec<String> = cx.world.all::<Event>().map(|event| event.id.clone()).collect();
    for id in ids {
        cx.remove::<Event>(&id);
    }
}

/// Lets time pass, and do what is due for payments.
pub(crate) fn pass(cx: &mut Cx<'_>, seconds: i64) {
    let end = cx.now() + seconds;
    while let Some(at) = cx.world.timers.next_at().filter(|at| *at <= end) {
        cx.world.now = at;
        match cx.world.timers.pop(at) {
            Some(Timer::DebitSettles(id)) => payment_intents::debit_settles(cx, &id),
            Some(Timer::RefundSettles(id)) => refunds::settles(cx, &id),
            Some(Timer::DisputeOpens(id)) => disputes::opens(cx, &id),
            Some(Timer::DisputeEnds(id)) => disputes::ends(cx, &id),
            _ => {}
        }
    }
    cx.world.now = end;
}
