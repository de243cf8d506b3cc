//! The client of Stripe, as the settings say; one for a process, so that all share its limits.

use super::{
    error::{Code, Error},
    ids::Random,
};
use crate::config::Config;
use purser_rules::Time;
use purser_stripe::{Client, Limits, Seconds, Secret, Settings};

/// The client as the app keeps it; none without a key.
#[derive(Clone)]
pub struct Stripe(Option<Client>);

impl Stripe {
    /// Keeps `client`.
    #[must_use]
    pub const fn new(client: Option<Client>) -> Self {
        Self(client)
    }

    /// The client, if there is one.
    #[must_use]
    pub const fn client(&self) -> Option<&Client> {
        self.0.as_ref()
    }
}

impl std::fmt::Debug for Stripe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stripe({})", if self.0.is_some() { "a client" } else { "none" })
    }
}

impl From<purser_stripe::Error> for Error {
    /// Whether it is worth trying again is what a caller must know; Stripe's own words are for operators.
    fn from(error: purser_stripe::Error) -> Self {
        use purser_stripe::Error as Stripe;
        if is_of_our_key(&error) {
            let message =
                "Stripe does not take the key in STRIPE_SECRET_KEY, or not for this; `purser doctor` says more.";
            return Self::new(Code::StripeUnavailable, format!("{message} ({error})"));
        }
        let code = match &error {
            Stripe::RateLimited { .. } | Stripe::Unanswered { .. } | Stripe::BreakerOpen { .. } | Stripe::Busy => {
                Code::StripeUnavailable
            }
            Stripe::Refused(refused) if needs_payer(refused.code.as_deref()) => Code::PaymentActionRequired,
            Stripe::Refused(refused) if refused.is_declined() => Code::PaymentDeclined,
            Stripe::Refused(_)
            | Stripe::NotUnderstood { .. }
            | Stripe::Gone { .. }
            | Stripe::KeyTooOld
            | Stripe::Unfit(_) => Code::StripeRefused,
        };
        Self::new(code, format!("{error}."))
    }
}

/// The instant of a second of Stripe's.
#[must_use]
pub const fn instant(at: Seconds) -> Time {
    Time::from_micros(0).plus_seconds(at)
}

/// Whole seconds since 1970, as Stripe has them.
#[must_use]
pub const fn seconds(at: Time) -> Seconds {
    at.micros().div_euclid(1_000_000)
}

/// Whether Stripe does not take our key, or not for this: it was revoked, has expired, is none, or lacks a right. That
/// is nothing of the request, which is good again with a good key, as after Stripe was away.
#[must_use]
pub fn is_of_our_key(error: &purser_stripe::Error) -> bool {
    matches!(error, purser_stripe::Error::Refused(refused) if refused.is_of_our_key())
}

/// Whether a refusal says that the payer must confirm the payment.
/// Source: <https://docs.stripe.com/error-codes>
fn needs_payer(code: Option<&str>) -> bool {
    matches!(code, Some("authentication_required" | "subscription_payment_intent_requires_action"))
}

/// The client, if there is a key.
///
/// # Errors
/// A sentence that says what is wrong with the key or the address.
pub fn client(config: &Config, random: &Random, limits: Limits) -> Result<Option<Client>, String> {
    let Some(key) = config.stripe_secret_key.as_ref().and_then(|key| Secret::new(key.reveal())) else {
        return Ok(None);
    };
    let random = random.clone();
    // Any half of a random number is one.
    let random = Box::new(move || u64::try_from(random.number() >> 64).unwrap_or_default());
    let settings = Settings { base: config.stripe_api_base.clone(), key, limits, random };
    Client::new(settings).map(Some).map_err(|why| format!("Stripe cannot be used: {why}."))
}

#[cfg(test)]
mod tests {
    use super::{Code, Error};
    use purser_stripe::Refused;

    #[test]
    fn what_is_of_our_key_waits_for_a_good_one() {
        let table = [
            (401, Code::StripeUnavailable),
            (403, Code::StripeUnavailable),
            (400, Code::StripeRefused),
            (404, Code::StripeRefused),
        ];
        for (status, expected) in table {
            let refused = Refused { status, ..Refused::default() };
            let error = Error::from(purser_stripe::Error::Refused(Box::new(refused)));
            assert_eq!(error.code, expected, "{status}");
        }
    }
}
