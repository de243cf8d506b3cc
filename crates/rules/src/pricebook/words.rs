//! The closed lists of words of the price book, as they stand in the API and in the database.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$says:meta])* $word:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$says])* $word,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$word,)*];

            /// As it stands in the API and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }

            /// The one that `text` names.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }
    )*};
}

words! {
    /// How often a plan's credits come.
    AllowancePeriod {
        /// Each local date.
        Day = "day",
        /// Each ISO week.
        Week = "week",
        /// Each calendar month.
        Month = "month",
        /// Each month of a paid period, from paid invoice lines alone.
        Billing = "billing",
    }

    /// What an upgrade in the middle of a paid period gives.
    ChangeCredits {
        /// A part, as the money is.
        Prorated = "prorated",
        /// All of it.
        Full = "full",
    }

    /// What becomes of what is left when the subscription is deleted.
    OnDelete {
        /// It is taken back.
        Revoke = "revoke",
        /// It stays until it expires.
        Leave = "leave",
    }

    /// Whether a plan stands alone.
    PlanKind {
        /// It is the customer's plan.
        Base = "base",
        /// It comes on top of one.
        AddOn = "add_on",
    }

    /// What a recurring price is counted by.
    PriceKind {
        /// The price is the price.
        Fixed = "fixed",
        /// Times the number of seats.
        PerSeat = "per_seat",
        /// Times what a meter counted.
        Metered = "metered",
    }

    /// A unit of time on the calendar, as Stripe has them.
    Interval {
        /// A day.
        Day = "day",
        /// Seven days.
        Week = "week",
        /// A month.
        Month = "month",
        /// A year.
        Year = "year",
    }
}
