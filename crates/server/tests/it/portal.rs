//! The billing pages in process: who is let in and for how long, whose forms count, and what is said when something is wrong.

mod banners;
mod bought;
mod currencies;

use crate::world::{ADMIN, Answer, BOTH, Kind, World};
use axum::{
    body::Body,
    http::{Request, header},
};
use purser::{app, config::Secret};

/// Where the pages of worlds are reached.
pub const TOP: &str = "http://purser.test";

/// A world whose links are signed, with the default price book and two customers.
async fn world(kind: Kind) -> World {
    let world = World::with(kind, |config| config.secret = Some(Secret::new("s".repeat(40)))).await;
    app::install_price_book(&world.app).await;
    for (id, name, credits) in [("acme", "Acme Rockets", 7), ("globex", "Globex & Sons", 11)] {
        world.admin("PUT", &format!("/api/v1/customers/{id}"), &format!(r#"{{"name":"{name}"}}"#)).await;
        let grant = format!(r#"{{"amount":{credits},"source_kind":"promotion","source_id":"hello"}}"#);
        let given = world.ask(ADMIN, "POST", &format!("/api/v1/customers/{id}/grants"), grant).await;
        assert!(given.status < 300, "{}", given.text);
    }
    world
}

/// The path of a link for `customer`.
async fn link(world: &World, customer: &str) -> String {
    let made = world.admin("POST", &format!("/api/v1/customers/{customer}/portal_link"), "").await;
    let url = made["url"].as_str().expect("an address");
    url.strip_prefix(TOP).expect("an address of ours").to_owned()
}

/// The cookie of a visit of `customer`.
pub async fn visit(world: &World, customer: &str) -> String {
    let entered = get(world, "", &link(world, customer).await).await;
    assert_eq!(entered.status, 303, "{}", entered.text);
    assert_eq!(entered.headers[header::LOCATION], "/billing");
    let cookie = entered.headers[header::SET_COOKIE].to_str().expect("ASCII");
    cookie.split(';').next().expect("a pair").to_owned()
}

pub async fn get(world: &World, cookie: &str, path: &str) -> Answer {
    let request = Request::builder().uri(path).header(header::COOKIE, cookie);
    world.send(request.body(Body::empty()).expect("a request")).await
}

pub async fn post(world: &World, cookie: &str, path: &str, form: &str, origin: &str) -> Answer {
    let request = Request::builder().method("POST").uri(path).header(header::COOKIE, cookie);
    let request = request.header(header::ORIGIN, origin);
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    world.send(request.body(Body::from(form.to_owned())).expect("a request")).await
}

/// The mark of the forms of a visit.
pub async fn mark(world: &World, cookie: &str) -> String {
    let page = get(world, cookie, "/billing/manage").await.text;
    let (_, rest) = page.split_once(r#"name="mark" value=""#).expect("a form");
    rest.split('"').next().expect("its end").to_owned()
}

#[tokio::test]
async fn a_link_lets_its_customer_in_and_nobody_else() {
    for kind in BOTH {
        let world = world(kind).await;
        let (acme, globex) = (visit(&world, "acme").await, visit(&world, "globex").await);
        for (cookie, has, has_not) in [
            (&acme, ["Acme Rockets", "12 credits"], ["Globex", "16 credits"]),
            (&globex, ["Globex", "16 credits"], ["Acme", "12 credits"]),
        ] {
            let page = get(&world, cookie, "/billing").await;
            assert_eq!(page.status, 200, "{}", page.text);
            assert!(has.iter().all(|text| page.text.contains(text)), "{}", page.text);
            assert!(!has_not.iter().any(|text| page.text.contains(text)), "{}", page.text);
        }
        assert!(get(&world, &globex, "/billing").await.text.contains("Globex &#38; Sons"), "names are only text");
        // A link is no visit, a visit is no link, and neither is of somebody else's making.
        let token = link(&world, "acme").await;
        let token = token.split_once("token=").expect("a token").1;
        let forged = format!("{}0", &acme[..acme.len() - 1]);
        let other = format!("{}1", &acme[..acme.len() - 1]);
        let forged = if forged == acme { other } else { forged };
        let link_as_visit = format!("purser_billing={token}");
        for cookie in ["", link_as_visit.as_str(), forged.as_str()] {
            for path in ["/billing", "/billing/plans", "/billing/topup", "/billing/manage", "/billing/return"] {
                let page = get(&world, cookie, path).await;
                assert_eq!(page.status, 401, "{cookie} {path}");
                assert!(page.text.contains("This link has expired") && !page.text.contains("Acme"), "{}", page.text);
            }
        }
        let visit = acme.split_once('=').expect("a pair").1;
        for token in ["", "nonsense", visit] {
            assert_eq!(get(&world, "", &format!("/billing/enter?token={token}")).await.status, 401, "{token}");
        }
    }
}

#[tokio::test]
async fn links_and_visits_end() {
    let world = world(Kind::Sqlite).await;
    let (early, late) = (link(&world, "acme").await, link(&world, "acme").await);
    let cookie = visit(&world, "acme").await;
    world.clock.advance(599_000_000);
    assert_eq!(get(&world, "", &early).await.status, 303, "it serves more than once");
    world.clock.advance(1_000_000);
    assert_eq!(get(&world, "", &late).await.status, 401);
    assert_eq!(get(&world, &cookie, "/billing").await.status, 200, "a visit lasts longer than its link");
    world.clock.advance((12 * 3_600 - 601) * 1_000_000);
    assert_eq!(get(&world, &cookie, "/billing").await.status, 200);
    world.clock.advance(1_000_000);
    assert_eq!(get(&world, &cookie, "/billing").await.status, 401);
    let day = world.ask(ADMIN, "POST", "/api/v1/customers/acme/portal_link", r#"{"expires_in":86400}"#).await.json();
    let path = day["url"].as_str().expect("an address").strip_prefix(TOP).expect("ours").to_owned();
    world.clock.advance(86_399_000_000);
    assert_eq!(get(&world, "", &path).await.status, 303);
    for seconds in ["59", "86401", "\"600\"", "1.5"] {
        let body = format!(r#"{{"expires_in":{seconds}}}"#);
        let refused = world.ask(ADMIN, "POST", "/api/v1/customers/acme/portal_link", body).await;
        assert_eq!(refused.error(), ("invalid_field".into(), Some("expires_in".into())), "{seconds}");
    }
}

#[tokio::test]
async fn only_forms_of_the_visit_itself_do_anything() {
    for kind in BOTH {
        let world = world(kind).await;
        let (acme, globex) = (visit(&world, "acme").await, visit(&world, "globex").await);
        let (own, others) = (mark(&world, &acme).await, mark(&world, &globex).await);
        for path in ["portal", "checkout", "change", "cancel", "resume", "leave"] {
            let path = format!("/billing/{path}");
            for (form, origin) in [
                (String::new(), TOP),
                ("mark=".to_owned(), TOP),
                (format!("mark={others}"), TOP),
                (format!("mark={own}"), "https://evil.example"),
                (format!("mark={own}"), "null"),
            ] {
                let page = post(&world, &acme, &path, &form, origin).await;
                assert_eq!(page.status, 403, "{path} {form} {origin}: {}", page.text);
                assert!(page.text.contains("nothing was done"), "{}", page.text);
            }
        }
        assert_eq!(post(&world, "", "/billing/portal", &format!("mark={own}"), TOP).await.status, 401);
        // With its own mark it reaches the verb, which has no key of Stripe's here.
        let page = post(&world, &acme, "/billing/portal", &format!("mark={own}"), TOP).await;
        assert_eq!(page.status, 409, "{}", page.text);
        assert!(page.text.contains("Payments are not set up yet"), "{}", page.text);
        let left = post(&world, &acme, "/billing/leave", &format!("mark={own}"), TOP).await;
        assert_eq!(left.status, 200);
        assert!(left.headers[header::SET_COOKIE].to_str().expect("ASCII").contains("Max-Age=0"));
    }
}

#[tokio::test]
async fn pages_say_what_there_is_and_load_nothing_from_elsewhere() {
    let world = world(Kind::Sqlite).await;
    let cookie = visit(&world, "acme").await;
    for (path, texts) in [
        ("/billing", &["Overview", "Free", "No subscription", "Next expiry: ", "in detail", "Promotion", "Never"][..]),
        (
            "/billing/plans",
            &["your plan", "Free of charge.", "5 credits a day", "$20.00 a month", "$1,000.00 a year", "Not sold here"],
        ),
        ("/billing/topup", &["There are no top-ups at the moment"]),
        ("/billing/manage", &["You pay for no plan", "You have bought none yet"]),
    ] {
        let page = get(&world, &cookie, path).await;
        assert_eq!(page.status, 200, "{path}");
        for text in texts {
            assert!(page.text.contains(text), "{path}: {text} in {}", page.text);
        }
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("ASCII");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
        assert!(!page.text.contains("<script") && !page.text.contains("://"), "{path}: {}", page.text);
        assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(page.headers[header::X_FRAME_OPTIONS], "DENY");
    }
    assert_eq!(get(&world, "", "/billing/style.css").await.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    for path in ["/billing/nowhere", "/billing/return", "/billing/return?session_id=../x"] {
        let page = get(&world, &cookie, path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text.contains("There is no such page"), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn the_cookie_is_for_us_alone() {
    for (public_url, secure) in [(TOP, false), ("https://billing.example.com", true)] {
        let world = World::with(Kind::Sqlite, |config| {
            config.secret = Some(Secret::new("s".repeat(40)));
            config.public_url = Some(public_url.to_owned());
        })
        .await;
        world.admin("PUT", "/api/v1/customers/acme", "{}").await;
        let made = world.admin("POST", "/api/v1/customers/acme/portal_link", "").await;
        let url = made["url"].as_str().expect("an address");
        let entered = get(&world, "", url.strip_prefix(public_url).expect("ours")).await;
        let cookie = entered.headers[header::SET_COOKIE].to_str().expect("ASCII");
        for part in ["; Path=/billing", "; Max-Age=43200", "; HttpOnly", "; SameSite=Lax"] {
            assert!(cookie.contains(part), "{part} in {cookie}");
        }
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
    }
}

#[tokio::test]
async fn without_a_secret_there_are_no_links_and_an_archived_customer_has_no_pages() {
    let plain = World::on(Kind::Sqlite).await;
    plain.admin("PUT", "/api/v1/customers/acme", "{}").await;
    let refused = plain.ask(ADMIN, "POST", "/api/v1/customers/acme/portal_link", "").await;
    assert_eq!((refused.status, refused.error().0.as_str()), (409, "portal_not_configured"));
    assert_eq!(get(&plain, "", "/billing/enter?token=1.2.3.4").await.status, 409);
    for kind in BOTH {
        let world = world(kind).await;
        let unknown = world.ask(ADMIN, "POST", "/api/v1/customers/nobody/portal_link", "").await;
        assert_eq!((unknown.status, unknown.error().0.as_str()), (404, "unknown_customer"));
        let cookie = visit(&world, "acme").await;
        world.admin("DELETE", "/api/v1/customers/acme", "").await;
        let page = get(&world, &cookie, "/billing").await;
        assert!(page.status == 404 && page.text.contains("This account is closed"), "{}", page.text);
        let refused = world.ask(ADMIN, "POST", "/api/v1/customers/acme/portal_link", "").await;
        assert_eq!((refused.status, refused.error().0.as_str()), (409, "customer_archived"));
    }
}

/// Each may ask Stripe, at the rate of the whole node: nobody's pages hold up what others paid for.
#[tokio::test]
async fn who_opens_too_many_pages_waits_and_nobody_else_does() {
    let world = World::with(Kind::Sqlite, |config| {
        config.secret = Some(Secret::new("s".repeat(40)));
        config.pages_per_customer = 2;
        config.requests_per_address = 2;
    })
    .await;
    for customer in ["acme", "globex"] {
        world.admin("PUT", &format!("/api/v1/customers/{customer}"), "{}").await;
    }
    let (acme, another, globex) =
        (visit(&world, "acme").await, visit(&world, "acme").await, visit(&world, "globex").await);
    for cookie in [&acme, &another] {
        assert_eq!(get(&world, cookie, "/billing").await.status, 200);
    }
    for (cookie, path) in [(&acme, "/billing"), (&another, "/billing/return?session_id=cs_1")] {
        let limited = get(&world, cookie, path).await;
        assert_eq!(limited.status, 429, "{path}: {}", limited.text);
        assert!(limited.text.contains("That takes a little longer"), "{path}: {}", limited.text);
        let wait: u32 = limited.headers[header::RETRY_AFTER].to_str().expect("ASCII").parse().expect("a number");
        assert!((1..=31).contains(&wait), "{path}: {wait}");
    }
    assert_eq!(get(&world, &globex, "/billing").await.status, 200);
    // Who guesses links is limited by address, and a link that is good works all the same.
    for status in [401, 401, 429] {
        assert_eq!(get(&world, "", "/billing/enter?token=nonsense").await.status, status);
    }
    visit(&world, "globex").await;
}
