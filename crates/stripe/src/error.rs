//! Why a call has no answer to act on: refused, unanswered, not understood, or never sent.

use crate::BadShape;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Why a call failed.
#[derive(Clone, Debug)]
pub enum Error {
    /// Stripe refused it; the same request gets the same answer.
    Refused(Box<Refused>),
    /// Stripe is limiting our rate, or others write the object, and nothing was done: try again later.
    RateLimited {
        /// Which limit: by the header `Stripe-Rate-Limited-Reason`, such as `global-rate`, else by the error's code,
        /// such as `lock_timeout`.
        reason: Option<String>,
        /// How long Stripe asks to wait, by the header `Retry-After`.
        retry_after: Option<Duration>,
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// No answer that settles it was had in time. A write may have happened: send it again with the same [`crate::Key`]
    /// and the same body, or look for what it made.
    Unanswered {
        /// What was seen last.
        why: String,
        /// Times it was sent.
        attempts: u32,
        /// Stripe's id of the last request that was answered at all.
        request_id: Option<String>,
    },
    /// It was answered with success, and the answer cannot be read. A write did happen.
    NotUnderstood {
        /// What could not be read.
        shape: BadShape,
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// A deletion: a try of it got no answer, and to the next one Stripe said that the object is not there. That first
    /// try has very likely deleted it; what it would have answered is lost.
    Gone {
        /// Stripe's id of the last request.
        request_id: Option<String>,
    },
    /// Nothing was sent: Stripe was failing a moment ago, and it is too soon to ask again.
    BreakerOpen {
        /// When it is worth trying.
        retry_after: Duration,
    },
    /// Nothing was sent: our own rate limit or other writes of the object left no time for it.
    Busy,
    /// Nothing was sent: the key was first used so long ago that Stripe may have forgotten it, and the write would
    /// happen a second time. Look for what it made.
    KeyTooOld,
    /// Nothing was sent, nor will it ever be: the call is made out wrongly, as the text says.
    Unfit(&'static str),
}

impl Error {
    /// Whether a write may have been done though there is no answer to act on.
    ///
    /// It speaks of this call, and of the earlier ones with its key where Stripe or the key's age tells of them: after
    /// a call that was not answered, one that was not sent at all settles nothing.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Unanswered { .. } | Self::NotUnderstood { .. } | Self::Gone { .. } | Self::KeyTooOld => true,
            // The key was used for another body: whatever that was has happened.
            Self::Refused(refused) => refused.kind == ErrorType::Idempotency,
            Self::RateLimited { .. } | Self::BreakerOpen { .. } | Self::Busy | Self::Unfit(_) => false,
        }
    }

    /// Stripe's id of the request, for a question to its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused(refused) => refused.request_id.as_deref(),
            Self::RateLimited { request_id, .. }
            | Self::Unanswered { request_id, .. }
            | Self::NotUnderstood { request_id, .. }
            | Self::Gone { request_id } => request_id.as_deref(),
            Self::BreakerOpen { .. } | Self::Busy | Self::KeyTooOld | Self::Unfit(_) => None,
        }
    }

    /// What happened, in a word for logs and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unanswered { .. } => "unanswered",
            Self::NotUnderstood { .. } => "not_understood",
            Self::Gone { .. } => "gone",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::Busy => "busy",
            Self::KeyTooOld => "key_too_old",
            Self::Unfit(_) => "unfit",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => write!(out, "Stripe refused: {refused}")?,
            Self::RateLimited { reason, .. } => {
                write!(out, "Stripe limits our rate ({})", reason.as_deref().unwrap_or("it does not say which"))?;
            }
            Self::Unanswered { why, attempts, .. } => write!(out, "no answer after {attempts} attempts: {why}")?,
            Self::NotUnderstood { shape, .. } => write!(out, "Stripe's answer is not understood {shape}")?,
            Self::Gone { .. } => {
                out.write_str("it is not there any more; a try without an answer has very likely deleted it")?;
            }
            Self::BreakerOpen { retry_after } => {
                write!(out, "not sent: Stripe is failing; next attempt in {} s", retry_after.as_secs().max(1))?;
            }
            Self::Busy => out.write_str("not sent: too much is waiting for Stripe")?,
            Self::Unfit(why) => write!(out, "not sent: {why}")?,
            Self::KeyTooOld => {
                out.write_str("not sent: its idempotency key is over 23 hours old; look for what it made")?;
            }
        }
        self.request_id().map_or(Ok(()), |id| write!(out, " (request {id})"))
    }
}

impl std::error::Error for Error {}

/// An error that Stripe answered.
///
/// Source: <https://docs.stripe.com/api/errors>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status, 400–499.
    pub status: u16,
    /// What kind of error.
    pub kind: ErrorType,
    /// The code, such as `resource_missing`.
    pub code: Option<String>,
    /// Why a bank declined, such as `insufficient_funds`.
    pub decline_code: Option<String>,
    /// What the bank advises: `try_again_later`, `confirm_card_data`, `do_not_try_again`.
    pub advice_code: Option<String>,
    /// Which parameter.
    pub param: Option<String>,
    /// In words, for people who operate Purser. What was sent is taken out of it: Stripe quotes addresses and names.
    pub message: String,
    /// The payment intent that was declined.
    pub payment_intent: Option<String>,
    /// Stripe's id of the request.
    pub request_id: Option<String>,
    /// Whether this is the stored answer to an earlier request with the same key: a decline that comes back so says
    /// nothing new. A real new attempt needs a new key.
    pub replayed: bool,
}

impl Refused {
    /// Whether the object asked for is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.code.as_deref() == Some("resource_missing")
    }

    /// Whether it is about our key and not about what was asked: the key was revoked, has expired or is none (401), or
    /// lacks a right (403). Stripe looks at that before it looks whether the request was done by an earlier try.
    #[must_use]
    pub const fn is_of_our_key(&self) -> bool {
        matches!(self.status, 401 | 403)
    }

    /// Whether a bank declined the payment.
    #[must_use]
    pub fn is_declined(&self) -> bool {
        self.kind == ErrorType::Card
    }

    /// Whether it says that a meter event with this identifier is already there: it counts as delivered.
    ///
    /// Stripe documents no code for it; both the code and the message were seen.
    #[must_use]
    pub fn is_duplicate_meter_event(&self) -> bool {
        self.code.as_deref() == Some(DUPLICATE)
    }
}

/// The code of a meter event that is there already; given here to the ones that come without.
const DUPLICATE: &str = "duplicate_meter_event";

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.status, self.code.as_deref().unwrap_or(self.kind.name()))?;
        if let Some(decline) = &self.decline_code {
            write!(out, "/{decline}")?;
        }
        if let Some(param) = &self.param {
            write!(out, " at `{param}`")?;
        }
        write!(out, ": {}", self.message)
    }
}

/// What kind of error Stripe answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ErrorType {
    /// Stripe's own trouble.
    #[serde(rename = "api_error")]
    Api,
    /// A bank declined.
    #[serde(rename = "card_error")]
    Card,
    /// The key was used for another request, or is in use.
    #[serde(rename = "idempotency_error")]
    Idempotency,
    /// Wrong parameters, or not possible now.
    #[serde(rename = "invalid_request_error")]
    InvalidRequest,
    /// A kind this version of Purser does not know.
    #[default]
    #[serde(other)]
    Other,
}

impl ErrorType {
    /// As on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api_error",
            Self::Card => "card_error",
            Self::Idempotency => "idempotency_error",
            Self::InvalidRequest => "invalid_request_error",
            Self::Other => "error",
        }
    }
}

/// The body of an error, of both versions of the API.
#[derive(Deserialize)]
struct Body {
    error: Inner,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(rename = "type", default)]
    kind: ErrorType,
    code: Option<String>,
    decline_code: Option<String>,
    advice_code: Option<String>,
    param: Option<String>,
    message: Option<String>,
    payment_intent: Option<WithId>,
}

#[derive(Deserialize)]
struct WithId {
    id: String,
}

/// Reads the body of an answer with `status`. A body that is no error of Stripe's (a proxy's page) is said to be one.
/// None of `sent` stands in its message.
pub(crate) fn refused(status: u16, body: &[u8], request_id: Option<String>, sent: &[String]) -> Refused {
    let Ok(Body { error }) = serde_json::from_slice(body) else {
        let message = "the answer is not an error of Stripe's; is something standing between?".into();
        return Refused { status, message, request_id, ..Refused::default() };
    };
    let message = error.message.unwrap_or_default();
    let duplicate = message.starts_with("An event already exists with identifier").then(|| DUPLICATE.to_owned());
    Refused {
        status,
        kind: error.kind,
        code: error.code.or(duplicate),
        decline_code: error.decline_code,
        advice_code: error.advice_code,
        param: error.param,
        message: sent.iter().fold(message, |message, value| blanked(&message, value)),
        payment_intent: error.payment_intent.map(|intent| intent.id),
        request_id,
        replayed: false,
    }
}

/// `text` with `…` wherever `value` stands in it by itself.
fn blanked(text: &str, value: &str) -> String {
    let edge = |beside: Option<char>| beside.is_none_or(|beside| !beside.is_alphanumeric() && beside != '_');
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices(value) {
        let end = at + value.len();
        if edge(text[..at].chars().next_back()) && edge(text[end..].chars().next()) {
            out.push_str(&text[from..at]);
            out.push('…');
            from = end;
        }
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::{blanked, refused};

    #[test]
    fn what_was_sent_is_taken_out_of_a_message() {
        let table = [
            ("Invalid email address: a@b.c", "a@b.c", "Invalid email address: …"),
            ("'jenny' is no name, jenny.", "jenny", "'…' is no name, …."),
            ("an invoice of invoices", "invoice", "an … of invoices"),
            ("é", "é", "…"),
            ("nothing of it", "other", "nothing of it"),
        ];
        for (text, value, left) in table {
            assert_eq!(blanked(text, value), left);
        }
    }

    #[test]
    fn a_duplicate_is_known_by_its_code_or_its_message() {
        let said = |error: &str| refused(400, format!(r#"{{"error":{error}}}"#).as_bytes(), None, &["event".into()]);
        for error in [
            r#"{"type":"invalid_request_error","message":"An event already exists with identifier u-1."}"#,
            r#"{"type":"invalid_request_error","code":"duplicate_meter_event","message":null}"#,
        ] {
            assert!(said(error).is_duplicate_meter_event(), "{error}");
        }
        assert!(!said(r#"{"type":"invalid_request_error","message":"No such event"}"#).is_duplicate_meter_event());
    }
}
