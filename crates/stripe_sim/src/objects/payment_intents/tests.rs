//! Payments from the request to the events.

use super::{
    Outcome, PaymentIntent, Status, attempt, authenticate, await_payer, cancel, cancel_asked, capture, confirm, create,
    is_processing, list, refusals,
    stage::{ask, ask_of, customer, forget, kinds, pass, pay, shown, text},
    update,
};
use crate::{
    http::Answer,
    objects::{payment_methods, setup_intents},
    world::{Cx, World},
};
use serde_json::{Value, json};

const DAY: i64 = 24 * 3600;

fn found(cx: &Cx<'_>, intent: &Value) -> Value {
    cx.world.shown("payment_intent", &text(intent, "id")).unwrap_or_default()
}

fn charge(cx: &Cx<'_>, intent: &Value) -> Value {
    cx.world.shown("charge", &text(&found(cx, intent), "latest_charge")).unwrap_or_default()
}

#[test]
fn a_payment_that_works() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let intent = pay(&mut cx, "pm_card_visa", 2000);
    assert_eq!((intent["status"].as_str(), intent["amount_received"].as_i64()), (Some("succeeded"), Some(2000)));
    assert!(text(&intent, "payment_method").starts_with("pm_") && text(&intent, "client_secret").contains("_secret_"));
    for hidden in ["invoice", "checkout_session", "return_url", "proven", "settles_at"] {
        assert!(intent.get(hidden).is_none(), "{hidden}");
    }
    let charge = charge(&cx, &intent);
    assert_eq!((charge["paid"].as_bool(), charge["amount_captured"].as_i64()), (Some(true), Some(2000)));
    assert_eq!(charge["payment_intent"], intent["id"]);
    let told = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "charge.updated"];
    assert_eq!(kinds(&cx), told);
    let error = confirm(&mut cx, &ask_of(&text(&intent, "id"), json!({}))).err();
    let error = error.map(|error| (error.code, error.message)).unwrap_or_default();
    assert_eq!(error.0.as_deref(), Some("payment_intent_unexpected_state"));
    assert!(error.1.ends_with("it has already succeeded after being previously confirmed."));
}

#[test]
fn a_decline_is_answered_whole_and_remembered() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let params = json!({
        "amount": 2000, "currency": "usd", "payment_method": "pm_card_visa_chargeDeclined", "confirm": true,
    });
    let error = create(&mut cx, &ask(params)).err();
    let (status, kept, body) =
        error.map(|error| (error.status, error.kept, error.body()["error"].clone())).unwrap_or_default();
    assert_eq!((status, kept), (402, true));
    let mut members: Vec<&str> = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    members.sort_unstable();
    let expected = [
        "advice_code",
        "charge",
        "code",
        "decline_code",
        "doc_url",
        "message",
        "network_decline_code",
        "payment_intent",
        "payment_method",
        "type",
    ];
    assert_eq!(members, expected);
    let intent = &body["payment_intent"];
    assert_eq!((&intent["status"], &intent["payment_method"]), (&json!("requires_payment_method"), &Value::Null));
    assert_eq!(intent["latest_charge"], body["charge"]);
    let last = &intent["last_payment_error"];
    assert_eq!(
        (last["payment_method_type"].as_str(), last["decline_code"].as_str()),
        (Some("card"), Some("generic_decline"))
    );
    assert_eq!(last["payment_method"]["id"], body["payment_method"]["id"]);
    let charge = charge(&cx, intent);
    assert_eq!((charge["status"].as_str(), charge["failure_code"].as_str()), (Some("failed"), Some("card_declined")));
    assert_eq!((charge["paid"].as_bool(), charge["captured"].as_bool()), (Some(false), Some(false)));
    assert_eq!(kinds(&cx), ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]);
    let again = shown(confirm(&mut cx, &ask_of(&text(intent, "id"), json!({ "payment_method": "pm_card_visa" }))));
    assert_eq!((again["status"].as_str(), again["last_payment_error"].is_null()), (Some("succeeded"), true));
}

#[test]
fn a_challenge_ends_either_way() {
    for (well, status) in [(true, "succeeded"), (false, "requires_payment_method")] {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let params = json!({
            "amount": 2000, "currency": "usd", "payment_method": "pm_card_authenticationRequired", "confirm": true,
            "return_url": "https://example.com/back",
        });
        let intent = shown(create(&mut cx, &ask(params)));
        assert_eq!(intent["status"], "requires_action");
        let action = &intent["next_action"]["redirect_to_url"];
        assert_eq!(action["return_url"], "https://example.com/back");
        assert!(text(action, "url").ends_with(&format!("/_sandbox/3ds/{}", text(&intent, "id"))));
        authenticate(&mut cx, &text(&intent, "id"), well);
        let after = found(&cx, &intent);
        assert_eq!((after["status"].as_str(), after["next_action"].is_null()), (Some(status), true));
        let mut told = vec!["payment_intent.created", "payment_intent.requires_action"];
        if well {
            told.extend(["charge.succeeded", "payment_intent.succeeded", "charge.updated"]);
            let details = charge(&cx, &intent)["payment_method_details"].clone();
            assert_eq!(details["card"]["three_d_secure"]["result"], "authenticated");
        } else {
            told.push("payment_intent.payment_failed");
            assert_eq!(after["last_payment_error"]["code"], "payment_intent_authentication_failure");
            assert!(after["latest_charge"].is_null());
        }
        assert_eq!(kinds(&cx), told);
        authenticate(&mut cx, &text(&intent, "id"), true);
        assert_eq!(found(&cx, &intent)["status"], status, "an answer to no question changes nothing");
    }
}

#[test]
fn a_server_that_confirms_itself_has_the_last_word() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let params = json!({
        "amount": 2000, "currency": "usd", "payment_method": "pm_card_threeDSecure2Required", "confirm": true,
        "confirmation_method": "manual",
    });
    let intent = shown(create(&mut cx, &ask(params)));
    assert_eq!(intent["next_action"]["type"], "use_stripe_sdk");
    authenticate(&mut cx, &text(&intent, "id"), true);
    assert_eq!(found(&cx, &intent)["status"], "requires_confirmation");
    let paid = shown(confirm(&mut cx, &ask_of(&text(&intent, "id"), json!({}))));
    assert_eq!(paid["status"], "succeeded");
}

#[test]
fn off_session_a_challenge_is_a_decline_until_the_card_is_set_up() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let owner = customer(&mut cx);
    let attached = |cx: &mut Cx<'_>, name: &str| {
        payment_methods::attach_to(cx, name, &owner, "payment_method").unwrap_or_default()
    };
    let params = |method: &str| {
        json!({
            "amount": 2000, "currency": "usd", "customer": owner, "payment_method": method, "confirm": true,
            "off_session": true,
        })
    };
    let card = attached(&mut cx, "pm_card_authenticationRequiredOnSetup");
    let error =
        create(&mut cx, &ask(params(&card))).err().map(|error| error.body()["error"].clone()).unwrap_or_default();
    assert_eq!(
        (error["code"].as_str(), error["decline_code"].as_str()),
        (Some("authentication_required"), Some("authentication_required"))
    );
    assert_eq!((&error["payment_intent"]["latest_charge"], error.get("charge")), (&Value::Null, None));
    let setup = json!({ "customer": owner, "payment_method": card, "confirm": true });
    let setup = shown(setup_intents::create(&mut cx, &ask(setup)));
    setup_intents::authenticate(&mut cx, &text(&setup, "id"), true);
    assert_eq!(shown(create(&mut cx, &ask(params(&card))))["status"], "succeeded");
    let table = [
        ("pm_card_authenticationRequired", false),
        ("pm_card_authenticationRequiredSetupForOffSession", true),
        ("pm_card_visa", true),
        ("pm_card_chargeCustomerFail", false),
    ];
    for (name, works) in table {
        let card = attached(&mut cx, name);
        assert_eq!(create(&mut cx, &ask(params(&card))).is_ok(), works, "{name}");
    }
}

#[test]
fn what_was_set_aside_is_captured_or_let_go() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let params = json!({
        "amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": true,
        "capture_method": "manual",
    });
    let one = shown(create(&mut cx, &ask(params.clone())));
    assert_eq!((one["status"].as_str(), one["amount_capturable"].as_i64()), (Some("requires_capture"), Some(2000)));
    let told = ["payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"];
    assert_eq!(kinds(&cx), told);
    let too_much = json!({ "amount_to_capture": 2001 });
    let error = capture(&mut cx, &ask_of(&text(&one, "id"), too_much)).err().and_then(|error| error.code);
    assert_eq!(error.as_deref(), Some("amount_too_large"));
    forget(&mut cx);
    let part = shown(capture(&mut cx, &ask_of(&text(&one, "id"), json!({ "amount_to_capture": 1500 }))));
    assert_eq!((part["status"].as_str(), part["amount_received"].as_i64()), (Some("succeeded"), Some(1500)));
    assert_eq!(kinds(&cx), ["charge.captured", "payment_intent.succeeded"]);
    let two = shown(create(&mut cx, &ask(params)));
    forget(&mut cx);
    let gone = shown(cancel_asked(&mut cx, &ask_of(&text(&two, "id"), json!({}))));
    assert_eq!((gone["status"].as_str(), gone["amount_capturable"].as_i64()), (Some("canceled"), Some(0)));
    assert_eq!(charge(&cx, &two)["refunded"], true);
    assert_eq!(kinds(&cx), ["charge.refunded", "payment_intent.canceled"]);
    let error = cancel_asked(&mut cx, &ask_of(&text(&two, "id"), json!({}))).err().map(|error| error.message);
    assert!(error.is_some_and(|message| message.contains("because it has a status of canceled. Only a PaymentIntent")));
}

#[test]
fn bank_debits_end_days_later() {
    let table = [
        ("pm_usBankAccount_success", 4 * DAY, "succeeded", &["charge.succeeded", "payment_intent.succeeded"][..]),
        (
            "pm_usBankAccount_insufficientFunds",
            4 * DAY,
            "requires_payment_method",
            &["charge.failed", "payment_intent.payment_failed"][..],
        ),
        ("pm_usBankAccount_processing", 400 * DAY, "processing", &[][..]),
    ];
    for (method, after, status, told) in table {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let intent = pay(&mut cx, method, 2000);
        assert_eq!(intent["status"], "processing", "{method}");
        assert!(is_processing(cx.world, &text(&intent, "id")) && text(&intent, "latest_charge").starts_with("py_"));
        assert_eq!(kinds(&cx), ["payment_intent.created", "payment_intent.processing", "charge.pending"]);
        forget(&mut cx);
        pass(&mut cx, after - 1);
        assert_eq!(found(&cx, &intent)["status"], "processing", "{method}");
        pass(&mut cx, 1);
        assert_eq!(found(&cx, &intent)["status"], status, "{method}");
        assert_eq!(kinds(&cx), told, "{method}");
    }
}

#[test]
fn a_debit_that_was_given_up_does_not_end() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let intent = pay(&mut cx, "pm_usBankAccount_success", 2000);
    forget(&mut cx);
    cancel(&mut cx, &text(&intent, "id"), "void_invoice");
    pass(&mut cx, 30 * DAY);
    let after = found(&cx, &intent);
    assert_eq!(
        (after["status"].as_str(), after["cancellation_reason"].as_str()),
        (Some("canceled"), Some("void_invoice"))
    );
    assert_eq!(kinds(&cx), ["charge.failed", "payment_intent.canceled"]);
}

#[test]
fn a_debit_can_be_taken_back() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let intent = pay(&mut cx, "pm_usBankAccount_dispute", 2000);
    pass(&mut cx, 4 * DAY);
    forget(&mut cx);
    pass(&mut cx, 3 * DAY);
    let told = ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed", "charge.updated"];
    assert_eq!(kinds(&cx), told);
    assert_eq!(charge(&cx, &intent)["disputed"], true);
}

#[test]
fn what_is_kept_is_attached_and_what_is_not_is_used_up() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let owner = customer(&mut cx);
    let params = json!({
        "amount": 2000, "currency": "usd", "customer": owner, "payment_method": "pm_card_visa", "confirm": true,
        "setup_future_usage": "off_session",
    });
    let kept = shown(create(&mut cx, &ask(params)));
    let method = cx.world.shown("payment_method", &text(&kept, "payment_method")).unwrap_or_default();
    assert_eq!(text(&method, "customer"), owner);
    assert!(kinds(&cx).contains(&"payment_method.attached".to_owned()));
    let once = pay(&mut cx, "pm_card_visa", 2000);
    let again = json!({
        "amount": 2000, "currency": "usd", "payment_method": text(&once, "payment_method"), "confirm": true,
    });
    let error = create(&mut cx, &ask(again)).err().map(|error| error.message);
    assert!(error.is_some_and(|message| message.starts_with("This PaymentMethod was previously used")));
}

#[test]
fn what_is_refused() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let (owner, other) = (customer(&mut cx), customer(&mut cx));
    let card = payment_methods::attach_to(&mut cx, "pm_card_visa", &owner, "payment_method").unwrap_or_default();
    let with = |more: Value| {
        let mut params = json!({ "amount": 2000, "currency": "usd" });
        for (name, value) in more.as_object().into_iter().flatten() {
            params[name.as_str()] = value.clone();
        }
        params
    };
    let table = [
        (with(json!({ "currency": "xyz" })), None, Some("currency")),
        (with(json!({ "amount": 49 })), Some("amount_too_small"), Some("amount")),
        (with(json!({ "customer": "cus_x" })), Some("resource_missing"), Some("customer")),
        (with(json!({ "payment_method": "pm_x" })), Some("resource_missing"), Some("payment_method")),
        (with(json!({ "payment_method": card })), Some("parameter_missing"), Some("source")),
        (with(json!({ "payment_method": card, "customer": other })), None, Some("payment_method")),
        (with(json!({ "confirm": true })), Some("payment_intent_unexpected_state"), None),
    ];
    for (params, code, param) in table {
        let error = create(&mut cx, &ask(params.clone())).err().map(|error| (error.status, error.code, error.param));
        assert_eq!(error, Some((400, code.map(str::to_owned), param.map(str::to_owned))), "{params}");
    }
}

#[test]
fn an_open_payment_changes_and_an_ended_one_does_not() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let intent = shown(create(&mut cx, &ask(json!({ "amount": 2000, "currency": "usd" }))));
    let id = text(&intent, "id");
    let changes = json!({ "amount": 3000, "payment_method": "pm_card_visa", "metadata": { "a": "b" } });
    let changed = shown(update(&mut cx, &ask_of(&id, changes)));
    assert_eq!((changed["amount"].as_i64(), changed["status"].as_str()), (Some(3000), Some("requires_confirmation")));
    assert_eq!(kinds(&cx), ["payment_intent.created"]);
    shown(confirm(&mut cx, &ask_of(&id, json!({}))));
    let error = update(&mut cx, &ask_of(&id, json!({ "amount": 4000 }))).err();
    let error = error.map(|error| (error.code, error.param));
    assert_eq!(error, Some((Some("payment_intent_unexpected_state".to_owned()), Some("amount".to_owned()))));
    assert!(update(&mut cx, &ask_of(&id, json!({ "metadata": { "a": "c" } }))).is_ok());
    let listed = match list(&mut cx, &ask(json!({}))) {
        Ok(Answer::List { ids, .. }) => ids,
        _ => Vec::new(),
    };
    assert_eq!(listed, [id]);
}

#[test]
fn others_open_payments_and_try_them() {
    let mut world = World::new(1, 1000);
    let mut cx = Cx::new(&mut world, None);
    let owner = customer(&mut cx);
    let attached = |cx: &mut Cx<'_>, name: &str| {
        payment_methods::attach_to(cx, name, &owner, "payment_method").unwrap_or_default()
    };
    let (good, bad) = (attached(&mut cx, "pm_card_visa"), attached(&mut cx, "pm_card_chargeCustomerFail"));
    let new = super::NewIntent {
        amount: 2000,
        currency: "usd".to_owned(),
        customer: Some(owner.clone()),
        ..super::NewIntent::default()
    };
    let id = super::open(&mut cx, new);
    await_payer(&mut cx, &id, Some(&bad), true);
    let status = |cx: &Cx<'_>| cx.world.get::<PaymentIntent>(&id).map(|intent| intent.status);
    assert_eq!(status(&cx), Some(Status::RequiresConfirmation));
    match attempt(&mut cx, &id, &bad, true) {
        Outcome::Declined(error) => assert_eq!((error.status, error.kept), (402, false)),
        other => panic!("not declined: {other:?}"),
    }
    let last = cx.world.get::<PaymentIntent>(&id).map(|intent| refusals::of_last_error(&cx, intent));
    let last = last.map(|error| (error.status, error.kind, error.code, error.more.contains_key("charge")));
    assert_eq!(last, Some((402, "card_error", Some("card_declined".to_owned()), true)));
    assert_eq!(attempt(&mut cx, &id, &good, true), Outcome::Succeeded);
    assert_eq!(attempt(&mut cx, &id, &bad, true), Outcome::Succeeded, "what is paid stays paid");
    assert_eq!(status(&cx), Some(Status::Succeeded));
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let life = || {
        let mut world = World::new(7, 1000);
        let mut cx = Cx::new(&mut world, None);
        pay(&mut cx, "pm_card_createDispute", 2000);
        pay(&mut cx, "pm_usBankAccount_success", 2000);
        pass(&mut cx, 30 * DAY);
        serde_json::to_string(cx.world).unwrap_or_default()
    };
    let whole = life();
    assert!(whole.len() > 1000);
    assert_eq!(whole, life());
}
