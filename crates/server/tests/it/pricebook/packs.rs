//! Credit packs by the API: made, changed, in versions once they were bought, removed.

use super::{PACKS, again, id, ids, pack, patch, path, version, with, write};
use crate::world::{ADMIN, BOTH, World};
use futures_util::future::join_all;
use purser::features::pricebook;
use serde_json::{Value, json};

/// Fifty credits for five dollars.
fn fifty() -> Value {
    json!({ "family": "p50", "credits": 50, "price": price(Some("price_50"), 500) })
}

fn price(stripe: Option<&str>, cents: i64) -> Value {
    json!({ "stripe_price_id": stripe, "currency": "usd", "unit_amount": cents })
}

/// Marks the pack that `made` shows as bought.
async fn bought(world: &World, made: &Value) {
    let id = id(made).parse().unwrap();
    write(world, move |tx| pricebook::use_top_up(tx, id)).await;
}

#[tokio::test]
async fn a_pack_is_shown_as_it_was_made() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = pack(&world, &fifty()).await;
        let shown = json!({
            "object": "top_up_plan", "id": made["id"], "family": "p50", "group": "packs", "version": 1,
            "internal_id": "p50", "public_name": "p50", "credits": 50, "unit": "credits", "expires_in_days": 365,
            "priority": 30, "price": price(Some("price_50"), 500), "active": true, "legacy": false, "used": false,
            "created_at": made["created_at"], "archived_at": null
        });
        assert_eq!(made, shown, "{kind:?}");
        assert_eq!(again(&world, &made).await, made);
        assert_eq!(world.admin("GET", &format!("/api/admin/top-up-plans/{}", id(&made)), "").await, made);
        let given = json!({
            "family": "x", "group": "tokens", "version": 3, "internal_id": "X", "public_name": "X!",
            "credits": 0.000_001, "unit": "tokens", "expires_in_days": null, "priority": 0, "price": null, "active": false
        });
        let other = pack(&world, &given).await;
        assert_eq!(other, with(&other, &given));
    }
}

#[tokio::test]
async fn a_change_of_a_pack_wipes_nothing() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = pack(&world, &fifty()).await;
        assert_eq!(patch(&world, &made, &json!({})).await, made);
        for change in [
            json!({ "internal_id": "P" }),
            json!({ "public_name": "Fifty" }),
            json!({ "credits": 51 }),
            json!({ "unit": "tokens" }),
            json!({ "expires_in_days": 30 }),
            json!({ "expires_in_days": null }),
            json!({ "priority": 5 }),
            json!({ "active": false }),
            json!({ "legacy": true }),
            json!({ "price": null }),
            json!({ "price": price(None, 600) }),
        ] {
            let before = again(&world, &made).await;
            let after = patch(&world, &made, &change).await;
            assert_ne!(after, before, "{change}");
            assert_eq!(after, with(&before, &change), "{change} on {kind:?}");
        }
        let refused = world.ask(ADMIN, "PATCH", &path(&made), r#"{"credits":null}"#).await;
        assert_eq!(refused.error().1.as_deref(), Some("credits"));
    }
}

#[tokio::test]
async fn what_was_bought_keeps_its_terms_and_the_next_version_has_the_price() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = pack(&world, &fifty()).await;
        bought(&world, &made).await;
        let named = patch(&world, &made, &json!({ "public_name": "Fifty" })).await;
        assert_eq!((&named["id"], &named["used"]), (&made["id"], &json!(true)));
        let body = json!({ "credits": 60 }).to_string();
        let one = path(&made);
        let answers = join_all((0..16).map(|_| world.ask(ADMIN, "PATCH", &one, body.clone()))).await;
        let next = answers[0].json();
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.json() == next), "{kind:?}");
        assert_eq!((&next["version"], &next["credits"]), (&json!(2), &json!(60)));
        assert_eq!(next["price"], price(Some("price_50"), 500));
        let old = again(&world, &made).await;
        assert_eq!(old, with(&named, &json!({ "legacy": true, "price": price(None, 500) })));
        // Another price is another promise.
        bought(&world, &next).await;
        let third = patch(&world, &next, &json!({ "price": price(Some("price_60"), 650) })).await;
        assert_eq!((&third["version"], &third["credits"]), (&json!(3), &json!(60)));
        assert_eq!(again(&world, &next).await["price"], price(Some("price_50"), 500));
    }
}

#[tokio::test]
async fn removing_a_pack_archives_or_deletes_it() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = pack(&world, &fifty()).await;
        bought(&world, &made).await;
        let next = patch(&world, &made, &json!({ "credits": 60 })).await;
        let gone = world.admin("DELETE", &path(&next), "").await;
        assert_eq!(gone, json!({ "object": "removed_top_up_plan", "id": next["id"], "outcome": "deleted" }));
        assert_eq!(world.ask(ADMIN, "GET", &path(&next), "").await.error().0, "unknown_top_up_plan");
        assert_eq!(again(&world, &made).await["price"], price(Some("price_50"), 500), "Stripe may still sell it");
        let archived = world.admin("DELETE", &path(&made), "").await;
        assert_eq!(archived["outcome"], "archived");
        let before = version(&world).await;
        assert_eq!(world.admin("DELETE", &path(&made), "").await, archived);
        assert_eq!(version(&world).await, before);
        let refused = world.ask(ADMIN, "PATCH", &path(&made), r#"{"active":true}"#).await;
        assert_eq!(refused.error().0, "plan_archived");
        assert_eq!(ids(&world.admin("GET", PACKS, "").await), [id(&made)]);
    }
}

#[tokio::test]
async fn packs_are_refused_listed_and_recorded_like_plans() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let answers = join_all((0..64).map(|_| world.ask(ADMIN, "POST", PACKS, fifty().to_string()))).await;
        let made = answers[0].json();
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.json() == made), "{kind:?}");
        for (body, status, code, param) in [
            (json!({ "credits": 51 }), 409, "plan_version_exists", "credits"),
            (json!({ "price": null }), 409, "plan_version_exists", "price"),
            (json!({ "group": "other" }), 409, "plan_family_differs", "group"),
            (json!({ "version": 2 }), 409, "stripe_price_taken", "price.stripe_price_id"),
            (json!({ "credits": 0 }), 400, "amount_not_positive", "credits"),
            (json!({ "expires_in_days": 0 }), 400, "invalid_field", "expires_in_days"),
            (json!({ "price": { "currency": "dollar" } }), 400, "invalid_field", "price.currency"),
            (json!({ "prices": [] }), 400, "unknown_field", "prices"),
        ] {
            let refused = world.ask(ADMIN, "POST", PACKS, with(&fifty(), &body).to_string()).await;
            assert_eq!((refused.status, refused.error()), (status, (code.into(), Some(param.into()))), "{body}");
        }
        let (_, service) = world.key("service").await;
        assert_eq!(world.ask(&service, "GET", PACKS, "").await.status, 200);
        assert_eq!(world.ask(&service, "POST", PACKS, fifty().to_string()).await.status, 403);
        assert_eq!(world.ask(&service, "DELETE", &path(&made), "").await.status, 403);
        world.clock.advance(1_000);
        let other = pack(&world, &json!({ "family": "other", "credits": 1 })).await;
        let mut expected = [id(&made).to_owned(), id(&other).to_owned()];
        expected.sort_unstable();
        expected.reverse();
        let first = world.admin("GET", &format!("{PACKS}?limit=1"), "").await;
        assert_eq!((ids(&first), &first["has_more"]), (expected[..1].to_vec(), &json!(true)));
        let second = world.admin("GET", &format!("{PACKS}?starting_after={}", expected[0]), "").await;
        assert_eq!((ids(&second), &second["has_more"]), (expected[1..].to_vec(), &json!(false)));
        let trail = world.admin("GET", "/api/v1/admin/audit?action=top_up_plan.created", "").await;
        assert_eq!(trail["data"].as_array().unwrap().len(), 2);
    }
}
