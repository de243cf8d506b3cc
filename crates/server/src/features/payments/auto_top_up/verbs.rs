//! What a person does to auto top-up: agrees to it, changes it, takes it back, lets it go on after a failure.

use super::{
    attempts::{self, Attempt},
    consider::price_of,
    look,
    optin::{self, OptIn},
};
use crate::{
    features::{
        credits,
        customers::{self, Customer},
        operators::audit,
        payments::{
            PackName,
            checkout::{not_for_sale, pack},
            stripe,
        },
        pricebook,
    },
    platform::{
        App,
        auth::Actor,
        db::Tx,
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    Amount,
    ids::{CustomerId, Unit},
    subscription::Outcome,
};
use serde_json::{Value as Json, json};

/// What a customer is to agree to.
#[derive(Clone, Debug)]
pub(in super::super) struct Wish {
    /// Who.
    pub customer: CustomerId,
    /// What is counted; that of the pack unless given.
    pub unit: Option<Unit>,
    /// Buy when less than this is available; more than nothing.
    pub threshold: Amount,
    /// What is bought; it gives more than `threshold`.
    pub pack: PackName,
    /// How many purchases a UTC day at most.
    pub most_a_day: u32,
    /// How much money a UTC month at most, in minor units of the pack's currency.
    pub most_a_month: i64,
    /// Whether it is on.
    pub enabled: bool,
}

/// Whether packs are bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum State {
    /// When one is wanted.
    On,
    /// None.
    Off,
    /// None until a person acts: one could not be paid.
    Stopped,
}

/// What a customer agreed to, and how it goes.
#[derive(Clone, Debug)]
pub(in super::super) struct Shown {
    /// What it agreed to.
    pub opt_in: OptIn,
    /// What the pack costs, in minor units of the currency.
    pub price: i64,
    /// Three small letters.
    pub currency: String,
    /// Whether packs are bought.
    pub state: State,
    /// The last attempt.
    pub last: Option<Attempt>,
}

/// What `customer` agreed to, and how it goes.
///
/// # Errors
/// `unknown_customer`, `unknown_auto_top_up`; what the database says.
pub(in super::super) fn find(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Shown, Error> {
    customers::find(tx, customer)?;
    let opt_in = optin::find(tx, customer)?.ok_or_else(|| unknown(customer))?;
    let pack = pricebook::find_top_up(tx, opt_in.top_up)?;
    // It had a price when it was agreed to; since then that stays.
    let (price, currency) = price_of(&pack).unwrap_or_default();
    let state = match opt_in.enabled {
        false => State::Off,
        true if attempts::has_failed(tx, customer)? => State::Stopped,
        true => State::On,
    };
    let last = attempts::last(tx, customer)?;
    Ok(Shown { opt_in, price, currency, state, last })
}

/// Puts down what a customer agrees to. What it agreed to before is replaced; a failure goes on to stop it.
///
/// # Errors
/// `unknown_customer`, `customer_archived`, `unknown_top_up_plan`, `not_for_sale`, `pack_too_small`, `invalid_field`;
/// `no_payment_method` when it is to be on and Stripe knows of none; what Stripe or the database says.
pub(in super::super) async fn put(app: &App, actor: &Actor, wish: Wish) -> Result<Shown, Error> {
    let of = wish.customer.clone();
    let customer = app.db().read(move |tx| alive(tx, &of)).await?;
    if wish.enabled {
        let client = stripe(app)?;
        let means = match customer.stripe_customer_id {
            Some(_) => look::means(app, client, &wish.customer).await?,
            None => None,
        };
        if means.is_none() {
            return Err(no_payment_method());
        }
    }
    let (random, actor) = (app.random().clone(), actor.clone());
    app.db().write(move |tx| put_down(tx, &random, &actor, &wish)).await
}

fn put_down(tx: &mut Tx<'_>, random: &Random, actor: &Actor, wish: &Wish) -> Result<Shown, Error> {
    let customer = &wish.customer;
    alive(tx, customer)?;
    let before = optin::lock(tx, customer)?;
    let named = pack(tx, &wish.pack)?;
    // What is agreed to with a price is promised: from now on the pack stays as it is read here.
    let pack = pricebook::use_top_up(tx, named.id)?;
    let (price, _) = price_of(&pack).ok_or_else(|| not_for_sale("The top-up plan has no price.", "top_up_plan"))?;
    if wish.unit.as_ref().is_some_and(|unit| *unit != pack.terms.unit) {
        let message = format!("The top-up plan gives {}. Say that unit, or none.", pack.terms.unit.as_str());
        return Err(Error::new(Code::InvalidField, message).about("unit"));
    }
    if pack.terms.credits <= wish.threshold {
        let message = format!(
            "The top-up plan gives {}: it must be more than the threshold, or it would not carry the customer over it.",
            pack.terms.credits
        );
        return Err(Error::new(Code::PackTooSmall, message).about("threshold"));
    }
    if wish.most_a_month < price {
        let message = format!("The top-up plan costs {price}: with less a month none would ever be bought.");
        return Err(Error::new(Code::InvalidField, message).about("most_a_month"));
    }
    let now = tx.now();
    let after = OptIn {
        customer: customer.clone(),
        unit: pack.terms.unit,
        threshold: wish.threshold,
        top_up: pack.id,
        most_a_day: wish.most_a_day,
        most_a_month: wish.most_a_month,
        enabled: wish.enabled,
        why_not: None,
        created_at: before.as_ref().map_or(now, |before| before.created_at),
        updated_at: now,
    };
    credits::make_wallet(tx, customer, &after.unit);
    optin::put(tx, &after)?;
    optin::arm(tx, customer)?;
    let both = (before.as_ref().map(told), Some(told(&after)));
    audit(tx, random, actor, "auto_top_up.agreed", customer.as_str(), both);
    find(tx, customer)
}

/// Takes back what a customer agreed to; answers it as it was, switched off. An attempt that was begun goes its way.
///
/// # Errors
/// `unknown_customer`, `customer_archived`, `unknown_auto_top_up`; what the database says.
pub(in super::super) fn remove(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    customer: &CustomerId,
) -> Result<Shown, Error> {
    alive(tx, customer)?;
    optin::lock(tx, customer)?;
    let mut shown = find(tx, customer)?;
    optin::remove(tx, customer)?;
    optin::arm(tx, customer)?;
    audit(tx, random, actor, "auto_top_up.removed", customer.as_str(), (Some(told(&shown.opt_in)), None));
    shown.opt_in.enabled = false;
    shown.state = State::Off;
    Ok(shown)
}

/// A person looked at what failed: packs are bought again when one is wanted. Again it does nothing.
///
/// # Errors
/// `unknown_customer`, `customer_archived`, `unknown_auto_top_up`; what the database says.
pub(in super::super) fn resume(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    customer: &CustomerId,
) -> Result<Shown, Error> {
    alive(tx, customer)?;
    optin::lock(tx, customer)?;
    let before = find(tx, customer)?;
    let cleared = attempts::clear(tx, customer)?;
    if cleared > 0 {
        optin::set_why_not(tx, customer, None)?;
        optin::arm(tx, customer)?;
        let failed = before.last.filter(|last| last.outcome == Outcome::Failed);
        let of = failed.map(|last| json!({ "attempt": last.id.to_string(), "error_code": last.error_code }));
        audit(tx, random, actor, "auto_top_up.resumed", customer.as_str(), (of, Some(json!({ "cleared": cleared }))));
    }
    find(tx, customer)
}

/// The customer `id`, which takes writes.
fn alive(tx: &mut Tx<'_>, id: &CustomerId) -> Result<Customer, Error> {
    let customer = customers::find(tx, id)?;
    if customer.archived_at.is_none() { Ok(customer) } else { Err(credits::archived(id)) }
}

fn unknown(customer: &CustomerId) -> Error {
    let message = format!("The customer {} has not agreed to auto top-up.", customer.as_str());
    Error::new(Code::UnknownAutoTopUp, message).about("customer_id")
}

fn no_payment_method() -> Error {
    let what_to_do = "Have one saved by a checkout with the purpose `setup`, then ask again.";
    Error::new(Code::NoPaymentMethod, format!("Stripe knows no saved payment method of the customer. {what_to_do}"))
        .about("customer_id")
}

/// What was agreed to, as the audit trail tells it.
fn told(opt_in: &OptIn) -> Json {
    json!({
        "unit": opt_in.unit.as_str(),
        "threshold": opt_in.threshold.to_string(),
        "top_up_plan_id": opt_in.top_up.to_string(),
        "most_a_day": opt_in.most_a_day,
        "most_a_month": opt_in.most_a_month,
        "enabled": opt_in.enabled,
    })
}
