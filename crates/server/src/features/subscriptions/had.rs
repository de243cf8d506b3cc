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

/// The live subscriptions of a customer: the id of each, with the groups of which it gives a base plan.
#[derive(Clone, Debug, Default)]
pub struct Lives(Vec<(String, Vec<String>)>);

impl Lives {
    /// The ids of those that give a base plan of `group`, or of any.
    #[must_use]
    pub fn in_group(&self, group: Option<&Name>) -> Vec<String> {
        let gives = |groups: &[String]| groups.iter().any(|of| group.is_none_or(|group| of == group.as_str()));
        self.0.iter().filter(|(_, groups)| gives(groups)).map(|(id, _)| id.clone()).collect()
    }
}

/// The live subscriptions of a customer, read once for all groups.
///
/// # Errors
/// What the database says.
pub fn lives(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Lives, Error> {
    let all = store::of_customer(tx, customer, MOST_TOGETHER)?;
    let (mut plans, mut found) = (Plans::default(), Vec::new());
    for one in all.into_iter().filter(|one| Status::of_stripe(&one.status).is_live()) {
        let gives = together(tx, &mut plans, &[&one])?;
        found.push((one.id, gives.bases.into_iter().map(|base| base.group).collect()));
    }
    Ok(Lives(found))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_a_plan_of_a_group_is_told_from_what_gives_none() {
        let groups = |all: &[&str]| all.iter().map(|&group| group.to_owned()).collect();
        let lives = Lives(vec![
            ("sub_add_on".to_owned(), groups(&[])),
            ("sub_base".to_owned(), groups(&["base"])),
            ("sub_both".to_owned(), groups(&["base", "storage"])),
        ]);
        let of = |group: &str| lives.in_group(Some(&Name::new(group).expect("a name")));
        assert_eq!(of("base"), ["sub_base", "sub_both"]);
        assert_eq!(of("storage"), ["sub_both"]);
        assert!(of("other").is_empty());
        assert_eq!(lives.in_group(None), ["sub_base", "sub_both"]);
    }
}
