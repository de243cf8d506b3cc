//! Whether a pack is bought now: decided with the wallet locked, by the rule, and put down before Stripe is asked.

use super::{
    attempts::{self, Attempt},
    optin::{self, OptIn},
    worker,
};
use crate::{
    features::{
        credits, customers,
        operators::audit,
        payments::{
            ATTEMPT, CREDITS, CUSTOMER, UNIT, notices,
            operations::{self, Kind, Operation},
        },
        pricebook::{self, TopUpPlan},
    },
    platform::{
        db::{DbError, Tx},
        error::Error,
        ids::Random,
    },
};
use purser_rules::{
    ids::{CustomerId, TopUpAttemptId},
    subscription::{AutoTopUp, Cause, Decision, Outcome, Situation, Why},
};
use purser_stripe::{
    Request,
    calls::{
        Metadata,
        payments::{AutomaticMethods, NewPayment, create},
    },
};
use serde_json::json;

/// Why nothing is bought when the pack is out of use: the rule knows of no price book.
const NOT_FOR_SALE: &str = "not_for_sale";
/// Why an attempt fails that has nothing to pay with.
const NO_PAYMENT_METHOD: &str = "no_payment_method";

/// A pack that is to be bought.
pub(super) struct Ready {
    opt_in: OptIn,
    pack: TopUpPlan,
    price: i64,
    currency: String,
    cause: Cause,
    /// Whether there is a customer at Stripe.
    pub has_payer: bool,
}

/// What pays.
#[derive(Clone, Debug)]
pub(super) struct Means {
    /// Stripe's customer.
    pub payer: String,
    /// The payment method that was saved.
    pub method: String,
}

/// What a pack costs: minor units, and the currency; none when it is not sold for money.
pub(super) fn price_of(pack: &TopUpPlan) -> Option<(i64, String)> {
    let price = pack.price.as_ref()?;
    let amount = price.unit_amount.filter(|amount| *amount > 0)?;
    Some((amount, price.currency.as_str().to_owned()))
}

/// The pack to buy for `customer` now. None when it is not to be: then that is decided, and put down if it matters.
///
/// The row of what was agreed to is locked first, then the wallet. So a spend is either seen here, or comes after
/// this and asks anew; and two of these never buy both.
///
/// # Errors
/// What the database says.
pub(super) fn consider(tx: &mut Tx<'_>, random: &Random, customer: &CustomerId) -> Result<Option<Ready>, Error> {
    let opt_in = optin::lock(tx, customer)?.filter(|opt_in| opt_in.enabled);
    let known = customers::find(tx, customer)?;
    let Some(opt_in) = opt_in.filter(|_| known.archived_at.is_none()) else {
        credits::drop_want(tx, customer)?;
        return Ok(None);
    };
    let standing = credits::standing(tx, customer, &opt_in.unit)?;
    let Some(cause) = credits::want(tx, customer)? else { return Ok(None) };
    let pack = pricebook::find_top_up(tx, opt_in.top_up)?;
    let sold = pack.active && pack.archived_at.is_none();
    let Some((price, currency)) = price_of(&pack).filter(|_| sold) else {
        decided_not(tx, random, &opt_in, cause, NOT_FOR_SALE)?;
        return Ok(None);
    };
    let now = tx.now();
    let past = attempts::that_count(tx, customer, now.start_of_utc_month())?;
    let past: Vec<_> = past.iter().map(Attempt::counted).collect();
    let terms = AutoTopUp {
        threshold: opt_in.threshold,
        pack: pack.terms.credits,
        price,
        currency: &currency,
        most_a_day: opt_in.most_a_day,
        most_a_month: opt_in.most_a_month,
    };
    let situation = Situation {
        cause,
        available: standing.available,
        owes: standing.owes,
        disputed: standing.disputed,
        attempts: &past,
    };
    match terms.decide(&situation, now) {
        Decision::Buy => {
            let has_payer = known.stripe_customer_id.is_some();
            Ok(Some(Ready { opt_in, pack, price, currency, cause, has_payer }))
        }
        // There is nothing to tell: it is as it should be, or an attempt that is told of already goes on.
        Decision::Not(Why::NoReason | Why::Enough | Why::Pending) => {
            credits::drop_want(tx, customer)?;
            Ok(None)
        }
        Decision::Not(why) => {
            decided_not(tx, random, &opt_in, cause, why.as_str())?;
            Ok(None)
        }
    }
}

/// Nothing is bought; the trail says why, once until that changes.
fn decided_not(tx: &mut Tx<'_>, random: &Random, opt_in: &OptIn, cause: Cause, why: &str) -> Result<(), DbError> {
    credits::drop_want(tx, &opt_in.customer)?;
    if opt_in.why_not.as_deref() == Some(why) {
        return Ok(());
    }
    optin::set_why_not(tx, &opt_in.customer, Some(why))?;
    let after = json!({ "why": why, "cause": attempts::cause_word(cause) });
    audit(tx, random, &worker(), "auto_top_up.not_made", opt_in.customer.as_str(), (None, Some(after)));
    Ok(())
}

/// Begins an attempt if a pack is to be bought still: it stands there with its exact request before Stripe is asked.
/// Without means to pay it has failed before it began, and stops as every failure does.
///
/// # Errors
/// What the database says.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    random: &Random,
    customer: &CustomerId,
    means: Option<&Means>,
) -> Result<Option<(Attempt, Option<Operation>)>, Error> {
    let Some(ready) = consider(tx, random, customer)? else { return Ok(None) };
    let now = tx.now();
    let outcome = if means.is_some() { Outcome::Unknown } else { Outcome::Failed };
    let attempt = Attempt {
        id: TopUpAttemptId::new(now, random.number(), customer.bucket()),
        customer: customer.clone(),
        unit: ready.opt_in.unit.clone(),
        top_up: ready.pack.id,
        price: ready.price,
        currency: ready.currency.clone(),
        cause: ready.cause,
        outcome,
        cleared: false,
        payment_intent: None,
        error_code: means.is_none().then(|| NO_PAYMENT_METHOD.to_owned()),
        purchase: None,
        at: now,
        settled_at: means.is_none().then_some(now),
    };
    attempts::insert(tx, &attempt)?;
    credits::drop_want(tx, customer)?;
    optin::set_why_not(tx, customer, None)?;
    let subject = attempt.id.to_string();
    let action = if means.is_some() { "auto_top_up.begun" } else { "auto_top_up.failed" };
    audit(tx, random, &worker(), action, &subject, (None, Some(attempt.told())));
    let Some(means) = means else {
        optin::arm(tx, customer)?;
        notices::of_attempt(tx, random, &attempt)?;
        return Ok(Some((attempt, None)));
    };
    let request = request(&attempt, &ready.pack, means);
    let operation = operations::begin(tx, random, customer, (Kind::AutoTopUp, &subject), &request)?;
    Ok(Some((attempt, Some(operation))))
}

/// The payment to be: tried at once, its payer away, marked with what it is for.
fn request(attempt: &Attempt, pack: &TopUpPlan, means: &Means) -> Request {
    let marks = [
        (CUSTOMER, attempt.customer.as_str().to_owned()),
        (ATTEMPT, attempt.id.to_string()),
        (CREDITS, pack.terms.credits.to_string()),
        (UNIT, pack.terms.unit.as_str().to_owned()),
    ];
    let metadata: Metadata = marks.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    let payment = NewPayment {
        amount: attempt.price,
        currency: attempt.currency.clone(),
        customer: Some(means.payer.clone()),
        payment_method: Some(means.method.clone()),
        confirm: Some(true),
        off_session: Some(true),
        automatic_payment_methods: Some(AutomaticMethods { enabled: true, allow_redirects: Some("never") }),
        description: Some(pack.public_name.clone()),
        metadata: Some(metadata),
        ..NewPayment::default()
    };
    create(&payment).request().clone()
}
