//! Prices nobody knows: by metadata, by hand and replayed, and sessions that are none of ours.

use super::{Shop, text};
use crate::world::{ADMIN, BOTH};
use purser::features::inbox::MOST_ATTEMPTS;
use purser_stripe::{
    calls::{
        catalog,
        checkout::{self, NewSession, NewSessionItem},
        customers,
    },
    objects::SessionMode,
};
use serde_json::{Value, json};

/// A session the app made itself, for `reference`, that sells one of `price`; paid. Its id.
async fn paid(shop: &Shop, reference: Option<&str>, price: &str) -> String {
    paid_by(shop, reference, price, "pm_card_visa").await
}

/// The same, by `method`.
async fn paid_by(shop: &Shop, reference: Option<&str>, price: &str, method: &str) -> String {
    let session = NewSession {
        mode: SessionMode::Payment,
        client_reference_id: reference.map(str::to_owned),
        success_url: Some("https://app.example.com/own".into()),
        line_items: Some(vec![NewSessionItem { price: price.to_owned(), quantity: Some(1) }]),
        ..Default::default()
    };
    let id = shop.write(&checkout::create(&session)).await.id;
    shop.pay_session(&id, method).await;
    id
}

/// Rules 2.4: a session of ours whose price and whose row here are both lost says itself what it was for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paid_session_that_we_marked_with_credits_is_granted_by_its_marks() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.price(900, &[]).await;
        let marks = [
            ("purser_customer_id", "acme"),
            ("purser_checkout", "chk_of_a_backup"),
            ("credits", "40"),
            ("unit", "credits"),
        ];
        let marks = marks.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let session = NewSession {
            mode: SessionMode::Payment,
            success_url: Some("https://app.example.com/own".into()),
            line_items: Some(vec![NewSessionItem { price, quantity: Some(1) }]),
            metadata: Some(marks),
            ..Default::default()
        };
        let id = shop.write(&checkout::create(&session)).await.id;
        shop.pay_session(&id, "pm_card_visa").await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [40.0, 0.0, 0.0], "{kind:?}");
        let purchase = shop.purchases().await.remove(0);
        let shown = json!([purchase["session_id"], purchase["top_up_plan_id"], purchase["credits"], purchase["state"]]);
        assert_eq!(shown, json!([id, null, 40, "paid"]), "{kind:?}");
        shop.proved().await;
    }
}

/// The event of its completion.
async fn completed(shop: &Shop) -> Vec<Value> {
    let mut events = shop.undelivered().await;
    events.retain(|event| event["type"] == "checkout.session.completed");
    events
}

/// Failure 4: an event that is marked done and then fails is lost. Here it waits, and grants once it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_4_a_price_nobody_knows_waits_and_grants_when_it_is_mapped_and_replayed() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.price(900, &[]).await;
        let session = paid(&shop, Some("acme"), &price).await;
        let events = completed(&shop).await;
        shop.deliver_these(&events).await;
        assert_eq!(shop.states(&events).await, [1], "{kind:?}: it waits to be tried again");
        let path = format!("/api/v1/admin/stripe-events/{}", text(&events[0]["id"]));
        let event = shop.world.admin("GET", &path, "").await;
        let why = text(&event["last_error"]);
        assert!(why.starts_with("unmapped_price: ") && why.contains(&price), "{kind:?}: {why}");
        let body = json!({ "customer_id": "acme", "session_id": session }).to_string();
        let page = shop.world.ask(ADMIN, "POST", "/api/v1/checkout/verify", body).await;
        assert_eq!((page.status, page.error().0.as_str()), (409, "unmapped_price"), "{kind:?}");
        let nothing = (shop.balance().await, shop.purchases().await.len());
        assert_eq!(nothing, ([0.0, 0.0, 0.0], 0), "{kind:?}: nothing half done");
        shop.pack_of("pack-90", 90, 900, &price).await;
        shop.world.admin("POST", &format!("{path}/replay"), "").await;
        shop.work_off().await;
        assert_eq!(shop.states(&events).await, [2], "{kind:?}");
        assert_eq!(shop.balance().await, [90.0, 0.0, 0.0], "{kind:?}");
        assert_eq!(shop.purchases().await[0]["session_id"], json!(session), "{kind:?}");
        shop.proved().await;
    }
}

/// An event that was tried until it was dead. A change of the book that maps another price, or none, wakes it not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_given_up_is_granted_once_its_price_is_mapped_without_a_replay() {
    for kind in BOTH {
        for by_change in [false, true] {
            let shop = Shop::open(kind).await;
            let price = shop.price(900, &[]).await;
            let session = paid(&shop, Some("acme"), &price).await;
            let events = completed(&shop).await;
            shop.deliver_these(&events).await;
            for _ in 1..MOST_ATTEMPTS {
                crate::inbox::pass(&shop.world).await;
                shop.work_off().await;
            }
            assert_eq!(shop.states(&events).await, [4], "{kind:?} {by_change}: it is dead");
            shop.pack("other", 50, 900).await;
            let body = json!({ "family": "pack-90", "credits": 80 });
            let made = shop.world.admin("POST", "/api/v1/admin/top-up-plans", &body.to_string()).await;
            let path = format!("/api/v1/admin/top-up-plans/{}", text(&made["id"]));
            shop.world.admin("PATCH", &path, r#"{"credits": 90}"#).await;
            shop.work_off().await;
            assert_eq!(shop.states(&events).await, [4], "{kind:?} {by_change}");
            if by_change {
                let bound = json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": 900 });
                shop.world.admin("PATCH", &path, &json!({ "price": bound }).to_string()).await;
            } else {
                shop.pack_of("pack-of-90", 90, 900, &price).await;
            }
            shop.work_off().await;
            assert_eq!(shop.states(&events).await, [2], "{kind:?} {by_change}");
            assert_eq!(shop.balance().await, [90.0, 0.0, 0.0], "{kind:?} {by_change}");
            assert_eq!(shop.purchases().await[0]["session_id"], json!(session), "{kind:?} {by_change}");
            let trail = shop.world.admin("GET", "/api/v1/admin/audit?action=stripe_events.replayed", "").await;
            let told = &trail["data"][0]["after"];
            assert_eq!((&told["events"], &told["about"]), (&json!(1), &json!(price)), "{kind:?} {by_change}: {trail}");
            shop.proved().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_price_with_metadata_becomes_a_pack() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.price(900, &[("credits", "75"), ("internalId", "pack-m")]).await;
        paid(&shop, Some("acme"), &price).await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [75.0, 0.0, 0.0], "{kind:?}");
        let packs = shop.world.admin("GET", "/api/v1/admin/top-up-plans?family=pack-m", "").await;
        let pack = &packs["data"][0];
        let shown = json!([pack["credits"], pack["price"]["stripe_price_id"], pack["used"]]);
        assert_eq!(shown, json!([75, price, true]));
        assert_eq!(shop.purchases().await[0]["top_up_plan_id"], pack["id"], "{kind:?}");
        shop.proved().await;
    }
}

/// What was paid is given; what Stripe sells no more since is offered to nobody, whether its price was archived or its
/// product.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_that_is_made_of_an_archived_product_is_not_put_on_sale() {
    for kind in BOTH {
        for of_product in [true, false] {
            let shop = Shop::open(kind).await;
            let price = shop.price(900, &[("credits", "75"), ("internalId", "pack-m")]).await;
            paid(&shop, Some("acme"), &price).await;
            if of_product {
                let product = shop.read(&catalog::price(&price)).await.product.id().to_owned();
                let gone = catalog::ProductFields { active: Some(false), ..Default::default() };
                shop.write(&catalog::update_product(&product, &gone)).await;
            } else {
                let gone = catalog::PriceChange { active: Some(false), ..Default::default() };
                shop.write(&catalog::update_price(&price, &gone)).await;
            }
            shop.deliver().await;
            assert_eq!(shop.balance().await, [75.0, 0.0, 0.0], "{kind:?} {of_product}");
            let packs = shop.world.admin("GET", "/api/v1/admin/top-up-plans?family=pack-m", "").await;
            let shown = json!([packs["data"][0]["credits"], packs["data"][0]["legacy"]]);
            assert_eq!(shown, json!([75, true]), "{kind:?} {of_product}");
            shop.proved().await;
        }
    }
}

/// An account may sell other things: a session of nobody we know is kept, and nothing follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_nobody_is_ignored() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.price(900, &[("credits", "75"), ("internalId", "pack-m")]).await;
        for reference in [None, Some("order-17"), Some("no such name!")] {
            paid(&shop, reference, &price).await;
        }
        let events = completed(&shop).await;
        shop.deliver_these(&events).await;
        assert_eq!(shop.states(&events).await, [3, 3, 3], "{kind:?}");
        assert_eq!(shop.purchases().await.len(), 0, "{kind:?}");
        let packs = shop.world.admin("GET", "/api/v1/admin/top-up-plans?family=pack-m", "").await;
        assert_eq!(packs["data"], json!([]), "{kind:?}");
    }
}

/// Nobody is called because of a debit that failed: nothing was paid, whatever it would have bought.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debit_that_failed_needs_no_map() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.price(900, &[]).await;
        let session = paid_by(&shop, Some("acme"), &price, "pm_usBankAccount_insufficientFunds").await;
        let completed = completed(&shop).await;
        shop.deliver_these(&completed).await;
        assert_eq!(shop.states(&completed).await, [1], "{kind:?}: the money may come still");
        shop.pass(5 * 86_400).await;
        let mut failed = shop.undelivered().await;
        failed.retain(|event| event["type"] == "checkout.session.async_payment_failed");
        shop.deliver_these(&failed).await;
        crate::inbox::pass(&shop.world).await;
        shop.work_off().await;
        assert_eq!((shop.states(&failed).await, shop.states(&completed).await), (vec![2], vec![2]), "{kind:?}");
        let body = json!({ "customer_id": "acme", "session_id": session }).to_string();
        let page = shop.world.admin("POST", "/api/v1/checkout/verify", &body).await;
        assert_eq!((&page["state"], &page["purchase"]), (&json!("failed"), &Value::Null), "{kind:?}");
        assert_eq!(shop.purchases().await.len(), 0, "{kind:?}");
    }
}

/// Nothing is given to who is archived, and money that came is not passed over: it waits for a person, or for the
/// successor who says to be that customer of Stripe's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_from_the_payer_of_who_was_archived_waits_until_its_successor_says_so() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.price(500, &[]).await;
        shop.pack_of("pack-50", 50, 500, &price).await;
        let payer = shop.write(&customers::create(&customers::CustomerFields::default())).await.id;
        let is = json!({ "stripe_customer_id": payer }).to_string();
        shop.world.admin("PUT", "/api/v1/customers/before", &is).await;
        shop.world.admin("DELETE", "/api/v1/customers/before", "").await;
        let session = NewSession {
            mode: SessionMode::Payment,
            customer: Some(payer),
            success_url: Some("https://app.example.com/own".into()),
            line_items: Some(vec![NewSessionItem { price, quantity: Some(1) }]),
            ..Default::default()
        };
        let id = shop.write(&checkout::create(&session)).await.id;
        shop.pay_session(&id, "pm_card_visa").await;
        let mut paid = shop.undelivered().await;
        paid.retain(|event| event["type"] == "checkout.session.completed");
        shop.deliver_these(&paid).await;
        assert_eq!(shop.states(&paid).await, [1], "{kind:?}: it waits to be tried again");
        shop.world.admin("PUT", "/api/v1/customers/acme", &is).await;
        assert_eq!(shop.verify(&json!({ "session_id": id })).await["state"], "done", "{kind:?}");
        assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?}");
        shop.proved().await;
    }
}
