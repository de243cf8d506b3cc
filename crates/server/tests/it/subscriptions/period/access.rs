//! Lost access freezes what its subscription gave, access back frees it, and the end of a subscription is seen to.

use super::{
    DAY, HOUR, balance, bought, decide, disputed, pass, payment, plan, proved, resume, spend, subscribed, tell_kinds,
    win,
};
use crate::{
    portal::{get, visit},
    subscriptions::{Stage, of_kind},
    world::BOTH,
};
use purser::{
    app,
    features::subscriptions,
    platform::{App, ids::Random},
};
use purser_stripe::calls::{invoices, payments, subscriptions as calls};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_grace_ends_credits_are_frozen_and_a_payment_frees_them() {
    for kind in BOTH {
        let (stage, customer, _, made) = bought(kind, 1000, json!({ "credits": { "expires_in_days": 90 } })).await;
        spend(&stage, 100).await;
        stage.world.admin("POST", "/api/v1/customers/acme/grants", &gift()).await;
        stage.pays_by(&customer, "pm_card_chargeCustomerFail").await;
        pass(&stage, 30 * DAY + 2 * HOUR);
        stage.tell_all(&made.id).await;
        assert_eq!(stage.current("acme").await["status"], "past_due", "{kind:?}");
        assert_eq!(balance(&stage).await, [905.0, 0.0, 0.0], "{kind:?}: grace");
        assert_eq!(subscriptions::check_due(&stage.app).await.unwrap().checked, 0, "{kind:?}: it is not over yet");
        pass(&stage, 3 * DAY);
        let checked = subscriptions::check_due(&stage.app).await.unwrap();
        assert_eq!((checked.checked, checked.failed), (1, 0), "{kind:?}");
        assert_eq!(balance(&stage).await, [5.0, 900.0, 0.0], "{kind:?}: what was given otherwise stays usable");
        proved(&stage).await;
        assert_eq!(subscriptions::check_due(&stage.app).await.unwrap().checked, 0, "{kind:?}: once");
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [5.0, 900.0, 0.0], "{kind:?}");
        // It is paid at last.
        stage.pays_by(&customer, "pm_card_visa").await;
        let owed = stage.invoices("acme").await;
        assert_eq!(owed[0]["status"], json!("open"), "{kind:?}");
        stage.write(&invoices::pay(owed[0]["id"].as_str().unwrap(), &Default::default())).await;
        stage.tell_all(&made.id).await;
        assert_eq!(stage.current("acme").await["status"], "active", "{kind:?}");
        assert_eq!(balance(&stage).await, [1905.0, 0.0, 0.0], "{kind:?}: free again, and those of the new period");
        proved(&stage).await;
    }
}

/// The stage's app, as one that was started with so many days of grace.
fn with_grace(stage: &Stage, days: u16) -> App {
    let mut config = stage.app.config().clone();
    config.grace_days = days;
    let (db, clock) = (stage.app.db().clone(), stage.world.clock.clone());
    app::build_with(db, clock, Random::seeded(10), config, Some(stage.client.clone()))
}

/// The setting changes while grace runs. What is given by the calendar ends as was known before, and is there again as
/// soon as it is looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grace_that_was_made_longer_holds_for_allowances_too() {
    for kind in BOTH {
        let (stage, customer, _, made) = bought(kind, 20, json!({ "credits": { "period": "month" } })).await;
        stage.pays_by(&customer, "pm_card_chargeCustomerFail").await;
        pass(&stage, 30 * DAY + 2 * HOUR);
        stage.tell_all(&made.id).await;
        spend(&stage, 3).await;
        assert_eq!(balance(&stage).await, [17.0, 0.0, 0.0], "{kind:?}: three days of grace");
        let later = with_grace(&stage, 7);
        pass(&stage, 3 * DAY);
        let checked = subscriptions::check_due(&later).await.unwrap();
        assert_eq!((checked.checked, checked.failed), (1, 0), "{kind:?}");
        assert_eq!(balance(&stage).await, [17.0, 0.0, 0.0], "{kind:?}: seven");
        let ledger = stage.world.admin("GET", "/api/v1/customers/acme/ledger", "").await;
        let by_job = ledger["data"].as_array().unwrap().iter().filter(|one| one["cause_id"] == "check-subscriptions");
        let by_job: Vec<_> = by_job.map(|one| (&one["kind"], &one["cause_kind"])).collect();
        assert_eq!(by_job, [(&json!("grant"), &json!("job"))], "{kind:?}: {ledger}");
        assert_eq!(subscriptions::check_due(&later).await.unwrap().checked, 0, "{kind:?}: it is not over yet");
        pass(&stage, 4 * DAY);
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: grace is over");
        assert_eq!(subscriptions::check_due(&later).await.unwrap().checked, 1, "{kind:?}");
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// How acme's subscription stands, whether that gives access and until when, and what can be spent.
async fn standing(stage: &Stage) -> Value {
    let (current, history) = (stage.current("acme").await, stage.history("acme").await);
    let [available, ..] = balance(stage).await;
    json!([history[0]["stripe_status"], current["status"], current["access"], current["access_until"], available])
}

/// When no attempt is left the account leaves subscriptions `unpaid`, and their next invoices drafts. At Stripe the
/// newest one, once it is paid, brings such a subscription back, and no other does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_of_an_old_invoice_brings_an_unpaid_subscription_no_access() {
    let by_invoice = json!({ "credits": { "expires_in_days": 90 } });
    let by_calendar = json!({ "credits": { "period": "month" } });
    for kind in BOTH {
        for (end, credits, again) in [("paid", &by_invoice, 3000.0), ("void", &by_calendar, 1000.0)] {
            let (stage, customer, _, made) = bought(kind, 1000, credits.clone()).await;
            stage.set(&json!({ "after_retries": "unpaid" })).await;
            stage.pays_by(&customer, "pm_card_chargeCustomerFail").await;
            pass(&stage, 30 * DAY + 2 * HOUR);
            stage.tell_all(&made.id).await;
            assert_eq!(stage.current("acme").await["access"], json!(true), "{kind:?} {end}: grace");
            pass(&stage, 20 * DAY);
            stage.tell_all(&made.id).await;
            let none = json!(["unpaid", "past_due", false, null, 0.0]);
            assert_eq!(standing(&stage).await, none, "{kind:?} {end}: no attempt is left, and no grace");
            let owed = stage.invoices("acme").await.remove(0);
            assert_eq!(owed["status"], "open", "{kind:?} {end}");
            // The next period begins, and nobody collects its invoice. Then the old one is seen to.
            pass(&stage, 15 * DAY);
            stage.pays_by(&customer, "pm_card_visa").await;
            let id = owed["id"].as_str().unwrap();
            let call = if end == "paid" { invoices::pay(id, &Default::default()) } else { invoices::void(id) };
            stage.write(&call).await;
            stage.tell_all(&made.id).await;
            assert_eq!(stage.invoices("acme").await[0]["status"], end, "{kind:?}");
            assert_eq!(stage.history("acme").await[0]["first_failure_at"], Value::Null, "{kind:?} {end}");
            assert_eq!(standing(&stage).await, none, "{kind:?} {end}");
            pass(&stage, HOUR);
            subscriptions::check_due(&stage.app).await.unwrap();
            assert_eq!(standing(&stage).await, none, "{kind:?} {end}: nor does the job find any");
            let page = get(&stage.world, &visit(&stage.world, "acme").await, "/billing").await.text;
            assert!(page.contains("on hold until its newest invoice is paid"), "{kind:?} {end}: {page}");
            proved(&stage).await;
            // What Stripe asks for is paid.
            let shown = stage.client.read(&calls::retrieve(&made.id)).await.unwrap().value;
            let newest = shown.latest_invoice.unwrap().id().to_owned();
            assert_ne!(newest, id, "{kind:?} {end}");
            stage.write(&invoices::pay(&newest, &Default::default())).await;
            stage.tell_all(&made.id).await;
            let back = json!(["active", "active", true, null, again]);
            assert_eq!(standing(&stage).await, back, "{kind:?} {end}");
            proved(&stage).await;
        }
    }
}

/// Each is told by its own event alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_freezes_what_is_left_and_going_on_frees_it() {
    for kind in BOTH {
        let (stage, _, _, made) = bought(kind, 1000, json!({})).await;
        spend(&stage, 100).await;
        pass(&stage, DAY);
        stage.write(&calls::pause(&made.id)).await;
        stage.tell(&of_kind(&stage.told(&made.id).await, "customer.subscription.paused")).await;
        assert_eq!(stage.current("acme").await["access"], json!(false), "{kind:?}");
        assert_eq!(balance(&stage).await, [0.0, 900.0, 0.0], "{kind:?}");
        pass(&stage, DAY);
        resume(&stage, &made.id).await;
        stage.tell(&of_kind(&stage.told(&made.id).await, "customer.subscription.resumed")).await;
        assert_eq!(stage.current("acme").await["access"], json!(true), "{kind:?}");
        assert_eq!(balance(&stage).await, [900.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}

/// What is disputed had expired when access was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dispute_won_without_access_gives_again_is_frozen_until_access_is_back() {
    for kind in BOTH {
        let (stage, _, _, made) = bought(kind, 1000, json!({})).await;
        pass(&stage, 28 * DAY);
        let dispute = disputed(&stage, &payment(&stage, &made.id).await).await;
        pass(&stage, 3 * DAY + 2 * HOUR);
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [1000.0, 1000.0, 0.0], "{kind:?}: the next month is not disputed");
        stage.write(&calls::pause(&made.id)).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [0.0, 2000.0, 0.0], "{kind:?}: no access");
        win(&stage, &dispute).await;
        assert_eq!(balance(&stage).await, [0.0, 2000.0, 0.0], "{kind:?}: given again, and no access yet");
        resume(&stage, &made.id).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [2000.0, 0.0, 0.0], "{kind:?}: for the three days it had left");
        pass(&stage, 3 * DAY + HOUR);
        assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?}: which are over");
        proved(&stage).await;
    }
}

/// It expires while it is disputed and frozen for want of access too. Won, it has the time it had left, and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_dispute_stops_the_time_without_access_as_well() {
    for kind in BOTH {
        for paused_first in [false, true] {
            let (stage, _, _, made) = bought(kind, 1000, json!({})).await;
            pass(&stage, 28 * DAY);
            let payment = payment(&stage, &made.id).await;
            let early = if paused_first { None } else { Some(disputed(&stage, &payment).await) };
            stage.write(&calls::pause(&made.id)).await;
            stage.tell_all(&made.id).await;
            let dispute = match early {
                Some(dispute) => dispute,
                None => disputed(&stage, &payment).await,
            };
            for (days, why) in [(5, "the dispute is open"), (0, "won, three days are left"), (2, "one is left")] {
                if days == 0 {
                    win(&stage, &dispute).await;
                }
                pass(&stage, days * DAY);
                subscriptions::check_due(&stage.app).await.unwrap();
                assert_eq!(balance(&stage).await, [0.0, 1000.0, 0.0], "{kind:?} {paused_first}: {why}");
            }
            pass(&stage, DAY + HOUR);
            subscriptions::check_due(&stage.app).await.unwrap();
            assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?} {paused_first}: none is left");
            proved(&stage).await;
        }
    }
}

/// Of two disputes of half each one was won before access was lost. What is frozen expires, then the other one ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_dispute_of_half_without_access_gives_that_half_again_or_nothing() {
    for kind in BOTH {
        for (how, left) in [("win", 500.0), ("lose", 0.0)] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            stage.pays_by(&customer, "pm_card_createMultipleDisputes").await;
            let price = plan(&stage, "pro", (10, 1000, 2000), json!({ "credits": { "expires_in_days": 3 } })).await;
            let made = stage.subscribe(&customer, &[&price]).await;
            stage.tell_all(&made.id).await;
            tell_kinds(&stage, &["charge.dispute."]).await;
            assert_eq!(balance(&stage).await, [0.0, 1000.0, 0.0], "{kind:?}: both are open");
            let of = Some(payment(&stage, &made.id).await);
            let which = payments::OfPayment { payment_intent: of, ..Default::default() };
            let disputes = stage.client.read(&payments::disputes(&which)).await.unwrap().value.data;
            win(&stage, &disputes[0].id).await;
            assert_eq!(balance(&stage).await, [500.0, 500.0, 0.0], "{kind:?}: one is");
            stage.write(&calls::pause(&made.id)).await;
            stage.tell_all(&made.id).await;
            pass(&stage, 4 * DAY);
            subscriptions::check_due(&stage.app).await.unwrap();
            decide(&stage, &disputes[1].id, how).await;
            for days in [0, 2] {
                pass(&stage, days * DAY);
                subscriptions::check_due(&stage.app).await.unwrap();
                assert_eq!(balance(&stage).await, [0.0, left, 0.0], "{kind:?} {how}: no access, {days} days later");
            }
            resume(&stage, &made.id).await;
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [left, 0.0, 0.0], "{kind:?} {how}: access is back");
            pass(&stage, DAY + HOUR);
            assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?} {how}: the three days are over");
            proved(&stage).await;
        }
    }
}

/// Five credits that are no subscription's.
fn gift() -> String {
    json!({ "amount": 5, "source_kind": "manual", "source_id": "gift" }).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_a_deleted_subscription_is_revoked_or_left() {
    for kind in BOTH {
        for (on_delete, expected) in [("revoke", [0.0, 0.0, 0.0]), ("leave", [900.0, 0.0, 0.0])] {
            let (stage, _, _, made) = bought(kind, 1000, json!({ "on_delete": on_delete })).await;
            spend(&stage, 100).await;
            stage.end(&made.id).await;
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, expected, "{kind:?} {on_delete}");
            // Told late and again, nothing more is given or taken.
            let again: Vec<Value> =
                stage.told(&made.id).await.iter().map(|event| crate::subscriptions::again(event, "late")).collect();
            stage.tell(&again).await;
            assert_eq!(balance(&stage).await, expected, "{kind:?} {on_delete}");
            proved(&stage).await;
        }
    }
}

/// Credits by the calendar alike, also those that nobody had written down; and they are not given twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_an_allowance_is_revoked_or_left_when_its_subscription_is_deleted() {
    for kind in BOTH {
        for (on_delete, spent, left) in [("revoke", 3, 0.0), ("leave", 3, 17.0), ("leave", 0, 20.0)] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let more = json!({ "on_delete": on_delete, "credits": { "period": "month" } });
            let price = plan(&stage, "pro", (10, 20, 2000), more).await;
            let made = stage.subscribe(&customer, &[&price]).await;
            stage.tell_all(&made.id).await;
            if spent > 0 {
                spend(&stage, spent).await;
            }
            stage.end(&made.id).await;
            stage.tell_all(&made.id).await;
            assert_eq!(balance(&stage).await, [left, 0.0, 0.0], "{kind:?} {on_delete} {spent}");
            let second = stage.subscribe(&customer, &[&price]).await;
            stage.tell_all(&second.id).await;
            assert_eq!(balance(&stage).await, [left, 0.0, 0.0], "{kind:?} {on_delete} {spent}: the month was given");
            stage.end(&second.id).await;
            stage.tell_all(&second.id).await;
            assert_eq!(balance(&stage).await, [left, 0.0, 0.0], "{kind:?} {on_delete} {spent}: and deleted again");
            pass(&stage, 12 * DAY);
            assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?} {on_delete} {spent}: the month is over");
            proved(&stage).await;
        }
    }
}

/// Who gives an add-on up, or has lost access before, is left nothing, whatever the plan says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_deletion_leaves_what_is_left_of_an_allowance() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let mut more = json!({ "on_delete": "leave", "credits": { "period": "month" } });
        let base = plan(&stage, "pro", (10, 20, 2000), more.clone()).await;
        more["kind"] = json!("add_on");
        let extra = plan(&stage, "extra", (1, 7, 500), more).await;
        let made = stage.subscribe(&customer, &[&base, &extra]).await;
        stage.tell_all(&made.id).await;
        stage.world.admin("POST", "/api/v1/customers/acme/grants", &gift()).await;
        assert_eq!(balance(&stage).await, [32.0, 0.0, 0.0], "{kind:?}: both, and the gift");
        let item = made.items.data.iter().find(|item| item.price.id == extra).expect("the add-on");
        let gone = calls::ItemChange { id: Some(item.id.clone()), deleted: Some(true), ..Default::default() };
        let change = calls::SubscriptionChange { items: Some(vec![gone]), ..Default::default() };
        stage.change(&made.id, change).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [25.0, 0.0, 0.0], "{kind:?}: the add-on was given up");
        stage.write(&calls::pause(&made.id)).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [5.0, 0.0, 0.0], "{kind:?}: no access");
        stage.end(&made.id).await;
        stage.tell_all(&made.id).await;
        assert_eq!(balance(&stage).await, [5.0, 0.0, 0.0], "{kind:?}: it was lost before");
        proved(&stage).await;
    }
}

/// The deletion is told before the payment it followed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_is_told_after_the_end_leaves_nothing_either() {
    for kind in BOTH {
        let (stage, _, _, made) = subscribed(kind, 1000, json!({})).await;
        stage.end(&made.id).await;
        let mut told = stage.told(&made.id).await;
        told.reverse();
        stage.tell(&told).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}
