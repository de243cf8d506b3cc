//! What is told of subscriptions and invoices: once each, whatever comes again and in which order.

use super::{DAY, notices, notices_of};
use crate::{
    inbox::{number, pass, send, states, thin},
    subscriptions::{Stage, again, of_kind},
    world::BOTH,
};
use futures_util::future::BoxFuture;
use purser::{
    features::inbox::{self, Delivery, Reacted},
    platform::{App, db::DbError, error::Error},
    reactions,
};
use purser_rules::Time;
use purser_stripe::calls::{invoices, subscriptions as calls};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_that_ends_is_told_once_and_so_is_the_end() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let new = calls::NewSubscription {
            customer,
            items: vec![calls::NewItem { price, quantity: Some(1), ..Default::default() }],
            trial_period_days: Some(7),
            ..Default::default()
        };
        let made = stage.write(&calls::create(&new)).await;
        stage.tell_all(&made.id).await;
        assert!(notices(&stage.world, "acme").await.is_empty(), "{kind:?}: neither its beginning nor its invoice of 0");
        stage.pass(4 * DAY + 60).await;
        let warned = of_kind(&stage.told(&made.id).await, "customer.subscription.trial_will_end");
        assert_eq!(warned.len(), 1, "{kind:?}");
        stage.tell(&[warned[0].clone(), again(&warned[0], "b")]).await;
        let told = notices(&stage.world, "acme").await;
        assert_eq!(told.len(), 1, "{kind:?}: {told:?}");
        let end = stage.current("acme").await["trial_end"].clone();
        let shown = json!([told[0]["kind"], told[0]["severity"], told[0]["data"]]);
        let data = json!({ "subscription_id": made.id, "trial_end": end });
        assert_eq!(shown, json!(["trial_ending", "warning", data]), "{kind:?}");
        stage.end(&made.id).await;
        let deleted = of_kind(&stage.told(&made.id).await, "customer.subscription.deleted");
        // The end comes twice, and the warning once more after it.
        stage.tell(&[deleted[0].clone(), again(&deleted[0], "b"), again(&warned[0], "c")]).await;
        let ended = notices_of(&stage.world, "acme", "subscription_ended").await;
        assert_eq!((ended.len(), notices(&stage.world, "acme").await.len()), (1, 2), "{kind:?}: {ended:?}");
        assert_eq!(ended[0]["data"]["subscription_id"], json!(made.id), "{kind:?}");
        assert!(ended[0]["data"]["ended_at"].is_string(), "{kind:?}");
    }
}

/// Stripe's `payment_failed` of a subscription's invoices.
async fn failures(stage: &Stage, subscription: &str) -> Vec<Value> {
    of_kind(&stage.told(subscription).await, "invoice.payment_failed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_and_each_failed_try_are_told_once() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        stage.tell_all(&made.id).await;
        let receipts = notices_of(&stage.world, "acme", "invoice_paid").await;
        assert_eq!(receipts.len(), 1, "{kind:?}: by invoice.paid and invoice.payment_succeeded");
        let data = &receipts[0]["data"];
        assert_eq!((&data["amount_paid"], &data["currency"]), (&json!(2000), &json!("usd")), "{kind:?}");
        assert_eq!(data["subscription_id"], json!(made.id), "{kind:?}");
        stage.pays_by(&customer, "pm_card_chargeCustomerFail").await;
        stage.pass(32 * DAY).await;
        let mut seen = 0;
        for tries in 1..=2 {
            // Until Stripe has tried again.
            for _ in 0..10 {
                if failures(&stage, &made.id).await.len() > seen {
                    break;
                }
                stage.pass(DAY).await;
            }
            let failed = failures(&stage, &made.id).await;
            assert!(failed.len() > seen, "{kind:?}");
            seen = failed.len();
            let last = failed.last().unwrap();
            stage.tell(&[last.clone(), again(&failed[0], &format!("b{tries}")), again(last, "c")]).await;
            let told = notices_of(&stage.world, "acme", "payment_failed").await;
            assert_eq!(told.len(), tries, "{kind:?}: {told:?}");
            let object = &last["data"]["object"];
            let newest = told.iter().find(|notice| notice["data"]["attempt"] == object["attempt_count"]).unwrap();
            let shown = json!([newest["severity"], newest["data"]["invoice_id"], newest["data"]["hosted_url"]]);
            assert_eq!(shown, json!(["urgent", object["id"], object["hosted_invoice_url"]]), "{kind:?}");
            assert!(newest["data"]["hosted_url"].is_string(), "{kind:?}: a link that works");
            assert!(newest["data"]["next_payment_attempt"].is_string(), "{kind:?}");
        }
        // It is paid, and the failures are told once more: nothing failed any more.
        let failed = failures(&stage, &made.id).await;
        stage.pays_by(&customer, "pm_card_visa").await;
        let owed = failed[0]["data"]["object"]["id"].as_str().unwrap();
        stage.write(&invoices::pay(owed, &Default::default())).await;
        let late: Vec<Value> = failed.iter().map(|event| again(event, "late")).collect();
        stage.tell(&late).await;
        assert_eq!(notices_of(&stage.world, "acme", "payment_failed").await.len(), 2, "{kind:?}");
        stage.tell_all(&made.id).await;
        assert_eq!(notices_of(&stage.world, "acme", "payment_failed").await.len(), 2, "{kind:?}");
        assert_eq!(notices_of(&stage.world, "acme", "invoice_paid").await.len(), 2, "{kind:?}");
    }
}

/// A card whose holder must confirm each payment: Stripe says of one try that the payer must act, and that it failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payer_who_must_act_is_told_once_a_try_and_grace_begins_with_it() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        stage.tell_all(&made.id).await;
        stage.pays_by(&customer, "pm_card_authenticationRequired").await;
        stage.pass(32 * DAY).await;
        let asked = of_kind(&stage.told(&made.id).await, "invoice.payment_action_required");
        assert_eq!(asked.len(), 1, "{kind:?}: it was tried once");
        for event in [asked[0].clone(), again(&asked[0], "b")] {
            send(&stage.world, &event.to_string()).await;
        }
        stage.act().await;
        let told = notices_of(&stage.world, "acme", "payment_failed").await;
        assert_eq!(told.len(), 1, "{kind:?}: {told:?}");
        let object = &asked[0]["data"]["object"];
        let link = json!([told[0]["data"]["invoice_id"], told[0]["data"]["hosted_url"]]);
        assert_eq!(link, json!([object["id"], object["hosted_invoice_url"]]), "{kind:?}");
        assert!(object["hosted_invoice_url"].is_string(), "{kind:?}: a link that works");
        let current = stage.current("acme").await;
        assert_eq!((&current["status"], &current["access"]), (&json!("past_due"), &json!(true)), "{kind:?}");
        let first = Time::from_micros(asked[0]["created"].as_i64().unwrap() * 1_000_000);
        assert_eq!(current["access_until"], json!(first.plus_seconds(3 * DAY).to_string()), "{kind:?}");
        stage.tell_all(&made.id).await;
        assert_eq!(notices_of(&stage.world, "acme", "payment_failed").await.len(), 1, "{kind:?}: the same try");
        // Stripe tries again three days after the first time.
        stage.pass(2 * DAY).await;
        assert_eq!(failures(&stage, &made.id).await.len(), 2, "{kind:?}");
        stage.tell_all(&made.id).await;
        assert_eq!(notices_of(&stage.world, "acme", "payment_failed").await.len(), 2, "{kind:?}");
        let until = stage.current("acme").await["access_until"].clone();
        assert_eq!(until, current["access_until"], "{kind:?}: grace runs from the first");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upcoming_invoice_is_told_once_with_amount_and_date() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        stage.tell_all(&made.id).await;
        stage.pass(27 * DAY).await;
        let upcoming = of_kind(&stage.told(&made.id).await, "invoice.upcoming");
        assert_eq!(upcoming.len(), 1, "{kind:?}");
        let object = &upcoming[0]["data"]["object"];
        assert!(object["id"].is_null(), "{kind:?}: it has no id");
        stage.tell(&[upcoming[0].clone(), again(&upcoming[0], "b")]).await;
        let told = notices_of(&stage.world, "acme", "invoice_upcoming").await;
        assert_eq!(told.len(), 1, "{kind:?}: {told:?}");
        let due = object["next_payment_attempt"].as_i64().or_else(|| object["period_end"].as_i64()).unwrap();
        let data = json!({
            "subscription_id": made.id, "amount_due": 2000, "currency": "usd",
            "due_at": Time::from_micros(due * 1_000_000).to_string(),
        });
        assert_eq!(told[0]["data"], data, "{kind:?}");
        // Thin, it names nothing that could be read: it is kept, and ignored.
        let thin = thin(&upcoming[0]);
        send(&stage.world, &thin.to_string()).await;
        stage.act().await;
        assert_eq!(states(&stage.world).await[thin["id"].as_str().unwrap()].0, 3, "{kind:?}");
        // One of a time that is over tells nothing.
        let mut old = again(&upcoming[0], "old");
        let past = stage.world.clock.now().micros().div_euclid(1_000_000) - DAY;
        old["data"]["object"]["next_payment_attempt"] = json!(past);
        old["data"]["object"]["period_end"] = json!(past);
        stage.tell(&[old]).await;
        assert_eq!(notices_of(&stage.world, "acme", "invoice_upcoming").await.len(), 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_known_is_told_nothing() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let payer = stage.payer("pm_card_visa").await;
        let made = stage.subscribe(&payer, &[&stage.price(2000).await]).await;
        stage.tell_all(&made.id).await;
        assert_eq!(number(&stage.world, "SELECT COUNT(*) AS n FROM invoices").await, 1, "{kind:?}: it is kept");
        assert_eq!(number(&stage.world, "SELECT COUNT(*) AS n FROM notifications").await, 0, "{kind:?}");
    }
}

/// Another takes the subject a moment before it is acted on: what is done is undone at its end.
fn overtaken(app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    Box::pin(async move {
        let taken = app.db().write(|tx| tx.execute("UPDATE stripe_inbox SET lease = 77 WHERE lease <> 0", vec![]));
        let taken: Result<u64, DbError> = taken.await;
        assert_eq!(taken, Ok(1));
        reactions::react(app, delivery).await
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_comes_with_what_it_tells_of_or_not_at_all() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        let paid = of_kind(&stage.told(&made.id).await, "invoice.paid");
        send(&stage.world, &paid[0].to_string()).await;
        inbox::work_off(&stage.app, overtaken).await.unwrap();
        let left = [
            number(&stage.world, "SELECT COUNT(*) AS n FROM notifications").await,
            number(&stage.world, "SELECT COUNT(*) AS n FROM invoices").await,
        ];
        assert_eq!(left, [0, 0], "{kind:?}: neither the invoice nor its receipt");
        pass(&stage.world).await;
        stage.act().await;
        assert_eq!(notices(&stage.world, "acme").await.len(), 1, "{kind:?}");
        assert_eq!(number(&stage.world, "SELECT COUNT(*) AS n FROM invoices").await, 1, "{kind:?}");
    }
}

/// Failure 30: an invoice.created that is not answered holds its invoice back; and so with types nobody knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_30_invoice_created_and_unknown_types_are_answered_and_kept() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        let created = of_kind(&stage.told(&made.id).await, "invoice.created").remove(0);
        let mut unknown = again(&created, "unknown");
        unknown["type"] = json!("invoice.thought_of");
        // Each is answered with 200.
        stage.tell(&[created.clone(), unknown.clone()]).await;
        let states = states(&stage.world).await;
        for event in [created, unknown] {
            let id = event["id"].as_str().unwrap();
            assert_eq!(states[id].0, 3, "{kind:?}: ignored");
            let shown = crate::inbox::shown(&stage.world, id).await;
            assert_eq!(shown["kind"], event["type"], "{kind:?}: and kept");
        }
        assert!(notices(&stage.world, "acme").await.is_empty(), "{kind:?}");
    }
}
