//! What the portal's operations answer, and what comes of what customers do there.

use super::{
    Configuration, Session,
    actions::{self, Added, Why},
    changes::{self, Wish},
    configurations,
    sessions::{self, Next},
};
use crate::{
    objects::{
        catalog::{create_price, create_product},
        customers::{self, Customer},
        payment_methods, setup_intents, subscriptions,
        testing::{asked, listed, refused, told, value},
    },
    world::{Cx, World},
};
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z
const NOW: i64 = 1_767_225_600;

fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

/// A customer who pays by a card that works.
fn customer(cx: &mut Cx<'_>) -> String {
    let customer = id(&value(customers::create(cx, &asked(&[], json!({ "email": "jenny@example.com" })))));
    let method = payment_methods::attach_to(cx, "pm_card_visa", &customer, "payment_method").expect("a card");
    actions::make_default(cx, &customer, &method).expect("a default");
    customer
}

/// Two monthly prices of one product: the product, the dear one, the cheap one.
fn prices(cx: &mut Cx<'_>) -> (String, String, String) {
    let product = id(&value(create_product(cx, &asked(&[], json!({ "name": "Pro" })))));
    let mut price = |amount: i64| {
        let recurring = json!({ "interval": "month" });
        let params = json!({ "product": product, "currency": "usd", "unit_amount": amount, "recurring": recurring });
        id(&value(create_price(cx, &asked(&[], params))))
    };
    let (dear, cheap) = (price(3000), price(1000));
    (product, dear, cheap)
}

fn subscribe(cx: &mut Cx<'_>, customer: &str, price: &str) -> String {
    let params = json!({ "customer": customer, "items": [{ "price": price }] });
    id(&value(subscriptions::api::create(cx, &asked(&[], params))))
}

fn configure(cx: &mut Cx<'_>, features: Value) -> Configuration {
    let made = value(configurations::create(cx, &asked(&[], json!({ "features": features }))));
    cx.find::<Configuration>(&id(&made)).expect("a configuration").clone()
}

fn open(cx: &mut Cx<'_>, params: Value) -> Session {
    let made = value(sessions::create(cx, &asked(&[], params)));
    cx.find::<Session>(&id(&made)).expect("a session").clone()
}

fn shown(cx: &Cx<'_>, id: &str) -> Value {
    cx.world.shown("subscription", id).expect("a subscription")
}

fn last_told<'a>(cx: &'a Cx<'_>, count: usize) -> Vec<&'a str> {
    let all = told(cx.world);
    all[all.len().saturating_sub(count)..].to_vec()
}

#[test]
fn the_default_configuration_is_made_once_when_it_is_needed() {
    let mut world = World::new(1, NOW);
    let mut cx = Cx::new(&mut world, None);
    let customer = customer(&mut cx);
    let first = open(&mut cx, json!({ "customer": customer, "return_url": "https://example.com/account" }));
    let expected = ["billing_portal.configuration.created", "billing_portal.session.created"];
    assert_eq!(last_told(&cx, 2), expected);
    let second = open(&mut cx, json!({ "customer": customer }));
    assert_eq!(first.configuration, second.configuration);
    let listed = listed(configurations::list(&mut cx, &asked(&[], json!({ "is_default": true }))));
    assert_eq!(listed, std::slice::from_ref(&first.configuration));
    let shown = cx.world.shown("billing_portal.configuration", &first.configuration).expect("a configuration");
    assert_eq!(shown["features"]["subscription_cancel"]["mode"], "at_period_end");
    assert_eq!(shown["features"]["subscription_cancel"]["enabled"], true);
    assert_eq!(shown["login_page"], json!({ "enabled": false, "url": null }));
    let error = refused(configurations::update(&mut cx, &asked(&[&first.configuration], json!({ "active": false }))));
    assert_eq!(error.param.as_deref(), Some("active"));
}

#[test]
fn what_is_said_of_a_feature_joins_what_was_said_before() {
    let mut world = World::new(1, NOW);
    let mut cx = Cx::new(&mut world, None);
    let (product, dear, _) = prices(&mut cx);
    let products = json!([{ "product": product, "prices": [dear] }]);
    let update = json!({ "enabled": true, "default_allowed_updates": ["price"], "products": products });
    let made = configure(&mut cx, json!({ "subscription_update": update, "invoice_history": { "enabled": true } }));
    let filled = json!({ "enabled": false, "maximum": null, "minimum": 1 });
    assert_eq!(made.products()[0]["adjustable_quantity"], filled);
    assert!(made.offers("invoice_history") && !made.offers("subscription_cancel"));
    let changes = json!({ "features": { "subscription_update": { "proration_behavior": "always_invoice" } } });
    let changed = value(configurations::update(&mut cx, &asked(&[&made.id], changes)));
    let update = &changed["features"]["subscription_update"];
    assert_eq!((&update["proration_behavior"], &update["enabled"]), (&json!("always_invoice"), &json!(true)));
    assert_eq!(last_told(&cx, 1), ["billing_portal.configuration.updated"]);
    for (features, status) in [
        (json!({ "subscription_update": { "products": [{ "product": "prod_x", "prices": [] }] } }), 400),
        (json!({ "subscription_update": { "products": [{ "product": product, "prices": ["price_x"] }] } }), 400),
        (json!({ "subscription_cancel": { "proration_behavior": "create_prorations" } }), 400),
        (json!({ "subscription_cancel": { "mode": "immediately", "proration_behavior": "always_invoice" } }), 400),
        (json!({ "subscription_pause": { "enabled": true } }), 501),
    ] {
        let error = refused(configurations::update(&mut cx, &asked(&[&made.id], json!({ "features": features }))));
        assert_eq!(error.status, status, "{features}");
    }
}

#[test]
fn a_session_dies_unused_after_five_minutes_and_an_hour_after_its_last_use() {
    let mut world = World::new(1, NOW);
    let mut cx = Cx::new(&mut world, None);
    let customer = customer(&mut cx);
    let session = open(&mut cx, json!({ "customer": customer }));
    assert!(session.url(cx.world).ends_with(&format!("/p/session/{}", session.id)));
    cx.world.now = NOW + 300;
    assert_eq!(sessions::enter(&mut cx, &session.id).map(|found| found.id), None);
    cx.world.now = NOW + 299;
    assert!(sessions::enter(&mut cx, &session.id).is_some());
    cx.world.now = NOW + 299 + 3599;
    assert!(sessions::enter(&mut cx, &session.id).is_some());
    cx.world.now += 3600;
    assert!(sessions::enter(&mut cx, &session.id).is_none());
    assert!(sessions::enter(&mut cx, "bps_x").is_none());
}

#[test]
fn a_flow_is_shown_whole_and_ends_where_it_says() {
    let mut world = World::new(1, NOW);
    let mut cx = Cx::new(&mut world, None);
    let customer = customer(&mut cx);
    let (_, dear, _) = prices(&mut cx);
    let subscription = subscribe(&mut cx, &customer, &dear);
    let redirect = json!({ "type": "redirect", "redirect": { "return_url": "https://example.com/done" } });
    let cancel = json!({ "subscription": subscription });
    let flow = json!({ "type": "subscription_cancel", "subscription_cancel": cancel, "after_completion": redirect });
    let session = open(&mut cx, json!({ "customer": customer, "flow_data": flow }));
    let shown = cx.world.shown("billing_portal.session", &session.id).expect("a session");
    assert_eq!(shown["flow"]["subscription_cancel"]["retention"], Value::Null);
    assert!(shown["flow"].get("subscription_update").is_some_and(Value::is_null));
    let away = Some(Next::Away("https://example.com/done".to_owned()));
    assert_eq!(sessions::finish(&mut cx, &session.id, "payment_method_update"), None, "something else was done");
    assert_eq!(sessions::finish(&mut cx, &session.id, "subscription_cancel"), away);
    assert_eq!(sessions::finish(&mut cx, &session.id, "subscription_cancel"), None, "it ends once");
    for (flow, param) in [
        (json!({ "type": "subscription_cancel" }), "flow_data[subscription_cancel]"),
        (
            json!({ "type": "subscription_cancel", "subscription_cancel": { "subscription": "sub_x" } }),
            "flow_data[subscription_cancel][subscription]",
        ),
        (json!({ "type": "subscription_update" }), "flow_data[type]"),
        (
            json!({ "type": "payment_method_update", "after_completion": { "type": "redirect" } }),
            "flow_data[after_completion][redirect]",
        ),
    ] {
        let params = json!({ "customer": customer, "flow_data": flow });
        let error = refused(sessions::create(&mut cx, &asked(&[], params)));
        assert_eq!(error.param.as_deref(), Some(param), "{flow}");
    }
}

#[test]
fn a_cancellation_with_the_period_is_told_twice_and_can_be_taken_back() {
    let mut world = World::new(1, NOW);
    let mut cx = Cx::new(&mut world, None);
    let customer = customer(&mut cx);
    let (_, dear, _) = prices(&mut cx);
    let subscription = subscribe(&mut cx, &customer, &dear);
    let configuration = configure(&mut cx, json!({ "subscription_cancel": { "enabled": true } }));
    let before = told(cx.world).len();
    let why = Why { feedback: Some("unused".to_owned()), comment: None };
    actions::cancel(&mut cx, &configuration, &subscription, &why).expect("canceled");
    assert_eq!(told(cx.world)[before..], ["customer.subscription.updated", "customer.subscription.updated"]);
    let found = shown(&cx, &subscription);
    assert_eq!(found["cancel_at"], found["items"]["data"][0]["current_period_end"]);
    assert_eq!((&found["cancel_at_period_end"], &found["status"]), (&json!(false), &json!("active")));
    assert_eq!(found["cancellation_details"]["feedback"], "unused");
    actions::keep(&mut cx, &subscription).expect("kept");
    assert_eq!(shown(&cx, &subscription)["cancel_at"], Value::Null);
    let at_once = json!({ "subscription_cancel": { "enabled": true, "mode": "immediately" } });
    let configuration = configure(&mut cx, at_once);
    actions::cancel(&mut cx, &configuration, &subscription, &Why::default()).expect("canceled");
    assert_eq!(shown(&cx, &subscription)["status"], "canceled");
    assert!(actions::keep(&mut cx, &subscription).is_err());
}

#[test]
fn a_plan_is_changed_at_once_or_at_the_end_of_the_period() {
    let mut world = World::new(1, NOW);
    let mut cx = Cx::new(&mut world, None);
    let customer = customer(&mut cx);
    let (product, dear, cheap) = prices(&mut cx);
    let subscription = subscribe(&mut cx, &customer, &cheap);
    let quantity = json!({ "enabled": true, "minimum": 1, "maximum": 5 });
    let products = json!([{ "product": product, "prices": [dear, cheap], "adjustable_quantity": quantity }]);
    let update = json!({
        "enabled": true,
        "default_allowed_updates": ["price"],
        "products": products,
        "proration_behavior": "always_invoice",
        "schedule_at_period_end": { "conditions": [{ "type": "decreasing_item_amount" }] },
    });
    let configuration = configure(&mut cx, json!({ "subscription_update": update }));
    let found = cx.find::<subscriptions::Subscription>(&subscription).expect("a subscription").clone();
    let offers = changes::offers(cx.world, &configuration, &found);
    assert_eq!(offers.iter().map(|price| price.id.as_str()).collect::<Vec<_>>(), [dear.as_str()]);
    let wish = |price: &str, quantity: i64| Wish { price: Some(price.to_owned()), quantity: Some(quantity) };
    let target = changes::checked(cx.world, &configuration, &found, &wish(&dear, 2)).expect("a change");
    let invoice = changes::invoice(&mut cx, &configuration, &found, &target).expect("an invoice");
    assert_eq!(invoice["amount_due"], 2 * 3000 - 1000, "nothing of the period is over");
    for wrong in [wish(&dear, 6), wish(&dear, 0), wish("price_x", 1)] {
        assert!(changes::change(&mut cx, &configuration, &subscription, &wrong).is_err(), "{wrong:?}");
    }
    changes::change(&mut cx, &configuration, &subscription, &wish(&dear, 2)).expect("changed");
    let item = shown(&cx, &subscription)["items"]["data"][0].clone();
    assert_eq!((item["price"]["id"].as_str(), item["quantity"].as_i64()), (Some(dear.as_str()), Some(2)));
    changes::change(&mut cx, &configuration, &subscription, &wish(&cheap, 2)).expect("planned");
    let planned = shown(&cx, &subscription);
    assert_eq!(planned["items"]["data"][0]["price"]["id"].as_str(), Some(dear.as_str()), "not yet");
    let schedule = cx.world.shown("subscription_schedule", planned["schedule"].as_str().expect("a schedule"));
    let phases = &schedule.expect("a schedule")["phases"];
    assert_eq!(phases[1]["items"][0]["price"].as_str(), Some(cheap.as_str()));
    let error = changes::change(&mut cx, &configuration, &subscription, &wish(&cheap, 1)).expect_err("scheduled");
    assert!(error.message.ends_with("because it is under a schedule."), "{}", error.message);
}

#[test]
fn a_payment_method_that_is_added_becomes_the_default() {
    let mut world = World::new(1, NOW);
    let mut cx = Cx::new(&mut world, None);
    let customer = customer(&mut cx);
    let session = open(&mut cx, json!({ "customer": customer }));
    let before = told(cx.world).len();
    let method = payment_methods::resolve(&mut cx, "pm_card_mastercard", "payment_method").expect("a card");
    assert_eq!(actions::add_method(&mut cx, &session, &method), Ok(Added::Done));
    let expected = ["setup_intent.created", "setup_intent.succeeded", "payment_method.attached", "customer.updated"];
    assert_eq!(told(cx.world)[before..], expected);
    let default = |cx: &Cx<'_>| cx.find::<Customer>(&customer).and_then(|found| found.default_payment_method.clone());
    assert_eq!(default(&cx), Some(method.clone()));

    let declined = payment_methods::resolve(&mut cx, "pm_card_visa_chargeDeclined", "payment_method").expect("a card");
    let error = actions::add_method(&mut cx, &session, &declined).expect_err("declined");
    assert!(error.kept && error.status == 402);
    assert_eq!(default(&cx), Some(method), "what was the default stays it");

    let challenged = payment_methods::resolve(&mut cx, "pm_card_authenticationRequired", "payment_method");
    let challenged = challenged.expect("a card");
    let Ok(Added::Challenge(setup)) = actions::add_method(&mut cx, &session, &challenged) else {
        panic!("no challenge")
    };
    setup_intents::authenticate(&mut cx, &setup, true);
    assert_eq!(actions::proven(&mut cx, &setup), Some(session.id));
    assert_eq!(default(&cx), Some(challenged));
}
