//! `/customers/{id}/portal_link`: a way in for a customer, which the app hands to it.

use super::enter;
use crate::platform::{
    App,
    auth::{Caller, Service},
    error::Error,
    http::{
        CustomerName, Instant, MaybeBody, Path, WriteErrors,
        fields::{invalid, whole},
    },
};
use axum::{Json, extract::State};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

/// How long a link serves unless it is said, in seconds.
const USUAL: i64 = 600;

/// How long a link serves: 60–86,400 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSeconds(i64);

impl<'de> Deserialize<'de> for LinkSeconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = whole(from)?;
        if (60..=86_400).contains(&given) { Ok(Self(given)) } else { Err(invalid("It must be 60 to 86400.")) }
    }
}

impl PartialSchema for LinkSeconds {
    fn schema() -> RefOr<Schema> {
        let whole = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(60)).maximum(Some(86_400));
        whole.description(Some("How long the link serves, in seconds.")).into()
    }
}

impl ToSchema for LinkSeconds {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("PortalLinkSeconds")
    }
}

/// A link to make.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPortalLink {
    /// How long it serves; 600 seconds unless given. The visit it leads to lasts longer.
    expires_in: Option<LinkSeconds>,
}

/// A way in for a customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PortalLinkView {
    /// Always `portal_link`.
    #[schema(value_type = String, pattern = "^portal_link$")]
    object: &'static str,
    customer_id: CustomerName,
    /// Where the customer's browser is sent. Who has it is let in.
    url: String,
    /// When it serves no more.
    expires_at: Instant,
}

/// Makes a link that lets a customer's browser into its billing pages.
///
/// # Errors
/// 404 `unknown_customer`; 409 `customer_archived`, `portal_not_configured`.
#[utoipa::path(post, path = "/customers/{id}/portal_link", operation_id = "create_portal_link", tag = "portal",
    params(("id" = inline(CustomerName), Path)), request_body = Option<NewPortalLink>,
    responses((status = 200, description = "The way in", body = PortalLinkView), WriteErrors))]
pub async fn link(
    State(app): State<App>,
    _: Caller<Service>,
    Path(customer): Path<CustomerName>,
    MaybeBody(asked): MaybeBody<NewPortalLink>,
) -> Result<Json<PortalLinkView>, Error> {
    let seconds = asked.expires_in.map_or(USUAL, |seconds| seconds.0);
    let made = enter::link(&app, &customer.0, seconds).await?;
    Ok(Json(PortalLinkView {
        object: "portal_link",
        customer_id: customer,
        url: made.url,
        expires_at: made.expires_at.into(),
    }))
}
