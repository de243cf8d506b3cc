//! Subscriptions, schedules, invoices.

use super::{created, metadata, page, request, text};
use purser_stripe::{
    Request,
    calls::{invoices, schedules, subscriptions},
    objects::{CollectionMethod, Interval, InvoiceStatus, PaymentBehavior, ProrationBehavior, SubscriptionStatus},
};
use std::collections::BTreeMap;

/// All calls, with all parameters.
pub fn all() -> Vec<Request> {
    [subscribed(), changed(), scheduled(), invoiced(), previewed()].concat()
}

fn items() -> Vec<subscriptions::NewItem> {
    vec![subscriptions::NewItem {
        price: "price_1".into(),
        quantity: Some(2),
        discounts: discounts(),
        tax_rates: Some(vec!["txr_1".into(), "txr_2".into()]),
        metadata: metadata(),
    }]
}

fn discounts() -> Option<Vec<subscriptions::KeptDiscount>> {
    let kept = |id: &str| subscriptions::KeptDiscount { discount: id.into() };
    Some(vec![kept("di_1"), kept("di_2")])
}

fn item_changes() -> Vec<subscriptions::ItemChange> {
    vec![subscriptions::ItemChange {
        id: text("si_1"),
        price: text("price_2"),
        quantity: Some(3),
        deleted: Some(false),
        metadata: metadata(),
    }]
}

fn anchor() -> Option<subscriptions::AnchorChange> {
    Some(subscriptions::AnchorChange { kind: "now" })
}

fn details() -> Option<subscriptions::CancellationDetails> {
    Some(subscriptions::CancellationDetails { comment: text("No."), feedback: text("too_expensive") })
}

fn subscribed() -> Vec<Request> {
    let end_behavior = subscriptions::TrialEnd { missing_payment_method: "pause".into() };
    let new = subscriptions::NewSubscription {
        customer: "cus_1".into(),
        items: items(),
        default_payment_method: text("pm_1"),
        collection_method: Some(CollectionMethod::SendInvoice),
        days_until_due: Some(14),
        payment_behavior: Some(PaymentBehavior::DefaultIncomplete),
        trial_period_days: Some(7),
        trial_end: Some(1_767_225_600),
        trial_settings: Some(subscriptions::TrialSettings { end_behavior }),
        billing_cycle_anchor: Some(1_767_225_600),
        proration_behavior: Some(ProrationBehavior::None),
        cancel_at_period_end: Some(true),
        cancel_at: Some(1_767_225_600),
        metadata: metadata(),
        off_session: Some(true),
    };
    let which = |status| subscriptions::Subscriptions {
        customer: text("cus_1"),
        price: text("price_1"),
        status: Some(status),
        created: created(),
        page: page(),
    };
    vec![
        request(&subscriptions::create(&new)),
        request(&subscriptions::retrieve("sub_1")),
        request(&subscriptions::list(&which(SubscriptionStatus::PastDue))),
        request(&subscriptions::list(&which(SubscriptionStatus::Other("all".into())))),
        request(&subscriptions::items("sub_1", &page())),
    ]
}

fn changed() -> Vec<Request> {
    let change = |when: subscriptions::When, trial: subscriptions::When| subscriptions::SubscriptionChange {
        items: Some(item_changes()),
        proration_behavior: Some(ProrationBehavior::AlwaysInvoice),
        proration_date: Some(1_767_225_600),
        payment_behavior: Some(PaymentBehavior::ErrorIfIncomplete),
        billing_cycle_anchor: anchor(),
        cancel_at_period_end: Some(false),
        cancel_at: Some(when),
        trial_end: Some(trial),
        default_payment_method: text("pm_1"),
        pause_collection: Some(BTreeMap::from([("behavior", "void".into()), ("resumes_at", "1767225600".into())])),
        metadata: metadata(),
        cancellation_details: details(),
    };
    let at = || subscriptions::When::At(1_767_225_600);
    let cancellation =
        subscriptions::Cancellation { invoice_now: Some(true), prorate: Some(true), cancellation_details: details() };
    let resumption = subscriptions::Resumption {
        billing_cycle_anchor: anchor(),
        proration_behavior: Some(ProrationBehavior::CreateProrations),
    };
    let lone = subscriptions::LoneItemChange {
        price: text("price_2"),
        quantity: Some(4),
        proration_behavior: Some(ProrationBehavior::None),
        proration_date: Some(1_767_225_600),
        metadata: metadata(),
    };
    let word = subscriptions::When::Word;
    let unset = subscriptions::SubscriptionChange {
        pause_collection: Some(BTreeMap::new()),
        metadata: Some(BTreeMap::new()),
        ..change(word(""), word("now"))
    };
    vec![
        request(&subscriptions::update("sub_1", &change(at(), at()))),
        request(&subscriptions::update("sub_1", &change(word("max_period_end"), at()))),
        request(&subscriptions::update("sub_1", &unset)),
        request(&subscriptions::cancel("sub_1", &cancellation)),
        request(&subscriptions::pause("sub_1")),
        request(&subscriptions::resume("sub_1", &resumption)),
        request(&subscriptions::update_item("sub_1", "si_1", &lone)),
        request(&subscriptions::delete_item("sub_1", "si_1", Some(ProrationBehavior::CreateProrations))),
    ]
}

fn scheduled() -> Vec<Request> {
    let phase = |behavior| schedules::Phase {
        items: items(),
        start_date: Some(1_767_225_600),
        end_date: Some(1_769_904_000),
        duration: Some(schedules::Duration { interval: Interval::Month, interval_count: Some(1) }),
        proration_behavior: Some(behavior),
        discounts: discounts(),
        default_tax_rates: Some(vec!["txr_1".into()]),
        metadata: metadata(),
    };
    let change = schedules::ScheduleChange {
        end_behavior: Some("release"),
        phases: Some(vec![phase(ProrationBehavior::None), phase(ProrationBehavior::CreateProrations)]),
        proration_behavior: Some(ProrationBehavior::None),
        metadata: metadata(),
    };
    vec![
        request(&schedules::create_from("sub_1")),
        request(&schedules::retrieve("sub_sched_1")),
        request(&schedules::update("sub_sched_1", &change)),
        request(&schedules::release("sub_sched_1")),
        request(&schedules::cancel("sub_sched_1")),
        request(&schedules::list(&schedules::Schedules { customer: text("cus_1"), page: page() })),
    ]
}

fn invoiced() -> Vec<Request> {
    let which = invoices::Invoices {
        customer: text("cus_1"),
        subscription: text("sub_1"),
        status: Some(InvoiceStatus::Open),
        created: created(),
        page: page(),
    };
    let new = invoices::NewInvoice {
        customer: "cus_1".into(),
        auto_advance: Some(true),
        pending_invoice_items_behavior: Some("include"),
        description: text("By hand"),
        metadata: metadata(),
    };
    let change = invoices::InvoiceChange {
        auto_advance: Some(true),
        default_payment_method: text("pm_1"),
        metadata: metadata(),
    };
    let payment =
        invoices::Payment { payment_method: text("pm_1"), off_session: Some(true), paid_out_of_band: Some(false) };
    let item = invoices::NewInvoiceItem {
        customer: "cus_1".into(),
        amount: Some(-700),
        currency: text("usd"),
        description: text("Credit"),
        invoice: text("in_1"),
        subscription: text("sub_1"),
        metadata: metadata(),
    };
    let items = invoices::InvoiceItems {
        customer: text("cus_1"),
        invoice: text("in_1"),
        pending: Some(true),
        created: created(),
        page: page(),
    };
    let payments = invoices::InvoicePayments {
        invoice: text("in_1"),
        payment: Some(invoices::ByPayment::intent("pi_1")),
        status: Some("paid"),
        page: page(),
    };
    vec![
        request(&invoices::create(&new)),
        request(&invoices::retrieve("in_1")),
        request(&invoices::update("in_1", &change)),
        request(&invoices::list(&which)),
        request(&invoices::lines("in_1", &page())),
        request(&invoices::finalize("in_1")),
        request(&invoices::pay("in_1", &payment)),
        request(&invoices::void("in_1")),
        request(&invoices::mark_uncollectible("in_1")),
        request(&invoices::create_item(&item)),
        request(&invoices::items(&items)),
        request(&invoices::payments(&payments)),
    ]
}

fn previewed() -> Vec<Request> {
    let preview = invoices::Preview {
        customer: text("cus_1"),
        subscription: text("sub_1"),
        subscription_details: Some(invoices::PreviewChange {
            items: Some(item_changes()),
            proration_behavior: Some(ProrationBehavior::AlwaysInvoice),
            proration_date: Some(1_767_225_600),
            trial_end: Some(subscriptions::When::Word("now")),
            cancel_at_period_end: Some(false),
            cancel_now: Some(false),
        }),
        preview_mode: Some("next"),
    };
    vec![request(&invoices::preview(&preview))]
}
