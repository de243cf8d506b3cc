//! Opening a wallet: what has fallen due of its customer's plans is put down with everything else, or shown as if it were.

use super::store::closed_grants;
use crate::{
    features::customers::Facts,
    platform::db::{DbError, Tx},
};
use purser_rules::{
    Time,
    credit::{DueAllowance, Giving, Loaded, Needs, Plans, Wallet},
    ids::GrantId,
};

/// All that says which allowances a customer has.
#[must_use]
pub fn plans<'a>(facts: &'a Facts, defaults: &'a [Giving], now: Time) -> Plans<'a> {
    // Another node's clock, a little ahead, may have made it: it must not have to wait for its first day.
    let since = facts.created_at.min(now);
    Plans { defaults, since, bought: &facts.plans, zones: &facts.zones }
}

/// What must be loaded beside the row of `wallet` to put `due` down too: for a cut all that waits.
#[must_use]
pub fn needs(wallet: &Wallet, due: &[DueAllowance], needs: Needs) -> Needs {
    let cuts = due.iter().any(|due| matches!(due, DueAllowance::Cut { .. }));
    Needs { waiting: needs.waiting || (cuts && wallet.body.waiting.count > 0), ..needs }
}

/// Adds those of the grants that `due` names that are closed. Nothing is asked when it names none, as on most days.
///
/// # Errors
/// What the database says.
pub fn load_named(tx: &mut Tx<'_>, due: &[DueAllowance], loaded: &mut Loaded) -> Result<(), DbError> {
    let named: Vec<GrantId> = due.iter().flat_map(DueAllowance::names).copied().collect();
    loaded.closed.extend(closed_grants(tx, &named)?);
    Ok(())
}
