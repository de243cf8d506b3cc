//! `POST /consume`, its batch, and giving back.

use super::{KeyText, ModeName, id};
use crate::{
    features::credits::{
        Answered, Lanes,
        returns::{self, ReturnAnswer, ReturnRequest},
        spends::{SpendAnswer, SpendRequest},
        view::{self, ConsumptionView},
    },
    platform::{
        App,
        auth::{Actor, Caller, Service},
        error::{Code, Error},
        http::{
            Body, ErrorView, IdempotencyKey, MaybeBody, Metadata, Object, Path, Problem, UnitName, WriteErrors,
            fields::{GivenCustomer, Instant, Positive, UserName},
        },
        metrics,
    },
};
use axum::{Json, extract::State};
use purser_rules::ids::ConsumptionId;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Ref, RefOr, Schema},
};

/// A spend: all of `amount`, or a refusal, unless `mode` says otherwise.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consume {
    customer_id: GivenCustomer,
    amount: Positive,
    #[serde(default)]
    unit: UnitName,
    #[serde(default)]
    mode: ModeName,
    idempotency_key: Option<KeyText>,
    user_id: Option<UserName>,
    metadata: Option<Metadata>,
    occurred_at: Option<Instant>,
}

/// Up to 1,000 spends, each with its key, taken in order; not atomic.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumeBatch {
    #[schema(value_type = Vec<BatchItem>, min_items = 1, max_items = 1000)]
    items: Vec<Object<Consume>>,
}

/// A spend of a batch: as [`Consume`], but its key must stand in it.
#[derive(Clone, Copy, Debug)]
pub struct BatchItem;

impl PartialSchema for BatchItem {
    fn schema() -> RefOr<Schema> {
        let mut schema = Consume::schema();
        if let RefOr::T(Schema::Object(item)) = &mut schema {
            item.description = Some("A spend of a batch: its key must stand in it.".to_owned());
            item.required.push("idempotency_key".to_owned());
            item.properties.insert("idempotency_key".to_owned(), Ref::from_schema_name(KeyText::name()).into());
        }
        schema
    }
}

impl ToSchema for BatchItem {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("BatchItem")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Consume::schemas(schemas);
    }
}

/// The answers of a batch, in the order of its items.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswers {
    /// Always `list`.
    #[schema(value_type = String, pattern = "^list$")]
    object: &'static str,
    /// One for each item: a consumption, or an error.
    data: Vec<BatchAnswer>,
    /// Always false: a batch is answered whole.
    has_more: bool,
}

/// One item's answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum BatchAnswer {
    /// It was spent.
    Spent(Box<ConsumptionView>),
    /// It was refused.
    #[schema(value_type = Problem)]
    Refused(serde_json::Value),
}

/// Spend credits, or be refused: atomically, durably, in the wallet's spend order.
///
/// # Errors
/// 402 with `insufficient_credits`, `debt_outstanding`, `overage_not_sold` or `cap_reached`; 409 with
/// `idempotency_mismatch` or `customer_archived`; 404 when unknown customers are not created.
#[utoipa::path(post, path = "/consume", operation_id = "consume", tag = "credits", request_body = Consume,
    params(("Idempotency-Key" = Option<String>, Header, description = "The key, unless it is in the body.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "Spent.", body = ConsumptionView), WriteErrors))]
pub async fn consume(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Body(asked): Body<Consume>,
) -> Result<Json<ConsumptionView>, Error> {
    let request = request(&app, &caller.actor, key, asked)?;
    let answer = app.part::<Lanes>().spends.submit(request).await??;
    Ok(Json(view(&answer)))
}

/// Spend for many customers in one call: an answer or an error for each item.
///
/// # Errors
/// 400 when an item is ill-formed; then nothing of the batch was taken.
#[utoipa::path(post, path = "/consume/batch", operation_id = "consume_batch", tag = "credits", request_body = ConsumeBatch,
    responses((status = 200, description = "Taken in order; an answer or an error for each.", body = BatchAnswers), WriteErrors))]
pub async fn consume_batch(
    State(app): State<App>,
    caller: Caller<Service>,
    Body(batch): Body<ConsumeBatch>,
) -> Result<Json<BatchAnswers>, Error> {
    if batch.items.is_empty() || batch.items.len() > 1000 {
        return Err(Error::new(Code::InvalidField, "A batch has 1 to 1,000 items.").about("items"));
    }
    let mut requests = Vec::with_capacity(batch.items.len());
    for (at, Object(item)) in batch.items.into_iter().enumerate() {
        let asked = request(&app, &caller.actor, IdempotencyKey(None), item);
        requests.push(asked.map_err(|error| within(at, error))?);
    }
    let lane = &app.part::<Lanes>().spends;
    let answers = lane.submit_all(requests).await;
    let shown = |answer: Result<Result<SpendAnswer, Error>, _>| match answer.map_err(Error::from).and_then(|done| done)
    {
        Ok(answer) => BatchAnswer::Spent(Box::new(view(&answer))),
        Err(error) => BatchAnswer::Refused(refused(&app, &caller, &error)),
    };
    Ok(Json(BatchAnswers { object: "list", data: answers.into_iter().map(shown).collect(), has_more: false }))
}

/// The same error, about an item of the batch.
fn within(at: usize, error: Error) -> Error {
    let param = error.param.clone().unwrap_or_default();
    error.about(format!("items[{at}].{param}"))
}

fn refused(app: &App, caller: &Caller<Service>, error: &Error) -> serde_json::Value {
    metrics::refused(error.code);
    let request = caller.request.to_string();
    let view = ErrorView { error, request: &request, public_url: &app.config().public_url() };
    serde_json::json!({ "error": view })
}

fn request(app: &App, actor: &Actor, key: IdempotencyKey, asked: Consume) -> Result<SpendRequest, Error> {
    let now = app.clock().now();
    let occurred_at = asked.occurred_at.map(|at| at.0);
    let customer = asked.customer_id.0;
    Ok(SpendRequest {
        id: ConsumptionId::new(now, app.random().number(), customer.bucket()),
        customer,
        unit: asked.unit.0,
        amount: asked.amount.0,
        mode: asked.mode.into(),
        key: key.or(asked.idempotency_key.map(KeyText::into_string))?,
        user_id: asked.user_id.map(UserName::into_string),
        metadata: asked.metadata.map(|metadata| metadata.bytes().to_vec()),
        occurred_at,
        actor: actor.clone(),
    })
}

fn view(answer: &SpendAnswer) -> ConsumptionView {
    ConsumptionView { replayed: Some(answer.replayed), ..view::consumption(&answer.consumed) }
}

/// A return of a spend.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Return {
    /// How much; all that can still be returned unless given.
    amount: Option<Positive>,
    idempotency_key: Option<KeyText>,
}

/// Give a spend back, in whole or in part: its overage first, then its grants in reverse order.
///
/// # Errors
/// 404 `unknown_consumption`, 409 `return_exceeds_spend`.
#[utoipa::path(post, path = "/consumptions/{id}/return", operation_id = "return_consumption", tag = "credits", request_body = Option<Return>,
    params(("id" = String, Path, description = "The consumption's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The key, unless it is in the body.", max_length = 255, min_length = 1, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 200, description = "Returned.", body = ReturnAnswer), WriteErrors))]
pub async fn give_back(
    State(app): State<App>,
    caller: Caller<Service>,
    key: IdempotencyKey,
    Path(consumption): Path<String>,
    MaybeBody(asked): MaybeBody<Return>,
) -> Result<Answered, Error> {
    let asked = ReturnRequest {
        consumption: id(&consumption, Code::UnknownConsumption, "consumption")?,
        amount: asked.amount.map(|amount| amount.0),
        key: key.or(asked.idempotency_key.map(KeyText::into_string))?,
        actor: caller.actor,
    };
    let random = app.random().clone();
    app.db().write(move |tx| returns::give_back(tx, &asked, &random)).await
}
