//! Recording for whoever goes through an account, or fulfils a checkout: the same recording as of an event, and what it
//! changed.

use super::{
    Unrecorded,
    fetch::{Fetched, FetchedInvoice},
    mirror, record,
    store::{
        self, Subscription,
        invoices::{self, Invoice},
    },
};
use crate::{
    features::credits,
    platform::{
        auth::Actor,
        db::{DbError, Tx},
        ids::Random,
    },
};
use purser_rules::{
    Time,
    ids::{Bucket, CustomerId},
};

/// What became of an object that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Whether it stood in the mirror before.
    pub known: bool,
    /// Whether anything of it is other than before, or whose it is; of an invoice whose money was looked at, also
    /// whether a dispute of it is known to be open.
    pub changed: bool,
    /// Whether it is known whose it is.
    pub bound: bool,
}

impl Recorded {
    /// What lies between `before` and `after`: whose the object is, and the object.
    fn between<T: PartialEq>(before: &Option<Stood<T>>, after: &Option<Stood<T>>) -> Self {
        let bound = after.as_ref().is_some_and(|(customer, _)| customer.is_some());
        Self { known: before.is_some(), changed: before != after, bound }
    }
}

/// Whose an object is, and what stands of it.
type Stood<T> = (Option<CustomerId>, Option<T>);

/// Writes a subscription, and answers what that changed.
///
/// # Errors
/// [`Unrecorded::Stale`] when it was written since it was fetched; what the database says.
pub fn record_and_compare(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    fetched: &Fetched,
) -> Result<Recorded, Unrecorded> {
    let id = &fetched.said.id;
    let before = stood(tx, id, store::find)?;
    record::subscription(tx, random, actor, fetched)?;
    let after: Option<Stood<Subscription>> = stood(tx, id, store::find)?;
    Ok(Recorded::between(&before, &after))
}

/// Writes an invoice and the subscription it is `of`, and answers what that changed of the invoice. `failed_at` counts
/// only while no event told when its payment first failed.
///
/// # Errors
/// As [`record_and_compare`], when either was written since it was fetched.
pub fn record_invoice_and_compare(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    failed_at: Option<Time>,
    fetched: &FetchedInvoice,
    of: Option<&Fetched>,
) -> Result<Recorded, Unrecorded> {
    // In the order in which recording locks them.
    if let Some(of) = of {
        mirror::lock(tx, &of.said.id)?;
    }
    let before = stood(tx, &fetched.id, invoices::find)?;
    let was_disputed = is_disputed(tx, fetched, before.as_ref())?;
    let told = before.as_ref().and_then(|(_, invoice)| invoice.as_ref()?.first_failed_at);
    let failed_at = failed_at.filter(|_| told.is_none());
    record::invoice(tx, random, actor, failed_at, fetched, of)?;
    let after = stood(tx, &fetched.id, invoices::find)?;
    let disputed = is_disputed(tx, fetched, after.as_ref())?;
    let recorded = Recorded::between(&before, &after);
    Ok(Recorded { changed: recorded.changed || disputed != was_disputed, ..recorded })
}

/// Whether a dispute of an invoice is known to be open, if its money was looked at.
fn is_disputed(tx: &mut Tx<'_>, fetched: &FetchedInvoice, known: Option<&Stood<Invoice>>) -> Result<bool, DbError> {
    let customer = known.and_then(|(customer, _)| customer.as_ref()).filter(|_| fetched.money.is_some());
    customer.map_or(Ok(false), |customer| credits::is_disputed(tx, customer, &fetched.id))
}

/// Writes a subscription that a checkout session of `customer` made, and the `invoice` that was paid by it: theirs, if it
/// is nobody's yet. Answers whether the session stood on the subscription before.
///
/// # Errors
/// As [`record_and_compare`], when either was written since it was fetched.
pub fn record_made(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    customer: &CustomerId,
    fetched: &Fetched,
    invoice: Option<&FetchedInvoice>,
) -> Result<bool, Unrecorded> {
    let fetched = &Fetched { customer: Some(customer.clone()), ..fetched.clone() };
    let before: Option<Stood<Subscription>> = stood(tx, &fetched.said.id, store::find)?;
    match invoice {
        Some(invoice) => record::invoice(tx, random, actor, None, invoice, Some(fetched))?,
        None => record::subscription(tx, random, actor, fetched)?,
    }
    let before = before.and_then(|(_, subscription)| subscription?.checkout_session_id);
    Ok(before.is_some() && before == fetched.session)
}

/// What stands of the object `id`, its row locked; nothing when it was never mirrored.
fn stood<T>(
    tx: &mut Tx<'_>,
    id: &str,
    find: impl Fn(&mut Tx<'_>, Bucket, &str) -> Result<Option<T>, DbError>,
) -> Result<Option<Stood<T>>, DbError> {
    let Some(mirror) = mirror::lock(tx, id)? else { return Ok(None) };
    let kept = find(tx, mirror.bucket, id)?;
    Ok(Some((mirror.customer, kept)))
}
