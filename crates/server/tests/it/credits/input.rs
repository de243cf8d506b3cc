//! Bad input to the routes of credits: the right 4xx about the right field, and nothing is written.

use super::world::{World, both};
use axum::http::header;
use purser::platform::db::Kind;
use serde_json::{Value, json};

both! { each_field_of_each_write whole_bodies }

const AMOUNT: &[&str] =
    &["null", "true", "[]", "{}", "\"\"", "\"x\"", "-1", "0", "1.0000001", "1e400", "1000000000", "\"1\\u0000\""];
const TEXT: &[&str] = &["1", "true", "[]", "{}", "\"a\\u0000b\"", "\"\\ud800\""];
// A number is a customer's id too, taken as text.
const NAME: &[&str] = &["true", "[]", "{}", "\"\"", "\"a b\"", "\"a\\u0000b\"", "\"\\ud800\""];
const TIME: &[&str] = &["1", "\"\"", "\"soon\"", "\"2026-13-01T00:00:00Z\"", "\"2026-02-30T00:00:00Z\"", "[]"];

/// Fields, each with values it does not take.
type Fields = &'static [(&'static str, &'static [&'static str])];

/// The writes: a path, a body that would do, and its fields.
fn writes() -> [(&'static str, Value, Fields); 4] {
    [
        (
            "/consume",
            json!({ "customer_id": "team", "amount": 1, "idempotency_key": "k" }),
            &[
                ("customer_id", NAME),
                ("amount", AMOUNT),
                ("unit", TEXT),
                ("mode", &["\"all\"", "1"]),
                ("user_id", TEXT),
                ("metadata", &["1", "\"x\"", "[]", "{\"a\":\"\\u0000\"}"]),
                ("occurred_at", TIME),
                ("idempotency_key", TEXT),
            ],
        ),
        (
            "/holds",
            json!({ "customer_id": "team", "amount": 1, "idempotency_key": "k" }),
            &[
                ("customer_id", NAME),
                ("amount", AMOUNT),
                ("unit", TEXT),
                ("mode", &["\"all\"", "1"]),
                ("user_id", TEXT),
                ("expires_in", &["0", "-1", "86401", "1.5", "\"60\"", "99999999999999999999"]),
            ],
        ),
        (
            "/customers/team/grants",
            json!({ "amount": 1, "source_id": "s" }),
            &[
                ("amount", AMOUNT),
                ("unit", TEXT),
                ("source_kind", &["\"subscription\"", "\"topup\"", "1"]),
                ("source_id", TEXT),
                ("priority", &["-1", "1001", "1.5", "\"7\""]),
                ("effective_at", TIME),
                ("expires_at", TIME),
            ],
        ),
        (
            "/customers/team/adjust",
            json!({ "amount": 1, "idempotency_key": "k" }),
            &[
                ("amount", &["null", "true", "\"\"", "0", "1.0000001", "-1000000000"]),
                ("unit", TEXT),
                ("expires_at", TIME),
                ("reason", TEXT),
            ],
        ),
    ]
}

async fn each_field_of_each_write(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "100", &json!({})).await;
    let before = world.counts().await;
    for (path, body, fields) in writes() {
        for (field, values) in fields {
            for value in *values {
                let mut rest = body.clone();
                rest.as_object_mut().expect("an object").remove(*field);
                let rest = rest.to_string();
                let comma = if rest == "{}" { "" } else { "," };
                // As text, so that what is no JSON for serde_json can be sent too.
                let text = format!("{{\"{field}\":{value}{comma}{}", &rest[1..]);
                let answer = world.send(world.request("POST", path, text.clone())).await;
                let error = &answer.json()["error"];
                assert_eq!((answer.status, error["type"].as_str()), (400, Some("invalid_request")), "{path} {text}");
                let param = error["param"].as_str().unwrap_or_default();
                assert!(param.starts_with(field) || error["code"] == "invalid_json", "{path} {text}: {}", answer.text);
            }
            let mut twice = body.clone();
            twice[*field] = json!("x");
            let text = format!("{{\"{field}\":1,{}", &twice.to_string()[1..]);
            let answer = world.send(world.request("POST", path, text)).await;
            assert_eq!(answer.status, 400, "{path}: {field} twice");
        }
        for name in body.as_object().expect("an object").keys().filter(|name| *name != "source_id") {
            let mut without = body.clone();
            without.as_object_mut().expect("an object").remove(name);
            let missing = world.post(path, &without).await;
            assert_eq!(
                (missing.status, missing.json()["error"]["param"].as_str()),
                (400, Some(name.as_str())),
                "{path}"
            );
        }
        let mut more = body;
        more["nonsense"] = json!(1);
        let unknown = world.post(path, &more).await.refused(400, "unknown_field");
        assert_eq!(unknown["param"], "nonsense");
    }
    assert_eq!(world.counts().await, before, "nothing was written");
}

async fn whole_bodies(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "100", &json!({})).await;
    let before = world.counts().await;
    let deep = format!(
        "{{\"customer_id\":\"team\",\"amount\":1,\"metadata\":{}1{}}}",
        "{\"a\":".repeat(9_000),
        "}".repeat(9_000)
    );
    let huge = format!("{{\"customer_id\":\"{}\"}}", "x".repeat(10_000_000));
    let bodies: [Vec<u8>; 8] = [
        b"".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{\"customer_id\":\"\xff\"}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        deep.into_bytes(),
        huge.into_bytes(),
    ];
    for (path, ..) in writes() {
        for body in &bodies {
            let answer = world.send(world.request("POST", path, body.clone())).await;
            let kind = answer.json()["error"]["type"].clone();
            assert_eq!((answer.status, kind), (400, json!("invalid_request")), "{path} {} bytes", body.len());
        }
        let mut request = world.request("POST", path, "{}");
        request.headers_mut().insert(header::CONTENT_TYPE, "text/plain".parse().expect("a header"));
        world.send(request).await.refused(400, "unsupported_content_type");
    }
    assert_eq!(world.counts().await, before, "nothing was written");
}
