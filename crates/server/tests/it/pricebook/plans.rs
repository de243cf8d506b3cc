//! Plans by the API: made, read, listed, changed; refused by name; each write in the audit trail.

use super::{PLANS, again, id, ids, monthly, pack, patch, path, plan, version, with};
use crate::world::{ADMIN, BOTH, World};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A plan in which nothing is left to a default.
fn full() -> Value {
    json!({
        "family": "team", "group": "seats", "version": 7, "internal_id": "TEAM_7", "public_name": "Team “seven”",
        "rank": 15, "kind": "base",
        "credits": {
            "amount": "1000.000001", "unit": "tokens", "period": "month", "rollover": { "max": 50.5, "periods": 3 },
            "priority": 12, "per_seat": true
        },
        "trial_days": 14, "trial_credits": 2.5, "change_credits": "full", "on_delete": "leave",
        "prices": [
            { "stripe_price_id": "price_t7", "currency": "usd", "unit_amount": 900, "interval": "month",
              "kind": "per_seat" },
            { "currency": "eur", "interval": "year", "interval_count": 2, "kind": "metered" }
        ],
        "stripe_product_id": "prod_team", "active": false, "is_default": true
    })
}

#[tokio::test]
async fn a_plan_is_shown_as_it_was_made() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &full()).await;
        let shown = json!({
            "object": "subscription_plan", "id": made["id"], "used": false, "legacy": false,
            "created_at": made["created_at"], "archived_at": null,
            "credits": {
                "amount": 1_000.000_001, "unit": "tokens", "period": "month", "expires_in_days": null,
                "rollover": { "max": 50.5, "periods": 3 }, "priority": 12, "per_seat": true
            },
            "prices": [
                { "id": made["prices"][0]["id"], "stripe_price_id": "price_t7", "currency": "usd", "unit_amount": 900,
                  "interval": "month", "interval_count": 1, "kind": "per_seat" },
                { "id": made["prices"][1]["id"], "stripe_price_id": null, "currency": "eur", "unit_amount": null,
                  "interval": "year", "interval_count": 2, "kind": "metered" }
            ]
        });
        assert_eq!(made, with(&full(), &shown), "{kind:?}");
        let text = world.ask(ADMIN, "GET", &path(&made), "").await.text;
        assert!(text.contains(r#""amount":1000.000001,"#) && text.contains(r#""trial_credits":2.5,"#), "{text}");
        assert_eq!(again(&world, &made).await, made);
        assert_eq!(world.admin("GET", PLANS, "").await["data"], json!([made]));
        let other = format!("/api/admin/subscription-plans/{}", id(&made));
        assert_eq!(world.admin("GET", &other, "").await, made, "the same under /api");
    }
}

#[tokio::test]
async fn what_is_left_out_is_the_default_or_the_familys() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let body = json!({ "family": "solo", "rank": 3, "credits": { "amount": 5, "period": "day" } });
        let made = plan(&world, &body).await;
        let credits = json!({
            "amount": 5, "unit": "credits", "period": "day", "expires_in_days": null, "rollover": null,
            "priority": 10, "per_seat": false
        });
        assert_eq!(made["credits"], credits);
        let shown = json!({
            "group": "base", "version": 1, "internal_id": "solo", "public_name": "solo", "kind": "base",
            "trial_days": 0, "trial_credits": 0, "change_credits": "prorated", "on_delete": "revoke", "prices": [],
            "stripe_product_id": null, "active": true, "is_default": false
        });
        assert_eq!(with(&made, &shown), made);
        plan(&world, &json!({ "family": "extra", "group": "extras", "kind": "add_on", "rank": 4 })).await;
        let second = plan(&world, &json!({ "family": "extra", "version": 2 })).await;
        assert_eq!(second, with(&second, &json!({ "group": "extras", "kind": "add_on", "rank": 4 })));
        assert_eq!(second["credits"], Value::Null);
    }
}

#[tokio::test]
async fn a_change_wipes_nothing() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &full()).await;
        let before = version(&world).await;
        assert_eq!(patch(&world, &made, &json!({})).await, made);
        assert_eq!(version(&world).await, before, "a change that changes nothing writes nothing");
        for change in [
            json!({ "public_name": "Other" }),
            json!({ "internal_id": "T" }),
            json!({ "rank": 0 }),
            json!({ "trial_days": 0 }),
            json!({ "trial_credits": 0 }),
            json!({ "change_credits": "prorated" }),
            json!({ "on_delete": "revoke" }),
            json!({ "active": true }),
            json!({ "legacy": true }),
            json!({ "is_default": false }),
            json!({ "stripe_product_id": null }),
            json!({ "prices": [] }),
            json!({ "credits": null }),
        ] {
            let before = again(&world, &made).await;
            let after = patch(&world, &made, &change).await;
            assert_ne!(after, before, "{change}");
            assert_eq!(after, with(&before, &change), "{change} on {kind:?}");
            assert_eq!(again(&world, &made).await, after);
        }
        for field in ["public_name", "rank", "trial_days", "prices", "active", "on_delete"] {
            let refused = world.ask(ADMIN, "PATCH", &path(&made), json!({ field: null }).to_string()).await;
            assert_eq!(refused.error(), ("invalid_field".into(), Some(field.into())), "{}", refused.text);
        }
        for field in ["family", "group", "version", "kind", "used"] {
            let refused = world.ask(ADMIN, "PATCH", &path(&made), json!({ field: 1 }).to_string()).await;
            assert_eq!(refused.error(), ("unknown_field".into(), Some(field.into())), "{}", refused.text);
        }
    }
}

/// A price keeps its id when others come and go around it, and when it is bound.
#[tokio::test]
async fn prices_stay_themselves() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &json!({ "family": "p", "prices": [monthly(None, 100), monthly(None, 200)] })).await;
        let price = |plan: &Value, at: usize| plan["prices"][at]["id"].clone();
        let body = json!({ "prices": [monthly(Some("price_2"), 200), monthly(None, 300), monthly(None, 100)] });
        let after = patch(&world, &made, &body).await;
        assert_eq!(price(&after, 0), price(&made, 1), "bound");
        assert_eq!(price(&after, 2), price(&made, 0), "moved");
        let old = [price(&made, 0), price(&made, 1)];
        assert!(!old.contains(&price(&after, 1)), "new");
        assert_eq!(after["prices"][0]["stripe_price_id"], "price_2");
    }
}

#[tokio::test]
async fn the_same_version_is_made_once_by_64_and_another_is_refused() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let before = version(&world).await;
        let body = full().to_string();
        let answers = join_all((0..64).map(|_| world.ask(ADMIN, "POST", PLANS, body.clone()))).await;
        let made = answers[0].json();
        for answer in &answers {
            assert_eq!((answer.status, &answer.json()), (200, &made), "{kind:?}");
        }
        assert_eq!(world.admin("GET", PLANS, "").await["data"], json!([made]));
        assert_eq!(version(&world).await, before + 1);
        for (field, value) in [
            ("internal_id", json!("X")),
            ("rank", json!(16)),
            ("credits", Value::Null),
            ("trial_days", json!(15)),
            ("trial_credits", json!(0)),
            ("change_credits", json!("prorated")),
            ("on_delete", json!("revoke")),
            ("prices", json!([])),
            ("stripe_product_id", Value::Null),
            ("active", json!(true)),
            ("is_default", json!(false)),
        ] {
            let body = with(&full(), &json!({ field: value })).to_string();
            let refused = world.ask(ADMIN, "POST", PLANS, body).await;
            assert_eq!(refused.status, 409);
            assert_eq!(refused.error(), ("plan_version_exists".into(), Some(field.into())), "{}", refused.text);
        }
        for (field, value) in [("group", "base"), ("kind", "add_on")] {
            let body = with(&full(), &json!({ field: value, "version": 8, "prices": [] })).to_string();
            let refused = world.ask(ADMIN, "POST", PLANS, body).await;
            assert_eq!(refused.error(), ("plan_family_differs".into(), Some(field.into())), "{}", refused.text);
        }
        assert_eq!(again(&world, &made).await, made, "refusals leave it as it is");
    }
}

#[tokio::test]
async fn what_stripe_has_once_sells_once() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let a = json!({ "family": "a", "stripe_product_id": "prod_a", "prices": [monthly(Some("price_a"), 100)] });
        let first = plan(&world, &a).await;
        let price = json!({ "stripe_price_id": "price_p", "currency": "usd" });
        pack(&world, &json!({ "family": "p", "credits": 5, "price": price })).await;
        let other = plan(&world, &json!({ "family": "b" })).await;
        let before = version(&world).await;
        for (body, code, param) in [
            (json!({ "prices": [monthly(Some("price_a"), 100)] }), "stripe_price_taken", "prices"),
            (json!({ "prices": [monthly(Some("price_p"), 100)] }), "stripe_price_taken", "prices"),
            (json!({ "prices": [monthly(Some("x"), 1), monthly(Some("x"), 2)] }), "stripe_price_taken", "prices"),
            (json!({ "stripe_product_id": "prod_a" }), "stripe_product_taken", "stripe_product_id"),
        ] {
            let changed = world.ask(ADMIN, "PATCH", &path(&other), body.to_string()).await;
            let made = with(&body, &json!({ "family": "c" })).to_string();
            for refused in [changed, world.ask(ADMIN, "POST", PLANS, made).await] {
                assert_eq!(refused.status, 409, "{body}: {}", refused.text);
                assert_eq!(refused.error(), (code.into(), Some(param.into())), "{body}");
            }
        }
        assert_eq!(version(&world).await, before);
        // The next version of its own family may have the product.
        let next = json!({ "family": "a", "version": 2, "stripe_product_id": "prod_a" });
        assert_eq!(plan(&world, &next).await["stripe_product_id"], "prod_a");
        assert_eq!(again(&world, &first).await, first);
    }
}

#[tokio::test]
async fn bad_bodies_are_refused_by_name() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let before = version(&world).await;
        let credits = |more: Value| json!({ "credits": with(&json!({ "amount": 5, "period": "day" }), &more) });
        let prices: Vec<Value> = (1..=21).map(|cents| monthly(None, cents)).collect();
        for (body, code, param) in [
            (json!({ "family": "a b" }), "invalid_field", "family"),
            (json!({ "family": null }), "invalid_field", "family"),
            (json!({ "version": 0 }), "invalid_field", "version"),
            (json!({ "version": 1.5 }), "invalid_field", "version"),
            (json!({ "rank": -1 }), "invalid_field", "rank"),
            (json!({ "kind": "bundle" }), "invalid_field", "kind"),
            (json!({ "trial_days": 731 }), "invalid_field", "trial_days"),
            (json!({ "trial_credits": -0.5 }), "invalid_field", "trial_credits"),
            (json!({ "public_name": "" }), "invalid_field", "public_name"),
            (json!({ "colour": "red" }), "unknown_field", "colour"),
            (json!({ "prices": prices }), "invalid_field", "prices"),
            (json!({ "prices": [{ "currency": "USD", "interval": "month" }] }), "invalid_field", "prices[0].currency"),
            (json!({ "prices": [{ "currency": "usd" }] }), "missing_field", "prices[0].interval"),
            (credits(json!({ "amount": 0 })), "amount_not_positive", "credits.amount"),
            (credits(json!({ "amount": "0.0000001" })), "amount_too_precise", "credits.amount"),
            (credits(json!({ "period": "hour" })), "invalid_field", "credits.period"),
            (credits(json!({ "expires_in_days": 0 })), "invalid_field", "credits.expires_in_days"),
            (credits(json!({ "priority": 1001 })), "invalid_field", "credits.priority"),
            (credits(json!({ "surprise": 1 })), "unknown_field", "credits.surprise"),
            (
                credits(json!({ "expires_in_days": 30, "rollover": { "max": 1, "periods": 1 } })),
                "invalid_field",
                "credits.rollover",
            ),
        ] {
            let refused = world.ask(ADMIN, "POST", PLANS, with(&json!({ "family": "f" }), &body).to_string()).await;
            assert_eq!(refused.status, 400, "{body}: {}", refused.text);
            assert_eq!(refused.error(), (code.into(), Some(param.into())), "{body}: {}", refused.text);
        }
        assert_eq!(version(&world).await, before);
        let unknown = format!("{PLANS}/plan_{}", "0".repeat(32));
        for method in ["GET", "PATCH", "DELETE"] {
            let body = if method == "PATCH" { "{}" } else { "" };
            let refused = world.ask(ADMIN, method, &unknown, body).await;
            assert_eq!((refused.status, refused.error().0.as_str()), (404, "unknown_plan"), "{method}");
        }
    }
}

#[tokio::test]
async fn a_group_has_one_default_and_keeps_it() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let first = plan(&world, &json!({ "family": "a", "is_default": true })).await;
        let elsewhere = plan(&world, &json!({ "family": "e", "group": "other", "is_default": true })).await;
        let second = plan(&world, &json!({ "family": "b", "is_default": true })).await;
        assert_eq!(again(&world, &first).await["is_default"], false);
        assert_eq!(again(&world, &elsewhere).await["is_default"], true);
        let refused = world.ask(ADMIN, "DELETE", &path(&second), "").await;
        assert_eq!((refused.status, refused.error().0.as_str()), (409, "plan_is_default"));
        patch(&world, &first, &json!({ "is_default": true })).await;
        let removed = world.admin("DELETE", &path(&second), "").await;
        assert_eq!((&removed["id"], &removed["outcome"]), (&second["id"], &json!("deleted")));
        assert_eq!(world.ask(ADMIN, "GET", &path(&second), "").await.status, 404);
    }
}

/// Nobody would have it, and nobody the plan that was the default.
#[tokio::test]
async fn an_add_on_takes_the_default_from_nobody() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let free = plan(&world, &json!({ "family": "free", "is_default": true })).await;
        let extra = plan(&world, &json!({ "family": "extra", "kind": "add_on" })).await;
        let before = version(&world).await;
        let default = json!({ "is_default": true });
        let new = with(&default, &json!({ "family": "more", "kind": "add_on" }));
        // The next version of a family is of its kind.
        let next = with(&default, &json!({ "family": "extra", "version": 2 }));
        for (method, path, body) in
            [("POST", PLANS.to_owned(), new), ("POST", PLANS.to_owned(), next), ("PATCH", path(&extra), default)]
        {
            let refused = world.ask(ADMIN, method, &path, body.to_string()).await;
            assert_eq!(refused.status, 400, "{kind:?} {body}: {}", refused.text);
            assert_eq!(refused.error(), ("invalid_field".into(), Some("is_default".into())), "{kind:?} {body}");
        }
        assert_eq!(patch(&world, &extra, &json!({ "is_default": false })).await, extra, "{kind:?}");
        assert_eq!(again(&world, &free).await["is_default"], true, "{kind:?}");
        assert_eq!(version(&world).await, before, "{kind:?}");
    }
}

#[tokio::test]
async fn whoever_has_a_key_reads_and_admins_write() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &json!({ "family": "a" })).await;
        let one = path(&made);
        let under_api = one.replace("/api/v1/", "/api/");
        let (_, read) = world.key("read").await;
        let (_, service) = world.key("service").await;
        for key in [&read, &service] {
            for (method, path, body, status) in [
                ("GET", PLANS, "", 200),
                ("GET", one.as_str(), "", 200),
                ("GET", under_api.as_str(), "", 200),
                ("POST", PLANS, r#"{"family":"b"}"#, 403),
                ("PATCH", one.as_str(), r#"{"rank":1}"#, 403),
                ("DELETE", one.as_str(), "", 403),
                ("DELETE", under_api.as_str(), "", 403),
            ] {
                let answer = world.ask(key, method, path, body).await;
                assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
                assert_eq!(world.ask("", method, path, body).await.status, 401, "{method} {path}");
            }
        }
        assert_eq!(again(&world, &made).await, made);
    }
}

#[tokio::test]
async fn lists_are_paged_newest_first_and_filtered_by_family() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let mut made = BTreeSet::new();
        for (family, version) in [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("b", 3)] {
            world.clock.advance(1_000);
            let body = json!({ "family": family, "version": version });
            made.insert(id(&plan(&world, &body).await).to_owned());
        }
        let newest_first: Vec<String> = made.into_iter().rev().collect();
        let first = world.admin("GET", &format!("{PLANS}?limit=2"), "").await;
        assert_eq!((ids(&first), &first["has_more"]), (newest_first[..2].to_vec(), &json!(true)));
        let rest = world.admin("GET", &format!("{PLANS}?limit=3&starting_after={}", newest_first[1]), "").await;
        assert_eq!((ids(&rest), &rest["has_more"]), (newest_first[2..].to_vec(), &json!(false)));
        let family = world.admin("GET", &format!("{PLANS}?family=a"), "").await;
        assert_eq!(family["data"].as_array().unwrap().len(), 2);
        assert!(family["data"].as_array().unwrap().iter().all(|plan| plan["family"] == "a"));
        let last = ids(&family)[0].clone();
        let one = world.admin("GET", &format!("{PLANS}?family=a&starting_after={last}"), "").await;
        assert_eq!(ids(&one), ids(&family)[1..]);
    }
}

#[tokio::test]
async fn every_write_stands_in_the_trail_with_before_and_after() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let made = plan(&world, &json!({ "family": "a", "public_name": "Old" })).await;
        let changed = patch(&world, &made, &json!({ "public_name": "New" })).await;
        world.admin("DELETE", &path(&made), "").await;
        let line = async |action: &str| {
            let trail = world.admin("GET", &format!("/api/v1/admin/audit?action={action}"), "").await;
            let lines = trail["data"].as_array().unwrap().clone();
            assert_eq!(lines.len(), 1, "{action}: {trail}");
            assert_eq!((&lines[0]["subject"], &lines[0]["actor_id"]), (&made["id"], &json!("bootstrap")));
            (lines[0]["before"].clone(), lines[0]["after"].clone())
        };
        assert_eq!(line("plan.created").await, (Value::Null, made.clone()));
        assert_eq!(line("plan.updated").await, (made.clone(), changed.clone()));
        assert_eq!(line("plan.deleted").await, (changed, Value::Null));
    }
}
