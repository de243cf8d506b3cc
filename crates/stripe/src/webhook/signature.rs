//! The signature of what Stripe sends: HMAC-SHA256 of time and body.

use crate::{Seconds, Secret};
use ring::hmac;
use std::fmt;

/// How far the time of a signature may be from ours, in seconds. The tolerance of Stripe's own libraries.
///
/// Source: <https://docs.stripe.com/webhooks>
pub const TOLERANCE: Seconds = 300;

/// Why what was sent is not taken for Stripe's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSignature {
    /// There is no header `Stripe-Signature`.
    Missing,
    /// The header has no time, or no signature of the scheme `v1`.
    Malformed,
    /// It was signed too long ago: a copy of an old delivery, or a clock that is wrong.
    TooOld,
    /// It was signed in the future: a clock that is wrong.
    TooNew,
    /// No secret of ours makes this signature.
    NoMatch,
}

impl BadSignature {
    /// In a word, for metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
            Self::NoMatch => "no_match",
        }
    }
}

impl fmt::Display for BadSignature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Missing => "the header Stripe-Signature is missing",
            Self::Malformed => "the header Stripe-Signature has no time or no v1 signature",
            Self::TooOld => "the signature is over five minutes old; is the clock right?",
            Self::TooNew => "the signature is over five minutes ahead; is the clock right?",
            Self::NoMatch => "no endpoint secret makes this signature; is it the secret of this endpoint?",
        })
    }
}

impl std::error::Error for BadSignature {}

/// Whether Stripe signed `body` not long before or after `now`, with any of `secrets`: while a secret is rolled there
/// are two, and the endpoint of thin events has its own. Answers the time of the signature.
///
/// Signatures are compared in constant time; each secret is tried with each `v1` of the header, of which at most eight are
/// looked at.
///
/// # Errors
/// [`BadSignature`]
pub fn verify(header: Option<&str>, body: &[u8], secrets: &[Secret], now: Seconds) -> Result<Seconds, BadSignature> {
    let (at, signatures) = parts(header.ok_or(BadSignature::Missing)?)?;
    let matches = |secret: &Secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
        let mut signed = hmac::Context::with_key(&key);
        signed.update(at.as_bytes());
        signed.update(b".");
        signed.update(body);
        let tag = signed.sign();
        // Constant time: ring compares by a second HMAC of both.
        signatures.iter().any(|signature| equal(&key, tag.as_ref(), signature))
    };
    if !secrets.iter().any(matches) {
        return Err(BadSignature::NoMatch);
    }
    let at: Seconds = at.parse().map_err(|_| BadSignature::Malformed)?;
    match now.saturating_sub(at) {
        age if age > TOLERANCE => Err(BadSignature::TooOld),
        age if age < -TOLERANCE => Err(BadSignature::TooNew),
        _ => Ok(at),
    }
}

/// Whether two tags are the same, in constant time.
fn equal(key: &hmac::Key, ours: &[u8], theirs: &[u8]) -> bool {
    hmac::verify(key, ours, hmac::sign(key, theirs).as_ref()).is_ok()
}

/// Signatures of one header that are looked at.
const MOST_SIGNATURES: usize = 8;

/// The time, as it was written, and the `v1` signatures of a header. Other schemes (`v0` is a test's) are passed over.
fn parts(header: &str) -> Result<(&str, Vec<[u8; 32]>), BadSignature> {
    let mut at = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.split_once('=') {
            Some(("t", time)) if at.is_none() => at = Some(time),
            Some(("v1", hex)) if signatures.len() < MOST_SIGNATURES => signatures.extend(unhex(hex)),
            _ => {}
        }
    }
    let at = at.filter(|at| !at.is_empty() && at.len() <= 12 && at.bytes().all(|digit| digit.is_ascii_digit()));
    at.filter(|_| !signatures.is_empty()).map(|at| (at, signatures)).ok_or(BadSignature::Malformed)
}

/// The bytes of 64 small hexadecimal digits.
fn unhex(hex: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let hex: &[u8; 64] = hex.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// The header that signs `body` at `at` with each of `secrets`, as Stripe would: for tests, and for `purser` to try an
/// endpoint of its own.
#[must_use]
pub fn sign(body: &[u8], secrets: &[Secret], at: Seconds) -> String {
    let mut header = format!("t={at}");
    for secret in secrets {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
        let mut signed = hmac::Context::with_key(&key);
        signed.update(format!("{at}.").as_bytes());
        signed.update(body);
        let tag: String = signed.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        header.push_str(",v1=");
        header.push_str(&tag);
    }
    header
}

#[cfg(test)]
mod tests {
    use super::{BadSignature, sign, verify};
    use crate::Secret;

    /// Stripe's libraries for Node and Python agree on this one.
    const BODY: &str = "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"invoice.paid\",\"note\":\"héllo \\u2028\"}";
    const AT: i64 = 1_700_000_000;
    const TAG: &str = "ac15813d70f1e07a5dc30c01147c7c0e2f9171db0a098043861f81972643545f";

    fn secrets(texts: &[&str]) -> Vec<Secret> {
        texts.iter().filter_map(|text| Secret::new(text)).collect()
    }

    #[test]
    fn the_official_libraries_vector() {
        let ours = secrets(&["whsec_test_abc"]);
        assert_eq!(sign(BODY.as_bytes(), &ours, AT), format!("t={AT},v1={TAG}"));
        assert_eq!(verify(Some(&format!("t={AT},v1={TAG}")), BODY.as_bytes(), &ours, AT), Ok(AT));
    }

    #[test]
    fn headers_that_pass_and_headers_that_do_not() {
        let ours = secrets(&["whsec_new", "whsec_test_abc"]);
        let good = format!("t={AT},v1={TAG}");
        let other = "0".repeat(64);
        let table = [
            (good.clone(), AT, Ok(AT)),
            (format!("v1={TAG},t={AT}"), AT, Ok(AT)),
            (format!("t={AT},v1={other},v1={TAG},v0=x"), AT, Ok(AT)),
            (good.clone(), AT + 300, Ok(AT)),
            (good.clone(), AT + 301, Err(BadSignature::TooOld)),
            (good.clone(), AT - 300, Ok(AT)),
            (good.clone(), AT - 301, Err(BadSignature::TooNew)),
            (format!("t={},v1={TAG}", AT + 1), AT, Err(BadSignature::NoMatch)),
            (format!("t={AT},v1={other}"), AT, Err(BadSignature::NoMatch)),
            (format!("t={AT},v0={TAG}"), AT, Err(BadSignature::Malformed)),
            (format!("t={AT},v1={}", TAG.to_uppercase()), AT, Err(BadSignature::Malformed)),
            (format!("t={AT}, v1={TAG}"), AT, Err(BadSignature::Malformed)),
            (format!("t={AT},v1={}", &TAG[1..]), AT, Err(BadSignature::Malformed)),
            (format!("t=,v1={TAG}"), AT, Err(BadSignature::Malformed)),
            (format!("t=-1,v1={TAG}"), AT, Err(BadSignature::Malformed)),
            (format!("t=99999999999999999999,v1={TAG}"), AT, Err(BadSignature::Malformed)),
            (format!("v1={TAG}"), AT, Err(BadSignature::Malformed)),
            (String::new(), AT, Err(BadSignature::Malformed)),
        ];
        for (header, now, expected) in table {
            assert_eq!(verify(Some(&header), BODY.as_bytes(), &ours, now), expected, "{header} at {now}");
        }
        assert_eq!(verify(None, BODY.as_bytes(), &ours, AT), Err(BadSignature::Missing));
        assert_eq!(verify(Some(&good), BODY.as_bytes(), &[], AT), Err(BadSignature::NoMatch));
        let mut changed = BODY.as_bytes().to_vec();
        changed[0] ^= 1;
        assert_eq!(verify(Some(&good), &changed, &ours, AT), Err(BadSignature::NoMatch));
    }
}
