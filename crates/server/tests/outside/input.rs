//! Bad input on every route of the API's own description: a 4xx that names the field, and nothing written.

use crate::{
    client::{Answer, Client},
    server::Start,
    store::{Kind, Store, on_both},
};
use serde_json::{Map, Value, json};

on_both!(every_field_of_every_body, every_body_as_a_whole, every_parameter, unknown_paths_and_methods);

/// One operation that takes a body.
struct Operation {
    method: String,
    path: String,
    /// The body's fields, each with its schema.
    fields: Map<String, Value>,
    required: Vec<String>,
    /// Whether it may come without a body.
    optional: bool,
}

/// A server with something to refer to, and its API's description.
struct World {
    store: Store,
    client: Client,
    api: Value,
    /// Values for the parameters of paths.
    names: Vec<(&'static str, String)>,
    _server: crate::server::Server,
}

impl World {
    fn new(kind: Kind) -> Self {
        let store = Store::new(kind);
        let server = Start::on(&store).env("PURSER_DEFAULT_PRICE_BOOK", true).serve();
        let client = server.client();
        let api = client.get("/openapi.json").expect(200);
        let grant = client.grant("acme", 100, "first");
        let hold = client
            .post("/holds", &json!({"customer_id": "acme", "amount": 5, "expires_in": 3600, "idempotency_key": "h"}));
        let spend = client.post("/consume", &json!({"customer_id": "acme", "amount": 5, "idempotency_key": "c"}));
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        // Of the default price book.
        let first = |path: &str| id(&client.get(path).expect(200)["data"][0]);
        let names = vec![
            ("/holds/", id(&hold.json())),
            ("/consumptions/", id(&spend.json())),
            ("/grants/", id(&grant)),
            ("/customers/", "acme".to_owned()),
            ("/subscription-plans/", first("/admin/subscription-plans")),
            ("/top-up-plans/", first("/admin/top-up-plans")),
        ];
        Self { store, client, api, names, _server: server }
    }

    /// Every operation with a JSON body, from the description.
    fn operations(&self) -> Vec<Operation> {
        let mut found = Vec::new();
        for (path, item) in self.api["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let schema = self.resolve(&operation["requestBody"]["content"]["application/json"]["schema"]);
                let Some(fields) = schema["properties"].as_object() else { continue };
                found.push(Operation {
                    method: method.to_uppercase(),
                    path: self.real(path),
                    fields: fields.iter().map(|(name, schema)| (name.clone(), self.resolve(schema))).collect(),
                    required: strings(&schema["required"]),
                    optional: operation["requestBody"]["required"] != json!(true),
                });
            }
        }
        assert!(found.len() >= 8, "the description names the writing routes: {}", found.len());
        found
    }

    /// A schema, its reference followed; of a choice with null the other.
    fn resolve(&self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.resolve(self.api.pointer(reference.trim_start_matches('#')).expect("a schema"));
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            let others = schema[choice].as_array().into_iter().flatten();
            if let [other] = others.filter(|it| it["type"] != json!("null")).collect::<Vec<_>>()[..] {
                return self.resolve(other);
            }
        }
        schema.clone()
    }

    /// A path under `/api/v1` with real ids for its parameters.
    fn real(&self, path: &str) -> String {
        let mut path = path.trim_start_matches("/api/v1").to_owned();
        while let Some((before, rest)) = path.split_once('{') {
            let after = rest.split_once('}').expect("a parameter ends").1;
            let name = self.names.iter().find(|(prefix, _)| before.ends_with(prefix));
            path = format!("{before}{}{after}", name.map_or("key_00000000000000000000000000000000", |(_, id)| id));
        }
        path
    }

    /// Sends `body` as it stands.
    fn send(&self, operation: &Operation, body: impl Into<reqwest::blocking::Body>) -> Answer {
        let answer = self.client.send(&operation.method, &operation.path, |request| {
            request.header("content-type", "application/json").body(body)
        });
        answer.unwrap_or_else(|lost| panic!("{} {}: {lost:?}", operation.method, operation.path))
    }

    /// Checks that the answer refuses the request itself.
    fn refuses(&self, what: &str, answer: &Answer) {
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        assert!(!answer.code().is_empty() && answer.request_id.is_some(), "{what}: {answer:?}");
    }

    /// Checks that nothing was written since `before`.
    fn wrote_nothing(&self, before: &[(&str, u64)], what: &str) {
        assert_eq!(self.store.rows(), before, "{what}: something was written");
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Operation {
    /// A body that is right, with only what is needed.
    fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        for name in self.fields.keys() {
            let value = match name.as_str() {
                "customer_id" => json!("acme"),
                "amount" => json!(1),
                "expires_in" => json!(60),
                "source_kind" => json!("manual"),
                "source_id" => json!("bad-input"),
                "idempotency_key" => json!("bad-input"),
                "role" => json!("read"),
                "name" if self.required.contains(name) => json!("a key"),
                "family" => json!("bad-input"),
                "success_url" => json!("https://app.example.com/"),
                "session_id" => json!("cs_test_none"),
                "credits" if self.required.contains(name) => json!(1),
                "threshold" | "most_a_day" | "most_a_month" => json!(1),
                "top_up_plan" if self.required.contains(name) => json!("bad-input"),
                "items" => json!([{"customer_id": "acme", "amount": 1, "idempotency_key": "bad-input"}]),
                _ => continue,
            };
            body.insert(name.clone(), value);
        }
        body
    }

    /// Values that can never be right for `field`.
    fn wrong_values(&self, field: &str) -> Vec<Value> {
        let mut wrong = vec![json!({"$": 1}), json!([[]])];
        let text = |wrong: &mut Vec<Value>| wrong.extend([json!(true), json!("a\u{0}b"), json!("x".repeat(70_000))]);
        match field {
            "amount" => wrong.extend([
                json!(true),
                json!("1,5"),
                json!("NaN"),
                json!(""),
                json!("1.0000001"),
                json!(0.000_000_1),
                json!("1000000000"),
                json!(1e300),
                json!("1e400"),
                json!(1_000_000_000_u64),
                json!("0x10"),
            ]),
            "expires_in" => wrong.extend([json!(0), json!(-1), json!(86_401), json!(1.5), json!("60"), json!(1e30)]),
            "priority" => wrong.extend([json!(-1), json!(1001), json!(1.5), json!("1"), json!(1e30)]),
            "customer_id" => {
                text(&mut wrong);
                wrong.extend([json!(""), json!("a b"), json!("ä"), json!("a/b"), json!("x".repeat(129))]);
            }
            "unit" => {
                text(&mut wrong);
                wrong.extend([json!(""), json!("Credits"), json!("1a"), json!("x".repeat(65))]);
            }
            "mode" | "role" | "source_kind" => {
                text(&mut wrong);
                wrong.extend([json!(""), json!("nonsense"), json!(1)]);
            }
            "idempotency_key" | "source_id" => {
                text(&mut wrong);
                wrong.push(json!(""));
            }
            "effective_at" | "expires_at" | "occurred_at" => {
                text(&mut wrong);
                wrong.extend([json!("soon"), json!("2026-13-01T00:00:00Z"), json!("2026-01-01"), json!(1_700_000_000)]);
            }
            "metadata" => {
                wrong = vec![
                    json!("text"),
                    json!(1),
                    json!(true),
                    json!([1]),
                    json!({"a": "x".repeat(70_000)}),
                    json!({"a": "\u{0}"}),
                ];
            }
            "items" => wrong = vec![json!({}), json!("x"), json!([]), json!([1]), json!([{}])],
            _ if is_text(&self.fields[field]) => text(&mut wrong),
            _ => wrong.extend([json!("nonsense")]),
        }
        wrong
    }
}

/// Whether a field takes text.
fn is_text(schema: &Value) -> bool {
    schema["type"] == json!("string") || strings(&schema["type"]).contains(&"string".to_owned())
}

/// Missing, null, wrong type, too long, too precise, negative, huge, U+0000.
fn every_field_of_every_body(kind: Kind) {
    let world = World::new(kind);
    let before = world.store.rows();
    for operation in world.operations() {
        let good = operation.body();
        for field in operation.fields.keys() {
            let mut bodies = Vec::new();
            if operation.required.contains(field) {
                let mut body = good.clone();
                body.remove(field);
                bodies.push(body);
                bodies.push(with(&good, field, Value::Null));
            }
            bodies.extend(operation.wrong_values(field).into_iter().map(|value| with(&good, field, value)));
            for body in bodies {
                let text = Value::Object(body).to_string();
                let answer = world.send(&operation, text.clone());
                let what = format!("{} {} {}", operation.method, operation.path, &text[..text.len().min(300)]);
                world.refuses(&what, &answer);
                assert_eq!(answer.status, 400, "{what}: {answer:?}");
                assert!(answer.param().starts_with(field.as_str()), "{what}: names `{field}`: {answer:?}");
            }
        }
        world.wrote_nothing(&before, &operation.path);
    }
}

fn with(good: &Map<String, Value>, field: &str, value: Value) -> Map<String, Value> {
    let mut body = good.clone();
    body.insert(field.to_owned(), value);
    body
}

/// Unknown and doubled fields, no JSON, wrong content type, broken UTF-8, deep nesting, ten megabytes.
fn every_body_as_a_whole(kind: Kind) {
    let world = World::new(kind);
    let before = world.store.rows();
    for operation in world.operations() {
        let good = Value::Object(operation.body()).to_string();
        let inner = &good[1..good.len() - 1];
        let comma = if inner.is_empty() { "" } else { "," };
        let what = |case: &str| format!("{case}: {} {}", operation.method, operation.path);
        let says = |case: &str, body: Vec<u8>, code: &str, param: &str| {
            let answer = world.send(&operation, body);
            world.refuses(&what(case), &answer);
            assert_eq!((answer.code().as_str(), answer.param().as_str()), (code, param), "{}: {answer:?}", what(case));
        };
        says("unknown", format!("{{{inner}{comma}\"nonsense\":1}}").into(), "unknown_field", "nonsense");
        if let Some(field) = operation.body().keys().next() {
            let value = &operation.body()[field];
            says("doubled", format!("{{{inner},\"{field}\":{value}}}").into(), "duplicate_field", field);
        }
        if !operation.optional {
            says("empty", Vec::new(), "invalid_json", "");
        }
        for (case, body) in [
            ("no JSON", b"{\"amount\":".to_vec()),
            ("trailing", format!("{good} x").into_bytes()),
            ("broken UTF-8", b"{\"customer_id\":\"a\xff\"}".to_vec()),
            ("deep", "[".repeat(200_000).into_bytes()),
            (
                "deep inside",
                format!("{{\"metadata\":{}1{}}}", "{\"a\":".repeat(50_000), "}".repeat(50_000)).into_bytes(),
            ),
        ] {
            let answer = world.send(&operation, body);
            world.refuses(&what(case), &answer);
        }
        says("a list", b"[]".to_vec(), "invalid_json", "");
        says("ten megabytes", vec![b' '; 10_000_000], "body_too_large", "");
        let answer = world
            .client
            .send(&operation.method, &operation.path, |it| it.header("content-type", "text/plain").body(good.clone()));
        let answer = answer.expect("an answer");
        world.refuses(&what("content type"), &answer);
        assert_eq!(answer.code(), "unsupported_content_type", "{answer:?}");
        world.wrote_nothing(&before, &operation.path);
    }
}

/// Parameters of paths and queries.
fn every_parameter(kind: Kind) {
    let world = World::new(kind);
    let before = world.store.rows();
    for (template, item) in world.api["paths"].as_object().expect("paths") {
        let path = world.real(template);
        if item.get("get").is_some() {
            let parameters = item["get"]["parameters"].as_array().cloned().unwrap_or_default();
            for parameter in parameters.iter().filter(|it| it["in"] == json!("query")) {
                let name = parameter["name"].as_str().expect("a name");
                let mut wrong = vec!["%00", "%ff"];
                match name {
                    "limit" => wrong.extend(["0", "101", "-1", "x", "1.5", "99999999999999999999"]),
                    // Customers' ids are the app's own: any text may be one.
                    "starting_after" if path != "/customers" => wrong.extend(["nonsense", "grt_zz"]),
                    "from" | "to" => wrong.extend(["yesterday", "2026-13-01T00:00:00Z"]),
                    "unit" => wrong.extend(["", "Credits"]),
                    _ => {}
                }
                for value in wrong {
                    let answer = world.client.get(&format!("{path}?{name}={value}"));
                    world.refuses(&format!("GET {path}?{name}={value}"), &answer);
                    assert!(matches!(answer.status, 400 | 404), "{path} {value}: {answer:?}");
                    assert_eq!(answer.param(), name, "{path} {value}: {answer:?}");
                }
            }
            if parameters.iter().any(|it| it["in"] == json!("query")) {
                let answer = world.client.get(&format!("{path}?nonsense=1"));
                world.refuses(&path, &answer);
                assert_eq!(
                    (answer.code().as_str(), answer.param().as_str()),
                    ("unknown_field", "nonsense"),
                    "{path}: {answer:?}"
                );
            }
        }
        let long = "x".repeat(200);
        for id in ["%00", "%ff", "a%20b", "%2F", long.as_str()] {
            let Some((start, rest)) = template.split_once('{') else { continue };
            let tail = rest.split_once('}').expect("it ends").1;
            let path = format!("{}{id}{}", start.trim_start_matches("/api/v1"), world.real(&format!("/api/v1{tail}")));
            for method in item.as_object().expect("operations").keys() {
                let answer = world.client.send(&method.to_uppercase(), &path, |it| it.json(&json!({})));
                world.refuses(&format!("{method} {path}"), &answer.expect("an answer"));
            }
        }
        world.wrote_nothing(&before, template);
    }
}

fn unknown_paths_and_methods(kind: Kind) {
    let world = World::new(kind);
    let before = world.store.rows();
    let answer = world.client.get("/nonsense");
    assert_eq!((answer.status, answer.code().as_str()), (404, "unknown_route"));
    for (template, item) in world.api["paths"].as_object().expect("paths") {
        let allowed: Vec<String> = item.as_object().expect("operations").keys().map(|it| it.to_uppercase()).collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if template.starts_with("/api/v1/") && !allowed.iter().any(|it| it == method) {
                let answer = world.client.send(method, &world.real(template), |it| it).expect("an answer");
                world.refuses(&format!("{method} {template}"), &answer);
                assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"), "{method} {template}");
            }
        }
        world.wrote_nothing(&before, template);
    }
}
