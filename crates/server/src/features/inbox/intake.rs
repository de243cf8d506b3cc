//! `POST /api/webhooks/stripe`: what Stripe sends is verified by its signature, kept, and then answered. Acting on it is
//! the workers'.

use super::{Inbox, arrivals::Arrived, kinds, store::Arrival};
use crate::platform::{
    App,
    error::{Code, Error},
    http::{ReadErrors, RequestInfo, read_body},
};
use axum::{
    Extension, Json,
    extract::{Request, State},
    http::header,
};
use metrics::counter;
use purser_stripe::webhook::{self, BadSignature};
use serde::Serialize;
use std::net::IpAddr;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The header a signature stands in.
const SIGNATURE: &str = "stripe-signature";

/// Why something sent to us is refused; the names are those in metrics.
const REASONS: &[&str] = &[
    "encoded",
    "too_large",
    "broken_off",
    "no_secret",
    "missing",
    "malformed",
    "no_match",
    "too_old",
    "too_new",
    "no_event",
    "wrong_mode",
];

/// Puts the metrics of what comes there before the first event.
pub(super) fn announce() {
    for class in kinds::classes() {
        for arrived in Arrived::ALL {
            drop(counter!("purser_webhooks_received_total", "class" => class, "outcome" => arrived.as_str()));
        }
    }
    for reason in REASONS {
        drop(counter!("purser_webhooks_refused_total", "reason" => *reason));
    }
}

/// The route Stripe sends events to, outside `/api/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(receive))
}

/// What Stripe is answered once an event is durable, new or not.
#[derive(Debug, Serialize, ToSchema)]
struct Received {
    /// Always true.
    received: bool,
}

/// Take an event from Stripe, whole or thin. No API key: it is known by its signature.
#[utoipa::path(post, path = "/api/webhooks/stripe", operation_id = "receive_stripe_event", tag = "webhooks",
    params(("Stripe-Signature" = String, Header, description = "When and by whom the body was signed, as Stripe writes it.")),
    request_body(content = String, description = "The event, read byte for byte.", content_type = "application/json"),
    responses((status = 200, description = "It is kept.", body = Received), ReadErrors))]
async fn receive(
    State(app): State<App>,
    Extension(info): Extension<RequestInfo>,
    request: Request,
) -> Result<Json<Received>, Error> {
    let arrival = match read(&app, info.address(), request).await {
        Ok(arrival) => arrival,
        Err((reason, error)) => {
            counter!("purser_webhooks_refused_total", "reason" => reason).increment(1);
            return Err(error);
        }
    };
    let (inbox, class) = (app.part::<Inbox>(), kinds::class(&arrival.kind));
    let arrived = inbox.arrivals.submit(arrival).await?;
    counter!("purser_webhooks_received_total", "class" => class, "outcome" => arrived.as_str()).increment(1);
    if arrived == Arrived::New {
        inbox.wake();
    }
    Ok(Json(Received { received: true }))
}

/// Why something is refused: the name of it in metrics, and what is answered.
type Refused = (&'static str, Error);

/// Verifies and reads what was sent. Nothing of it is looked into before its signature was seen to be good.
async fn read(app: &App, address: Option<IpAddr>, request: Request) -> Result<Arrival, Refused> {
    let inbox = app.part::<Inbox>();
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        let message = "The body is encoded. Send it as it was signed, without Content-Encoding.";
        return Err(("encoded", Error::new(Code::EncodedBody, message).about("Content-Encoding")));
    }
    let signature = request.headers().get(SIGNATURE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = read_body(request).await.map_err(|error| {
        let reason = if error.code == Code::BodyTooLarge { "too_large" } else { "broken_off" };
        (reason, error)
    })?;
    let now = app.clock().now();
    if inbox.secrets.is_empty() {
        let message = "No secret of a webhook endpoint is set. Set STRIPE_WEBHOOK_SECRET.";
        return Err(("no_secret", signed_wrong(app, address, message)));
    }
    let seconds = now.micros().div_euclid(1_000_000);
    if let Err(bad) = webhook::verify(signature.as_deref(), &body, &inbox.secrets, seconds) {
        return Err((bad.name(), signed_wrong(app, address, &sentence(bad))));
    }
    let notification = webhook::read(&body).map_err(|shape| {
        let message = format!("It is signed by Stripe, and no event: {shape}.");
        ("no_event", Error::new(Code::NoEvent, message))
    })?;
    let arrival = Arrival::of(&notification, body, now);
    let arrival = arrival.ok_or_else(|| ("no_event", Error::new(Code::NoEvent, "Its id or its type is none.")))?;
    match inbox.live {
        Some(live) if live != arrival.livemode => {
            let (its, ours) = (mode(arrival.livemode), mode(live));
            let message = format!(
                "The event is of {its} mode, and STRIPE_SECRET_KEY is a key of {ours} mode. Send each mode's events to \
                 the server with that mode's key."
            );
            Err(("wrong_mode", Error::new(Code::WrongMode, message).about("livemode")))
        }
        _ => Ok(arrival),
    }
}

/// What is said to a body whose signature does not count. It counts against its address; one that counts never does.
fn signed_wrong(app: &App, address: Option<IpAddr>, message: &str) -> Error {
    let limited = app.limits().failure(address).err();
    limited.unwrap_or_else(|| Error::new(Code::InvalidSignature, message).about("Stripe-Signature"))
}

/// What is wrong with a signature, as a sentence.
fn sentence(bad: BadSignature) -> String {
    let said = bad.to_string();
    let mut rest = said.chars();
    let first = rest.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if said.ends_with('?') { "" } else { "." };
    format!("{first}{}{stop}", rest.as_str())
}

const fn mode(live: bool) -> &'static str {
    if live { "live" } else { "test" }
}
