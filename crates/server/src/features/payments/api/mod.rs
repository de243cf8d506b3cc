//! The routes of payments: what they take, who may call them, what they answer.

mod auto_top_up;
pub mod fields;
mod purchases;

pub use auto_top_up::{
    __path_get_auto_top_up, __path_put_auto_top_up, __path_remove_auto_top_up, __path_resume_auto_top_up,
    get_auto_top_up, put_auto_top_up, remove_auto_top_up, resume_auto_top_up,
};
pub use purchases::{__path_list, __path_portal, list, portal};

use super::{
    CheckoutRequest, PackName, Wanted,
    answers::VerificationView,
    checkout::{self, OpenSession},
    verify::verify as verify_session,
};
use crate::{
    features::pricebook::api::fields::{CurrencyText, StripePriceName},
    platform::{
        App,
        auth::{Caller, Service},
        error::{Code, Error},
        http::{Body, CustomerName, Instant, WriteErrors, fields::GivenCustomer},
    },
};
use axum::{Json, extract::State};
use fields::{PackText, Quantity, SessionName, WebAddress};
use purser_rules::{
    ids::CustomerId,
    pricebook::{Currency, Name},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a checkout is for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutPurpose {
    /// A credit pack is bought.
    #[default]
    TopUp,
    /// A plan is subscribed to.
    Subscription,
    /// A payment method is kept for later; nothing is paid.
    Setup,
}

/// A checkout to open.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCheckout {
    customer_id: GivenCustomer,
    /// What for; `top_up` unless given.
    #[serde(default)]
    purpose: CheckoutPurpose,
    /// The pack: its id, or your own name for it. Needed for `top_up`.
    top_up_plan: Option<PackText>,
    /// The plan's price at Stripe. Needed for `subscription`.
    price: Option<StripePriceName>,
    /// How many packs or seats; 1 unless given. A metered price has none.
    quantity: Option<Quantity>,
    /// The currency of a `setup`; `usd` unless given.
    currency: Option<CurrencyText>,
    /// Where the payer goes afterwards; `{CHECKOUT_SESSION_ID}` in it becomes the session's id.
    success_url: WebAddress,
    /// Where a payer goes who gives up.
    cancel_url: Option<WebAddress>,
}

/// A session that waits for its payer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CheckoutView {
    /// Always `checkout`.
    #[schema(value_type = String, pattern = "^checkout$")]
    object: &'static str,
    /// Stripe's id of it: `cs_…`.
    session_id: String,
    customer_id: CustomerName,
    purpose: CheckoutPurpose,
    /// Where the payer goes.
    url: String,
    /// When it ends by itself.
    expires_at: Instant,
}

/// A session to verify.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    customer_id: GivenCustomer,
    session_id: SessionName,
}

impl NewCheckout {
    /// What is wanted.
    ///
    /// # Errors
    /// `missing_field` for what its purpose needs, `invalid_field` for what belongs to another one.
    fn wanted(&self) -> Result<Wanted, Error> {
        let quantity = self.quantity.map_or(1, |quantity| i64::from(quantity.0));
        let belongs = [
            ("top_up_plan", self.top_up_plan.is_some(), matches!(self.purpose, CheckoutPurpose::TopUp)),
            ("price", self.price.is_some(), matches!(self.purpose, CheckoutPurpose::Subscription)),
            ("quantity", self.quantity.is_some(), !matches!(self.purpose, CheckoutPurpose::Setup)),
            ("currency", self.currency.is_some(), matches!(self.purpose, CheckoutPurpose::Setup)),
        ];
        if let Some((field, ..)) = belongs.into_iter().find(|(_, given, fits)| *given && !*fits) {
            return Err(Error::new(Code::InvalidField, "It belongs to another purpose. Leave it out.").about(field));
        }
        match self.purpose {
            CheckoutPurpose::TopUp => {
                let pack = self.top_up_plan.as_ref().ok_or_else(|| missing("top_up_plan"))?;
                Ok(Wanted::TopUp(pack_name(pack.as_str())?, quantity))
            }
            CheckoutPurpose::Subscription => {
                let price = self.price.as_ref().ok_or_else(|| missing("price"))?;
                Ok(Wanted::Subscription(price.as_str().to_owned(), quantity))
            }
            CheckoutPurpose::Setup => {
                let given = self.currency.as_ref().map(|currency| Ok(currency.0.clone()));
                let usual = || Currency::new("usd").map_err(|_| Error::new(Code::Internal, "usd is no currency"));
                Ok(Wanted::Setup(given.unwrap_or_else(usual)?))
            }
        }
    }
}

fn missing(field: &'static str) -> Error {
    Error::new(Code::MissingField, format!("`{field}` is missing.")).about(field)
}

/// The pack that `text` names: an id, or a name of the app's.
fn pack_name(text: &str) -> Result<PackName, Error> {
    if let Ok(id) = text.parse() {
        return Ok(PackName::Id(id));
    }
    let unknown = |_| {
        Error::new(Code::UnknownTopUpPlan, format!("No top-up plan has the id or the name `{text}`."))
            .about("top_up_plan")
    };
    Name::new(text).map(PackName::Name).map_err(unknown)
}

/// Opens a checkout at Stripe, or answers the one that is open: a customer has one for each purpose at a time. Asked
/// for something else, the open one is ended first.
///
/// # Errors
/// 404 `unknown_customer`, `unknown_top_up_plan`, `unknown_plan`; 409 `not_for_sale`, `already_subscribed`,
/// `stripe_refused`; 503 `stripe_unavailable`.
#[utoipa::path(post, path = "/checkout", operation_id = "open_checkout", tag = "payments", request_body = NewCheckout,
    responses((status = 200, description = "The session to send the payer to", body = CheckoutView), WriteErrors))]
pub async fn open(
    State(app): State<App>,
    caller: Caller<Service>,
    Body(asked): Body<NewCheckout>,
) -> Result<Json<CheckoutView>, Error> {
    let (purpose, wanted) = (asked.purpose, asked.wanted()?);
    let customer: CustomerId = asked.customer_id.0;
    let request = CheckoutRequest {
        customer: customer.clone(),
        wanted,
        success_url: asked.success_url.into_string(),
        cancel_url: asked.cancel_url.map(WebAddress::into_string),
    };
    let OpenSession { id, url, expires_at } = checkout::open(&app, &caller.actor, &request).await?;
    Ok(Json(CheckoutView {
        object: "checkout",
        session_id: id,
        customer_id: CustomerName(customer),
        purpose,
        url,
        expires_at: expires_at.into(),
    }))
}

/// Says what came of a session, and gives what it paid for unless that was done: for the page a payer returns to.
///
/// # Errors
/// 404 `unknown_customer`, `checkout_not_yours`; 409 `unmapped_price`; 503 `stripe_unavailable`.
#[utoipa::path(post, path = "/checkout/verify", operation_id = "verify_checkout", tag = "payments",
    request_body = Verification,
    responses((status = 200, description = "What came of it", body = VerificationView), WriteErrors))]
pub async fn verify(
    State(app): State<App>,
    caller: Caller<Service>,
    Body(asked): Body<Verification>,
) -> Result<Json<VerificationView>, Error> {
    let (customer, session) = (asked.customer_id.0, asked.session_id.into_string());
    let found = verify_session(&app, &caller.actor, &customer, &session).await?;
    Ok(Json(VerificationView::new(session, customer, found)))
}
