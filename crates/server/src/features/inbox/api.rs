//! `/admin/stripe-events`: what came, what became of it, and doing it again.

use super::{EventFilter, Replayed, State as EventState, StoredEvent};
use crate::platform::{
    App,
    auth::{Admin, Caller},
    error::Error,
    http::{Body, Instant, Limit, PageOf, Path, Query, ReadErrors, WriteErrors, fields::text_fields, path::Segment},
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

text_fields! {
    /// An event's id.
    StripeEventId = 1..=255, "An event's id, as Stripe gave it: `evt_…`.";
    /// A kind of event in a filter.
    StripeEventKind = 1..=255, "Only events of this type, such as `invoice.paid`.";
    /// An object's id in a filter.
    StripeObjectId = 1..=255, "Only events about the object with this id, such as `sub_…`.";
}

impl Segment for StripeEventId {
    fn read(text: &str) -> Result<Self, String> {
        let fits = (1..=255).contains(&text.chars().count()) && !text.contains('\0');
        let rule = || "It must have 1 to 255 characters, none of them U+0000.".to_owned();
        fits.then(|| Self(text.to_owned())).ok_or_else(rule)
    }
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventStateName {
    /// To be acted on.
    Waiting,
    /// Acted on.
    Done,
    /// Nothing acts on its type.
    Ignored,
    /// Tried too often: a person must look.
    Dead,
}

impl From<EventStateName> for EventState {
    fn from(name: EventStateName) -> Self {
        match name {
            EventStateName::Waiting => Self::Waiting,
            EventStateName::Done => Self::Done,
            EventStateName::Ignored => Self::Ignored,
            EventStateName::Dead => Self::Dead,
        }
    }
}

impl From<EventState> for EventStateName {
    fn from(state: EventState) -> Self {
        match state {
            EventState::Waiting => Self::Waiting,
            EventState::Done => Self::Done,
            EventState::Ignored => Self::Ignored,
            EventState::Dead => Self::Dead,
        }
    }
}

/// Which events are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventPage {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The id of the last event of the page before.
    #[serde(default)]
    #[param(inline)]
    starting_after: Option<StripeEventId>,
    /// Only events in this state.
    #[serde(default)]
    #[param(inline)]
    state: Option<EventStateName>,
    #[serde(default)]
    #[param(inline)]
    kind: Option<StripeEventKind>,
    #[serde(default)]
    #[param(inline)]
    object: Option<StripeObjectId>,
    /// That came at or after this instant.
    #[serde(default)]
    #[param(inline)]
    from: Option<Instant>,
    /// That came before this instant.
    #[serde(default)]
    #[param(inline)]
    to: Option<Instant>,
}

/// An event of Stripe's, and what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StripeEventView {
    /// Always `stripe_event`.
    #[schema(value_type = String, pattern = "^stripe_event$")]
    object: &'static str,
    /// As Stripe gave it.
    id: String,
    /// What happened, such as `invoice.paid`.
    kind: String,
    /// Whether it names its object only.
    thin: bool,
    /// What the object is, such as `invoice`.
    #[schema(required)]
    object_kind: Option<String>,
    #[schema(required)]
    object_id: Option<String>,
    /// What it is done together with, one at a time: an object, or what that belongs to.
    subject: String,
    livemode: bool,
    /// The version its object is written in.
    #[schema(required)]
    api_version: Option<String>,
    /// When it happened, to the second.
    created_at: Instant,
    /// When it came.
    received_at: Instant,
    state: EventStateName,
    /// How often it was tried.
    attempts: i64,
    /// Why the last try failed, if it did.
    #[schema(required)]
    last_error: Option<String>,
    /// When it was done, ignored or set aside.
    #[schema(required)]
    done_at: Option<Instant>,
    /// The body as it came, a JSON text; null once it is forgotten. Only in the answer of one event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, required = false)]
    payload: Option<Option<String>>,
}

impl From<StoredEvent> for StripeEventView {
    fn from(event: StoredEvent) -> Self {
        Self {
            object: "stripe_event",
            id: event.id,
            kind: event.kind,
            thin: event.thin,
            object_kind: event.object_kind,
            object_id: event.object_id,
            subject: event.subject,
            livemode: event.livemode,
            api_version: event.api_version,
            created_at: event.created_at.into(),
            received_at: event.received_at.into(),
            state: event.state.into(),
            attempts: event.attempts,
            last_error: event.last_error,
            done_at: event.done_at.map(Into::into),
            payload: None,
        }
    }
}

/// The events that came, the last first.
#[utoipa::path(get, path = "/admin/stripe-events", operation_id = "list_stripe_events", tag = "stripe", params(EventPage),
    responses((status = 200, description = "A page of events", body = PageOf<StripeEventView>), ReadErrors))]
pub async fn list(
    State(app): State<App>,
    _: Caller<Admin>,
    Query(page): Query<EventPage>,
) -> Result<Json<PageOf<StripeEventView>>, Error> {
    let limit = page.limit;
    let filter = EventFilter {
        state: page.state.map(Into::into),
        kind: page.kind.map(StripeEventKind::into_string),
        object: page.object.map(StripeObjectId::into_string),
        from: page.from.map(|at| at.0),
        to: page.to.map(|at| at.0),
        after: page.starting_after.map(StripeEventId::into_string),
    };
    let events = app.db().read(move |tx| super::list_events(tx, &filter, limit.one_more())).await?;
    Ok(Json(PageOf::new(events.into_iter().map(StripeEventView::from).collect(), limit)))
}

/// One event, with its payload.
#[utoipa::path(get, path = "/admin/stripe-events/{id}", operation_id = "get_stripe_event", tag = "stripe",
    params(("id" = inline(StripeEventId), Path)),
    responses((status = 200, description = "The event", body = StripeEventView), ReadErrors))]
pub async fn get(
    State(app): State<App>,
    _: Caller<Admin>,
    Path(id): Path<StripeEventId>,
) -> Result<Json<StripeEventView>, Error> {
    let (event, payload) = app.db().read(move |tx| super::find_event(tx, id.as_str())).await?;
    let payload = payload.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Json(StripeEventView { payload: Some(payload), ..event.into() }))
}

/// Act on an event again, whatever became of it. What it did before is not done twice.
#[utoipa::path(post, path = "/admin/stripe-events/{id}/replay", operation_id = "replay_stripe_event", tag = "stripe",
    params(("id" = inline(StripeEventId), Path)),
    responses((status = 200, description = "It waits to be acted on", body = StripeEventView), WriteErrors))]
pub async fn replay(
    State(app): State<App>,
    caller: Caller<Admin>,
    Path(id): Path<StripeEventId>,
) -> Result<Json<StripeEventView>, Error> {
    let random = app.random().clone();
    let event = app.db().write(move |tx| super::replay_event(tx, &random, &caller.actor, id.as_str())).await?;
    app.part::<super::Inbox>().wake();
    Ok(Json(event.into()))
}

/// The states that can be replayed together.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReplayedState {
    /// Tried too often.
    Dead,
}

/// Which events are acted on again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayMany {
    /// Those in this state.
    #[serde(rename = "state")]
    _state: ReplayedState,
    #[serde(default)]
    kind: Option<StripeEventKind>,
    #[serde(default)]
    object: Option<StripeObjectId>,
    /// That came at or after this instant.
    #[serde(default)]
    from: Option<Instant>,
    /// That came before this instant.
    #[serde(default)]
    to: Option<Instant>,
}

/// What a replay of many did.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ReplayView {
    /// Always `stripe_replay`.
    #[schema(value_type = String, pattern = "^stripe_replay$")]
    object: &'static str,
    /// How many events wait again.
    events: u64,
    /// Whether there are more that were wanted: ask again.
    has_more: bool,
}

impl From<Replayed> for ReplayView {
    fn from(done: Replayed) -> Self {
        Self { object: "stripe_replay", events: u64::try_from(done.events).unwrap_or(0), has_more: done.more }
    }
}

/// Act on dead events again: at most 1,000 at a time, those that came first before others.
#[utoipa::path(post, path = "/admin/stripe-events/replay", operation_id = "replay_stripe_events", tag = "stripe",
    request_body = ReplayMany,
    responses((status = 200, description = "How many wait to be acted on", body = ReplayView), WriteErrors))]
pub async fn replay_many(
    State(app): State<App>,
    caller: Caller<Admin>,
    Body(asked): Body<ReplayMany>,
) -> Result<Json<ReplayView>, Error> {
    let filter = EventFilter {
        kind: asked.kind.map(StripeEventKind::into_string),
        object: asked.object.map(StripeObjectId::into_string),
        from: asked.from.map(|at| at.0),
        to: asked.to.map(|at| at.0),
        ..EventFilter::default()
    };
    let random = app.random().clone();
    let done = app.db().write(move |tx| super::replay_many(tx, &random, &caller.actor, &filter)).await?;
    app.part::<super::Inbox>().wake();
    Ok(Json(done.into()))
}
