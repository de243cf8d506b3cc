//! Versions: a plan that a customer has never changes its terms; changing them makes the next one, once.

use super::{PLANS, again, bound, id, ids, monthly, patch, path, plan, read, used, version, with};
use crate::world::{ADMIN, BOTH, World};
use futures_util::future::join_all;
use purser::features::pricebook;
use purser_rules::{Amount, ids::PlanId};
use serde_json::{Value, json};

/// Five credits a day for ten dollars a month.
fn pro() -> Value {
    json!({
        "family": "pro", "rank": 10, "credits": { "amount": 5, "period": "day" },
        "prices": [monthly(Some("price_1"), 1000), monthly(None, 900)], "stripe_product_id": "prod_1",
        "is_default": true
    })
}

/// Other credits.
fn more() -> Value {
    json!({ "credits": { "amount": 8, "period": "day" } })
}

#[tokio::test]
async fn what_nobody_has_is_changed_in_place() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &pro()).await;
        let after = patch(&world, &made, &more()).await;
        assert_eq!((&after["id"], &after["version"]), (&made["id"], &json!(1)));
        assert_eq!(after["credits"]["amount"], 8);
        let cheaper = patch(&world, &made, &json!({ "prices": [monthly(Some("price_1"), 800)] })).await;
        assert_eq!((&cheaper["id"], &cheaper["prices"][0]["unit_amount"]), (&made["id"], &json!(800)));
        assert_eq!(world.admin("GET", PLANS, "").await["data"], json!([cheaper]));
    }
}

#[tokio::test]
async fn other_terms_for_what_somebody_has_make_the_next_version() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &pro()).await;
        used(&world, &made).await;
        let old = again(&world, &made).await;
        assert_eq!(old, with(&made, &json!({ "used": true })));
        let next = patch(&world, &made, &with(&more(), &json!({ "public_name": "Pro 2" }))).await;
        assert_ne!(next["id"], made["id"]);
        let expected = json!({
            "id": next["id"], "version": 2, "public_name": "Pro 2", "used": false, "legacy": false,
            "credits": with(&made["credits"], &json!({ "amount": 8 })), "created_at": next["created_at"]
        });
        assert_eq!(next, with(&made, &expected), "all else goes over, the prices and the default too");
        let left = json!({ "legacy": true, "is_default": false, "prices": [] });
        assert_eq!(again(&world, &made).await, with(&old, &left), "and the old one keeps its terms, {kind:?}");
        let sells = read(&world, |tx| pricebook::plan_of_price(tx, "price_1", "prod_1")).await.unwrap();
        assert_eq!(sells.id.to_string(), id(&next));
        // Sent again, it is the same; another change of the old one makes a third.
        let before = version(&world).await;
        assert_eq!(patch(&world, &made, &with(&more(), &json!({ "public_name": "Pro 2" }))).await, next);
        assert_eq!(version(&world).await, before);
        let third = patch(&world, &made, &json!({ "trial_days": 3 })).await;
        assert_eq!((&third["version"], &third["credits"]["amount"]), (&json!(3), &json!(5)));
    }
}

#[tokio::test]
async fn names_switches_and_further_prices_of_what_somebody_has_change_in_place() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &pro()).await;
        used(&world, &made).await;
        for change in [
            json!({ "public_name": "P" }),
            json!({ "internal_id": "P" }),
            json!({ "rank": 11 }),
            json!({ "active": false }),
            json!({ "legacy": true }),
            json!({ "is_default": false }),
            json!({ "stripe_product_id": "prod_2" }),
        ] {
            let before = again(&world, &made).await;
            assert_eq!(patch(&world, &made, &change).await, with(&before, &change), "{change} on {kind:?}");
        }
        let grown = [monthly(Some("price_1"), 1000), monthly(Some("price_2"), 900), monthly(Some("price_3"), 500)];
        let after = patch(&world, &made, &json!({ "prices": grown })).await;
        assert_eq!((&after["id"], bound(&after)), (&made["id"], vec!["price_1", "price_2", "price_3"]));
        assert_eq!(after["prices"][1]["id"], made["prices"][1]["id"]);
        assert_eq!(world.admin("GET", PLANS, "").await["data"].as_array().unwrap().len(), 1);
    }
}

/// A price that is left out of the next version stays with the old one: whoever pays it has what was promised for it.
#[tokio::test]
async fn a_price_that_is_dropped_stays_with_those_who_pay_it() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &pro()).await;
        used(&world, &made).await;
        let next = patch(&world, &made, &json!({ "prices": [monthly(Some("price_new"), 1200)] })).await;
        assert_eq!((&next["version"], bound(&next)), (&json!(2), vec!["price_new"]));
        assert_eq!(bound(&again(&world, &made).await), ["price_1"]);
        let old = read(&world, |tx| pricebook::plan_of_price(tx, "price_1", "prod_1")).await.unwrap();
        assert_eq!(old.id.to_string(), id(&made));
        // A mirrored amount that was wrong: the price goes over, it cannot be of two.
        used(&world, &next).await;
        let third = patch(&world, &next, &json!({ "prices": [monthly(Some("price_new"), 1300)] })).await;
        assert_eq!((&third["version"], bound(&third)), (&json!(3), vec!["price_new"]));
        assert!(bound(&again(&world, &next).await).is_empty());
    }
}

#[tokio::test]
async fn removing_archives_what_was_used_and_deletes_what_was_not() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &with(&pro(), &json!({ "is_default": false }))).await;
        used(&world, &made).await;
        let next = patch(&world, &made, &more()).await;
        let gone = world.admin("DELETE", &path(&next), "").await;
        let answer = json!({ "object": "removed_subscription_plan", "id": next["id"], "outcome": "deleted" });
        assert_eq!(gone, answer);
        assert_eq!(world.ask(ADMIN, "GET", &path(&next), "").await.error().0, "unknown_plan");
        assert_eq!(bound(&again(&world, &made).await), ["price_1"], "a price that Stripe may bill stays known");

        let archived = world.admin("DELETE", &path(&made), "").await;
        assert_eq!(archived["outcome"], "archived");
        let shown = again(&world, &made).await;
        assert!(shown["archived_at"].is_string() && shown["active"] == false);
        let before = version(&world).await;
        world.clock.advance(1_000_000);
        assert_eq!(world.admin("DELETE", &path(&made), "").await, archived);
        assert_eq!(again(&world, &made).await, shown, "again changes nothing");
        assert_eq!(version(&world).await, before);
        let refused = world.ask(ADMIN, "PATCH", &path(&made), r#"{"rank":1}"#).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (409, "plan_archived"));
        let sells = read(&world, |tx| pricebook::plan_of_price(tx, "price_1", "prod_1")).await;
        assert_eq!(sells.map(|plan| plan.id.to_string()).as_deref(), Some(id(&made)), "whoever pays keeps it");
        assert_eq!(ids(&world.admin("GET", PLANS, "").await), [id(&made)]);
    }
}

#[tokio::test]
async fn one_change_sent_by_64_makes_one_version() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &pro()).await;
        used(&world, &made).await;
        let body = more().to_string();
        let one = path(&made);
        let answers = join_all((0..64).map(|_| world.ask(ADMIN, "PATCH", &one, body.clone()))).await;
        let next = answers[0].json();
        for answer in &answers {
            assert_eq!((answer.status, &answer.json()), (200, &next), "{kind:?}");
        }
        assert_eq!(next["version"], 2);
        assert_eq!(world.admin("GET", PLANS, "").await["data"].as_array().unwrap().len(), 2);
    }
}

/// What the first use answers is what stays, whichever of it and a change of the terms comes first.
#[tokio::test]
async fn a_first_use_raced_by_changes_has_one_promise() {
    for kind in BOTH {
        let world = World::on(kind).await;
        for round in 0..8 {
            let made = plan(&world, &json!({ "family": format!("f{round}"), "credits": pro()["credits"] })).await;
            let change = more();
            let changes = join_all((0..4).map(|_| patch(&world, &made, &change)));
            let uses = join_all((0..4).map(|_| used(&world, &made)));
            let (_, uses) = tokio::join!(changes, uses);
            let plan: PlanId = id(&made).parse().unwrap();
            let stands = read(&world, move |tx| Ok(pricebook::find_plan(tx, plan).unwrap())).await;
            for used in uses {
                assert_eq!(used.terms, stands.terms, "{kind:?}");
            }
            let amounts = [Amount::units(5), Amount::units(8)];
            assert!(amounts.contains(&stands.terms.credits.unwrap().amount));
        }
    }
}

/// The mark of a first use is no change of the book; every change is counted once.
#[tokio::test]
async fn the_book_counts_its_changes() {
    for kind in BOTH {
        let world = World::on(kind).await;
        assert_eq!(version(&world).await, 0);
        let made = plan(&world, &pro()).await;
        assert_eq!(version(&world).await, 1);
        let first = used(&world, &made).await.used_at;
        world.clock.advance(1_000_000);
        assert_eq!(used(&world, &made).await.used_at, first, "once used, used since then");
        assert_eq!(version(&world).await, 1);
        patch(&world, &made, &json!({ "rank": 12 })).await;
        assert_eq!(version(&world).await, 2);
        let unknown = PlanId(1);
        let refused = world.app.db().write(move |tx| pricebook::use_version(tx, unknown)).await;
        assert_eq!(refused.map_err(|error| error.code.as_str()).map(|plan| plan.id), Err("unknown_plan"));
    }
}
