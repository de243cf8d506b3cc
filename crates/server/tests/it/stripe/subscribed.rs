//! Subscriptions: begun, changed, scheduled, paused, ended.

use super::pair::{NEW_YEAR, Pair};
use purser_stripe::{
    calls::{PageOf, invoices, schedules, subscriptions},
    objects::{Interval, ProrationBehavior, SubscriptionStatus},
};
use std::collections::BTreeMap;

fn items(price: &str) -> Vec<subscriptions::NewItem> {
    vec![subscriptions::NewItem { price: price.into(), quantity: Some(2), ..Default::default() }]
}

pub async fn subscriptions_from_begin_to_end() -> Pair {
    let mut pair = Pair::new("subscriptions_from_begin_to_end").await;
    let (customer, price, dearer) = (pair.customer().await, pair.price(2000).await, pair.price(5000).await);
    let new = subscriptions::NewSubscription { customer: customer.clone(), items: items(&price), ..Default::default() };
    let found = pair.write(&subscriptions::create(&new)).await;
    assert_eq!(found.status, SubscriptionStatus::Active);
    let item = found.items.data[0].clone();
    assert_eq!((item.quantity, item.current_period_end), (Some(2), NEW_YEAR + 31 * 86_400));
    let change = |price: &str| subscriptions::ItemChange {
        id: Some(item.id.clone()),
        price: Some(price.into()),
        quantity: Some(1),
        ..Default::default()
    };
    let always = Some(ProrationBehavior::AlwaysInvoice);
    let preview = invoices::Preview {
        subscription: Some(found.id.clone()),
        subscription_details: Some(invoices::PreviewChange {
            items: Some(vec![change(&dearer)]),
            proration_behavior: always.clone(),
            proration_date: Some(NEW_YEAR),
            ..Default::default()
        }),
        ..Default::default()
    };
    let shown = pair.write(&invoices::preview(&preview)).await;
    let update = subscriptions::SubscriptionChange {
        items: Some(vec![change(&dearer)]),
        proration_behavior: always,
        proration_date: Some(NEW_YEAR),
        ..Default::default()
    };
    let changed = pair.write(&subscriptions::update(&found.id, &update)).await;
    let latest = changed.latest_invoice.expect("an invoice");
    let invoice = pair.read(&invoices::retrieve(latest.id())).await;
    assert_eq!((shown.total, invoice.total), (1000, 1000));
    assert_eq!(invoice.subscription(), Some(found.id.as_str()));
    assert!(invoice.lines.data.iter().all(purser_stripe::objects::InvoiceLine::is_proration));
    assert_eq!(pair.read(&invoices::lines(latest.id(), &PageOf::full())).await.data.len(), 2);
    let which = invoices::Invoices { subscription: Some(found.id.clone()), ..Default::default() };
    assert_eq!(pair.all(&invoices::list(&which)).await.len(), 2);
    let which = invoices::InvoicePayments { invoice: invoice.id.clone(), ..Default::default() };
    let payment = pair.read(&invoices::payments(&which)).await.data.remove(0);
    let intent = payment.payment.payment_intent.expect("an intent");
    let which =
        invoices::InvoicePayments { payment: Some(invoices::ByPayment::intent(intent.id())), ..Default::default() };
    assert_eq!(pair.read(&invoices::payments(&which)).await.data[0].id, payment.id);
    assert_eq!(pair.read(&subscriptions::items(&found.id, &PageOf::full())).await.data.len(), 1);
    let ends = subscriptions::SubscriptionChange { cancel_at_period_end: Some(true), ..Default::default() };
    assert!(pair.write(&subscriptions::update(&found.id, &ends)).await.is_ending());
    let at = subscriptions::SubscriptionChange {
        cancel_at: Some(subscriptions::When::At(NEW_YEAR + 40 * 86_400)),
        ..Default::default()
    };
    assert!(pair.write(&subscriptions::update(&found.id, &at)).await.is_ending());
    let stays = subscriptions::SubscriptionChange {
        cancel_at_period_end: Some(false),
        cancel_at: Some(subscriptions::When::Word("")),
        ..Default::default()
    };
    assert!(!pair.write(&subscriptions::update(&found.id, &stays)).await.is_ending());
    let seats = subscriptions::LoneItemChange { quantity: Some(3), ..Default::default() };
    pair.write(&subscriptions::update_item(&found.id, &item.id, &seats)).await;
    assert_eq!(pair.write(&subscriptions::pause(&found.id)).await.status, SubscriptionStatus::Paused);
    pair.write(&subscriptions::resume(&found.id, &Default::default())).await;
    let ended = pair.write(&subscriptions::cancel(&found.id, &Default::default())).await;
    assert_eq!(ended.status, SubscriptionStatus::Canceled);
    let which = subscriptions::Subscriptions {
        customer: Some(customer),
        status: Some(SubscriptionStatus::Other("all".into())),
        ..Default::default()
    };
    assert_eq!(pair.read(&subscriptions::list(&which)).await.data[0].id, found.id);
    pair
}

pub async fn a_downgrade_by_schedule() -> Pair {
    let mut pair = Pair::new("a_downgrade_by_schedule").await;
    let (customer, price, cheaper) = (pair.customer().await, pair.price(5000).await, pair.price(2000).await);
    let new = subscriptions::NewSubscription { customer: customer.clone(), items: items(&price), ..Default::default() };
    let found = pair.write(&subscriptions::create(&new)).await;
    let schedule = pair.write(&schedules::create_from(&found.id)).await;
    let now = &schedule.phases[0];
    let then = schedules::Phase {
        items: items(&cheaper),
        duration: Some(schedules::Duration { interval: Interval::Month, interval_count: Some(1) }),
        proration_behavior: Some(ProrationBehavior::None),
        metadata: Some(BTreeMap::from([("operation".into(), "op-1".into())])),
        ..Default::default()
    };
    let change = schedules::ScheduleChange {
        end_behavior: Some("release"),
        phases: Some(vec![
            schedules::Phase {
                items: items(&price),
                start_date: Some(now.start_date),
                end_date: Some(now.end_date),
                ..Default::default()
            },
            then,
        ]),
        ..Default::default()
    };
    let changed = pair.write(&schedules::update(&schedule.id, &change)).await;
    assert_eq!(changed.phases.len(), 2);
    assert_eq!(changed.phases[1].items[0].price.id(), cheaper);
    assert_eq!(pair.read(&schedules::retrieve(&schedule.id)).await.phases.len(), 2);
    let under = pair.read(&subscriptions::retrieve(&found.id)).await;
    assert_eq!(under.schedule.as_ref().map(|schedule| schedule.id()), Some(schedule.id.as_str()));
    pair.advance(now.end_date + 3600).await;
    let later = pair.read(&subscriptions::retrieve(&found.id)).await;
    assert_eq!(later.items.data[0].price.id, cheaper);
    pair.write(&schedules::release(&schedule.id)).await;
    let again = pair.write(&schedules::create_from(&found.id)).await;
    let which = schedules::Schedules { customer: Some(customer), ..Default::default() };
    assert_eq!(pair.read(&schedules::list(&which)).await.data.len(), 2);
    pair.write(&schedules::cancel(&again.id)).await;
    let ended = pair.read(&subscriptions::retrieve(&found.id)).await;
    assert_eq!(ended.status, SubscriptionStatus::Canceled);
    pair
}

pub async fn items_and_collection_one_by_one() -> Pair {
    let mut pair = Pair::new("items_and_collection_one_by_one").await;
    let (customer, price, seats) = (pair.customer().await, pair.price(5000).await, pair.price(700).await);
    let both = [items(&price), items(&seats)].concat();
    let new = subscriptions::NewSubscription {
        customer,
        items: both,
        trial_period_days: Some(7),
        trial_settings: Some(subscriptions::TrialSettings {
            end_behavior: subscriptions::TrialEnd { missing_payment_method: "cancel".into() },
        }),
        metadata: Some(BTreeMap::from([("operation".into(), "op-1".into())])),
        ..Default::default()
    };
    let found = pair.write(&subscriptions::create(&new)).await;
    assert_eq!(found.status, SubscriptionStatus::Trialing);
    // What an operation made is found by its id in the metadata.
    let which = subscriptions::Subscriptions { customer: Some(found.customer.id().into()), ..Default::default() };
    let listed = pair.all(&subscriptions::list(&which)).await;
    assert_eq!(listed.iter().filter(|each| each.metadata.get("operation").is_some_and(|id| id == "op-1")).count(), 1);
    let gone = found.items.data[1].id.clone();
    let deleted = pair.write(&subscriptions::delete_item(&found.id, &gone, Some(ProrationBehavior::None))).await;
    assert!(deleted.deleted && deleted.id == gone);
    assert_eq!(pair.read(&subscriptions::items(&found.id, &PageOf::full())).await.data.len(), 1);
    let now =
        subscriptions::SubscriptionChange { trial_end: Some(subscriptions::When::Word("now")), ..Default::default() };
    assert_eq!(pair.write(&subscriptions::update(&found.id, &now)).await.status, SubscriptionStatus::Active);
    let pause = subscriptions::SubscriptionChange {
        pause_collection: Some(BTreeMap::from([("behavior", "void".to_owned())])),
        ..Default::default()
    };
    let paused = pair.write(&subscriptions::update(&found.id, &pause)).await;
    assert_eq!(paused.pause_collection.map(|pause| pause.behavior).as_deref(), Some("void"));
    let on = subscriptions::SubscriptionChange { pause_collection: Some(BTreeMap::new()), ..Default::default() };
    assert!(pair.write(&subscriptions::update(&found.id, &on)).await.pause_collection.is_none());
    let details = subscriptions::CancellationDetails {
        comment: Some("It is too dear.".into()),
        feedback: Some("too_expensive".into()),
    };
    let how = subscriptions::Cancellation {
        invoice_now: Some(true),
        prorate: Some(true),
        cancellation_details: Some(details),
    };
    assert_eq!(pair.write(&subscriptions::cancel(&found.id, &how)).await.status, SubscriptionStatus::Canceled);
    pair
}
