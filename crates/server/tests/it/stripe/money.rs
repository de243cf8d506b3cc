//! Money that moves: payments, refunds, disputes, setups.

use super::pair::{NEW_YEAR, Pair};
use purser_stripe::{Error, Key, calls::payments};

pub async fn payments_refunds_and_disputes() -> Pair {
    let mut pair = Pair::new("payments_refunds_and_disputes").await;
    let customer = pair.customer().await;
    let payment = |method: &str| payments::NewPayment {
        amount: 5000,
        currency: "usd".into(),
        customer: Some(customer.clone()),
        payment_method: Some(method.into()),
        confirm: Some(true),
        off_session: Some(true),
        automatic_payment_methods: Some(payments::AutomaticMethods { enabled: true, allow_redirects: Some("never") }),
        ..Default::default()
    };
    let paid = pair.write(&payments::create(&payment("pm_card_visa"))).await;
    assert_eq!(paid.amount_received, 5000);
    let charge = paid.latest_charge.expect("a charge").id().to_owned();
    let refund =
        payments::NewRefund { payment_intent: Some(paid.id.clone()), amount: Some(1200), ..Default::default() };
    let refund = pair.write(&payments::refund(&refund)).await;
    pair.read(&payments::retrieve_refund(&refund.id)).await;
    assert_eq!(pair.read(&payments::charge(&charge)).await.amount_refunded, 1200);
    let which = payments::OfPayment { payment_intent: Some(paid.id.clone()), ..Default::default() };
    assert_eq!(pair.read(&payments::refunds(&which)).await.data.len(), 1);
    let which = payments::Charges { payment_intent: Some(paid.id.clone()), ..Default::default() };
    assert_eq!(pair.read(&payments::charges(&which)).await.data[0].id, charge);
    let which = payments::Charges { customer: Some(customer.clone()), ..Default::default() };
    assert_eq!(pair.read(&payments::charges(&which)).await.data.len(), 1);
    let disputed = pair.write(&payments::create(&payment("pm_card_createDispute"))).await;
    let which = payments::OfPayment { payment_intent: Some(disputed.id.clone()), ..Default::default() };
    let dispute = pair.read(&payments::disputes(&which)).await.data.remove(0);
    assert_eq!(pair.read(&payments::dispute(&dispute.id)).await.amount, 5000);
    let which = payments::Payments { customer: Some(customer.clone()), ..Default::default() };
    assert_eq!(pair.read(&payments::list(&which)).await.data.len(), 2);
    let key = Key { text: "declined".into(), first_sent: NEW_YEAR };
    let declined = payments::create(&payment("pm_card_visa_chargeDeclinedInsufficientFunds"));
    match pair.client.write(&declined, &key, NEW_YEAR).await {
        Err(Error::Refused(refused)) => {
            assert_eq!((refused.status, refused.decline_code.as_deref()), (402, Some("insufficient_funds")));
            assert!(refused.payment_intent.is_some() && !refused.replayed);
        }
        other => panic!("{other:?}"),
    }
    match pair.client.write(&declined, &key, NEW_YEAR).await {
        Err(Error::Refused(refused)) => assert!(refused.replayed, "the same key gets the same decline"),
        other => panic!("{other:?}"),
    }
    let open = payments::NewPayment { amount: 100, currency: "usd".into(), ..Default::default() };
    let open = pair.write(&payments::create(&open)).await;
    pair.write(&payments::confirm(&open.id, Some("pm_card_visa"))).await;
    let open = payments::NewPayment { amount: 100, currency: "usd".into(), ..Default::default() };
    let open = pair.write(&payments::create(&open)).await;
    pair.write(&payments::cancel(&open.id)).await;
    pair.read(&payments::retrieve(&open.id)).await;
    let setup =
        payments::NewSetup { customer: Some(customer.clone()), usage: Some("off_session"), ..Default::default() };
    let setup = pair.write(&payments::create_setup(&setup)).await;
    pair.read(&payments::setup(&setup.id)).await;
    let which = payments::Setups { customer: Some(customer), ..Default::default() };
    assert_eq!(pair.read(&payments::setups(&which)).await.data[0].id, setup.id);
    pair
}
