//! The price book: plans and credit packs in versions, what they cost, and which Stripe price sells which of them.

pub mod api;
mod asks;
mod defaults;
mod giving;
mod plans;
mod prices;
mod sold;
mod store;
mod top_ups;
mod view;

pub use asks::{NewPlan, NewTopUp, PlanChange, TopUpChange};
pub use defaults::install_defaults;
pub use giving::{Defaults, defaults, giving, load_defaults};
pub use plans::{
    change as change_plan, create as create_plan, find as find_plan, list as list_plans, remove as remove_plan,
};
pub use sold::{
    Mapped, Recurring, SeenPrice, bases_on_sale, create_from_metadata, default_plan, packs_on_sale, plan_id_of_price,
    plan_of_price, plan_on_sale, top_up_of_price, top_up_on_sale, use_top_up, use_version,
};
pub use store::{
    plans::{Plan, PlanFilter, PlanPrice},
    top_ups::{TopUpFilter, TopUpPlan},
};
pub use top_ups::{
    change as change_top_up, create as create_top_up, find as find_top_up, list as list_top_ups,
    remove as remove_top_up,
};

use crate::platform::{
    db::{DbError, Tx},
    error::{Code, Error},
};
use purser_rules::pricebook::BadTerms;

/// What became of something that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is gone: nobody ever had it.
    Deleted,
    /// It is kept, out of use: somebody has or had it.
    Archived,
}

/// The number of changes the book has seen. What is kept of the book is right as long as this number, read in the
/// same transaction as what it is used with, is the one it was kept under.
///
/// # Errors
/// What the database says.
pub fn version(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    store::version(tx)
}

/// What is said of terms that cannot be promised.
fn bad_terms(bad: BadTerms) -> Error {
    Error::new(Code::InvalidField, bad.rule()).about(bad.field())
}

/// What is said when a version is there and is another one than was asked for.
fn exists(family: &str, version: u32, field: &'static str) -> Error {
    let message = format!("Version {version} of {family} is there already, with another `{field}`.");
    Error::new(Code::PlanVersionExists, message).about(field)
}

/// What is said when a version would leave what its family is.
fn family_differs(family: &str, field: &'static str, stays: &str) -> Error {
    let message = format!("Every version of {family} has the {field} `{stays}`. Take another family.");
    Error::new(Code::PlanFamilyDiffers, message).about(field)
}

/// What is said to a change of something archived.
fn archived(what: &str) -> Error {
    Error::new(Code::PlanArchived, format!("{what} is archived, for good. Make another version."))
}
