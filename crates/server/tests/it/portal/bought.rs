//! Buying on the pages: the form leads to Stripe, the return page says what came of it, and Stripe may be away.

use super::{
    TOP,
    banners::{DAY, pays_by},
    get, mark, post, visit,
};
use crate::{
    payments::{Shop, text},
    world::{BOTH, Kind},
};
use axum::http::header;
use purser_stripe::calls::{customers, subscriptions as calls};
use serde_json::json;

/// Presses the button of a pack; the session that the browser is led to.
async fn presses(shop: &Shop, cookie: &str, pack: &str) -> String {
    let form = format!("mark={}&pack={pack}", mark(&shop.world, cookie).await);
    let led = post(&shop.world, cookie, "/billing/checkout", &form, TOP).await;
    assert_eq!(led.status, 303, "{}", led.text);
    let url = led.headers[header::LOCATION].to_str().expect("ASCII");
    url.rsplit('/').next().expect("a session").to_owned()
}

#[tokio::test]
async fn a_pack_is_bought_and_the_return_page_says_what_came_of_it() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.customer("globex").await;
        let pack = shop.pack("pack-50", 50, 500).await;
        let (acme, globex) = (visit(&shop.world, "acme").await, visit(&shop.world, "globex").await);
        let shown = get(&shop.world, &acme, "/billing/topup").await.text;
        assert!(shown.contains("50 credits") && shown.contains("$5.00") && shown.contains("Buy"), "{shown}");
        let session = presses(&shop, &acme, text(&pack["id"])).await;
        assert_eq!(presses(&shop, &acme, text(&pack["id"])).await, session, "the one that is open");
        let back = format!("/billing/return?session_id={session}");
        let early = get(&shop.world, &acme, &back).await;
        assert!(early.status == 200 && early.text.contains("Nothing was paid yet"), "{}", early.text);
        shop.pay_session(&session, "pm_card_visa").await;
        for _ in 0..2 {
            let done = get(&shop.world, &acme, &back).await;
            assert!(done.text.contains("50 credits are yours, for $5.00."), "{}", done.text);
        }
        shop.deliver().await;
        assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "once");
        let bought = get(&shop.world, &acme, "/billing/manage").await.text;
        assert!(bought.contains("$5.00") && bought.contains("Paid"), "{bought}");
        let others = get(&shop.world, &globex, &back).await;
        assert_eq!(others.status, 404);
        assert!(others.text.contains("No payment of yours has this address"), "{}", others.text);
        shop.proved().await;
    }
}

/// One of them comes back at once, the other pays in one tab and buys in another first: no webhook came yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_there_when_its_payer_is_back_and_bought_once_by_two_tabs() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.customer("globex").await;
        let price = shop.plan("team", 1, &json!({})).await;
        shop.plan("better", 2, &json!({})).await;
        for (customer, has_two_tabs) in [("acme", true), ("globex", false)] {
            let cookie = visit(&shop.world, customer).await;
            let shown = get(&shop.world, &cookie, "/billing/plans").await.text;
            assert!(shown.contains("Buy") && !shown.contains("/billing/change"), "{kind:?}: {shown}");
            let form = format!("mark={}&price={price}", mark(&shop.world, &cookie).await);
            let led = post(&shop.world, &cookie, "/billing/checkout", &form, TOP).await;
            assert_eq!(led.status, 303, "{kind:?}: {}", led.text);
            let url = led.headers[header::LOCATION].to_str().expect("ASCII");
            let session = url.rsplit('/').next().expect("a session").to_owned();
            shop.pay_session(&session, "pm_card_visa").await;
            let sessions = shop.sessions().await.len();
            if has_two_tabs {
                let second = post(&shop.world, &cookie, "/billing/checkout", &form, TOP).await;
                assert_eq!(second.status, 200, "{kind:?}: {}", second.text);
                assert!(second.text.contains("You have a plan already"), "{kind:?}: {}", second.text);
                assert_eq!(shop.sessions().await.len(), sessions, "{kind:?}");
            }
            let back = format!("/billing/return?session_id={session}");
            let done = get(&shop.world, &cookie, &back).await;
            assert!(done.text.contains("Your plan is active."), "{kind:?} {customer}: {}", done.text);
            let shown = get(&shop.world, &cookie, "/billing/plans").await.text;
            assert!(shown.contains("/billing/change") && shown.contains("What you pay now"), "{kind:?}: {shown}");
            assert!(!shown.contains("/billing/checkout"), "{kind:?}: {shown}");
            // Ended, the kept address of the page says so.
            let made = shop.session(&session).await.subscription.expect("a subscription").id().to_owned();
            shop.write(&calls::cancel(&made, &calls::Cancellation::default())).await;
            let late = get(&shop.world, &cookie, &back).await;
            assert!(late.text.contains("This payment was used before"), "{kind:?} {customer}: {}", late.text);
        }
    }
}

/// An add-on is no plan: nothing takes its place, and a plan is bought beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_an_add_on_alone_is_sold_a_plan_and_keeps_it() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let team = shop.plan("team", 1, &json!({})).await;
        let extra = shop.plan("extra", 1, &json!({ "kind": "add_on" })).await;
        let wanted = json!({ "customer_id": "acme", "purpose": "subscription", "price": extra });
        let opened = shop.checkout_of(&wanted).await;
        shop.pay(&opened, "pm_card_visa").await;
        shop.deliver().await;
        let cookie = visit(&shop.world, "acme").await;
        let shown = get(&shop.world, &cookie, "/billing/plans").await.text;
        assert!(shown.contains("Buy team for $20.00 a month"), "{kind:?}: {shown}");
        assert!(!shown.contains("/billing/change") && !shown.contains("Buy extra"), "{kind:?}: {shown}");
        let form = format!("mark={}&price={team}", mark(&shop.world, &cookie).await);
        for more in ["", "&agreed=1"] {
            let none = post(&shop.world, &cookie, "/billing/change", &format!("{form}{more}"), TOP).await;
            assert!(none.text.contains("You pay for no such plan"), "{kind:?} {more}: {}", none.text);
        }
        let led = post(&shop.world, &cookie, "/billing/checkout", &form, TOP).await;
        assert_eq!(led.status, 303, "{kind:?}: {}", led.text);
        let url = led.headers[header::LOCATION].to_str().expect("ASCII");
        let session = url.rsplit('/').next().expect("a session").to_owned();
        shop.pay_session(&session, "pm_card_visa").await;
        let done = get(&shop.world, &cookie, &format!("/billing/return?session_id={session}")).await;
        assert!(done.text.contains("Your plan is active."), "{kind:?}: {}", done.text);
        assert_eq!(shop.current().await["plan"]["family"], "team", "{kind:?}");
        let list = shop.world.admin("GET", "/api/v1/customers/acme/subscriptions", "").await;
        let all = list["data"].as_array().expect("a list");
        let mut prices: Vec<&str> = all.iter().map(|one| text(&one["items"][0]["stripe_price_id"])).collect();
        prices.sort_unstable();
        let mut both = [team.as_str(), extra.as_str()];
        both.sort_unstable();
        assert_eq!(prices, both, "{kind:?}: {list}");
        assert!(all.iter().all(|one| one["status"] == "active"), "{kind:?}: {list}");
        let second = post(&shop.world, &cookie, "/billing/checkout", &form, TOP).await;
        assert!(second.text.contains("You have a plan already"), "{kind:?}: {}", second.text);
    }
}

/// The plan is on hold and the add-on counts: what the pages cancel and keep is the plan all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_is_cancelled_and_kept_also_while_an_add_on_is_what_counts() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let team = shop.plan("team", 1, &json!({})).await;
        let extra = shop.plan("extra", 1, &json!({ "kind": "add_on" })).await;
        let payer = shop.write(&customers::create(&customers::CustomerFields::default())).await.id;
        let own = shop.write(&customers::attach("pm_card_visa", &payer)).await.id;
        pays_by(&shop, &payer, "pm_card_visa").await;
        let bound = json!({ "stripe_customer_id": payer }).to_string();
        shop.world.admin("PUT", "/api/v1/customers/acme", &bound).await;
        let mut made = Vec::new();
        for (price, method) in [(&team, None), (&extra, Some(own))] {
            let items = vec![calls::NewItem { price: price.clone(), quantity: Some(1), ..Default::default() }];
            let customer = payer.clone();
            let new = calls::NewSubscription { customer, items, default_payment_method: method, ..Default::default() };
            made.push(shop.write(&calls::create(&new)).await.id);
        }
        shop.deliver().await;
        pays_by(&shop, &payer, "pm_card_chargeCustomerFail").await;
        for days in [32, 4] {
            shop.world.clock.advance(days * DAY);
            shop.deliver().await;
        }
        let current = shop.current().await;
        assert_eq!((&current["subscription_id"], &current["status"]), (&json!(made[1]), &json!("active")), "{kind:?}");
        let cookie = visit(&shop.world, "acme").await;
        let shown = get(&shop.world, &cookie, "/billing/plans").await.text;
        assert!(shown.contains("Cancel my plan") && !shown.contains("extra"), "{kind:?}: {shown}");
        let form = format!("mark={}", mark(&shop.world, &cookie).await);
        let end = async |of: &String| shop.read(&calls::retrieve(of)).await.cancel_at_period_end;
        for (path, status, ends) in [("cancel", 303, true), ("resume", 200, false)] {
            let done = post(&shop.world, &cookie, &format!("/billing/{path}"), &form, TOP).await;
            assert_eq!(done.status, status, "{kind:?} {path}: {}", done.text);
            assert_eq!((end(&made[0]).await, end(&made[1]).await), (ends, false), "{kind:?} {path}");
            for page in ["", "/plans", "/cancel"] {
                let page = get(&shop.world, &cookie, &format!("/billing{page}")).await.text;
                assert_eq!(page.contains("Keep "), ends, "{kind:?} {path}: {page}");
            }
        }
        // With the add-on alone there is nothing to cancel here.
        shop.write(&calls::cancel(&made[0], &calls::Cancellation::default())).await;
        shop.deliver().await;
        let none = get(&shop.world, &cookie, "/billing/cancel").await;
        assert!(none.text.contains("You pay for no plan"), "{kind:?}: {}", none.text);
        for path in ["cancel", "resume"] {
            let none = post(&shop.world, &cookie, &format!("/billing/{path}"), &form, TOP).await;
            assert_eq!(none.status, 404, "{kind:?} {path}: {}", none.text);
        }
        assert!(!end(&made[1]).await, "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_not_sold_is_not_bought() {
    let shop = Shop::open(Kind::Sqlite).await;
    let acme = visit(&shop.world, "acme").await;
    let mark = mark(&shop.world, &acme).await;
    for (form, status, says) in [
        ("", 404, "There is no such page"),
        ("&price=price_nobody", 409, "This is not sold here"),
        ("&pack=nonsense", 404, "There is no such page"),
    ] {
        let page = post(&shop.world, &acme, "/billing/checkout", &format!("mark={mark}{form}"), TOP).await;
        assert_eq!(page.status, status, "{form}: {}", page.text);
        assert!(page.text.contains(says), "{form}: {}", page.text);
    }
    assert!(shop.sessions().await.is_empty());
}

#[tokio::test]
async fn when_stripe_is_away_that_is_said_and_there_is_a_way_on() {
    let shop = Shop::open(Kind::Sqlite).await;
    let pack = shop.pack("pack-50", 50, 500).await;
    let acme = visit(&shop.world, "acme").await;
    let session = presses(&shop, &acme, text(&pack["id"])).await;
    let form = format!("mark={}&pack={}", mark(&shop.world, &acme).await, text(&pack["id"]));
    shop.fault(Some(&json!({ "kind": "trouble", "status": 503 }))).await;
    let page = post(&shop.world, &acme, "/billing/checkout", &form, TOP).await;
    assert_eq!(page.status, 503, "{}", page.text);
    assert!(
        page.headers.contains_key(header::RETRY_AFTER) && page.text.contains("To your billing page"),
        "{}",
        page.text
    );
    let page = get(&shop.world, &acme, &format!("/billing/return?session_id={session}")).await;
    assert!(page.status == 200 && page.text.contains("We are looking for your payment"), "{}", page.text);
    let again = format!("2; url=/billing/return?session_id={session}&look=1");
    assert_eq!(page.headers[header::REFRESH].to_str().expect("ASCII"), again);
    // It does not look by itself for ever.
    let page = get(&shop.world, &acme, &format!("/billing/return?session_id={session}&look=15")).await;
    assert!(!page.headers.contains_key(header::REFRESH) && page.text.contains("Look again"), "{}", page.text);
    // What needs no Stripe is there.
    assert_eq!(get(&shop.world, &acme, "/billing").await.status, 200);
    shop.fault(None).await;
    shop.pay_session(&session, "pm_card_visa").await;
    let done = get(&shop.world, &acme, &format!("/billing/return?session_id={session}")).await;
    assert!(done.text.contains("Thank you"), "{}", done.text);
}
