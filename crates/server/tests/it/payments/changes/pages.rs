//! A customer changes its plan on its own page: nothing before it was shown, and what was shown is what is paid.

use super::Sold;
use crate::{
    portal::{TOP, get, mark, post, visit},
    world::BOTH,
};

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
