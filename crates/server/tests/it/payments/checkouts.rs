//! Checkouts are opened: one at a time for each purpose, by what is sold, and refused by name.

use super::{Shop, text, wanted};
use crate::world::{ADMIN, BOTH, Kind, World};
use futures_util::future::join_all;
use purser_stripe::{
    calls::{PageOf, catalog, checkout, meters, payments},
    objects::{Interval, SessionMode, SessionStatus, UsageType},
};
use serde_json::{Value, json};

/// Failure 13: two tabs, two sessions, two payments.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn failure_13_a_customer_has_one_open_session_for_each_purpose() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        shop.pack("pack-200", 200, 1800).await;
        let asked = join_all((0..12).map(|_| shop.checkout("pack-50"))).await;
        assert!(asked.iter().all(|one| one == &asked[0]), "{kind:?}: all are given the same: {asked:?}");
        assert_eq!((shop.sessions().await.len(), shop.stripe_customers().await), (1, 1), "{kind:?}");
        // Something else is wanted: the first session is ended, so that nobody pays by it.
        let other = shop.checkout("pack-200").await;
        assert_ne!(other["session_id"], asked[0]["session_id"], "{kind:?}");
        let first = shop.session(text(&asked[0]["session_id"])).await;
        assert_eq!(first.status, Some(SessionStatus::Expired), "{kind:?}");
        assert_eq!(shop.verify(&asked[0]).await["state"], "expired", "{kind:?}");
        assert_eq!(shop.checkout("pack-200").await, other, "{kind:?}");
        // Another purpose is another matter.
        shop.checkout_of(&json!({ "customer_id": "acme", "purpose": "setup" })).await;
        let open = shop.sessions().await.into_iter().filter(|session| session.status == Some(SessionStatus::Open));
        assert_eq!(open.count(), 2, "{kind:?}");
        // Paid, there is room for the next.
        shop.pay(&other, "pm_card_visa").await;
        let next = shop.checkout("pack-200").await;
        assert_ne!(next["session_id"], other["session_id"], "{kind:?}");
        assert_eq!(shop.balance().await, [200.0, 0.0, 0.0], "{kind:?}: the paid one was fulfilled on the way");
        shop.proved().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_who_want_different_things_at_once_leave_one_session_open() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        shop.pack("pack-200", 200, 1800).await;
        let world = &shop.world;
        let ask = |number: usize| async move {
            let pack = if number.is_multiple_of(2) { "pack-50" } else { "pack-200" };
            let body = wanted(&json!({ "customer_id": "acme", "top_up_plan": pack }));
            world.ask(ADMIN, "POST", "/api/v1/checkout", body.to_string()).await
        };
        let answers = join_all((0..6).map(ask)).await;
        // Who is overtaken again and again is told to try again; nobody is told anything else.
        for answer in &answers {
            assert!(answer.status == 200 || answer.error().0 == "overloaded", "{kind:?}: {}", answer.text);
        }
        assert!(answers.iter().any(|answer| answer.status == 200), "{kind:?}");
        let open = shop.sessions().await.into_iter().filter(|session| session.status == Some(SessionStatus::Open));
        assert!(open.count() <= 1, "{kind:?}");
        assert_eq!(shop.stripe_customers().await, 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_session_is_said_to_be_so_and_makes_room() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let first = shop.checkout("pack-50").await;
        shop.write(&checkout::expire(text(&first["session_id"]))).await;
        assert_eq!(shop.deliver_kinds(&["checkout.session.expired"]).await, 1);
        let told = shop.verify(&first).await;
        assert_eq!((&told["state"], &told["already"]), (&json!("expired"), &json!(false)), "{kind:?}");
        let second = shop.checkout("pack-50").await;
        assert_ne!(second["session_id"], first["session_id"], "{kind:?}");
        // One that ended by itself, and of which no event told yet.
        shop.pass(25 * 3600).await;
        let third = shop.checkout("pack-50").await;
        assert_ne!(third["session_id"], second["session_id"], "{kind:?}");
        assert_eq!(shop.purchases().await.len(), 0, "{kind:?}");
    }
}

/// What is sent to Stripe is marked, and so is the payment, the subscription or the setup that is made by it; payment
/// methods are the dashboard's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_carries_our_marks_and_so_does_what_it_makes() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let asked = shop.checkout_of(&json!({ "customer_id": "acme", "top_up_plan": "pack-50", "quantity": 3 })).await;
        shop.pay(&asked, "pm_card_visa").await;
        let session = shop.read(&checkout::retrieve_whole(text(&asked["session_id"]))).await;
        let metadata = session.metadata.unwrap();
        assert_eq!(session.client_reference_id.as_deref(), Some("acme"), "{kind:?}");
        let marks = ["purser_customer_id", "credits", "unit"].map(|name| metadata[name].as_str());
        assert_eq!(marks, ["acme", "150", "credits"], "{kind:?}");
        assert!(metadata["purser_checkout"].starts_with("chk_"), "{kind:?}");
        assert_eq!(session.payment_intent.unwrap().object().unwrap().metadata, metadata, "{kind:?}");
        let price = shop.plan("team", 1, &json!({})).await;
        let body = json!({ "customer_id": "acme", "purpose": "subscription", "price": price });
        let asked = shop.checkout_of(&body).await;
        shop.pay(&asked, "pm_card_visa").await;
        let session = shop.read(&checkout::retrieve_whole(text(&asked["session_id"]))).await;
        let metadata = session.metadata.unwrap();
        assert_eq!(metadata["purser_customer_id"], "acme", "{kind:?}");
        assert!(metadata["purser_checkout"].starts_with("chk_"), "{kind:?}");
        assert_eq!(session.subscription.unwrap().object().unwrap().metadata, metadata, "{kind:?}");
        let asked = shop.checkout_of(&json!({ "customer_id": "acme", "purpose": "setup" })).await;
        let id = text(&asked["session_id"]);
        let form = "payment_method=pm_card_visa&expected_amount=0";
        let (status, answer) = shop.post(&format!("/v1/payment_pages/{id}/confirm"), form).await;
        assert_eq!(status, 200, "{kind:?}: {answer}");
        let session = shop.session(id).await;
        let metadata = session.metadata.unwrap();
        assert_eq!(metadata["purser_customer_id"], "acme", "{kind:?}");
        assert!(metadata["purser_checkout"].starts_with("chk_"), "{kind:?}");
        let setup = shop.read(&payments::setup(session.setup_intent.unwrap().id())).await;
        assert_eq!(setup.metadata, Some(metadata), "{kind:?}");
    }
}

/// A metered price is sold without a quantity, also if one was asked for: Stripe refuses it with one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metered_price_carries_no_quantity() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let meter = meters::NewMeter {
            display_name: "Calls".into(),
            event_name: "calls".into(),
            default_aggregation: meters::Aggregation { formula: "sum" },
        };
        let fields = catalog::ProductFields { name: Some("Calls".into()), ..Default::default() };
        let price = catalog::NewPrice {
            currency: "usd".into(),
            product: shop.write(&catalog::create_product(&fields)).await.id,
            unit_amount_decimal: Some("0.05".into()),
            recurring: Some(catalog::NewRecurring {
                interval: Interval::Month,
                usage_type: Some(UsageType::Metered),
                meter: Some(shop.write(&meters::create(&meter)).await.id),
                ..Default::default()
            }),
            ..Default::default()
        };
        let price = shop.write(&catalog::create_price(&price)).await.id;
        let bound = json!([{ "stripe_price_id": price, "currency": "usd", "interval": "month", "kind": "metered" }]);
        let plan = json!({ "family": "calls", "prices": bound });
        shop.world.admin("POST", "/api/v1/admin/subscription-plans", &plan.to_string()).await;
        let body = json!({ "customer_id": "acme", "purpose": "subscription", "price": price, "quantity": 3 });
        let opened = shop.checkout_of(&body).await;
        let items = shop.read(&checkout::line_items(text(&opened["session_id"]), &PageOf::full())).await.data;
        let sold: Vec<_> = items.iter().map(|item| (item.price.as_ref().unwrap().id.clone(), item.quantity)).collect();
        assert_eq!(sold, [(price, None)], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_subscribed_to_by_its_price() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let price = shop.plan("team", 1, &json!({})).await;
        let body = json!({ "customer_id": "acme", "purpose": "subscription", "price": price, "quantity": 4 });
        let opened = shop.checkout_of(&body).await;
        let session = shop.session(text(&opened["session_id"])).await;
        assert_eq!((session.mode, session.amount_total), (SessionMode::Subscription, Some(8000)), "{kind:?}");
        let unknown = json!({ "customer_id": "acme", "purpose": "subscription", "price": "price_none" });
        assert_eq!(refused(&shop.world, &unknown).await, (404, "unknown_plan".into(), Some("price".into())));
        // Paid, it makes no purchase; its session is done, and the plan is there before any webhook.
        shop.pay(&opened, "pm_card_visa").await;
        let told = shop.verify(&opened).await;
        let said = (&told["state"], &told["already"], told["purchase"].is_null());
        assert_eq!(said, (&json!("done"), &json!(false), true), "{kind:?}");
        let current = shop.current().await;
        let has = (&current["status"], &current["access"], &current["plan"]["family"]);
        assert_eq!(has, (&json!("active"), &json!(true), &json!("team")), "{kind:?}");
        shop.deliver().await;
        let list = shop.world.admin("GET", "/api/v1/customers/acme/subscriptions", "").await;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{kind:?}");
        assert_eq!(list["data"][0]["checkout_session_id"], opened["session_id"], "{kind:?}");
        let told = shop.verify(&opened).await;
        assert_eq!((&told["state"], &told["already"]), (&json!("done"), &json!(true)), "{kind:?}");
        assert_eq!(shop.purchases().await.len(), 0, "{kind:?}");
    }
}

async fn refused(world: &World, more: &Value) -> (u16, String, Option<String>) {
    let answer = world.ask(ADMIN, "POST", "/api/v1/checkout", wanted(more).to_string()).await;
    let (code, param) = answer.error();
    (answer.status, code, param)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_sold_is_refused_by_name_and_opens_nothing() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let sold = shop.pack("sold", 50, 500).await;
        let free = json!({ "family": "free", "credits": 5 });
        shop.world.admin("POST", "/api/v1/admin/top-up-plans", &free.to_string()).await;
        let old = shop.pack("old", 50, 700).await;
        let path = format!("/api/v1/admin/top-up-plans/{}", text(&old["id"]));
        shop.world.admin("PATCH", &path, r#"{"legacy": true}"#).await;
        let of = |more: &Value| {
            let mut body = json!({ "customer_id": "acme" });
            more.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
            body
        };
        let table = [
            (json!({}), 400, "missing_field", Some("top_up_plan")),
            (json!({ "purpose": "subscription" }), 400, "missing_field", Some("price")),
            (json!({ "top_up_plan": "sold", "price": "price_1" }), 400, "invalid_field", Some("price")),
            (json!({ "purpose": "setup", "quantity": 2 }), 400, "invalid_field", Some("quantity")),
            (json!({ "top_up_plan": "sold", "quantity": 0 }), 400, "invalid_field", Some("quantity")),
            (json!({ "top_up_plan": "sold", "quantity": 1001 }), 400, "invalid_field", Some("quantity")),
            (json!({ "top_up_plan": "sold", "success_url": "data:," }), 400, "invalid_field", Some("success_url")),
            (json!({ "top_up_plan": "sold", "cancel_url": "https://a b" }), 400, "invalid_field", Some("cancel_url")),
            (json!({ "top_up_plan": "none" }), 404, "unknown_top_up_plan", Some("top_up_plan")),
            (json!({ "top_up_plan": "old" }), 404, "unknown_top_up_plan", Some("top_up_plan")),
            (json!({ "top_up_plan": old["id"] }), 409, "not_for_sale", Some("top_up_plan")),
            (json!({ "top_up_plan": "free" }), 409, "not_for_sale", Some("top_up_plan")),
            (json!({ "top_up_plan": "sold", "customer_id": "nobody" }), 404, "unknown_customer", Some("customer_id")),
        ];
        for (more, status, code, param) in table {
            let expected = (status, code.to_owned(), param.map(str::to_owned));
            assert_eq!(refused(&shop.world, &of(&more)).await, expected, "{kind:?} {more}");
        }
        assert_eq!(shop.sessions().await.len(), 0, "{kind:?}");
        // By its id it is sold as by its name.
        let by_id = shop.checkout(text(&sold["id"])).await;
        assert_eq!(shop.checkout("sold").await, by_id, "{kind:?}");
        // A service key may, a key that reads may not.
        let (_, reader) = shop.world.key("read").await;
        let body = wanted(&of(&json!({ "top_up_plan": "sold" }))).to_string();
        let denied = shop.world.ask(&reader, "POST", "/api/v1/checkout", body).await;
        assert_eq!(denied.error().0, "role_not_allowed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stripe_customer_is_of_one_customer() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.customer("other").await;
        shop.pack("pack-50", 50, 500).await;
        shop.checkout("pack-50").await;
        let acme = shop.world.admin("GET", "/api/v1/customers/acme", "").await;
        let body = json!({ "stripe_customer_id": acme["stripe_customer_id"] }).to_string();
        shop.world.admin("PUT", "/api/v1/customers/other", &body).await;
        let more = json!({ "customer_id": "other", "top_up_plan": "pack-50" });
        assert_eq!(refused(&shop.world, &more).await.1, "stripe_customer_taken", "{kind:?}");
        // Cleared, it gets one of its own.
        shop.world.admin("PUT", "/api/v1/customers/other", r#"{"stripe_customer_id": null}"#).await;
        let opened = shop.checkout_of(&more).await;
        assert_eq!(shop.stripe_customers().await, 2, "{kind:?}");
        // An archived customer opens nothing.
        shop.write(&checkout::expire(text(&opened["session_id"]))).await;
        assert_eq!(shop.deliver_kinds(&["checkout.session.expired"]).await, 1, "{kind:?}");
        shop.world.admin("DELETE", "/api/v1/customers/other", "").await;
        assert_eq!(refused(&shop.world, &more).await.1, "customer_archived", "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_portal_is_of_the_customer() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let visit = shop.world.admin("POST", "/api/v1/customers/acme/stripe_portal", "").await;
        assert_eq!((&visit["object"], &visit["customer_id"]), (&json!("stripe_portal"), &json!("acme")));
        assert!(text(&visit["url"]).starts_with("http://127.0.0.1"), "{visit}");
        let back = r#"{"return_url": "https://app.example.com/billing"}"#;
        shop.world.admin("POST", "/api/v1/customers/acme/stripe_portal", back).await;
        assert_eq!(shop.stripe_customers().await, 1, "{kind:?}");
        let nobody = shop.world.ask(ADMIN, "POST", "/api/v1/customers/nobody/stripe_portal", "").await;
        assert_eq!(nobody.error().0, "unknown_customer");
    }
}

#[tokio::test]
async fn without_a_key_of_stripes_it_says_so() {
    let world = World::on(Kind::Sqlite).await;
    world.admin("PUT", "/api/v1/customers/acme", "{}").await;
    let more = json!({ "customer_id": "acme", "top_up_plan": "x" });
    assert_eq!(refused(&world, &more).await, (409, "stripe_not_configured".into(), None));
}
