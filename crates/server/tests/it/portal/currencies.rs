//! A customer is offered one currency: the one it pays in, which Stripe has fixed, else the first of the price book.

use super::{TOP, get, mark, post, visit};
use crate::{
    payments::{Shop, text},
    world::BOTH,
};
use purser_stripe::{
    calls::{catalog, subscriptions as calls},
    objects::Interval,
};
use serde_json::{Value, json};

/// A price at Stripe of a product of its own: by the month, or paid once.
async fn price(shop: &Shop, (currency, amount): (&str, i64), interval: Option<Interval>) -> String {
    let fields = catalog::ProductFields { name: Some("Sold".into()), ..Default::default() };
    let new = catalog::NewPrice {
        currency: currency.into(),
        product: shop.write(&catalog::create_product(&fields)).await.id,
        unit_amount: Some(amount),
        recurring: interval.map(|interval| catalog::NewRecurring { interval, ..Default::default() }),
        ..Default::default()
    };
    shop.write(&catalog::create_price(&new)).await.id
}

/// Sells a plan by the month at these prices; their ids.
async fn plan(shop: &Shop, family: &str, rank: u32, prices: &[(&str, i64)]) -> Vec<String> {
    let (mut ids, mut bound) = (Vec::new(), Vec::new());
    for (currency, amount) in prices {
        let id = price(shop, (*currency, *amount), Some(Interval::Month)).await;
        bound.push(json!({ "stripe_price_id": id, "currency": currency, "unit_amount": amount, "interval": "month" }));
        ids.push(id);
    }
    let body = json!({ "family": family, "rank": rank, "prices": bound }).to_string();
    shop.world.admin("POST", "/api/v1/admin/subscription-plans", &body).await;
    ids
}

/// Sells a pack of 50 credits; as Purser shows it.
async fn pack(shop: &Shop, currency: &str, amount: i64) -> Value {
    let id = price(shop, (currency, amount), None).await;
    let price = json!({ "stripe_price_id": id, "currency": currency, "unit_amount": amount });
    let body = json!({ "family": format!("pack-{currency}"), "credits": 50, "price": price }).to_string();
    shop.world.admin("POST", "/api/v1/admin/top-up-plans", &body).await
}

/// What the pages sell to who has this cookie: plans and packs.
async fn sold(shop: &Shop, cookie: &str) -> String {
    let plans = get(&shop.world, cookie, "/billing/plans").await.text;
    plans + &get(&shop.world, cookie, "/billing/topup").await.text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_offered_the_currency_it_pays_in_and_no_other() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.customer("globex").await;
        let pro = plan(&shop, "pro", 1, &[("usd", 2000), ("eur", 1800)]).await;
        let max = plan(&shop, "max", 2, &[("eur", 4500), ("usd", 5000)]).await;
        plan(&shop, "alpine", 3, &[("chf", 9000)]).await;
        let (euros, dollars) = (pack(&shop, "eur", 450).await, pack(&shop, "usd", 500).await);
        let wanted = json!({ "customer_id": "acme", "purpose": "subscription", "price": pro[1] });
        let opened = shop.checkout_of(&wanted).await;
        shop.pay(&opened, "pm_card_visa").await;
        shop.deliver().await;
        let (acme, globex) = (visit(&shop.world, "acme").await, visit(&shop.world, "globex").await);
        for (cookie, has, others) in [
            (&acme, ["€18.00 a month", "€45.00 a month", "€4.50"], "$"),
            (&globex, ["$20.00 a month", "$50.00 a month", "$5.00"], "€"),
        ] {
            let pages = sold(&shop, cookie).await;
            assert!(has.iter().all(|price| pages.contains(price)) && !pages.contains(others), "{kind:?}: {pages}");
            assert!(pages.contains("Not sold in your currency.") && !pages.contains("CHF"), "{kind:?}: {pages}");
        }
        // Nor is one that a form names.
        let sessions = shop.sessions().await.len();
        for (cookie, path, what) in [
            (&acme, "change", format!("price={}", max[1])),
            (&acme, "checkout", format!("pack={}", text(&dollars["id"]))),
            (&globex, "checkout", format!("price={}", pro[1])),
            (&globex, "checkout", format!("pack={}", text(&euros["id"]))),
        ] {
            let form = format!("mark={}&{what}", mark(&shop.world, cookie).await);
            let page = post(&shop.world, cookie, &format!("/billing/{path}"), &form, TOP).await;
            assert_eq!(page.status, 409, "{kind:?} {path} {what}: {}", page.text);
            assert!(page.text.contains("This is not sold here"), "{kind:?} {path} {what}: {}", page.text);
        }
        assert_eq!(shop.sessions().await.len(), sessions, "{kind:?}");
        // Ended, it stays with what it was billed in.
        let session = shop.session(text(&opened["session_id"])).await;
        let made = session.subscription.expect("a subscription").id().to_owned();
        shop.write(&calls::cancel(&made, &calls::Cancellation::default())).await;
        shop.deliver().await;
        let pages = sold(&shop, &acme).await;
        assert!(pages.contains("Buy pro for €18.00 a month") && !pages.contains('$'), "{kind:?}: {pages}");
        // Where no plan is sold in that any more, those in another currency are offered: they can be asked for.
        let list = shop.world.admin("GET", "/api/v1/admin/subscription-plans", "").await;
        for one in list["data"].as_array().expect("a list") {
            if ["pro", "max"].contains(&text(&one["family"])) {
                let path = format!("/api/v1/admin/subscription-plans/{}", text(&one["id"]));
                shop.world.admin("PATCH", &path, r#"{"legacy":true}"#).await;
            }
        }
        let pages = sold(&shop, &acme).await;
        assert!(pages.contains("Buy alpine for 90.00 CHF a month"), "{kind:?}: {pages}");
        assert!(pages.contains("€4.50") && !pages.contains('$'), "{kind:?}: packs stay in its own: {pages}");
        // What is paid once is sold in another currency before it is not sold at all.
        let path = format!("/api/v1/admin/top-up-plans/{}", text(&euros["id"]));
        shop.world.admin("PATCH", &path, r#"{"legacy":true}"#).await;
        let packs = get(&shop.world, &acme, "/billing/topup").await.text;
        assert!(packs.contains("$5.00"), "{kind:?}: {packs}");
    }
}
