//! What refunds and disputes of a purchase take back of its credits (rules 1.8).

use super::purchases::{self, Purchase};
use crate::{
    features::{
        credits::{self, ReversalRequest},
        subscriptions::Money,
    },
    platform::{
        auth::Actor,
        db::Tx,
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::credit::Payment;

/// Brings the purchase and its credits to what `money` says; the same again changes nothing. Answers the purchase as it
/// stands then. What was not granted is not taken back: whoever grants it looks at its money first.
///
/// # Errors
/// What the database says.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    purchase: &Purchase,
    money: &Money,
) -> Result<Purchase, Error> {
    let Some(grant) = purchase.grant else { return Ok(purchase.clone()) };
    if let Some(intent) = &purchase.payment_intent {
        let payment = Payment {
            refunded: money.refunded,
            disputes: money.disputes.clone(),
            ..Payment::new(intent.clone(), purchase.amount, vec![grant], purchase.credits, true)
        };
        let asked = ReversalRequest {
            customer: purchase.customer.clone(),
            unit: purchase.unit.clone(),
            payment,
            actor: actor.clone(),
        };
        match credits::reverse(tx, &asked, random) {
            Ok(_) => {}
            // The wallets of an archived customer take no more writes, and give nothing either.
            Err(error) if error.code == Code::CustomerArchived => {}
            Err(error) => return Err(error),
        }
    }
    let after = purchase.after(money);
    purchases::update(tx, random, actor, purchase, &after)?;
    Ok(after)
}
