//! Nothing is lost of what Stripe says: all items in any order, ends said in either way, customers known only later.

use super::{Stage, of_kind};
use crate::{inbox::number, world::BOTH};
use purser::{
    features::{customers, subscriptions},
    platform::db::DbError,
};
use purser_rules::ids::CustomerId;
use purser_stripe::{
    calls::{invoices, subscriptions as calls},
    objects::PaymentBehavior,
};
use serde_json::{Value, json};

/// Seconds in a day.
const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_8_a_period_is_read_from_its_item() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        stage.tell_all(&made.id).await;
        let current = stage.current("acme").await;
        let end = purser_rules::Time::from_micros(made.items.data[0].current_period_end * 1_000_000);
        assert_eq!(current["current_period_end"], json!(end.to_string()), "{kind:?}");
        assert_eq!(current["billing_cycle"], json!({ "interval": "month", "interval_count": 1 }), "{kind:?}");
        let invoices = stage.invoices("acme").await;
        assert_eq!(invoices.len(), 1, "{kind:?}: {invoices:?}");
        let paid = (&invoices[0]["status"], &invoices[0]["amount_paid"], &invoices[0]["subscription_id"]);
        assert_eq!(paid, (&json!("paid"), &json!(2000), &json!(made.id)), "{kind:?}");
        assert!(invoices[0]["paid_at"].is_string() && invoices[0]["number"].is_string(), "{kind:?}: {invoices:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_10_a_cancel_by_the_portal_is_seen() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        let end = made.items.data[0].current_period_end;
        let at = calls::SubscriptionChange { cancel_at: Some(calls::When::At(end)), ..Default::default() };
        let said = stage.change(&made.id, at).await;
        assert!(said.cancel_at.is_some() && !said.cancel_at_period_end, "{kind:?}: as the portal does");
        stage.tell_all(&made.id).await;
        let current = stage.current("acme").await;
        assert_eq!((&current["cancel_scheduled"], &current["status"]), (&json!(true), &json!("active")), "{kind:?}");
        let ends = purser_rules::Time::from_micros(end * 1_000_000).to_string();
        assert_eq!(current["ends_at"], json!(ends), "{kind:?}");
        // It can be taken back until then.
        let stays = calls::SubscriptionChange { cancel_at: Some(calls::When::Word("")), ..Default::default() };
        stage.change(&made.id, stays).await;
        let told = of_kind(&stage.told(&made.id).await, "customer.subscription.updated");
        stage.tell(&told[1..]).await;
        let current = stage.current("acme").await;
        assert_eq!((&current["cancel_scheduled"], &current["ends_at"]), (&json!(false), &Value::Null), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_11_a_metered_item_that_comes_first_makes_nobody_free() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let (metered, price) = (stage.metered_price().await, stage.price(2000).await);
        stage.plan("pro", 10, &price).await;
        let items = vec![
            calls::NewItem { price: metered.clone(), quantity: None, ..Default::default() },
            calls::NewItem { price, quantity: Some(1), ..Default::default() },
        ];
        let made = stage.subscribe_to(&customer, items).await;
        assert_eq!(made.items.data[0].price.id, metered, "{kind:?}: it is the first");
        stage.tell_all(&made.id).await;
        let current = stage.current("acme").await;
        assert_eq!((&current["plan"]["family"], &current["access"]), (&json!("pro"), &json!(true)), "{kind:?}");
        let history = stage.history("acme").await;
        let mut items: Vec<(bool, Value)> = history[0]["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (item["metered"].as_bool().unwrap(), item["quantity"].clone()))
            .collect();
        items.sort_by_key(|(metered, _)| *metered);
        assert_eq!(items, [(false, json!(1)), (true, Value::Null)], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_12_more_than_ten_items_are_all_kept() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let mut prices = Vec::new();
        for n in 1..=12 {
            prices.push(stage.price(100 * n).await);
        }
        let last = prices.last().unwrap().clone();
        stage.plan("pro", 10, &last).await;
        let names: Vec<&str> = prices.iter().map(String::as_str).collect();
        let made = stage.subscribe(&customer, &names).await;
        assert!(made.items.has_more, "{kind:?}: Stripe shows ten");
        stage.tell(&of_kind(&stage.told(&made.id).await, "customer.subscription.created")).await;
        let history = stage.history("acme").await;
        let mut kept: Vec<String> = history[0]["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["stripe_price_id"].as_str().unwrap().to_owned())
            .collect();
        kept.sort();
        prices.sort();
        assert_eq!(kept, prices, "{kind:?}");
        assert_eq!(stage.current("acme").await["plan"]["family"], "pro", "{kind:?}: by the last of them");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_35_an_item_that_was_added_instead_of_changed_is_kept_beside_the_other() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let (cheap, dear) = (stage.price(2000).await, stage.price(5000).await);
        stage.plan("pro", 10, &cheap).await;
        stage.plan("max", 20, &dear).await;
        let made = stage.subscribe(&customer, &[&cheap]).await;
        // Without the item's id it is one more.
        let item = calls::ItemChange { price: Some(dear.clone()), quantity: Some(1), ..Default::default() };
        let change = calls::SubscriptionChange { items: Some(vec![item]), ..Default::default() };
        let said = stage.change(&made.id, change).await;
        assert_eq!(said.items.data.len(), 2, "{kind:?}");
        stage.tell(&of_kind(&stage.told(&made.id).await, "customer.subscription.updated")).await;
        assert_eq!(stage.history("acme").await[0]["items"].as_array().unwrap().len(), 2, "{kind:?}");
        assert_eq!(stage.current("acme").await["plan"]["family"], "max", "{kind:?}: the better one counts");
        // One of them goes: so does its row.
        let gone = &made.items.data[0].id;
        stage.write(&calls::delete_item(&made.id, gone, None)).await;
        let updated = of_kind(&stage.told(&made.id).await, "customer.subscription.updated");
        stage.tell(&updated[1..]).await;
        let items = stage.history("acme").await[0]["items"].clone();
        assert_eq!((items.as_array().unwrap().len(), &items[0]["stripe_price_id"]), (1, &json!(dear)), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_its_customer_was_known_is_bound_once_it_is() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let stripe = stage.payer("pm_card_visa").await;
        let made = stage.subscribe(&stripe, &[&stage.price(2000).await]).await;
        stage.tell_all(&made.id).await;
        assert_eq!(number(&stage.world, "SELECT COUNT(*) AS n FROM subscriptions").await, 1, "{kind:?}: it is kept");
        stage.world.admin("PUT", "/api/v1/customers/acme", "{}").await;
        let nothing = subscriptions::bind_known(&stage.app).await.unwrap();
        assert_eq!((nothing.bound, stage.history("acme").await.len()), (0, 0), "{kind:?}");
        stage.is("acme", &stripe).await;
        subscriptions::bind_known(&stage.app).await.unwrap();
        assert_eq!(stage.current("acme").await["status"], "active", "{kind:?}");
        assert_eq!((stage.history("acme").await.len(), stage.invoices("acme").await.len()), (1, 1), "{kind:?}");
        let again = subscriptions::bind_known(&stage.app).await.unwrap();
        assert_eq!(again.bound, 0, "{kind:?}");
        // What comes later goes to the same rows.
        stage.seats(&made.id, &made.items.data[0].id, 4).await;
        stage.tell(&of_kind(&stage.told(&made.id).await, "customer.subscription.updated")).await;
        let history = stage.history("acme").await;
        assert_eq!((history.len(), &history[0]["items"][0]["quantity"]), (1, &json!(4)), "{kind:?}");
        for table in ["subscriptions", "subscription_items", "invoices", "subscription_changes", "stripe_mirrors"] {
            let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE customer IS NULL");
            let read = stage.app.db().read(move |tx| tx.query(&sql, vec![])?[0].i64(0)).await;
            assert_eq!(read, Ok::<_, DbError>(0), "{kind:?} {table}");
        }
    }
}

/// An archived customer would go on paying for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_archived_only_once_its_subscriptions_have_ended() {
    const ACME: &str = "/api/v1/customers/acme";
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let trial = calls::NewSubscription {
            customer: customer.clone(),
            items: vec![calls::NewItem { price: price.clone(), quantity: Some(1), ..Default::default() }],
            trial_period_days: Some(7),
            ..Default::default()
        };
        let made = [stage.subscribe(&customer, &[&price]).await, stage.write(&calls::create(&trial)).await];
        for one in &made {
            stage.tell_all(&one.id).await;
        }
        for one in &made {
            let refused = stage.world.ask(crate::world::ADMIN, "DELETE", ACME, "").await;
            let live = ("subscription_live".to_owned(), Some("customer_id".to_owned()));
            assert_eq!((refused.status, refused.error()), (409, live), "{kind:?}: {}", refused.text);
            assert_eq!(stage.world.admin("GET", ACME, "").await["archived_at"], Value::Null, "{kind:?}");
            stage.end(&one.id).await;
            stage.tell(&of_kind(&stage.told(&one.id).await, "customer.subscription.deleted")).await;
        }
        assert!(stage.world.admin("DELETE", ACME, "").await["archived_at"].is_string(), "{kind:?}");
    }
}

/// Its first payment would pay for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_whose_first_payment_is_under_way_is_not_archived() {
    const ACME: &str = "/api/v1/customers/acme";
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let new = calls::NewSubscription {
            customer: stage.customer("acme").await,
            items: vec![calls::NewItem { price: stage.price(2000).await, quantity: Some(1), ..Default::default() }],
            payment_behavior: Some(PaymentBehavior::DefaultIncomplete),
            ..Default::default()
        };
        let made = stage.write(&calls::create(&new)).await;
        stage.tell_all(&made.id).await;
        assert_eq!(stage.history("acme").await[0]["stripe_status"], "incomplete", "{kind:?}");
        let refused = stage.world.ask(crate::world::ADMIN, "DELETE", ACME, "").await;
        let live = ("subscription_live".to_owned(), Some("customer_id".to_owned()));
        assert_eq!((refused.status, refused.error()), (409, live), "{kind:?}: {}", refused.text);
        // Stripe waits for it for 23 hours.
        stage.pass(DAY).await;
        stage.tell_all(&made.id).await;
        assert!(stage.world.admin("DELETE", ACME, "").await["archived_at"].is_string(), "{kind:?}");
    }
}

/// A company that comes back under another id may be the same customer at Stripe: who was archived takes nothing of what
/// it pays for, nor is it in the way. What was its own stays its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_successor_pays_for_is_its_own_and_not_that_of_who_was_archived() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let stripe = stage.customer("a").await;
        let price = stage.price(2000).await;
        let first = stage.subscribe(&stripe, &[&price]).await;
        stage.tell_all(&first.id).await;
        stage.end(&first.id).await;
        stage.tell(&of_kind(&stage.told(&first.id).await, "customer.subscription.deleted")).await;
        stage.world.admin("DELETE", "/api/v1/customers/a", "").await;
        stage.world.admin("PUT", "/api/v1/customers/b", "{}").await;
        // Named by its metadata alone.
        let named = calls::NewSubscription {
            customer: stripe.clone(),
            items: vec![calls::NewItem { price: price.clone(), quantity: Some(1), ..Default::default() }],
            metadata: Some([(subscriptions::CUSTOMER_KEY.to_owned(), "b".to_owned())].into()),
            ..Default::default()
        };
        let named = stage.write(&calls::create(&named)).await;
        stage.tell_all(&named.id).await;
        assert_eq!(stage.current("b").await["subscription_id"], json!(named.id), "{kind:?}");
        stage.end(&named.id).await;
        stage.tell(&of_kind(&stage.told(&named.id).await, "customer.subscription.deleted")).await;
        // Told of before anybody alive says to be it: nobody's until then.
        let early = stage.subscribe(&stripe, &[&price]).await;
        stage.tell_all(&early.id).await;
        assert_eq!(subscriptions::bind_known(&stage.app).await.unwrap().bound, 0, "{kind:?}");
        stage.is("b", &stripe).await;
        assert!(subscriptions::bind_known(&stage.app).await.unwrap().bound > 0, "{kind:?}");
        assert_eq!(stage.current("b").await["subscription_id"], json!(early.id), "{kind:?}");
        stage.end(&early.id).await;
        stage.tell(&of_kind(&stage.told(&early.id).await, "customer.subscription.deleted")).await;
        // And after: the two do not cancel each other out.
        let late = stage.subscribe(&stripe, &[&price]).await;
        stage.tell_all(&late.id).await;
        let current = stage.current("b").await;
        let stands = (&current["status"], &current["access"], &current["subscription_id"]);
        assert_eq!(stands, (&json!("active"), &json!(true), &json!(late.id)), "{kind:?}");
        let ids = |history: Vec<Value>| history.iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(stage.history("a").await), [json!(first.id)], "{kind:?}: what was its own stays");
        assert_eq!((stage.history("b").await.len(), stage.invoices("b").await.len()), (3, 3), "{kind:?}");
    }
}

/// Who pays as a customer of Stripe's is it, also when the app names another one since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_is_bound_to_who_is_bound_to_its_payer() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let stripe = stage.payer("pm_card_visa").await;
        let made = stage.subscribe(&stripe, &[&stage.price(2000).await]).await;
        stage.tell_all(&made.id).await;
        stage.is("acme", "cus_another").await;
        let id = CustomerId::new("acme").unwrap();
        let bind = stage.app.db().write(move |tx| customers::bind_to_stripe(tx, &stripe, &id));
        assert_eq!(bind.await, Ok::<_, DbError>(true), "{kind:?}");
        subscriptions::bind_known(&stage.app).await.unwrap();
        assert_eq!(stage.current("acme").await["status"], "active", "{kind:?}");
        assert_eq!((stage.history("acme").await.len(), stage.invoices("acme").await.len()), (1, 1), "{kind:?}");
    }
}

/// A subscription that another's page made carries our id of its customer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_known_by_the_metadata_of_its_subscription() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        stage.world.admin("PUT", "/api/v1/customers/acme", "{}").await;
        let stripe = stage.payer("pm_card_visa").await;
        let item = calls::NewItem { price: stage.price(2000).await, quantity: Some(1), ..Default::default() };
        let name = |id: &str| [(subscriptions::CUSTOMER_KEY.to_owned(), id.to_owned())].into();
        for (metadata, known) in [("nobody", 0), ("no id of ours!", 0), ("acme", 1)] {
            let new = calls::NewSubscription {
                customer: stripe.clone(),
                items: vec![item.clone()],
                metadata: Some(name(metadata)),
                ..Default::default()
            };
            let made = stage.write(&calls::create(&new)).await;
            stage.tell_all(&made.id).await;
            assert_eq!(stage.history("acme").await.len(), known, "{kind:?} {metadata}");
            assert_eq!(stage.invoices("acme").await.len(), known, "{kind:?} {metadata}");
        }
        assert_eq!(stage.world.ask(crate::world::ADMIN, "GET", "/api/v1/customers/nobody", "").await.status, 404);
    }
}

/// What was taken back or given up stands so in the history, and ends no access: Stripe says `active` (rules 3.1).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_that_was_voided_or_given_up_stands_so_and_ends_no_access() {
    for kind in BOTH {
        for (event, status) in [("invoice.voided", "void"), ("invoice.marked_uncollectible", "uncollectible")] {
            let stage = Stage::new(kind).await;
            let customer = stage.customer("acme").await;
            let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
            stage.tell_all(&made.id).await;
            stage.pays_by(&customer, "pm_card_chargeCustomerFail").await;
            stage.world.clock.advance(32 * DAY * 1_000_000);
            stage.tell_all(&made.id).await;
            let owed = stage.invoices("acme").await.remove(0);
            assert_eq!(owed["status"], "open", "{kind:?} {status}");
            let current = stage.current("acme").await;
            assert_eq!(current["status"], "past_due", "{kind:?} {status}");
            assert!(current["access_until"].is_string(), "{kind:?} {status}: grace runs");
            let id = owed["id"].as_str().unwrap();
            let call = if status == "void" { invoices::void(id) } else { invoices::mark_uncollectible(id) };
            stage.write(&call).await;
            let told = of_kind(&stage.told(&made.id).await, event);
            assert_eq!(told.len(), 1, "{kind:?} {status}");
            stage.tell(&told).await;
            let shown = stage.invoices("acme").await;
            assert_eq!((shown.len(), &shown[0]["id"]), (2, &owed["id"]), "{kind:?} {status}");
            assert_eq!(shown[0]["status"], status, "{kind:?}");
            let current = stage.current("acme").await;
            let access = json!([current["status"], current["access"], current["access_until"]]);
            assert_eq!(access, json!(["active", true, null]), "{kind:?} {status}");
            // What was given up may be paid later still, and is remembered.
            let failed = stage.history("acme").await[0]["first_failure_at"].clone();
            assert_eq!(failed.is_null(), status == "void", "{kind:?} {status}: {failed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_invoices_come_in_pages() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let mut made = Vec::new();
        for _ in 0..3 {
            let one = stage.subscribe(&customer, &[&price]).await;
            stage.tell_all(&one.id).await;
            made.push(one.id);
        }
        for list in ["subscriptions", "invoices"] {
            let path = format!("/api/v1/customers/acme/{list}");
            let whole = stage.world.admin("GET", &path, "").await;
            let ids: Vec<&Value> = whole["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
            assert_eq!((ids.len(), &whole["has_more"]), (3, &json!(false)), "{kind:?} {list}");
            let mut walked = Vec::new();
            let mut rest = String::new();
            loop {
                let page = stage.world.admin("GET", &format!("{path}?limit=1{rest}"), "").await;
                let id = page["data"][0]["id"].clone();
                rest = format!("&starting_after={}", id.as_str().unwrap());
                walked.push(id);
                if page["has_more"] == json!(false) {
                    break;
                }
                assert!(walked.len() < 10, "{kind:?} {list}: it has an end");
            }
            assert_eq!(walked.iter().collect::<Vec<_>>(), ids, "{kind:?} {list}");
            let wrong = stage.world.ask(crate::world::ADMIN, "GET", &format!("{path}?starting_after=x"), "").await;
            let refused = ("invalid_field".to_owned(), Some("starting_after".to_owned()));
            assert_eq!((wrong.status, wrong.error()), (400, refused), "{kind:?} {list}");
            let nobody = format!("/api/v1/customers/nobody/{list}");
            assert_eq!(stage.world.ask(crate::world::ADMIN, "GET", &nobody, "").await.status, 404, "{kind:?} {list}");
        }
    }
}
