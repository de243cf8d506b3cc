//! Refunds and disputes of invoices take back what is left of their credits, and never make a debt.

use super::{REFUNDS, balance, bought, disputed, form, payment, plan, proved, refund, spend, subscribed, tell_kinds};
use crate::{
    notify::notices_of,
    subscriptions::Stage,
    world::{BOTH, Kind},
};
use purser::{
    features::{credits, subscriptions},
    platform::{auth::Actor, ids::Random},
};
use purser_rules::ids::{CustomerId, Unit};
use purser_stripe::calls::payments;
use serde_json::json;

/// A stage on which acme has paid 20.00 for 1,000 credits, all of it told; the payment.
async fn paid(kind: Kind) -> (Stage, String) {
    let (stage, _, _, made) = bought(kind, 1000, json!({})).await;
    let payment = payment(&stage, &made.id).await;
    (stage, payment)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_takes_its_share_of_what_is_left() {
    for kind in BOTH {
        for (spent, half, whole) in [(0, 500.0, 0.0), (200, 300.0, 0.0), (700, 0.0, 0.0)] {
            let (stage, payment) = paid(kind).await;
            if spent > 0 {
                spend(&stage, spent).await;
            }
            refund(&stage, &payment, 1000).await;
            tell_kinds(&stage, REFUNDS).await;
            assert_eq!(balance(&stage).await, [half, 0.0, 0.0], "{kind:?} {spent}: half of it");
            refund(&stage, &payment, 1000).await;
            tell_kinds(&stage, REFUNDS).await;
            assert_eq!(balance(&stage).await, [whole, 0.0, 0.0], "{kind:?} {spent}: all of it, and no debt");
            let told = notices_of(&stage.world, "acme", "invoice_refunded").await;
            let mut sums: Vec<_> = told.iter().map(|told| told["data"]["amount_refunded"].as_i64().unwrap()).collect();
            sums.sort_unstable();
            assert_eq!(sums, [1000, 2000], "{kind:?} {spent}: each is told once");
            proved(&stage).await;
        }
    }
}

/// A base and an add-on on one invoice: in one unit its lines count together, in two each unit by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_counts_for_all_the_lines_of_its_invoice() {
    for kind in BOTH {
        for (unit, whole, half) in [("credits", [1400.0; 2], [700.0; 2]), ("tokens", [1000.0, 400.0], [500.0, 200.0])] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let base = plan(&stage, "pro", (10, 1000, 2000), json!({})).await;
            let more = json!({ "kind": "add_on", "credits": { "unit": unit } });
            let extra = plan(&stage, "extra", (1, 400, 1000), more).await;
            let made = stage.subscribe(&customer, &[&base, &extra]).await;
            stage.tell_all(&made.id).await;
            let left = async || [available(&stage, "credits").await, available(&stage, unit).await];
            assert_eq!(left().await, whole, "{kind:?} {unit}");
            let payment = payment(&stage, &made.id).await;
            for expected in [half, [0.0; 2]] {
                refund(&stage, &payment, 1500).await;
                tell_kinds(&stage, REFUNDS).await;
                assert_eq!(left().await, expected, "{kind:?} {unit}");
            }
            proved(&stage).await;
        }
    }
}

/// What acme can spend in a unit.
async fn available(stage: &Stage, unit: &str) -> f64 {
    let path = format!("/api/v1/customers/acme/balance?unit={unit}");
    stage.world.admin("GET", &path, "").await["available"].as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_may_pass_its_invoice() {
    for kind in BOTH {
        let (stage, _, _, made) = subscribed(kind, 1000, json!({})).await;
        let payment = payment(&stage, &made.id).await;
        refund(&stage, &payment, 500).await;
        tell_kinds(&stage, REFUNDS).await;
        assert_eq!(balance(&stage).await, [750.0, 0.0, 0.0], "{kind:?}: given first, then taken");
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [750.0, 0.0, 0.0], "{kind:?}: not given again");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_freezes_what_is_left_until_it_is_decided() {
    for kind in BOTH {
        let (free, gone) = ([800.0, 0.0, 0.0], [0.0, 0.0, 0.0]);
        // An appeal undoes no loss.
        for steps in [&[("win", free)][..], &[("lose", gone)], &[("lose", gone), ("appeal", gone), ("win", free)]] {
            let (stage, payment) = paid(kind).await;
            spend(&stage, 200).await;
            let intent = stage.client.read(&payments::retrieve(&payment)).await.unwrap().value;
            let charge = intent.latest_charge.unwrap().id().to_owned();
            form(&stage, "/_sandbox/disputes", &format!("charge={charge}")).await;
            tell_kinds(&stage, &["charge.dispute."]).await;
            assert_eq!(balance(&stage).await, [0.0, 800.0, 0.0], "{kind:?}: frozen");
            let which = payments::OfPayment { payment_intent: Some(payment.clone()), ..Default::default() };
            let dispute = stage.client.read(&payments::disputes(&which)).await.unwrap().value.data.remove(0).id;
            for (how, expected) in steps {
                form(&stage, "/_sandbox/disputes/end", &format!("id={dispute}&how={how}")).await;
                tell_kinds(&stage, &["charge.dispute."]).await;
                assert_eq!(balance(&stage).await, *expected, "{kind:?} {how}");
            }
            let told = notices_of(&stage.world, "acme", "dispute_opened").await;
            assert_eq!((told.len(), &told[0]["data"]["dispute_id"]), (1, &json!(dispute)), "{kind:?} {steps:?}");
            assert!(told[0]["data"]["invoice_id"].is_string(), "{kind:?} {steps:?}");
            proved(&stage).await;
        }
    }
}

/// Whether a dispute of acme is open.
async fn is_disputed(stage: &Stage) -> bool {
    let acme = CustomerId::new("acme").unwrap();
    let standing = stage.app.db().write(move |tx| credits::standing(tx, &acme, &Unit::credits()));
    standing.await.unwrap().disputed
}

/// Also of what gave no period credits: its disputes are kept in the default unit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_that_is_listed_no_more_is_over() {
    for kind in BOTH {
        for period in ["billing", "month"] {
            let (stage, _, _, made) = bought(kind, 20, json!({ "credits": { "period": period } })).await;
            disputed(&stage, &payment(&stage, &made.id).await).await;
            assert!(is_disputed(&stage).await, "{kind:?} {period}");
            let invoice = stage.invoices("acme").await[0]["id"].as_str().unwrap().to_owned();
            let fetched = subscriptions::fetch_invoice(&stage.app, &invoice, None).await.unwrap().unwrap();
            let (random, actor) = (Random::seeded(11), Actor::stripe("evt_test"));
            let taken =
                stage.app.db().write(move |tx| subscriptions::take_back(tx, &random, &actor, &fetched, (0, &[])));
            assert!(taken.await.unwrap().is_some(), "{kind:?} {period}");
            assert!(!is_disputed(&stage).await, "{kind:?} {period}");
            assert_eq!(balance(&stage).await, [20.0, 0.0, 0.0], "{kind:?} {period}");
            proved(&stage).await;
        }
    }
}
