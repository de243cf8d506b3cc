//! The demo in a real browser, by the keyboard alone: from a first purchase through months of renewals to the end.

#[expect(dead_code, reason = "the black-box tests use the rest of it")]
#[path = "../outside/client.rs"]
mod client;
mod demo;
#[path = "../../../stripe_sim/tests/browser/driver.rs"]
mod driver;
#[expect(dead_code, reason = "the sandbox's own test uses the rest of it")]
#[path = "../../../stripe_sim/tests/browser/person.rs"]
mod person;
mod story;

use demo::Demo;
use driver::Browser;

/// What must hold of every page, the sandbox's and ours.
const CHECKS: &str = concat!(include_str!("../../../stripe_sim/tests/browser/checks.js"), include_str!("own.js"));
/// The pages that are looked at on a phone.
const PAGES: &[&str] = &["/billing", "/billing/plans", "/billing/topup", "/billing/manage", "/billing/nowhere"];

#[test]
fn a_person_lives_with_the_demo_for_months() {
    let mut demo = Demo::start();
    let browser = Browser::start(false);
    story::lived(&demo, &browser);
    on_a_phone(&demo);
    // What was done is kept: the demo goes on where it was, and so does its Stripe.
    let (subscriptions, balance) = (demo.get("/customers/hooli/subscriptions"), demo.get("/customers/hooli/balance"));
    demo.stop();
    demo.verify();
    demo.begin();
    assert_eq!(demo.get("/customers/hooli/subscriptions"), subscriptions);
    assert_eq!(demo.get("/customers/hooli/balance")["by_source"], balance["by_source"]);
    assert_eq!(
        demo.stripe("GET", &format!("subscriptions/{}", id(&subscriptions["data"][0])), "")["status"],
        "canceled"
    );
    browser.open(&demo.link());
    assert_eq!(browser.run("return document.title"), "Overview · Billing");
}

/// Every page of ours fits a phone.
fn on_a_phone(demo: &Demo) {
    let phone = Browser::start(true);
    phone.open(&demo.link());
    for page in PAGES {
        phone.open(&format!("{}{page}", demo.url));
        assert_eq!(phone.run("return innerWidth"), 390);
        assert_eq!(phone.run(CHECKS), serde_json::json!([]), "{page} on a phone");
    }
    // Who was not let in is told so, on a page that is as fit to be seen.
    let stranger = Browser::start(true);
    stranger.open(&format!("{}/billing", demo.url));
    assert_eq!(stranger.run("return document.title"), "This link has expired · Billing");
    assert_eq!(stranger.run(CHECKS), serde_json::json!([]), "a stranger");
}

/// The id of something.
fn id(of: &serde_json::Value) -> &str {
    of["id"].as_str().unwrap_or_else(|| panic!("no id: {of}"))
}
