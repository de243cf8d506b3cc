//! What a customer has by its subscriptions: access and grace, the plan that counts, prices nobody mapped.

use super::{Stage, again, of_kind};
use crate::world::BOTH;
use purser::{
    features::{customers, subscriptions},
    platform::{db::DbError, metrics},
};
use purser_rules::{Time, ids::CustomerId, subscription::Status};
use purser_stripe::calls::subscriptions as calls;
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// The tests here that wait for this alarm go one at a time: it is counted for the whole process.
static TWO_BASES: Mutex<()> = Mutex::const_new(());

/// Seconds in a day.
const DAY: i64 = 86_400;

/// A default plan, for who has no other.
async fn free(stage: &Stage) {
    let body = json!({ "family": "free", "is_default": true }).to_string();
    stage.world.admin("POST", "/api/v1/admin/subscription-plans", &body).await;
}

/// The family, the access and the status of what a customer has now.
async fn seen(stage: &Stage, customer: &str) -> (Value, Value, Value) {
    let current = stage.current(customer).await;
    (current["plan"]["family"].clone(), current["access"].clone(), current["status"].clone())
}

/// How often a person was to look for such an alarm, in this process.
fn alarms(stage: &Stage, alarm: &str) -> u64 {
    let start = format!("purser_subscription_alarms_total{{alarm=\"{alarm}\"}} ");
    let text = metrics::render(&stage.app);
    text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).unwrap_or_else(|| panic!("no {start}"))
}

/// The same of acme at `now`, with so many days of grace.
async fn at(stage: &Stage, grace_days: u16, now: Time) -> (String, bool, Status) {
    let id = CustomerId::new("acme").unwrap();
    let read = stage.app.db().read(move |tx| subscriptions::current(tx, &id, grace_days, now)).await;
    let standing = read.unwrap();
    let plan = standing.plan.unwrap();
    (plan.family.as_str().to_owned(), standing.access.allowed, standing.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_subscribed_has_the_default_plan() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        stage.world.admin("PUT", "/api/v1/customers/acme", "{}").await;
        assert_eq!(seen(&stage, "acme").await, (Value::Null, json!(false), json!("none")), "{kind:?}: not even that");
        free(&stage).await;
        assert_eq!(seen(&stage, "acme").await, (json!("free"), json!(false), json!("none")), "{kind:?}");
        let current = stage.current("acme").await;
        for field in ["subscription_id", "billing_cycle", "current_period_end", "access_until", "ends_at"] {
            assert_eq!(current[field], Value::Null, "{kind:?} {field}");
        }
        let path = "/api/v1/customers/nobody/subscription";
        assert_eq!(stage.world.ask(crate::world::ADMIN, "GET", path, "").await.status, 404, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_13_and_14_two_live_subscriptions_lose_nothing_and_ending_one_leaves_the_other() {
    let _alone = TWO_BASES.lock().await;
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        free(&stage).await;
        let customer = stage.customer("acme").await;
        let (cheap, dear) = (stage.price(2000).await, stage.price(5000).await);
        stage.plan("pro", 10, &cheap).await;
        stage.plan("max", 20, &dear).await;
        let one = stage.subscribe(&customer, &[&cheap]).await;
        let other = stage.subscribe(&customer, &[&dear]).await;
        stage.tell_all(&one.id).await;
        assert_eq!(seen(&stage, "acme").await, (json!("pro"), json!(true), json!("active")), "{kind:?}");
        let before = alarms(&stage, "two_bases");
        stage.tell_all(&other.id).await;
        assert!(alarms(&stage, "two_bases") > before, "{kind:?}");
        assert_eq!(seen(&stage, "acme").await, (json!("max"), json!(true), json!("active")), "{kind:?}");
        assert_eq!(stage.current("acme").await["subscription_id"], json!(other.id), "{kind:?}");
        stage.end(&other.id).await;
        stage.tell(&of_kind(&stage.told(&other.id).await, "customer.subscription.deleted")).await;
        assert_eq!(seen(&stage, "acme").await, (json!("pro"), json!(true), json!("active")), "{kind:?}");
        stage.end(&one.id).await;
        stage.tell(&of_kind(&stage.told(&one.id).await, "customer.subscription.deleted")).await;
        assert_eq!(seen(&stage, "acme").await, (json!("free"), json!(false), json!("canceled")), "{kind:?}");
        assert_eq!(stage.history("acme").await.len(), 2, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_nobody_mapped_makes_no_paid_customer_free() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        free(&stage).await;
        let customer = stage.customer("acme").await;
        let (known, unknown) = (stage.price(2000).await, stage.price(3000).await);
        stage.plan("pro", 10, &known).await;
        let made = stage.subscribe(&customer, &[&known]).await;
        stage.tell_all(&made.id).await;
        let item = calls::ItemChange {
            id: Some(made.items.data[0].id.clone()),
            price: Some(unknown.clone()),
            ..Default::default()
        };
        let change = calls::SubscriptionChange { items: Some(vec![item]), ..Default::default() };
        stage.change(&made.id, change).await;
        let updated = of_kind(&stage.told(&made.id).await, "customer.subscription.updated");
        let before = alarms(&stage, "unknown_price");
        // Also when it is told again and again.
        for round in 0..3 {
            stage.tell(&[again(updated.last().unwrap(), &format!("round{round}"))]).await;
            assert_eq!(seen(&stage, "acme").await, (json!("pro"), json!(true), json!("active")), "{kind:?}");
        }
        assert!(alarms(&stage, "unknown_price") > before, "{kind:?}");
        let history = stage.history("acme").await;
        let item = &history[0]["items"][0];
        assert_eq!((&item["stripe_price_id"], &item["plan_id"]), (&json!(unknown), &Value::Null), "{kind:?}");
        // Mapped, and told once more: an operator replays the event.
        let max = stage.plan("max", 20, &unknown).await;
        stage.tell(&[again(updated.last().unwrap(), "replayed")]).await;
        assert_eq!(seen(&stage, "acme").await, (json!("max"), json!(true), json!("active")), "{kind:?}");
        assert_eq!(stage.history("acme").await[0]["items"][0]["plan_id"], json!(max), "{kind:?}");
    }
}

/// Credits by the seat: they are those of all seats the day after, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_nobody_mapped_takes_no_seats() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        free(&stage).await;
        let customer = stage.customer("acme").await;
        let (known, unknown) = (stage.price(2000).await, stage.price(3000).await);
        let price = json!({ "stripe_price_id": known, "currency": "usd", "unit_amount": 2000, "interval": "month" });
        let credits = json!({ "amount": 5, "period": "day", "per_seat": true });
        let body = json!({ "family": "pro", "rank": 10, "prices": [price], "credits": credits });
        stage.world.admin("POST", "/api/v1/admin/subscription-plans", &body.to_string()).await;
        let seats = calls::NewItem { price: known, quantity: Some(7), ..Default::default() };
        let made = stage.subscribe_to(&customer, vec![seats]).await;
        stage.tell_all(&made.id).await;
        let balance = || stage.world.admin("GET", "/api/v1/customers/acme/balance", "");
        assert_eq!(balance().await["available"], json!(35), "{kind:?}");
        let item = calls::ItemChange {
            id: Some(made.items.data[0].id.clone()),
            price: Some(unknown),
            quantity: Some(7),
            ..Default::default()
        };
        let change = calls::SubscriptionChange { items: Some(vec![item]), ..Default::default() };
        stage.change(&made.id, change).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance().await["available"], json!(35), "{kind:?}: they stay");
        stage.world.clock.advance(DAY * 1_000_000);
        assert_eq!(balance().await["available"], json!(35), "{kind:?}: the day after");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_whose_metadata_describes_a_plan_makes_it_when_it_is_met() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price_with(2000, &[("credits", "500"), ("planFamily", "gold")]).await;
        let bad = stage.price_with(3000, &[("credits", "many"), ("planFamily", "lead")]).await;
        let made = stage.subscribe(&customer, &[&price, &bad]).await;
        stage.tell_all(&made.id).await;
        assert_eq!(seen(&stage, "acme").await, (json!("gold"), json!(true), json!("active")), "{kind:?}");
        let plans = stage.world.admin("GET", "/api/v1/admin/subscription-plans", "").await;
        let families: Vec<&Value> = plans["data"].as_array().unwrap().iter().map(|plan| &plan["family"]).collect();
        assert_eq!(families, [&json!("gold")], "{kind:?}: once, by all of the events");
        assert_eq!(plans["data"][0]["used"], json!(true), "{kind:?}");
        let trail = stage.world.admin("GET", "/api/v1/admin/audit?action=plan.created", "").await;
        assert_eq!(trail["data"][0]["actor_kind"], json!("stripe"), "{kind:?}");
        let history = stage.history("acme").await;
        let items = history[0]["items"].as_array().unwrap();
        let unmapped = items.iter().find(|item| item["stripe_price_id"] == json!(bad)).unwrap();
        assert_eq!(unmapped["plan_id"], Value::Null, "{kind:?}");
    }
}

/// The next version takes a plan's prices over; who has the plan keeps the version that was recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_of_a_plan_leaves_customers_where_they_are() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let plan = stage.plan("pro", 10, &price).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        let path = format!("/api/v1/admin/subscription-plans/{plan}");
        let next = stage.world.admin("PATCH", &path, r#"{"credits":{"amount":50,"period":"day"}}"#).await;
        assert_eq!(next["version"], json!(2), "{kind:?}: the first one is used");
        stage.seats(&made.id, &made.items.data[0].id, 2).await;
        stage.tell(&of_kind(&stage.told(&made.id).await, "customer.subscription.updated")).await;
        assert_eq!(stage.current("acme").await["plan"]["id"], json!(plan), "{kind:?}");
        let newcomer = stage.customer("newcomer").await;
        let bought = stage.subscribe(&newcomer, &[&price]).await;
        stage.tell_all(&bought.id).await;
        assert_eq!(stage.current("newcomer").await["plan"]["id"], next["id"], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_renewal_access_lasts_until_grace_ends_and_comes_back_with_the_payment() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        free(&stage).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        stage.plan("pro", 10, &price).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        stage.pays_by(&customer, "pm_card_chargeCustomerFail").await;
        stage.pass(32 * DAY).await;
        let told = stage.told(&made.id).await;
        let failed = of_kind(&told, "invoice.payment_failed");
        assert!(!failed.is_empty(), "{kind:?}: {told:?}");
        stage.tell_all(&made.id).await;
        let current = stage.current("acme").await;
        assert_eq!((&current["status"], &current["plan"]["family"]), (&json!("past_due"), &json!("pro")), "{kind:?}");
        let first = Time::from_micros(failed[0]["created"].as_i64().unwrap() * 1_000_000);
        assert_eq!(stage.history("acme").await[0]["first_failure_at"], json!(first.to_string()), "{kind:?}");
        assert_eq!(current["access_until"], json!(first.plus_seconds(3 * DAY).to_string()), "{kind:?}");
        let invoices = stage.invoices("acme").await;
        let owed = &invoices[0];
        assert_eq!((&owed["status"], owed["next_payment_attempt"].is_string()), (&json!("open"), true), "{kind:?}");
        let end = first.plus_seconds(3 * DAY);
        let last = Time::from_micros(end.micros() - 1);
        assert_eq!(at(&stage, 3, last).await, ("pro".to_owned(), true, Status::PastDue), "{kind:?}");
        assert_eq!(at(&stage, 3, end).await, ("free".to_owned(), false, Status::PastDue), "{kind:?}");
        assert_eq!(at(&stage, 4, end).await, ("pro".to_owned(), true, Status::PastDue), "{kind:?}");
        assert_eq!(at(&stage, 0, first).await, ("free".to_owned(), false, Status::PastDue), "{kind:?}");
        // It is paid at last.
        stage.pays_by(&customer, "pm_card_visa").await;
        let id = owed["id"].as_str().unwrap();
        stage.write(&purser_stripe::calls::invoices::pay(id, &Default::default())).await;
        stage.tell_all(&made.id).await;
        assert_eq!(seen(&stage, "acme").await, (json!("pro"), json!(true), json!("active")), "{kind:?}");
        assert_eq!(stage.history("acme").await[0]["first_failure_at"], Value::Null, "{kind:?}");
    }
}

/// The first renewal was given up and the second one paid. Of the third the subscription is told before its invoice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_given_up_long_ago_takes_no_access_when_a_later_one_fails() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        free(&stage).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        stage.plan("pro", 10, &price).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        // From 21 November to the day of December, January and February, and two hours more: it was tried after one.
        let renewed = |days: i64| stage.world.clock.advance(days * DAY * 1_000_000);
        stage.world.clock.advance(2 * 3_600 * 1_000_000);
        stage.pays_by(&customer, "pm_card_chargeCustomerFail").await;
        renewed(30);
        stage.tell_all(&made.id).await;
        let owed = stage.invoices("acme").await.remove(0);
        assert_eq!(owed["status"], "open", "{kind:?}");
        stage.write(&purser_stripe::calls::invoices::mark_uncollectible(owed["id"].as_str().unwrap())).await;
        stage.tell_all(&made.id).await;
        assert!(stage.history("acme").await[0]["first_failure_at"].is_string(), "{kind:?}: it may be paid yet");
        stage.pays_by(&customer, "pm_card_visa").await;
        renewed(31);
        stage.tell_all(&made.id).await;
        assert_eq!(seen(&stage, "acme").await, (json!("pro"), json!(true), json!("active")), "{kind:?}");
        stage.pays_by(&customer, "pm_card_chargeCustomerFail").await;
        renewed(31);
        let told = stage.told(&made.id).await;
        let updated = of_kind(&told, "customer.subscription.updated");
        stage.tell(&[again(updated.last().unwrap(), "alone")]).await;
        assert_eq!(seen(&stage, "acme").await, (json!("pro"), json!(true), json!("past_due")), "{kind:?}");
        assert_eq!(stage.history("acme").await[0]["first_failure_at"], Value::Null, "{kind:?}: not told yet");
        stage.tell_all(&made.id).await;
        let failed = of_kind(&told, "invoice.payment_failed").pop().unwrap()["created"].as_i64().unwrap();
        let until = Time::from_micros(failed * 1_000_000).plus_seconds(3 * DAY);
        let current = stage.current("acme").await;
        let access = json!([current["access"], current["access_until"]]);
        assert_eq!(access, json!([true, until.to_string()]), "{kind:?}: grace of its own");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_gives_access_and_a_pause_takes_it() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        free(&stage).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        stage.plan("pro", 10, &price).await;
        let new = calls::NewSubscription {
            customer,
            items: vec![calls::NewItem { price, quantity: Some(1), ..Default::default() }],
            trial_period_days: Some(7),
            ..Default::default()
        };
        let made = stage.write(&calls::create(&new)).await;
        stage.tell_all(&made.id).await;
        assert_eq!(seen(&stage, "acme").await, (json!("pro"), json!(true), json!("trial")), "{kind:?}");
        assert!(stage.current("acme").await["trial_end"].is_string(), "{kind:?}");
        let now = calls::SubscriptionChange { trial_end: Some(calls::When::Word("now")), ..Default::default() };
        stage.change(&made.id, now).await;
        stage.write(&calls::pause(&made.id)).await;
        stage.tell_all(&made.id).await;
        assert_eq!(seen(&stage, "acme").await, (json!("free"), json!(false), json!("none")), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bases_are_alarmed_of_when_their_customer_becomes_known() {
    let _alone = TWO_BASES.lock().await;
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let stripe = stage.payer("pm_card_visa").await;
        for (family, rank) in [("pro", 10), ("team", 20)] {
            let price = stage.price(2000).await;
            stage.plan(family, rank, &price).await;
            let made = stage.subscribe(&stripe, &[&price]).await;
            stage.tell_all(&made.id).await;
        }
        let before = alarms(&stage, "two_bases");
        stage.is("acme", &stripe).await;
        assert!(subscriptions::bind_known(&stage.app).await.unwrap().bound >= 2, "{kind:?}");
        assert!(alarms(&stage, "two_bases") > before, "{kind:?}: {before}");
    }
}

/// It came to it although nobody is archived who may pay yet: by what Stripe was told behind our back, for instance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_subscription_of_an_archived_customer_is_alarmed_of() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let stripe = stage.payer("pm_card_visa").await;
        stage.world.admin("PUT", "/api/v1/customers/acme", "{}").await;
        let (payer, id) = (stripe.clone(), CustomerId::new("acme").unwrap());
        let bind = stage.app.db().write(move |tx| customers::bind_to_stripe(tx, &payer, &id));
        assert_eq!(bind.await, Ok::<_, DbError>(true), "{kind:?}");
        stage.world.admin("DELETE", "/api/v1/customers/acme", "").await;
        let made = stage.subscribe(&stripe, &[&stage.price(2000).await]).await;
        let before = alarms(&stage, "archived");
        stage.tell_all(&made.id).await;
        let after = alarms(&stage, "archived");
        assert!(after > before, "{kind:?}");
        assert_eq!(stage.history("acme").await.len(), 1, "{kind:?}: it stands there all the same");
    }
}
