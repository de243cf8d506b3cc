//! Deliveries: what is on its way to whom, when it is due, what was tried and what became of it.
//!
//! A clock asks `next_due`, takes what is due by `take_due`, sends it, in the order it was given at least to one
//! endpoint, and reports each by `settle`. Nothing here knows a network.

use super::{
    DeliveryFault, Drawn, Retries, ThinEvent,
    targets::{Payload, target},
};
use crate::world::{Cx, Event, Resource, World};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The longest that a delivery waits for one to follow it, when it is to come out of order, in seconds.
const LONGEST_HELD: i64 = 60 * 60;

/// Most deliveries that are taken at once: while they are written and signed everybody else waits.
const MOST_AT_ONCE: usize = 64;

/// When it is the turn of a delivery: at a second, and there in the order the turns were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// The second.
    pub at: i64,
    place: u64,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It waits for its turn.
    Waiting,
    /// It waits for another that comes after it: a planted fault.
    Held,
    /// It is being sent.
    Sending,
    /// It was taken.
    Delivered,
    /// All tries failed.
    Failed,
    /// Its endpoint was disabled or gone when it was its turn.
    Stopped,
    /// It is never sent: a planted fault.
    Lost,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// When it was made.
    pub at: i64,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// `dlv_…`
    pub id: String,
    /// The how many-th that was planned.
    number: u64,
    /// The event.
    pub event: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which of the two kinds of events it is.
    pub payload: Payload,
    /// The webhook endpoint or event destination.
    pub endpoint: String,
    /// When it was planned.
    pub created: i64,
    /// Its next turn.
    pub due: Option<Turn>,
    /// How far it is.
    pub state: State,
    /// The tries, oldest first.
    pub attempts: Vec<Attempt>,
    /// Whether it is the second of the same event: a planted fault. Nobody waits for it.
    pub again: bool,
}

impl Resource for Delivery {
    const SCHEMA: &'static str = "sandbox.delivery";

    fn id(&self) -> &str {
        &self.id
    }

    fn owners(&self) -> Vec<&str> {
        vec![&self.event]
    }
}

impl Delivery {
    /// Whether it will not be tried any more.
    pub fn is_over(&self) -> bool {
        !matches!(self.state, State::Waiting | State::Held | State::Sending)
    }

    /// When it was taken.
    pub fn taken_at(&self) -> Option<i64> {
        self.attempts.last().filter(|_| self.state == State::Delivered).map(|attempt| attempt.at)
    }
}

/// The order of deliveries, and by which rules they are made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Dispatch {
    /// Turns and whose they are. A delivery whose `due` says otherwise has another turn, or none: the request that
    /// planned it may have been refused.
    queue: BTreeSet<(Turn, String)>,
    /// Those that are or were held, in the order they were planned.
    held: Vec<String>,
    /// The last number that was given.
    numbers: u64,
    /// When deliveries that failed are tried again.
    pub retries: Retries,
    /// Faults that happen by chance.
    pub drawn: Option<Drawn>,
    /// Whether an event was ever dated back: then the order they were told in is not that of their times.
    pub dated_back: bool,
}

impl Dispatch {
    /// A number that was not given before, for ids that must not take from the world's chance.
    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Gives the delivery `id` a turn at `at`, there in the order of `place`.
    fn line_up(&mut self, at: i64, place: u64, id: &str) -> Turn {
        let turn = Turn { at, place };
        self.queue.insert((turn, id.to_owned()));
        turn
    }

    /// Takes the first turn that is not after `now`.
    fn pop(&mut self, now: i64) -> Option<(Turn, String)> {
        let (turn, _) = self.queue.first()?;
        if turn.at > now { None } else { self.queue.pop_first() }
    }
}

/// An event, as deliveries name it.
pub(super) struct Told<'a> {
    /// Its id.
    pub event: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// Which kind of event it is.
    pub payload: Payload,
}

/// Plans that an event goes to each of `targets`, as wrong as `fault` says.
pub(super) fn send_out(cx: &mut Cx<'_>, told: &Told<'_>, targets: &[String], fault: Option<DeliveryFault>) {
    let now = cx.now();
    for endpoint in targets {
        let mut put = |state, at, again| put(cx, told, endpoint, state, at, again);
        match fault {
            Some(DeliveryFault::Never) => put(State::Lost, None, false),
            Some(DeliveryFault::OutOfOrder) => put(State::Held, Some(now + LONGEST_HELD), false),
            Some(DeliveryFault::Late { seconds }) => {
                put(State::Waiting, Some(now.saturating_add(seconds.max(0))), false);
            }
            Some(DeliveryFault::Twice) => {
                put(State::Waiting, Some(now), false);
                put(State::Waiting, Some(now), true);
            }
            Some(DeliveryFault::EqualTimestamps) | None => put(State::Waiting, Some(now), false),
        }
    }
}

/// Sends the event of the delivery `id` to its endpoint once more, now. Nothing happens when there is no such delivery.
pub(crate) fn resend(cx: &mut Cx<'_>, id: &str) {
    let Some(found) = cx.world.get::<Delivery>(id).cloned() else { return };
    let told = Told { event: &found.event, kind: &found.kind, payload: found.payload };
    let now = cx.now();
    put(cx, &told, &found.endpoint, State::Waiting, Some(now), true);
}

/// Plans one delivery. If it waits for nothing but its turn, those that are held follow it, the last held first.
fn put(cx: &mut Cx<'_>, told: &Told<'_>, endpoint: &str, state: State, at: Option<i64>, again: bool) {
    let number = cx.world.dispatch.number();
    let id = format!("dlv_{number}");
    let due = at.map(|at| cx.world.dispatch.line_up(at, number, &id));
    let delivery = Delivery {
        id: id.clone(),
        number,
        event: told.event.to_owned(),
        kind: told.kind.to_owned(),
        payload: told.payload,
        endpoint: endpoint.to_owned(),
        created: cx.now(),
        due,
        state,
        attempts: Vec::new(),
        again,
    };
    cx.put(delivery);
    match (state, at) {
        (State::Held, _) => cx.world.dispatch.held.push(id),
        (State::Waiting, Some(at)) => let_go(cx, endpoint, at),
        _ => {}
    }
}

/// Gives those deliveries to `endpoint` that are held a turn at `at`.
fn let_go(cx: &mut Cx<'_>, endpoint: &str, at: i64) {
    let deliveries = &cx.world.tables.deliveries;
    let is_held = |id: &&String| {
        deliveries.get(id.as_str()).is_some_and(|held| held.state == State::Held && held.endpoint == endpoint)
    };
    let held: Vec<String> = cx.world.dispatch.held.iter().rev().filter(is_held).cloned().collect();
    for id in held {
        let place = cx.world.dispatch.number();
        let turn = cx.world.dispatch.line_up(at, place, &id);
        cx.edit::<Delivery>(&id, |delivery| {
            delivery.state = State::Waiting;
            delivery.due = Some(turn);
        });
    }
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// The delivery.
    pub delivery: String,
    /// Its event.
    pub event: String,
    /// Its event's type.
    pub kind: String,
    /// Whom it goes to: an endpoint or destination.
    pub endpoint: String,
    /// When it is sent, in seconds.
    pub at: i64,
    /// Where it goes.
    pub url: String,
    /// The body, to the byte as it was signed.
    pub body: String,
    /// The header `Stripe-Signature`.
    pub signature: String,
}

/// When the next delivery is due; it may be in the past.
pub(crate) fn next_due(world: &World) -> Option<i64> {
    let is_so = |turn: Turn, id: &str| world.tables.deliveries.get(id).is_some_and(|row| row.due == Some(turn));
    world.dispatch.queue.iter().find(|(turn, id)| is_so(*turn, id)).map(|(turn, _)| turn.at)
}

/// Takes what is due at `now`, in order, signed with that time: not more than can be held at once, so there may be more.
/// Each is to be settled.
///
/// What is due to an endpoint that is disabled or gone is given up for good; if it is enabled again before that,
/// nothing is lost.
pub(crate) fn take_due(world: &mut World, now: i64) -> Vec<Outgoing> {
    let mut taken = Vec::new();
    while taken.len() < MOST_AT_ONCE
        && let Some((turn, id)) = world.dispatch.pop(now)
    {
        taken.extend(begin(world, now, turn, &id));
    }
    let deliveries = &world.tables.deliveries;
    world.dispatch.held.retain(|id| deliveries.get(id).is_some_and(|row| row.state == State::Held));
    taken
}

/// Begins a try of the delivery `id`, if `turn` is still its turn and its endpoint is there.
fn begin(world: &mut World, now: i64, turn: Turn, id: &str) -> Option<Outgoing> {
    let delivery = world.tables.deliveries.get(id).filter(|delivery| delivery.due == Some(turn))?;
    let outgoing = outgoing(world, delivery, now);
    let delivery = world.tables.deliveries.get_mut(id)?;
    delivery.due = None;
    if outgoing.is_some() {
        delivery.state = State::Sending;
        delivery.attempts.push(Attempt { at: now, status: None, error: None });
    } else {
        delivery.state = State::Stopped;
    }
    outgoing
}

/// The delivery as it is sent at `now`; `None` when its endpoint or its event is no more.
fn outgoing(world: &World, delivery: &Delivery, now: i64) -> Option<Outgoing> {
    let target = target(world, &delivery.endpoint).filter(|target| target.enabled)?;
    let body = match delivery.payload {
        Payload::Snapshot => {
            serde_json::to_string_pretty(&world.get::<Event>(&delivery.event)?.snapshot(target.version))
        }
        Payload::Thin => serde_json::to_string_pretty(&world.get::<ThinEvent>(&delivery.event)?.notice()),
    };
    let body = body.ok()?;
    let signature = target.secrets.sign(now, &body);
    Some(Outgoing {
        delivery: delivery.id.clone(),
        event: delivery.event.clone(),
        kind: delivery.kind.clone(),
        endpoint: delivery.endpoint.clone(),
        at: now,
        url: target.url.to_owned(),
        body,
        signature,
    })
}

/// What became of the try of the delivery `id`: the status of the answer, or why there was none. Anything but 2xx is a
/// failure, and is tried again by the pattern in force.
pub(crate) fn settle(world: &mut World, id: &str, result: Result<u16, String>) {
    let Some(delivery) = world.tables.deliveries.get_mut(id) else { return };
    if delivery.state != State::Sending {
        return;
    }
    let tried = delivery.attempts.len();
    let Some(attempt) = delivery.attempts.last_mut() else { return };
    let is_taken = matches!(result, Ok(200..=299));
    let at = attempt.at;
    match result {
        Ok(status) => attempt.status = Some(status),
        Err(error) => attempt.error = Some(error),
    }
    if is_taken {
        delivery.state = State::Delivered;
        if delivery.payload == Payload::Snapshot
            && !delivery.again
            && let Some(event) = world.tables.events.get_mut(&delivery.event)
        {
            event.pending_webhooks = event.pending_webhooks.saturating_sub(1);
        }
    } else if let Some(wait) = world.dispatch.retries.wait(tried) {
        delivery.state = State::Waiting;
        // By its own number: when the answer came, among all that happened meanwhile, must not count.
        delivery.due = Some(world.dispatch.line_up(at + wait, delivery.number, id));
    } else {
        delivery.state = State::Failed;
    }
}

/// Lines up anew what was being sent when the state was kept. To be done once a kept state is loaded.
pub(crate) fn resume(world: &mut World) {
    let under_way = world.all::<Delivery>().filter(|delivery| delivery.state == State::Sending);
    let ids: Vec<(String, u64)> = under_way.map(|delivery| (delivery.id.clone(), delivery.number)).collect();
    let now = world.now;
    for (id, number) in ids {
        let turn = world.dispatch.line_up(now, number, &id);
        if let Some(delivery) = world.tables.deliveries.get_mut(&id) {
            delivery.attempts.pop();
            delivery.state = State::Waiting;
            delivery.due = Some(turn);
        }
    }
}
