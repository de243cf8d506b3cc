//! Grants: given, listed, revoked, and a balance adjusted by a plain number.

use super::{KeyText, Reason, id};
use crate::{
    features::credits::{
        Answered,
        grant_rows::GrantPage,
        grants::{self, AdjustAnswer, AdjustRequest, GrantAnswer, GrantRequest, RevokeRequest},
        low, reads,
        view::{self, GrantView},
    },
    platform::{
        App,
        auth::{Caller, Reader, Service},
        error::{Code, Error},
        http::{
            Body, CustomerName, IdempotencyKey, Limit, MaybeBody, Metadata, PageOf, Path, Query, ReadErrors, UnitName,
            WriteErrors,
            fields::{Instant, NotZero, Positive, SourceName, invalid, whole},
        },
    },
};
use axum::{Json, extract::State};
use purser_rules::{credit::SourceKind, ids::GrantId};
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};

/// Kinds of grant that are given by API; the rest belong to Purser.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GivenKind {
    /// Given by hand.
    #[default]
    Manual,
    /// A promotion.
    Promotion,
    /// Brought over from another system; expires after 30 days unless given.
    Import,
}

impl From<GivenKind> for SourceKind {
    fn from(kind: GivenKind) -> Self {
        match kind {
            GivenKind::Manual => Self::Manual,
            GivenKind::Promotion => Self::Promotion,
            GivenKind::Import => Self::Import,
        }
    }
}

/// An amount to put into a wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    amount: Positive,
    #[serde(default)]
    unit: UnitName,
    #[serde(default)]
    source_kind: GivenKind,
    /// Which source of its kind; the idempotency key unless given. The same source grants once.
    source_id: Option<SourceName>,
    /// Its place in the spend order, lower first: 0–1000; 20 for promotions, else 30, unless given.
    #[serde(default, deserialize_with = "priority")]
    #[schema(minimum = 0, maximum = 1000)]
    priority: Option<u16>,
    /// Usable from then; at once unless given.
    effective_at: Option<Instant>,
    /// Unusable from then; never unless given (imports: 30 days).
    expires_at: Option<Instant>,
    metadata: Option<Metadata>,
    idempotency_key: Option<KeyText>,
}

/// A whole number that may be null.
#[derive(Deserialize)]
#[serde(transparent)]
struct Whole(#[serde(deserialize_with = "whole")] i64);

fn priority<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    let Some(Whole(given)) = Option::deserialize(from)? else { return Ok(None) };
    let fits = u16::try_from(given).ok().filter(|priority| *priority <= 1000);
    fits.map(Some).ok_or_else(|| invalid("It must be 0 to 1000."))
}

/// Give credits. The same source with the same terms gives the first grant back.
///
/// # Errors
/// 409 `grant_terms_differ` or `total_too_large`.
#[utoipa::path(post, path = "/customers/{id}/grants", operation_id = "create_grant", tag = "grants", request_body = NewGrant,
    params(("id" = CustomerName, Path, description = "The customer's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The key, unless the source is the key.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "Given.", body = GrantAnswer), WriteErrors))]
pub async fn grant(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Path(customer): Path<CustomerName>,
    Body(asked): Body<NewGrant>,
) -> Result<Answered, Error> {
    let now = app.clock().now();
    let body_key = asked.idempotency_key.map(KeyText::into_string);
    let key = if asked.source_id.is_some() { key.if_any(body_key)? } else { Some(key.or(body_key)?) };
    let (effective_at, expires_at) = (asked.effective_at.map(|at| at.0), asked.expires_at.map(|at| at.0));
    let asked = GrantRequest {
        id: GrantId::new(now, app.random().number(), customer.0.bucket()),
        customer: customer.0,
        unit: asked.unit.0,
        amount: asked.amount.0,
        source_kind: asked.source_kind.into(),
        source_id: asked.source_id.map(SourceName::into_string),
        priority: asked.priority,
        effective_at,
        expires_at,
        metadata: asked.metadata.map(|metadata| metadata.bytes().to_vec()),
        key,
        actor: caller.actor,
    };
    let (random, create) = (app.random().clone(), app.config().create_unknown_customers);
    app.db().write(move |tx| grants::grant(tx, &asked, create, &random)).await
}

/// Which grants to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListGrants {
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The id after which the page begins.
    #[param(pattern = "^[^\\x00]*$")]
    starting_after: Option<String>,
    #[serde(default)]
    #[param(inline)]
    unit: UnitName,
    /// Only those with something left or set aside.
    #[serde(default)]
    open: bool,
}

/// List a customer's grants, newest first.
///
/// # Errors
/// 404 `unknown_customer`.
#[utoipa::path(get, path = "/customers/{id}/grants", operation_id = "list_grants", tag = "grants",
    params(("id" = CustomerName, Path, description = "The customer's id."), ListGrants),
    responses((status = 200, description = "A page of grants.", body = PageOf<GrantView>), ReadErrors))]
pub async fn list(
    State(app): State<App>,
    _: Caller<Reader>,
    Path(customer): Path<CustomerName>,
    Query(asked): Query<ListGrants>,
) -> Result<Json<PageOf<GrantView>>, Error> {
    let after = asked.starting_after.map(|text| id(&text, Code::UnknownGrant, "grant")).transpose();
    let page = GrantPage {
        customer: customer.0,
        unit: asked.unit.0,
        open_only: asked.open,
        after: after.map_err(|error: Error| error.about("starting_after"))?,
        limit: asked.limit.one_more(),
    };
    let rows = app.db().read(move |tx| reads::grants(tx, &page)).await?;
    Ok(Json(PageOf::new(rows.iter().map(view::grant).collect(), asked.limit)))
}

/// A revocation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// How much of what is left; all of it unless given.
    amount: Option<Positive>,
    reason: Option<Reason>,
    idempotency_key: Option<KeyText>,
}

/// Take back what is left of a grant. What is held or spent stays.
///
/// # Errors
/// 404 `unknown_grant`, 409 `revoke_exceeds_available`.
#[utoipa::path(post, path = "/grants/{id}/revoke", operation_id = "revoke_grant", tag = "grants", request_body = Option<Revoke>,
    params(("id" = String, Path, description = "The grant's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "A key; needed when an amount is given.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "Revoked.", body = GrantAnswer), WriteErrors))]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Path(grant): Path<String>,
    MaybeBody(asked): MaybeBody<Revoke>,
) -> Result<Answered, Error> {
    let body_key = asked.idempotency_key.map(KeyText::into_string);
    let asked = RevokeRequest {
        grant: id(&grant, Code::UnknownGrant, "grant")?,
        key: if asked.amount.is_some() { Some(key.or(body_key)?) } else { key.if_any(body_key)? },
        amount: asked.amount.map(|amount| amount.0),
        reason: asked.reason.map(Reason::into_string),
        actor: caller.actor,
    };
    let random = app.random().clone();
    app.db().write(move |tx| grants::revoke(tx, &asked, &random)).await
}

/// A change of a balance by an app that knows only one number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjust {
    /// Plus makes a manual grant, minus spends; not nothing.
    amount: NotZero,
    #[serde(default)]
    unit: UnitName,
    /// When a grant made by it runs out; never unless given.
    expires_at: Option<Instant>,
    reason: Option<Reason>,
    idempotency_key: Option<KeyText>,
}

/// Add to a balance, or take from it; it never goes below nothing.
///
/// # Errors
/// 402 `insufficient_credits`; 409 `total_too_large`.
#[utoipa::path(post, path = "/customers/{id}/adjust", operation_id = "adjust_balance", tag = "grants", request_body = Adjust,
    params(("id" = CustomerName, Path, description = "The customer's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The key, unless it is in the body.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "Adjusted.", body = AdjustAnswer), WriteErrors))]
pub async fn adjust(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Path(customer): Path<CustomerName>,
    Body(asked): Body<Adjust>,
) -> Result<Answered, Error> {
    let now = app.clock().now();
    let expires_at = asked.expires_at.map(|at| at.0);
    let asked = AdjustRequest {
        id: GrantId::new(now, app.random().number(), customer.0.bucket()),
        customer: customer.0,
        unit: asked.unit.0,
        amount: asked.amount.0,
        expires_at,
        reason: asked.reason.map(Reason::into_string),
        key: key.or(asked.idempotency_key.map(KeyText::into_string))?,
        actor: caller.actor,
    };
    let (random, create) = (app.random().clone(), app.config().create_unknown_customers);
    let (customer, unit) = (asked.customer.clone(), asked.unit.clone());
    let adjusted = app.db().write(move |tx| grants::adjust(tx, &asked, create, &random)).await;
    if adjusted.as_ref().is_err_and(|error| low::is_want(error.code)) {
        // Nothing of a refusal is kept in its own transaction.
        app.db().write(move |tx| low::note_refusal(tx, &customer, &unit)).await?;
    }
    adjusted
}
