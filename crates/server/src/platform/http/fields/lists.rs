//! Closed lists of names as the document tells them: what the rules call kinds, states and causes.

use crate::platform::error::Code;
use purser_rules::{
    credit::{CauseKind, EntryKind, SourceKind},
    pricebook::{AllowancePeriod, ChangeCredits, Interval, OnDelete, PlanKind, PriceKind},
};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident as $shown:literal = $names:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some($names)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($shown)
            }
        }
    )*};
}

lists! {
    /// Where a grant came from.
    SourceKindName as "SourceKind" = SourceKind::ALL.map(SourceKind::as_str);
    /// What a ledger entry did.
    EntryKindName as "EntryKind" = EntryKind::ALL.map(EntryKind::as_str);
    /// What kind of cause a write has.
    CauseKindName as "CauseKind" =
        [CauseKind::Api, CauseKind::Stripe, CauseKind::Job, CauseKind::Operator].map(CauseKind::as_str);
    /// What became of a hold.
    HoldStateName as "HoldState" = ["open", "captured", "released", "expired"];
    /// How often a plan's credits come.
    AllowancePeriodName as "AllowancePeriod" = AllowancePeriod::ALL.iter().map(|word| word.as_str());
    /// What an upgrade in the middle of a paid period gives.
    ChangeCreditsName as "ChangeCredits" = ChangeCredits::ALL.iter().map(|word| word.as_str());
    /// What becomes of what is left when a subscription is deleted.
    OnDeleteName as "OnDelete" = OnDelete::ALL.iter().map(|word| word.as_str());
    /// Whether a plan stands alone.
    PlanKindName as "PlanKind" = PlanKind::ALL.iter().map(|word| word.as_str());
    /// What a recurring price is counted by.
    PriceKindName as "PriceKind" = PriceKind::ALL.iter().map(|word| word.as_str());
    /// A unit of time on the calendar.
    IntervalName as "Interval" = Interval::ALL.iter().map(|word| word.as_str());
    /// The codes of errors.
    CodeName as "ErrorCode" = Code::ALL.iter().map(|code| code.as_str());
}
