//! The price book a new install starts with.

use super::{NewPlan, plans, store, top_ups};
use crate::platform::{auth::Actor, db::Tx, error::Error, ids::Random};
use purser_rules::pricebook::default_book;

/// Puts the default book in if the book was never written; answers whether it did. Nodes that start at once do it once,
/// and what an operator removed does not come back.
///
/// # Errors
/// What the database says.
pub fn install_defaults(tx: &mut Tx<'_>, random: &Random) -> Result<bool, Error> {
    if store::lock(tx)? > 0 {
        return Ok(false);
    }
    let (actor, book) = (Actor::job("default-price-book"), default_book());
    for (at, draft) in book.plans.into_iter().enumerate() {
        let new = NewPlan { is_default: at == 0, ..draft.into() };
        plans::create(tx, random, &actor, &new)?;
    }
    for draft in book.top_ups {
        top_ups::create(tx, random, &actor, &draft.into())?;
    }
    Ok(true)
}
