//! Test cards, tokens and bank accounts: what each is called, and how it behaves.
//!
//! The numbers and their meaning are facts of <https://docs.stripe.com/testing>; where a line says more than that page,
//! it says from where.

mod banks;
mod declines;
mod table;

pub(crate) use banks::{by_account, by_bank_name, by_iban};
pub(crate) use declines::Decline;
pub(crate) use table::CARDS;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How a payment method behaves: the hidden part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Behaviour {
    /// Why it is refused when it is attached or set up.
    pub attaching: Option<Decline>,
    /// Why it is refused when it is charged.
    pub charging: Option<Decline>,
    /// When its holder has to prove to be the holder.
    pub challenge: Challenge,
    /// What comes after a payment that succeeded.
    pub follows: Follows,
    /// What becomes of a refund to it.
    pub refund: RefundEnd,
    /// How risky a payment with it looks.
    pub risk: Risk,
    /// What the issuer says of its code and address.
    pub checks: Checks,
    /// How a debit ends, if it is a bank account.
    pub debit: Option<Debit>,
}

/// When the holder is challenged (3-D Secure).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Challenge {
    Never,
    /// Only when the seller asks for it.
    Asked,
    /// Until it was set up for later use.
    UnlessSetUp,
    /// When the holder is there; it counts as set up.
    OnSession,
    Always,
}

/// What comes after a payment that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Follows {
    Nothing,
    Dispute(Claim),
    /// Two disputes, each about a half.
    TwoDisputes,
    /// The issuer says that it looks like fraud.
    FraudWarning,
}

/// What a dispute is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Claim {
    Fraudulent,
    NotReceived,
    Inquiry,
    /// As fraudulent, where earlier payments of the same holder can decide it.
    CompellingEvidence,
    Compliance,
    /// A bank debit that its holder takes back.
    Debit,
}

/// What becomes of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RefundEnd {
    AtOnce,
    /// Pending first.
    Later,
    /// It seems to succeed, and fails.
    Fails,
}

/// How risky a payment looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Risk {
    Normal,
    Elevated,
    Highest,
}

/// What the issuer says of a card's code and address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Checks {
    Pass,
    CvcFails,
    PostalCodeFails,
    Line1Fails,
    AddressFails,
    Unavailable,
}

/// How a debit of a bank account ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Debit {
    /// After how many seconds; `None` when it never does.
    pub after: Option<i64>,
    /// Why it fails, if it does.
    pub fails: Option<Decline>,
}

impl Behaviour {
    /// A card without peculiarities.
    pub const PLAIN: Self = Self {
        attaching: None,
        charging: None,
        challenge: Challenge::Never,
        follows: Follows::Nothing,
        refund: RefundEnd::AtOnce,
        risk: Risk::Normal,
        checks: Checks::Pass,
        debit: None,
    };

    /// Whether the holder is challenged before a payment. `asked` says that the seller wants it.
    pub const fn challenges(self, set_up: bool, off_session: bool, asked: bool) -> bool {
        match self.challenge {
            Challenge::Never => false,
            Challenge::Asked => asked,
            Challenge::UnlessSetUp => !set_up || asked,
            Challenge::OnSession => !off_session,
            Challenge::Always => true,
        }
    }

    /// Whether the holder is challenged when it is set up for later use.
    pub const fn challenges_setup(self) -> bool {
        matches!(self.challenge, Challenge::UnlessSetUp | Challenge::Always)
    }
}

impl Risk {
    /// Its name, and the lowest and highest score it stands for.
    /// Source: <https://docs.stripe.com/radar/risk-evaluation>
    pub const fn band(self) -> (&'static str, u64, u64) {
        match self {
            Self::Normal => ("normal", 0, 64),
            Self::Elevated => ("elevated", 65, 74),
            Self::Highest => ("highest", 75, 99),
        }
    }
}

/// A test card.
#[derive(Debug)]
pub(crate) struct Card {
    pub number: &'static str,
    /// What stands behind `pm_card_` and `tok_`.
    pub names: &'static [&'static str],
    pub brand: &'static str,
    pub funding: &'static str,
    pub country: &'static str,
    pub behaviour: Behaviour,
}

/// Until when test cards are valid: beyond any time one moves the clock to. Ours.
const EXPIRY: (i64, i64) = (12, 2050);

impl Card {
    /// What a payment method shows of it. `expiry` is month and year; `with_code` says that a security code was given.
    pub fn shown(&self, expiry: Option<(i64, i64)>, with_code: bool) -> Value {
        let (month, year) = expiry.unwrap_or(EXPIRY);
        json!({
            "brand": self.brand,
            "checks": {
                "address_line1_check": null,
                "address_postal_code_check": null,
                "cvc_check": with_code.then_some("unchecked"),
            },
            "country": self.country,
            "display_brand": self.brand,
            "exp_month": month,
            "exp_year": year,
            "fingerprint": fingerprint(self.number),
            "funding": self.funding,
            "generated_from": null,
            "last4": last4(self.number),
            "networks": { "available": [self.brand], "preferred": null },
            "regulated_status": "unregulated",
            "three_d_secure_usage": { "supported": self.brand != "amex" },
            "wallet": null,
        })
    }
}

/// Puts down in `card`, as a payment method shows it, what the issuer said of its code and of the address in `billing`.
pub(crate) fn check(card: &mut Value, billing: &Value, checks: Checks) {
    let verdict = |fails: bool| match (checks, fails) {
        (Checks::Unavailable, _) => "unavailable",
        (_, true) => "fail",
        _ => "pass",
    };
    let given = |name: &str| billing["address"][name].is_string();
    if card["checks"]["cvc_check"].is_string() {
        card["checks"]["cvc_check"] = verdict(checks == Checks::CvcFails).into();
    }
    if given("line1") {
        let fails = matches!(checks, Checks::Line1Fails | Checks::AddressFails);
        card["checks"]["address_line1_check"] = verdict(fails).into();
    }
    if given("postal_code") {
        let fails = matches!(checks, Checks::PostalCodeFails | Checks::AddressFails);
        card["checks"]["address_postal_code_check"] = verdict(fails).into();
    }
}

/// The card called `name` behind `pm_card_` or `tok_`.
pub(crate) fn by_card_name(name: &str) -> Option<&'static Card> {
    CARDS.iter().find(|card| card.names.contains(&name))
}

/// The card with this number; blanks and dashes do not count.
///
/// # Errors
/// The number is wrong, or it is no test card's.
pub(crate) fn by_number(number: &str) -> Result<&'static Card, Decline> {
    let number: String = number.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
    if !is_card_number(&number) {
        return Err(Decline::IncorrectNumber);
    }
    CARDS.iter().find(|card| card.number == number).ok_or(Decline::LiveCard)
}

/// Whether the digits are as many as a card has, and the last one fits the others.
fn is_card_number(number: &str) -> bool {
    let Some(digits) = number.chars().map(|letter| letter.to_digit(10)).collect::<Option<Vec<u32>>>() else {
        return false;
    };
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| match (place % 2, digit * 2) {
        (0, _) => *digit,
        (_, double) if double > 9 => double - 9,
        (_, double) => double,
    });
    (12..=19).contains(&digits.len()) && weighed.sum::<u32>().is_multiple_of(10)
}

/// The last four characters of a number.
pub(crate) fn last4(number: &str) -> String {
    number.chars().skip(number.chars().count().saturating_sub(4)).collect()
}

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Sixteen letters that are the same for the same number.
pub(crate) fn fingerprint(number: &str) -> String {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in number.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[usize::try_from((state >> 33) % 62).unwrap_or(0)])
    };
    (0..16).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::{Behaviour, CARDS, Challenge, Checks, Decline, by_card_name, by_number, check, fingerprint, last4};
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn every_card_has_its_own_number_and_names() {
        let numbers: BTreeSet<&str> = CARDS.iter().map(|card| card.number).collect();
        assert_eq!(numbers.len(), CARDS.len());
        let names: Vec<&str> = CARDS.iter().flat_map(|card| card.names).copied().collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for card in CARDS {
            assert_eq!(by_number(card.number).map(|found| found.number), Ok(card.number));
        }
    }

    #[test]
    fn cards_are_found_by_number_and_name() {
        let table = [
            ("4242 4242 4242 4242", Ok("visa")),
            ("5555-5555-5555-4444", Ok("mastercard")),
            ("4242424242424241", Err(Decline::IncorrectNumber)),
            ("4012888888881881", Err(Decline::LiveCard)),
            ("42424242424", Err(Decline::IncorrectNumber)),
            ("", Err(Decline::IncorrectNumber)),
            ("4242x", Err(Decline::IncorrectNumber)),
        ];
        for (number, expected) in table {
            assert_eq!(by_number(number).map(|card| card.brand), expected, "{number}");
        }
        let named = |name| by_card_name(name).map(|card| card.number);
        assert_eq!(named("visa"), Some("4242424242424242"));
        assert_eq!(named("chargeCustomerFail"), Some("4000000000000341"));
        assert_eq!(named("chargeDeclined"), Some("4000000000000002"));
        assert_eq!(named("visa_chargeDeclined"), Some("4000000000000002"));
        assert_eq!(named("nothing"), None);
    }

    #[test]
    fn declines_come_when_the_table_says() {
        let of = |name| by_card_name(name).map(|card| (card.behaviour.attaching, card.behaviour.charging));
        let generic = Some(Decline::Generic);
        assert_eq!(of("visa"), Some((None, None)));
        assert_eq!(of("chargeDeclined"), Some((generic, generic)));
        assert_eq!(of("chargeCustomerFail"), Some((None, generic)));
        assert_eq!(of("radarBlock"), Some((None, Some(Decline::Blocked))));
    }

    #[test]
    fn who_is_challenged() {
        let with = |challenge| Behaviour { challenge, ..Behaviour::PLAIN };
        // Set up, off session, asked for; then the answers of each kind.
        let table = [
            ((false, false, false), [false, false, true, true, true]),
            ((true, false, false), [false, false, false, true, true]),
            ((false, true, false), [false, false, true, false, true]),
            ((true, true, false), [false, false, false, false, true]),
            ((true, false, true), [false, true, true, true, true]),
        ];
        let kinds =
            [Challenge::Never, Challenge::Asked, Challenge::UnlessSetUp, Challenge::OnSession, Challenge::Always];
        for ((set_up, off_session, asked), expected) in table {
            let found = kinds.map(|kind| with(kind).challenges(set_up, off_session, asked));
            assert_eq!(found, expected, "{set_up} {off_session} {asked}");
        }
    }

    #[test]
    fn issuers_check_what_they_were_given() {
        let billing = json!({ "address": { "line1": "1 Main St", "postal_code": null } });
        let table = [
            (Checks::Pass, "pass", "pass"),
            (Checks::CvcFails, "fail", "pass"),
            (Checks::Line1Fails, "pass", "fail"),
            (Checks::AddressFails, "pass", "fail"),
            (Checks::PostalCodeFails, "pass", "pass"),
            (Checks::Unavailable, "unavailable", "unavailable"),
        ];
        for (checks, code, line1) in table {
            let mut card = by_card_name("visa").map(|card| card.shown(None, true)).unwrap_or_default();
            check(&mut card, &billing, checks);
            let expected = json!({
                "address_line1_check": line1, "address_postal_code_check": null, "cvc_check": code,
            });
            assert_eq!(card["checks"], expected, "{checks:?}");
        }
    }

    #[test]
    fn fingerprints_are_of_the_number() {
        assert_eq!(fingerprint("4242424242424242"), fingerprint("4242424242424242"));
        assert_ne!(fingerprint("4242424242424242"), fingerprint("5555555555554444"));
        assert_eq!(fingerprint("4242424242424242").len(), 16);
        assert_eq!((last4("4242424242424242"), last4("12")), ("4242".to_owned(), "12".to_owned()));
    }
}
