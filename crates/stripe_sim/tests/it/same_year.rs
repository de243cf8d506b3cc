//! The same seed and the same requests give the same year, byte for byte: every answer, every delivery, the state.

use crate::support::{Client, DAY, Delivered, Endpoint, NEW_YEAR, Stripe, id};

/// What a year says: every answer's body and ids, every delivery, and the state at its end.
#[derive(PartialEq, Eq)]
struct Said {
    answers: Vec<String>,
    delivered: Vec<Delivered>,
    state: String,
}

/// A client that writes down what it is answered.
struct Scribe {
    client: Client,
    answers: Vec<String>,
}

impl Scribe {
    fn post(&mut self, path: &str, form: &str) -> serde_json::Value {
        let key = format!("key-{}", self.answers.len());
        let answer = self.client.keyed(path, form, &key);
        self.answers.push(format!("{} {path} {:?}\n{}", answer.status, answer.header("request-id"), answer.body));
        answer.json()
    }

    fn get(&mut self, path: &str) -> serde_json::Value {
        let answer = self.client.api("GET", path, "", &[]);
        self.answers.push(format!("{} {path} {:?}\n{}", answer.status, answer.header("request-id"), answer.body));
        answer.json()
    }
}

/// A year of all there is, moved by so many days at a time.
fn year(endpoint: &Endpoint, days: i64) -> Said {
    endpoint.take();
    endpoint.answers(200);
    let stripe = Stripe::start();
    let mut scribe = Scribe { client: stripe.client(), answers: Vec::new() };
    begin(&stripe, &mut scribe, endpoint);
    let end = NEW_YEAR + 366 * DAY;
    let mut now = stripe.control("GET", "clock", "")["now"].as_i64().expect("a time");
    while now < end {
        let next = (now + days * DAY).min(end);
        stripe.pass(next - now);
        now = next;
    }
    for path in ["/v1/invoices?limit=100", "/v1/events?limit=100", "/v1/subscriptions?status=all&limit=100"] {
        scribe.get(path);
    }
    drop(scribe.client);
    Said { answers: scribe.answers, delivered: endpoint.take(), state: stripe.stop() }
}

/// Everything that goes on by itself is begun.
fn begin(stripe: &Stripe, scribe: &mut Scribe, endpoint: &Endpoint) {
    scribe.post("/v1/webhook_endpoints", &format!("url={}&enabled_events[]=*", endpoint.url));
    let among = r#"[{"fault":"late","seconds":7200},{"fault":"twice"},{"fault":"out_of_order"},{"fault":"equal_timestamps"},{"fault":"never"}]"#;
    stripe.control("POST", "deliveries/drawn", &format!(r#"{{"seed":3,"of_thousand":200,"among":{among}}}"#));
    let product = id(&scribe.post("/v1/products", "name=Pro"));
    let price = |scribe: &mut Scribe, more: &str| {
        id(&scribe.post("/v1/prices", &format!("currency=usd&product={product}&{more}")))
    };
    let monthly = price(scribe, "unit_amount=2000&recurring[interval]=month");
    let yearly = price(scribe, "unit_amount=20000&recurring[interval]=year");
    let meter =
        id(&scribe.post("/v1/billing/meters", "display_name=Calls&event_name=calls&default_aggregation[formula]=sum"));
    let metered = price(
        scribe,
        &format!("unit_amount=3&recurring[interval]=month&recurring[usage_type]=metered&recurring[meter]={meter}"),
    );
    let customers: Vec<String> = [
        "pm_card_visa",
        "pm_card_visa",
        "pm_card_chargeCustomerFail",
        "pm_card_createDispute",
        "pm_usBankAccount_success",
        "pm_card_visa",
    ]
    .map(|method| {
        let customer = id(&scribe.post("/v1/customers", "email=jenny@example.com"));
        let method = id(&scribe.post(&format!("/v1/payment_methods/{method}/attach"), &format!("customer={customer}")));
        scribe
            .post(&format!("/v1/customers/{customer}"), &format!("invoice_settings[default_payment_method]={method}"));
        customer
    })
    .to_vec();
    for customer in &customers {
        scribe.post(
            "/v1/subscriptions",
            &format!("customer={customer}&items[0][price]={monthly}&items[1][price]={metered}"),
        );
        scribe.post(
            "/v1/billing/meter_events",
            &format!("event_name=calls&payload[stripe_customer_id]={customer}&payload[value]=41"),
        );
    }
    scribe.post("/v1/billing/meter_events", "event_name=calls&payload[stripe_customer_id]=cus_none&payload[value]=1");
    let trial = format!("customer={}&items[0][price]={yearly}&trial_period_days=14&metadata[a]=b", customers[0]);
    scribe.post("/v1/subscriptions", &trial);
    let phases = format!(
        "customer={}&start_date={}&phases[0][items][0][price]={monthly}&phases[0][duration][interval]=month\
         &phases[0][duration][interval_count]=2&phases[1][items][0][price]={yearly}&phases[1][duration][interval]=month&phases[1][duration][interval_count]=5",
        customers[5],
        NEW_YEAR + 3 * DAY
    );
    scribe.post("/v1/subscription_schedules", &phases);
    scribe.post(
        "/v1/checkout/sessions",
        &format!("mode=subscription&line_items[0][price]={monthly}&line_items[0][quantity]=1&success_url=https://a.b"),
    );
    let bought = format!(
        "amount=5000&currency=usd&customer={}&payment_method=pm_card_visa&confirm=true&return_url=https://a.b",
        customers[1]
    );
    let intent = id(&scribe.post("/v1/payment_intents", &bought));
    scribe.post("/v1/refunds", &format!("payment_intent={intent}&amount=1500"));
    // A customer who pays until the card fails, and is lost.
    let failing =
        id(&scribe
            .post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", &format!("customer={}", customers[1])));
    scribe.post(
        &format!("/v1/customers/{}", customers[1]),
        &format!("invoice_settings[default_payment_method]={failing}"),
    );
    // Deliveries that are refused at first are tried again.
    stripe.pass(1);
    endpoint.answers(500);
    scribe.post("/v1/customers", "name=Unheard");
    stripe.pass(700);
    endpoint.answers(200);
}

/// Where two texts part.
fn parting(one: &str, other: &str) -> String {
    let at = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| {
        String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(200)..(at + 200).min(text.len())]).into_owned()
    };
    format!("byte {at}:\n{}\n---\n{}", around(one), around(other))
}

#[test]
fn the_same_seed_gives_the_same_year_byte_for_byte() {
    let endpoint = Endpoint::start();
    let first = year(&endpoint, 400);
    assert!(first.delivered.len() > 200, "{} deliveries", first.delivered.len());
    for answer in &first.answers {
        assert!(answer.starts_with("200 ") || answer.starts_with("402 "), "{answer}");
    }
    for kind in [
        "invoice.payment_failed",
        "charge.dispute.created",
        "charge.dispute.closed",
        "checkout.session.expired",
        "subscription_schedule.completed",
        "invoice.upcoming",
        "customer.subscription.deleted",
        "charge.refunded",
        "customer.subscription.trial_will_end",
    ] {
        let there = first.delivered.iter().any(|(_, body)| body.contains(&format!("\"type\": \"{kind}\"")));
        assert!(there, "{kind} is part of the year");
    }
    let again = year(&endpoint, 400);
    for (one, other) in first.answers.iter().zip(&again.answers) {
        assert!(one == other, "{}", parting(one, other));
    }
    for (place, (one, other)) in first.delivered.iter().zip(&again.delivered).enumerate() {
        assert!(one == other, "delivery {place}: {}", parting(&one.1, &other.1));
    }
    assert!(first.state == again.state, "{}", parting(&first.state, &again.state));
    assert!(first == again);
    for days in [30, 1] {
        let other = year(&endpoint, days);
        for (place, (one, other)) in first.delivered.iter().zip(&other.delivered).enumerate() {
            assert!(one == other, "{days} days at a time, delivery {place}: {}", parting(&one.1, &other.1));
        }
        assert_eq!(first.delivered.len(), other.delivered.len(), "{days} days at a time");
        assert!(first.state == other.state, "{days} days at a time: {}", parting(&first.state, &other.state));
    }
}
