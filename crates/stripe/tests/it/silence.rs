//! Nothing secret is told: not the key, nor what is sent, in logs, metrics, errors, `Debug` or `Display`.

use crate::{
    asking_again::CUSTOMER,
    scripted::{Act, SECRET, Scripted, hurried, key},
};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use purser_stripe::{Limits, calls::customers, calls::events, objects::WebhookEndpoint};
use std::{
    collections::BTreeMap,
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span,
};

/// All that is told, one thing a line.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<String>>);

impl Told {
    fn line(&self, line: &str) {
        let mut told = self.0.lock().expect("not poisoned");
        told.push_str(line);
        told.push('\n');
    }

    fn all(&self) -> String {
        self.0.lock().expect("not poisoned").clone()
    }
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").expect("a text takes it");
    }
}

impl Subscriber for Told {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut fields = Fields(format!("span {}", span.metadata().name()));
        span.record(&mut fields);
        self.line(&fields.0);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut fields = Fields("record".into());
        values.record(&mut fields);
        self.line(&fields.0);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut fields);
        self.line(&fields.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Recorder for Told {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.line(&format!("metric {key}"));
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.line(&format!("metric {key}"));
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.line(&format!("metric {key}"));
        Histogram::noop()
    }
}

/// What must stand nowhere: the key, values of bodies and of queries, and what an answer says of a person.
const SECRETS: &[&str] = &[SECRET, "jenny@example.com", "jenny%40example.com", "Rosen", "hush-hush", "whsec_new"];

fn fields() -> customers::CustomerFields {
    customers::CustomerFields {
        email: Some("jenny@example.com".into()),
        name: Some("Rosen".into()),
        metadata: Some(BTreeMap::from([("note".into(), "hush-hush".into())])),
        ..Default::default()
    }
}

#[tokio::test]
async fn no_log_metric_or_error_tells_what_is_secret() {
    let told = Told::default();
    let _logs = tracing::subscriber::set_default(told.clone());
    let _metrics = metrics::set_default_local_recorder(&told);
    // Stripe quotes what it was sent.
    let said = |kind: &str, sent: &str| {
        format!(
            r#"{{"error":{{"type":"{kind}","code":"x","param":"email",
            "message":"Invalid: {sent}; the key {SECRET} is wrong"}}}}"#
        )
    };
    let (written, asked) = ("jenny@example.com, Rosen, hush-hush", "jenny@example.com");
    let person = CUSTOMER.replace(r#""email":null"#, r#""email":"jenny@example.com","name":"Rosen""#);
    let wrong = person.replace(r#""balance":0"#, r#""balance":"hush-hush""#);
    let script = [
        Act::reply(200, &person).with("request-id", "req_1"),
        Act::reply(500, &said("api_error", asked)),
        Act::reply(400, &said("invalid_request_error", written)),
        Act::reply(401, &said("invalid_request_error", asked)),
        Act::reply(429, &said("invalid_request_error", written)),
        Act::reply(200, &wrong),
        Act::CutInBody,
        Act::HangUp,
        Act::reply(302, "").with("location", "https://example.com/?jenny@example.com"),
        Act::Drip,
    ];
    let calls = script.len();
    let server = Scripted::new(script).await;
    let limits = Limits { tries: 1, one_try: Duration::from_millis(200), breaker_failures: 6, ..hurried() };
    let client = server.client_with(limits);
    let mut errors = String::new();
    let which = customers::Customers { email: Some("jenny@example.com".into()), ..Default::default() };
    for at in 0..calls {
        // Writes with a body, and reads with a query, in turn.
        let done = if at % 2 == 0 {
            let call = customers::create(&fields());
            let done = client.write(&call, &key("op-1"), 1000).await.map(|answer| answer.value.id);
            write!(errors, "{call:?} {:?}", call.request()).expect("a text takes it");
            done
        } else {
            let call = customers::list(&which);
            write!(errors, "{call:?} {:?}", call.request()).expect("a text takes it");
            client.read(&call).await.map(|answer| answer.value.url)
        };
        if let Err(error) = done {
            write!(errors, "{error} {error:?}").expect("a text takes it");
        }
    }
    // One that is dropped is told of too.
    server.then([Act::Drip]);
    let calm = server.client();
    assert!(
        timeout(Duration::from_millis(20), calm.write(&customers::create(&fields()), &key("op-2"), 1000))
            .await
            .is_err()
    );
    let all = told.all();
    for secret in SECRETS {
        assert!(!all.contains(secret), "{secret} is told: {all}");
        assert!(!errors.contains(secret), "{secret} is in an error: {errors}");
    }
    for word in ["Stripe answered", "Stripe did not do it", "nobody waits", "req_1", "/v1/customers", "outcome = ok"] {
        assert!(all.contains(word), "`{word}` is not told, so this test sees nothing: {all}");
    }
    assert!(errors.contains("Invalid: …, …, …; the key … is wrong"), "{errors}");
}

#[tokio::test]
async fn each_call_is_one_line_with_all_that_is_asked_for() {
    let told = Told::default();
    let _logs = tracing::subscriber::set_default(told.clone());
    let server = Scripted::new([
        Act::error(500, "api_error", ""),
        Act::reply(200, CUSTOMER).with("request-id", "req_1"),
        Act::error(402, "card_error", "card_declined").with("request-id", "req_2"),
    ])
    .await;
    let client = server.client();
    client.write(&customers::update("cus_1", &fields()), &key("op-1"), 1000).await.expect("done");
    client.write(&customers::create(&fields()), &key("op-2"), 1000).await.expect_err("declined");
    let all = told.all();
    let lines: Vec<_> = all.lines().filter(|line| line.starts_with("INFO") || line.starts_with("WARN")).collect();
    assert_eq!(lines.len(), 2, "{all}");
    for part in ["method=\"POST\"", "path=\"/v1/customers/cus_1\"", "status=200", "attempts=2", "took_ms=", "req_1"] {
        assert!(lines[0].contains(part), "{part}: {}", lines[0]);
    }
    for part in ["path=\"/v1/customers\"", "status=402", "outcome=\"refused\"", "attempts=1", "req_2", "card_declined"]
    {
        assert!(lines[1].contains(part), "{part}: {}", lines[1]);
    }
}

#[tokio::test]
async fn what_lets_somebody_in_is_not_shown() {
    let endpoint = r#"{"id":"we_1","object":"webhook_endpoint","created":1,"url":"https://x","api_version":null,
        "enabled_events":["*"],"status":"enabled","secret":"whsec_new","metadata":{},"livemode":false}"#;
    let visit = r#"{"id":"bps_1","created":1,"customer":"cus_1","url":"https://billing.stripe.com/hush-hush","livemode":false}"#;
    let server = Scripted::new([Act::reply(200, endpoint), Act::reply(200, visit)]).await;
    let client = server.client();
    let new = events::EndpointFields {
        url: Some("https://x".into()),
        enabled_events: Some(vec!["*".into()]),
        ..Default::default()
    };
    let answer = client.write(&events::create_endpoint(&new), &key("op-1"), 1000).await.expect("made");
    assert_eq!(WebhookEndpoint::clone(&answer.value).secret.as_deref(), Some("whsec_new"));
    let portal = purser_stripe::calls::portal::NewPortalSession { customer: "cus_1".into(), ..Default::default() };
    let visit = client.write(&purser_stripe::calls::portal::create_session(&portal), &key("op-2"), 1000).await;
    let shown = format!("{answer:?} {visit:?} {:?}", visit.as_ref().map(|visit| &visit.value.id));
    assert!(shown.contains("we_1") && shown.contains("bps_1"), "{shown}");
    let bytes = format!("{:?}", "whsec_new".as_bytes());
    for secret in SECRETS.iter().copied().chain([bytes.trim_matches(['[', ']'])]) {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    let event = r#"{"id":"evt_1","object":"event","type":"customer.created","created":5,"api_version":null,"livemode":false,
        "request":null,"data":{"object":{"id":"cus_1","email":"jenny@example.com"}}}"#;
    let event = purser_stripe::webhook::read(event.as_bytes()).expect("an event");
    assert!(!format!("{event:?}").contains("jenny@example.com"));
}
