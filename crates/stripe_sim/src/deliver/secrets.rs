//! Signatures: the secret of an endpoint, its former ones for a while, and what they make of a body.

use crate::world::Random;
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The longest that a former secret stays in use beside the new one, in seconds.
pub(crate) const LONGEST_OVERLAP: i64 = 24 * 60 * 60;

/// What the deliveries to an endpoint are signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Secrets {
    current: String,
    /// Those it had before, the newest first.
    former: Vec<Former>,
}

/// A secret that was rolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Former {
    secret: String,
    /// From when on it is of no use any more.
    until: i64,
}

/// A new secret.
pub(crate) fn fresh(random: &mut Random) -> String {
    format!("whsec_{}", random.letters(32))
}

impl Secrets {
    /// Signs with `secret` alone.
    pub fn new(secret: String) -> Self {
        Self { current: secret, former: Vec::new() }
    }

    /// The newest.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Signs with `secret` from now on, and for `overlap` seconds with the present one too.
    pub fn roll(&mut self, secret: String, now: i64, overlap: i64) {
        let former = std::mem::replace(&mut self.current, secret);
        self.former.retain(|former| former.until > now);
        if overlap > 0 {
            self.former.insert(0, Former { secret: former, until: now + overlap });
        }
    }

    /// Whether `given`, the signature of the scheme `v1` in a header that says it was sent at `at`, is one of `body`.
    pub fn made(&self, given: &str, at: i64, body: &str) -> bool {
        let former = self.former.iter().filter(|former| former.until > at).map(|former| former.secret.as_str());
        std::iter::once(self.current()).chain(former).any(|secret| signature(secret, at, body) == given)
    }

    /// The header `Stripe-Signature` of `body` when it is sent at `at`: a signature for each secret in use, and one of
    /// the made-up scheme `v0` that Stripe adds to test events, so that a reader who takes any scheme is found out.
    pub fn sign(&self, at: i64, body: &str) -> String {
        let mut header = format!("t={at},v1={}", signature(&self.current, at, body));
        for former in self.former.iter().filter(|former| former.until > at) {
            header.push_str(",v1=");
            header.push_str(&signature(&former.secret, at, body));
        }
        header.push_str(",v0=");
        header.push_str(&signature(&format!("v0_{}", self.current), at, body));
        header
    }
}

/// The signature of `body`, sent at `at`: HMAC-SHA256 of `at`, a full stop and `body`, keyed by the whole secret, in
/// lowercase hexadecimal.
fn signature(secret: &str, at: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(at.to_string().as_bytes());
    context.update(b".");
    context.update(body.as_bytes());
    let tag = context.sign();
    let bytes: &[u8] = tag.as_ref();
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text never fails.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_OVERLAP, Secrets, fresh, signature};
    use crate::world::Random;

    const ONE: &str = "e6f424c1ebf2679ddb75df801d64b07e5063e2d7d6834ab73f5c55d787278d9d";
    const TWO: &str = "7188126e292daca991f04e6d27bcc33705bef535a4a6c4687864d1c7315003b0";

    /// The parts of a header, without the made-up scheme.
    fn parts(header: &str) -> Vec<&str> {
        header.split(',').filter(|part| !part.starts_with("v0=")).collect()
    }

    #[test]
    fn signatures_are_those_of_the_official_libraries() {
        // The first was made with stripe-node and stripe-python alike, the others with Python's hmac.
        let body = "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"invoice.paid\",\"note\":\"h\u{e9}llo \\u2028\"}";
        let table = [
            ("whsec_test_abc", body, "ac15813d70f1e07a5dc30c01147c7c0e2f9171db0a098043861f81972643545f"),
            ("whsec_one", "{}", ONE),
            ("whsec_two", "{}", TWO),
        ];
        for (secret, body, expected) in table {
            assert_eq!(signature(secret, 1_700_000_000, body), expected, "{secret}");
        }
    }

    #[test]
    fn a_rolled_secret_signs_for_a_while() {
        let now = 1_700_000_000;
        let mut secrets = Secrets::new("whsec_one".into());
        assert_eq!(parts(&secrets.sign(now, "{}")), ["t=1700000000", &format!("v1={ONE}")]);
        secrets.roll("whsec_two".into(), now - 10, LONGEST_OVERLAP);
        assert_eq!(secrets.current(), "whsec_two");
        assert_eq!(parts(&secrets.sign(now, "{}")), ["t=1700000000", &format!("v1={TWO}"), &format!("v1={ONE}")]);
        assert_eq!(parts(&secrets.sign(now - 11 + LONGEST_OVERLAP, "{}")).len(), 3, "its last second");
        assert_eq!(parts(&secrets.sign(now - 10 + LONGEST_OVERLAP, "{}")).len(), 2, "over");
    }

    #[test]
    fn a_secret_that_leaked_is_given_up_at_once() {
        let mut secrets = Secrets::new("whsec_one".into());
        secrets.roll("whsec_two".into(), 100, 0);
        assert_eq!(parts(&secrets.sign(100, "{}")).len(), 2);
    }

    #[test]
    fn each_secret_is_a_new_one() {
        let mut random = Random::new(1);
        let (one, two) = (fresh(&mut random), fresh(&mut random));
        assert!(one.starts_with("whsec_") && one.len() == 38 && one != two, "{one} {two}");
    }
}
