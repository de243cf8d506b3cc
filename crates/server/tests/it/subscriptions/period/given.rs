//! What paid lines and trials give: once, whatever comes how often and in which order.

use super::{
    DAY, HOUR, REFUNDS, balance, bought, bought_year, disputed, grants, known, pass, payment, plan, plan_of, proved,
    refund, spend, subscribed, tell_kinds, win,
};
use crate::{
    inbox::number,
    subscriptions::{Stage, again, of_kind},
    world::BOTH,
};
use purser::features::subscriptions;
use purser_stripe::{calls::subscriptions as calls, objects::ProrationBehavior};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paid_month_gives_its_credits_once() {
    for kind in BOTH {
        let (stage, _, _, made) = subscribed(kind, 1000, json!({})).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: nobody told yet");
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?}");
        let given = grants(&stage).await;
        assert_eq!((given.len(), &given[0]["source_kind"]), (1, &json!("subscription")), "{kind:?}");
        let source = given[0]["source_id"].as_str().unwrap();
        assert!(source.starts_with("base:20") && source.ends_with("/P1M"), "{kind:?}: no id of Stripe's: {source}");
        // Told again, by events of other ids.
        let told: Vec<Value> = stage.told(&made.id).await.iter().map(|event| again(event, "again")).collect();
        stage.tell(&told).await;
        assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?}");
        let ledger = stage.world.admin("GET", "/api/v1/customers/acme/ledger", "").await;
        assert_eq!(ledger["data"].as_array().unwrap().len(), 1, "{kind:?}: {ledger}");
        proved(&stage).await;
    }
}

/// Doubled, backwards, and the payment before its subscription: the end is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_order_of_the_events_the_end_is_the_same() {
    for kind in BOTH {
        for doubled in [false, true] {
            for turned in [0, 1, 2, 3] {
                let (stage, _, _, made) = subscribed(kind, 1000, json!({})).await;
                let mut told = stage.told(&made.id).await;
                told.reverse();
                let first = turned % told.len();
                told.rotate_left(first);
                if doubled {
                    let twice: Vec<Value> = told.iter().map(|event| again(event, "twice")).collect();
                    told.extend(twice);
                }
                stage.tell(&told).await;
                assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?} {doubled} {turned}");
                assert_eq!(grants(&stage).await.len(), 1, "{kind:?} {doubled} {turned}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_renewal_leaves_nobody_with_nothing_and_ends_what_was_left() {
    for kind in BOTH {
        let (stage, _, _, made) = bought(kind, 1000, json!({})).await;
        spend(&stage, 300).await;
        // A period from 21 November is 30 days; its renewal is paid an hour later, and told of another hour later.
        pass(&stage, 30 * DAY + 2 * HOUR);
        assert_eq!(balance(&stage).await, [700.0, 0.0, 0.0], "{kind:?}: what was left goes on for a day");
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?}: and ends with what comes");
        assert_eq!(grants(&stage).await.len(), 2, "{kind:?}");
        proved(&stage).await;
        // Without another renewal they end a day after their period.
        pass(&stage, 31 * DAY + 23 * HOUR);
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_a_paid_month_is_carried_over_as_its_plan_says() {
    for kind in BOTH {
        let more = json!({ "credits": { "rollover": { "max": 40, "periods": 1 } } });
        let (stage, _, _, made) = bought(kind, 100, more).await;
        spend(&stage, 30).await;
        pass(&stage, 30 * DAY + 2 * HOUR);
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [140.0, 0.0, 0.0], "{kind:?}: 40 of the 70 left, and the new month");
        let mut carried = grants(&stage).await;
        carried.retain(|grant| grant["source_kind"] == "rollover");
        let amounts: Vec<&Value> = carried.iter().map(|grant| &grant["granted"]).collect();
        assert_eq!(amounts, [&json!(40)], "{kind:?}");
        proved(&stage).await;
    }
}

/// It can be spent for the day that its month lives on, and what its month carried over stays what it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_returned_to_a_month_that_was_carried_over_ends_with_it() {
    for kind in BOTH {
        let more = json!({ "credits": { "rollover": { "max": 40, "periods": 1 } } });
        let (stage, _, _, made) = bought(kind, 100, more).await;
        let spend_30 = r#"{"customer_id": "acme", "amount": 30, "idempotency_key": "spend"}"#;
        let spent = stage.world.admin("POST", "/api/v1/consume", spend_30).await;
        pass(&stage, 30 * DAY + 2 * HOUR);
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [140.0, 0.0, 0.0], "{kind:?}: 40 of the 70 left, and the new month");
        let path = format!("/api/v1/consumptions/{}/return", spent["id"].as_str().unwrap());
        stage.world.admin("POST", &path, r#"{"amount": 30, "idempotency_key": "return"}"#).await;
        assert_eq!(balance(&stage).await, [170.0, 0.0, 0.0], "{kind:?}: what came back may be spent");
        proved(&stage).await;
        pass(&stage, 23 * HOUR);
        assert_eq!(balance(&stage).await, [140.0, 0.0, 0.0], "{kind:?}: until its month's day is over");
        spend(&stage, 5).await;
        assert_eq!(balance(&stage).await, [135.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// So many grants are open that what is held of the month waits in its own row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hold_leaves_of_a_month_that_was_carried_over_ends_with_it() {
    for kind in BOTH {
        let more = json!({ "credits": { "rollover": { "max": 40, "periods": 1 } } });
        let (stage, _, _, made) = bought(kind, 100, more).await;
        for pack in 0..25 {
            let pack = json!({ "amount": 1, "source_id": format!("pack-{pack}") }).to_string();
            stage.world.admin("POST", "/api/v1/customers/acme/grants", &pack).await;
        }
        pass(&stage, 30 * DAY + 2 * HOUR);
        let hold = r#"{"customer_id": "acme", "amount": 20, "idempotency_key": "hold"}"#;
        let held = stage.world.admin("POST", "/api/v1/holds", hold).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [165.0, 20.0, 0.0], "{kind:?}: 40 of the 80 left, the new month, the packs");
        let path = format!("/api/v1/holds/{}/release", held["id"].as_str().unwrap());
        stage.world.admin("POST", &path, r#"{"idempotency_key": "release"}"#).await;
        assert_eq!(balance(&stage).await, [185.0, 0.0, 0.0], "{kind:?}: what it left may be spent");
        proved(&stage).await;
        pass(&stage, 23 * HOUR);
        assert_eq!(balance(&stage).await, [165.0, 0.0, 0.0], "{kind:?}: until its month's day is over");
        spend(&stage, 5).await;
        assert_eq!(balance(&stage).await, [160.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paid_year_gives_twelve_months() {
    for kind in BOTH {
        let (stage, _, _) = bought_year(kind).await;
        assert_eq!(balance(&stage).await, [100.0, 0.0, 0.0], "{kind:?}: one month of it has begun");
        let given = grants(&stage).await;
        assert_eq!(given.len(), 12, "{kind:?}");
        for pair in given.windows(2) {
            assert_eq!(pair[0]["expires_at"], pair[1]["effective_at"], "{kind:?}: one follows the other");
        }
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_costs_nothing_gives_all_and_seats_give_each() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let more = json!({ "credits": { "per_seat": true } });
        let price = plan(&stage, "pro", (10, 100, 0), more).await;
        let items = vec![calls::NewItem { price, quantity: Some(7), ..Default::default() }];
        let made = stage.subscribe_to(&customer, items).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [700.0, 0.0, 0.0], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_gives_its_own_credits_once_and_its_invoice_none() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let more = json!({ "trial_days": 7, "trial_credits": 10, "on_delete": "leave" });
        let price = plan(&stage, "pro", (10, 1000, 2000), more).await;
        let new = calls::NewSubscription {
            customer,
            items: vec![calls::NewItem { price, quantity: Some(1), ..Default::default() }],
            trial_period_days: Some(7),
            ..Default::default()
        };
        let first = stage.write(&calls::create(&new)).await;
        stage.tell_all(&first.id).await;
        assert_eq!(balance(&stage).await, [10.0, 0.0, 0.0], "{kind:?}");
        assert_eq!(grants(&stage).await[0]["source_id"], "pro:trial", "{kind:?}");
        stage.end(&first.id).await;
        stage.tell_all(&first.id).await;
        // Another subscription, another trial, of the same family.
        let second = stage.write(&calls::create(&new)).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await, [10.0, 0.0, 0.0], "{kind:?}: once");
        // Paid before its end: the credits of the plan come.
        let now = calls::SubscriptionChange { trial_end: Some(calls::When::Word("now")), ..Default::default() };
        stage.change(&second.id, now).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await[0], 1010.0, "{kind:?}");
        proved(&stage).await;
    }
}

/// Both begin on one date.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_made_again_gives_nothing_twice() {
    for kind in BOTH {
        let (stage, customer, price, first) = bought(kind, 1000, json!({ "on_delete": "leave" })).await;
        spend(&stage, 300).await;
        stage.end(&first.id).await;
        let second = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&first.id).await;
        stage.tell_all(&second.id).await;
        assert_eq!(balance(&stage).await, [700.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// The rest of the month is given back with the item, and billed with the next one of the same price.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_made_again_gives_nothing_twice() {
    for kind in BOTH {
        for told_between in [false, true] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let price = plan(&stage, "pro", (10, 1000, 2000), json!({})).await;
            let other = stage.price(500).await;
            let made = stage.subscribe(&customer, &[&price, &other]).await;
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?} {told_between}");
            pass(&stage, DAY);
            let gone = made.items.data.iter().find(|item| item.price.id == price).unwrap();
            stage.write(&calls::delete_item(&made.id, &gone.id, None)).await;
            if told_between {
                stage.tell_all(&made.id).await;
            }
            let anew = calls::ItemChange { price: Some(price.clone()), quantity: Some(1), ..Default::default() };
            let change = calls::SubscriptionChange {
                items: Some(vec![anew]),
                proration_behavior: Some(ProrationBehavior::AlwaysInvoice),
                ..Default::default()
            };
            let changed = stage.change(&made.id, change).await;
            assert!(changed.items.data.iter().all(|item| item.id != gone.id), "{kind:?}: it is another item");
            stage.tell_all(&made.id).await;
            assert_eq!(stage.invoices("acme").await.len(), 2, "{kind:?} {told_between}: it was billed");
            assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?} {told_between}");
            proved(&stage).await;
        }
    }
}

/// Also when an event of the subscription comes before the job does: one that is replayed, say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_paid_by_a_price_nobody_mapped_is_given_once_it_is() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: nobody knows what the price sells");
        plan_of(&stage, "pro", (10, 1000), json!([known(&price, 2000, "month")]), json!({})).await;
        let told = of_kind(&stage.told(&made.id).await, "customer.subscription.created");
        let replay = format!("/api/v1/admin/stripe-events/{}/replay", told[0]["id"].as_str().unwrap());
        // Replayed once more, there is nothing left to read.
        for invoices in [1, 0] {
            stage.world.admin("POST", &replay, "").await;
            stage.act().await;
            let checked = subscriptions::check_due(&stage.app).await.unwrap();
            assert_eq!((checked.checked, checked.failed), (invoices, 0), "{kind:?}");
            assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?} {invoices}");
        }
        assert_eq!(grants(&stage).await.len(), 1, "{kind:?}");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_paid_before_its_customer_was_known_is_given_once_it_is() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let stripe = stage.payer("pm_card_visa").await;
        let price = plan(&stage, "pro", (10, 1000, 2000), json!({})).await;
        let made = stage.subscribe(&stripe, &[&price]).await;
        stage.tell_all(&made.id).await;
        assert_eq!(subscriptions::check_due(&stage.app).await.unwrap().checked, 0, "{kind:?}: it is nobody's");
        stage.is("acme", &stripe).await;
        subscriptions::bind_known(&stage.app).await.unwrap();
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}");
        let checked = subscriptions::check_due(&stage.app).await.unwrap();
        assert_eq!((checked.checked, checked.failed), (2, 0), "{kind:?}: the subscription and its invoice");
        assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?}");
        assert_eq!(subscriptions::check_due(&stage.app).await.unwrap().checked, 0, "{kind:?}: nothing is left to do");
        proved(&stage).await;
    }
}

/// All events of a refund or a dispute are done by then, and none of them comes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_back_before_its_customer_was_known_is_not_given() {
    for kind in BOTH {
        for by_dispute in [false, true] {
            let stage = Stage::new(kind).await;
            let stripe = stage.payer("pm_card_visa").await;
            let price = plan(&stage, "pro", (10, 1000, 2000), json!({})).await;
            let made = stage.subscribe(&stripe, &[&price]).await;
            stage.tell_all(&made.id).await;
            let payment = payment(&stage, &made.id).await;
            let dispute = if by_dispute {
                Some(disputed(&stage, &payment).await)
            } else {
                refund(&stage, &payment, 1000).await;
                tell_kinds(&stage, REFUNDS).await;
                None
            };
            stage.is("acme", &stripe).await;
            subscriptions::bind_known(&stage.app).await.unwrap();
            let checked = subscriptions::check_due(&stage.app).await.unwrap();
            assert_eq!((checked.checked, checked.failed), (2, 0), "{kind:?} {by_dispute}");
            let left = if by_dispute { [0.0, 1000.0, 0.0] } else { [500.0, 0.0, 0.0] };
            assert_eq!(balance(&stage).await, left, "{kind:?} {by_dispute}");
            // What comes of it later goes on from there.
            let left = if let Some(dispute) = dispute {
                win(&stage, &dispute).await;
                [1000.0, 0.0, 0.0]
            } else {
                refund(&stage, &payment, 1000).await;
                tell_kinds(&stage, REFUNDS).await;
                [0.0, 0.0, 0.0]
            };
            assert_eq!(balance(&stage).await, left, "{kind:?} {by_dispute}");
            proved(&stage).await;
        }
    }
}

/// It freezes nothing, but auto top-up waits for its end, and its event does not come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_of_what_gives_by_the_day_is_kept_once_its_customer_is_known() {
    const OPEN: &str = "SELECT COUNT(*) AS n FROM payments WHERE disputed";
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let stripe = stage.payer("pm_card_visa").await;
        let price = plan(&stage, "daily", (10, 2, 2000), json!({ "credits": { "period": "day" } })).await;
        let made = stage.subscribe(&stripe, &[&price]).await;
        stage.tell_all(&made.id).await;
        let dispute = disputed(&stage, &payment(&stage, &made.id).await).await;
        assert_eq!(number(&stage.world, OPEN).await, 0, "{kind:?}: it is nobody's");
        stage.is("acme", &stripe).await;
        subscriptions::bind_known(&stage.app).await.unwrap();
        let checked = subscriptions::check_due(&stage.app).await.unwrap();
        assert_eq!((checked.checked, checked.failed), (2, 0), "{kind:?}");
        assert_eq!(number(&stage.world, OPEN).await, 1, "{kind:?}");
        assert_eq!(balance(&stage).await, [2.0, 0.0, 0.0], "{kind:?}");
        win(&stage, &dispute).await;
        assert_eq!(number(&stage.world, OPEN).await, 0, "{kind:?}");
        proved(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_back_before_its_price_was_mapped_is_not_given() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&made.id).await;
        refund(&stage, &payment(&stage, &made.id).await, 1000).await;
        tell_kinds(&stage, REFUNDS).await;
        plan_of(&stage, "pro", (10, 1000), json!([known(&price, 2000, "month")]), json!({})).await;
        let told = of_kind(&stage.told(&made.id).await, "customer.subscription.created");
        let replay = format!("/api/v1/admin/stripe-events/{}/replay", told[0]["id"].as_str().unwrap());
        stage.world.admin("POST", &replay, "").await;
        stage.act().await;
        assert_eq!(subscriptions::check_due(&stage.app).await.unwrap().checked, 1, "{kind:?}");
        assert_eq!(balance(&stage).await, [500.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}
