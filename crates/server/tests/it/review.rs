//! What a review of the whole found, each as a test.

use crate::world::{ADMIN, BOTH, CRON, Kind, World};
use purser::{features::credits, platform::db::DbError};
use serde_json::{Value, json};

/// Asks as the admin; answers the status and the body.
async fn post(world: &World, path: &str, body: &Value) -> (u16, Value) {
    let answer = world.ask(ADMIN, "POST", &format!("/api/v1{path}"), body.to_string()).await;
    (answer.status, answer.json())
}

/// The same, with a body given as text.
async fn post_text(world: &World, path: &str, body: &str) -> (u16, Value) {
    let answer = world.ask(ADMIN, "POST", &format!("/api/v1{path}"), body).await;
    (answer.status, answer.json())
}

fn without_replayed(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("replayed");
    answer
}

#[tokio::test]
async fn a_source_taken_by_hand_does_not_stand_in_the_way_of_an_adjustment() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let (status, _) = post(&world, "/customers/a/grants", &json!({"amount": 1, "source_id": "adjust:k"})).await;
        assert_eq!(status, 200);
        let (status, adjusted) =
            post(&world, "/customers/a/adjust", &json!({"amount": 5, "idempotency_key": "k"})).await;
        assert_eq!((status, &adjusted["balance"]["available"]), (200, &json!(6)), "{adjusted}");
    }
}

#[tokio::test]
async fn metadata_is_compared_by_its_exact_numbers() {
    for kind in BOTH {
        let world = World::on(kind).await;
        post(&world, "/customers/a/grants", &json!({"amount": 100, "source_id": "s"})).await;
        for (path, key) in [("/consume", "spend"), ("/holds", "hold")] {
            let body = |metadata: &str| {
                format!(r#"{{"customer_id":"a","amount":1,"idempotency_key":"{key}","metadata":{metadata}}}"#)
            };
            let big = r#"{"n":12345678901234567890123,"one":1}"#;
            assert_eq!(post_text(&world, path, &body(big)).await.0, 200);
            let same = r#"{ "one": 1.0, "n": 12345678901234567890123 }"#;
            let (status, answer) = post_text(&world, path, &body(same)).await;
            assert_eq!((status, &answer["replayed"]), (200, &json!(true)), "{path}: {answer}");
            let other = r#"{"n":12345678901234567890124,"one":1}"#;
            let (status, answer) = post_text(&world, path, &body(other)).await;
            assert_eq!((status, &answer["error"]["param"]), (409, &json!("metadata")), "{path}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_default_said_aloud_is_the_same_request() {
    let world = World::on(Kind::Sqlite).await;
    let (_, first) = post(&world, "/customers/a/grants", &json!({"amount": 9, "idempotency_key": "g"})).await;
    let aloud = json!({"amount": 9, "idempotency_key": "g", "priority": 30, "source_kind": "manual", "source_id": "g"});
    let (status, again) = post(&world, "/customers/a/grants", &aloud).await;
    assert_eq!((status, &again["replayed"]), (200, &json!(true)), "{again}");
    assert_eq!(without_replayed(again), without_replayed(first));

    let held = json!({"customer_id": "a", "amount": 4, "idempotency_key": "h"});
    let (_, hold) = post(&world, "/holds", &held).await;
    let path = format!("/holds/{}/capture", hold["id"].as_str().unwrap());
    let (_, first) = post(&world, &path, &json!({"idempotency_key": "c"})).await;
    let (status, again) = post(&world, &path, &json!({"idempotency_key": "c", "amount": 4})).await;
    assert_eq!((status, &again["replayed"]), (200, &json!(true)), "{again}");
    assert_eq!(without_replayed(again), without_replayed(first));
}

#[tokio::test]
async fn a_grant_asked_for_again_by_its_source_is_answered_as_at_first() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let asked = json!({"amount": 10, "source_id": "invoice-7"});
        let (_, first) = post(&world, "/customers/a/grants", &asked).await;
        assert_eq!(first["replayed"], false);
        post(&world, "/consume", &json!({"customer_id": "a", "amount": 3, "idempotency_key": "k"})).await;
        let (status, again) = post(&world, "/customers/a/grants", &asked).await;
        assert_eq!((status, &again["replayed"]), (200, &json!(true)));
        assert_eq!(without_replayed(again), without_replayed(first), "a replay equals the first body");
        let (status, other) =
            post(&world, "/customers/a/grants", &json!({"amount": 11, "source_id": "invoice-7"})).await;
        assert_eq!((status, &other["error"]["code"]), (409, &json!("grant_terms_differ")));
    }
}

#[tokio::test]
async fn an_import_dated_back_is_not_gone_at_once() {
    let world = World::on(Kind::Sqlite).await;
    let asked =
        json!({"amount": 10, "source_kind": "import", "source_id": "old", "effective_at": "2020-01-01T00:00:00Z"});
    let (status, given) = post(&world, "/customers/a/grants", &asked).await;
    assert_eq!((status, &given["balance"]["available"]), (200, &json!(10)), "{given}");
    assert_eq!(given["expires_at"], "2026-12-21T04:00:00Z");
}

#[tokio::test]
async fn a_check_agrees_with_the_spend_of_the_same_body_in_every_mode() {
    let world = World::on(Kind::Sqlite).await;
    for (customer, credits, overage) in [("rich", 10, false), ("poor", 2, false), ("sold", 2, true), ("none", 0, true)]
    {
        let change = json!({ "overage_allowed": overage }).to_string();
        world.admin("PUT", &format!("/api/v1/customers/{customer}"), &change).await;
        if credits > 0 {
            post(&world, &format!("/customers/{customer}/grants"), &json!({"amount": credits, "source_id": "s"})).await;
        }
        for mode in [None, Some("reject"), Some("partial"), Some("overflow")] {
            let mut body = json!({"customer_id": customer, "amount": 5});
            if let Some(mode) = mode {
                body["mode"] = json!(mode);
            }
            let (_, checked) = post(&world, "/check", &body).await;
            body["idempotency_key"] = json!(format!("{mode:?}"));
            let (status, spent) = post(&world, "/consume", &body).await;
            let reason = if status == 200 { &Value::Null } else { &spent["error"]["code"] };
            assert_eq!((&checked["allowed"], &checked["reason"]), (&json!(status == 200), reason), "{customer} {body}");
            if status == 200 {
                let path = format!("/consumptions/{}/return", spent["id"].as_str().unwrap());
                assert_eq!(post(&world, &path, &json!({"idempotency_key": format!("back {mode:?}")})).await.0, 200);
            }
        }
    }
}

#[tokio::test]
async fn a_list_of_open_grants_leaves_out_what_has_run_out_unswept() {
    let world = World::on(Kind::Sqlite).await;
    for n in 0..40 {
        let mut grant = json!({"amount": 1, "source_id": format!("s{n}")});
        if n % 2 == 1 {
            grant["expires_at"] = json!("2026-11-21T05:00:00Z");
        }
        assert_eq!(post(&world, "/customers/a/grants", &grant).await.0, 200);
        world.clock.advance(1_000);
    }
    world.clock.advance(3_600 * 1_000_000);
    let page = world.admin("GET", "/api/v1/customers/a/grants?open=true&limit=15", "").await;
    let data = page["data"].as_array().unwrap();
    assert_eq!((data.len(), &page["has_more"]), (15, &json!(true)), "{page}");
    assert!(data.iter().all(|grant| grant["remaining"] == 1), "{page}");
    let after = data[14]["id"].as_str().unwrap();
    let rest = world.admin("GET", &format!("/api/v1/customers/a/grants?open=true&starting_after={after}"), "").await;
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (5, &json!(false)), "{rest}");
    let all = world.admin("GET", "/api/v1/customers/a/grants?limit=100", "").await;
    let expired = all["data"].as_array().unwrap().iter().filter(|grant| grant["expired"] == 1).count();
    assert_eq!(expired, 20, "{all}");
}

#[tokio::test]
async fn one_broken_wallet_stops_neither_the_sweep_nor_the_proof_of_others() {
    let world = World::on(Kind::Sqlite).await;
    for customer in ["a", "b", "c"] {
        let grant = json!({"amount": 3, "source_id": "s", "expires_at": "2026-11-21T05:00:00Z"});
        assert_eq!(post(&world, &format!("/customers/{customer}/grants"), &grant).await.0, 200);
    }
    world.clock.advance(7_200 * 1_000_000);
    let break_b = |sql: &'static str| {
        let db = world.app.db().clone();
        async move {
            let done: Result<u64, DbError> = db.write(move |tx| tx.execute(sql, Vec::new())).await;
            assert_eq!(done, Ok(1));
        }
    };
    break_b("UPDATE wallets SET body = X'01FFFFFFFF' WHERE customer = 'b'").await;
    let request = || {
        axum::http::Request::post("/api/cron/expire-grants")
            .header("authorization", format!("Bearer {CRON}"))
            .body(axum::body::Body::empty())
            .unwrap()
    };
    let swept = world.send(request()).await.json();
    assert_eq!(swept["result"], json!({"wallets": 2, "entries": 2, "failed": 1}), "{swept}");

    break_b("UPDATE grants SET source_kind = 99 WHERE customer = 'c'").await;
    let verified = credits::verify(world.app.db(), |_, _| {}).await.unwrap();
    let wrong: Vec<&str> = verified.flaws.iter().map(|flaw| flaw.customer_id.as_str()).collect();
    assert_eq!((verified.wallets, wrong), (3, vec!["b", "c"]), "{:?}", verified.flaws);
    let synced = credits::sync_balances(world.app.db(), None).await.unwrap();
    assert_eq!((synced.wallets, synced.differences.len()), (3, 2));
}

#[tokio::test]
async fn customers_made_by_a_first_use_are_in_the_trail() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let spend = |customer: &str, key: &str| json!({"customer_id": customer, "amount": 1, "idempotency_key": key});
        let items = json!({"items": [spend("x", "1"), spend("y", "2"), spend("x", "3")]});
        assert_eq!(post(&world, "/consume/batch", &items).await.0, 200);
        post(&world, "/customers/z/grants", &json!({"amount": 1, "source_id": "s"})).await;
        // A hold that is refused makes nobody.
        assert_eq!(post(&world, "/holds", &spend("nobody", "h")).await.0, 402);
        assert_eq!(post(&world, "/consume", &spend("x", "4")).await.0, 402);
        let trail = world.admin("GET", "/api/v1/admin/audit?action=customer.created", "").await;
        let mut made: Vec<&str> =
            trail["data"].as_array().unwrap().iter().map(|line| line["subject"].as_str().unwrap()).collect();
        made.sort_unstable();
        assert_eq!(made, ["x", "y", "z"], "{trail}");
        for line in trail["data"].as_array().unwrap() {
            assert_eq!((&line["actor_id"], &line["after"]["time_zone"]), (&json!("bootstrap"), &json!("UTC")));
            assert!(line["request_id"].as_str().unwrap().starts_with("req_"), "{line}");
        }
    }
}

#[tokio::test]
async fn the_trail_says_what_stood_before_and_after() {
    let world = World::on(Kind::Sqlite).await;
    let (_, grant) = post(&world, "/customers/a/grants", &json!({"amount": 10, "source_id": "s"})).await;
    let id = grant["id"].as_str().unwrap();
    let revoke = json!({"amount": 4, "reason": "too much", "idempotency_key": "r"});
    assert_eq!(post(&world, &format!("/grants/{id}/revoke"), &revoke).await.0, 200);
    let adjust = json!({"amount": -2, "reason": "used elsewhere", "idempotency_key": "a"});
    assert_eq!(post(&world, "/customers/a/adjust", &adjust).await.0, 200);
    let line = |trail: &Value| trail["data"][0].clone();
    let revoked = line(&world.admin("GET", "/api/v1/admin/audit?action=grant.revoked", "").await);
    assert_eq!((&revoked["before"]["remaining"], &revoked["after"]["remaining"]), (&json!(10), &json!(6)), "{revoked}");
    assert_eq!((&revoked["after"]["revoked"], &revoked["after"]["reason"]), (&json!(4), &json!("too much")));
    let adjusted = line(&world.admin("GET", "/api/v1/admin/audit?action=balance.adjusted", "").await);
    assert_eq!(adjusted["before"], json!({"unit": "credits", "available": 6, "debt": 0}), "{adjusted}");
    let after = json!({"unit": "credits", "available": 4, "debt": 0, "amount": -2, "reason": "used elsewhere"});
    assert_eq!(adjusted["after"], after);
}
