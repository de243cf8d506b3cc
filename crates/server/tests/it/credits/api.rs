//! The routes of credits: the shapes of their answers, lists page by page, CSV, and keys that come again.

use super::world::{Answer, World, both, merge, micros};
use axum::{body::Body, http::header};
use purser::platform::db::Kind;
use serde_json::{Value, json};

both! {
    answers_have_their_documented_shapes
    the_ledger_is_listed_filtered_and_written_as_csv
    a_key_with_another_request_names_the_field
    one_is_one_however_it_is_written
    a_replay_outlives_what_it_names
}

/// The names of an object's fields, sorted.
fn fields(value: &Value) -> String {
    let mut names: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}

const BALANCE: &str = "available by_source customer_id debt grants held more_grants next_expiry object renews_at unit";
const BALANCE_GRANT: &str = "effective_at expires_at granted held id priority remaining source_kind";
const CONSUMPTION: &str = "balance consumed customer_id grants hold_id id late object overflow replayed requested unit";
const GRANT: &str = "created_at customer_id effective_at expired expires_at granted held id metadata object priority \
     remaining revoked source_id source_kind spent unit";
const HOLD: &str =
    "amount captured created_at customer_id expires_at grants id metadata mode object state unit user_id";

const ENTRY: &str = "amount at cause_id cause_kind grant_id hash id kind metadata_digest object request_id seq \
     subject terms_digest user_digest";

async fn answers_have_their_documented_shapes(kind: Kind) {
    let world = World::new(kind).await;
    let body = json!({ "amount": "10.5", "source_id": "a", "source_kind": "promotion", "metadata": { "a": [1] } });
    let given = world.post("/customers/team/grants", &body).await.ok();
    let with = |names: &str, more: &[&str]| {
        let mut names: Vec<&str> = names.split_whitespace().chain(more.iter().copied()).collect();
        names.sort_unstable();
        names.join(" ")
    };
    assert_eq!(fields(&given), with(GRANT, &["balance", "replayed"]));
    assert_eq!(
        (&given["object"], &given["metadata"], &given["priority"]),
        (&json!("grant"), &json!({ "a": [1] }), &json!(20))
    );
    let answer = world.spend("team", "0.1", "k").await;
    let spent = answer.ok();
    assert_eq!((fields(&spent), fields(&spent["balance"])), (CONSUMPTION.into(), BALANCE.into()));
    assert_eq!(fields(&spent["grants"][0]), "amount grant_id");
    assert!(
        answer.text.contains("\"consumed\":0.1,") && answer.text.contains("\"available\":10.4,"),
        "{}",
        answer.text
    );
    let balance = world.balance("team").await;
    assert_eq!((fields(&balance), fields(&balance["grants"][0])), (BALANCE.into(), BALANCE_GRANT.into()));
    assert_eq!(balance["by_source"], json!({ "promotion": 10.4 }));
    assert_eq!(balance, spent["balance"], "what a spend answers is what every later read shows");
    let asked = json!({ "customer_id": "team", "amount": 1, "idempotency_key": "h" });
    let held = world.post("/holds", &asked).await.ok();
    assert_eq!(fields(&held), with(HOLD, &["balance", "replayed"]));
    let path = format!("/holds/{}", held["id"].as_str().expect("an id"));
    assert_eq!(fields(&world.get(&path).await.ok()), with(HOLD, &[]));
    let captured = world.post(&format!("{path}/capture"), &json!({})).await.ok();
    assert_eq!((fields(&captured), &captured["hold_id"]), (CONSUMPTION.into(), &held["id"]));
    let path = format!("/consumptions/{}/return", captured["id"].as_str().expect("an id"));
    let back = world.post(&path, &json!({ "idempotency_key": "r" })).await.ok();
    let returned = "balance consumption_id customer_id grants object overflow replayed returned returned_total unit";
    assert_eq!((fields(&back), micros(&back["returned"])), (returned.into(), 1_000_000));
    world.post(&path, &json!({ "idempotency_key": "r2" })).await.refused(409, "return_exceeds_spend");
    let adjusted = world.post("/customers/team/adjust", &json!({ "amount": -1, "idempotency_key": "a" })).await.ok();
    assert_eq!(fields(&adjusted), "amount balance customer_id object replayed unit");
    let check = world.post("/check", &json!({ "customer_id": "team", "amount": 999 })).await.ok();
    assert_eq!(fields(&check), "allowed balance limit object reason resets_at upgrade used".replace("object ", ""));
    assert_eq!((&check["allowed"], &check["reason"]), (&json!(false), &json!("insufficient_credits")));
    let error = world.spend("team", "999", "x").await.refused(402, "insufficient_credits");
    assert_eq!(fields(&error), "available code doc_url message needed param request_id type");
    let before = world.counts().await;
    world.post("/check", &json!({ "customer_id": "nobody", "amount": 1 })).await.refused(404, "unknown_customer");
    world.get("/customers/nobody/balance").await.refused(404, "unknown_customer");
    assert_eq!(world.counts().await, before, "reads and checks create nobody");
    world.proved().await;
}

/// Every entry of a listing, page by page.
async fn entries(world: &World, filter: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/customers/team/ledger?limit=7{filter}{after}")).await.ok();
        assert_eq!(fields(&page), "data has_more object");
        all.extend(page["data"].as_array().expect("a page").iter().cloned());
        if page["has_more"] == false {
            return all;
        }
        after = format!("&starting_after={}", all.last().expect("entries")["id"].as_str().expect("an id"));
    }
}

async fn the_ledger_is_listed_filtered_and_written_as_csv(kind: Kind) {
    let world = World::new(kind).await;
    let grant = world.give("team", "30", &json!({ "priority": 1 })).await["id"].as_str().expect("an id").to_owned();
    world.give("team", "30", &json!({ "priority": 2 })).await;
    for at in 0..50 {
        world.advance(60);
        world.spend("team", "1", &format!("k{at}")).await.ok();
    }
    let all = entries(&world, "").await;
    let numbers: Vec<u64> = all.iter().map(|entry| entry["seq"].as_u64().expect("a number")).collect();
    assert_eq!(numbers, (1..=52).rev().collect::<Vec<_>>(), "newest first, none twice, none left out");
    assert_eq!(fields(&all[0]), ENTRY);
    assert_eq!((&all[0]["cause_kind"], &all[0]["cause_id"]), (&json!("api"), &json!("bootstrap")));
    assert_eq!(entries(&world, "&kind=grant").await.len(), 2);
    assert_eq!(entries(&world, &format!("&kind=spend&grant={grant}")).await.len(), 30);
    let (from, to) = (world.now().plus_seconds(-600), world.now().plus_seconds(-300));
    let within = entries(&world, &format!("&from={from}&to={to}")).await;
    assert_eq!(within.len(), 5, "from is in, to is out");
    assert!(within.iter().all(|entry| entry["at"].as_str() >= Some(&*from.to_string())));
    for (query, param) in [
        ("kind=nonsense", "kind"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("from=soon", "from"),
        ("what=1", "what"),
        ("starting_after=x", "starting_after"),
    ] {
        let refused = world.get(&format!("/customers/team/ledger?{query}")).await;
        assert_eq!(
            (refused.status, &refused.json()["error"]["param"]),
            (400, &json!(param)),
            "{query}: {}",
            refused.text
        );
    }
    world.get("/customers/team/ledger?grant=x").await.refused(404, "unknown_grant");
    let mut request = world.request("GET", "/customers/team/ledger", Body::empty());
    request.headers_mut().insert(header::ACCEPT, "text/csv".parse().expect("a header"));
    let csv = world.send(request).await;
    assert_eq!((csv.status, csv.kind.as_str()), (200, "text/csv; charset=utf-8"));
    let lines: Vec<&str> = csv.text.lines().collect();
    let heads: Vec<&str> = lines[0].split(',').collect();
    assert_eq!(lines.len(), 53);
    for (line, entry) in lines[1..].iter().zip(&all) {
        for (head, cell) in heads.iter().zip(line.split(',')) {
            let shown = match &entry[head] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(cell, shown, "{head}");
        }
        assert_eq!(heads.len() + 1, fields(entry).split(' ').count(), "every field but `object`");
    }
}

/// A write and, for each field, another value.
type Route = (&'static str, Value, &'static [(&'static str, &'static str)]);

/// Every write with a key: its path with `{hold}` and the like, a body, and another value of each field.
fn routes() -> [Route; 8] {
    [
        (
            "/consume",
            json!({ "customer_id": "team", "amount": 1, "user_id": "u", "metadata": { "a": 1 } }),
            &[
                ("amount", "2"),
                ("unit", r#""tokens""#),
                ("mode", r#""partial""#),
                ("user_id", r#""v""#),
                ("metadata", r#"{"a":2}"#),
                ("occurred_at", r#""2026-11-21T03:59:00Z""#),
            ],
        ),
        (
            "/holds",
            json!({ "customer_id": "team", "amount": 1, "metadata": { "a": 1 } }),
            &[
                ("amount", "2"),
                ("unit", r#""tokens""#),
                ("mode", r#""partial""#),
                ("expires_in", "60"),
                ("user_id", r#""v""#),
                ("metadata", r#"{"a":2}"#),
            ],
        ),
        (
            "/holds/{hold}/capture",
            json!({ "amount": 1, "metadata": { "a": 1 } }),
            &[("amount", "2"), ("metadata", r#"{"a":2}"#)],
        ),
        (
            "/customers/team/grants",
            json!({ "amount": 1, "metadata": { "a": 1 } }),
            &[
                ("amount", "2"),
                ("unit", r#""tokens""#),
                ("source_kind", r#""promotion""#),
                ("source_id", r#""s""#),
                ("priority", "7"),
                ("effective_at", r#""2027-01-01T00:00:00Z""#),
                ("expires_at", r#""2028-01-01T00:00:00Z""#),
                ("metadata", r#"{"a":2}"#),
            ],
        ),
        ("/grants/{grant}/revoke", json!({ "amount": 1, "reason": "one" }), &[("amount", "2"), ("reason", r#""two""#)]),
        (
            "/customers/team/adjust",
            json!({ "amount": 1 }),
            &[
                ("amount", "-1"),
                ("unit", r#""tokens""#),
                ("expires_at", r#""2028-01-01T00:00:00Z""#),
                ("reason", r#""two""#),
            ],
        ),
        ("/consumptions/{consumption}/return", json!({ "amount": 1 }), &[("amount", "2")]),
        (
            "/customers/team/debt/forgive",
            json!({ "reason": "one" }),
            &[("amount", "1"), ("unit", r#""tokens""#), ("reason", r#""two""#)],
        ),
    ]
}

/// A path with what it names made anew.
async fn fill(world: &World, path: &str, key: &str) -> String {
    let id = |of: Value| of["id"].as_str().expect("an id").to_owned();
    if path.contains("{hold}") {
        let body = json!({ "customer_id": "team", "amount": 5, "idempotency_key": format!("for {key}") });
        return path.replace("{hold}", &id(world.post("/holds", &body).await.ok()));
    }
    if path.contains("{grant}") {
        return path.replace("{grant}", &id(world.give("team", "5", &json!({})).await));
    }
    if path.contains("{consumption}") {
        return path.replace("{consumption}", &id(world.spend("team", "5", &format!("for {key}")).await.ok()));
    }
    path.to_owned()
}

async fn a_key_with_another_request_names_the_field(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "1000", &json!({})).await;
    world.give("team", "1000", &json!({ "unit": "tokens" })).await;
    for (at, (path, body, changes)) in routes().into_iter().enumerate() {
        let key = format!("key-{at}");
        let path = fill(&world, path, &key).await;
        let mut body = body;
        body["idempotency_key"] = json!(key);
        let first = world.post(&path, &body).await.ok();
        assert_eq!(first["replayed"], false, "{path}");
        let before = world.counts().await;
        for (field, value) in changes {
            let mut other = body.clone();
            other[*field] = serde_json::from_str(value).expect("JSON");
            let refused = world.post(&path, &other).await.refused(409, "idempotency_mismatch");
            assert_eq!(refused["param"], *field, "{path}");
            if body.get(*field).is_some() && *field != "customer_id" && *field != "amount" {
                let mut without = body.clone();
                without.as_object_mut().expect("an object").remove(*field);
                let refused = world.post(&path, &without).await.refused(409, "idempotency_mismatch");
                assert_eq!(refused["param"], *field, "{path}: left out");
            }
        }
        // One space of keys for all routes.
        let elsewhere = if path == "/consume" { "/holds" } else { "/consume" };
        let other = json!({ "customer_id": "team", "amount": 1, "idempotency_key": key });
        let refused = world.post(elsewhere, &other).await.refused(409, "idempotency_mismatch");
        assert_eq!(refused["param"], "idempotency_key");
        // The header is the same key, and another customer's is another.
        let mut bare = body.clone();
        bare.as_object_mut().expect("an object").remove("idempotency_key");
        let mut request = world.request("POST", &path, bare.to_string());
        request.headers_mut().insert("idempotency-key", key.parse().expect("a header"));
        let again = world.send(request).await.ok();
        let mut expected = first;
        merge(&mut expected, &json!({ "replayed": true }));
        assert_eq!(again, expected, "{path}");
        assert_eq!(world.counts().await, before, "{path}: nothing more is written");
    }
    world.give("other", "5", &json!({})).await;
    assert_eq!(world.spend("other", "1", "key-0").await.ok()["replayed"], false);
    world.proved().await;
}

async fn one_is_one_however_it_is_written(kind: Kind) {
    let world = World::new(kind).await;
    world.give("team", "10", &json!({})).await;
    let send = |amount: &'static str| {
        let body = format!(r#"{{"customer_id":"team","amount":{amount},"idempotency_key":"k"}}"#);
        let request = world.request("POST", "/consume", body);
        async { world.send(request).await }
    };
    let first = send("1").await.ok();
    for same in ["1", "1.0", "\"1\"", "1.000000", "\"1.0\"", " 1 "] {
        let again: Answer = send(same).await;
        assert_eq!((&again.ok()["id"], &again.ok()["replayed"]), (&first["id"], &json!(true)), "{same}");
    }
    send("1.000001").await.refused(409, "idempotency_mismatch");
    assert_eq!(world.available("team").await, 9_000_000);
    // A refusal is not remembered: the same key may succeed later.
    world.spend("team", "12", "later").await.refused(402, "insufficient_credits");
    world.give("team", "3", &json!({})).await;
    assert_eq!(world.spend("team", "12", "later").await.ok()["replayed"], false);
    world.proved().await;
}

/// A write that was in time is answered again, however long ago the instants it names are by then.
async fn a_replay_outlives_what_it_names(kind: Kind) {
    let world = World::new(kind).await;
    let soon = world.now().plus_seconds(60).to_string();
    let long_ago = world.now().plus_seconds(-30 * 86_400).to_string();
    let writes = [
        ("/customers/team/grants", json!({ "amount": 5, "expires_at": soon, "idempotency_key": "g" })),
        ("/customers/team/adjust", json!({ "amount": 5, "expires_at": soon, "idempotency_key": "a" })),
        ("/consume", json!({ "customer_id": "team", "amount": 1, "occurred_at": long_ago, "idempotency_key": "s" })),
        ("/holds", json!({ "customer_id": "team", "amount": 1, "expires_in": 5, "idempotency_key": "h" })),
    ];
    for (path, body) in &writes {
        assert_eq!(world.post(path, body).await.ok()["replayed"], false);
    }
    world.advance(30 * 86_400);
    for (path, mut body) in writes {
        assert_eq!(world.post(path, &body).await.ok()["replayed"], true, "{path}");
        // The same under a new key comes too late.
        body["idempotency_key"] = json!(format!("new {path}"));
        let late = world.post(path, &body).await;
        match path {
            "/holds" => drop(late.refused(402, "insufficient_credits")),
            "/consume" => assert_eq!(late.refused(400, "invalid_field")["param"], "occurred_at"),
            _ => assert_eq!(late.refused(400, "invalid_field")["param"], "expires_at"),
        }
    }
    world.proved().await;
}
