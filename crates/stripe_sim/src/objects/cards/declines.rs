//! Why a payment is refused, and how Stripe says it.
//!
//! Codes: <https://docs.stripe.com/declines/codes>; advice codes: <https://docs.stripe.com/declines>. The texts of the
//! cards and all of `Generic` and `AuthenticationRequired` were recorded by others in Stripe's test mode; network codes
//! beyond `Generic` and `Expired` are those of ISO 8583; the texts of bank debits are from memory of Stripe's pages.

use crate::error::ApiError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Why a payment is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Decline {
    Generic,
    InsufficientFunds,
    LostCard,
    StolenCard,
    VelocityExceeded,
    ExpiredCard,
    IncorrectCvc,
    ProcessingError,
    IncorrectNumber,
    /// Stripe itself stops it as too risky.
    Blocked,
    /// No test card.
    LiveCard,
    /// The holder has to prove to be the holder, and is not there.
    AuthenticationRequired,
    /// Of a bank debit, as all that follow.
    AccountClosed,
    NoAccount,
    DebitInsufficientFunds,
    DebitNotAuthorized,
    InvalidCurrency,
    ExceedsSourceLimit,
    ExceedsWeeklyLimit,
    CouldNotProcess,
}

/// How it is said.
struct Said {
    code: &'static str,
    decline_code: Option<&'static str>,
    message: &'static str,
    /// The parameter that is wrong, where a card is attached or set up.
    param: Option<&'static str>,
    advice: Option<&'static str>,
    network: Option<&'static str>,
}

const AGAIN: Option<&str> = Some("try_again_later");
const NEVER: Option<&str> = Some("do_not_try_again");
const CHECK: Option<&str> = Some("confirm_card_data");

const DECLINED: &str = "Your card was declined.";

/// A card that the bank declines.
const fn card(decline_code: &'static str, message: &'static str) -> Said {
    Said { code: "card_declined", decline_code: Some(decline_code), message, param: None, advice: None, network: None }
}

/// A fault that has a code of its own.
const fn fault(code: &'static str, message: &'static str) -> Said {
    Said { code, decline_code: Some(code), message, param: None, advice: None, network: None }
}

/// A debit that the bank sends back.
const fn debit(code: &'static str, message: &'static str) -> Said {
    Said { code, decline_code: None, message, param: None, advice: None, network: None }
}

impl Decline {
    const fn said(self) -> Said {
        match self {
            Self::Generic => Said { advice: AGAIN, network: Some("01"), ..card("generic_decline", DECLINED) },
            Self::InsufficientFunds => Said {
                advice: AGAIN,
                network: Some("51"),
                ..card("insufficient_funds", "Your card has insufficient funds.")
            },
            Self::LostCard => Said { advice: NEVER, network: Some("41"), ..card("lost_card", DECLINED) },
            Self::StolenCard => Said { advice: NEVER, network: Some("43"), ..card("stolen_card", DECLINED) },
            Self::VelocityExceeded => Said {
                advice: AGAIN,
                network: Some("65"),
                ..card(
                    "card_velocity_exceeded",
                    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
                )
            },
            Self::ExpiredCard => Said {
                param: Some("exp_month"),
                advice: NEVER,
                network: Some("54"),
                ..fault("expired_card", "Your card has expired.")
            },
            Self::IncorrectCvc => Said {
                param: Some("cvc"),
                advice: CHECK,
                ..fault("incorrect_cvc", "Your card's security code is incorrect.")
            },
            Self::ProcessingError => Said {
                advice: AGAIN,
                ..fault("processing_error", "An error occurred while processing your card. Try again in a little bit.")
            },
            Self::IncorrectNumber => Said {
                decline_code: None,
                param: Some("number"),
                advice: CHECK,
                ..fault("incorrect_number", "Your card number is incorrect.")
            },
            Self::Blocked => Said { advice: NEVER, ..card("fraudulent", DECLINED) },
            Self::LiveCard => card(
                "test_mode_live_card",
                "Your card was declined. Your request was in test mode, but used a non test (live) card. For a list of \
                 valid test cards, visit: https://stripe.com/docs/testing.",
            ),
            Self::AuthenticationRequired => {
                fault("authentication_required", "Your card was declined. This transaction requires authentication.")
            }
            Self::AccountClosed => debit("account_closed", "The customer's bank account has been closed."),
            Self::NoAccount => debit("no_account", "The customer's bank account could not be located."),
            Self::DebitInsufficientFunds => {
                debit("insufficient_funds", "The customer's account has insufficient funds to cover this payment.")
            }
            Self::DebitNotAuthorized => debit(
                "debit_not_authorized",
                "The customer has notified their bank that this payment was unauthorized.",
            ),
            Self::InvalidCurrency => debit(
                "invalid_currency",
                "The bank was unable to process this payment because of its currency. This may be because the bank \
                 account can not accept payments in that currency.",
            ),
            Self::ExceedsSourceLimit => debit(
                "charge_exceeds_source_limit",
                "This payment exceeds the rolling limit of what can be debited from this bank account.",
            ),
            Self::ExceedsWeeklyLimit => debit(
                "charge_exceeds_weekly_limit",
                "This payment exceeds the weekly limit of what can be debited from this bank account.",
            ),
            Self::CouldNotProcess => {
                debit("payment_intent_payment_attempt_failed", "The customer's bank could not process this payment.")
            }
        }
    }

    /// The code, such as `card_declined`.
    pub const fn code(self) -> &'static str {
        self.said().code
    }

    /// The text.
    pub const fn message(self) -> &'static str {
        self.said().message
    }

    /// The refusal of a payment.
    pub fn error(self) -> ApiError {
        let said = self.said();
        let refusal = ApiError::invalid(said.message).code(said.code).status(402);
        let mut error = ApiError { kind: "card_error", ..refusal };
        let more =
            [("advice_code", said.advice), ("decline_code", said.decline_code), ("network_decline_code", said.network)];
        for (name, value) in more {
            if let Some(value) = value {
                error = error.with(name, value);
            }
        }
        error
    }

    /// The refusal of a card that is set up: it names what is wrong, where one thing is.
    pub fn setup_error(self) -> ApiError {
        match self.said().param {
            Some(param) => self.error().at(param),
            None => self.error(),
        }
    }

    /// The refusal of a card that is attached: it names a parameter in any case, if need be an empty one.
    pub fn attach_error(self) -> ApiError {
        self.error().at(self.said().param.unwrap_or(""))
    }

    /// What a charge says came of it.
    pub fn outcome(self, risk: &str, score: u64) -> Value {
        let said = self.said();
        if self == Self::Blocked {
            return json!({
                "advice_code": said.advice,
                "network_advice_code": null,
                "network_decline_code": null,
                "network_status": "not_sent_to_network",
                "reason": "highest_risk_level",
                "risk_level": "highest",
                "risk_score": score,
                "seller_message": "Stripe blocked this charge as too risky.",
                "type": "blocked",
            });
        }
        let reason = said.decline_code.unwrap_or(said.code);
        let message = if self == Self::Generic {
            "The bank did not return any further details with this decline.".to_owned()
        } else {
            format!("The bank returned the decline code `{reason}`.")
        };
        json!({
            "advice_code": said.advice,
            "network_advice_code": (self == Self::ExpiredCard).then_some("01"),
            "network_decline_code": said.network,
            "network_status": "declined_by_network",
            "reason": reason,
            "risk_level": risk,
            "risk_score": score,
            "seller_message": message,
            "type": "issuer_declined",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Decline;
    use serde_json::json;

    #[test]
    fn the_generic_decline_is_said_as_recorded() {
        let error = Decline::Generic.error();
        assert_eq!(error.status, 402);
        let expected = json!({ "error": {
            "advice_code": "try_again_later",
            "code": "card_declined",
            "decline_code": "generic_decline",
            "doc_url": "https://stripe.com/docs/error-codes/card-declined",
            "message": "Your card was declined.",
            "network_decline_code": "01",
            "type": "card_error",
        } });
        assert_eq!(error.body(), expected);
        assert_eq!(Decline::Generic.attach_error().param.as_deref(), Some(""));
        assert_eq!(Decline::Generic.setup_error().param, None);
    }

    #[test]
    fn codes_and_parameters() {
        let table = [
            (Decline::InsufficientFunds, "card_declined", Some("insufficient_funds"), None),
            (Decline::LostCard, "card_declined", Some("lost_card"), None),
            (Decline::StolenCard, "card_declined", Some("stolen_card"), None),
            (Decline::VelocityExceeded, "card_declined", Some("card_velocity_exceeded"), None),
            (Decline::ExpiredCard, "expired_card", Some("expired_card"), Some("exp_month")),
            (Decline::IncorrectCvc, "incorrect_cvc", Some("incorrect_cvc"), Some("cvc")),
            (Decline::ProcessingError, "processing_error", Some("processing_error"), None),
            (Decline::IncorrectNumber, "incorrect_number", None, Some("number")),
            (Decline::Blocked, "card_declined", Some("fraudulent"), None),
            (Decline::AuthenticationRequired, "authentication_required", Some("authentication_required"), None),
            (Decline::AccountClosed, "account_closed", None, None),
        ];
        for (decline, code, decline_code, param) in table {
            let error = decline.setup_error();
            assert_eq!(error.code.as_deref(), Some(code), "{decline:?}");
            assert_eq!(error.more.get("decline_code").and_then(|code| code.as_str()), decline_code, "{decline:?}");
            assert_eq!(error.param.as_deref(), param, "{decline:?}");
        }
    }

    #[test]
    fn outcomes_name_who_refused() {
        let table = [
            (Decline::Generic, "issuer_declined", "The bank did not return any further details with this decline."),
            (Decline::ExpiredCard, "issuer_declined", "The bank returned the decline code `expired_card`."),
            (Decline::Blocked, "blocked", "Stripe blocked this charge as too risky."),
        ];
        for (decline, kind, message) in table {
            let outcome = decline.outcome("normal", 3);
            assert_eq!((outcome["type"].as_str(), outcome["seller_message"].as_str()), (Some(kind), Some(message)));
        }
    }
}
