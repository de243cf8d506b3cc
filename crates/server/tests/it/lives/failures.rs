//! Failures others met, each by its number in the list of them, that no other test of a feature shows.

use super::{
    DAY, clock,
    feed::{Feed, twin},
    pass,
    running::Running,
    sold,
};
use crate::{
    inbox::{CREATED, event, number, send, states},
    payments::{Shop, text, wanted},
    world::{ADMIN, BOTH},
};
use futures_util::future::join_all;
use purser::platform::db::DbError;
use purser_stripe::{
    calls::{PageOf, catalog, checkout, customers, invoices, subscriptions as calls},
    objects::{BillingModeType, InvoiceStatus},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What `acme` is told who asks for a checkout of `pack`.
async fn asked(shop: &Shop, pack: &str) -> (u16, String) {
    let body = wanted(&json!({ "customer_id": "acme", "top_up_plan": pack }));
    let answer = shop.world.ask(ADMIN, "POST", "/api/v1/checkout", body.to_string()).await;
    let code = if answer.status == 200 { String::new() } else { answer.error().0 };
    (answer.status, code)
}

/// The keys and the requests of the sessions that were to be opened.
async fn sent(shop: &Shop) -> BTreeSet<(String, String)> {
    let sql = "SELECT key, request FROM stripe_operations WHERE kind = 'checkout_session'";
    let rows = shop.world.app.db().read(move |tx| tx.query(sql, vec![])).await;
    let rows = rows.map_err(|error: DbError| error).unwrap();
    rows.iter().map(|row| (row.text(0).unwrap().to_owned(), row.text(1).unwrap().to_owned())).collect()
}

/// A key that goes out with another body is refused for good, and one that was declined answers the old decline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_29_a_key_goes_out_with_its_own_body_and_a_refusal_ends_it() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.price(500, &[]).await;
        shop.pack_of("pack-50", 50, 500, &price).await;
        let cut = json!({ "kind": "cut_after", "method": "POST", "path": "/v1/checkout/sessions", "times": 1000 });
        shop.fault(Some(&cut)).await;
        assert_eq!(asked(&shop, "pack-50").await.0, 503, "{kind:?}");
        shop.fault(None).await;
        let before = sent(&shop).await;
        // What the body was made of is another by now.
        shop.world.admin("PUT", "/api/v1/customers/acme", r#"{"name":"Acme & Sons","email":"a@b.example"}"#).await;
        assert_eq!(asked(&shop, "pack-50").await, (200, String::new()), "{kind:?}");
        assert_eq!((sent(&shop).await, shop.sessions().await.len()), (before.clone(), 1), "{kind:?}: as it was");
        // Another pack is refused, since its price is not sold any more; once it is, a new key goes out.
        let other = shop.price(900, &[]).await;
        shop.pack_of("pack-90", 90, 900, &other).await;
        let sold = |active| catalog::PriceChange { active: Some(active), ..Default::default() };
        shop.write(&catalog::update_price(&other, &sold(false))).await;
        assert_eq!(asked(&shop, "pack-90").await.1, "stripe_refused", "{kind:?}");
        shop.write(&catalog::update_price(&other, &sold(true))).await;
        assert_eq!(asked(&shop, "pack-90").await, (200, String::new()), "{kind:?}: the refusal is not replayed");
        let after = sent(&shop).await;
        let keys: BTreeSet<&String> = after.iter().map(|(key, _)| key).collect();
        assert!(after.is_superset(&before) && keys.len() == after.len(), "{kind:?}: a key for each body: {after:?}");
    }
}

/// An endpoint that does not answer `invoice.created` holds up every invoice of the account for three days.
#[tokio::test]
async fn failure_30_what_nothing_acts_on_is_answered_at_once_and_kept() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let kinds = ["invoice.created", "invoice.will_be_due", "something.quite_new", "v1.something.new"];
        for (n, told) in kinds.iter().enumerate() {
            send(&shop.world, &event(&format!("evt_{n}"), told, "cus_1", CREATED)).await;
        }
        let states = states(&shop.world).await;
        assert!(states.len() == 4 && states.values().all(|(state, _)| *state == 3), "{kind:?}: {states:?}");
        shop.work_off().await;
        assert_eq!(number(&shop.world, "SELECT COUNT(*) FROM stripe_events WHERE attempts > 0").await, 0, "{kind:?}");
    }
}

/// A change that waits for its payment (`pending_if_incomplete`) loses usage; and payment methods are the dashboard's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_32_no_request_of_ours_asks_for_a_change_that_waits() {
    for kind in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("asked.jsonl");
        let clock = clock();
        let sandbox = Running::start(1, clock.clone(), Some(record.clone())).await;
        let shop = Shop::beside(kind, clock, sandbox.address).await;
        shop.customer("acme").await;
        shop.pack("pack-50", 50, 500).await;
        let price = sold::team(&shop).await;
        let bought = shop.checkout("pack-50").await;
        shop.pay(&bought, "pm_card_visa").await;
        shop.checkout("pack-50").await;
        shop.checkout_of(&json!({ "customer_id": "acme", "top_up_plan": "pack-50", "quantity": 2 })).await;
        shop.checkout_of(&json!({ "customer_id": "acme", "purpose": "setup" })).await;
        let body = json!({ "customer_id": "acme", "purpose": "subscription", "price": price });
        let subscribed = shop.checkout_of(&body).await;
        shop.world.admin("POST", "/api/v1/customers/acme/stripe_portal", "").await;
        shop.pay(&subscribed, "pm_card_visa").await;
        shop.deliver().await;
        let changes = [("change", json!({ "quantity": 2 })), ("cancel", json!({})), ("resume", json!({}))];
        for (what, mut body) in changes {
            body["idempotency_key"] = json!(what);
            let path = format!("/api/v1/customers/acme/subscription/{what}");
            shop.world.admin("POST", &path, &body.to_string()).await;
        }
        let recorded = std::fs::read_to_string(&record).unwrap();
        let lines: Vec<Value> = recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let writes = lines.iter().filter(|line| line["method"] == "POST");
        let bodies: Vec<&str> = writes.map(|line| line["body"].as_str().unwrap()).collect();
        assert!(bodies.len() > 11, "{kind:?}: {bodies:?}");
        let fails = |body: &&str| body.contains("payment_behavior=error_if_incomplete");
        assert!(bodies.iter().any(fails), "{kind:?}: {bodies:#?}");
        for word in ["pending_if_incomplete", "payment_method_types"] {
            assert!(bodies.iter().all(|body| !body.contains(word)), "{kind:?}: {word} in {bodies:#?}");
        }
    }
}

/// With the old way of billing a change of price loses the usage before it: what we sell is billed in the new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_33_what_is_sold_is_billed_in_the_flexible_mode() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = sold::team(&shop).await;
        let body = json!({ "customer_id": "acme", "purpose": "subscription", "price": price });
        let checkout = shop.checkout_of(&body).await;
        shop.pay(&checkout, "pm_card_visa").await;
        let made = shop.session(text(&checkout["session_id"])).await.subscription.unwrap().id().to_owned();
        let made = shop.read(&calls::retrieve(&made)).await;
        assert_eq!(made.billing_mode.kind, BillingModeType::Flexible, "{kind:?}");
    }
}

/// What waits for an invoice when a subscription ends comes onto a last one that nobody collects by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_34_a_last_invoice_that_nobody_collects_keeps_nobody_subscribed() {
    for kind in BOTH {
        let clock = clock();
        let sandbox = Running::start(1, clock.clone(), None).await;
        let shop = Shop::beside(kind, clock.clone(), sandbox.address).await;
        let mut feed = Feed::default();
        let price = sold::team(&shop).await;
        let payer = shop.write(&customers::create(&customers::CustomerFields::default())).await.id;
        let body = json!({ "stripe_customer_id": payer }).to_string();
        shop.world.admin("PUT", "/api/v1/customers/acme", &body).await;
        let card = shop.write(&customers::attach("pm_card_visa", &payer)).await.id;
        let new = calls::NewSubscription {
            customer: payer,
            items: vec![calls::NewItem { price, quantity: Some(1), ..Default::default() }],
            default_payment_method: Some(card.clone()),
            cancel_at_period_end: Some(true),
            ..Default::default()
        };
        let made = shop.write(&calls::create(&new)).await;
        pass(&clock, 5 * DAY);
        // More seats for the rest of the period: they wait for the next invoice.
        let more = calls::LoneItemChange { quantity: Some(3), ..Default::default() };
        shop.write(&calls::update_item(&made.id, &made.items.data[0].id, &more)).await;
        shop.deliver_these(&feed.news(shop.client()).await).await;
        pass(&clock, 28 * DAY);
        shop.deliver_these(&feed.news(shop.client()).await).await;
        let which = invoices::Invoices { subscription: Some(made.id.clone()), ..Default::default() };
        let last = shop.read(&invoices::list(&which)).await.data.remove(0);
        assert_eq!((last.status, last.auto_advance), (Some(InvoiceStatus::Draft), Some(false)), "{kind:?}");
        let current = shop.world.admin("GET", "/api/v1/customers/acme/subscription", "").await;
        assert_eq!((&current["status"], &current["access"]), (&json!("canceled"), &json!(false)), "{kind:?}");
        // The seller collects it after all: it is paid, and nobody is subscribed by that.
        let last = last.id.unwrap();
        shop.write(&invoices::finalize(&last)).await;
        let by_card = invoices::Payment { payment_method: Some(card), ..Default::default() };
        shop.write(&invoices::pay(&last, &by_card)).await;
        shop.deliver_these(&feed.news(shop.client()).await).await;
        let shown = shop.world.admin("GET", "/api/v1/customers/acme/invoices", "").await;
        let paid = shown["data"].as_array().unwrap().iter().find(|one| one["id"] == json!(last)).cloned();
        assert_eq!(paid.unwrap()["status"], "paid", "{kind:?}");
        let current = shop.world.admin("GET", "/api/v1/customers/acme/subscription", "").await;
        assert_eq!((&current["status"], &current["access"]), (&json!("canceled"), &json!(false)), "{kind:?}");
        let left = number(&shop.world, "SELECT COUNT(*) FROM stripe_events WHERE state NOT IN (2, 3)").await;
        assert_eq!(left, 0, "{kind:?}");
    }
}

/// Return pages, the completion, and the money of a bank debit that came days later, all at once and twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_a_completion_and_its_late_money_at_once_grant_once() {
    for kind in BOTH {
        let clock = clock();
        let sandbox = Running::start(1, clock.clone(), None).await;
        let shop = Shop::beside(kind, clock.clone(), sandbox.address).await;
        shop.customer("acme").await;
        shop.pack("pack-50", 50, 500).await;
        for expected in [50.0, 100.0, 150.0] {
            let checkout = shop.checkout("pack-50").await;
            shop.pay(&checkout, "pm_usBankAccount_success").await;
            pass(&clock, 6 * DAY);
            let mut events = shop.undelivered().await;
            events.retain(|event| text(&event["type"]).starts_with("checkout.session."));
            let kinds: BTreeSet<&str> = events.iter().map(|event| text(&event["type"])).collect();
            let both = ["checkout.session.async_payment_succeeded", "checkout.session.completed"];
            assert!(both.iter().all(|kind| kinds.contains(kind)), "{kind:?}: {kinds:?}");
            events.extend(events.iter().map(twin).collect::<Vec<_>>());
            let pages = join_all((0..8).map(|_| shop.verify(&checkout)));
            let (answers, ()) = tokio::join!(pages, shop.deliver_these(&events));
            assert!(answers.iter().all(|answer| answer["state"] == "done"), "{kind:?}: {answers:?}");
            let firsts = answers.iter().filter(|answer| answer["already"] == false).count();
            assert!(firsts <= 1, "{kind:?}: {answers:?}");
            assert!(shop.states(&events).await.iter().all(|state| *state == 2), "{kind:?}");
            assert_eq!(shop.balance().await, [expected, 0.0, 0.0], "{kind:?}");
        }
        assert_eq!(shop.purchases().await.len(), 3, "{kind:?}");
        let which = checkout::Sessions { page: PageOf::full(), ..Default::default() };
        assert_eq!(shop.read(&checkout::list(&which)).await.data.len(), 3, "{kind:?}");
        shop.proved().await;
    }
}
