//! What is taken, what is refused and by which name, and that nothing refused is stored.

use super::{CREATED, ROUTE, SECRET, effects, event, number, send, shown, signature, signed, states, work_off, world};
use crate::world::{BOTH, Kind, World};
use axum::{
    body::Body,
    http::{Request, header},
};
use futures_util::future::join_all;
use purser::{
    config::Secret,
    platform::{
        fault::{FaultPlan, Point},
        metrics,
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One thing that is refused: what it is, the request, and the code and the reason it is refused with.
type Case = (&'static str, Request<Body>, &'static str, &'static str);

fn request(signature: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(ROUTE).header(header::CONTENT_TYPE, "application/json");
    request.header("stripe-signature", signature).body(body.into()).unwrap()
}

fn bad(world: &World) -> Vec<Case> {
    let good = event("evt_1", "customer.updated", "cus_1", CREATED);
    let sign = |body: &str| signature(world, body.as_bytes(), SECRET, 0);
    let with = |ahead: i64, secret: &str| request(&signature(world, good.as_bytes(), secret, ahead), good.clone());
    let live = good.replace(r#""livemode":false"#, r#""livemode":true"#);
    assert_ne!(live, good);
    let odd = good.replace("evt_1", "evt 1");
    let large = format!("{good}{}", " ".repeat(10 << 20));
    let mut packed = request(&sign(&good), good.clone());
    packed.headers_mut().insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    let unsigned = Request::post(ROUTE).body(Body::from(good.clone())).unwrap();
    vec![
        ("unsigned", unsigned, "invalid_signature", "missing"),
        ("no signature of ours", request("t=1,v0=00", good.clone()), "invalid_signature", "malformed"),
        ("forged", with(0, "whsec_guess"), "invalid_signature", "no_match"),
        ("another endpoint's", with(0, "whsec_of_another_endpoint"), "invalid_signature", "no_match"),
        ("stale", with(-301, SECRET), "invalid_signature", "too_old"),
        ("ahead", with(301, SECRET), "invalid_signature", "too_new"),
        ("truncated", request(&sign(&good), good[..good.len() - 1].to_owned()), "invalid_signature", "no_match"),
        ("compressed", packed, "encoded_body", "encoded"),
        ("10 MB", request(&sign(&large), large.clone()), "body_too_large", "too_large"),
        ("wrong mode", request(&sign(&live), live.clone()), "wrong_mode", "wrong_mode"),
        ("no JSON", request(&sign("hello"), "hello"), "no_event", "no_event"),
        ("no event", request(&sign(r#"{"object":"customer"}"#), r#"{"object":"customer"}"#), "no_event", "no_event"),
        ("half an event", request(&sign(r#"{"object":"event"}"#), r#"{"object":"event"}"#), "no_event", "no_event"),
        ("an odd id", request(&sign(&odd), odd.clone()), "no_event", "no_event"),
    ]
}

/// How often something was refused for `reason` in this process.
fn refused(world: &World, reason: &str) -> u64 {
    let start = format!("purser_webhooks_refused_total{{reason=\"{reason}\"}} ");
    let text = metrics::render(&world.app);
    text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).unwrap_or_else(|| panic!("no {start}"))
}

#[tokio::test]
async fn what_is_not_an_event_of_ours_is_refused_by_name_counted_and_not_stored() {
    for kind in BOTH {
        let world = world(kind).await;
        for (what, request, code, reason) in bad(&world) {
            let before = refused(&world, reason);
            let answer = world.send(request).await;
            assert_eq!((answer.status, answer.error().0.as_str()), (400, code), "{kind:?} {what}: {}", answer.text);
            assert!(refused(&world, reason) > before, "{kind:?} {what} is counted");
        }
        assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_events").await, 0, "{kind:?}");
        assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 0, "{kind:?}");
    }
}

/// Failure 5: an event that was answered is lost. What is bad is refused before any database is asked for it, and what is
/// good is not taken while it cannot be kept.
#[tokio::test]
async fn failure_5_without_a_database_what_is_bad_is_refused_and_what_is_good_is_not_taken() {
    for kind in BOTH {
        let world = world(kind).await;
        world.app.db().close().await;
        for (what, request, code, _) in bad(&world) {
            let answer = world.send(request).await;
            assert_eq!((answer.status, answer.error().0.as_str()), (400, code), "{kind:?} {what}: {}", answer.text);
        }
        let good = event("evt_1", "test.done", "cus_1", CREATED);
        let answer = world.send(signed(&world, &good)).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (503, "database_unavailable"), "{kind:?}");
        let world = world.restarted(FaultPlan::default()).await.acting_on_all();
        assert_eq!(states(&world).await, BTreeMap::new(), "{kind:?}");
        send(&world, &good).await;
        assert_eq!(states(&world).await, BTreeMap::from([("evt_1".to_owned(), (1, 0))]), "{kind:?}");
    }
}

/// Whether it was kept or not when the process went down: Stripe is not told so, and sends it again.
#[tokio::test]
async fn failure_5_a_crash_before_or_after_the_commit_is_not_answered_with_200_and_it_is_kept_once() {
    for kind in BOTH {
        for (point, kept) in [(Point::BeforeCommit, 0), (Point::AfterCommitBeforeAnswer, 1)] {
            let what = format!("{kind:?} {}", point.as_str());
            let world = world(kind).await.restarted(FaultPlan::down_at(point, 1)).await.acting_on_all();
            let good = event("evt_1", "test.done", "cus_1", CREATED);
            let answer = world.send(signed(&world, &good)).await;
            assert_eq!((answer.status, answer.error().0.as_str()), (503, "database_unavailable"), "{what}");
            let world = world.restarted(FaultPlan::default()).await.acting_on_all();
            assert_eq!(states(&world).await.len(), kept, "{what}");
            send(&world, &good).await;
            assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 1, "{what}");
            work_off(&world).await;
            assert_eq!(effects(&world).await, ["evt_1"], "{what}");
            assert_eq!(states(&world).await, BTreeMap::from([("evt_1".to_owned(), (2, 1))]), "{what}");
        }
    }
}

#[tokio::test]
async fn without_a_secret_nothing_is_taken() {
    let world = World::on(Kind::Sqlite).await;
    let answer = world.send(signed(&world, &event("evt_1", "x", "cus_1", CREATED))).await;
    assert_eq!(answer.error().0, "invalid_signature");
    assert!(answer.text.contains("STRIPE_WEBHOOK_SECRET"), "{}", answer.text);
    assert_eq!(states(&world).await.len(), 0);
}

#[tokio::test]
async fn an_address_that_guesses_is_limited_and_stripe_behind_it_is_not() {
    let world = World::with(Kind::Sqlite, |config| {
        config.stripe_webhook_secret = Some(Secret::new(SECRET));
        config.requests_per_address = 2;
    })
    .await;
    let body = event("evt_1", "customer.updated", "cus_1", CREATED);
    let guess = || request(&signature(&world, body.as_bytes(), "whsec_guess", 0), body.clone());
    assert_eq!(world.send(guess()).await.error().0, "invalid_signature");
    assert_eq!(world.send(guess()).await.error().0, "invalid_signature");
    assert_eq!(world.send(guess()).await.error().0, "rate_limited");
    for n in 0..20 {
        send(&world, &event(&format!("evt_{n}"), "customer.updated", "cus_1", CREATED)).await;
    }
}

#[tokio::test]
async fn what_is_sent_many_times_at_once_is_kept_once() {
    for kind in BOTH {
        let world = world(kind).await;
        let bodies: Vec<String> =
            (0..4).map(|n| event(&format!("evt_{n}"), "test.done", &format!("cus_{n}"), CREATED)).collect();
        join_all((0..64).map(|n| send(&world, &bodies[n % 4]))).await;
        assert_eq!(states(&world).await.len(), 4, "{kind:?}");
        assert_eq!(number(&world, "SELECT COUNT(*) FROM stripe_inbox").await, 4, "{kind:?}");
        work_off(&world).await;
        // Once it is done, a late delivery of it wakes nobody.
        send(&world, &bodies[0]).await;
        assert_eq!(work_off(&world).await, 0, "{kind:?}");
        assert_eq!(states(&world).await["evt_0"], (2, 1), "{kind:?}");
    }
}

#[tokio::test]
async fn both_secrets_count_while_one_is_rolled() {
    let world = World::with(Kind::Sqlite, |config| {
        config.stripe_webhook_secret = Some(Secret::new("whsec_old, whsec_new"));
    })
    .await;
    for (n, secret) in ["whsec_old", "whsec_new"].into_iter().enumerate() {
        let body = event(&format!("evt_{n}"), "customer.updated", "cus_1", CREATED);
        let answer = world.send(request(&signature(&world, body.as_bytes(), secret, 0), body.clone())).await;
        assert_eq!(answer.status, 200, "{secret}: {}", answer.text);
    }
    assert_eq!(states(&world).await.len(), 2);
}

#[tokio::test]
async fn without_a_key_events_of_both_modes_are_kept_with_theirs() {
    let world = World::with(Kind::Sqlite, |config| config.stripe_webhook_secret = Some(Secret::new(SECRET))).await;
    let test = event("evt_test", "customer.updated", "cus_1", CREATED);
    let live = event("evt_live", "customer.updated", "cus_1", CREATED);
    let live = live.replace(r#""livemode":false"#, r#""livemode":true"#);
    send(&world, &test).await;
    send(&world, &live).await;
    assert_eq!(shown(&world, "evt_test").await["livemode"], false);
    assert_eq!(shown(&world, "evt_live").await["livemode"], true);
}

#[tokio::test]
async fn whole_and_thin_events_are_kept_byte_for_byte_with_nobody_working() {
    for kind in BOTH {
        let world = world(kind).await;
        let whole = event("evt_1", "customer.updated", "cus_1", CREATED);
        let spaced = format!(" {}\n", whole.replace("evt_1", "evt_2"));
        let thin = json!({
            "id": "evt_test_3", "object": "v2.core.event", "created": "2026-11-21T03:00:00.000Z", "livemode": false,
            "type": "v1.billing.meter.error_report_triggered",
            "related_object": { "id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1" },
        })
        .to_string();
        for body in [&whole, &spaced, &thin] {
            send(&world, body).await;
        }
        for (id, body) in [("evt_1", &whole), ("evt_2", &spaced), ("evt_test_3", &thin)] {
            let event = shown(&world, id).await;
            assert_eq!(event["payload"], json!(body), "{kind:?}");
            assert_eq!((&event["state"], &event["attempts"]), (&json!("waiting"), &json!(0)), "{kind:?}");
            assert_eq!(event["created_at"], "2026-11-21T03:00:00Z", "{kind:?}");
        }
        let (whole, thin) = (shown(&world, "evt_1").await, shown(&world, "evt_test_3").await);
        let names = ["thin", "object_kind", "object_id", "subject", "api_version"];
        let said = |event: &Value| Value::from(names.map(|name| event[name].clone()).to_vec());
        let expected = json!([false, "customer", "cus_1", "customer:cus_1", "2026-10-28.endive"]);
        assert_eq!(said(&whole), expected, "{kind:?}");
        let expected = json!([true, "billing.meter", "mtr_1", "billing.meter:mtr_1", null]);
        assert_eq!(said(&thin), expected, "{kind:?}");
    }
}
