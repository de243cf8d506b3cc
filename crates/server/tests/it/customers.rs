//! Customers: made, changed, listed, archived; each write in the audit trail.

use crate::world::{ADMIN, BOTH, World};
use purser::{features::customers, platform::db::DbError};
use purser_rules::ids::CustomerId;
use serde_json::{Value, json};

/// Waits for the next millisecond: lines of the trail made in one stand in any order.
async fn later(world: &World) {
    let now = world.app.clock().now().micros();
    world.clock.advance(1_000);
    while world.app.clock().now().micros() / 1_000 == now / 1_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn absent_stays_null_clears_and_a_value_sets() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let path = "/api/v1/customers/acme";
        let made =
            world.admin("PUT", path, r#"{"name":"Acme","email":"a@b.example","metadata":{"z":1,"a":[2.50]}}"#).await;
        assert_eq!(made["name"], "Acme");
        assert_eq!(made["time_zone"], "UTC");
        later(&world).await;
        let changed = world.admin("PUT", path, r#"{"email":null,"time_zone":"Europe/Berlin"}"#).await;
        assert_eq!((&changed["name"], &changed["email"]), (&json!("Acme"), &Value::Null));
        assert_eq!(changed["time_zone"], "Europe/Berlin");
        let text = world.ask(ADMIN, "GET", path, "").await.text;
        assert!(text.contains(r#""metadata":{"z":1,"a":[2.50]}"#), "kept byte for byte: {text}");
        later(&world).await;
        let cleared = world.admin("PUT", path, r#"{"metadata":null,"time_zone":null}"#).await;
        assert_eq!((&cleared["metadata"], &cleared["time_zone"]), (&json!({}), &json!("UTC")));

        let trail = world.admin("GET", "/api/v1/admin/audit?subject=acme", "").await;
        let actions: Vec<&str> =
            trail["data"].as_array().unwrap().iter().filter_map(|line| line["action"].as_str()).collect();
        assert_eq!(actions, ["customer.updated", "customer.updated", "customer.created"]);
        assert_eq!(trail["data"][1]["before"]["email"], "a@b.example");
        assert_eq!(trail["data"][1]["after"]["email"], Value::Null);
        assert!(trail["data"][0]["request_id"].as_str().unwrap().starts_with("req_"));
        assert!(!trail.to_string().contains("salt"));
    }
}

#[tokio::test]
async fn a_change_that_changes_nothing_writes_nothing() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let first = world.admin("PUT", "/api/v1/customers/acme", r#"{"name":"Acme"}"#).await;
        world.clock.advance(1_000_000);
        let second = world.admin("PUT", "/api/v1/customers/acme", r#"{"name":"Acme"}"#).await;
        assert_eq!(first, second);
        let trail = world.admin("GET", "/api/v1/admin/audit", "").await;
        assert_eq!(trail["data"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn archiving_is_final_and_answers_the_same_again() {
    for kind in BOTH {
        let world = World::on(kind).await;
        assert_eq!(world.ask(ADMIN, "DELETE", "/api/v1/customers/acme", "").await.error().0, "unknown_customer");
        world.admin("PUT", "/api/v1/customers/acme", "{}").await;
        let grant = r#"{"amount":5,"source_kind":"manual","source_id":"x"}"#;
        world.admin("POST", "/api/v1/customers/acme/grants", grant).await;
        let first = world.admin("DELETE", "/api/v1/customers/acme", "").await;
        world.clock.advance(1_000_000);
        let second = world.admin("DELETE", "/api/v1/customers/acme", "").await;
        assert_eq!(first, second);
        assert!(first["archived_at"].is_string());
        for (method, path, body) in [
            ("PUT", "/api/v1/customers/acme", r#"{"name":"x"}"#),
            ("POST", "/api/v1/customers/acme/grants", r#"{"amount":1,"source_kind":"manual","source_id":"y"}"#),
            ("POST", "/api/v1/consume", r#"{"customer_id":"acme","amount":1,"idempotency_key":"k"}"#),
        ] {
            let refused = world.ask(ADMIN, method, path, body).await;
            assert_eq!((refused.status, refused.error().0.as_str()), (409, "customer_archived"), "{method} {path}");
        }
        assert_eq!(world.ask(ADMIN, "GET", "/api/v1/customers/acme", "").await.status, 200);
    }
}

#[tokio::test]
async fn lists_are_paged_by_id() {
    for kind in BOTH {
        let world = World::on(kind).await;
        for n in 0..5 {
            world.admin("PUT", &format!("/api/v1/customers/c{n}"), "{}").await;
        }
        let ids = |page: &Value| -> Vec<String> {
            page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
        };
        let first = world.admin("GET", "/api/v1/customers?limit=2", "").await;
        assert_eq!((ids(&first), &first["has_more"]), (vec!["c0".into(), "c1".into()], &json!(true)));
        let last = world.admin("GET", "/api/v1/customers?limit=3&starting_after=c1", "").await;
        assert_eq!((ids(&last), &last["has_more"]), (vec!["c2".into(), "c3".into(), "c4".into()], &json!(false)));
    }
}

#[tokio::test]
async fn many_make_the_same_customer_once() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let asked = (0..16).map(|_| world.ask(ADMIN, "PUT", "/api/v1/customers/raced", r#"{"name":"R"}"#));
        for answer in futures_util::future::join_all(asked).await {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let trail = world.admin("GET", "/api/v1/admin/audit?subject=raced", "").await;
        assert_eq!(trail["data"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn only_an_admin_may_allow_overage() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let (_, service) = world.key("service").await;
        let body = r#"{"overage_allowed":true}"#;
        let refused = world.ask(&service, "PUT", "/api/v1/customers/acme", body).await;
        assert_eq!(refused.status, 403);
        assert_eq!(refused.error(), ("role_not_allowed".into(), Some("overage_allowed".into())));
        assert_eq!(world.ask(ADMIN, "GET", "/api/v1/customers/acme", "").await.status, 404);
        assert_eq!(world.admin("PUT", "/api/v1/customers/acme", body).await["overage_allowed"], true);
    }
}

/// PostgreSQL writes a number out in all its digits; reading it back must not make it too large.
#[tokio::test]
async fn the_largest_and_smallest_numbers_stand_in_the_trail() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let numbers = [
            "1.7976931348623157e308",
            "-1.7976931348623157e308",
            "1.797693134862315e308",
            "2.2250738585072014e-308",
            "5e-324",
            "123456789012345678901234567890",
        ];
        for (at, number) in numbers.into_iter().enumerate() {
            let body = format!(r#"{{"metadata":{{"n":{number}}}}}"#);
            world.admin("PUT", &format!("/api/v1/customers/c{at}"), &body).await;
            let trail = world.ask(ADMIN, "GET", &format!("/api/v1/admin/audit?subject=c{at}"), "").await;
            assert_eq!(trail.status, 200, "{number} on {kind:?}: {}", trail.text);
            let told: Value = serde_json::from_str(&trail.text).unwrap();
            let sent: f64 = number.parse().unwrap();
            assert_eq!(told["data"][0]["after"]["metadata"]["n"].as_f64(), Some(sent), "{kind:?}");
        }
    }
}

/// Whose the Stripe customer `cus_1` is.
async fn whose(world: &World) -> Option<String> {
    let read = world.app.db().read(|tx| customers::find_by_stripe(tx, "cus_1"));
    let found: Result<Option<CustomerId>, DbError> = read.await;
    found.unwrap().map(|id| id.as_str().to_owned())
}

/// Binds `cus_1` to a customer of ours; whether it is that one's then.
async fn bind(world: &World, id: &str) -> bool {
    let id = CustomerId::new(id).unwrap();
    let write = world.app.db().write(move |tx| customers::bind_to_stripe(tx, "cus_1", &id));
    let bound: Result<bool, DbError> = write.await;
    bound.unwrap()
}

/// Whose a customer of Stripe's is: asked for in one way by all, so that it has one answer.
#[tokio::test]
async fn of_two_that_say_to_be_a_customer_of_stripes_the_bound_one_is_it() {
    for kind in BOTH {
        let world = World::on(kind).await;
        assert_eq!(whose(&world).await, None, "{kind:?}");
        let says = r#"{"stripe_customer_id":"cus_1"}"#;
        world.admin("PUT", "/api/v1/customers/one", says).await;
        assert_eq!(whose(&world).await.as_deref(), Some("one"), "{kind:?}");
        world.admin("PUT", "/api/v1/customers/two", says).await;
        assert_eq!(whose(&world).await, None, "{kind:?}: neither counts");
        assert!(bind(&world, "two").await, "{kind:?}");
        assert!(bind(&world, "two").await, "{kind:?}: again");
        assert!(!bind(&world, "one").await, "{kind:?}: it is another's");
        assert_eq!(whose(&world).await.as_deref(), Some("two"), "{kind:?}");
        world.admin("PUT", "/api/v1/customers/two", r#"{"stripe_customer_id":null}"#).await;
        assert_eq!(whose(&world).await.as_deref(), Some("two"), "{kind:?}: for good");
    }
}
