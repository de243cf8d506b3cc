//! The default price book: there from the first start, put in once, and an operator's to change.

use super::{PACKS, PLANS, again, patch, path, read, version};
use crate::world::{BOTH, World};
use futures_util::future::join_all;
use purser::{app, features::pricebook};
use purser_rules::pricebook::Name;
use serde_json::{Value, json};

#[tokio::test]
async fn nodes_that_start_at_once_install_it_once() {
    for kind in BOTH {
        let world = World::on(kind).await;
        join_all((0..16).map(|_| app::install_price_book(&world.app))).await;
        let plans = world.admin("GET", PLANS, "").await["data"].as_array().unwrap().clone();
        let mut shown: Vec<_> = plans.iter().map(|plan| (&plan["rank"], &plan["internal_id"])).collect();
        shown.sort_by_key(|(rank, _)| rank.as_i64());
        let expected = [(json!(0), json!("FREE")), (json!(10), json!("PRO")), (json!(20), json!("ENTERPRISE"))];
        assert_eq!(shown, expected.iter().map(|(rank, name)| (rank, name)).collect::<Vec<_>>(), "{kind:?}");
        let daily = |name: &str| {
            let plan = plans.iter().find(|plan| plan["internal_id"] == name).unwrap();
            assert_eq!((&plan["credits"]["period"], &plan["group"]), (&json!("day"), &json!("base")));
            plan["credits"]["amount"].clone()
        };
        assert_eq!([daily("FREE"), daily("PRO"), daily("ENTERPRISE")], [json!(5), json!(20), json!(50)]);
        let packs = world.admin("GET", PACKS, "").await["data"].as_array().unwrap().clone();
        let size = |pack: &Value| (pack["credits"].as_i64(), pack["price"]["unit_amount"].as_i64());
        let mut sizes: Vec<_> = packs.iter().map(size).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [(Some(50), Some(500)), (Some(200), Some(1800))]);
        assert_eq!(version(&world).await, 5, "five changes, by one of them");
        let base = Name::new("base").unwrap();
        let free = read(&world, move |tx| pricebook::default_plan(tx, &base)).await.unwrap();
        assert_eq!(free.internal_id.as_str(), "FREE");
        let other = Name::new("other").unwrap();
        assert!(read(&world, move |tx| pricebook::default_plan(tx, &other)).await.is_none());
    }
}

#[tokio::test]
async fn what_an_operator_made_of_it_stays() {
    for kind in BOTH {
        let world = World::on(kind).await;
        app::install_price_book(&world.app).await;
        let plans = world.admin("GET", PLANS, "").await["data"].as_array().unwrap().clone();
        let named = |name: &str| -> Value { plans.iter().find(|plan| plan["internal_id"] == name).unwrap().clone() };
        let renamed = patch(&world, &named("FREE"), &json!({ "public_name": "Hobby" })).await;
        world.admin("DELETE", &path(&named("PRO")), "").await;
        world.admin("DELETE", &path(&named("ENTERPRISE")), "").await;
        app::install_price_book(&world.app).await;
        assert_eq!(world.admin("GET", PLANS, "").await["data"], json!([renamed]));
        assert_eq!(again(&world, &renamed).await["public_name"], "Hobby");
    }
}
