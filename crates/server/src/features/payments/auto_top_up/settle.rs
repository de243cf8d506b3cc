//! What became of the payment of an attempt is put down: one verb, whoever knows first. Money is claimed once.

use super::{
    attempts::{self, Attempt, word},
    look::Seen,
    optin,
};
use crate::{
    features::{
        operators::audit,
        payments::{
            CREDITS, CUSTOMER, UNIT, claims, fulfil, notices,
            operations::{self, Kind},
            purchases::{self, Purchase, State},
            reversals,
        },
        pricebook,
    },
    platform::{auth::Actor, db::Tx, error::Error, ids::Random},
};
use metrics::counter;
use purser_rules::{
    Amount,
    ids::{CustomerId, PurchaseId, TopUpAttemptId, TopUpPlanId, Unit},
    pricebook::TopUpTerms,
    subscription::Outcome,
};
use purser_stripe::objects::{PaymentIntent, PaymentIntentStatus};

/// What a payment is known not to have been, after all.
const NOT_MADE: &str = "not_made";

/// What Stripe calls it when the payer's bank wants the payment confirmed.
const NEEDS_PAYER: &str = "authentication_required";

/// How an attempt stands, and whether its outcome is known since now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    /// Its outcome.
    pub outcome: Outcome,
    /// Whether this call put its outcome down.
    pub now: bool,
}

impl Settled {
    /// Counts an outcome that was put down, once that is kept.
    pub fn count(&self) {
        if self.now {
            counter!("purser_auto_top_ups_total", "outcome" => word(self.outcome)).increment(1);
        }
    }
}

/// How a payment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// The money came.
    Paid,
    /// It will not come: nobody is there to try again, or to prove to be the holder.
    Failed(String),
    /// It is on its way.
    Open,
}

impl End {
    fn of(intent: &PaymentIntent) -> Self {
        use PaymentIntentStatus::{
            Canceled, Processing, RequiresAction, RequiresCapture, RequiresConfirmation, RequiresPaymentMethod,
            Succeeded,
        };
        match &intent.status {
            Succeeded => Self::Paid,
            Canceled | RequiresAction | RequiresConfirmation | RequiresPaymentMethod => {
                let last = intent.last_payment_error.as_ref();
                let why = last.and_then(|last| last.code.clone().or_else(|| last.decline_code.clone()));
                let of_status = || match &intent.status {
                    RequiresAction => NEEDS_PAYER.to_owned(),
                    status => status.as_str().to_owned(),
                };
                Self::Failed(why.unwrap_or_else(of_status))
            }
            Processing | RequiresCapture | PaymentIntentStatus::Other(_) => Self::Open,
        }
    }
}

/// Puts down what became of the payment in `seen`, and gives what it paid for, once. Called again, and by many at once,
/// it gives nothing more. None when there is no such attempt, and nothing of ours was paid.
///
/// Money that comes after a failure is money all the same: then the attempt has succeeded.
///
/// # Errors
/// `customer_archived`, `total_too_large`; what the database says.
pub(super) fn settle(tx: &mut Tx<'_>, random: &Random, actor: &Actor, seen: &Seen) -> Result<Option<Settled>, Error> {
    let Some(before) = attempts::lock(tx, seen.attempt)? else { return lost(tx, random, actor, seen) };
    if before.outcome == Outcome::Succeeded {
        return Ok(Some(Settled { outcome: before.outcome, now: false }));
    }
    let mut after = Attempt { payment_intent: Some(seen.intent.id.clone()), ..before.clone() };
    match End::of(&seen.intent) {
        End::Paid => {
            // It was used when the customer agreed to it: since then its terms stay.
            let pack = pricebook::find_top_up(tx, before.top_up)?;
            after.purchase = Some(bought(tx, random, actor, &before.customer, (Some(pack.id), pack.terms), seen)?);
            after.outcome = Outcome::Succeeded;
            after.error_code = None;
        }
        End::Failed(why) if before.outcome == Outcome::Unknown => {
            after.outcome = Outcome::Failed;
            after.error_code = Some(why);
        }
        End::Failed(_) | End::Open => {}
    }
    put(tx, random, actor, before, after, operations::State::Answered).map(Some)
}

/// Gives what a payment of ours paid for whose attempt is not here: a backup was put back. Its marks say for whom and
/// how much, as those of a session do. None when it was not paid, or is marked for nobody here.
fn lost(tx: &mut Tx<'_>, random: &Random, actor: &Actor, seen: &Seen) -> Result<Option<Settled>, Error> {
    let marks = &seen.intent.metadata;
    if End::of(&seen.intent) != End::Paid {
        return Ok(None);
    }
    let Some(customer) = fulfil::known(tx, marks.get(CUSTOMER))? else { return Ok(None) };
    let credits = marks.get(CREDITS).and_then(|credits| Amount::parse(credits).ok());
    let Some(credits) = credits.filter(|credits| credits.is_positive()) else { return Ok(None) };
    let unit = marks.get(UNIT).and_then(|unit| Unit::new(unit).ok()).unwrap_or_else(Unit::credits);
    // Who gives it at the same moment is waited for here, and seen below.
    claims::claim(tx, &seen.intent.id, &customer)?;
    let now = purchases::of_payment(tx, &seen.intent.id, true)?.is_none();
    if now {
        tracing::warn!(attempt = %seen.attempt, payment = seen.intent.id, "an attempt is not here: its marks count");
        let terms = TopUpTerms { unit, ..TopUpTerms::of(credits) };
        bought(tx, random, actor, &customer, (None, terms), seen)?;
    }
    Ok(Some(Settled { outcome: Outcome::Succeeded, now }))
}

/// Puts down that Stripe refused an attempt, and why: a decline, most often.
///
/// # Errors
/// What the database says.
pub(super) fn refused(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    id: TopUpAttemptId,
    (why, payment_intent): (&str, Option<&str>),
) -> Result<Option<Settled>, Error> {
    let Some(before) = attempts::lock(tx, id)? else { return Ok(None) };
    if before.outcome != Outcome::Unknown {
        return Ok(Some(Settled { outcome: before.outcome, now: false }));
    }
    let after = Attempt {
        outcome: Outcome::Failed,
        error_code: Some(why.to_owned()),
        payment_intent: payment_intent.map(str::to_owned),
        ..before.clone()
    };
    put(tx, random, actor, before, after, operations::State::Refused).map(Some)
}

/// Puts down that an attempt never came to be at Stripe. Nothing was tried, so it stops nothing.
///
/// # Errors
/// What the database says.
pub(super) fn never_made(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    id: TopUpAttemptId,
) -> Result<Option<Settled>, Error> {
    let Some(before) = attempts::lock(tx, id)? else { return Ok(None) };
    if before.outcome != Outcome::Unknown {
        return Ok(Some(Settled { outcome: before.outcome, now: false }));
    }
    let error_code = Some(NOT_MADE.to_owned());
    let after = Attempt { outcome: Outcome::Failed, cleared: true, error_code, ..before.clone() };
    put(tx, random, actor, before, after, operations::State::Indeterminate).map(Some)
}

/// Writes what changed of an attempt, tells it, and lets spends ask for a pack, or no more.
fn put(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    before: Attempt,
    after: Attempt,
    state: operations::State,
) -> Result<Settled, Error> {
    if after == before {
        return Ok(Settled { outcome: after.outcome, now: false });
    }
    let now = after.outcome != before.outcome;
    let settled_at = if now { Some(tx.now()) } else { before.settled_at };
    let after = Attempt { settled_at, ..after };
    attempts::update(tx, &after)?;
    let subject = after.id.to_string();
    if let Some(operation) = operations::find(tx, &after.customer, Kind::AutoTopUp, &subject)? {
        operations::put_down(tx, &operation, state, after.payment_intent.as_deref())?;
    }
    if now {
        let action = format!("auto_top_up.{}", word(after.outcome));
        audit(tx, random, actor, &action, &subject, (Some(before.told()), Some(after.told())));
        optin::arm(tx, &after.customer)?;
        notices::of_attempt(tx, random, &after)?;
    }
    Ok(Settled { outcome: after.outcome, now })
}

/// The purchase that the payment in `seen` made, its credits given; what was refunded by now is taken back.
fn bought(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    customer: &CustomerId,
    (top_up, terms): (Option<TopUpPlanId>, TopUpTerms),
    seen: &Seen,
) -> Result<PurchaseId, Error> {
    claims::claim(tx, &seen.intent.id, customer)?;
    let now = tx.now();
    let begun = Purchase {
        id: PurchaseId::new(now, random.number(), customer.bucket()),
        customer: customer.clone(),
        session_id: None,
        payment_intent: Some(seen.intent.id.clone()),
        top_up,
        quantity: 1,
        unit: terms.unit,
        credits: terms.credits,
        expires_in_days: terms.expires_in_days,
        priority: terms.priority,
        amount: seen.intent.amount,
        refunded: 0,
        currency: seen.intent.currency.clone(),
        state: State::Pending,
        grant: None,
        created_at: now,
        paid_at: None,
    };
    purchases::insert(tx, random, actor, &begun)?;
    let grant = fulfil::grant(tx, random, actor, &begun)?;
    let paid = Purchase { state: State::Paid, paid_at: Some(now), grant: Some(grant), ..begun.clone() };
    purchases::update(tx, random, actor, &begun, &paid)?;
    notices::of_paid(tx, random, &paid)?;
    take_back(tx, random, actor, &paid, seen)?;
    Ok(paid.id)
}

/// Takes back what was refunded or disputed of a payment, as `seen` knows it, and tells the customer.
///
/// # Errors
/// What the database says.
pub(super) fn take_back(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    purchase: &Purchase,
    seen: &Seen,
) -> Result<(), Error> {
    if let Some(money) = seen.money.as_ref().filter(|money| !money.is_untouched()) {
        let after = reversals::apply(tx, random, actor, purchase, money)?;
        notices::of_money(tx, random, &after, money)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::End;
    use purser_stripe::objects::PaymentIntent;
    use serde_json::{Value, from_str, json};

    /// A payment as Stripe tells it.
    fn intent(status: &str, error: Value) -> PaymentIntent {
        let intent = json!({
            "id": "pi_1", "created": 1, "amount": 500, "amount_received": 0, "currency": "usd", "customer": "cus_1",
            "status": status, "latest_charge": null, "payment_method": null, "last_payment_error": error,
            "metadata": {}, "livemode": false,
        });
        from_str(&intent.to_string()).expect("a payment")
    }

    #[test]
    fn a_payment_without_its_payer_ends_by_its_status() {
        let declined = json!({ "code": "card_declined", "decline_code": "insufficient_funds", "message": "No." });
        let failed = |why: &str| End::Failed(why.to_owned());
        let table = [
            ("succeeded", Value::Null, End::Paid),
            ("processing", Value::Null, End::Open),
            ("requires_capture", Value::Null, End::Open),
            ("something_new", Value::Null, End::Open),
            ("requires_payment_method", declined.clone(), failed("card_declined")),
            ("requires_payment_method", json!({ "decline_code": "stolen_card" }), failed("stolen_card")),
            ("requires_action", Value::Null, failed("authentication_required")),
            ("requires_confirmation", Value::Null, failed("requires_confirmation")),
            ("canceled", Value::Null, failed("canceled")),
            ("succeeded", declined, End::Paid),
        ];
        for (status, error, expected) in table {
            assert_eq!(End::of(&intent(status, error.clone())), expected, "{status} {error}");
        }
    }
}
