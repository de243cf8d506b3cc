//! Numbers to try, to be filled in by a click.

/// A number to try.
pub(in crate::pages) struct Sample {
    /// Its type and itself, as the form takes it.
    pub value: String,
    /// Its number, as people read it: in groups of four.
    pub number: String,
    /// What comes of it.
    pub says: &'static str,
}

/// Type, number, and what comes of it. Source: <https://docs.stripe.com/testing>
const SAMPLES: &[(&str, &str, &str)] = &[
    ("card", "4242424242424242", "Visa: works"),
    ("card", "5555555555554444", "Mastercard: works"),
    ("card", "4000002500003155", "asks for 3-D Secure, once"),
    ("card", "4000002760003184", "asks for 3-D Secure every time"),
    ("card", "4000000000000002", "is declined"),
    ("card", "4000000000009995", "is declined: insufficient funds"),
    ("card", "4000000000000069", "is declined: expired"),
    ("card", "4000000000000341", "can be kept, and is declined when it is charged"),
    ("card", "4000000000000259", "works, and the payment is disputed"),
    ("us_bank_account", "000123456789", "works, after four days"),
    ("us_bank_account", "000222222227", "fails after four days: insufficient funds"),
    ("sepa_debit", "DE89370400440532013000", "works, after five days"),
    ("sepa_debit", "DE62370400440532013001", "fails after five days"),
];

/// Those of the types that are taken.
pub(super) fn of(types: &[String]) -> Vec<Sample> {
    let taken = |kind: &str| types.iter().any(|taken| taken == kind);
    let samples = SAMPLES.iter().filter(|(kind, ..)| taken(kind));
    samples
        .map(|&(kind, number, says)| Sample { value: format!("{kind}:{number}"), number: grouped(kind, number), says })
        .collect()
}

/// A number in groups of four; one of an American account in one piece.
fn grouped(kind: &str, number: &str) -> String {
    if kind == "us_bank_account" {
        return number.to_owned();
    }
    let letters: Vec<char> = number.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{SAMPLES, grouped, of};
    use crate::objects::cards::{by_iban, by_number};

    #[test]
    fn every_sample_is_a_test_number() {
        for (kind, number, _) in SAMPLES {
            match *kind {
                "card" => assert!(by_number(number).is_ok(), "{number}"),
                "sepa_debit" => assert!(by_iban(number).is_some(), "{number}"),
                _ => assert_eq!(number.len(), 12),
            }
        }
        assert_eq!(grouped("sepa_debit", "DE89370400440532013000"), "DE89 3704 0044 0532 0130 00");
        assert!(of(&["card".to_owned()]).iter().all(|sample| sample.value.starts_with("card:")));
    }
}
