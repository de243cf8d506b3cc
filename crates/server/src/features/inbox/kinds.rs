//! What kinds of events there are, for counting: a class for each group of kinds, so that labels stay few.

/// The beginnings of the kinds Purser knows, and the class of each; the first that fits counts.
const CLASSES: &[(&str, &str)] = &[
    ("customer.subscription.", "subscription"),
    ("invoice.", "invoice"),
    ("checkout.session.", "checkout"),
    ("refund.", "refund"),
    ("charge.dispute.", "dispute"),
    ("charge.", "charge"),
    ("customer.", "customer"),
    ("payment_method.", "payment_method"),
    ("payment_intent.", "payment"),
    ("billing.meter", "meter"),
    ("entitlements.", "entitlement"),
];

/// The class of all other kinds.
const OTHER: &str = "other";

/// The class of `kind`; the thin event of a kind is of the same.
pub(super) fn class(kind: &str) -> &'static str {
    let kind = kind.strip_prefix("v1.").unwrap_or(kind);
    CLASSES.iter().find(|(beginning, _)| kind.starts_with(beginning)).map_or(OTHER, |(_, class)| *class)
}

/// Every class.
pub(super) fn classes() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().map(|(_, class)| *class).chain([OTHER])
}

#[cfg(test)]
mod tests {
    use super::{class, classes};
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_a_class_and_a_made_up_one_makes_no_label() {
        for (kind, expected) in [
            ("customer.subscription.updated", "subscription"),
            ("customer.updated", "customer"),
            ("charge.dispute.closed", "dispute"),
            ("charge.refunded", "charge"),
            ("payment_intent.succeeded", "payment"),
            ("payment_method.attached", "payment_method"),
            ("v1.billing.meter.error_report_triggered", "meter"),
            ("billing.meter.error_report_triggered", "meter"),
            ("x", "other"),
            ("", "other"),
        ] {
            assert_eq!(class(kind), expected, "{kind}");
        }
        let all: Vec<_> = classes().collect();
        assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "each once");
    }
}
