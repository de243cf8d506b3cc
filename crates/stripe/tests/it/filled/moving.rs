//! Payments, refunds, disputes, meters, events.

use super::{created, metadata, page, request, text};
use purser_stripe::{
    Request,
    calls::{events, meters, payments},
};
use std::collections::BTreeMap;

/// All calls, with all parameters.
pub fn all() -> Vec<Request> {
    [paid(), given_back(), counted(), told()].concat()
}

fn paid() -> Vec<Request> {
    let payment = payments::NewPayment {
        amount: 5000,
        currency: "usd".into(),
        customer: text("cus_1"),
        payment_method: text("pm_1"),
        confirm: Some(true),
        off_session: Some(true),
        automatic_payment_methods: Some(payments::AutomaticMethods { enabled: true, allow_redirects: Some("never") }),
        return_url: text("https://example.com"),
        description: text("Top-up"),
        metadata: metadata(),
    };
    let setup = payments::NewSetup { customer: text("cus_1"), usage: Some("off_session"), metadata: metadata() };
    let which = payments::Payments { customer: text("cus_1"), created: created(), page: page() };
    let setups = payments::Setups { customer: text("cus_1"), created: created(), page: page() };
    vec![
        request(&payments::create(&payment)),
        request(&payments::retrieve("pi_1")),
        request(&payments::confirm("pi_1", Some("pm_1"))),
        request(&payments::cancel("pi_1")),
        request(&payments::list(&which)),
        request(&payments::create_setup(&setup)),
        request(&payments::setup("seti_1")),
        request(&payments::setups(&setups)),
    ]
}

fn given_back() -> Vec<Request> {
    let refund = payments::NewRefund {
        payment_intent: text("pi_1"),
        charge: text("ch_1"),
        amount: Some(1200),
        reason: Some("requested_by_customer"),
        metadata: metadata(),
    };
    let of =
        payments::OfPayment { payment_intent: text("pi_1"), charge: text("ch_1"), created: created(), page: page() };
    let charges =
        payments::Charges { customer: text("cus_1"), payment_intent: text("pi_1"), created: created(), page: page() };
    vec![
        request(&payments::charge("ch_1")),
        request(&payments::charges(&charges)),
        request(&payments::refund(&refund)),
        request(&payments::retrieve_refund("re_1")),
        request(&payments::refunds(&of)),
        request(&payments::dispute("du_1")),
        request(&payments::disputes(&of)),
    ]
}

fn counted() -> Vec<Request> {
    let meter = meters::NewMeter {
        display_name: "Calls".into(),
        event_name: "calls".into(),
        default_aggregation: meters::Aggregation { formula: "sum" },
    };
    let usage = meters::NewMeterEvent {
        event_name: "calls".into(),
        payload: BTreeMap::from([("stripe_customer_id".into(), "cus_1".into()), ("value".into(), "0.5".into())]),
        identifier: "u-1".into(),
        timestamp: 1_767_225_600,
    };
    let sums = meters::Summaries {
        customer: "cus_1".into(),
        start_time: 1_767_225_600,
        end_time: 1_767_229_200,
        value_grouping_window: Some("hour"),
        page: page(),
    };
    vec![
        request(&meters::create(&meter)),
        request(&meters::retrieve("mtr_1")),
        request(&meters::list(&page())),
        request(&meters::send(&usage)),
        request(&meters::cancel("calls", "u-1")),
        request(&meters::summaries("mtr_1", &sums)),
    ]
}

fn told() -> Vec<Request> {
    let which = events::Events {
        types: Some(vec!["invoice.paid".into()]),
        delivery_success: Some(false),
        created: created(),
        page: page(),
    };
    let thin = events::ThinEvents {
        object_id: text("mtr_1"),
        types: Some(vec!["v1.billing.meter.error_report_triggered".into()]),
        created: Some(events::ThinCreated { gte: text("2026-11-01T00:00:00Z"), lt: text("2026-12-01T00:00:00Z") }),
        limit: Some(100),
    };
    let endpoint = events::EndpointFields {
        url: text("https://example.com/hook"),
        enabled_events: Some(vec!["invoice.paid".into(), "customer.subscription.updated".into()]),
        api_version: text(purser_stripe::API_VERSION),
        description: text("Purser"),
        disabled: None,
        metadata: metadata(),
    };
    let change = events::EndpointFields { api_version: None, disabled: Some(true), ..endpoint.clone() };
    vec![
        request(&events::retrieve("evt_1")),
        request(&events::list(&which)),
        request(&events::retrieve_thin("evt_2")),
        request(&events::list_thin(&thin)),
        request(&events::create_endpoint(&endpoint)),
        request(&events::endpoint("we_1")),
        request(&events::update_endpoint("we_1", &change)),
        request(&events::endpoints(&page())),
        request(&events::delete_endpoint("we_1")),
    ]
}
