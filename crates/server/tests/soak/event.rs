//! What happens to the worlds: a seeded schedule of kills, restarts, wrong clocks, full disks and stopped databases.

use crate::{
    Plan,
    server::until,
    work::random,
    world::{Tally, World},
};
use serde_json::json;
use std::{
    collections::VecDeque,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

/// What happens to a world.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// kill -9 of a node, and a new process.
    Kill(usize),
    /// SIGTERM to a node, and a new process.
    Restart(usize),
    /// A node's clock is off by so many milliseconds for a while.
    Clock(usize, i64),
    /// The disk of the first node takes no pages for a while.
    Full,
    /// The database is stopped for a while: at once as in a crash, or in order.
    Stop { at_once: bool },
}

/// All that may happen to `world`. In the second half its first node lives on.
fn deck(world: &World, second_half: bool) -> Vec<Event> {
    let mut deck = match world.name {
        "SQLite" => vec![Event::Clock(0, -5000), Event::Clock(0, 3000), Event::Full],
        _ => vec![
            Event::Kill(1),
            Event::Restart(1),
            Event::Clock(1, 400),
            Event::Clock(0, -400),
            Event::Clock(1, 700),
            Event::Clock(0, -700),
            Event::Stop { at_once: true },
            Event::Stop { at_once: false },
        ],
    };
    if !second_half {
        deck.extend([Event::Kill(0), Event::Restart(0)]);
    }
    deck
}

/// Makes events happen until the plan's time is over: none in the quiet at its beginning and end.
pub fn run(worlds: &[World], plan: Plan, began: Instant) {
    let gap = (plan.length / 40).clamp(Duration::from_secs(6), Duration::from_secs(90));
    let mut at = plan.quiet();
    let (mut waiting, mut in_second_half) = (VecDeque::new(), false);
    for turn in 0.. {
        let second_half = at >= plan.length / 2;
        if waiting.is_empty() || second_half != in_second_half {
            in_second_half = second_half;
            waiting = shuffled(worlds, plan.seed + turn, second_half);
        }
        if at + plan.quiet() >= plan.length {
            break;
        }
        sleep_until(began + at);
        if let Some((world, event)) = waiting.pop_front() {
            happen(world, event, gap / 4, began);
        }
        at = (at + gap).max(began.elapsed());
    }
    sleep_until(began + plan.length);
}

/// The decks of all worlds, in an order that follows from `seed`.
fn shuffled(worlds: &[World], seed: u64, second_half: bool) -> VecDeque<(&World, Event)> {
    let decks = worlds.iter().flat_map(|world| deck(world, second_half).into_iter().map(move |event| (world, event)));
    let mut all: Vec<_> = decks.enumerate().collect();
    all.sort_by_key(|(place, _)| random(&[seed, u64::try_from(*place).unwrap_or(0)]));
    all.into_iter().map(|(_, event)| event).collect()
}

fn sleep_until(instant: Instant) {
    std::thread::sleep(instant.saturating_duration_since(Instant::now()));
}

/// Makes `event` happen and waits until all works again; what it makes wrong stays so for `hold`.
fn happen(world: &World, event: Event, hold: Duration, began: Instant) {
    let Tally { events, disturbed, .. } = &world.tally;
    disturbed.store(true, Ordering::SeqCst);
    events.fetch_add(1, Ordering::SeqCst);
    let at = began.elapsed().as_secs();
    println!("{:>3}:{:02}  {}: {event:?}", at / 60, at % 60, world.name);
    match event {
        Event::Kill(node) => world.nodes[node].kill(),
        Event::Restart(node) => world.nodes[node].restart(),
        Event::Clock(node, millis) => {
            let node = &world.nodes[node];
            node.set_clock(millis);
            if world.name != "SQLite" && millis.abs() > 500 {
                node.until_ready_is(503);
            }
            std::thread::sleep(hold);
            node.set_clock(0);
        }
        Event::Full => {
            let node = &world.nodes[0];
            node.fill_disk(true);
            let probe = json!({"amount": 1, "idempotency_key": format!("probe-{at}")});
            let client = node.client();
            let code = || client.try_post("/customers/probe/grants", &probe).map(|answer| answer.code());
            until("it says that the disk is full", || code().is_ok_and(|code| code == "database_full"));
            std::thread::sleep(hold);
            node.fill_disk(false);
        }
        Event::Stop { at_once } => {
            world.stop_database(at_once);
            for node in &world.nodes {
                node.until_ready_is(503);
            }
            std::thread::sleep(hold);
            world.start_database();
        }
    }
    for node in &world.nodes {
        node.until_ready_is(200);
    }
    disturbed.store(false, Ordering::SeqCst);
}
