//! The table of kinds: what customers are told of, how much it matters, and what goes with it.

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something will happen, or should be done.
    Warning,
    /// Something must be done soon.
    Urgent,
}

impl Severity {
    /// As it stands in the API, and as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Urgent => "urgent",
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $severity:ident, [$($field:literal),*];)*) => {
        /// What a customer is told of; documented in `docs/guide/notifications.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it stands in the API, and as it is stored.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// How much it matters, unless the notice says otherwise.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// The fields of its `data`, every one of which is always there.
            #[must_use]
            pub const fn fields(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($field,)*],)* }
            }
        }
    };
}

kinds! {
    /// A trial ends in three days, or less.
    TrialEnding = "trial_ending", Warning, ["subscription_id", "trial_end"];
    /// An invoice was paid: the receipt.
    InvoicePaid = "invoice_paid", Info,
        ["invoice_id", "subscription_id", "number", "amount_paid", "currency", "hosted_url"];
    /// The payment of an invoice failed, or waits for the payer.
    PaymentFailed = "payment_failed", Urgent,
        ["invoice_id", "subscription_id", "number", "amount_due", "currency", "hosted_url", "attempt",
            "next_payment_attempt"];
    /// An invoice will be made.
    InvoiceUpcoming = "invoice_upcoming", Info, ["subscription_id", "amount_due", "currency", "due_at"];
    /// A subscription ended.
    SubscriptionEnded = "subscription_ended", Warning, ["subscription_id", "ended_at"];
    /// A payment method was taken away; urgent when none is left that could be charged.
    PaymentMethodRemoved = "payment_method_removed", Info,
        ["payment_method_id", "type", "brand", "last4", "last_usable"];
    /// A purchase was paid, and its credits given: the receipt.
    PurchasePaid = "purchase_paid", Info, ["purchase_id", "amount", "currency"];
    /// The money for a purchase did not come.
    PurchaseFailed = "purchase_failed", Urgent, ["purchase_id", "session_id", "amount", "currency"];
    /// Money of a purchase was given back, and its credits with it.
    PurchaseRefunded = "purchase_refunded", Info, ["purchase_id", "amount", "amount_refunded", "currency"];
    /// Money of an invoice was given back, and what is left of its credits with it.
    InvoiceRefunded = "invoice_refunded", Info,
        ["invoice_id", "subscription_id", "amount", "amount_refunded", "currency"];
    /// A payment was disputed: its credits cannot be used until that is decided.
    DisputeOpened = "dispute_opened", Warning, ["purchase_id", "invoice_id", "dispute_id"];
    /// A pack could not be bought by auto top-up, and none is until a person acts.
    AutoTopUpStopped = "auto_top_up_stopped", Urgent,
        ["top_up_plan_id", "amount", "currency", "error_code", "payment_intent"];
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use std::collections::BTreeSet;

    /// The guide's table has a row for each kind, with what is said here.
    #[test]
    fn every_kind_stands_in_the_guide_as_it_is() {
        let guide = include_str!("../../../../../docs/guide/notifications.md");
        for kind in Kind::ALL {
            let beginning = format!("| `{}` | {} |", kind.as_str(), kind.severity().as_str());
            let row = guide.lines().find(|line| line.starts_with(&beginning));
            let row = row.unwrap_or_else(|| panic!("no row begins with {beginning}"));
            for field in kind.fields() {
                assert!(row.contains(&format!("`{field}`")), "{beginning} {field}");
            }
        }
    }

    #[test]
    fn each_name_is_one_kinds() {
        let names: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
