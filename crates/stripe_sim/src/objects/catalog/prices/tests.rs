//! Prices: what is made of a request, what is refused in which words, and which events tell it.

use super::{create_price, list_prices, retrieve_price, update_price};
use crate::{
    objects::{
        catalog::{create_product, on_demand, plan_of, price_of},
        meters,
        testing::{asked, listed, refused, told, value},
    },
    world::{Cx, World},
};
use serde_json::{Value, json};

const METERED: &str = "Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by meters.";
const TIERED: &str = "Prices with `type=one_time` are not supported with tiered billing.";
const NO_AMOUNT: &str = "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.";
const NO_PRODUCT: &str = "You must specify either `product` or `product_data` when creating a price.";

fn world() -> World {
    World::new(1, 1_700_000_000)
}

fn product(cx: &mut Cx<'_>) {
    value(create_product(cx, &asked(&[], json!({ "id": "pro", "name": "Pro" }))));
}

fn price(cx: &mut Cx<'_>, params: Value) -> Value {
    value(create_price(cx, &asked(&[], params)))
}

fn id(price: &Value) -> String {
    price["id"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_monthly_price_is_a_plan_too() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    product(&mut cx);
    let params = json!({
        "product": "pro", "currency": "USD", "unit_amount": 1500, "nickname": "monthly",
        "recurring": { "interval": "month" },
    });
    let made = price(&mut cx, params);
    let id = id(&made);
    let expected = json!({
        "id": id, "object": "price", "active": true, "billing_scheme": "per_unit", "created": 1_700_000_000,
        "currency": "usd", "custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {},
        "nickname": "monthly", "product": "pro",
        "recurring": {
            "interval": "month", "interval_count": 1, "meter": null, "trial_period_days": null,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified", "tiers_mode": null, "transform_quantity": null, "type": "recurring",
        "unit_amount": 1500, "unit_amount_decimal": "1500",
    });
    assert_eq!(made, expected);
    assert_eq!(told(cx.world), ["product.created", "price.created", "plan.created"]);
    let plan = price_of(cx.world, &id).map(plan_of).expect("a plan");
    let expected = json!({
        "id": id, "object": "plan", "active": true, "amount": 1500, "amount_decimal": "1500",
        "billing_scheme": "per_unit", "created": 1_700_000_000, "currency": "usd", "interval": "month",
        "interval_count": 1, "livemode": false, "metadata": {}, "meter": null, "nickname": "monthly", "product": "pro",
        "tiers_mode": null, "transform_usage": null, "trial_period_days": null, "usage_type": "licensed",
    });
    assert_eq!(plan, expected);
}

#[test]
fn prices_of_many_kinds_are_shown_as_asked() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    product(&mut cx);
    let meter = meters::create(
        &mut cx,
        &asked(
            &[],
            json!({
                "display_name": "Tokens", "event_name": "tokens", "default_aggregation": { "formula": "sum" },
            }),
        ),
    );
    let meter = value(meter)["id"].clone();
    let tiers = json!([{ "up_to": 5, "unit_amount": 700 }, { "up_to": "inf", "unit_amount_decimal": "0.5" }]);
    let month = json!({ "interval": "month" });
    let metered = json!({ "interval": "month", "usage_type": "metered", "meter": meter });
    for (more, path, expected) in [
        (json!({ "unit_amount_decimal": "105.5" }), "/unit_amount", json!(null)),
        (json!({ "unit_amount_decimal": "5" }), "/unit_amount", json!(5)),
        (json!({ "unit_amount": 0 }), "/type", json!("one_time")),
        (json!({ "unit_amount": 1, "recurring": metered }), "/recurring/meter", meter.clone()),
        (json!({ "unit_amount": 1, "recurring": metered }), "/recurring/usage_type", json!("metered")),
        (
            json!({ "billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tiers, "recurring": month }),
            "/tiers_mode",
            json!("volume"),
        ),
        (
            json!({ "unit_amount": 4, "transform_quantity": { "divide_by": 100, "round": "up" } }),
            "/transform_quantity",
            json!({ "divide_by": 100, "round": "up" }),
        ),
        (
            json!({ "custom_unit_amount": { "enabled": true, "preset": 500 } }),
            "/custom_unit_amount",
            json!({ "maximum": null, "minimum": null, "preset": 500 }),
        ),
        (json!({ "unit_amount": 1, "tax_behavior": "exclusive" }), "/tax_behavior", json!("exclusive")),
    ] {
        let mut params = json!({ "product": "pro", "currency": "usd" });
        for (name, value) in more.as_object().into_iter().flatten() {
            params[name] = value.clone();
        }
        let made = price(&mut cx, params);
        assert_eq!(made.pointer(path), Some(&expected), "{more}");
        assert!(made.get("tiers").is_none() && made.get("currency_options").is_none(), "only when asked for");
    }
}

#[test]
fn tiers_and_currencies_are_shown_when_asked_for() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    let made = price(
        &mut cx,
        json!({
            "product_data": { "name": "Pro" }, "currency": "usd", "billing_scheme": "tiered", "tiers_mode": "graduated",
            "tiers": [{ "up_to": "inf", "unit_amount": 3 }], "recurring": { "interval": "week", "interval_count": 2 },
            "currency_options": { "eur": { "tiers": [{ "up_to": "inf", "unit_amount": 2 }] } },
        }),
    );
    assert_eq!(told(cx.world), ["product.created", "price.created", "plan.created"]);
    let object = made.as_object().expect("an object");
    let tiers = on_demand(cx.world, object, "tiers").expect("tiers");
    assert_eq!((&tiers[0]["up_to"], &tiers[0]["unit_amount_decimal"]), (&json!(null), &json!("3")));
    let options = on_demand(cx.world, object, "currency_options").expect("currencies");
    assert_eq!(options["usd"]["tiers"], tiers);
    assert_eq!(options["eur"]["tiers"][0]["unit_amount"], 2);
    assert!(on_demand(cx.world, object, "other").is_none());
    let plan = price_of(cx.world, &id(&made)).map(plan_of).expect("a plan");
    assert_eq!(on_demand(cx.world, plan.as_object().expect("an object"), "tiers"), Some(tiers));
}

#[test]
fn what_does_not_go_together_is_refused() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    product(&mut cx);
    let month = json!({ "interval": "month" });
    let metered = json!({ "interval": "month", "usage_type": "metered" });
    let tier = json!([{ "up_to": "inf", "unit_amount": 1 }]);
    let usd = |more: Value| {
        let mut params = json!({ "product": "pro", "currency": "usd" });
        for (name, value) in more.as_object().into_iter().flatten() {
            params[name] = value.clone();
        }
        params
    };
    let table = [
        (json!({ "currency": "usd", "unit_amount": 1 }), NO_PRODUCT, None),
        (
            usd(json!({ "product_data": { "name": "x" } })),
            "You may only specify one of these parameters: product, product_data.",
            Some("product"),
        ),
        (json!({ "currency": "usd", "product": "x", "unit_amount": 1 }), "No such product: 'x'", Some("product")),
        (usd(json!({})), NO_AMOUNT, None),
        (usd(json!({ "unit_amount": -5 })), "Invalid non-negative integer", Some("unit_amount")),
        (usd(json!({ "unit_amount": 5, "recurring": metered })), METERED, None),
        (
            usd(json!({ "unit_amount": 5, "recurring": { "interval": "month", "meter": "mtr_x" } })),
            "A meter can only be given with `usage_type=metered`.",
            Some("recurring[meter]"),
        ),
        (
            usd(json!({ "unit_amount": 5, "recurring": { "interval": "month", "interval_count": 0 } })),
            "This value must be greater than or equal to 1.",
            Some("recurring[interval_count]"),
        ),
        (usd(json!({ "billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tier })), TIERED, Some("interval")),
        (
            usd(json!({ "billing_scheme": "tiered", "tiers_mode": "volume", "recurring": month })),
            "Missing required param: tiers.",
            Some("tiers"),
        ),
        (
            usd(json!({ "billing_scheme": "tiered", "tiers": tier, "recurring": month })),
            "Missing required param: tiers_mode.",
            Some("tiers_mode"),
        ),
        (usd(json!({ "tiers": tier })), "Tiers can only be used with `billing_scheme=tiered`.", Some("tiers")),
        (
            usd(json!({ "unit_amount": 1, "transform_quantity": { "divide_by": 0, "round": "up" } })),
            "This value must be greater than or equal to 1.",
            Some("transform_quantity[divide_by]"),
        ),
    ];
    for (params, message, param) in table {
        let error = refused(create_price(&mut cx, &asked(&[], params.clone())));
        assert_eq!((error.message.as_str(), error.param.as_deref()), (message, param), "{params}");
        assert_eq!(error.status, 400, "{params}");
    }
}

#[test]
fn a_lookup_key_belongs_to_one_price() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    product(&mut cx);
    let params = json!({ "product": "pro", "currency": "usd", "unit_amount": 5, "lookup_key": "pro_monthly" });
    let first = id(&price(&mut cx, params.clone()));
    let error = refused(create_price(&mut cx, &asked(&[], params.clone())));
    assert_eq!(error.message, format!("A price (`{first}`) already uses that lookup key."));
    assert_eq!(error.param.as_deref(), Some("lookup_key"));
    let mut taking = params;
    taking["transfer_lookup_key"] = json!(true);
    let second = id(&price(&mut cx, taking));
    let former = value(retrieve_price(&mut cx, &asked(&[&first], json!({}))));
    assert!(former["lookup_key"].is_null());
    let filter = json!({ "lookup_keys": ["pro_monthly", "other"] });
    assert_eq!(listed(list_prices(&mut cx, &asked(&[], filter))), [second.as_str()]);
    // Setting the key it has already is no change.
    let same = json!({ "lookup_key": "pro_monthly" });
    value(update_price(&mut cx, &asked(&[&second], same)));
    assert_eq!(told(cx.world), ["product.created", "price.created", "price.updated", "price.created"]);
}

#[test]
fn a_price_is_changed_in_what_may_change() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    product(&mut cx);
    let params = json!({ "product": "pro", "currency": "usd", "unit_amount": 5, "tax_behavior": "exclusive" });
    let id = id(&price(&mut cx, params));
    let changes = json!({ "active": false, "nickname": "old", "metadata": { "foo": "bar" } });
    let changed = value(update_price(&mut cx, &asked(&[&id], changes)));
    assert_eq!((&changed["active"], &changed["nickname"]), (&json!(false), &json!("old")));
    assert_eq!(told(cx.world), ["product.created", "price.created", "price.updated"]);
    let error = refused(update_price(&mut cx, &asked(&[&id], json!({ "tax_behavior": "inclusive" }))));
    assert_eq!(error.param.as_deref(), Some("tax_behavior"));
    let error = refused(update_price(&mut cx, &asked(&["price_x"], json!({}))));
    assert_eq!((error.status, error.param.as_deref()), (404, Some("price")));
}

#[test]
fn prices_are_listed_as_asked() {
    let mut world = world();
    let mut cx = Cx::new(&mut world, None);
    product(&mut cx);
    let once = json!({ "product": "pro", "currency": "usd", "unit_amount": 5 });
    let yearly = json!({ "product": "pro", "currency": "eur", "unit_amount": 5, "recurring": { "interval": "year" } });
    let (once, yearly) = (id(&price(&mut cx, once)), id(&price(&mut cx, yearly)));
    for (filter, expected) in [
        (json!({}), vec![&yearly, &once]),
        (json!({ "type": "one_time" }), vec![&once]),
        (json!({ "type": "recurring", "currency": "eur" }), vec![&yearly]),
        (json!({ "recurring": { "interval": "year", "usage_type": "licensed" } }), vec![&yearly]),
        (json!({ "recurring": { "interval": "month" } }), vec![]),
        (json!({ "recurring": { "meter": "mtr_x" } }), vec![]),
        (json!({ "product": "other" }), vec![]),
        (json!({ "active": false }), vec![]),
    ] {
        let found = listed(list_prices(&mut cx, &asked(&[], filter.clone())));
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
    }
}
