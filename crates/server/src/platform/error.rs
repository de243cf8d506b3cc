//! What can go wrong, and the one place that says it as problem JSON: refused, unavailable, or a bug.

use super::db::DbError;
use purser_rules::{Amount, credit::Refusal};

/// An error as an API caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The documented code; type and status follow from it.
    pub code: Code,
    /// What happened and what to do, in one or two sentences.
    pub message: String,
    /// The field, parameter or header it is about.
    pub param: Option<String>,
    /// Figures a caller may need: `needed`, `available`, `debt` …
    pub figures: Vec<(&'static str, Amount)>,
    /// Seconds after which to try again, for 429 and 503.
    pub retry_after: Option<u32>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $kind:ident;)*) => {
        /// Every code an error can have; a closed list, documented in the guide.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it stands in `error.code`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// As it stands in `error.type`; the status follows from it.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)* }
            }
        }
    };
}

/// The types of error, each with its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 400: the request is wrong as it stands.
    InvalidRequest,
    /// 401: no key, or not one we know.
    Authentication,
    /// 402: paying cures it.
    PaymentRequired,
    /// 403: the key's role does not allow it.
    Permission,
    /// 404: no such thing.
    NotFound,
    /// 409: it contradicts what there is.
    Conflict,
    /// 429: too much; try later.
    RateLimited,
    /// 503: try again.
    Unavailable,
    /// 500: a bug of ours.
    Internal,
}

impl Kind {
    /// As it stands in `error.type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Authentication => "authentication",
            Self::PaymentRequired => "payment_required",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Authentication => 401,
            Self::PaymentRequired => 402,
            Self::Permission => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

codes! {
    /// A field has the wrong type or a value out of range.
    InvalidField = "invalid_field", InvalidRequest;
    /// A required field is missing.
    MissingField = "missing_field", InvalidRequest;
    /// A field this route does not know.
    UnknownField = "unknown_field", InvalidRequest;
    /// A field stands twice.
    DuplicateField = "duplicate_field", InvalidRequest;
    /// An amount with more than six decimals.
    AmountTooPrecise = "amount_too_precise", InvalidRequest;
    /// An amount over 999,999,999.999999.
    AmountTooLarge = "amount_too_large", InvalidRequest;
    /// An amount that must be more than nothing.
    AmountNotPositive = "amount_not_positive", InvalidRequest;
    /// The body is no JSON.
    InvalidJson = "invalid_json", InvalidRequest;
    /// The body is not of a content type this route takes.
    UnsupportedContentType = "unsupported_content_type", InvalidRequest;
    /// The body is over the limit.
    BodyTooLarge = "body_too_large", InvalidRequest;
    /// The body of a webhook is compressed or otherwise encoded.
    EncodedBody = "encoded_body", InvalidRequest;
    /// The credit pack would not carry the customer over the threshold.
    PackTooSmall = "pack_too_small", InvalidRequest;
    /// What was sent as a webhook is not signed by Stripe for us, or not now.
    InvalidSignature = "invalid_signature", InvalidRequest;
    /// What was sent as a webhook is signed, and no event.
    NoEvent = "no_event", InvalidRequest;
    /// An event of live mode where the key is of test mode, or the other way round.
    WrongMode = "wrong_mode", InvalidRequest;
    /// A write without an idempotency key.
    MissingIdempotencyKey = "missing_idempotency_key", InvalidRequest;
    /// No API key was sent.
    MissingApiKey = "missing_api_key", Authentication;
    /// The API key is unknown, revoked or expired.
    InvalidApiKey = "invalid_api_key", Authentication;
    /// The key's role does not allow this.
    RoleNotAllowed = "role_not_allowed", Permission;
    /// The wallet has less than needed.
    InsufficientCredits = "insufficient_credits", PaymentRequired;
    /// Debt is owed.
    DebtOutstanding = "debt_outstanding", PaymentRequired;
    /// Overage is not sold to this customer.
    OverageNotSold = "overage_not_sold", PaymentRequired;
    /// The period's hard limit is reached.
    CapReached = "cap_reached", PaymentRequired;
    /// A bank declined the payment.
    PaymentDeclined = "payment_declined", PaymentRequired;
    /// The payer must confirm the payment with the bank.
    PaymentActionRequired = "payment_action_required", PaymentRequired;
    /// No customer has this id.
    UnknownCustomer = "unknown_customer", NotFound;
    /// No grant has this id.
    UnknownGrant = "unknown_grant", NotFound;
    /// No hold has this id.
    UnknownHold = "unknown_hold", NotFound;
    /// No consumption has this id.
    UnknownConsumption = "unknown_consumption", NotFound;
    /// No API key has this id.
    UnknownKey = "unknown_key", NotFound;
    /// No event of Stripe's has this id.
    UnknownEvent = "unknown_event", NotFound;
    /// No subscription plan has this id.
    UnknownPlan = "unknown_plan", NotFound;
    /// No top-up plan has this id.
    UnknownTopUpPlan = "unknown_top_up_plan", NotFound;
    /// No notification has this id.
    UnknownNotification = "unknown_notification", NotFound;
    /// The plan has no such price.
    PlanWithoutPrice = "plan_without_price", NotFound;
    /// This customer has no subscription, or not this one.
    NoSubscription = "no_subscription", NotFound;
    /// This customer has no such checkout session.
    CheckoutNotYours = "checkout_not_yours", NotFound;
    /// The customer has not agreed to auto top-up.
    UnknownAutoTopUp = "unknown_auto_top_up", NotFound;
    /// No route has this path.
    UnknownRoute = "unknown_route", NotFound;
    /// The path exists, the method does not (answered with status 405 and `Allow`).
    MethodNotAllowed = "method_not_allowed", InvalidRequest;
    /// The same key came with another request.
    IdempotencyMismatch = "idempotency_mismatch", Conflict;
    /// The same source gave a grant with other terms.
    GrantTermsDiffer = "grant_terms_differ", Conflict;
    /// The hold ran out.
    HoldExpired = "hold_expired", Conflict;
    /// The hold was captured or released.
    HoldClosed = "hold_closed", Conflict;
    /// The customer is archived.
    CustomerArchived = "customer_archived", Conflict;
    /// The customer has a subscription that has not ended, or may pay for one yet.
    SubscriptionLive = "subscription_live", Conflict;
    /// More would be returned than was spent.
    ReturnExceedsSpend = "return_exceeds_spend", Conflict;
    /// More would be revoked than is available.
    RevokeExceedsAvailable = "revoke_exceeds_available", Conflict;
    /// More would be forgiven than is owed.
    ForgiveExceedsDebt = "forgive_exceeds_debt", Conflict;
    /// The wallet's total would be too large.
    TotalTooLarge = "total_too_large", Conflict;
    /// What an event said was forgotten after its time.
    PayloadForgotten = "payload_forgotten", Conflict;
    /// Stripe refused what was asked of it.
    StripeRefused = "stripe_refused", Conflict;
    /// There is no key of Stripe's.
    StripeNotConfigured = "stripe_not_configured", Conflict;
    /// There is no secret to sign links of the portal with.
    PortalNotConfigured = "portal_not_configured", Conflict;
    /// The family has this version already, with another content.
    PlanVersionExists = "plan_version_exists", Conflict;
    /// The family is of another group or kind.
    PlanFamilyDiffers = "plan_family_differs", Conflict;
    /// The plan is archived.
    PlanArchived = "plan_archived", Conflict;
    /// The plan is the default of its group.
    PlanIsDefault = "plan_is_default", Conflict;
    /// The Stripe price sells something else.
    StripePriceTaken = "stripe_price_taken", Conflict;
    /// The Stripe product is another family's.
    StripeProductTaken = "stripe_product_taken", Conflict;
    /// What was asked for is not sold.
    NotForSale = "not_for_sale", Conflict;
    /// The customer has a plan of the group already.
    AlreadySubscribed = "already_subscribed", Conflict;
    /// Stripe knows of nothing saved to pay with.
    NoPaymentMethod = "no_payment_method", Conflict;
    /// What was paid for is in no price book.
    UnmappedPrice = "unmapped_price", Conflict;
    /// The subscription has ended.
    SubscriptionEnded = "subscription_ended", Conflict;
    /// The end of the subscription is agreed on.
    SubscriptionEnding = "subscription_ending", Conflict;
    /// There is no agreed end or change to take back.
    NothingToResume = "nothing_to_resume", Conflict;
    /// Another change of the subscription is under way.
    ChangeInProgress = "change_in_progress", Conflict;
    /// The change would lose usage that is not billed yet.
    UsageWouldBeLost = "usage_would_be_lost", Conflict;
    /// The Stripe customer is another customer's.
    StripeCustomerTaken = "stripe_customer_taken", Conflict;
    /// 256 holds are open.
    TooManyHolds = "too_many_holds", RateLimited;
    /// The key or address sent too much.
    RateLimited = "rate_limited", RateLimited;
    /// The database does not answer.
    DatabaseUnavailable = "database_unavailable", Unavailable;
    /// The disk, or the database's page limit, is full.
    DatabaseFull = "database_full", Unavailable;
    /// This node's clock is over 500 ms off the database's.
    ClockSkewed = "clock_skewed", Unavailable;
    /// Too much is waiting already.
    Overloaded = "overloaded", Unavailable;
    /// Stripe does not answer, limits our rate, or does not take our key.
    StripeUnavailable = "stripe_unavailable", Unavailable;
    /// The request took too long.
    TimedOut = "timed_out", Unavailable;
    /// A bug of ours.
    Internal = "internal", Internal;
}

impl Error {
    /// An error of `code` that says `message`.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let retry_after = match code.kind() {
            Kind::RateLimited | Kind::Unavailable => Some(1),
            _ => None,
        };
        Self { code, message: message.into(), param: None, figures: Vec::new(), retry_after }
    }

    /// The same, about `param`.
    #[must_use]
    pub fn about(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same, with a figure.
    #[must_use]
    pub fn with(mut self, name: &'static str, amount: Amount) -> Self {
        self.figures.push((name, amount));
        self
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match &error {
            DbError::Unavailable(_) => {
                Self::new(Code::DatabaseUnavailable, "The database does not answer. Try again with the same key.")
            }
            DbError::Full => Self::new(
                Code::DatabaseFull,
                "The database is full: writes are refused until there is room. Reads go on.",
            ),
            DbError::ClockSkewed => Self::new(
                Code::ClockSkewed,
                "This node's clock is more than 500 ms off the database's, so it does not write. Try again.",
            ),
            DbError::Overloaded => Self::new(Code::Overloaded, "Too much is waiting. Try again with the same key."),
            DbError::Conflict(_) | DbError::Schema(_) | DbError::Bug(_) => {
                // A caller is not told what; without this line nobody would ever know.
                tracing::error!(%error, "a unit failed");
                Self::new(
                    Code::Internal,
                    "Something went wrong on our side. Try again with the same key, and report the request id if it \
                     stays.",
                )
            }
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InsufficientCredits { needed, available } => {
                let hint = if available.is_positive() { ", or ask for mode `partial`" } else { "" };
                let message = format!("{needed} needed, {available} available. Add credits{hint}.");
                Self::new(Code::InsufficientCredits, message).with("needed", needed).with("available", available)
            }
            Refusal::DebtOutstanding { debt } => Self::new(
                Code::DebtOutstanding,
                format!("The customer owes {debt} after a refund or dispute. New credits pay it first."),
            )
            .with("debt", debt),
            Refusal::OverageNotSold => {
                Self::new(Code::OverageNotSold, "Mode `overflow` needs overage to be allowed for this customer.")
                    .about("mode")
            }
            Refusal::CapReached { limit, used } => {
                Self::new(Code::CapReached, format!("The cap of {limit} is reached: {used} used in this period."))
                    .with("limit", limit)
                    .with("used", used)
            }
            Refusal::TooManyHolds => {
                Self::new(Code::TooManyHolds, "256 holds are open. Capture or release some first.")
            }
            Refusal::HoldExpired => Self::new(Code::HoldExpired, "The hold ran out and freed itself."),
            Refusal::HoldClosed => Self::new(Code::HoldClosed, "The hold was captured or released already."),
            Refusal::GrantTermsDiffer { term } => Self::new(
                Code::GrantTermsDiffer,
                format!("This source already gave a grant with another `{term}`. Use a new source_id for a new grant."),
            )
            .about(term),
            Refusal::TotalTooLarge => {
                Self::new(Code::TotalTooLarge, "The wallet's total would be over 999,999,999.999999.").about("amount")
            }
            Refusal::ReturnExceedsSpend { returnable } => {
                Self::new(Code::ReturnExceedsSpend, format!("Only {returnable} can still be returned."))
                    .about("amount")
                    .with("returnable", returnable)
            }
            Refusal::RevokeExceedsAvailable { available } => {
                Self::new(Code::RevokeExceedsAvailable, format!("Only {available} of the grant is available."))
                    .about("amount")
                    .with("available", available)
            }
            Refusal::ForgiveExceedsDebt { debt } => {
                Self::new(Code::ForgiveExceedsDebt, format!("The customer owes only {debt}."))
                    .about("amount")
                    .with("debt", debt)
            }
        }
    }
}
