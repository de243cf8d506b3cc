//! Holds: made, captured, released, read.

use super::{KeyText, ModeName, id};
use crate::{
    features::credits::{
        Answered, Lanes,
        holds::{self, CaptureRequest, HoldAnswer, HoldCall, HoldRequest, ReleaseRequest},
        view::{ConsumptionView, HoldView},
    },
    platform::{
        App,
        auth::{Caller, Reader, Service},
        error::{Code, Error},
        http::{
            Body, IdempotencyKey, MaybeBody, Metadata, Path, ReadErrors, UnitName, WriteErrors,
            fields::{GivenCustomer, Positive, UserName, invalid, whole},
        },
    },
};
use axum::{Json, extract::State};
use purser_rules::ids::{ConsumptionId, HoldId};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// An amount to set aside for work in progress.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    customer_id: GivenCustomer,
    amount: Positive,
    #[serde(default)]
    unit: UnitName,
    /// How a shortfall, and the excess of a capture, is dealt with.
    #[serde(default)]
    mode: ModeName,
    /// Seconds after which it releases itself.
    #[serde(default = "hour", deserialize_with = "expires_in")]
    #[schema(minimum = 1, maximum = 86400, default = 3600)]
    expires_in: u32,
    idempotency_key: Option<KeyText>,
    user_id: Option<UserName>,
    metadata: Option<Metadata>,
}

const fn hour() -> u32 {
    3600
}

fn expires_in<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let seconds = whole(from)?;
    u32::try_from(seconds)
        .ok()
        .filter(|seconds| (1..=86_400).contains(seconds))
        .ok_or_else(|| invalid("It must be 1 to 86,400 seconds."))
}

/// Set credits aside for work in progress.
///
/// # Errors
/// 402 as for a spend; 429 `too_many_holds`.
#[utoipa::path(post, path = "/holds", operation_id = "create_hold", tag = "holds", request_body = NewHold,
    params(("Idempotency-Key" = Option<String>, Header, description = "The key, unless it is in the body.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "Set aside.", body = HoldAnswer), WriteErrors))]
pub async fn hold(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Body(asked): Body<NewHold>,
) -> Result<Answered, Error> {
    let customer = asked.customer_id.0;
    let asked = HoldRequest {
        id: HoldId::new(app.clock().now(), app.random().number(), customer.bucket()),
        customer,
        unit: asked.unit.0,
        amount: asked.amount.0,
        mode: asked.mode.into(),
        expires_in: asked.expires_in,
        key: key.or(asked.idempotency_key.map(KeyText::into_string))?,
        user_id: asked.user_id.map(UserName::into_string),
        metadata: asked.metadata.map(|metadata| metadata.bytes().to_vec()),
        actor: caller.actor,
    };
    app.part::<Lanes>().holds.submit(HoldCall::Hold(asked)).await
}

/// What a hold came to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// How much: less than, exactly or more than was held; all of the hold unless given.
    amount: Option<Positive>,
    idempotency_key: Option<KeyText>,
    metadata: Option<Metadata>,
}

/// Spend what a hold came to: part, all, or more than it. The rest is free again.
///
/// # Errors
/// 404 `unknown_hold`, 409 `hold_closed`, 402 when the excess is refused; then nothing was captured.
#[utoipa::path(post, path = "/holds/{id}/capture", operation_id = "capture_hold", tag = "holds", request_body = Option<Capture>,
    params(("id" = String, Path, description = "The hold's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "A key, so that the call may be repeated.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "Captured.", body = ConsumptionView), WriteErrors))]
pub async fn capture(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Path(hold): Path<String>,
    MaybeBody(asked): MaybeBody<Capture>,
) -> Result<Answered, Error> {
    let hold: HoldId = id(&hold, Code::UnknownHold, "hold")?;
    let asked = CaptureRequest {
        hold,
        id: ConsumptionId::new(app.clock().now(), app.random().number(), hold.bucket()),
        amount: asked.amount.map(|amount| amount.0),
        key: key.if_any(asked.idempotency_key.map(KeyText::into_string))?,
        metadata: asked.metadata.map(|metadata| metadata.bytes().to_vec()),
        actor: caller.actor,
    };
    app.part::<Lanes>().holds.submit(HoldCall::Capture(asked)).await
}

/// A release.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    idempotency_key: Option<KeyText>,
}

/// Free what a hold set aside.
///
/// # Errors
/// 404 `unknown_hold`, 409 `hold_closed` or `hold_expired`.
#[utoipa::path(post, path = "/holds/{id}/release", operation_id = "release_hold", tag = "holds", request_body = Option<Release>,
    params(("id" = String, Path, description = "The hold's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "A key, so that the call may be repeated.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "Released.", body = HoldAnswer), WriteErrors))]
pub async fn release(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Path(hold): Path<String>,
    MaybeBody(asked): MaybeBody<Release>,
) -> Result<Answered, Error> {
    let hold: HoldId = id(&hold, Code::UnknownHold, "hold")?;
    let key = key.if_any(asked.idempotency_key.map(KeyText::into_string))?;
    let asked = ReleaseRequest { hold, key, actor: caller.actor };
    app.part::<Lanes>().holds.submit(HoldCall::Release(asked)).await
}

/// Read a hold.
///
/// # Errors
/// 404 `unknown_hold`.
#[utoipa::path(get, path = "/holds/{id}", operation_id = "get_hold", tag = "holds",
    params(("id" = String, Path, description = "The hold's id.")),
    responses((status = 200, description = "The hold.", body = HoldView), ReadErrors))]
pub async fn get(State(app): State<App>, _: Caller<Reader>, Path(hold): Path<String>) -> Result<Json<HoldView>, Error> {
    let hold = id(&hold, Code::UnknownHold, "hold")?;
    app.db().read(move |tx| holds::read(tx, hold)).await.map(Json)
}
