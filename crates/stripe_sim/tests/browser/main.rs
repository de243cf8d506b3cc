//! The pages in a real browser, by the keyboard alone: a payer at checkout, a customer in the portal, a developer at the
//! control page; and what must hold of every page, on a desk and on a phone.

mod driver;
mod lives;
mod person;

use driver::Browser;
use purser_stripe_sim::{Clock, Sandbox, Settings};
use std::net::TcpListener;

/// What must hold of every page.
const CHECKS: &str = concat!(include_str!("checks.js"), include_str!("own.js"));
/// The pages of developers, beside those that were come by.
const PAGES: &[&str] = &[
    "/",
    "/_sandbox/clock",
    "/_sandbox/objects",
    "/_sandbox/objects/customer",
    "/_sandbox/objects/invoice",
    "/_sandbox/objects/event",
    "/_sandbox/events",
    "/_sandbox/inbox",
    "/_sandbox/endpoints",
    "/_sandbox/requests",
    "/_sandbox/operations",
    "/_sandbox/faults",
    "/_sandbox/disputes",
    "/_sandbox/settings",
    "/_sandbox/state",
    "/_sandbox/api",
    "/_sandbox/object?id=nothing",
    "/nowhere",
];

/// 2026-01-01T00:00:00Z, on which the sandbox's clock stands.
const NEW_YEAR: i64 = 1_767_225_600;

/// A sandbox that runs until the test is over; its address.
fn sandbox() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let base = format!("http://{}", listener.local_addr().expect("its address"));
    let settings = Settings { seed: 1, clock: Clock::Standing(NEW_YEAR), load: None, record: None };
    let sandbox = Sandbox::new(settings, &base).expect("a sandbox");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            sandbox.serve(listener).await
        })
    });
    base
}

#[test]
fn people_get_along_by_the_keyboard_and_every_page_is_fit_to_be_seen() {
    let base = sandbox();
    let developers: Vec<String> = PAGES.iter().map(|page| format!("{base}{page}")).collect();
    let desk = Browser::start(false);
    check(&desk, &developers, "empty, on a desk");
    // Of these each is checked when it is come by.
    let mut pages = lives::all(&desk, &base);
    check(&desk, &developers, "on a desk");
    drop(desk);
    pages.extend(developers);
    let phone = Browser::start(true);
    phone.open(&base);
    assert_eq!(phone.run("return innerWidth"), 390);
    check(&phone, &pages, "on a phone");
}

/// Looks at each of these pages.
fn check(browser: &Browser, pages: &[String], place: &str) {
    let mut wrong = Vec::new();
    for page in pages {
        browser.open(page);
        let found = browser.run(CHECKS);
        wrong.extend(found.as_array().into_iter().flatten().map(|what| format!("{page} {place}: {what}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
