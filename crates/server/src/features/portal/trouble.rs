//! What went wrong, said to a customer: what happened, and a way on. No word of Stripe's or of ours from within.

use super::reply;
use crate::platform::{
    db::DbError,
    error::{Code, Error, Kind},
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// Why there is no page.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// Nobody was let in, or the link or the visit is over.
    NotIn,
    /// The customer is archived.
    Closed,
    /// There is no such page.
    NoPage,
    /// The form is not one of this visit's.
    Foreign,
    /// What a verb says.
    Failed(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.code {
            Code::CustomerArchived | Code::UnknownCustomer => Self::Closed,
            _ => Self::Failed(error),
        }
    }
}

impl From<DbError> for Trouble {
    fn from(error: DbError) -> Self {
        Error::from(error).into()
    }
}

/// What is said of something that no page offers.
pub(super) fn not_offered(param: &'static str) -> Trouble {
    Error::new(Code::NotForSale, "The billing pages do not sell this.").about(param).into()
}

/// A page that says something: its status, its title, its text, and whether the overview is the way on.
type Said = (StatusCode, &'static str, &'static str, bool);

impl Trouble {
    fn said(&self) -> Said {
        match self {
            Self::NotIn => (
                StatusCode::UNAUTHORIZED,
                "This link has expired",
                "For your safety a billing page closes after a while. Open it from the app again.",
                false,
            ),
            Self::Closed => (
                StatusCode::NOT_FOUND,
                "This account is closed",
                "There is nothing to see here any more. Ask the seller if that is wrong.",
                false,
            ),
            Self::NoPage => {
                (StatusCode::NOT_FOUND, "There is no such page", "The address may be mistyped, or old.", true)
            }
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "Please try again",
                "This did not come from the page you have open now, so nothing was done.",
                true,
            ),
            Self::Failed(error) => failed(error),
        }
    }
}

/// What is said of an error.
fn failed(error: &Error) -> Said {
    let status = StatusCode::from_u16(error.code.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (title, message) = match (error.code, error.code.kind()) {
        (Code::StripeUnavailable, _) => (
            "Payments do not answer just now",
            "Nothing was bought or changed by this. What you have stays as it is. Try again in a minute.",
        ),
        (Code::StripeNotConfigured | Code::PortalNotConfigured, _) => {
            ("Payments are not set up yet", "Nothing can be bought here so far. Ask the seller.")
        }
        (Code::NotForSale | Code::UnknownPlan | Code::UnknownTopUpPlan, _) => {
            ("This is not sold here", "Nothing was bought or changed. Look at what is sold now.")
        }
        (Code::PaymentDeclined | Code::PaymentActionRequired, _) => {
            ("Your bank did not pay", "Nothing was changed. Choose another way to pay under Billing, and try again.")
        }
        (Code::SubscriptionEnding, _) => {
            ("Your plan is cancelled", "It stays as it is until it ends. Keep it first, under Plans, then change it.")
        }
        (Code::CheckoutNotYours, _) => ("There is no such payment", "No payment of yours has this address."),
        (Code::UnmappedPrice, _) => (
            "Your payment arrived",
            "What you bought could not be given yet. The seller was told, and you need not pay again.",
        ),
        (_, Kind::Unavailable | Kind::RateLimited) => {
            ("That takes a little longer", "Nothing was lost. Try again in a minute.")
        }
        (_, Kind::Internal) => {
            ("Something went wrong", "That is our fault, not yours. Try again, and tell the seller if it stays so.")
        }
        _ => ("That did not work", "Nothing was changed. Go back and look whether what you see is still so."),
    };
    (status, title, message, true)
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (status, title, message, home) = self.said();
        let mut response = reply::notice(title, message, home.then_some(("/billing", "To your billing page")));
        *response.status_mut() = status;
        if let Self::Failed(error) = &self {
            // What it says may hold an address that lets whoever reads it into the customer's portal.
            tracing::info!(code = error.code.as_str(), "a page of the portal was refused");
            if let Some(seconds) = error.retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fmt::Debug,
        sync::{Arc, Mutex},
    };
    use tracing::{
        Event, Metadata, Subscriber,
        field::{Field, Visit},
        span,
    };

    /// All that is logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<String>>);

    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.push_str(&format!(" {field}={value:?}"));
        }
    }

    impl Subscriber for Log {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut fields = Fields(String::new());
            event.record(&mut fields);
            self.0.lock().expect("not poisoned").push_str(&fields.0);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn the_way_to_stripes_portal_that_an_error_names_is_not_logged() {
        let way = "https://billing.stripe.com/p/session/secret";
        let error = Error::new(Code::PaymentDeclined, format!("The bank declined. Choose another card at {way}."));
        let log = Log::default();
        let _logs = tracing::subscriber::set_default(log.clone());
        let response = Trouble::from(error).into_response();
        assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED);
        let said = log.0.lock().expect("not poisoned").clone();
        assert!(said.contains("payment_declined") && !said.contains("billing.stripe.com"), "{said}");
    }
}
