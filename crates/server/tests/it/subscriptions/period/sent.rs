//! Invoices that are sent, and not charged: nothing fails then, and grace begins when they are due.

use super::{DAY, HOUR, balance, pass, plan, proved};
use crate::{
    subscriptions::{Stage, again, of_kind},
    world::{BOTH, Kind},
};
use purser::features::subscriptions;
use purser_rules::Time;
use purser_stripe::{
    Key,
    calls::{invoices, subscriptions as calls},
    objects::{CollectionMethod, Invoice},
};
use serde_json::{Value, json};

/// A stage on which acme is sent the second invoice of a plan of 20 credits a month, which is open and due in 14 days
/// less two hours, and has paid the first one; all of it told. The subscription, and that invoice.
async fn sent(kind: Kind) -> (Stage, String, Invoice) {
    let stage = Stage::new(kind).await;
    let free = json!({ "family": "free", "is_default": true }).to_string();
    stage.world.admin("POST", "/api/v1/admin/subscription-plans", &free).await;
    let customer = stage.customer("acme").await;
    let price = plan(&stage, "pro", (10, 20, 2000), json!({ "credits": { "period": "month" } })).await;
    let new = calls::NewSubscription {
        customer,
        items: vec![calls::NewItem { price, quantity: Some(1), ..Default::default() }],
        collection_method: Some(CollectionMethod::SendInvoice),
        days_until_due: Some(14),
        ..Default::default()
    };
    let made = stage.write(&calls::create(&new)).await;
    pass(&stage, 2 * HOUR);
    stage.tell_all(&made.id).await;
    let first = newest(&stage, &made.id).await;
    paid(&stage, &made.id, &first).await;
    // From 21 November to 21 December.
    pass(&stage, 30 * DAY);
    stage.tell_all(&made.id).await;
    let second = newest(&stage, &made.id).await;
    assert_ne!(second.id, first.id, "{kind:?}");
    assert_eq!(stage.invoices("acme").await[0]["status"], "open", "{kind:?}");
    assert_eq!(standing(&stage).await, active(), "{kind:?}: it is not due yet");
    (stage, made.id, second)
}

/// The newest invoice of a subscription.
async fn newest(stage: &Stage, subscription: &str) -> Invoice {
    let which = invoices::Invoices { subscription: Some(subscription.to_owned()), ..Default::default() };
    stage.client.read(&invoices::list(&which)).await.unwrap().value.data.remove(0)
}

/// An invoice is paid, by a transfer to the seller's bank, and that is told.
async fn paid(stage: &Stage, subscription: &str, invoice: &Invoice) {
    let how = invoices::Payment { paid_out_of_band: Some(true), ..Default::default() };
    stage.write(&invoices::pay(invoice.id.as_deref().unwrap(), &how)).await;
    stage.tell_all(subscription).await;
}

/// When an invoice is due, and when grace ends after that.
fn due_and_end(invoice: &Invoice) -> (Time, Time) {
    let due = Time::from_micros(invoice.due_date.expect("it is sent") * 1_000_000);
    (due, due.plus_seconds(3 * DAY))
}

/// How acme's subscription stands, whether that gives access and until when, since when it is not paid, which plan
/// counts, and what can be spent.
async fn standing(stage: &Stage) -> Value {
    let (current, history) = (stage.current("acme").await, stage.history("acme").await);
    let [available, ..] = balance(stage).await;
    let (access, until, failed) = (&current["access"], &current["access_until"], &history[0]["first_failure_at"]);
    json!([history[0]["stripe_status"], access, until, failed, current["plan"]["family"], available])
}

/// One that is in order.
fn active() -> Value {
    json!(["active", true, null, null, "pro", 20.0])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_pays_what_was_sent_loses_the_plan_when_grace_ends() {
    for kind in BOTH {
        let (stage, subscription, invoice) = sent(kind).await;
        let (due, end) = due_and_end(&invoice);
        pass(&stage, 14 * DAY);
        let told = stage.told(&subscription).await;
        assert!(of_kind(&told, "invoice.payment_failed").is_empty(), "{kind:?}: {told:?}");
        // Nothing else tells of it.
        let updated = of_kind(&told, "customer.subscription.updated");
        stage.tell(&[again(updated.last().unwrap(), "alone")]).await;
        let grace = json!(["past_due", true, end.to_string(), due.to_string(), "pro", 20.0]);
        assert_eq!(standing(&stage).await, grace, "{kind:?}");
        assert_eq!(subscriptions::check_due(&stage.app).await.unwrap().failed, 0, "{kind:?}");
        assert_eq!(standing(&stage).await, grace, "{kind:?}: it is not over yet");
        stage.tell_all(&subscription).await;
        assert_eq!(standing(&stage).await, grace, "{kind:?}: whatever is told");
        pass(&stage, 3 * DAY);
        let checked = subscriptions::check_due(&stage.app).await.unwrap();
        assert_eq!((checked.checked, checked.failed), (1, 0), "{kind:?}");
        let none = json!(["past_due", false, null, due.to_string(), "free", 0.0]);
        assert_eq!(standing(&stage).await, none, "{kind:?}");
        proved(&stage).await;
        paid(&stage, &subscription, &invoice).await;
        assert_eq!(standing(&stage).await, active(), "{kind:?}: paid at last");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_pays_what_was_sent_in_time_stays_active() {
    for kind in BOTH {
        let (stage, subscription, invoice) = sent(kind).await;
        pass(&stage, 13 * DAY);
        paid(&stage, &subscription, &invoice).await;
        assert_eq!(standing(&stage).await, active(), "{kind:?}");
        pass(&stage, 5 * DAY);
        stage.tell_all(&subscription).await;
        assert_eq!(subscriptions::check_due(&stage.app).await.unwrap().failed, 0, "{kind:?}");
        assert_eq!(standing(&stage).await, active(), "{kind:?}: the day and grace are over");
        proved(&stage).await;
    }
}

/// Whoever tries a card that is declined has until the day all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_try_that_fails_before_the_day_begins_no_grace() {
    for kind in BOTH {
        let (stage, subscription, invoice) = sent(kind).await;
        let (due, end) = due_and_end(&invoice);
        let payer = invoice.customer.as_ref().unwrap().id();
        stage.pays_by(payer, "pm_card_chargeCustomerFail").await;
        let now = stage.world.clock.now().micros().div_euclid(1_000_000);
        let key = Key { text: "declined".to_owned(), first_sent: now };
        let call = invoices::pay(invoice.id.as_deref().unwrap(), &Default::default());
        assert!(stage.client.write(&call, &key, now).await.is_err(), "{kind:?}");
        let failed = of_kind(&stage.told(&subscription).await, "invoice.payment_failed");
        assert_eq!(failed.len(), 1, "{kind:?}");
        stage.tell_all(&subscription).await;
        let grace = json!(["past_due", true, end.to_string(), due.to_string(), "pro", 20.0]);
        assert_eq!(standing(&stage).await, grace, "{kind:?}");
        pass(&stage, 10 * DAY);
        assert_eq!(subscriptions::check_due(&stage.app).await.unwrap().failed, 0, "{kind:?}");
        assert_eq!(standing(&stage).await, grace, "{kind:?}: ten days later");
        proved(&stage).await;
    }
}

/// An old one that nobody marked as paid, though the subscription went on, takes no grace from the newest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grace_runs_from_what_is_due_since_the_last_payment() {
    for kind in BOTH {
        let (stage, subscription, second) = sent(kind).await;
        pass(&stage, 31 * DAY);
        stage.tell_all(&subscription).await;
        let third = newest(&stage, &subscription).await;
        assert_ne!(third.id, second.id, "{kind:?}");
        paid(&stage, &subscription, &third).await;
        assert_eq!(stage.current("acme").await["status"], "active", "{kind:?}");
        pass(&stage, 31 * DAY);
        stage.tell_all(&subscription).await;
        let fourth = newest(&stage, &subscription).await;
        assert_ne!(fourth.id, third.id, "{kind:?}");
        pass(&stage, 14 * DAY);
        stage.tell_all(&subscription).await;
        let (due, end) = due_and_end(&fourth);
        let grace = json!(["past_due", true, end.to_string(), due.to_string(), "pro", 20.0]);
        assert_eq!(standing(&stage).await, grace, "{kind:?}");
        proved(&stage).await;
    }
}
