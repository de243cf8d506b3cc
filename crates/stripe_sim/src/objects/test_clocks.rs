//! Test clocks: the sandbox has one clock, and every test clock shows and moves that one.
//!
//! What differs from Stripe for it: a clock cannot be made behind the time that it is, unless nothing has happened yet;
//! moving it moves everything, not only its customers; it may be moved as far as one likes, not only by two intervals;
//! and it does not go away after thirty days.
//! Source: <https://docs.stripe.com/billing/testing/test-clocks/api-advanced-usage>

use super::{
    catalog::Product,
    customers::{self, Customer},
};
use crate::{
    error::ApiError,
    http::{Answer, Asked},
    world::{Cx, Event, Resource, Timer, World},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// When Stripe would delete a clock, in seconds after it was made.
const LIFE: i64 = 30 * 86_400;

/// The last second that the calendar has, late in the year 9999.
const END_OF_TIME: i64 = 253_402_207_200;

/// A test clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TestClock {
    pub id: String,
    pub created: i64,
    pub name: Option<String>,
    /// Where it is being moved to; `None` when it stands.
    pub target: Option<i64>,
}

impl Resource for TestClock {
    const SCHEMA: &'static str = "test_helpers.test_clock";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, world: &World) -> Value {
        let details = match self.target {
            Some(target) => json!({ "advancing": { "target_frozen_time": target } }),
            None => json!({}),
        };
        json!({
            "id": self.id,
            "object": "test_helpers.test_clock",
            "created": self.created,
            "deletes_after": self.created.saturating_add(LIFE),
            "frozen_time": world.now,
            "name": self.name,
            "status": if self.target.is_some() { "advancing" } else { "ready" },
            "status_details": details,
        })
    }
}

/// While the clock is moved nothing else may be changed.
///
/// # Errors
/// It is being moved.
pub(crate) fn must_stand(world: &World) -> Result<(), ApiError> {
    match world.all::<TestClock>().find(|clock| clock.target.is_some()) {
        Some(clock) => {
            let message = format!("Test clock advancement underway - cannot perform modifications: {}", clock.id);
            Err(ApiError::invalid(message).status(429))
        }
        None => Ok(()),
    }
}

/// What may be asked of a clock.
#[derive(Deserialize)]
struct Fields {
    frozen_time: i64,
    customer: Option<String>,
    name: Option<String>,
}

/// `POST /v1/test_helpers/test_clocks`
pub(crate) fn create(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    must_stand(cx.world)?;
    within_time(fields.frozen_time)?;
    if let Some(customer) = &fields.customer {
        cx.given::<Customer>(customer, "customer")?;
    }
    if is_untouched(cx.world) {
        cx.set_now(fields.frozen_time);
    }
    let now = cx.now();
    if fields.frozen_time < now {
        return Err(backwards(now, "It cannot start before that: this sandbox has one clock for everything."));
    }
    let id = cx.new_id("clock");
    let clock = TestClock { id: id.clone(), created: now, name: fields.name, target: None };
    cx.create(clock, "test_helpers.test_clock.created");
    if let Some(customer) = &fields.customer {
        cx.edit::<Customer>(customer, |customer| customer.test_clock = Some(id.clone()));
    }
    if fields.frozen_time > now {
        start(cx, &id, fields.frozen_time);
    }
    Answer::object::<TestClock>(cx, &id)
}

/// Whether nothing has happened yet that a time belongs to: nothing is there, nothing was told and nothing is due.
fn is_untouched(world: &World) -> bool {
    world.all::<Customer>().next().is_none()
        && world.all::<Product>().next().is_none()
        && world.all::<Event>().next().is_none()
        && world.timers.next_at().is_none()
}

fn within_time(frozen_time: i64) -> Result<(), ApiError> {
    if (0..=END_OF_TIME).contains(&frozen_time) {
        return Ok(());
    }
    let message = format!("Invalid timestamp: {frozen_time} is not between 0 and {END_OF_TIME}.");
    Err(ApiError::wrong(&message, "frozen_time"))
}

/// A time that is not ahead.
fn backwards(now: i64, why: &str) -> ApiError {
    let message = format!("The frozen time of this clock is {now} ({}). {why}", utc(now));
    ApiError::wrong(&message, "frozen_time")
}

/// A time as Stripe writes it in errors about clocks, such as `2024-11-23 00:00:00 UTC`.
fn utc(at: i64) -> String {
    let written = Timestamp::from_second(at).map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    written.unwrap_or_default()
}

/// Begins to move the clock; who runs it goes on from there.
fn start(cx: &mut Cx<'_>, id: &str, target: i64) {
    cx.go_to(target);
    cx.edit::<TestClock>(id, |clock| clock.target = Some(target));
    cx.at(target, Timer::ClockReady(id.to_owned()));
    cx.tell::<TestClock>("test_helpers.test_clock.advancing", id);
}

/// `GET /v1/test_helpers/test_clocks`
pub(crate) fn list(cx: &mut Cx<'_>, _asked: &Asked) -> Result<Answer, ApiError> {
    Ok(Answer::list::<TestClock>(cx, |_| true))
}

/// `GET /v1/test_helpers/test_clocks/{id}`
pub(crate) fn retrieve(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    cx.of_path::<TestClock>(asked.id())?;
    Answer::object::<TestClock>(cx, asked.id())
}

/// `POST /v1/test_helpers/test_clocks/{id}/advance`: answers at once; the clock is ready when all is done that falls
/// due on its way.
pub(crate) fn advance(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let fields: Fields = asked.read()?;
    let clock: TestClock = cx.of_path(asked.id())?;
    must_stand(cx.world)?;
    within_time(fields.frozen_time)?;
    if fields.frozen_time <= cx.now() {
        let why = "`frozen_time` must be after the test clock's current frozen time.";
        return Err(backwards(cx.now(), why));
    }
    start(cx, &clock.id, fields.frozen_time);
    Answer::object::<TestClock>(cx, &clock.id)
}

/// The clock has arrived (the timer `ClockReady`): what else is due at this second is done first.
pub(crate) fn ready(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let is_there = |clock: &TestClock| clock.target.is_some_and(|target| target <= now);
    if !cx.world.get::<TestClock>(id).is_some_and(is_there) {
        return;
    }
    if cx.world.timers.next_at().is_some_and(|at| at <= now) {
        cx.at(now, Timer::ClockReady(id.to_owned()));
        return;
    }
    cx.edit::<TestClock>(id, |clock| clock.target = None);
    cx.tell::<TestClock>("test_helpers.test_clock.ready", id);
}

/// `DELETE /v1/test_helpers/test_clocks/{id}`: its customers go with it, and their subscriptions end.
pub(crate) fn delete(cx: &mut Cx<'_>, asked: &Asked) -> Result<Answer, ApiError> {
    let clock: TestClock = cx.of_path(asked.id())?;
    must_stand(cx.world)?;
    let is_of = |customer: &&Customer| !customer.deleted && customer.test_clock.as_ref() == Some(&clock.id);
    let own: Vec<String> = cx.world.all::<Customer>().filter(is_of).map(|customer| customer.id.clone()).collect();
    for customer in own {
        customers::delete(cx, &Asked { path: vec![customer], url: String::new(), params: json!({}) })?;
    }
    cx.tell::<TestClock>("test_helpers.test_clock.deleted", &clock.id);
    cx.remove::<TestClock>(&clock.id);
    Ok(Answer::deleted("test_helpers.test_clock", &clock.id))
}

#[cfg(test)]
mod tests {
    use super::{advance, create, delete, list, must_stand, ready, retrieve};
    use crate::{
        objects::{
            customers::{self, Customer},
            testing::{asked, listed, refused, told, value},
        },
        world::{Cx, Timer, World},
    };
    use serde_json::{Value, json};

    /// 2024-11-23T00:00:00Z
    const NOW: i64 = 1_732_320_000;

    fn at(frozen_time: i64) -> Value {
        json!({ "frozen_time": frozen_time })
    }

    fn id(clock: &Value) -> String {
        clock["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Moves the clock as far as it is to be moved.
    fn run(cx: &mut Cx<'_>) {
        let end = cx.world.target;
        while let Some(due) = cx.world.timers.next_at().filter(|due| *due <= end) {
            cx.world.now = due;
            if let Some(Timer::ClockReady(id)) = cx.world.timers.pop(due) {
                ready(cx, &id);
            }
        }
    }

    #[test]
    fn the_first_clock_sets_the_time() {
        for frozen_time in [NOW, NOW - 86_400, NOW + 86_400] {
            let mut world = World::new(1, NOW);
            let mut cx = Cx::new(&mut world, None);
            let params = json!({ "frozen_time": frozen_time, "name": "year" });
            let clock = value(create(&mut cx, &asked(&[], params)));
            let expected = json!({
                "id": clock["id"], "object": "test_helpers.test_clock", "created": frozen_time,
                "deletes_after": frozen_time + 30 * 86_400, "frozen_time": frozen_time, "livemode": false,
                "name": "year", "status": "ready", "status_details": {},
            });
            assert_eq!(clock, expected);
            assert_eq!((cx.now(), cx.world.target), (frozen_time, frozen_time));
            assert_eq!(told(cx.world), ["test_helpers.test_clock.created"]);
            cx.take_back();
            assert_eq!((world.now, world.target), (NOW, NOW), "what is taken back includes the time");
        }
    }

    #[test]
    fn a_clock_is_moved_and_is_ready_when_all_is_done() {
        let mut world = World::new(1, NOW);
        let mut cx = Cx::new(&mut world, None);
        let clock = id(&value(create(&mut cx, &asked(&[], at(NOW)))));
        let moving = value(advance(&mut cx, &asked(&[&clock], at(NOW + 60))));
        assert_eq!((&moving["status"], &moving["frozen_time"]), (&json!("advancing"), &json!(NOW)));
        assert_eq!(moving["status_details"]["advancing"]["target_frozen_time"], NOW + 60);
        assert_eq!(cx.world.target, NOW + 60);
        // Something that falls due in the last second, set after the clock began to move.
        cx.at(NOW + 60, Timer::MeterCheck);
        let error = refused(advance(&mut cx, &asked(&[&clock], at(NOW + 120))));
        let message = format!("Test clock advancement underway - cannot perform modifications: {clock}");
        assert_eq!((error.status, error.message), (429, message));
        assert!(must_stand(cx.world).is_err());
        run(&mut cx);
        let standing = value(retrieve(&mut cx, &asked(&[&clock], json!({}))));
        assert_eq!((&standing["status"], &standing["frozen_time"]), (&json!("ready"), &json!(NOW + 60)));
        assert_eq!(cx.world.timers.next_at(), None);
        let expected = ["created", "advancing", "ready"].map(|name| format!("test_helpers.test_clock.{name}"));
        assert_eq!(told(cx.world), expected);
        ready(&mut cx, &clock);
        assert_eq!(told(cx.world).len(), 3, "it is ready once");
    }

    #[test]
    fn a_clock_goes_forward_only() {
        let mut world = World::new(1, NOW);
        let mut cx = Cx::new(&mut world, None);
        let clock = id(&value(create(&mut cx, &asked(&[], at(NOW)))));
        for frozen_time in [NOW, NOW - 1] {
            let error = refused(advance(&mut cx, &asked(&[&clock], at(frozen_time))));
            assert!(error.message.contains("1732320000 (2024-11-23 00:00:00 UTC)"), "{}", error.message);
            assert_eq!((error.status, error.param.as_deref()), (400, Some("frozen_time")));
        }
        for frozen_time in [-1, i64::MAX] {
            assert!(advance(&mut cx, &asked(&[&clock], at(frozen_time))).is_err(), "{frozen_time}");
        }
        assert_eq!(refused(create(&mut cx, &asked(&[], at(NOW - 1)))).param.as_deref(), Some("frozen_time"));
        let second = value(create(&mut cx, &asked(&[], at(NOW + 60))));
        assert_eq!(second["status"], "advancing", "a clock that starts later moves the others");
        run(&mut cx);
        let first = value(retrieve(&mut cx, &asked(&[&clock], json!({}))));
        assert_eq!(first["frozen_time"], NOW + 60);
        assert_eq!(listed(list(&mut cx, &asked(&[], json!({})))), [id(&second), clock]);
        let error = refused(retrieve(&mut cx, &asked(&["clock_x"], json!({}))));
        assert_eq!((error.status, error.code.as_deref()), (404, Some("resource_missing")));
    }

    #[test]
    fn a_deleted_clock_takes_its_customers_along() {
        let mut world = World::new(1, NOW);
        let mut cx = Cx::new(&mut world, None);
        let clock = id(&value(create(&mut cx, &asked(&[], at(NOW)))));
        let own = id(&value(customers::create(&mut cx, &asked(&[], json!({ "test_clock": clock })))));
        let other = id(&value(customers::create(&mut cx, &asked(&[], json!({})))));
        let deleted = value(delete(&mut cx, &asked(&[&clock], json!({}))));
        assert_eq!(deleted, json!({ "id": clock, "object": "test_helpers.test_clock", "deleted": true }));
        assert!(cx.find::<Customer>(&own).is_none() && cx.find::<Customer>(&other).is_some());
        assert!(told(cx.world).ends_with(&["customer.deleted", "test_helpers.test_clock.deleted"]));
        assert_eq!(refused(retrieve(&mut cx, &asked(&[&clock], json!({})))).status, 404);
    }
}
