//! The inbox on both databases: what is taken and what is refused, order, retries, crashes, replays, missed events.

mod intake;
mod missed;
mod races;
mod replay;
mod work;

use crate::world::{Answer, Kind, World};
use axum::{
    body::Body,
    http::{Request, header},
};
use futures_util::future::BoxFuture;
use purser::{
    config::Secret,
    features::inbox::{self, Delivery, Reacted},
    platform::{
        App,
        db::{DbError, Row, Tx, Value as Sql},
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    Time,
    ids::{Bucket, JobId},
};
use purser_stripe::webhook::sign;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
};

/// What the events of these tests are signed with.
pub const SECRET: &str = "whsec_of_the_tests";
/// Where events are sent.
pub const ROUTE: &str = "/api/webhooks/stripe";
/// When all events happened, unless said otherwise: 2026-11-21T03:00:00Z.
pub const CREATED: i64 = 1_795_230_000;

/// A world that takes events. Those of every kind wait for what acts on them: it is for [`react`] to ignore some.
pub async fn world(kind: Kind) -> World {
    taking(kind).await.acting_on_all()
}

/// A world that takes events, and acts on those on which Purser does.
pub async fn taking(kind: Kind) -> World {
    World::with(kind, |config| {
        config.stripe_webhook_secret = Some(Secret::new(SECRET));
        config.stripe_secret_key = Some(Secret::new("sk_test_inbox"));
        config.secret = Some(Secret::new("s".repeat(40)));
    })
    .await
}

/// An event about the customer `about`, as Stripe sends it.
pub fn event(id: &str, kind: &str, about: &str, created: i64) -> String {
    json!({
        "id": id, "object": "event", "api_version": "2026-10-28.endive", "created": created, "type": kind,
        "data": { "object": { "id": about, "object": "customer", "name": "Jenny — ünder test" } },
        "livemode": false, "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null },
    })
    .to_string()
}

/// The thin event that goes with the whole one `event`: it names the object, if that has an id.
pub fn thin(event: &Value) -> Value {
    let object = &event["data"]["object"];
    let related = object["id"].as_str().map(|id| json!({ "id": id, "type": object["object"], "url": "/" }));
    json!({
        "id": format!("{}_thin", event["id"].as_str().unwrap()), "object": "v2.core.event", "context": null,
        "type": format!("v1.{}", event["type"].as_str().unwrap()), "created": "2026-11-21T03:00:00.000Z",
        "livemode": false, "reason": null, "related_object": related,
    })
}

/// The header that signs `body` with `secret`, `ahead` seconds from now.
pub fn signature(world: &World, body: &[u8], secret: &str, ahead: i64) -> String {
    let at = world.clock.now().micros().div_euclid(1_000_000) + ahead;
    sign(body, &[purser_stripe::Secret::new(secret).unwrap()], at)
}

/// A request with `body`, signed as Stripe would.
pub fn signed(world: &World, body: &str) -> Request<Body> {
    let request = Request::post(ROUTE).header(header::CONTENT_TYPE, "application/json");
    let request = request.header("stripe-signature", signature(world, body.as_bytes(), SECRET, 0));
    request.body(Body::from(body.to_owned())).unwrap()
}

/// Sends an event, which must be taken.
pub async fn send(world: &World, body: &str) {
    let answer: Answer = world.send(signed(world, body)).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "received": true })), "{body}");
}

/// Acts on the events of these tests by their kind; the effect of one is a row.
pub fn react(app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    Box::pin(async move {
        let first = delivery.kind.ends_with("_once") && first_time(&app, &delivery).await?;
        match (delivery.kind.as_str(), first) {
            ("test.ignored", _) => Ok(Reacted::Ignored),
            ("test.fails", _) => Err(Error::new(Code::Internal, "It fails on purpose.")),
            ("test.away", _) => Err(Error::new(Code::StripeUnavailable, "Stripe is away on purpose.")),
            ("test.panics", _) => panic!("on purpose"),
            // Its worker goes down with it.
            ("test.hangs", _) | ("test.hangs_once", true) => std::future::pending().await,
            // Half of it is done when it fails.
            ("test.half", _) | ("test.half_once", true) => effect(&app, &delivery, true).await,
            // Another takes the subject meanwhile.
            ("test.overtaken_once", true) => {
                overtake(&app).await?;
                effect(&app, &delivery, false).await
            }
            ("test.moves_once", true) => moved(&app, &delivery).await,
            _ => effect(&app, &delivery, false).await,
        }
    })
}

/// The effect of an event, and that it is done, in one transaction.
async fn effect(app: &App, delivery: &Delivery, fails: bool) -> Result<Reacted, Error> {
    let (random, delivery) = (app.random().clone(), delivery.clone());
    let marked = app.db().write(move |tx| {
        put_effect(tx, &random, &delivery.id)?;
        let marked = inbox::done(tx, &delivery)?;
        if fails { Err(Error::new(Code::Internal, "It fails at its end.")) } else { Ok(marked) }
    });
    Ok(Reacted::Done(marked.await?))
}

/// Hands an event over to the charge `ch_1`, which comes before its customer in the order of keys.
async fn moved(app: &App, delivery: &Delivery) -> Result<Reacted, Error> {
    let delivery = delivery.clone();
    let moved = app.db().write(move |tx| inbox::hand_over(tx, &delivery, ("charge", "ch_1")));
    Ok(Reacted::Moved(moved.await?))
}

/// Puts a row down for the effect of the event `id`; the order of effects is that of `started_at`.
fn put_effect(tx: &mut Tx<'_>, random: &Random, id: &str) -> Result<(), DbError> {
    static COUNT: AtomicI64 = AtomicI64::new(0);
    let at = Time::from_micros(COUNT.fetch_add(1, Ordering::SeqCst));
    let sql = "INSERT INTO job_runs (id, job, started_at, finished_at, result) VALUES ($1, $2, $3, $4, $5)";
    let run = JobId::new(tx.now(), random.number(), Bucket(0));
    let params = vec![Sql::Id(run.0), Sql::Text(id.to_owned()), Sql::Ts(at), Sql::Ts(at), Sql::Json("{}".into())];
    tx.execute(sql, params).map(drop)
}

/// Whether this event is tried for the first time, whatever became of that.
async fn first_time(app: &App, delivery: &Delivery) -> Result<bool, Error> {
    let id = delivery.id.clone();
    let noted = app.db().write(move |tx| {
        let sql = "INSERT INTO schedules (name, next_at, last_at) VALUES ($1, $2, NULL) ON CONFLICT (name) DO NOTHING";
        tx.execute(sql, vec![Sql::Text(id.clone()), Sql::Ts(Time::MAX)])
    });
    Ok(noted.await? == 1)
}

/// Takes every lease away, as if it had run out and another worker had the subject.
async fn overtake(app: &App) -> Result<(), Error> {
    let taken = app.db().write(|tx| tx.execute("UPDATE stripe_inbox SET lease = 77 WHERE lease <> 0", vec![]));
    assert_eq!(taken.await?, 1);
    Ok(())
}

/// The ids of the events whose effects are there, in the order in which they came to be.
pub async fn effects(world: &World) -> Vec<String> {
    let sql = "SELECT job FROM job_runs ORDER BY started_at";
    let rows = world.app.db().read(move |tx| tx.query(sql, vec![])).await;
    rows.map_err(|error: DbError| error).unwrap().iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

/// The state and the attempts of every event, by its id.
pub async fn states(world: &World) -> BTreeMap<String, (i64, i64)> {
    let sql = "SELECT id, state, attempts FROM stripe_events";
    let rows = world.app.db().read(move |tx| tx.query(sql, vec![])).await;
    let rows = rows.map_err(|error: DbError| error).unwrap();
    rows.iter().map(|row| (row.text(0).unwrap().to_owned(), (row.i64(1).unwrap(), row.i64(2).unwrap()))).collect()
}

/// What went wrong with the events that wait still, by their ids.
pub async fn failures(world: &World) -> Vec<(String, Option<String>)> {
    let sql = "SELECT id, last_error FROM stripe_events WHERE state = 1 ORDER BY id";
    let rows = world.app.db().read(move |tx| tx.query(sql, vec![])).await;
    let rows = rows.map_err(|error: DbError| error).unwrap();
    let why = |row: &Row| row.opt_text(1).unwrap().map(str::to_owned);
    rows.iter().map(|row| (row.text(0).unwrap().to_owned(), why(row))).collect()
}

/// The only number of a query.
pub async fn number(world: &World, sql: &'static str) -> i64 {
    let read = world.app.db().read(move |tx| tx.query(sql, vec![])?[0].i64(0)).await;
    read.map_err(|error: DbError| error).unwrap()
}

/// Runs a statement.
pub async fn execute(world: &World, sql: &'static str, params: Vec<Sql>) -> u64 {
    let done = world.app.db().write(move |tx| tx.execute(sql, params.clone())).await;
    done.map_err(|error: DbError| error).unwrap()
}

/// Lets every lease and wait run out, as if that much time had passed.
pub async fn pass(world: &World) {
    let past = world.clock.now().plus_seconds(-1);
    execute(world, "UPDATE stripe_inbox SET run_at = $1", vec![Sql::Ts(past)]).await;
}

/// Acts on all that is due; answers how many subjects were taken.
pub async fn work_off(world: &World) -> usize {
    inbox::work_off(&world.app, react).await.unwrap()
}

/// The event `id` as an operator sees it.
pub async fn shown(world: &World, id: &str) -> Value {
    world.admin("GET", &format!("/api/v1/admin/stripe-events/{id}"), "").await
}
