//! The client beside a sandbox that fails: what it is asked to do is done once, and the client can tell.

use super::pair::{NEW_YEAR, Pair};
use purser_stripe::{Call, Error, Key, calls::customers, calls::payments, objects::Customer};
use std::collections::BTreeMap;

fn named(operation: &str) -> Call<Customer> {
    let metadata = BTreeMap::from([("operation".to_owned(), operation.to_owned())]);
    customers::create(&customers::CustomerFields { metadata: Some(metadata), ..Default::default() })
}

fn key(text: &str) -> Key {
    Key { text: text.into(), first_sent: NEW_YEAR }
}

/// Plants one fault of the next request that creates a customer.
async fn plant(pair: &Pair, fault: &str) {
    let body = format!(r#"{{{fault},"method":"POST","path":"/v1/customers","times":1}}"#);
    pair.control("/_sandbox/api/faults", &body).await;
}

/// The customers that an operation made: it is found by its id in their metadata.
async fn made_by(pair: &Pair, operation: &str) -> Vec<Customer> {
    let all = pair.client.pages(&customers::list(&customers::Customers::default())).all().await.expect("all");
    all.into_iter().filter(|one| one.metadata.get("operation").is_some_and(|id| id == operation)).collect()
}

#[tokio::test]
async fn whatever_fails_one_key_has_one_effect() {
    let pair = Pair::new("whatever_fails_one_key_has_one_effect").await;
    let faults = [
        r#""kind":"trouble","status":500"#,
        r#""kind":"trouble","status":503"#,
        r#""kind":"cut_before""#,
        r#""kind":"cut_after""#,
        r#""kind":"trouble_after","status":500"#,
        r#""kind":"key_in_use""#,
        r#""kind":"lock""#,
    ];
    for (n, fault) in faults.iter().enumerate() {
        let operation = format!("op-{n}");
        plant(&pair, fault).await;
        let made = pair.client.write(&named(&operation), &key(&operation), NEW_YEAR).await;
        let made = made.unwrap_or_else(|error| panic!("{fault}: {error}"));
        let found = made_by(&pair, &operation).await;
        assert_eq!(found.len(), 1, "{fault}");
        assert_eq!(found[0].id, made.value.id, "{fault}");
        assert_eq!(made.replayed, fault.contains("_after"), "{fault}: a lost answer is found again");
    }
}

#[tokio::test]
async fn an_effect_without_an_answer_is_found_by_looking_and_by_its_key() {
    let pair = Pair::new("an_effect_without_an_answer").await;
    let fault = r#"{"kind":"trouble_after","status":500,"method":"POST","path":"/v1/customers","times":4}"#;
    pair.control("/_sandbox/api/faults", fault).await;
    let error = pair.client.write(&named("op-1"), &key("op-1"), NEW_YEAR).await.expect_err("four times 500");
    assert!(matches!(error, Error::Unanswered { attempts: 4, .. }) && error.may_have_happened(), "{error}");
    let found = made_by(&pair, "op-1").await;
    assert_eq!(found.len(), 1, "what was made is found by the operation's id");
    let again = pair.client.write(&named("op-1"), &key("op-1"), NEW_YEAR + 3600).await.expect("its own key finds it");
    assert_eq!((again.value.id.as_str(), again.replayed), (found[0].id.as_str(), true));
    assert_eq!(made_by(&pair, "op-1").await.len(), 1);
}

#[tokio::test]
async fn a_rate_limit_says_that_nothing_happened() {
    let pair = Pair::new("a_rate_limit_says_that_nothing_happened").await;
    plant(&pair, r#""kind":"rate_limit""#).await;
    match pair.client.write(&named("op-1"), &key("op-1"), NEW_YEAR).await {
        Err(error @ Error::RateLimited { .. }) => {
            assert!(!error.may_have_happened(), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(made_by(&pair, "op-1").await.is_empty());
    pair.client.write(&named("op-1"), &key("op-1"), NEW_YEAR).await.expect("later, with the same key");
    assert_eq!(made_by(&pair, "op-1").await.len(), 1);
}

#[tokio::test]
async fn a_key_used_for_another_body_is_refused_as_such() {
    let pair = Pair::new("a_key_used_for_another_body").await;
    pair.client.write(&named("op-1"), &key("op-1"), NEW_YEAR).await.expect("made");
    let error = pair.client.write(&named("op-2"), &key("op-1"), NEW_YEAR).await.expect_err("another body");
    assert!(matches!(error, Error::Refused(_)) && error.may_have_happened(), "{error}");
}

#[tokio::test]
async fn a_decline_is_replayed_and_a_new_key_makes_a_new_attempt() {
    let mut pair = Pair::new("a_decline_is_replayed").await;
    let customer = pair.customer().await;
    let payment = |method: &str| payments::NewPayment {
        amount: 5000,
        currency: "usd".into(),
        customer: Some(customer.clone()),
        payment_method: Some(method.into()),
        confirm: Some(true),
        ..Default::default()
    };
    let declined = payments::create(&payment("pm_card_visa_chargeDeclined"));
    let mut intents = Vec::new();
    for (attempt, replayed) in [("op-1/1", false), ("op-1/1", true), ("op-1/2", false)] {
        match pair.client.write(&declined, &key(attempt), NEW_YEAR).await {
            Err(Error::Refused(refused)) => {
                assert!(refused.is_declined() && refused.replayed == replayed, "{attempt}: {refused}");
                intents.push(refused.payment_intent);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(intents[0], intents[1]);
    assert_ne!(intents[0], intents[2], "a new attempt is another payment");
    pair.client.write(&payments::create(&payment("pm_card_visa")), &key("op-1/3"), NEW_YEAR).await.expect("paid");
}

#[tokio::test]
async fn a_deletion_whose_answer_is_lost_is_gone() {
    let mut pair = Pair::new("a_deletion_whose_answer_is_lost").await;
    let customer = pair.customer().await;
    let fault = r#"{"kind":"cut_after","method":"DELETE","path":"/v1/customers","times":1}"#;
    pair.control("/_sandbox/api/faults", fault).await;
    let error = pair.client.write(&customers::delete(&customer), &key("op-1"), NEW_YEAR).await.expect_err("lost");
    assert!(matches!(error, Error::Gone { .. }), "{error}");
    assert!(pair.read(&customers::retrieve(&customer)).await.there().is_none());
}
