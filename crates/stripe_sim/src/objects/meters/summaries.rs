//! What a meter counted of a customer, as the API shows it: in all, by the hour or by the day.

use super::{
    Meter, Tally, Window,
    tally::{aggregate, id_of},
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    objects::{customers::Customer, decimal::Decimal},
    world::{Cx, PageAsked, page},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Fields {
    customer: String,
    start_time: i64,
    end_time: i64,
    value_grouping_window: Option<Window>,
}

/// A stretch of time and what was counted in it.
struct Summary {
    id: String,
    start: i64,
    end: i64,
    value: Decimal,
}

/// `GET /v1/billing/meters/{id}/event_summaries`
///
/// Newest first. Without a grouping window there is one summary, also of nothing; with one, windows without events are
/// left out.
pub(crate) fn summaries(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let meter: Meter = cx.of_path(asked.id())?;
    cx.given::<Customer>(&fields.customer, "customer")?;
    check_times(&fields)?;
    let tally = cx.world.get::<Tally>(&id_of(&meter.id, &fields.customer));
    let found = summed_up(&meter, tally, &fields);
    let ids: Vec<String> = found.iter().map(|summary| summary.id.clone()).collect();
    let place: PageAsked = asked.read()?;
    let (ids, more) = page(&ids, &place, "billing.meter_event_summary", |id| ids.iter().any(|other| other == id))?;
    let shown = found.iter().filter(|summary| ids.contains(&summary.id)).map(|summary| shown(&meter, summary));
    Ok(Answer::Value(json!({
        "object": "list",
        "data": shown.collect::<Value>(),
        "has_more": more,
        "url": asked.url,
    })))
}

/// Both ends lie on a minute of the UTC clock, or on an hour or day when that is the window.
fn check_times(fields: &Fields) -> Result<(), ApiError> {
    let (step, name) = match fields.value_grouping_window {
        None => (60, "minute"),
        Some(Window::Hour) => (3600, "hour"),
        Some(Window::Day) => (super::DAY, "UTC day"),
    };
    for (param, time) in [("start_time", fields.start_time), ("end_time", fields.end_time)] {
        if time.rem_euclid(step) != 0 {
            return Err(ApiError::wrong(&format!("`{param}` must be aligned with {name} boundaries."), param));
        }
    }
    if fields.end_time <= fields.start_time {
        return Err(ApiError::wrong("`end_time` must be after `start_time`.", "end_time"));
    }
    Ok(())
}

/// The summaries, newest first.
fn summed_up(meter: &Meter, tally: Option<&Tally>, fields: &Fields) -> Vec<Summary> {
    let entries = tally.into_iter().flat_map(|tally| tally.between(fields.start_time, fields.end_time));
    let summary = |start, end, value| Summary { id: id(meter, fields, start, end), start, end, value };
    let Some(window) = fields.value_grouping_window else {
        return vec![summary(fields.start_time, fields.end_time, aggregate(meter, entries))];
    };
    let length = window.seconds();
    let mut windows: BTreeMap<i64, Vec<(i64, Decimal)>> = BTreeMap::new();
    for (at, value) in entries {
        windows.entry(at - at.rem_euclid(length)).or_default().push((at, value));
    }
    let newest_first = windows.into_iter().rev();
    newest_first.map(|(start, entries)| summary(start, start + length, aggregate(meter, entries.into_iter()))).collect()
}

/// The same summary has the same id each time: it is made of what it is of.
fn id(meter: &Meter, fields: &Fields, start: i64, end: i64) -> String {
    let tail = |id: &str| id.rsplit('_').next().unwrap_or_default().to_owned();
    let length = end.saturating_sub(start);
    format!("mtrusg_test_{}{}{start:x}{length:x}", tail(&meter.id), tail(&fields.customer))
}

fn shown(meter: &Meter, summary: &Summary) -> Value {
    json!({
        "id": summary.id,
        "object": "billing.meter_event_summary",
        "aggregated_value": number(summary.value),
        "end_time": summary.end,
        "livemode": false,
        "meter": meter.id,
        "start_time": summary.start,
    })
}

/// A decimal as the number that JSON has for it. Stripe shows no more than a float holds either.
fn number(value: Decimal) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}
