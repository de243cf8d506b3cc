//! The pages sell what they show, to each at its own terms; what is sold beside a plan does not take its place.

use super::{Sold, metered, price};
use crate::{
    payments::Shop,
    portal::{TOP, get, mark, post, visit},
    world::BOTH,
};
use purser_stripe::objects::Interval;
use serde_json::{Value, json};

const PLANS: &str = "/api/v1/admin/subscription-plans";

/// What is sold beside the fixed price of a plan: the metered price of `team`, which has a fixed one too, and the price
/// of the add-on `extra`. There is `usage` too, which a meter alone counts.
async fn beside(shop: &Shop) -> [String; 2] {
    let (fixed, extra) = (price(shop, 3000, Interval::Month).await, price(shop, 700, Interval::Month).await);
    let (counted, usage) = (metered(shop, "calls").await, metered(shop, "usage").await);
    let by_meter =
        |id: &str| json!({ "stripe_price_id": id, "currency": "usd", "interval": "month", "kind": "metered" });
    let by_month = |id: &str, cents: i64| {
        let (currency, interval) = ("usd", "month");
        json!({ "stripe_price_id": id, "currency": currency, "unit_amount": cents, "interval": interval })
    };
    for body in [
        json!({ "family": "team", "rank": 15, "prices": [by_month(&fixed, 3000), by_meter(&counted)] }),
        json!({ "family": "extra", "kind": "add_on", "prices": [by_month(&extra, 700)] }),
        json!({ "family": "usage", "rank": 5, "prices": [by_meter(&usage)] }),
    ] {
        shop.world.admin("POST", PLANS, &body.to_string()).await;
    }
    [counted, extra]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_names_what_the_page_does_not_offer_buys_and_changes_nothing() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let world = &sold.shop.world;
        let beside = beside(&sold.shop).await;
        sold.shop.customer("globex").await;
        let (acme, globex) = (visit(world, "acme").await, visit(world, "globex").await);
        let plans = get(world, &globex, "/billing/plans").await.text;
        assert!(plans.contains("$30.00 a month") && !plans.contains("extra"), "{kind:?}: {plans}");
        assert!(!beside.iter().any(|price| plans.contains(price.as_str())), "{kind:?}: {plans}");
        assert!(plans.contains("Not sold here.") && !plans.contains("Free of charge"), "{kind:?}: {plans}");
        for (cookie, path) in [(&acme, "/billing/change"), (&globex, "/billing/checkout")] {
            let mark = mark(world, cookie).await;
            for price in &beside {
                for more in ["", "&agreed=1"] {
                    let page = post(world, cookie, path, &format!("mark={mark}&price={price}{more}"), TOP).await;
                    assert_eq!(page.status, 409, "{kind:?} {path} {more}: {}", page.text);
                    assert!(page.text.contains("This is not sold here"), "{kind:?} {path} {more}: {}", page.text);
                }
            }
        }
        assert_eq!(sold.items().await, [(sold.pro.clone(), Some(1))], "{kind:?}");
        assert!(sold.shop.sessions().await.is_empty(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sold_beside_a_plan_does_not_take_its_place() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let [counted, extra] = beside(&sold.shop).await;
        for (body, about) in [
            (json!({ "price": counted }), "price"),
            (json!({ "price": extra }), "price"),
            (json!({ "plan": "extra" }), "plan"),
        ] {
            for what in ["change", "preview"] {
                let answer = sold.ask(what, &body).await;
                let expected = ("invalid_field".to_owned(), Some(about.to_owned()));
                assert_eq!((answer.status, answer.error()), (400, expected), "{kind:?} {what} {body}: {}", answer.text);
            }
        }
        assert_eq!(sold.items().await, [(sold.pro.clone(), Some(1))], "{kind:?}");
    }
}

/// The operator changes what the plan of `acme` gives: the next version takes its prices over.
async fn gives_now(sold: &Sold, credits: &Value) {
    let plan = sold.current().await["plan"]["id"].clone();
    let path = format!("{PLANS}/{}", plan.as_str().expect("an id"));
    let next = sold.shop.world.admin("PATCH", &path, &json!({ "credits": credits }).to_string()).await;
    assert_ne!(next["id"], plan, "it is the next version");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_customer_pays_stands_beside_the_terms_it_has() {
    for kind in BOTH {
        // `max` has one price: its next version is sold to others alone.
        let sold = Sold::open(kind, true).await;
        gives_now(&sold, &json!({ "amount": 500, "period": "billing" })).await;
        let world = &sold.shop.world;
        let plans = get(world, &visit(world, "acme").await, "/billing/plans").await.text;
        assert!(plans.contains("300 credits a month") && !plans.contains("500 credits"), "{kind:?}: {plans}");
        let once = |text: &str| plans.matches(text).count() == 1;
        assert!(once("What you pay now.") && once("$50.00 a month") && once("your plan<"), "{kind:?}: {plans}");
        assert!(!plans.contains("Free of charge") && !plans.contains("Not sold here"), "{kind:?}: {plans}");
        sold.shop.customer("globex").await;
        let others = get(world, &visit(world, "globex").await, "/billing/plans").await.text;
        assert!(others.contains("500 credits a month") && !others.contains("300 credits"), "{kind:?}: {others}");
        assert!(others.contains("$50.00 a month"), "{kind:?}: {others}");

        // `pro` is sold by the year too, at the terms of its next version.
        let sold = Sold::open(kind, false).await;
        gives_now(&sold, &json!({ "amount": 200, "period": "billing" })).await;
        let world = &sold.shop.world;
        let plans = get(world, &visit(world, "acme").await, "/billing/plans").await.text;
        let once = |text: &str| plans.matches(text).count() == 1;
        assert!(once("What you pay now.") && once("$20.00 a month"), "{kind:?}: {plans}");
        let (own, next) = plans.split_once("200 credits a month").expect("the next version, after the one it has");
        assert!(own.contains("100 credits a month") && own.contains("What you pay now."), "{kind:?}: {plans}");
        assert!(next.contains(&format!(r#"value="{}""#, sold.pro_year)), "{kind:?}: {plans}");
        assert!(!plans.contains(&format!(r#"value="{}""#, sold.pro)), "{kind:?}: {plans}");
    }
}
