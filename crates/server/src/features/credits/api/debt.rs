//! Debt: an operator forgives it.

use super::{KeyText, Reason};
use crate::{
    features::credits::{
        Answered,
        debt::{self, ForgiveAnswer, ForgiveRequest},
    },
    platform::{
        App,
        auth::{Admin, Caller},
        error::Error,
        http::{CustomerName, IdempotencyKey, MaybeBody, Path, UnitName, WriteErrors, fields::Positive},
    },
};
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

/// Debt to be forgiven.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Forgive {
    /// How much of what is owed; all of it unless given.
    amount: Option<Positive>,
    #[serde(default)]
    unit: UnitName,
    reason: Option<Reason>,
    idempotency_key: Option<KeyText>,
}

/// Forgive what a customer owes after a refund or a dispute, or a part of it. Once nothing is owed, it can spend again.
///
/// # Errors
/// 404 `unknown_customer`; 409 `forgive_exceeds_debt`, `customer_archived`.
#[utoipa::path(post, path = "/customers/{id}/debt/forgive", operation_id = "forgive_debt", tag = "grants", request_body = Option<Forgive>,
    params(("id" = CustomerName, Path, description = "The customer's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The key, unless it is in the body.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "Forgiven.", body = ForgiveAnswer), WriteErrors))]
pub async fn forgive(
    State(app): State<App>,
    caller: Caller<Admin>,
    key: IdempotencyKey,
    Path(customer): Path<CustomerName>,
    MaybeBody(asked): MaybeBody<Forgive>,
) -> Result<Answered, Error> {
    let asked = ForgiveRequest {
        customer: customer.0,
        unit: asked.unit.0,
        amount: asked.amount.map(|amount| amount.0),
        reason: asked.reason.map(Reason::into_string),
        key: key.or(asked.idempotency_key.map(KeyText::into_string))?,
        actor: caller.actor,
    };
    let random = app.random().clone();
    app.db().write(move |tx| debt::forgive(tx, &asked, &random)).await
}
