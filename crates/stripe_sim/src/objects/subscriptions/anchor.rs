//! The anchor of periods, given as a day of the month.
//!
//! Source: <https://docs.stripe.com/billing/subscriptions/billing-cycle>

use super::api::Details;
use crate::{
    error::ApiError,
    objects::{
        catalog::Price,
        period::{Every, Interval},
    },
    world::Cx,
};
use jiff::{Timestamp, civil, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;

/// The day and time that is asked for; what is left out is as it is now.
#[derive(Deserialize)]
struct Config {
    day_of_month: i8,
    month: Option<i8>,
    hour: Option<i8>,
    minute: Option<i8>,
    second: Option<i8>,
}

/// For how many intervals such a day is looked for; February 29 comes again after eight years at the latest.
const FARTHEST: i64 = 100;

/// The next time, in UTC, at which a period can begin on that day; a month without that day is passed over.
///
/// # Errors
/// An anchor besides, prices that are not by the month or year, or a day that never comes.
pub(super) fn of_config(cx: &Cx<'_>, details: &Details, config: &Value) -> Result<i64, ApiError> {
    let param = "billing_cycle_anchor_config";
    if details.billing_cycle_anchor.is_some() {
        let message =
            "You may only specify one of these parameters: billing_cycle_anchor, billing_cycle_anchor_config.";
        return Err(ApiError::wrong(message, param));
    }
    let wrong = |message: &str| ApiError::wrong(message, param);
    let config: Config = serde_json::from_value(config.clone()).map_err(|_| wrong("Invalid day or time."))?;
    let Some(every) = shortest(cx, details).filter(|every| matches!(every.interval, Interval::Month | Interval::Year))
    else {
        return Err(wrong("`billing_cycle_anchor_config` can only be used with monthly and yearly prices."));
    };
    next(&config, every, cx.now()).ok_or_else(|| wrong("There is no such day."))
}

/// The shortest interval of the prices.
fn shortest(cx: &Cx<'_>, details: &Details) -> Option<Every> {
    let prices = details.items.iter().filter_map(|item| cx.world.get::<Price>(item.price.as_deref()?));
    let every = prices.filter_map(|price| Some(price.recurring.as_ref()?.every));
    every.min_by_key(|every| (every.interval == Interval::Year, every.interval_count))
}

fn next(config: &Config, every: Every, now: i64) -> Option<i64> {
    let here = Timestamp::from_second(now).ok()?.to_zoned(TimeZone::UTC);
    let step = if config.month.is_some() || every.interval == Interval::Year { 12 } else { every.interval_count };
    let first = i64::from(here.year()) * 12 + i64::from(config.month.unwrap_or_else(|| here.month())) - 1;
    let time = civil::Time::new(
        config.hour.unwrap_or_else(|| here.hour()),
        config.minute.unwrap_or_else(|| here.minute()),
        config.second.unwrap_or_else(|| here.second()),
        0,
    )
    .ok()?;
    let at = |n: i64| {
        let month = first + n * step;
        let (year, month) = (i16::try_from(month.div_euclid(12)).ok()?, i8::try_from(month.rem_euclid(12) + 1).ok()?);
        let day = civil::Date::new(year, month, config.day_of_month).ok()?;
        Some(day.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
    };
    (0..FARTHEST).filter_map(at).find(|at| *at >= now)
}
