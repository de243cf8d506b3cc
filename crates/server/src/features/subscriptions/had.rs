//! What a customer has or had already: asked before more of it is sold.

use super::{
    plans::{MOST_TOGETHER, Plans, together},
    store::{self, changes},
};
use crate::{
    features::pricebook::{self, PlanFilter},
    platform::{
        db::{DbError, Tx},
        error::Error,
    },
};
use purser_rules::{
    ids::{CustomerId, PlanId},
    pricebook::Name,
    subscription::Status,
};

/// How many versions of a family are read at once.
const SLICE: i64 = 100;

/// The subscriptions of a customer that are live and give a base plan of `group`, or of any, by their ids.
///
/// # Errors
/// What the database says.
pub fn live_in_group(tx: &mut Tx<'_>, customer: &CustomerId, group: Option<&Name>) -> Result<Vec<String>, Error> {
    let all = store::of_customer(tx, customer, MOST_TOGETHER)?;
    let (mut plans, mut found) = (Plans::default(), Vec::new());
    for one in all.iter().filter(|one| Status::of_stripe(&one.status).is_live()) {
        let gives = together(tx, &mut plans, &[one])?;
        if gives.bases.iter().any(|base| group.is_none_or(|group| base.group == group.as_str())) {
            found.push(one.id.clone());
        }
    }
    Ok(found)
}

/// Whether a customer ever had a subscription with a plan of `family`, whichever version, and whatever became of it.
///
/// # Errors
/// What the database says.
pub fn had_family(tx: &mut Tx<'_>, customer: &CustomerId, family: &Name) -> Result<bool, DbError> {
    let mut filter = PlanFilter { family: Some(family.clone()), after: None };
    loop {
        let versions: Vec<PlanId> =
            pricebook::list_plans(tx, &filter, SLICE)?.into_iter().map(|plan| plan.id).collect();
        let Some(last) = versions.last() else { return Ok(false) };
        filter.after = Some(*last);
        if changes::ever_had(tx, customer, &versions)? {
            return Ok(true);
        }
    }
}
