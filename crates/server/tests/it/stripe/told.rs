//! What was used, and what is told: meters, events, and where they are sent.

use super::pair::{NEW_YEAR, Pair};
use purser_stripe::{
    Error, Key,
    calls::{PageOf, events, meters},
    webhook,
};
use std::collections::BTreeMap;

pub async fn meters_and_events() -> Pair {
    let mut pair = Pair::new("meters_and_events").await;
    let customer = pair.customer().await;
    let meter = meters::NewMeter {
        display_name: "Calls".into(),
        event_name: "calls".into(),
        default_aggregation: meters::Aggregation { formula: "sum" },
    };
    let meter = pair.write(&meters::create(&meter)).await;
    assert!(pair.read(&meters::retrieve(&meter.id)).await.is_active());
    assert_eq!(pair.read(&meters::list(&PageOf::full())).await.data.len(), 1);
    let usage = |identifier: &str| meters::NewMeterEvent {
        event_name: "calls".into(),
        payload: BTreeMap::from([("stripe_customer_id".into(), customer.clone()), ("value".into(), "3".into())]),
        identifier: identifier.into(),
        timestamp: NEW_YEAR,
    };
    pair.write(&meters::send(&usage("u-1"))).await;
    let key = Key { text: "again".into(), first_sent: NEW_YEAR };
    match pair.client.write(&meters::send(&usage("u-1")), &key, NEW_YEAR).await {
        Err(Error::Refused(refused)) => assert!(refused.is_duplicate_meter_event(), "{refused}"),
        other => panic!("{other:?}"),
    }
    pair.write(&meters::cancel("calls", "u-1")).await;
    let which = meters::Summaries {
        customer: customer.clone(),
        start_time: NEW_YEAR,
        end_time: NEW_YEAR + 3600,
        value_grouping_window: Some("hour"),
        ..Default::default()
    };
    pair.read(&meters::summaries(&meter.id, &which)).await;
    let all = pair.all(&events::list(&events::Events { page: PageOf::full(), ..Default::default() })).await;
    let created = all.iter().find(|event| event.kind == "customer.created").expect("told");
    let call = events::retrieve(&created.id);
    pair.read(&call).await;
    let body = pair.client.read(&call).await.expect("the event").json;
    let Ok(webhook::Notification::Snapshot(event)) = webhook::read(&body) else { panic!("no snapshot") };
    assert!(event.object::<purser_stripe::objects::Customer>().is_ok());
    // Usage of somebody who is not there is told by a thin event, later.
    let mut lost = usage("u-2");
    lost.payload.insert("stripe_customer_id".into(), "cus_nobody".into());
    pair.write(&meters::send(&lost)).await;
    pair.advance(NEW_YEAR + 7200).await;
    let which = events::ThinEvents { object_id: Some(meter.id.clone()), limit: Some(1), ..Default::default() };
    let thin = pair.all(&events::list_thin(&which)).await;
    let report = thin.iter().find(|event| event.event.kind == "v1.billing.meter.error_report_triggered");
    let report = report.unwrap_or_else(|| panic!("not among {thin:?}"));
    let full = pair.read(&events::retrieve_thin(&report.event.id)).await;
    let said = full.data.expect("its data").to_string();
    assert!(said.contains("meter_event_customer_not_found"), "{said}");
    let kinds = vec!["v1.billing.meter.error_report_triggered".to_owned()];
    let which = events::ThinEvents { types: Some(kinds), ..Default::default() };
    assert_eq!(pair.read(&events::list_thin(&which)).await.data.len(), 1);
    let fields = events::EndpointFields {
        url: Some("http://127.0.0.1:9/hook".into()),
        enabled_events: Some(vec!["*".into()]),
        api_version: Some(purser_stripe::API_VERSION.into()),
        ..Default::default()
    };
    let endpoint = pair.write(&events::create_endpoint(&fields)).await;
    assert!(endpoint.secret.is_some());
    assert!(pair.read(&events::endpoints(&PageOf::full())).await.data[0].secret.is_none());
    assert_eq!(pair.read(&events::endpoint(&endpoint.id)).await.url, "http://127.0.0.1:9/hook");
    let off = events::EndpointFields { disabled: Some(true), ..Default::default() };
    pair.write(&events::update_endpoint(&endpoint.id, &off)).await;
    pair.write(&events::delete_endpoint(&endpoint.id)).await;
    pair
}
