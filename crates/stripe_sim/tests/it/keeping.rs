//! A state is kept, loaded in another process, and goes on as if nothing had been.

use crate::support::{DAY, Endpoint, Stripe, id};

/// A sandbox in which things are under way: a webhook that was refused, a key, a subscription, an open session.
fn under_way(stripe: &Stripe, endpoint: &Endpoint) -> String {
    let mut client = stripe.client();
    let form = format!("url={}&enabled_events[]=*", endpoint.url);
    client.good("POST", "/v1/webhook_endpoints", &form);
    let price = client.price();
    let customer = client.customer("pm_card_visa");
    let session =
        format!("mode=subscription&line_items[0][price]={price}&line_items[0][quantity]=1&success_url=https://a.b");
    client.good("POST", "/v1/checkout/sessions", &session);
    stripe.pass(60);
    endpoint.take();
    endpoint.answers(500);
    let made = client.keyed("/v1/subscriptions", &format!("customer={customer}&items[0][price]={price}"), "kept-key");
    assert_eq!(made.status, 200, "{}", made.body);
    stripe.pass(60);
    assert!(!endpoint.take().is_empty(), "it was tried");
    id(&made.json())
}

#[test]
fn a_state_that_was_kept_goes_on_in_another_process() {
    let endpoint = Endpoint::start();
    let stripe = Stripe::start();
    let subscription = under_way(&stripe, &endpoint);
    let asked = stripe.dump();
    let kept = stripe.stop();
    assert_eq!(kept, asked, "the control API and a stop keep the same");

    let stripe = Stripe::loading(&kept);
    assert_eq!(stripe.dump(), kept, "byte for byte");
    let mut client = stripe.client();
    let found = client.good("GET", &format!("/v1/subscriptions/{subscription}"), "");
    assert_eq!(found["status"], "active");
    let (customer, price) = (found["customer"].as_str(), found["items"]["data"][0]["price"]["id"].as_str());
    let form = format!("customer={}&items[0][price]={}", customer.unwrap_or_default(), price.unwrap_or_default());
    let again = client.keyed("/v1/subscriptions", &form, "kept-key");
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")), "the key is remembered");
    endpoint.answers(200);
    stripe.pass(DAY);
    let types = endpoint.types();
    for kind in ["customer.subscription.created", "invoice.paid", "checkout.session.expired"] {
        assert!(types.iter().any(|told| told == kind), "{kind} is still delivered: {types:?}");
    }
    stripe.pass(31 * DAY);
    assert!(endpoint.types().iter().any(|told| told == "invoice.payment_succeeded"));
    assert_eq!(
        client.good("GET", &format!("/v1/invoices?subscription={subscription}"), "")["data"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn what_is_no_state_is_refused_by_name_and_changes_nothing() {
    let endpoint = Endpoint::start();
    let stripe = Stripe::start();
    under_way(&stripe, &endpoint);
    let before = stripe.dump();
    let half = &before[..before.len() / 2];
    let other_table = before.replacen("\"customers\"", "\"costumers\"", 1);
    let other_format = before.replacen("purser sandbox 1", "purser sandbox 9", 1);
    assert_ne!(other_format, before, "a state says what it is");
    for (body, says) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("{}", "missing field"),
        ("[]", ""),
        ("null", ""),
        (r#"{"now":1,"target":2}"#, "missing field"),
        (half, "EOF"),
        (other_table.as_str(), "missing field `customers`"),
        (other_format.as_str(), "purser sandbox 9"),
    ] {
        let answer = stripe.client().ask("POST", "/_sandbox/api/load", &[], body.as_bytes());
        assert_eq!(answer.status, 400, "{}", &body[..body.len().min(40)]);
        assert!(
            answer.body.contains("is not one that a sandbox dumped") && answer.body.contains(says),
            "{}",
            answer.body
        );
        assert!(stripe.dump() == before, "the old state stays");
    }
    let answer = stripe.client().ask("POST", "/_sandbox/api/load", &[], b"\xff\xfe");
    assert_eq!(answer.status, 400);
    let answer = stripe.client().ask("POST", "/_sandbox/api/load", &[], before.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(stripe.dump() == before);
}
