//! What is done to customers, each in the transaction it is given.

use super::{
    plans,
    store::{self, Customer},
};
use crate::{
    features::operators::{audit, audit_as},
    platform::{
        auth::Actor,
        db::{DbError, Tx},
        error::{Code, Error},
        http::Field,
        ids::Random,
    },
};
use purser_rules::ids::CustomerId;
use serde_json::{Value as Json, json};

/// What a `PUT` says: what is absent stays, what is null is cleared.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// A name to show.
    pub name: Field<String>,
    /// Where bills and notices go.
    pub email: Field<String>,
    /// The same customer at Stripe.
    pub stripe_customer_id: Field<String>,
    /// An IANA time zone; cleared to `UTC`.
    pub time_zone: Field<String>,
    /// A JSON object; cleared to `{}`.
    pub metadata: Field<Vec<u8>>,
    /// Whether overage is allowed; cleared to false.
    pub overage_allowed: Field<bool>,
}

/// The customer of `id`.
///
/// # Errors
/// `unknown_customer`; what the database says.
pub fn find(tx: &mut Tx<'_>, id: &CustomerId) -> Result<Customer, Error> {
    store::load(tx, id, false)?.ok_or_else(|| unknown(id))
}

/// The customer that is the Stripe customer `id`: the one that is bound to it, else the one that says so and is not
/// archived. `None` when there is none, or when two say that they are and neither is bound.
///
/// # Errors
/// What the database says.
pub fn find_by_stripe(tx: &mut Tx<'_>, id: &str) -> Result<Option<CustomerId>, DbError> {
    if let Some(bound) = store::bound(tx, id)? {
        return Ok(Some(bound));
    }
    let mut found = store::by_stripe(tx, id)?;
    if found.len() > 1 {
        tracing::warn!(stripe_customer = id, "two customers have this stripe_customer_id: neither counts");
        return Ok(None);
    }
    Ok(found.pop())
}

/// A customer that said to be the Stripe customer `id` before it was archived: nothing is given to it, but money that
/// comes as if it were there is for a person to look at.
///
/// # Errors
/// What the database says.
pub fn find_archived_by_stripe(tx: &mut Tx<'_>, id: &str) -> Result<Option<CustomerId>, DbError> {
    store::archived_by_stripe(tx, id)
}

/// Binds the Stripe customer `stripe_id` to the customer `id` for good: it pays as that one from now on. Answers whether
/// it is bound to this one then, and not to another.
///
/// # Errors
/// What the database says.
pub fn bind_to_stripe(tx: &mut Tx<'_>, stripe_id: &str, id: &CustomerId) -> Result<bool, DbError> {
    store::bind(tx, stripe_id, id)?;
    Ok(store::bound(tx, stripe_id)?.as_ref() == Some(id))
}

/// Up to `most` customers after `after`, by id.
///
/// # Errors
/// What the database says.
pub fn list(tx: &mut Tx<'_>, after: Option<&CustomerId>, most: i64) -> Result<Vec<Customer>, DbError> {
    store::page(tx, after, most)
}

/// Makes or changes a customer. A change that changes nothing writes nothing.
///
/// # Errors
/// `customer_archived`; what the database says.
pub fn put(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    id: &CustomerId,
    change: &Change,
) -> Result<Customer, Error> {
    let before = match store::load(tx, id, true)? {
        Some(there) => there,
        None => {
            let new = changed(Customer::blank(id, random, tx.now()), change);
            if made(tx, random, actor, &new)? {
                return Ok(new);
            }
            store::load(tx, id, true)?.ok_or_else(|| unknown(id))?
        }
    };
    refuse_archived(&before)?;
    let mut after = changed(before.clone(), change);
    if after != before {
        after.updated_at = tx.now();
        if after.time_zone != before.time_zone {
            let zones = (before.time_zone.as_str(), after.time_zone.as_str());
            after.zones = Some(plans::moved(before.zones.as_deref(), zones, after.updated_at)?);
        }
        store::update(tx, &after)?;
        let both = (Some(told(&before)), Some(told(&after)));
        audit(tx, random, actor, "customer.updated", id.as_str(), both);
    }
    Ok(after)
}

/// Archives a customer for good; archiving again answers the same. It must have no live subscription, no checkout by
/// which it could pay yet, and no pack whose money is on its way: each would be paid for nothing (rules 6.4).
///
/// # Errors
/// `unknown_customer`, `subscription_live`; what the database says.
pub fn archive(tx: &mut Tx<'_>, random: &Random, actor: &Actor, id: &CustomerId) -> Result<Customer, Error> {
    // Wallets first, as every write of a wallet does: a spend either ends before, or sees it archived.
    store::lock_wallets(tx, id)?;
    let before = store::load(tx, id, true)?.ok_or_else(|| unknown(id))?;
    if before.archived_at.is_some() {
        return Ok(before);
    }
    // Asked once wallets and customer are locked. Who records a subscription locks these too, after its row is written:
    // either it has them, then it commits before this and is seen here, or it waits for them and finds the customer
    // archived, as does one that Stripe tells of later: that one gives nothing. Who opens a checkout locks the customer
    // too. Checkouts are read first: one that is over was put down with the subscription, or the purchase, it made.
    if store::has_open_checkout(tx, id)? {
        let message = "The customer has a checkout that is open and may be paid yet. Expire its session at Stripe, or \
            wait until it has ended.";
        return Err(Error::new(Code::SubscriptionLive, message).about("customer_id"));
    }
    if store::has_pending_purchase(tx, id)? {
        let message = "The customer bought a pack whose money is on its way. Wait until Purser has heard that it came, or \
            did not.";
        return Err(Error::new(Code::SubscriptionLive, message).about("customer_id"));
    }
    if store::has_live_subscription(tx, id)? {
        let message = "The customer has a subscription that has not ended. End its subscription first.";
        return Err(Error::new(Code::SubscriptionLive, message).about("customer_id"));
    }
    let now = tx.now();
    let after = Customer { archived_at: Some(now), updated_at: now, ..before.clone() };
    store::update(tx, &after)?;
    let both = (Some(told(&before)), Some(told(&after)));
    audit(tx, random, actor, "customer.archived", id.as_str(), both);
    Ok(after)
}

/// Puts `new` down and records it; answers false when another made it meanwhile.
fn made(tx: &mut Tx<'_>, random: &Random, actor: &Actor, new: &Customer) -> Result<bool, DbError> {
    let made = store::insert(tx, new)?;
    if made {
        record_made(tx, random.number(), actor, new);
    }
    Ok(made)
}

/// Records that `new` was made, in the line numbered `line`.
pub(super) fn record_made(tx: &mut Tx<'_>, line: u128, actor: &Actor, new: &Customer) {
    audit_as(tx, line, actor, "customer.created", new.id.as_str(), (None, Some(told(new))));
}

/// `old` with the change made.
fn changed(old: Customer, change: &Change) -> Customer {
    Customer {
        name: change.name.clone().over(old.name),
        email: change.email.clone().over(old.email),
        stripe_customer_id: change.stripe_customer_id.clone().over(old.stripe_customer_id),
        time_zone: change.time_zone.clone().over(Some(old.time_zone)).unwrap_or_else(|| "UTC".to_owned()),
        metadata: change.metadata.clone().over(Some(old.metadata)).unwrap_or_else(|| b"{}".to_vec()),
        overage_allowed: change.overage_allowed.clone().over(Some(old.overage_allowed)).unwrap_or(false),
        ..old
    }
}

fn unknown(id: &CustomerId) -> Error {
    Error::new(Code::UnknownCustomer, format!("There is no customer {}.", id.as_str())).about("customer_id")
}

fn refuse_archived(customer: &Customer) -> Result<(), Error> {
    if customer.archived_at.is_none() {
        return Ok(());
    }
    let id = customer.id.as_str();
    Err(Error::new(Code::CustomerArchived, format!("The customer {id} is archived, for good. Use another id."))
        .about("customer_id"))
}

/// A customer as the audit trail tells it: no salt.
fn told(customer: &Customer) -> Json {
    json!({
        "name": customer.name,
        "email": customer.email,
        "stripe_customer_id": customer.stripe_customer_id,
        "time_zone": customer.time_zone,
        "metadata": serde_json::from_slice::<Json>(&customer.metadata).unwrap_or(Json::Null),
        "overage_allowed": customer.overage_allowed,
        "archived_at": customer.archived_at.map(|at| at.to_string()),
    })
}
