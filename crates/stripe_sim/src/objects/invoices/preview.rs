//! Previews: what an invoice would be. The change is made, its invoice looked at, and all of it taken back.

use super::{Invoice, Reason, Status, draft, items::take_up_all};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{
        period::{Period, around},
        subscriptions::{
            Item, Subscription,
            api::{self, Details},
            change::{self, Change, Proration},
            start::PaymentBehavior,
        },
    },
    world::Cx,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a preview is asked for.
#[derive(Deserialize)]
struct Fields {
    customer: Option<String>,
    subscription: Option<String>,
    subscription_details: Option<Details>,
    preview_mode: Option<String>,
}

/// `POST /v1/invoices/create_preview`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let mark = cx.mark();
    let shown = previewed(cx, &fields);
    cx.rewind(mark);
    shown.map(Answer::Value)
}

fn previewed(cx: &mut Cx<'_>, fields: &Fields) -> Result<Value, ApiError> {
    let details = fields.subscription_details.as_ref();
    let id = match (&fields.subscription, details) {
        (Some(id), _) => {
            let found: Subscription = cx.given(id, "subscription").map_err(|error| error.status(404))?;
            if fields.customer.as_ref().is_some_and(|customer| *customer != found.customer) {
                return Err(ApiError::no_such("subscription", id).at("subscription").status(404));
            }
            found.id
        }
        (None, Some(details)) => api::start_previewed(cx, fields.customer.as_deref(), details)?,
        (None, None) => return Err(ApiError::missing("subscription")),
    };
    let fresh = fields.subscription.is_none();
    if fresh {
        let latest = cx.world.get::<Subscription>(&id).and_then(|found| found.latest_invoice.clone());
        return latest.and_then(|invoice| shown(cx, &invoice)).ok_or_else(|| nothing_to_come(&id));
    }
    if let Some(details) = details {
        let change = api::change_of(details, cx.now())?;
        let at_once = change.proration == Proration::AlwaysInvoice || change.anchor_now;
        // The payment is not made, only asked for.
        let change = Change { payment_behavior: PaymentBehavior::DefaultIncomplete, ..change };
        change::apply(cx, &id, &change)?;
        api::set_end(cx, &id, details, &change)?;
        let latest = cx.world.get::<Subscription>(&id).and_then(|found| found.latest_invoice.clone());
        if at_once && let Some(shown) = latest.and_then(|invoice| shown(cx, &invoice)) {
            return Ok(shown);
        }
    }
    let recurring = fields.preview_mode.as_deref() == Some("recurring");
    coming(cx, &id, !recurring).ok_or_else(|| nothing_to_come(&id))
}

/// The invoice as it would be shown before it is final.
fn shown(cx: &mut Cx<'_>, id: &str) -> Option<Value> {
    cx.edit::<Invoice>(id, |invoice| {
        invoice.status = Status::Draft;
        invoice.number = None;
        invoice.finalized_at = None;
        invoice.ending_balance = None;
        invoice.webhooks_delivered_at = None;
        invoice.attempted = false;
        invoice.attempt_count = 0;
    });
    let mut value = cx.world.shown("invoice", id)?;
    value["id"] = json!(format!("upcoming_{id}"));
    value["billing_reason"] = json!("upcoming");
    Some(value)
}

/// The invoice of the next turn as it would be now, with what waits for it if `waiting`.
fn coming(cx: &mut Cx<'_>, id: &str, waiting: bool) -> Option<Value> {
    let found = cx.world.get::<Subscription>(id).filter(|found| !found.is_over()).cloned()?;
    let end = found.next_end(cx.world)?;
    let ends = found.cancel_at.is_some_and(|at| at <= end);
    let due: Vec<(String, Period)> = found
        .items_of(cx.world)
        .filter(|item| item.current_period_end == end)
        .map(|item| (item.id.clone(), item.period()))
        .collect();
    let start = due.iter().map(|(_, period)| period.start).min()?;
    let invoice = draft::of(cx, &found, Reason::Upcoming, Period { start, end });
    if waiting {
        take_up_all(cx, &invoice, id);
    }
    for (item, ended) in &due {
        let Some(of) = cx.world.get::<Item>(item).cloned() else { continue };
        if of.is_metered(cx.world) {
            draft::usage_due(cx, &invoice, item, *ended);
        } else if !ends {
            let next = around(found.billing_cycle_anchor, of.every(cx.world), end);
            cx.edit::<Item>(item, |item| item.set_period(Period { start: end, end: next.end }));
            draft::time_line(cx, &invoice, item, true);
        }
    }
    if cx.world.get::<Invoice>(&invoice)?.lines.is_empty() {
        return None;
    }
    cx.edit::<Invoice>(&invoice, |invoice| {
        invoice.created = end;
        invoice.next_payment_attempt = Some(end + 3600);
        invoice.auto_advance = true;
    });
    shown(cx, &invoice)
}

/// The next invoice of a subscription, as `invoice.upcoming` tells it.
pub(crate) fn next(cx: &mut Cx<'_>, id: &str) -> Value {
    let mark = cx.mark();
    let shown = coming(cx, id, true).unwrap_or_default();
    cx.rewind(mark);
    shown
}

fn nothing_to_come(id: &str) -> ApiError {
    ApiError::invalid(format!("No upcoming invoices for subscription: {id}")).code("invoice_upcoming_none").status(404)
}
