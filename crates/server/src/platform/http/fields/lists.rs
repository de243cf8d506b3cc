//! Closed lists of names as the document tells them: what the rules call kinds, states and causes.

use crate::platform::error::Code;
use purser_rules::credit::{CauseKind, EntryKind, SourceKind};
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
    /// The codes of errors.
    CodeName as "ErrorCode" = Code::ALL.iter().map(|code| code.as_str());
}
