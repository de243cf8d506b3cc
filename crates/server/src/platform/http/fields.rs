//! The types of fields in bodies and queries: each checks itself, names what is wrong, and describes itself.

mod amount;
mod contact;
mod ids;
mod lists;
mod metadata;
mod names;
mod patch;
mod text;
mod whole;

pub use amount::{Decimal, NotZero, Positive};
pub use contact::{EmailText, ZoneName};
pub use ids::{
    AuditRef, ConsumptionRef, EntryRef, GrantRef, HoldRef, KeyRef, NotificationRef, PlanPriceRef, PlanRef, PurchaseRef,
    TopUpAttemptRef, TopUpPlanRef,
};
pub use lists::{
    AllowancePeriodName, CauseKindName, ChangeCreditsName, CodeName, EntryKindName, HoldStateName, IntervalName,
    OnDeleteName, PlanKindName, PriceKindName, SourceKindName,
};
pub use metadata::Metadata;
pub use names::{CustomerName, GivenCustomer, Instant, UnitName};
pub use patch::Field;
pub(crate) use text::text_fields;
pub use text::{SourceName, Text, UserName, check};
pub use whole::whole;

use crate::platform::error::Code;
use serde::de;

/// What stands before and after a code in the text of a serde error, so that it can be found again.
pub(super) const MARK: char = '\u{1}';

/// A serde error that says `code` (see `body.rs`, which reads it back).
pub(crate) fn refuse<E: de::Error>(code: Code, message: impl std::fmt::Display) -> E {
    E::custom(format_args!("{MARK}{}{MARK}{message}", code.as_str()))
}

/// A serde error that says `invalid_field`.
pub(crate) fn invalid<E: de::Error>(message: impl std::fmt::Display) -> E {
    refuse(Code::InvalidField, message)
}
