//! What a Stripe price sells: known ones, unknown ones of a known product, and those made from metadata (rules 2.4).

use super::{PACKS, PLANS, again, bound, id, monthly, pack, patch, plan, read, used, version, with, write};
use crate::world::{BOTH, World};
use futures_util::future::join_all;
use purser::{
    features::pricebook::{self, Mapped, Recurring, SeenPrice},
    platform::auth::Actor,
};
use purser_rules::pricebook::{BadMetadata, Currency, Interval};
use serde_json::{Value, json};

/// A price at Stripe with this metadata; monthly if it `recurs`.
fn seen(price: &str, product: &str, recurs: bool, metadata: &[(&str, &str)]) -> SeenPrice {
    let monthly = Recurring { interval: Interval::Month, interval_count: 1, metered: false };
    SeenPrice {
        stripe_price_id: price.to_owned(),
        stripe_product_id: product.to_owned(),
        active: true,
        currency: Currency::new("usd").unwrap(),
        unit_amount: Some(2000),
        recurring: recurs.then_some(monthly),
        metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        product_metadata: [("publicName".to_owned(), "Of the product".to_owned())].into(),
    }
}

/// What `seen` sells, made if need be.
async fn sells(world: &World, seen: &SeenPrice) -> Mapped {
    let (random, seen) = (world.app.random().clone(), seen.clone());
    let actor = Actor::job("test");
    write(world, move |tx| pricebook::create_from_metadata(tx, &random, &actor, &seen)).await
}

/// The id of the plan that is sold to whoever buys the price now.
async fn sold(world: &World, price: &'static str, product: &'static str) -> Option<String> {
    let plan = read(world, move |tx| pricebook::plan_of_price(tx, price, product)).await;
    plan.map(|plan| plan.id.to_string())
}

async fn all(world: &World, path: &str) -> Vec<Value> {
    world.admin("GET", path, "").await["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_unknown_price_of_a_known_product_sells_its_newest_version() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let first = json!({ "family": "a", "stripe_product_id": "prod_a", "prices": [monthly(Some("price_a"), 100)] });
        let first = plan(&world, &first).await;
        assert_eq!(sold(&world, "price_a", "prod_other").await.as_deref(), Some(id(&first)), "a known price");
        assert_eq!(sold(&world, "price_x", "prod_a").await.as_deref(), Some(id(&first)), "an unknown one");
        assert_eq!(sold(&world, "price_x", "prod_other").await, None);
        let second = json!({ "family": "a", "version": 2, "stripe_product_id": "prod_a" });
        let second = plan(&world, &second).await;
        assert_eq!(sold(&world, "price_x", "prod_a").await.as_deref(), Some(id(&second)), "the newest");
        assert_eq!(sold(&world, "price_a", "prod_a").await.as_deref(), Some(id(&first)), "a known one stays");
        patch(&world, &second, &json!({ "active": false })).await;
        assert_eq!(sold(&world, "price_x", "prod_a").await.as_deref(), Some(id(&first)), "one that is in use");
        patch(&world, &first, &json!({ "active": false })).await;
        assert_eq!(sold(&world, "price_x", "prod_a").await.as_deref(), Some(id(&second)), "never none at all");
        // What is known by its product needs no metadata, and nothing is made.
        let before = version(&world).await;
        let Mapped::Plan(found) = sells(&world, &seen("price_x", "prod_a", true, &[("credits", "?")])).await else {
            panic!("the product is known");
        };
        assert_eq!((found.id.to_string().as_str(), version(&world).await), (id(&second), before));
    }
}

#[tokio::test]
async fn a_packs_price_is_no_plans_even_on_a_plans_product() {
    for kind in BOTH {
        let world = World::on(kind).await;
        plan(&world, &json!({ "family": "a", "stripe_product_id": "prod_a" })).await;
        let price = json!({ "stripe_price_id": "price_p", "currency": "usd", "unit_amount": 500 });
        let made = pack(&world, &json!({ "family": "p", "credits": 50, "price": price })).await;
        assert_eq!(sold(&world, "price_p", "prod_a").await, None);
        let found = read(&world, |tx| pricebook::top_up_of_price(tx, "price_p")).await.unwrap();
        assert_eq!(found.id.to_string(), id(&made));
        assert!(read(&world, |tx| pricebook::top_up_of_price(tx, "price_x")).await.is_none());
    }
}

#[tokio::test]
async fn a_plan_is_made_from_metadata_once_by_64() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let metadata = [("credits", "500"), ("planFamily", "gold"), ("internalId", "GOLD")];
        let month = seen("price_m", "prod_g", true, &metadata);
        let answers = join_all((0..64).map(|_| sells(&world, &month))).await;
        assert!(matches!(answers[0], Mapped::Plan(_)), "{:?}", answers[0]);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{kind:?}");
        assert_eq!(version(&world).await, 1);
        let made = all(&world, PLANS).await.remove(0);
        let shown = json!({
            "family": "gold", "group": "base", "version": 1, "internal_id": "GOLD", "public_name": "Of the product",
            "stripe_product_id": "prod_g", "active": true, "legacy": false, "is_default": false, "used": false
        });
        assert_eq!(made, with(&made, &shown));
        assert_eq!((&made["credits"]["amount"], &made["credits"]["period"]), (&json!(500), &json!("billing")));
        assert_eq!((bound(&made), &made["prices"][0]["unit_amount"]), (vec!["price_m"], &json!(2000)));
        let trail = world.admin("GET", "/api/v1/admin/audit?action=plan.created", "").await;
        assert_eq!(trail["data"].as_array().unwrap().len(), 1);
        assert_eq!((&trail["data"][0]["actor_kind"], &trail["data"][0]["actor_id"]), (&json!("job"), &json!("test")));
    }
}

/// Two products with one plan's metadata: the second price becomes another price of the plan, used or not.
#[tokio::test]
async fn a_second_price_of_a_version_joins_it() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let metadata = [("credits", "500"), ("planFamily", "gold")];
        sells(&world, &seen("price_1", "prod_1", true, &metadata)).await;
        let made = all(&world, PLANS).await.remove(0);
        used(&world, &made).await;
        let other = seen("price_2", "prod_2", true, &metadata);
        let answers = join_all((0..16).map(|_| sells(&world, &other))).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{kind:?}");
        let after = again(&world, &made).await;
        assert_eq!((&after["id"], bound(&after)), (&made["id"], vec!["price_1", "price_2"]));
        assert_eq!(after["stripe_product_id"], "prod_1", "the first product stays the plan's");
        assert_eq!(all(&world, PLANS).await.len(), 1);
        // A later version takes what a person has decided of its family.
        patch(&world, &made, &json!({ "rank": 77 })).await;
        let later = [("credits", "900"), ("planFamily", "gold"), ("version", "2")];
        let Mapped::Plan(later) = sells(&world, &seen("price_3", "prod_3", true, &later)).await else {
            panic!("it is a plan");
        };
        assert_eq!((later.version, later.rank), (2, 77));
    }
}

#[tokio::test]
async fn a_pack_is_made_from_metadata_once_by_64() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let metadata = [("credits", "50"), ("internalId", "pack-s")];
        let once = seen("price_o", "prod_o", false, &metadata);
        let answers = join_all((0..64).map(|_| sells(&world, &once))).await;
        assert!(matches!(answers[0], Mapped::TopUp(_)), "{:?}", answers[0]);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{kind:?}");
        let made = all(&world, PACKS).await.remove(0);
        let price = json!({ "stripe_price_id": "price_o", "currency": "usd", "unit_amount": 2000 });
        let shown = json!({
            "family": "pack-s", "group": "packs", "version": 1, "credits": 50, "unit": "credits",
            "expires_in_days": 365, "priority": 30, "price": price
        });
        assert_eq!(made, with(&made, &shown));
        assert_eq!(version(&world).await, 1);
        // A version of a pack has one price.
        let refused = sells(&world, &seen("price_q", "prod_o", false, &metadata)).await;
        assert!(matches!(&refused, Mapped::Unmapped(Some(bad)) if bad.key() == "version"), "{refused:?}");
        assert_eq!(version(&world).await, 1);
    }
}

/// A price, whether it recurs, its metadata, and the key that is wrong.
type Line = (&'static str, bool, &'static [(&'static str, &'static str)], &'static str);

#[tokio::test]
async fn what_cannot_be_used_is_named_and_changes_nothing() {
    for kind in BOTH {
        let world = World::on(kind).await;
        plan(&world, &json!({ "family": "gold", "credits": { "amount": 5, "period": "day" } })).await;
        plan(&world, &json!({ "family": "taken", "prices": [monthly(Some("price_t"), 1)] })).await;
        let before = version(&world).await;
        assert_eq!(sells(&world, &seen("price_x", "prod_x", true, &[])).await, Mapped::Unmapped(None));
        let table: [Line; 7] = [
            ("price_x", true, &[("planFamily", "a")], "credits"),
            ("price_x", true, &[("credits", "5")], "planFamily"),
            ("price_x", true, &[("credits", "x"), ("planFamily", "a")], "credits"),
            ("price_x", false, &[("credits", "0"), ("planFamily", "a")], "credits"),
            ("price_x", true, &[("credits", "5"), ("planFamily", "a"), ("version", "-1")], "version"),
            // The version is there with other credits.
            ("price_x", true, &[("credits", "6"), ("planFamily", "gold")], "version"),
            // A price cannot be paid once and recur.
            ("price_t", false, &[("credits", "6"), ("planFamily", "p")], "version"),
        ];
        for (price, recurs, metadata, key) in table {
            let answer = sells(&world, &seen(price, "prod_x", recurs, metadata)).await;
            let Mapped::Unmapped(Some(bad)) = answer else { panic!("{metadata:?} is taken: {answer:?}") };
            assert_eq!(bad.key(), key, "{bad}");
        }
        assert_eq!(version(&world).await, before, "{kind:?}");
        let missing = sells(&world, &seen("price_x", "prod_x", true, &[("planFamily", "a")])).await;
        assert_eq!(missing, Mapped::Unmapped(Some(BadMetadata::Missing { key: "credits" })));
        // The same metadata, mended at Stripe, is taken.
        let mended = seen("price_x", "prod_x", true, &[("planFamily", "a"), ("credits", "5")]);
        assert!(matches!(sells(&world, &mended).await, Mapped::Plan(_)));
    }
}

/// The pages list so many at most: what is not sold takes no room.
#[tokio::test]
async fn what_is_on_sale_is_found_behind_all_that_is_not() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let sold = plan(&world, &json!({ "family": "sold" })).await;
        let pack_sold = pack(&world, &json!({ "family": "pack", "credits": 5 })).await;
        plan(&world, &json!({ "family": "extra", "kind": "add_on" })).await;
        plan(&world, &json!({ "family": "off", "active": false })).await;
        for made in [
            plan(&world, &json!({ "family": "old" })).await,
            pack(&world, &json!({ "family": "old-pack", "credits": 5 })).await,
        ] {
            patch(&world, &made, &json!({ "legacy": true })).await;
        }
        let found = read(&world, |tx| {
            let plans = pricebook::bases_on_sale(tx, 10)?.into_iter().map(|plan| plan.id.to_string());
            let packs = pricebook::packs_on_sale(tx, 10)?.into_iter().map(|pack| pack.id.to_string());
            Ok(plans.chain(packs).collect::<Vec<_>>())
        });
        assert_eq!(found.await, [id(&sold), id(&pack_sold)], "{kind:?}");
    }
}
