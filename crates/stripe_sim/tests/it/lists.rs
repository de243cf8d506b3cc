//! Pages of lists while objects are made, expansion, and what metadata may hold.

use crate::support::{Stripe, id};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

#[test]
fn pages_show_all_there_was_once_while_more_is_made() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let there: BTreeSet<String> = (0..230).map(|_| id(&client.good("POST", "/v1/customers", ""))).collect();
    let over = Arc::new(AtomicBool::new(false));
    let maker = {
        let (over, mut client) = (over.clone(), stripe.client());
        thread::spawn(move || {
            let mut made = 0;
            while !over.load(Relaxed) || made < 20 {
                client.good("POST", "/v1/customers", "");
                made += 1;
            }
        })
    };
    for (first, direction) in [("", "starting_after"), ("", "ending_before")] {
        let mut seen: Vec<String> = Vec::new();
        let mut place = first.to_owned();
        if direction == "ending_before" {
            place = format!("&ending_before={}", there.iter().next().expect("a customer"));
        }
        loop {
            let page = client.good("GET", "/v1/customers", &format!("limit=17{place}"));
            let ids: Vec<String> = page["data"].as_array().expect("a page").iter().map(id).collect();
            let next = if direction == "starting_after" { ids.last() } else { ids.first() };
            place = next.map_or_else(|| place.clone(), |next| format!("&{direction}={next}"));
            seen.extend(ids);
            if page["has_more"] == false || (direction == "ending_before" && seen.len() > 1000) {
                break;
            }
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(once.len(), seen.len(), "{direction}: nothing twice");
        if direction == "starting_after" {
            assert!(there.is_subset(&once), "nothing is left out");
        }
    }
    over.store(true, Relaxed);
    maker.join().expect("made");
}

#[test]
fn lists_by_what_they_belong_to_agree_with_whole_lists() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let price = client.price();
    let customers: Vec<String> = (0..4).map(|_| client.customer("pm_card_visa")).collect();
    for customer in customers.iter().chain(&customers) {
        client.subscribe(customer, &price, "");
    }
    stripe.pass(70 * 86_400);
    for kind in ["invoices", "subscriptions", "payment_intents", "charges"] {
        let path = format!("/v1/{kind}");
        let all = client.good("GET", &path, "limit=100");
        let all = all["data"].as_array().expect("a list");
        for customer in &customers {
            let expected: Vec<String> =
                all.iter().filter(|object| object["customer"] == customer.as_str()).map(id).collect();
            let mut found: Vec<String> = Vec::new();
            let mut place = String::new();
            loop {
                let page = client.good("GET", &path, &format!("customer={customer}&limit=2{place}"));
                found.extend(page["data"].as_array().expect("a page").iter().map(id));
                if page["has_more"] == false {
                    break;
                }
                place = format!("&starting_after={}", found.last().expect("an object"));
            }
            assert!(expected.len() >= 2 && found == expected, "{kind} of {customer}: {found:?} {expected:?}");
            // Another customer's object is a place like any other.
            let other = all.iter().map(id).find(|id| !expected.contains(id)).expect("another's");
            let older = client.good("GET", &path, &format!("customer={customer}&limit=100&starting_after={other}"));
            let at = all.iter().position(|object| id(object) == other).expect("it is there");
            let rest: Vec<String> =
                all[at..].iter().filter(|object| object["customer"] == customer.as_str()).map(id).collect();
            assert_eq!(older["data"].as_array().expect("a page").iter().map(id).collect::<Vec<_>>(), rest, "{kind}");
        }
    }
}

#[test]
fn answers_are_expanded_four_deep_and_no_deeper() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let price = client.price();
    let customer = client.customer("pm_card_visa");
    let subscription = client.subscribe(&customer, &price, "");
    let path = format!("/v1/subscriptions/{subscription}");
    let deep = client.good("GET", &path, "expand[]=latest_invoice.payments&expand[]=customer");
    assert_eq!(deep["customer"]["id"], customer.as_str());
    assert_eq!(deep["latest_invoice"]["payments"]["object"], "list");
    let four = client.good("GET", &path, "expand[0]=latest_invoice.customer.invoice_settings.default_payment_method");
    let method = &four["latest_invoice"]["customer"]["invoice_settings"]["default_payment_method"];
    assert_eq!(method["object"], "payment_method");
    let list = client.good("GET", "/v1/subscriptions", "expand[]=data.latest_invoice.customer");
    assert_eq!(list["data"][0]["latest_invoice"]["customer"]["id"], customer.as_str());
    for (form, code, says) in [
        (
            "expand[]=latest_invoice.customer.invoice_settings.default_payment_method.customer",
            "property_expansion_max_depth",
            "4 levels",
        ),
        ("expand[]=nothing", "", "cannot be expanded (nothing)"),
        ("expand[]=id", "", "cannot be expanded"),
        ("expand[]=", "parameter_invalid_empty", ""),
        ("expand=customer", "", "Invalid array"),
        ("expand[]=.", "", ""),
        ("expand[]=customer..", "", ""),
    ] {
        let refused = client.api("GET", &path, form, &[]);
        assert_eq!((refused.status, refused.refusal().2.as_str()), (400, code), "{form}");
        assert!(refused.body.contains(says), "{form}: {}", refused.body);
    }
    let hint = client.api("GET", "/v1/subscriptions", "expand[]=customer", &[]);
    assert!(hint.body.contains("You may want to try expanding 'data.customer' instead."), "{}", hint.body);
}

#[test]
fn metadata_has_its_limits() {
    let stripe = Stripe::start();
    let mut client = stripe.client();
    let keys = |count: usize| (0..count).map(|n| format!("metadata[k{n}]=v")).collect::<Vec<_>>().join("&");
    let table = [
        (keys(50), 200),
        (keys(51), 400),
        (format!("metadata[{}]=v", "k".repeat(40)), 200),
        (format!("metadata[{}]=v", "k".repeat(41)), 400),
        (format!("metadata[k]={}", "v".repeat(500)), 200),
        (format!("metadata[k]={}", "v".repeat(501)), 400),
        (format!("metadata[k]={}", "%C3%A9".repeat(500)), 200),
        ("metadata[a][b]=v".to_owned(), 400),
        ("metadata=v".to_owned(), 400),
        ("metadata=".to_owned(), 200),
    ];
    for (form, status) in table {
        let answer = client.api("POST", "/v1/customers", &form, &[]);
        assert_eq!(answer.status, status, "{}: {}", &form[..form.len().min(60)], answer.body);
        if status == 400 {
            assert_eq!(answer.refusal().1, "invalid_request_error");
        }
    }
    let made = id(&client.good("POST", "/v1/customers", &keys(50)));
    let path = format!("/v1/customers/{made}");
    assert_eq!(client.api("POST", &path, "metadata[more]=v", &[]).status, 400, "50 in all, not 50 at a time");
    assert_eq!(client.api("POST", &path, "metadata[more]=v&metadata[k0]=", &[]).status, 200, "one comes, one goes");
    assert_eq!(client.good("POST", &path, "metadata=")["metadata"], serde_json::json!({}));
}
