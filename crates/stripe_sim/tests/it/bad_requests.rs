//! Requests that are wrong: each gets Stripe's error, none a panic.

use crate::support::{Client, Stripe, id};
use serde_json::Value;

#[test]
fn keys_and_addresses_that_are_none() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let bearer = |key: &str| format!("Bearer {key}");
    for (header, status) in [
        (bearer("sk_test_1"), 200),
        (bearer("rk_test_1"), 200),
        ("Basic c2tfdGVzdF8xOg==".to_owned(), 200),
        (bearer("sk_live_1234567890"), 401),
        (bearer("pk_test_1234567890"), 401),
        (bearer("sk_test_"), 401),
        (bearer(""), 401),
        ("Basic !!!".to_owned(), 401),
        ("sk_test_1".to_owned(), 401),
    ] {
        let answer = client.ask("GET", "/v1/customers", &[("authorization", &header)], b"");
        assert_eq!(answer.status, status, "{header}");
        if status == 401 {
            assert_eq!(answer.refusal().1, "invalid_request_error", "{header}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"Stripe\""));
            assert!(!answer.body.contains("1234567890"), "a key is not shown whole: {}", answer.body);
        }
    }
    assert_eq!(client.ask("GET", "/v1/customers", &[], b"").status, 401);
    for (method, path) in [
        ("GET", "/v1/nothing"),
        ("GET", "/v1/customers/"),
        ("GET", "/v1/"),
        ("PUT", "/v1/customers"),
        ("PATCH", "/v1/customers/cus_1"),
        ("DELETE", "/v1/customers"),
        ("POST", "/v1/charges/ch_1/refunds/x/y"),
        ("GET", "/v1/%ff%fe"),
    ] {
        let answer = client.api(method, path, "", &[]);
        let (status, kind, _) = answer.refusal();
        assert_eq!((status, kind.as_str()), (404, "invalid_request_error"), "{method} {path}: {}", answer.body);
    }
    let search = client.api("GET", "/v1/customers/search", "query=email:'a'", &[]);
    assert_eq!(search.refusal().0, 501, "it is not taken for a customer: {}", search.body);
    let missing = client.api("GET", "/v1/customers/cus_none", "", &[]);
    assert_eq!(missing.refusal(), (404, "invalid_request_error".into(), "resource_missing".into()));
    assert_eq!(missing.json()["error"]["param"], "id");
    assert!(missing.header("request-id").is_some());
}

#[test]
fn bodies_that_are_no_form() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let kinds = [
        (Some("application/x-www-form-urlencoded"), 200),
        (Some("application/x-www-form-urlencoded; charset=utf-8"), 200),
        (Some("APPLICATION/X-WWW-FORM-URLENCODED"), 200),
        (None, 200),
        (Some("application/json"), 400),
        (Some("multipart/form-data; boundary=x"), 400),
        (Some("text/plain"), 400),
    ];
    for (kind, status) in kinds {
        let mut headers = vec![("authorization", "Bearer sk_test_it")];
        headers.extend(kind.map(|kind| ("content-type", kind)));
        let answer = client.ask("POST", "/v1/customers", &headers, b"name=Jenny");
        assert_eq!(answer.status, status, "{kind:?}: {}", answer.body);
        if status == 400 {
            let message = "Invalid request (check that your POST content type is application/x-www-form-urlencoded).";
            assert!(answer.body.contains(message), "{}", answer.body);
        }
    }
    let headers = [("authorization", "Bearer sk_test_it"), ("content-type", "application/json")];
    for body in ["{", "[]", "\"x\"", "null", "\u{1}", &"[".repeat(100_000), &"{\"a\":".repeat(100_000)] {
        let answer = client.ask("POST", "/v2/billing/meter_events", &headers, body.as_bytes());
        let said = answer.json()["error"]["message"].is_string();
        assert_eq!((answer.status, said), (400, true), "{}: {}", &body[..body.len().min(20)], answer.body);
    }
    for body in [&b"name=\xff"[..], b"name=%ff", b"%c3%28=1", b"\x00\x01\xfe"] {
        let headers = [("authorization", "Bearer sk_test_it")];
        assert_eq!(client.ask("POST", "/v1/customers", &headers, body).status, 400, "{body:?}");
    }
    assert_eq!(client.api("GET", "/v1/customers", "email=%ff", &[]).status, 400);
    assert_eq!(client.api("POST", "/v1/customers", "name=%00", &[]).status, 200, "a zero is a letter like any other");
}

#[test]
fn a_body_that_is_too_long_is_refused_as_stripe_refuses() {
    let stripe = Stripe::start();
    let long = format!("name={}", "a".repeat(1 << 20));
    let headers = [("authorization", "Bearer sk_test_it")];
    // The connection may end before all is sent; if there is an answer, it is an error of Stripe's.
    if let Some(answer) = stripe.client().try_ask("POST", "/v1/customers", &headers, long.as_bytes()) {
        assert_eq!(answer.refusal(), (413, "invalid_request_error".into(), String::new()));
    }
    let just = format!("description={}", "a".repeat((1 << 20) - 12));
    let answer = stripe.client().ask("POST", "/v1/customers", &headers, just.as_bytes());
    assert!(matches!(answer.status, 200 | 400), "{}", answer.status);
    assert_eq!(stripe.client().api("GET", "/v1/customers", "", &[]).status, 200, "it goes on");
}

#[test]
fn parameters_that_are_wrong() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let price = client.price();
    let customer = client.customer("pm_card_visa");
    let items = format!("customer={customer}&items[0][price]={price}");
    let deep = format!("metadata{}=1", "[a]".repeat(5000));
    let table: &[(&str, &str, u16, &str, &str)] = &[
        ("/v1/customers", "nmae=x", 400, "parameter_unknown", "nmae"),
        ("/v1/customers", "a[]=1&b[0][c]=2", 400, "parameter_unknown", "a"),
        ("/v1/customers", "address=x", 400, "", "address"),
        ("/v1/customers", "address[]=x", 400, "parameter_unknown", "address[0]"),
        ("/v1/customers", "name[a]=x", 400, "", "name"),
        ("/v1/customers", "balance=1.5", 400, "parameter_invalid_integer", "balance"),
        ("/v1/customers", "balance=99999999999999999999", 400, "parameter_invalid_integer", "balance"),
        ("/v1/customers", "[]=1", 400, "parameter_unknown", "0"),
        ("/v1/customers", &deep, 400, "", "metadata"),
        ("/v1/prices", "unit_amount=1", 400, "parameter_missing", "currency"),
        ("/v1/prices", "currency=&unit_amount=1", 400, "parameter_invalid_empty", "currency"),
        ("/v1/subscriptions", "items[0][price]=x", 400, "parameter_missing", "customer"),
        ("/v1/subscriptions", &format!("customer={customer}"), 400, "parameter_missing", "items"),
        ("/v1/subscriptions", &format!("{items}&items[x][price]=y"), 400, "", "items"),
        ("/v1/subscriptions", &format!("{items}&items[-1][price]=y"), 400, "", "items"),
        ("/v1/subscriptions", &format!("{items}&items[99999999999999999999999][price]=y"), 400, "", "items"),
        ("/v1/subscriptions", &format!("{items}&cancel_at_period_end=maybe"), 400, "", "cancel_at_period_end"),
        ("/v1/subscriptions", &format!("{items}&payment_behavior=never"), 400, "", "payment_behavior"),
    ];
    for (path, form, status, code, param) in table {
        let answer = client.api("POST", path, form, &[]);
        let shown = &form[..form.len().min(90)];
        assert_eq!(answer.status, *status, "{path} {shown}: {}", answer.body);
        assert_eq!(answer.refusal().2, *code, "{path} {shown}: {}", answer.body);
        assert_eq!(answer.json()["error"]["param"], *param, "{path} {shown}: {}", answer.body);
    }
    for form in [
        format!("customer={customer}&items[][price]={price}&items[][quantity]=3"),
        format!("customer={customer}&items[7][quantity]=3&items[7][price]={price}"),
        format!("customer={customer}&items[0][price]=price_none&items[0][price]={price}&items[0][quantity]=3"),
    ] {
        let made = client.good("POST", "/v1/subscriptions", &form);
        assert_eq!(made["items"]["data"][0]["quantity"], 3, "{form}");
    }
}

/// Values that have broken somebody's server before.
const ODD: &[&str] = &[
    "",
    "0",
    "-1",
    "1",
    "9223372036854775807",
    "-9223372036854775808",
    "1e400",
    "NaN",
    "true",
    "now",
    "usd",
    "xyz",
    "%F0%9F%92%B6",
    "%00",
    "2026-13-45",
    "..",
    "%2F",
    "null",
    "{}",
    "[]",
    "a b",
    "card",
    "pm_card_visa",
    "txn_1",
];

/// `path` with ids, or what is none, in place of its names.
fn filled(path: &str, ids: &[(String, String)], random: &mut fastrand::Rng) -> String {
    let mut kind = "";
    let mut parts = Vec::new();
    for part in path.split('/') {
        parts.push(if part.starts_with('{') { any(ids, kind, random) } else { part.to_owned() });
        kind = part;
    }
    parts.join("/")
}

/// An id, most likely of what `name` speaks of, or something odd.
fn any(ids: &[(String, String)], name: &str, random: &mut fastrand::Rng) -> String {
    let fitting: Vec<&String> =
        ids.iter().filter(|(kind, _)| name.contains(kind.trim_end_matches('s'))).map(|(_, id)| id).collect();
    match random.u8(..) {
        0..180 if !fitting.is_empty() => fitting[random.usize(..fitting.len())].clone(),
        0..200 => ids[random.usize(..ids.len())].1.clone(),
        _ => ODD[random.usize(..ODD.len())].to_owned(),
    }
}

/// Objects of each kind: the last word of where they are listed, and their ids.
fn ids(client: &mut Client) -> Vec<(String, String)> {
    let kinds = [
        "customers",
        "products",
        "prices",
        "subscriptions",
        "invoices",
        "charges",
        "payment_intents",
        "refunds",
        "checkout/sessions",
        "billing/meters",
        "subscription_schedules",
        "webhook_endpoints",
        "invoiceitems",
        "invoice_payments",
        "events",
        "setup_intents",
        "disputes",
    ];
    let mut ids = vec![("payment_methods".to_owned(), "pm_card_visa".to_owned())];
    for kind in kinds {
        let page = client.good("GET", &format!("/v1/{kind}"), "limit=3");
        let name = kind.rsplit('/').next().unwrap_or_default().to_owned();
        ids.extend(page["data"].as_array().expect("a list").iter().map(|object| (name.clone(), id(object))));
    }
    ids
}

/// The names of parameters that operations take, from the contract.
fn names(of: &Value, found: &mut Vec<String>, at: &str) {
    let Some(fields) = of.as_object() else { return };
    for (name, shape) in fields {
        let name = if at.is_empty() { name.clone() } else { format!("{at}[{name}]") };
        let inner = |key: &str| shape.get(key).or_else(|| shape.get("null")?.get(key));
        if let Some(fields) = inner("fields") {
            names(fields, found, &name);
        } else if let Some(item) = inner("list") {
            match item.get("fields") {
                Some(fields) => names(fields, found, &format!("{name}[0]")),
                None => found.push(format!("{name}[]")),
            }
        } else if inner("map").is_some() {
            found.push(format!("{name}[k]"));
        } else {
            found.push(name);
        }
    }
}

#[test]
fn whatever_is_asked_is_answered_and_never_with_500() {
    let contract: Value = serde_json::from_str(include_str!("../../contract/endive.json")).expect("the contract");
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let price = client.price();
    for card in ["pm_card_visa", "pm_card_createDispute"] {
        let customer = client.customer(card);
        client.subscribe(&customer, &price, "");
        client.good("POST", "/v1/invoiceitems", &format!("customer={customer}&currency=usd&amount=5"));
        client.good("POST", "/v1/setup_intents", &format!("customer={customer}"));
    }
    let session =
        format!("mode=subscription&line_items[0][price]={price}&line_items[0][quantity]=1&success_url=https://a.b");
    client.good("POST", "/v1/checkout/sessions", &session);
    client.good("POST", "/v1/billing/meters", "display_name=M&event_name=m&default_aggregation[formula]=sum");
    stripe.pass(3600);
    let ids = ids(&mut client);
    let operations = stripe.control("GET", "operations", "");
    let operations: Vec<String> = operations["operations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect();
    assert!(operations.len() > 120, "{}", operations.len());
    let seed = 42;
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut done, mut asked) = (0, 0);
    for operation in &operations {
        let (method, path) = operation.split_once(' ').expect("a method");
        // Time stands: what would be moved is another test's.
        if path.starts_with("/v2/") || path.contains("test_clocks") {
            continue;
        }
        let mut known = Vec::new();
        names(&contract["operations"][operation]["params"], &mut known, "");
        for _ in 0..25 {
            let count = random.usize(..4);
            let form: Vec<String> = (0..count.min(known.len()))
                .map(|_| {
                    let name = &known[random.usize(..known.len())];
                    format!("{name}={}", any(&ids, name, &mut random))
                })
                .collect();
            let (path, form) = (
                filled(path, &ids, &mut random).replace(['{', '}', '[', ']', ' '], "%20"),
                form.join("&").replace(" ", "+"),
            );
            let answer = client.api(method, &path, &form, &[]);
            asked += 1;
            done += u32::from(answer.status == 200);
            assert!(
                matches!(answer.status, 200 | 400 | 402 | 404 | 409 | 501),
                "{method} {path} {form}: {} {}",
                answer.status,
                answer.body
            );
            if answer.status != 200 {
                assert!(answer.json()["error"]["message"].is_string(), "{method} {path} {form}: {}", answer.body);
            }
        }
    }
    assert!(done * 10 > asked, "only {done} of {asked} were done: the test asks for nothing");
    stripe.pass(40 * 86_400);
    client.good("POST", "/v1/customers", "name=Still+here");
}
