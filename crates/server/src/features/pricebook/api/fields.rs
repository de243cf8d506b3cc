//! The fields of the price book's bodies: each checks itself, names what is wrong, and describes itself.

use crate::platform::http::fields::{Decimal, invalid, text_fields, whole};
use purser_rules::{
    Amount,
    pricebook::{Currency, Name},
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

text_fields! {
    /// A plan's name for customers.
    PlanTitle = 1..=200, "What customers read.";
    /// A product's id at Stripe.
    StripeProductName = 1..=255, "The product it is at Stripe: `prod_…`. One product sells one family.";
    /// A price's id at Stripe.
    StripePriceName = 1..=255, "The price it is at Stripe: `price_…`. One price sells one thing.";
}

/// Reads a whole number that is `least` to `most`.
fn bounded<'de, D: Deserializer<'de>, N: TryFrom<i64>>(from: D, least: i64, most: i64) -> Result<N, D::Error> {
    let given = whole(from)?;
    let number = N::try_from(given).ok().filter(|_| (least..=most).contains(&given));
    number.ok_or_else(|| invalid(format_args!("It must be {least} to {most}.")))
}

/// Makes types of whole numbers: `whole_fields! { /// Doc. Name(u16) = 1..=120, "Description"; }`.
macro_rules! whole_fields {
    ($($(#[$doc:meta])* $name:ident($number:ty) = $least:literal ..= $most:literal, $says:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $number);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                bounded(from, $least, $most).map(Self)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let (least, most): (i64, i64) = ($least, $most);
                let whole = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most));
                whole.description(Some($says)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

whole_fields! {
    /// A version of a family.
    VersionNumber(u32) = 1..=1_000_000, "Which version of its family; 1 unless given.";
    /// A place in the order of plans.
    RankNumber(u32) = 0..=1_000_000, "What is up and what is down: higher is up.";
    /// The days of a trial.
    TrialDays(u16) = 0..=730, "How long it may be tried, in days.";
    /// The days that credits live.
    LifeDays(u16) = 1..=3650, "How long the credits live, in days.";
    /// A place in the spend order.
    SpendPriority(u16) = 0..=1000, "Their place in the spend order: lower is spent first.";
    /// Periods over which credits are carried.
    PeriodCount(u16) = 1..=31, "For so many periods.";
    /// Intervals between two payments.
    IntervalCount(u16) = 1..=365, "How many intervals lie between two payments; 1 unless given.";
    /// Money.
    MinorUnits(i64) = 0..=99_999_999_999, "In minor units of the currency, such as cents.";
}

/// A family, a group or the app's own name for a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameText(pub Name);

/// A currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyText(pub Currency);

/// An amount that is not less than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotNegative(pub Amount);

impl<'de> Deserialize<'de> for NameText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        Name::new(&text).map(Self).map_err(|_| invalid(Name::RULE))
    }
}

impl Serialize for NameText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl PartialSchema for NameText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(64))
            .pattern(Some("^[A-Za-z0-9_.-]{1,64}$"))
            .into()
    }
}

impl ToSchema for NameText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("PlanName")
    }
}

impl<'de> Deserialize<'de> for CurrencyText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        Currency::new(&text).map(Self).map_err(|_| invalid(Currency::RULE))
    }
}

impl PartialSchema for CurrencyText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[a-z]{3}$"))
            .description(Some("The currency as Stripe writes it: three small letters."))
            .examples(["usd"])
            .into()
    }
}

impl ToSchema for CurrencyText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Currency")
    }
}

impl<'de> Deserialize<'de> for NotNegative {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Decimal(amount) = Decimal::deserialize(from)?;
        if amount < Amount::ZERO { Err(invalid("The amount must not be less than 0.")) } else { Ok(Self(amount)) }
    }
}

impl PartialSchema for NotNegative {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .multiple_of(Some(0.000_001))
            .minimum(Some(0.0))
            .maximum(Some(999_999_999.999_999))
            .description(Some("An exact decimal with up to six decimals."))
            .into()
    }
}

impl ToSchema for NotNegative {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("AmountOrNothing")
    }
}

/// A field that may be left out, and is not null when it is there. Write `#[serde(default)]` on it too.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
