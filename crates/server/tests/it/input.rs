//! Bad input: refused with the right code and the field's name, and nothing is written.

use crate::world::{ADMIN, BOTH, Kind, World};
use axum::{
    body::Body,
    http::{Request, header},
};

/// A body that must be refused, with the code and the field.
type Case = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>);

const CUSTOMER: &str = "/api/v1/customers/bad";
const KEYS: &str = "/api/v1/admin/keys";

const CASES: &[Case] = &[
    ("PUT", CUSTOMER, "", "unsupported_content_type", Some("Content-Type")),
    ("PUT", CUSTOMER, " ", "invalid_json", None),
    ("PUT", CUSTOMER, "{", "invalid_json", None),
    ("PUT", CUSTOMER, "{}x", "invalid_json", None),
    ("PUT", CUSTOMER, "[]", "invalid_json", None),
    ("PUT", CUSTOMER, "null", "invalid_json", None),
    ("PUT", CUSTOMER, r#"{"nam":"x"}"#, "unknown_field", Some("nam")),
    ("PUT", CUSTOMER, r#"{"name":"x","name":"y"}"#, "duplicate_field", Some("name")),
    ("PUT", CUSTOMER, r#"{"name":1}"#, "invalid_field", Some("name")),
    ("PUT", CUSTOMER, r#"{"name":""}"#, "invalid_field", Some("name")),
    ("PUT", CUSTOMER, r#"{"name":{"x":1}}"#, "invalid_field", Some("name")),
    ("PUT", CUSTOMER, r#"{"name":"a\u0000b"}"#, "invalid_field", Some("name")),
    ("PUT", CUSTOMER, r#"{"name":"\ud800"}"#, "invalid_field", Some("name")),
    ("PUT", CUSTOMER, r#"{"email":"nobody"}"#, "invalid_field", Some("email")),
    ("PUT", CUSTOMER, r#"{"email":"a@b@c"}"#, "invalid_field", Some("email")),
    ("PUT", CUSTOMER, r#"{"email":"a @b"}"#, "invalid_field", Some("email")),
    ("PUT", CUSTOMER, r#"{"email":7}"#, "invalid_field", Some("email")),
    ("PUT", CUSTOMER, r#"{"stripe_customer_id":[]}"#, "invalid_field", Some("stripe_customer_id")),
    ("PUT", CUSTOMER, r#"{"stripe_customer_id":"\u0000"}"#, "invalid_field", Some("stripe_customer_id")),
    ("PUT", CUSTOMER, r#"{"time_zone":"Mars/Olympus"}"#, "invalid_field", Some("time_zone")),
    ("PUT", CUSTOMER, r#"{"time_zone":"europe/berlin"}"#, "invalid_field", Some("time_zone")),
    ("PUT", CUSTOMER, r#"{"time_zone":0}"#, "invalid_field", Some("time_zone")),
    ("PUT", CUSTOMER, r#"{"metadata":[]}"#, "invalid_field", Some("metadata")),
    ("PUT", CUSTOMER, r#"{"metadata":"x"}"#, "invalid_field", Some("metadata")),
    ("PUT", CUSTOMER, r#"{"metadata":{"a":"\u0000"}}"#, "invalid_field", Some("metadata")),
    ("PUT", CUSTOMER, r#"{"metadata":{"\u0000":1}}"#, "invalid_field", Some("metadata")),
    ("PUT", CUSTOMER, r#"{"metadata":{"a":1,"a":2}}"#, "invalid_field", Some("metadata")),
    ("PUT", CUSTOMER, r#"{"metadata":{"a":{"b":{"c":{"d":{}}}}}}"#, "invalid_field", Some("metadata")),
    ("PUT", CUSTOMER, r#"{"overage_allowed":"yes"}"#, "invalid_field", Some("overage_allowed")),
    ("PUT", CUSTOMER, r#"{"overage_allowed":1}"#, "invalid_field", Some("overage_allowed")),
    ("PUT", "/api/v1/customers/a%20b", "{}", "invalid_field", Some("id")),
    ("PUT", "/api/v1/customers/%00", "{}", "invalid_field", Some("id")),
    ("PUT", "/api/v1/customers/%ff", "{}", "invalid_field", Some("path")),
    ("POST", "/api/v1/consume/batch", r#"{"items":[["acme",1]]}"#, "invalid_field", Some("items[0]")),
    (
        "POST",
        "/api/v1/consume/batch",
        r#"{"items":[{"customer_id":"a","amount":"x"}]}"#,
        "invalid_field",
        Some("items[0].amount"),
    ),
    ("POST", "/api/v1/consume", r#"{"customer_id":"a","amount":1.0000001}"#, "amount_too_precise", Some("amount")),
    ("POST", KEYS, "{}", "missing_field", Some("name")),
    ("POST", KEYS, r#"{"name":"x"}"#, "missing_field", Some("role")),
    ("POST", KEYS, r#"{"name":"x","role":"king"}"#, "invalid_field", Some("role")),
    ("POST", KEYS, r#"{"name":"x","role":null}"#, "invalid_field", Some("role")),
    ("POST", KEYS, r#"{"name":null,"role":"read"}"#, "invalid_field", Some("name")),
    ("POST", KEYS, r#"{"name":"x\u0000","role":"read"}"#, "invalid_field", Some("name")),
    ("POST", KEYS, r#"{"name":"x","role":"read","expires_at":"soon"}"#, "invalid_field", Some("expires_at")),
    ("POST", KEYS, r#"{"name":"x","role":"read","expires_at":9}"#, "invalid_field", Some("expires_at")),
    ("POST", KEYS, r#"{"name":"x","role":"read","x":9}"#, "unknown_field", Some("x")),
    ("POST", "/api/v1/admin/keys/key_1/revoke", "", "invalid_field", Some("id")),
    ("GET", "/api/v1/customers?limit=0", "", "invalid_field", Some("limit")),
    ("GET", "/api/v1/customers?limit=101", "", "invalid_field", Some("limit")),
    ("GET", "/api/v1/customers?limit=-1", "", "invalid_field", Some("limit")),
    ("GET", "/api/v1/customers?limit=", "", "invalid_field", Some("limit")),
    ("GET", "/api/v1/customers?limit=99999999999999999999", "", "invalid_field", Some("limit")),
    ("GET", "/api/v1/customers?limit=1&limit=1", "", "duplicate_field", Some("limit")),
    ("GET", "/api/v1/customers?limits=1", "", "unknown_field", Some("limits")),
    ("GET", "/api/v1/customers?starting_after=%00", "", "invalid_field", Some("starting_after")),
    ("GET", "/api/v1/customers?starting_after=%ff", "", "invalid_field", Some("starting_after")),
    ("GET", "/api/v1/customers?starting_after=%zz", "", "invalid_field", Some("starting_after")),
    ("GET", "/api/v1/admin/keys?starting_after=x", "", "invalid_field", Some("starting_after")),
    ("GET", "/api/v1/admin/audit?from=yesterday", "", "invalid_field", Some("from")),
    ("GET", "/api/v1/admin/audit?action=", "", "invalid_field", Some("action")),
];

/// How many rows the tables hold that bad input might have written.
async fn rows(world: &World) -> i64 {
    let sql =
        "SELECT (SELECT COUNT(*) FROM customers) + (SELECT COUNT(*) FROM api_keys) + (SELECT COUNT(*) FROM audit) AS n";
    let read = world.app.db().read(move |tx| tx.first(sql, vec![])).await;
    let row: Result<_, purser::platform::db::DbError> = read;
    row.unwrap().unwrap().i64(0).unwrap()
}

#[tokio::test]
async fn bad_input_is_refused_by_name_and_writes_nothing() {
    for kind in BOTH {
        let world = World::on(kind).await;
        for (method, path, body, code, param) in CASES {
            let answer = world.ask(ADMIN, method, path, *body).await;
            assert_eq!(answer.status, 400, "{method} {path} {body}: {}", answer.text);
            let (said, about) = answer.error();
            assert_eq!((said.as_str(), about.as_deref()), (*code, *param), "{method} {path} {body}: {}", answer.text);
            let error = &answer.json()["error"];
            assert_eq!(error["type"], "invalid_request");
            assert_eq!(error["doc_url"], format!("http://purser.test/docs/errors#{code}"));
            assert_eq!(error["request_id"], answer.headers["request-id"].to_str().unwrap());
        }
        assert_eq!(rows(&world).await, 0);
    }
}

#[tokio::test]
async fn sizes_depths_and_encodings_have_their_limits() {
    let world = World::on(Kind::Sqlite).await;
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let over = "x".repeat(201);
    for (body, code, param) in [
        (format!(r#"{{"metadata":{}}}"#, deep(1_000)).into_bytes(), "invalid_json", None),
        (deep(100_000).into_bytes(), "invalid_json", None),
        (vec![b' '; 10 << 20], "body_too_large", None),
        (b"{\"name\":\"\xff\"}".to_vec(), "invalid_json", None),
        (format!(r#"{{"name":"{over}"}}"#).into_bytes(), "invalid_field", Some("name")),
        (format!(r#"{{"email":"{over}@{over}"}}"#).into_bytes(), "invalid_field", Some("email")),
        (format!(r#"{{"metadata":{{"a":"{}"}}}}"#, "x".repeat(5_000)).into_bytes(), "invalid_field", Some("metadata")),
    ] {
        let answer = world.ask(ADMIN, "PUT", CUSTOMER, body).await;
        let (said, about) = answer.error();
        assert_eq!((answer.status, said.as_str(), about.as_deref()), (400, code, param), "{}", answer.text);
    }
    let many: Vec<String> = (0..51).map(|n| format!("\"k{n}\":1")).collect();
    let answer = world.ask(ADMIN, "PUT", CUSTOMER, format!(r#"{{"metadata":{{{}}}}}"#, many.join(","))).await;
    assert_eq!(answer.error(), ("invalid_field".into(), Some("metadata".into())));
    let long = world.ask(ADMIN, "PUT", &format!("/api/v1/customers/{}", "x".repeat(129)), "{}").await;
    assert_eq!(long.error(), ("invalid_field".into(), Some("id".into())));
    assert_eq!(rows(&world).await, 0);
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = World::on(Kind::Sqlite).await;
    for (kind, fits) in [
        ("application/json", true),
        ("application/json; charset=utf-8", true),
        ("application/json; charset=latin1", false),
        ("text/plain", false),
        ("application/x-www-form-urlencoded", false),
    ] {
        let request = Request::builder()
            .method("PUT")
            .uri(CUSTOMER)
            .header(header::AUTHORIZATION, format!("Bearer {ADMIN}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from("{}"))
            .unwrap();
        assert_eq!(world.send(request).await.status == 200, fits, "{kind}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_in_our_shape() {
    let world = World::on(Kind::Sqlite).await;
    let nothing = world.ask(ADMIN, "GET", "/api/v1/nothing", "").await;
    assert_eq!((nothing.status, nothing.error().0.as_str()), (404, "unknown_route"));
    let wrong = world.ask(ADMIN, "PATCH", "/api/v1/customers", "").await;
    assert_eq!((wrong.status, wrong.error().0.as_str()), (405, "method_not_allowed"));
    assert_eq!(wrong.headers["allow"], "GET,HEAD");
    let ready = world.ask("", "GET", "/readyz", "").await;
    assert_eq!((ready.status, ready.text.as_str()), (200, "ready\n"));
    assert_eq!(world.ask("", "GET", "/healthz", "").await.status, 200);
    assert_eq!(world.ask("", "GET", "/metrics", "").await.status, 401);
    assert!(world.ask(ADMIN, "GET", "/metrics", "").await.text.contains("purser_http_requests_total"));
}

#[tokio::test]
async fn the_document_and_its_pages_load_nothing_from_elsewhere() {
    let world = World::on(Kind::Sqlite).await;
    let document = world.ask("", "GET", "/api/v1/openapi.json", "").await.json();
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    assert!(document["paths"]["/api/v1/customers/{id}"]["put"].is_object());
    for path in ["/docs/", "/docs/errors"] {
        let page = world.ask("", "GET", path, "").await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains("https://") && !page.text.contains("//cdn"), "{path}");
        assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    }
    let errors = world.ask("", "GET", "/docs/errors", "").await.text;
    for code in purser::platform::error::Code::ALL {
        assert!(errors.contains(&format!("id=\"{}\"", code.as_str())), "{}", code.as_str());
    }
}
