//! Signed words: a link that lets somebody in, a visit, the mark of a form. What is signed for one is none of another.

use crate::config::Secret;
use purser_rules::{Time, ids::CustomerId};
use ring::hmac;
use std::fmt::Write as _;

/// What a pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be let in.
    Link,
    /// To stay.
    Visit,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Visit => "visit",
        }
    }
}

/// Who may look, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    pub customer: CustomerId,
    /// Whole seconds count.
    pub until: Time,
}

/// The pass as a text of `0-9 a-f .`, no two alike: `nonce` is a random number.
pub(super) fn written(secret: &Secret, purpose: Purpose, pass: &Pass, nonce: u128) -> String {
    let until = pass.until.micros().div_euclid(1_000_000);
    let said = format!("{}.{until}.{nonce:032x}", hex(pass.customer.as_str().as_bytes()));
    let tag = hmac::sign(&key(secret), message(purpose.as_str(), &said).as_bytes());
    format!("{said}.{}", hex(tag.as_ref()))
}

/// The pass that `text` is, if we signed it for this purpose and its time is not over at `now`.
pub(super) fn read(secret: &Secret, purpose: Purpose, text: &str, now: Time) -> Option<Pass> {
    let (said, tag) = text.rsplit_once('.')?;
    let tag = bytes(tag)?;
    hmac::verify(&key(secret), message(purpose.as_str(), said).as_bytes(), &tag).ok()?;
    let mut parts = said.split('.');
    let customer = String::from_utf8(bytes(parts.next()?)?).ok()?;
    let customer = CustomerId::new(&customer).ok()?;
    let until = Time::from_micros(0).plus_seconds(parts.next()?.parse().ok()?);
    (now < until).then_some(Pass { customer, until })
}

/// The mark that the forms of `visit` carry.
pub(super) fn mark(secret: &Secret, visit: &str) -> String {
    hex(hmac::sign(&key(secret), message("form", visit).as_bytes()).as_ref())
}

/// Whether `given` is the mark of the forms of `visit`.
pub(super) fn is_mark(secret: &Secret, visit: &str, given: &str) -> bool {
    bytes(given).is_some_and(|tag| hmac::verify(&key(secret), message("form", visit).as_bytes(), &tag).is_ok())
}

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes())
}

/// What is signed: the secret signs the heads of the ledger, too.
fn message(purpose: &str, said: &str) -> String {
    format!("purser portal {purpose}\n{said}")
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _into_a_string = write!(text, "{byte:02x}");
    }
    text
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(customer: &str) -> Pass {
        Pass { customer: CustomerId::new(customer).expect("an id"), until: Time::from_micros(0).plus_seconds(1_000) }
    }

    #[test]
    fn a_pass_is_good_for_its_purpose_its_time_and_its_secret() {
        let (secret, other) = (Secret::new("s".repeat(32)), Secret::new("o".repeat(32)));
        let at = |seconds| Time::from_micros(0).plus_seconds(seconds);
        for customer in ["acme", "a.b:c@d-e_f"] {
            let text = written(&secret, Purpose::Link, &pass(customer), 7);
            assert_eq!(read(&secret, Purpose::Link, &text, at(999)), Some(pass(customer)));
            assert_eq!(read(&secret, Purpose::Link, &text, at(1_000)), None, "over");
            assert_eq!(read(&secret, Purpose::Visit, &text, at(999)), None, "for something else");
            assert_eq!(read(&other, Purpose::Link, &text, at(999)), None, "by somebody else");
            assert_ne!(text, written(&secret, Purpose::Link, &pass(customer), 8));
        }
    }

    #[test]
    fn whatever_is_changed_makes_it_none() {
        let secret = Secret::new("s".repeat(32));
        let text = written(&secret, Purpose::Link, &pass("acme"), 7);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(read(&secret, Purpose::Link, &changed, Time::from_micros(0)), None, "{at}");
        }
        for none in ["", ".", "a", "zz.zz", "é.é", "....", &text[1..], &text[..text.len() - 2]] {
            assert_eq!(read(&secret, Purpose::Link, none, Time::from_micros(0)), None, "{none}");
        }
    }

    #[test]
    fn a_form_is_of_one_visit() {
        let secret = Secret::new("s".repeat(32));
        let mark = mark(&secret, "one");
        assert!(is_mark(&secret, "one", &mark));
        for (visit, given) in [("two", mark.as_str()), ("one", ""), ("one", "00"), ("one", "no hex")] {
            assert!(!is_mark(&secret, visit, given), "{visit} {given}");
        }
    }
}
