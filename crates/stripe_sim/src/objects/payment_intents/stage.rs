//! What the tests of payments share: requests, a customer, a payment, time that passes, and the events that were told.

pub(crate) use crate::objects::testing::value as shown;

use crate::{
    clock,
    http::Asked,
    objects::{customers, payment_intents, testing::asked},
    world::{Cx, Event},
};
use serde_json::{Value, json};

/// A request with these parameters.
pub(crate) fn ask(params: Value) -> Asked {
    asked(&[], params)
}

/// A request about the object `id`.
pub(crate) fn ask_of(id: &str, params: Value) -> Asked {
    asked(&[id], params)
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

/// Lets time pass, and do what is due.
pub(crate) fn pass(cx: &mut Cx<'_>, seconds: i64) {
    let end = cx.now() + seconds;
    while clock::next_timer(cx.world).is_some_and(|at| at <= end) {
        clock::run_timers(cx.world, end);
    }
    cx.world.now = end;
}
