//! A customer changes, cancels and keeps its plan on its own pages: nothing before it was shown what comes of it.

use super::{Sold, item, payer, subscribe};
use crate::{
    payments::Shop,
    portal::{TOP, get, mark, post, visit},
    world::BOTH,
};
use axum::http::header;
use purser::platform::db::DbError;
use purser_stripe::calls::{schedules, subscriptions as calls};
use serde_json::json;

/// As of when the page would bill, in Stripe's seconds; nothing when nothing is billed at once.
fn as_of(page: &str) -> Option<i64> {
    let (_, rest) = page.split_once(r#"name="as_of" value=""#).expect("a form");
    rest.split('"').next().expect("its end").parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_changed_by_what_was_shown() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let world = &sold.shop.world;
        let cookie = visit(world, "acme").await;
        let plans = get(world, &cookie, "/billing/plans").await.text;
        assert!(plans.contains("/billing/change") && plans.contains("What you pay now"), "{kind:?}: {plans}");
        assert!(!plans.contains("/billing/checkout"), "{kind:?}: {plans}");
        let form = format!("mark={}&price={}", mark(world, &cookie).await, sold.max);
        let page = post(world, &cookie, "/billing/change", &form, TOP).await;
        assert_eq!(page.status, 200, "{kind:?}: {}", page.text);
        assert!(page.text.contains("at once") && page.text.contains("$30.00"), "{kind:?}: {}", page.text);
        let date = as_of(&page.text).expect("it is billed at once");
        // As of a later day it would cost next to nothing.
        for date in [date + 20 * super::DAY, date - 20 * super::DAY] {
            let form = format!("{form}&as_of={date}&agreed=1");
            let page = post(world, &cookie, "/billing/change", &form, TOP).await;
            assert!(page.status == 200 && page.text.contains(r#"name="agreed""#), "{kind:?}: {}", page.text);
        }
        assert_eq!((sold.family().await.as_str(), sold.invoices().await.len()), ("pro", 1), "{kind:?}: only shown");
        let agreed = format!("{form}&as_of={date}&agreed=1");
        let done = post(world, &cookie, "/billing/change", &agreed, TOP).await;
        assert!(done.status == 200 && done.text.contains("Your plan is changed"), "{kind:?}: {}", done.text);
        assert_eq!(sold.family().await, "max", "{kind:?}");
        let mut paid: Vec<i64> = sold.invoices().await.iter().map(|invoice| invoice.amount_paid).collect();
        paid.sort_unstable();
        assert_eq!(paid, [2000, 3000], "{kind:?}");
        // Down again: when the period ends.
        let form = format!("mark={}&price={}", mark(world, &cookie).await, sold.pro);
        let page = post(world, &cookie, "/billing/change", &form, TOP).await;
        assert!(page.text.contains("Nothing is due now") && as_of(&page.text).is_none(), "{kind:?}: {}", page.text);
        let done = post(world, &cookie, "/billing/change", &format!("{form}&as_of=&agreed=1"), TOP).await;
        assert!(done.text.contains("Your plan will change"), "{kind:?}: {}", done.text);
        assert_eq!((sold.family().await, sold.invoices().await.len()), ("max".to_owned(), 2), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_change_says_so_and_changes_nothing() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let world = &sold.shop.world;
        sold.pays_by("pm_card_chargeCustomerFail").await;
        let cookie = visit(world, "acme").await;
        let form = format!("mark={}&price={}&agreed=1", mark(world, &cookie).await, sold.max);
        let page = post(world, &cookie, "/billing/change", &form, TOP).await;
        assert_eq!(page.status, 402, "{kind:?}: {}", page.text);
        assert!(page.text.contains("Your bank did not pay"), "{kind:?}: {}", page.text);
        assert_eq!(sold.family().await, "pro", "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_was_agreed_on_for_later_is_taken_back() {
    for kind in BOTH {
        let sold = Sold::open(kind, true).await;
        let world = &sold.shop.world;
        let cookie = visit(world, "acme").await;
        let plans = get(world, &cookie, "/billing/plans").await.text;
        assert!(!plans.contains("/billing/resume"), "{kind:?}: {plans}");
        let mark = format!("mark={}", mark(world, &cookie).await);
        let down = format!("{mark}&price={}&as_of=&agreed=1", sold.pro);
        let done = post(world, &cookie, "/billing/change", &down, TOP).await;
        assert!(done.text.contains("Your plan will change"), "{kind:?}: {}", done.text);
        assert!(sold.agreed().await["id"].is_string() && sold.at_stripe().await.schedule.is_some(), "{kind:?}");
        let plans = get(world, &cookie, "/billing/plans").await.text;
        for text in ["/billing/resume", "Keep max", "on you have pro. Until then it stays as it is.", "Change to pro"] {
            assert!(plans.contains(text), "{kind:?} {text}: {plans}");
        }
        let ends = get(world, &cookie, "/billing/cancel").await.text;
        assert!(ends.contains("chose for later falls away"), "{kind:?}: {ends}");
        let kept = post(world, &cookie, "/billing/resume", &mark, TOP).await;
        assert!(kept.status == 200 && kept.text.contains("Your plan goes on"), "{kind:?}: {}", kept.text);
        assert!(kept.text.contains("is taken back"), "{kind:?}: {}", kept.text);
        assert!(sold.agreed().await["id"].is_null() && sold.at_stripe().await.schedule.is_none(), "{kind:?}");
        assert_eq!((sold.family().await, sold.invoices().await.len()), ("max".to_owned(), 1), "{kind:?}");
        let plans = get(world, &cookie, "/billing/plans").await.text;
        assert!(!plans.contains("/billing/resume"), "{kind:?}: {plans}");
        let again = post(world, &cookie, "/billing/resume", &mark, TOP).await;
        assert!(again.status == 200 && again.text.contains("Your plan goes on"), "{kind:?}: {}", again.text);
    }
}

/// The seller ends the schedule in the dashboard, and that is not known here yet: who keeps the plan is told the truth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_will_not_come_is_taken_back_as_well() {
    for kind in BOTH {
        let sold = Sold::open(kind, true).await;
        let world = &sold.shop.world;
        sold.done("change", &json!({ "plan": "pro" })).await;
        let schedule = sold.at_stripe().await.schedule.expect("a schedule").id().to_owned();
        sold.shop.write(&schedules::release(&schedule)).await;
        let cookie = visit(world, "acme").await;
        let plans = get(world, &cookie, "/billing/plans").await.text;
        assert!(plans.contains("Your plan will change"), "{kind:?}: {plans}");
        let form = format!("mark={}", mark(world, &cookie).await);
        let kept = post(world, &cookie, "/billing/resume", &form, TOP).await;
        assert!(kept.status == 200 && kept.text.contains("Your plan goes on"), "{kind:?}: {}", kept.text);
        let plans = get(world, &cookie, "/billing/plans").await.text;
        assert!(!plans.contains("Your plan will change"), "{kind:?}: {plans}");
        assert!(sold.agreed().await["id"].is_null(), "{kind:?}");
        assert_eq!(sold.refused("resume", &json!({})).await, (409, "nothing_to_resume".into()), "{kind:?}");
    }
}

/// Once that is known it is said no more, and the log tells it; also where the schedule was not kept with the mirror yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_the_seller_took_back_is_said_until_that_is_known() {
    for kind in BOTH {
        for kept in [true, false] {
            let sold = Sold::open(kind, true).await;
            let world = &sold.shop.world;
            sold.done("change", &json!({ "plan": "pro" })).await;
            let schedule = sold.at_stripe().await.schedule.expect("a schedule").id().to_owned();
            sold.shop.deliver().await;
            assert!(sold.agreed().await["id"].is_string(), "{kind:?}: its own events leave it");
            if !kept {
                let sql = "UPDATE subscriptions SET schedule = 'unknown'";
                let of_before: Result<u64, DbError> = world.app.db().write(move |tx| tx.execute(sql, vec![])).await;
                assert_eq!(of_before, Ok(1), "{kind:?}");
            }
            sold.shop.write(&schedules::release(&schedule)).await;
            let cookie = visit(world, "acme").await;
            let plans = get(world, &cookie, "/billing/plans").await.text;
            assert!(plans.contains("Your plan will change"), "{kind:?} {kept}: {plans}");
            sold.shop.deliver().await;
            for path in ["/billing", "/billing/plans"] {
                let page = get(world, &cookie, path).await.text;
                assert!(!page.contains("Your plan will change"), "{kind:?} {kept} {path}: {page}");
            }
            assert!(sold.agreed().await["id"].is_null(), "{kind:?} {kept}");
            assert_eq!(sold.refused("resume", &json!({})).await, (409, "nothing_to_resume".into()), "{kind:?} {kept}");
            let log = world.admin("GET", "/api/v1/customers/acme/subscription_changes?limit=1", "").await;
            let (line, before) = (&log["data"][0], if kept { schedule.as_str() } else { "unknown" });
            let stood = (&line["before"]["schedule"], &line["after"]["schedule"]);
            assert_eq!(stood, (&json!(before), &json!(null)), "{kind:?} {kept}");
            assert!(line["cause"].as_str().is_some_and(|cause| cause.starts_with("evt_")), "{kind:?} {kept}: {line}");
            // It may be agreed on anew.
            sold.done("change", &json!({ "plan": "pro" })).await;
            assert!(sold.agreed().await["id"].is_string(), "{kind:?} {kept}");
        }
    }
}

/// One subscription pays for plans of two groups: another one takes the place of that of its own group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_takes_the_place_of_that_of_its_own_group() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let team = shop.plan("team", 1, &json!({})).await;
        let small = shop.plan("small", 1, &json!({ "group": "storage" })).await;
        let large = shop.plan("large", 2, &json!({ "group": "storage" })).await;
        let items = vec![item(&team, Some(1)), item(&small, Some(1))];
        let made = subscribe(&shop, &payer(&shop).await, items).await.id;
        shop.deliver().await;
        let cookie = visit(&shop.world, "acme").await;
        let form = format!("mark={}&price={large}", mark(&shop.world, &cookie).await);
        let shown = post(&shop.world, &cookie, "/billing/change", &form, TOP).await.text;
        assert!(shown.contains("small, then large"), "{kind:?}: {shown}");
        let done = post(&shop.world, &cookie, "/billing/change", &format!("{form}&agreed=1"), TOP).await;
        assert!(done.text.contains("Your plan is changed"), "{kind:?}: {}", done.text);
        let items = shop.read(&calls::retrieve(&made)).await.items.data;
        let mut prices: Vec<String> = items.into_iter().map(|item| item.price.id).collect();
        prices.sort_unstable();
        let mut both = [team, large];
        both.sort_unstable();
        assert_eq!(prices, both, "{kind:?}");
    }
}

/// The day that a page says the plan ends on.
fn day(page: &str) -> &str {
    let (_, rest) = page.split_once(" ends on ").expect("a day");
    rest.split(['.', '<']).next().expect("its end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_cancelled_and_kept_after_all() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let world = &sold.shop.world;
        let cookie = visit(world, "acme").await;
        for path in ["/billing/plans", "/billing/manage"] {
            let page = get(world, &cookie, path).await.text;
            assert!(page.contains(r#"href="/billing/cancel""#), "{kind:?} {path}: {page}");
        }
        let shown = get(world, &cookie, "/billing/cancel").await;
        assert!(shown.status == 200 && shown.text.contains("Cancel my plan"), "{kind:?}: {}", shown.text);
        assert!(shown.text.contains("Credits that come with it end with it"), "{kind:?}: {}", shown.text);
        assert!(!shown.text.contains("falls away"), "{kind:?}: nothing was chosen for later: {}", shown.text);
        assert_eq!(sold.current().await["cancel_scheduled"], false, "{kind:?}: only shown");
        let form = format!("mark={}", mark(world, &cookie).await);
        // Pressed twice it is cancelled once.
        for _ in 0..2 {
            let done = post(world, &cookie, "/billing/cancel", &form, TOP).await;
            assert_eq!(done.status, 303, "{kind:?}: {}", done.text);
            assert_eq!(done.headers[header::LOCATION], "/billing/cancel", "{kind:?}");
        }
        let page = get(world, &cookie, "/billing/cancel").await.text;
        assert!(page.contains("Your plan ends on") && page.contains("Keep my plan"), "{kind:?}: {page}");
        assert_eq!(day(&page), day(&shown.text), "{kind:?}: as it was said");
        assert!(sold.at_stripe().await.cancel_at_period_end, "{kind:?}");
        assert_eq!((sold.family().await.as_str(), sold.invoices().await.len()), ("pro", 1), "{kind:?}: until then");
        let plans = get(world, &cookie, "/billing/plans").await.text;
        assert!(plans.contains("Keep my plan") && !plans.contains("/billing/change"), "{kind:?}: {plans}");
        let kept = post(world, &cookie, "/billing/resume", &form, TOP).await;
        assert!(kept.status == 200 && kept.text.contains("Your plan goes on"), "{kind:?}: {}", kept.text);
        assert!(kept.text.contains("choose that again"), "{kind:?}: {}", kept.text);
        assert!(!sold.at_stripe().await.cancel_at_period_end, "{kind:?}");
        assert_eq!(sold.current().await["cancel_scheduled"], false, "{kind:?}");
        let again = post(world, &cookie, "/billing/resume", &form, TOP).await;
        assert!(again.status == 200 && again.text.contains("Your plan goes on"), "{kind:?}: {}", again.text);
        // Who has no plan that it pays for has none to cancel.
        sold.shop.customer("globex").await;
        let globex = visit(world, "globex").await;
        let none = get(world, &globex, "/billing/cancel").await;
        assert!(none.status == 200 && none.text.contains("You pay for no plan"), "{kind:?}: {}", none.text);
        let form = format!("mark={}", mark(world, &globex).await);
        assert_eq!(post(world, &globex, "/billing/cancel", &form, TOP).await.status, 404, "{kind:?}");
    }
}
