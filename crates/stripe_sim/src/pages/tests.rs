//! The pages as browsers and programs meet them: over HTTP, from a sandbox that runs.

mod first_steps;

use crate::{Clock, Sandbox, Settings};
use serde_json::Value;
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// 2026-01-01T00:00:00Z
const NOW: i64 = 1_767_225_600;
const CARD: &str = "method=card&email=jenny%40example.com&name=Jenny&expiry=12+%2F+34&cvc=123&number=";

/// An answer.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.header("location").expect("a location")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A sandbox that runs until the test is over.
struct Running(SocketAddr);

impl Running {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("its address");
        let settings = Settings { seed: 1, clock: Clock::Standing(NOW), load: None, record: None };
        let sandbox = Sandbox::new(settings, &format!("http://{address}")).expect("a sandbox");
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
                sandbox.serve(listener).await
            })
        });
        Self(address)
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.0).expect("a connection");
        let length = body.len();
        let host = self.0;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\
             {headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("a request");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    fn post(&self, path: &str, form: &str) -> Answer {
        self.ask("POST", path, "content-type: application/x-www-form-urlencoded\r\n", form)
    }

    /// A request of Stripe's API.
    fn api(&self, method: &str, path: &str, form: &str) -> Value {
        let answer = self.ask(method, path, "authorization: Bearer sk_test_pages\r\n", form);
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        answer.json()
    }

    /// A monthly price of twenty dollars: its product and itself.
    fn price(&self) -> (String, String) {
        let recurring = "default_price_data[currency]=usd&default_price_data[unit_amount]=2000\
                         &default_price_data[recurring][interval]=month";
        let product = self.api("POST", "/v1/products", &format!("name=Pro&{recurring}"));
        (text(&product["id"]), text(&product["default_price"]))
    }

    /// An open session that subscribes to a price: its id and the path of its page.
    fn session(&self, price: &str) -> (String, String) {
        let form = format!(
            "mode=subscription&line_items[0][price]={price}&line_items[0][quantity]=1\
             &success_url=https://shop.example/done?id={{CHECKOUT_SESSION_ID}}&cancel_url=https://shop.example/left"
        );
        let session = self.api("POST", "/v1/checkout/sessions", &form);
        (text(&session["id"]), self.path(&session["url"]))
    }

    fn path(&self, url: &Value) -> String {
        let base = format!("http://{}", self.0);
        text(url).strip_prefix(&base).expect("an address of the sandbox").to_owned()
    }

    /// A customer who subscribed by checkout; its id.
    fn subscriber(&self) -> String {
        let (_, price) = self.price();
        let (id, page) = self.session(&price);
        self.post(&page, &format!("{CARD}4242424242424242")).location();
        text(&self.api("GET", &format!("/v1/checkout/sessions/{id}"), "")["customer"])
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// An endpoint that takes everything; the types of the events it got.
fn receiver() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = got.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let event = sent_to(&mut stream);
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(text(&event["type"]));
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).expect("an answer");
        }
    });
    (url, got)
}

/// The JSON that is sent on a connection.
fn sent_to(stream: &mut TcpStream) -> Value {
    let (mut seen, mut part) = (Vec::new(), [0_u8; 4096]);
    loop {
        let count = stream.read(&mut part).expect("a request");
        assert_ne!(count, 0, "the request ended early");
        seen.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&seen);
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && let Ok(event) = serde_json::from_str(body)
        {
            return event;
        }
    }
}

#[test]
fn every_page_is_there_strict_and_without_scripts() {
    let sandbox = Running::start();
    let customer = sandbox.subscriber();
    let list = sandbox.api("GET", "/v1/invoices", &format!("customer={customer}"));
    let invoice = text(&list["data"][0]["id"]);
    let event = text(&sandbox.api("GET", "/v1/events", "")["data"][0]["id"]);
    let pages = [
        "/".to_owned(),
        "/_sandbox/".to_owned(),
        "/_sandbox/clock".to_owned(),
        "/_sandbox/objects".to_owned(),
        "/_sandbox/objects/invoice".to_owned(),
        "/_sandbox/events?type=invoice.".to_owned(),
        "/_sandbox/inbox".to_owned(),
        "/_sandbox/endpoints".to_owned(),
        "/_sandbox/requests".to_owned(),
        "/_sandbox/operations".to_owned(),
        "/_sandbox/faults".to_owned(),
        "/_sandbox/disputes".to_owned(),
        "/_sandbox/settings".to_owned(),
        "/_sandbox/state".to_owned(),
        "/_sandbox/api".to_owned(),
        format!("/_sandbox/object?id={invoice}"),
        format!("/_sandbox/object?id={event}"),
        format!("/_sandbox/invoice/{invoice}"),
    ];
    for path in pages {
        let answer = sandbox.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.body.starts_with("<!doctype html>") && answer.body.contains("no money moves"), "{path}");
        for banned in ["<script", " style=", "onclick", "//cdn"] {
            assert!(!answer.body.contains(banned), "{path} has {banned}");
        }
        assert_eq!(answer.body.matches("<h1").count(), 1, "{path}");
    }
    assert!(sandbox.get("/_sandbox/style.css").body.contains("light-dark("));
    assert_eq!(
        sandbox.get(&format!("/_sandbox/invoice/{invoice}/pdf")).header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    for nothing in
        ["/x", "/_sandbox/x", "/c/pay/cs_test_x", "/p/session/bps_x", "/_sandbox/object?id=x", "/_sandbox/3ds/pi_x"]
    {
        assert!(matches!(sandbox.get(nothing).status, 404 | 410), "{nothing}");
    }
}

#[test]
fn another_site_cannot_move_the_sandbox() {
    let sandbox = Running::start();
    for header in ["origin: https://example.com\r\n", "sec-fetch-site: cross-site\r\n", "origin: null\r\n"] {
        let answer = sandbox.ask("POST", "/_sandbox/clock", header, "by=day");
        assert_eq!(answer.status, 403, "{header}");
        let answer = sandbox.ask("POST", "/_sandbox/api/clock", header, r#"{"by": 60}"#);
        assert_eq!(answer.status, 403, "{header}");
    }
    assert_eq!(sandbox.get("/_sandbox/api/clock").json()["now"], NOW);
    let own = format!("origin: http://{}\r\n", sandbox.0);
    assert_eq!(sandbox.ask("POST", "/_sandbox/clock", &own, "by=day").location(), "/_sandbox/clock");
    assert_eq!(sandbox.get("/_sandbox/api/clock").json()["now"], NOW + 86_400);
}

#[test]
fn a_declined_card_is_said_and_another_one_pays() {
    let sandbox = Running::start();
    let (url, got) = receiver();
    sandbox.api("POST", "/v1/webhook_endpoints", &format!("url={url}&enabled_events[]=*"));
    let (_, price) = sandbox.price();
    let (id, page) = sandbox.session(&price);
    let open = sandbox.get(&page);
    assert!(open.body.contains("$20.00") && open.body.contains("https://shop.example/left"), "{}", open.body);
    let filled = sandbox.post(&page, "fill=card%3A4000000000000002&email=a%40x.example");
    assert!(filled.body.contains(r#"value="4000000000000002""#) && filled.body.contains(r#"value="a@x.example""#));
    let declined = sandbox.post(&page, &format!("{CARD}4000000000000002"));
    assert_eq!(declined.status, 402);
    assert!(declined.body.contains("Your card was declined.") && declined.body.contains("jenny@example.com"));
    let wrong = sandbox.post(&page, "method=card&email=a%40x.example&number=4242424242424241&expiry=1234&cvc=123");
    assert!(wrong.body.contains(r#"aria-invalid="true""#), "{}", wrong.body);
    let paid = sandbox.post(&page, &format!("{CARD}4242424242424242"));
    assert_eq!(paid.location(), format!("https://shop.example/done?id={id}"));
    let got = got.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(
        got.contains(&"checkout.session.completed".to_owned()),
        "the seller knows before the payer is back: {got:?}"
    );
    let session = sandbox.api("GET", &format!("/v1/checkout/sessions/{id}"), "");
    assert_eq!((session["status"].as_str(), session["payment_status"].as_str()), (Some("complete"), Some("paid")));
    assert!(sandbox.get(&page).body.contains("You are all done here"));
    assert!(sandbox.post(&page, &format!("{CARD}4242424242424242")).body.contains("You are all done here"));
}

#[test]
fn a_holder_is_challenged_and_fails_and_passes() {
    let sandbox = Running::start();
    let (_, price) = sandbox.price();
    let (id, page) = sandbox.session(&price);
    let challenge = sandbox.post(&page, &format!("{CARD}4000002760003184")).location().to_owned();
    assert!(challenge.starts_with("/_sandbox/3ds/pi_"), "{challenge}");
    assert!(sandbox.get(&challenge).body.contains("ending in 3184"));
    assert_eq!(sandbox.post(&challenge, "answer=fail").location(), page);
    assert!(sandbox.get(&page).body.contains("unable to authenticate"));
    let challenge = sandbox.post(&page, &format!("{CARD}4000002760003184")).location().to_owned();
    let done = sandbox.post(&challenge, "answer=complete");
    assert_eq!(done.location(), format!("https://shop.example/done?id={id}"));
    assert!(sandbox.get(&challenge).body.contains("recognized"));
}

#[test]
fn a_customer_helps_herself_in_the_portal() {
    let sandbox = Running::start();
    let customer = sandbox.subscriber();
    let form = format!("customer={customer}&return_url=https://shop.example/account");
    let session = sandbox.api("POST", "/v1/billing_portal/sessions", &form);
    let portal = sandbox.path(&session["url"]);
    let home = sandbox.get(&portal);
    for part in
        ["Pro (at $20.00 / month)", "Renews on 01 Feb 2026.", "https://shop.example/account", "Visa ending in 4242"]
    {
        assert!(home.body.contains(part), "{part}: {}", home.body);
    }
    let list = sandbox.api("GET", "/v1/subscriptions", &format!("customer={customer}"));
    let subscription = text(&list["data"][0]["id"]);
    assert!(sandbox.get(&format!("{portal}/cancel/{subscription}")).body.contains("It ends on 01 Feb 2026."));
    sandbox.post(&format!("{portal}/cancel/{subscription}"), "feedback=unused&comment=").location();
    assert!(sandbox.get(&portal).body.contains("Ends on 01 Feb 2026."));
    sandbox.post(&format!("{portal}/keep/{subscription}"), "").location();
    assert!(sandbox.get(&portal).body.contains("Renews on 01 Feb 2026."));
    sandbox.post(&format!("{portal}/card"), &format!("{CARD}5555555555554444")).location();
    assert!(sandbox.get(&portal).body.contains("Mastercard ending in 4444, expires 12 / 2034"));
    sandbox.post(&format!("{portal}/details"), "name=Jenny+Rosen").location();
    assert!(sandbox.get(&portal).body.contains("Jenny Rosen"));
    assert_eq!(sandbox.get(&format!("{portal}/change/{subscription}")).status, 403, "no plan is offered");
    sandbox.post("/_sandbox/clock", "by=day").location();
    assert_eq!(sandbox.get(&portal).status, 410, "an hour is over");
}

#[test]
fn programs_move_the_clock_plant_faults_and_keep_the_state() {
    let sandbox = Running::start();
    let json = |method: &str, path: &str, body: &str| {
        sandbox.ask(method, &format!("/_sandbox/api/{path}"), "content-type: application/json\r\n", body)
    };
    let moved = json("POST", "clock", r#"{"to": "2026-02-01T00:00:00Z"}"#);
    assert_eq!((moved.status, moved.json()["now"].as_i64()), (200, Some(NOW + 31 * 86_400)));
    for wrong in [r#"{"by": -1}"#, r#"{"by": 999999999999}"#, "{}", "no JSON"] {
        assert_eq!(json("POST", "clock", wrong).status, 400, "{wrong}");
    }
    let fault = r#"{"kind": "trouble", "status": 503, "method": "POST", "path": "/v1/customers", "times": 1}"#;
    assert_eq!(json("POST", "faults", fault).json()["requests"][0]["kind"], "trouble");
    let broken = sandbox.ask("POST", "/v1/customers", "authorization: Bearer sk_test_pages\r\n", "");
    assert_eq!(broken.status, 503);
    assert_eq!(json("GET", "faults", "").json()["requests"], serde_json::json!([]));
    json("POST", "deliveries/faults", r#"{"fault": "never", "events": "customer.*"}"#);
    assert_eq!(json("DELETE", "deliveries/faults", "").json()["deliveries"], serde_json::json!([]));
    let set = json("POST", "settings", r#"{"retry_after": [86400], "after_retries": "unpaid"}"#).json();
    assert_eq!((&set["retry_after"], set["after_retries"].as_str()), (&serde_json::json!([86_400]), Some("unpaid")));
    assert_eq!(json("POST", "settings", r#"{"after_retries": "x"}"#).status, 400);

    let customer = text(&sandbox.api("POST", "/v1/customers", "name=Ann")["id"]);
    let state = json("GET", "dump", "").body;
    assert_eq!(json("POST", "new", r#"{"seed": 5}"#).status, 200);
    let gone = sandbox.ask("GET", &format!("/v1/customers/{customer}"), "authorization: Bearer sk_test_pages\r\n", "");
    assert_eq!(gone.status, 404);
    assert_eq!(json("POST", "load", &state).status, 200);
    assert_eq!(sandbox.api("GET", &format!("/v1/customers/{customer}"), "")["name"], "Ann");
    let events = json("GET", "events?type=customer.", "").json();
    assert_eq!(events["data"][0]["data"]["object"]["name"], "Ann");
    assert_eq!(json("GET", "x", "").status, 404);
}

#[test]
fn faults_endpoints_and_disputes_are_made_on_pages() {
    let sandbox = Running::start();
    sandbox.post("/_sandbox/faults/requests", "kind=lock&method=&path=%2Fv1%2F&times=1&number=500").location();
    assert!(sandbox.get("/_sandbox/faults").body.contains("Any method, /v1/"));
    let locked = sandbox.ask("GET", "/v1/customers", "authorization: Bearer sk_test_pages\r\n", "");
    assert_eq!(locked.status, 429);
    sandbox.post("/_sandbox/faults/deliveries", "fault=twice&events=*&times=2&seconds=60").location();
    assert!(sandbox.get("/_sandbox/faults").body.contains("2 more times."));
    sandbox.post("/_sandbox/endpoints", "url=http%3A%2F%2F127.0.0.1%3A1%2F&events=customer.created").location();
    let endpoints = sandbox.get("/_sandbox/endpoints").body;
    assert!(endpoints.contains("whsec_") && endpoints.contains("customer.created"), "{endpoints}");
    sandbox.subscriber();
    let charge = text(&sandbox.api("GET", "/v1/charges", "")["data"][0]["id"]);
    sandbox.post("/_sandbox/disputes", &format!("charge={charge}")).location();
    let dispute = text(&sandbox.api("GET", "/v1/disputes", "")["data"][0]["id"]);
    sandbox.post("/_sandbox/disputes/end", &format!("id={dispute}&how=win")).location();
    assert_eq!(sandbox.api("GET", &format!("/v1/disputes/{dispute}"), "")["status"], "won");
    let refused = sandbox.post("/_sandbox/disputes/end", &format!("id={dispute}&how=reinstate"));
    assert_eq!(refused.status, 400, "it was not lost");
    assert_eq!(sandbox.post("/_sandbox/disputes", "charge=ch_x").status, 400);
}
