//! Many clients at once: one object, one key, one clock.

use crate::support::{Client, DAY, NEW_YEAR, Stripe, id, until};
use std::{
    sync::{Arc, Barrier},
    thread,
};

/// Lets `count` clients ask at the same moment.
fn at_once<T: Send + 'static>(
    stripe: &Stripe,
    count: usize,
    ask: impl Fn(&mut Client, usize) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let (barrier, ask) = (Arc::new(Barrier::new(count)), Arc::new(ask));
    let clients: Vec<_> = (0..count)
        .map(|number| {
            let (barrier, ask, mut client) = (barrier.clone(), ask.clone(), stripe.client());
            thread::spawn(move || {
                barrier.wait();
                ask(&mut client, number)
            })
        })
        .collect();
    clients.into_iter().map(|client| client.join().expect("an answer")).collect()
}

/// Plants that the next request with this path takes a while, and begins it; it is running when this comes back.
fn slow(
    stripe: &Stripe,
    path: &str,
    ms: u64,
    ask: impl FnOnce(&mut Client) -> u16 + Send + 'static,
) -> thread::JoinHandle<u16> {
    let fault = format!(r#"{{"kind":"slow","ms":{ms},"method":"POST","path":"{path}","times":1}}"#);
    stripe.control("POST", "faults", &fault);
    let mut client = stripe.client();
    let asked = thread::spawn(move || ask(&mut client));
    until("the slow request runs", || {
        stripe.control("GET", "faults", "")["requests"].as_array().is_some_and(Vec::is_empty)
    });
    asked
}

#[test]
fn two_clients_of_one_object_get_the_lock_error() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let customer = id(&client.good("POST", "/v1/customers", "name=Jenny"));
    let other = id(&client.good("POST", "/v1/customers", "name=Other"));
    let path = format!("/v1/customers/{customer}");
    let first = {
        let path = path.clone();
        slow(&stripe, &path.clone(), 2000, move |client| client.api("POST", &path, "metadata[first]=1", &[]).status)
    };
    let locked = client.api("POST", &path, "metadata[second]=1", &[]);
    assert_eq!(locked.refusal(), (429, "invalid_request_error".into(), "lock_timeout".into()));
    assert_eq!(locked.header("stripe-should-retry"), Some("true"));
    assert_eq!(locked.header("stripe-rate-limited-reason"), None, "that would be a rate limit");
    assert!(locked.header("request-id").is_some_and(|id| id.starts_with("req_")), "{}", locked.head);
    assert_eq!(client.api("DELETE", &path, "", &[]).refusal().2, "lock_timeout");
    assert_eq!(client.api("GET", &path, "", &[]).status, 200, "who reads does not wait");
    assert_eq!(
        client.api("POST", &format!("/v1/customers/{other}"), "name=O", &[]).status,
        200,
        "nor who is elsewhere"
    );
    assert_eq!(first.join().expect("an answer"), 200);
    assert_eq!(client.api("POST", &path, "metadata[second]=1", &[]).status, 200, "sent again, it is done");
    let metadata = client.good("GET", &path, "")["metadata"].clone();
    assert_eq!(metadata, serde_json::json!({ "first": "1", "second": "1" }));
}

#[test]
fn clients_that_race_for_one_object_lose_nothing_that_was_answered() {
    let stripe = Stripe::start();
    let customer = id(&stripe.client().good("POST", "/v1/customers", ""));
    let path = format!("/v1/customers/{customer}");
    let asked = path.clone();
    let answers = at_once(&stripe, 16, move |client, number| {
        (0..3).map(|turn| client.api("POST", &asked, &format!("metadata[k{number}_{turn}]=1"), &[])).collect::<Vec<_>>()
    });
    let answers = answers.concat();
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(done >= 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.refusal().2, "lock_timeout");
    }
    let metadata = stripe.client().good("GET", &path, "")["metadata"].as_object().map(serde_json::Map::len);
    assert_eq!(metadata, Some(done), "each that was done was done once, each that was not, never");
}

#[test]
fn fifty_clients_with_one_key_have_one_effect() {
    let stripe = Stripe::start();
    let answers = at_once(&stripe, 50, |client, _| client.keyed("/v1/customers", "name=Jenny", "one-key"));
    let mut ids: Vec<String> = Vec::new();
    for answer in &answers {
        if answer.status == 200 {
            ids.push(id(&answer.json()));
        } else {
            let expected = (409, "idempotency_error".into(), "idempotency_key_in_use".into());
            assert_eq!(answer.refusal(), expected);
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "all that were answered were answered the same");
    let first = answers.iter().filter(|answer| answer.status == 200 && answer.header("idempotent-replayed").is_none());
    assert_eq!(first.count(), 1, "the others are told that it is a replay");
    assert_eq!(stripe.client().good("GET", "/v1/customers", "")["data"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_key_in_use_is_told_before_the_lock_and_replayed_afterwards() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let customer = id(&client.good("POST", "/v1/customers", ""));
    let path = format!("/v1/customers/{customer}");
    let first = {
        let path = path.clone();
        slow(&stripe, &path.clone(), 2000, move |client| client.keyed(&path, "name=A", "k").status)
    };
    let answers = {
        let path = path.clone();
        at_once(&stripe, 20, move |client, _| client.keyed(&path, "name=A", "k"))
    };
    for answer in answers {
        assert_eq!(answer.refusal(), (409, "idempotency_error".into(), "idempotency_key_in_use".into()));
    }
    assert_eq!(first.join().expect("an answer"), 200);
    let again = client.keyed(&path, "name=A", "k");
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert!(again.header("original-request").is_some());
}

#[test]
fn a_key_belongs_to_its_request() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let made = client.keyed("/v1/customers", "name=A&metadata[a]=1", "k");
    assert_eq!(client.keyed("/v1/customers", "metadata%5Ba%5D=1&name=A", "k").body, made.body, "however it is written");
    for (path, form) in [("/v1/customers", "name=B"), ("/v1/products", "name=A&metadata[a]=1")] {
        let refused = client.keyed(path, form, "k");
        assert_eq!((refused.status, refused.refusal().1.as_str()), (400, "idempotency_error"), "{path}");
        assert_eq!(refused.header("stripe-should-retry"), Some("false"));
    }
    for form in ["unit_amount=1", "currency=usd&unit_amount=1&product=prod_none"] {
        assert_eq!(client.keyed("/v1/prices", form, "after a refusal").status, 400);
    }
    let product = id(&client.good("POST", "/v1/products", "name=P"));
    let price = client.keyed("/v1/prices", &format!("currency=usd&unit_amount=1&product={product}"), "after a refusal");
    assert_eq!((price.status, price.header("idempotent-replayed")), (200, None), "a refusal is not remembered");
    for key in ["", &"k".repeat(256)] {
        let refused = client.keyed("/v1/customers", "", key);
        assert_eq!((refused.status, refused.refusal().1.as_str()), (400, "idempotency_error"), "{key}");
    }
    assert_eq!(client.keyed("/v1/customers", "", &"k".repeat(255)).status, 200);
}

#[test]
fn a_key_is_remembered_for_a_day_of_the_sandbox() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let first = id(&client.keyed("/v1/customers", "name=A", "k").json());
    stripe.pass(DAY - 1);
    assert_eq!(id(&client.keyed("/v1/customers", "name=A", "k").json()), first);
    stripe.pass(1);
    let anew = client.keyed("/v1/customers", "name=A", "k");
    assert_eq!((anew.status, anew.header("idempotent-replayed")), (200, None));
    assert_ne!(id(&anew.json()), first);
}

#[test]
fn trouble_before_does_nothing_and_trouble_after_is_found_again() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let count = |client: &mut Client| client.good("GET", "/v1/customers", "")["data"].as_array().map_or(0, Vec::len);
    for (kind, replayed) in [("trouble", None), ("trouble_after", Some("true"))] {
        let before = count(&mut client);
        let fault = format!(r#"{{"kind":"{kind}","status":500,"method":"POST","path":"/v1/customers","times":1}}"#);
        stripe.control("POST", "faults", &fault);
        let lost = client.keyed("/v1/customers", "name=A", kind);
        assert_eq!((lost.status, lost.refusal().1.as_str()), (500, "api_error"));
        assert!(lost.header("request-id").is_some());
        let again = client.keyed("/v1/customers", "name=A", kind);
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, replayed), "{kind}");
        assert_eq!(count(&mut client), before + 1, "{kind}: one effect");
    }
    for (kind, made) in [("cut_before", 0), ("cut_after", 1)] {
        let before = count(&mut client);
        let fault = format!(r#"{{"kind":"{kind}","method":"POST","path":"/v1/customers","times":1}}"#);
        stripe.control("POST", "faults", &fault);
        let form = "name=A".as_bytes();
        let headers = [("authorization", "Bearer sk_test_it"), ("idempotency-key", kind)];
        assert_eq!(stripe.client().try_ask("POST", "/v1/customers", &headers, form), None);
        assert_eq!(count(&mut client), before + made, "{kind}");
        assert_eq!(client.keyed("/v1/customers", "name=A", kind).status, 200);
        assert_eq!(count(&mut client), before + 1, "{kind}: one effect");
    }
}

#[test]
fn trouble_that_is_kept_is_what_its_key_gets_from_then_on() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let fault = r#"{"kind":"trouble_kept","status":500,"method":"POST","path":"/v1/customers","times":1}"#;
    stripe.control("POST", "faults", fault);
    for replayed in [None, Some("true"), Some("true")] {
        let lost = client.keyed("/v1/customers", "name=A", "k");
        assert_eq!((lost.status, lost.header("idempotent-replayed")), (500, replayed));
    }
    assert_eq!(client.good("GET", "/v1/customers", "")["data"].as_array().map(Vec::len), Some(0), "nothing is done");
    assert_eq!(client.keyed("/v1/customers", "name=A", "another").status, 200);
    stripe.control("POST", "faults", fault);
    assert_eq!(client.keyed("/v1/customers", "name=A", "another").status, 200, "a key keeps its first answer");
}

#[test]
fn an_outage_and_a_rate_limit_last_until_they_are_taken_away() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    stripe.control("POST", "faults", r#"{"kind":"trouble","status":503}"#);
    for _ in 0..3 {
        let answer = client.api("GET", "/v1/customers", "", &[]);
        assert_eq!((answer.status, answer.header("stripe-should-retry")), (503, None));
    }
    stripe.control("DELETE", "faults", "");
    assert_eq!(client.api("GET", "/v1/customers", "", &[]).status, 200);
    stripe.control("POST", "faults", r#"{"kind":"rate_limit","path":"/v1/prices","times":2}"#);
    for _ in 0..2 {
        let limited = client.api("GET", "/v1/prices", "", &[]);
        assert_eq!(limited.refusal(), (429, "invalid_request_error".into(), "rate_limit".into()));
        assert_eq!(limited.header("stripe-rate-limited-reason"), Some("global-rate"));
        assert_eq!(client.api("GET", "/v1/customers", "", &[]).status, 200, "elsewhere there is none");
    }
    assert_eq!(client.api("GET", "/v1/prices", "", &[]).status, 200);
}

#[test]
fn requests_go_on_while_time_moves_and_one_moves_it_at_a_time() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let price = client.price();
    for _ in 0..10 {
        let customer = client.customer("pm_card_visa");
        client.subscribe(&customer, &price, "");
    }
    let year = format!("{{\"by\":{}}}", 365 * DAY);
    let answers = at_once(&stripe, 6, move |client, number| match number {
        0 | 1 => client.ask("POST", "/_sandbox/api/clock", &[], year.as_bytes()).status,
        2 | 3 => {
            (0..20).map(|turn| client.keyed("/v1/customers", "", &format!("{number} {turn}")).status).max().unwrap_or(0)
        }
        _ => (0..20).map(|_| client.api("GET", "/v1/invoices", "limit=100", &[]).status).max().unwrap_or(0),
    });
    assert_eq!(answers[2..], [200; 4]);
    let mut moved = answers[..2].to_vec();
    moved.sort_unstable();
    let other_was_told_or_came_later = moved == [200, 400] || moved == [202, 400] || moved == [200, 200];
    assert!(other_was_told_or_came_later, "{moved:?}");
    until("the clock has arrived", || stripe.control("GET", "clock", "")["moving"] == false);
    let years = if moved == [200, 200] { 2 } else { 1 };
    assert_eq!(stripe.control("GET", "clock", "")["now"], NEW_YEAR + years * 365 * DAY);
    assert_eq!(client.good("GET", "/v1/customers", "limit=100")["data"].as_array().map(Vec::len), Some(50));
}

#[test]
fn a_test_clock_that_is_moved_is_moved_once() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let clock = id(&client.good("POST", "/v1/test_helpers/test_clocks", &format!("frozen_time={NEW_YEAR}")));
    let path = format!("/v1/test_helpers/test_clocks/{clock}/advance");
    let to = NEW_YEAR + 365 * DAY;
    let answers = at_once(&stripe, 2, move |client, _| client.api("POST", &path, &format!("frozen_time={to}"), &[]));
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    // The other was under way (429), or had arrived (400).
    assert!(statuses == [200, 429] || statuses == [200, 400], "{statuses:?}");
    let path = format!("/v1/test_helpers/test_clocks/{clock}");
    until("the clock is ready", || client.good("GET", &path, "")["status"] == "ready");
    assert_eq!(client.good("GET", &path, "")["frozen_time"], to);
}
