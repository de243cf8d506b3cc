//! Our own prefixed ids as they stand in JSON and in paths.

use super::invalid;
use purser_rules::ids::{
    AuditId, ConsumptionId, EntryId, GrantId, HoldId, KeyId, NotificationId, PlanId, PlanPriceId, PurchaseId,
    TopUpAttemptId, TopUpPlanId,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

macro_rules! refs {
    ($($(#[$doc:meta])* $name:ident($id:ident);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $id);

        impl From<$id> for $name {
            fn from(id: $id) -> Self {
                Self(id)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(from)?;
                <Self as $crate::platform::http::path::Segment>::read(&text).map_err(invalid)
            }
        }

        impl $crate::platform::http::path::Segment for $name {
            fn read(text: &str) -> Result<Self, String> {
                let rule = || format!("It must be {} and 32 digits of 0-9 a-f.", $id::PREFIX);
                text.parse().map(Self).map_err(|_| rule())
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some(format!("^{}[0-9a-f]{{32}}$", $id::PREFIX)))
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($id))
            }
        }
    )*};
}

refs! {
    /// A grant's id.
    GrantRef(GrantId);
    /// A ledger entry's id.
    EntryRef(EntryId);
    /// A hold's id.
    HoldRef(HoldId);
    /// A consumption's id.
    ConsumptionRef(ConsumptionId);
    /// An API key's id.
    KeyRef(KeyId);
    /// An audit line's id.
    AuditRef(AuditId);
    /// A plan version's id.
    PlanRef(PlanId);
    /// A plan's price's id.
    PlanPriceRef(PlanPriceId);
    /// A top-up plan version's id.
    TopUpPlanRef(TopUpPlanId);
    /// A purchase's id.
    PurchaseRef(PurchaseId);
    /// A notification's id.
    NotificationRef(NotificationId);
    /// The id of an attempt of auto top-up.
    TopUpAttemptRef(TopUpAttemptId);
}
