//! Why a call has no answer to act on: refused, unanswered, not understood, or never sent.

use crate::BadShape;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Why a call failed.
#[derive(Clone, Debug)]
pub enum Error {
    /// Stripe refused it; the same request gets the same answer.
    Refused(Box<Refused>),
    /// Stripe is limiting our rate, and nothing was done: try again later.
    RateLimited {
        /// Which limit, by the header `Stripe-Rate-Limited-Reason`, such as `global-rate`.
        reason: Option<String>,
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
}

impl Error {
    /// Whether a write may have been done though there is no answer.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        matches!(self, Self::Unanswered { .. } | Self::NotUnderstood { .. } | Self::KeyTooOld)
    }

    /// Stripe's id of the request, for a question to its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused(refused) => refused.request_id.as_deref(),
            Self::RateLimited { request_id, .. }
            | Self::Unanswered { request_id, .. }
            | Self::NotUnderstood { request_id, .. } => request_id.as_deref(),
            Self::BreakerOpen { .. } | Self::Busy | Self::KeyTooOld => None,
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
            Self::BreakerOpen { .. } => "breaker_open",
            Self::Busy => "busy",
            Self::KeyTooOld => "key_too_old",
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
            Self::BreakerOpen { retry_after } => {
                write!(out, "not sent: Stripe is failing; next attempt in {} s", retry_after.as_secs().max(1))?;
            }
            Self::Busy => out.write_str("not sent: too much is waiting for Stripe")?,
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
    /// In words, for people who operate Purser.
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
        self.code.as_deref() == Some("duplicate_meter_event")
            || self.message.starts_with("An event already exists with identifier")
    }
}

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
    #[serde(default)]
    message: String,
    payment_intent: Option<WithId>,
}

#[derive(Deserialize)]
struct WithId {
    id: String,
}

/// Reads the body of an answer with `status`. A body that is no error of Stripe's (a proxy's page) is said to be one.
pub(crate) fn refused(status: u16, body: &[u8], request_id: Option<String>, replayed: bool) -> Refused {
    let Ok(Body { error }) = serde_json::from_slice(body) else {
        let message = "the answer is not an error of Stripe's; is something standing between?".into();
        return Refused { status, message, request_id, replayed, ..Refused::default() };
    };
    Refused {
        status,
        kind: error.kind,
        code: error.code,
        decline_code: error.decline_code,
        advice_code: error.advice_code,
        param: error.param,
        message: error.message,
        payment_intent: error.payment_intent.map(|intent| intent.id),
        request_id,
        replayed,
    }
}
