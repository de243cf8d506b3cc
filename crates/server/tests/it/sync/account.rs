//! An account of several pages is mirrored whole, and the second time nothing changes.

use super::{CUSTOMERS, UNMAPPED, account, counts, is_whole, of, pack, payer, quick, synced};
use crate::{
    inbox::number,
    subscriptions::{Stage, fault, form},
    world::BOTH,
};
use purser::{
    features::{
        credits, pricebook,
        sync::{Asked, Kind},
    },
    platform::db::DbError,
};
use purser_rules::{Time, pricebook::Name};
use purser_stripe::{
    calls::{catalog, invoices, payments, subscriptions},
    objects::CollectionMethod,
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_of_several_pages_is_mirrored_whole_and_a_second_time_changes_nothing() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let first = account(&stage).await;
        let done = synced(&stage, quick()).await;
        let (all, third) = (CUSTOMERS, CUSTOMERS / 3);
        let prices = of(&done, Kind::Prices);
        assert_eq!(counts(prices), [UNMAPPED + 2, 2, 0, 0, 0, 0], "{kind:?}");
        assert_eq!((prices.unmapped, prices.notes.len()), (UNMAPPED, 100), "{kind:?}: all are counted, not all named");
        assert_eq!(counts(of(&done, Kind::Customers)), [all, third, 0, 2 * third, third, 0], "{kind:?}");
        assert_eq!(counts(of(&done, Kind::Subscriptions)), [all, all, 0, 0, third, 0], "{kind:?}");
        assert_eq!(counts(of(&done, Kind::Invoices)), [all, all, 0, 0, third, 0], "{kind:?}");
        is_whole(&stage, &first).await;

        let again = synced(&stage, quick()).await;
        assert!(!again.resumed, "{kind:?}: the one before came to its end");
        assert_eq!(counts(of(&again, Kind::Prices)), [UNMAPPED + 2, 0, 0, 2, 0, 0], "{kind:?}");
        assert_eq!(counts(of(&again, Kind::Customers)), [all, 0, 0, all, third, 0], "{kind:?}");
        assert_eq!(counts(of(&again, Kind::Subscriptions)), [all, 0, 0, all, third, 0], "{kind:?}");
        assert_eq!(counts(of(&again, Kind::Invoices)), [all, 0, 0, all, third, 0], "{kind:?}");
        is_whole(&stage, &first).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_what_would_be_done_and_writes_nothing() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let gold = stage.price_with(2000, &[("credits", "500"), ("planFamily", "gold")]).await;
        let customer = payer(&stage, &[("purser_customer_id", "acme")]).await;
        stage.subscribe(&customer, &[&gold]).await;
        let done = synced(&stage, Asked { dry_run: true, ..quick() }).await;
        for (of, tally) in &done.kinds {
            let there = u64::from(*of != Kind::Disputes);
            assert_eq!((tally.read, tally.new), (there, there), "{kind:?}: {}", of.as_str());
        }
        for sql in [
            "SELECT COUNT(*) FROM customers",
            "SELECT COUNT(*) FROM stripe_mirrors",
            "SELECT COUNT(*) FROM subscriptions",
            "SELECT COUNT(*) FROM invoices",
            "SELECT COUNT(*) FROM stripe_syncs",
        ] {
            assert_eq!(number(&stage.world, sql).await, 0, "{kind:?}: {sql}");
        }
        let plans = stage.world.admin("GET", "/api/v1/admin/subscription-plans", "").await;
        assert_eq!(plans["data"], json!([]), "{kind:?}");
    }
}

/// Who has it keeps it; nobody is offered it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stripe_sells_no_more_is_not_put_on_sale() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let pack = pack(&stage).await;
        let gold = stage.price_with(2000, &[("credits", "500"), ("planFamily", "gold")]).await;
        let gone = catalog::PriceChange { active: Some(false), ..Default::default() };
        for price in [&pack, &gold] {
            stage.write(&catalog::update_price(price, &gone)).await;
        }
        let done = synced(&stage, quick()).await;
        assert_eq!(counts(of(&done, Kind::Prices)), [2, 2, 0, 0, 0, 0], "{kind:?}");
        let (plans, packs) = ("/api/v1/admin/subscription-plans", "/api/v1/admin/top-up-plans");
        for path in [plans, packs] {
            let list = stage.world.admin("GET", path, "").await;
            assert_eq!(list["data"][0]["legacy"], true, "{kind:?}: {list}");
        }
        let sold = stage.app.db().read(move |tx| {
            let name = |name: &str| Name::new(name).unwrap();
            let on_sale = pricebook::top_up_on_sale(tx, &name("pack"))?.is_some()
                || pricebook::plan_on_sale(tx, &name("gold"))?.is_some();
            Ok::<_, DbError>((on_sale, pricebook::top_up_of_price(tx, &pack)?.is_some()))
        });
        assert_eq!(sold.await, Ok((false, true)), "{kind:?}");
        // Another price of the plan is sold: so is the plan.
        stage.price_with(2500, &[("credits", "500"), ("planFamily", "gold")]).await;
        synced(&stage, quick()).await;
        let list = stage.world.admin("GET", plans, "").await;
        assert_eq!((list["data"][0]["legacy"].clone(), list["data"].as_array().unwrap().len()), (json!(false), 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limited_rate_is_waited_for() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let price = stage.price(2000).await;
        for _ in 0..3 {
            let customer = payer(&stage, &[]).await;
            stage.subscribe(&customer, &[&price]).await;
        }
        for path in ["/v1/prices", "/v1/customers", "/v1/subscriptions", "/v1/invoices"] {
            fault(&stage, &json!({ "kind": "rate_limit", "method": "GET", "path": path, "times": 5 })).await;
        }
        let done = synced(&stage, quick()).await;
        assert_eq!(counts(of(&done, Kind::Subscriptions)), [3, 3, 0, 0, 3, 0], "{kind:?}");
        assert_eq!(counts(of(&done, Kind::Invoices)), [3, 3, 0, 0, 3, 0], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grace_runs_from_when_an_unpaid_invoice_became_final() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let price = stage.price_with(2000, &[("credits", "500"), ("planFamily", "gold")]).await;
        let customer = payer(&stage, &[("purser_customer_id", "acme")]).await;
        stage.subscribe(&customer, &[&price]).await;
        stage.pays_by(&customer, "pm_card_chargeCustomerFail").await;
        stage.pass(33 * 86_400).await;
        synced(&stage, quick()).await;
        let current = stage.current("acme").await;
        assert_eq!(current["status"], "past_due", "{kind:?}: {current}");
        assert!(current["access_until"].is_string(), "{kind:?}: nobody told when it failed first: {current}");
        let before = number(&stage.world, "SELECT COUNT(*) FROM subscription_changes").await;
        synced(&stage, quick()).await;
        assert_eq!(stage.current("acme").await, current, "{kind:?}");
        assert_eq!(number(&stage.world, "SELECT COUNT(*) FROM subscription_changes").await, before, "{kind:?}");
    }
}

/// The sandbox's clock is ahead of ours, by which it is not due yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grace_of_an_invoice_that_was_sent_runs_from_when_it_was_due() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let price = stage.price_with(2000, &[("credits", "500"), ("planFamily", "gold")]).await;
        let customer = payer(&stage, &[("purser_customer_id", "acme")]).await;
        let new = subscriptions::NewSubscription {
            customer,
            items: vec![subscriptions::NewItem { price, quantity: Some(1), ..Default::default() }],
            collection_method: Some(CollectionMethod::SendInvoice),
            days_until_due: Some(14),
            ..Default::default()
        };
        stage.write(&subscriptions::create(&new)).await;
        stage.pass(2 * 3_600).await;
        synced(&stage, quick()).await;
        let early = (stage.current("acme").await, stage.history("acme").await);
        let seen = json!([early.0["status"], early.0["access_until"], early.1[0]["first_failure_at"]]);
        assert_eq!(seen, json!(["active", null, null]), "{kind:?}: it is not due yet");
        stage.pass(14 * 86_400).await;
        synced(&stage, quick()).await;
        let which = invoices::Invoices::default();
        let due = stage.client.read(&invoices::list(&which)).await.unwrap().value.data[0].due_date.unwrap();
        let until = Time::from_micros(due * 1_000_000).plus_seconds(3 * 86_400);
        let current = stage.current("acme").await;
        let seen = json!([current["status"], current["access"], current["access_until"]]);
        assert_eq!(seen, json!(["past_due", true, until.to_string()]), "{kind:?}: nobody told of it");
        synced(&stage, quick()).await;
        assert_eq!(stage.current("acme").await, current, "{kind:?}");
    }
}

/// A subscription that was there before gives as one that is made now: its allowance from now on, and the period that
/// runs, which is paid. Neither the next run nor the events of it give that again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_subscription_gives_its_allowance_and_its_running_period_once() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let prices = [stage.price(2000).await, stage.price(3000).await];
        for (family, group, price, amount, period) in
            [("monthly", "base", &prices[0], 20, "month"), ("paid", "paid", &prices[1], 1000, "billing")]
        {
            let price =
                json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": 2000, "interval": "month" });
            let credits = json!({ "amount": amount, "period": period });
            let plan = json!({ "family": family, "group": group, "rank": 10, "prices": [price], "credits": credits });
            stage.world.admin("POST", "/api/v1/admin/subscription-plans", &plan.to_string()).await;
        }
        let customer = payer(&stage, &[("purser_customer_id", "acme")]).await;
        let made = stage.subscribe(&customer, &[&prices[0], &prices[1]]).await;
        for run in ["first", "second"] {
            synced(&stage, quick()).await;
            assert_eq!(available(&stage).await, json!(1020), "{kind:?}: {run}");
        }
        stage.tell_all(&made.id).await;
        assert_eq!(available(&stage).await, json!(1020), "{kind:?}: told of late");
        let verified = credits::verify(stage.app.db(), |_, _| {}).await.unwrap();
        assert!(verified.flaws.is_empty(), "{:#?}", verified.flaws);
    }
}

/// No event tells of it any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refunded_before_the_sync_is_not_given() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let price = stage.price(2000).await;
        let known = json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": 2000, "interval": "month" });
        let credits = json!({ "amount": 1000, "period": "billing" });
        let plan = json!({ "family": "paid", "rank": 10, "prices": [known], "credits": credits });
        stage.world.admin("POST", "/api/v1/admin/subscription-plans", &plan.to_string()).await;
        let customer = payer(&stage, &[("purser_customer_id", "acme")]).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        let which = payments::Payments { customer: Some(customer), ..Default::default() };
        let payment = stage.client.read(&payments::list(&which)).await.unwrap().value.data.remove(0).id;
        let half = payments::NewRefund { payment_intent: Some(payment), amount: Some(1000), ..Default::default() };
        stage.write(&payments::refund(&half)).await;
        for run in ["first", "second"] {
            synced(&stage, quick()).await;
            assert_eq!(available(&stage).await, json!(500), "{kind:?}: {run}");
        }
        stage.tell_all(&made.id).await;
        assert_eq!(available(&stage).await, json!(500), "{kind:?}: told of late");
        let verified = credits::verify(stage.app.db(), |_, _| {}).await.unwrap();
        assert!(verified.flaws.is_empty(), "{:#?}", verified.flaws);
    }
}

/// One of an older invoice, one of what runs and gives by the day, one of nobody: auto top-up waits for their end. What
/// is over is history.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disputes_of_before_are_kept_while_they_are_open_and_give_nothing() {
    const OPEN: &str = "SELECT COUNT(*) AS n FROM payments WHERE disputed";
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let price = stage.price(2000).await;
        let known = json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": 2000, "interval": "month" });
        let credits = json!({ "amount": 2, "period": "day" });
        let plan = json!({ "family": "daily", "rank": 10, "prices": [known], "credits": credits });
        stage.world.admin("POST", "/api/v1/admin/subscription-plans", &plan.to_string()).await;
        let mut payers = Vec::new();
        for name in [Some("acme"), Some("runs"), Some("over"), None] {
            let metadata: Vec<_> = name.iter().map(|name| ("purser_customer_id", *name)).collect();
            let customer = payer(&stage, &metadata).await;
            stage.subscribe(&customer, &[&price]).await;
            payers.push((name, customer));
        }
        stage.world.clock.advance(33 * 86_400 * 1_000_000);
        for (name, customer) in payers {
            let which = payments::Payments { customer: Some(customer), ..Default::default() };
            let mut paid = stage.client.read(&payments::list(&which)).await.unwrap().value.data;
            assert_eq!(paid.len(), 2, "{kind:?}: newest first");
            let disputed = if name == Some("runs") { paid.remove(0) } else { paid.remove(1) };
            let charge = disputed.latest_charge.unwrap().id().to_owned();
            form(&stage, "/_sandbox/disputes", &format!("charge={charge}")).await;
            if name == Some("over") {
                let of = payments::OfPayment { payment_intent: Some(disputed.id), ..Default::default() };
                let dispute = stage.client.read(&payments::disputes(&of)).await.unwrap().value.data.remove(0).id;
                form(&stage, "/_sandbox/disputes/end", &format!("id={dispute}&how=win")).await;
            }
        }
        for (run, new) in [("first", 2), ("second", 0)] {
            let done = synced(&stage, quick()).await;
            assert_eq!(counts(of(&done, Kind::Disputes)), [4, new, 0, 4 - new, 1, 0], "{kind:?}: {run}");
            assert_eq!(number(&stage.world, OPEN).await, 2, "{kind:?}: {run}");
            assert_eq!(available(&stage).await, json!(2), "{kind:?}: {run}: what its plan gives by the day");
        }
        let verified = credits::verify(stage.app.db(), |_, _| {}).await.unwrap();
        assert!(verified.flaws.is_empty(), "{:#?}", verified.flaws);
    }
}

/// What acme can spend.
async fn available(stage: &Stage) -> Value {
    stage.world.admin("GET", "/api/v1/customers/acme/balance", "").await["available"].clone()
}
