//! Reports of meter events that were wrong: thin events, one for each meter and stretch of time.
//!
//! Source: <https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api>

use crate::{
    deliver::{Related, tell_thin, v2::time},
    world::{Cx, Resource, Timer},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many seconds a report covers, as in Stripe's example.
const WINDOW: i64 = 10;

/// How many wrong events of a kind a report names.
const MOST_SAMPLES: usize = 5;

/// Stands in place of a meter's id for events that no meter has the name of.
const NO_METER: &str = "no_meter";

/// What is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The meter it was meant for; `None` when there is none.
    pub meter: Option<String>,
    pub code: &'static str,
    pub message: String,
}

/// What was wrong with the events of a meter since `start`. Its id is the meter's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Faults {
    pub id: String,
    pub start: i64,
    /// When it is told.
    pub end: i64,
    /// By code.
    pub kinds: BTreeMap<String, Kind>,
}

/// Events that were wrong in the same way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kind {
    pub count: u64,
    /// Message and identifier of the first of them.
    pub samples: Vec<(String, String)>,
}

impl Resource for Faults {
    const SCHEMA: &'static str = "sandbox.meter_faults";

    fn id(&self) -> &str {
        &self.id
    }
}

/// Keeps what is wrong with the event `identifier` until its report is due.
pub(super) fn note(cx: &mut Cx<'_>, fault: Fault, identifier: &str) {
    let id = fault.meter.unwrap_or_else(|| NO_METER.to_owned());
    // A stretch that is over is told before the next begins.
    report(cx, &id);
    if cx.world.get::<Faults>(&id).is_none() {
        let now = cx.now();
        let start = now - now.rem_euclid(WINDOW);
        cx.at(start + WINDOW, Timer::MeterReport(id.clone()));
        cx.put(Faults { id: id.clone(), start, end: start + WINDOW, kinds: BTreeMap::new() });
    }
    cx.edit::<Faults>(&id, |faults| {
        let kind = faults.kinds.entry(fault.code.to_owned()).or_default();
        kind.count += 1;
        if kind.samples.len() < MOST_SAMPLES {
            kind.samples.push((fault.message, identifier.to_owned()));
        }
    });
}

/// Tells what was wrong with the events of a meter, if its stretch of time is over (the timer `MeterReport`).
pub(crate) fn report(cx: &mut Cx<'_>, meter: &str) {
    let now = cx.now();
    let Some(faults) = cx.world.get::<Faults>(meter).filter(|faults| faults.end <= now).cloned() else { return };
    cx.remove::<Faults>(meter);
    let data = data(&faults);
    if meter == NO_METER {
        tell_thin(cx, "v1.billing.meter.no_meter_found", None, data);
        return;
    }
    let related =
        Related { id: meter.to_owned(), kind: "billing.meter".to_owned(), url: format!("/v1/billing/meters/{meter}") };
    tell_thin(cx, "v1.billing.meter.error_report_triggered", Some(related), data);
}

/// What a report says.
fn data(faults: &Faults) -> Value {
    let count: u64 = faults.kinds.values().map(|kind| kind.count).sum();
    let kinds = faults.kinds.iter().map(|(code, kind)| {
        let samples = kind
            .samples
            .iter()
            .map(|(message, identifier)| json!({ "error_message": message, "request": { "identifier": identifier } }));
        json!({ "code": code, "error_count": kind.count, "sample_errors": samples.collect::<Value>() })
    });
    let summary = match count {
        1 => "There is 1 invalid event".to_owned(),
        count => format!("There are {count} invalid events"),
    };
    json!({
        "developer_message_summary": summary,
        "reason": { "error_count": count, "error_types": kinds.collect::<Value>() },
        "validation_end": time(faults.end),
        "validation_start": time(faults.start),
    })
}

#[cfg(test)]
mod tests {
    use super::{Faults, Kind, data};
    use serde_json::json;

    #[test]
    fn a_report_says_what_stripes_example_says() {
        let kind = Kind {
            count: 1,
            samples: vec![("Customer mapping key stripe_customer_id not found in payload.".into(), "cb447754".into())],
        };
        let kinds = [("meter_event_no_customer_defined".to_owned(), kind)].into();
        let faults = Faults { id: "mtr_1".into(), start: 1_724_878_440, end: 1_724_878_450, kinds };
        let expected = json!({
            "developer_message_summary": "There is 1 invalid event",
            "reason": {
                "error_count": 1,
                "error_types": [{
                    "code": "meter_event_no_customer_defined",
                    "error_count": 1,
                    "sample_errors": [{
                        "error_message": "Customer mapping key stripe_customer_id not found in payload.",
                        "request": { "identifier": "cb447754" },
                    }],
                }],
            },
            "validation_start": "2024-08-28T20:54:00.000Z",
            "validation_end": "2024-08-28T20:54:10.000Z",
        });
        assert_eq!(data(&faults), expected);
    }
}
