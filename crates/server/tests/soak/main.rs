//! The soak: the real binary on both databases under mixed load while nodes are killed, clocks step, disks fill and
//! the database stops; then everything acknowledged is proved. Run as `cargo xtask soak`; no part of `cargo test`.

#![expect(clippy::print_stdout, reason = "it says what it does, minute by minute")]

mod caller;
#[expect(dead_code, reason = "the black-box tests' own, of which the soak needs a part")]
#[path = "../outside/client.rs"]
mod client;
mod event;
mod meter;
mod node;
#[path = "../support/postgres.rs"]
mod postgres;
mod proof;
mod report;
#[expect(dead_code, reason = "the black-box tests' own, of which the soak needs a part")]
#[path = "../outside/server.rs"]
mod server;
#[expect(dead_code, unused_imports, unused_macros, reason = "the black-box tests' own, of which the soak needs a part")]
#[path = "../outside/store.rs"]
mod store;
mod work;
mod world;

use caller::Caller;
use report::Report;
use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use world::World;

const USAGE: &str = "cargo xtask soak [--minutes 60] [--seed 1] [--database sqlite|postgres|both]";

/// Callers of each database.
const CALLERS: u64 = 8;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long the load runs.
    pub length: Duration,
    /// What requests and events follow from.
    pub seed: u64,
    sqlite: bool,
    postgres: bool,
}

impl Plan {
    fn read(words: &[String]) -> Option<Self> {
        let mut plan = Self { length: Duration::from_secs(3600), seed: 1, sqlite: true, postgres: true };
        for pair in words.chunks(2) {
            match pair {
                [name, value] if name == "--minutes" => {
                    let minutes = value.parse::<u64>().ok().filter(|minutes| (1..=10_000).contains(minutes))?;
                    plan.length = Duration::from_secs(minutes * 60);
                }
                [name, value] if name == "--seed" => plan.seed = value.parse().ok()?,
                [name, value] if name == "--database" => match value.as_str() {
                    "sqlite" => plan.postgres = false,
                    "postgres" => plan.sqlite = false,
                    "both" => {}
                    _ => return None,
                },
                _ => return None,
            }
        }
        Some(plan)
    }

    /// How long the load runs undisturbed before the first event and after the last: five minutes of an hour.
    pub fn quiet(&self) -> Duration {
        self.length / 12
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = Plan::read(&words) else {
        println!("{USAGE}");
        return ExitCode::from(2);
    };
    let report = soak(plan);
    report.tell();
    if report.is_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Ends the load however the scope is left.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Load and events for as long as the plan says, then the proof.
fn soak(plan: Plan) -> Report {
    println!("soak: {} minutes with the seed {}", plan.length.as_secs() / 60, plan.seed);
    let mut worlds = Vec::new();
    if plan.sqlite {
        worlds.push(World::sqlite());
    }
    if plan.postgres {
        worlds.push(World::postgres());
    }
    let worlds = &worlds;
    for world in worlds {
        work::fund(&world.nodes[0].client());
    }
    let stop = &AtomicBool::new(false);
    let began = Instant::now();
    let (callers, minutes) = std::thread::scope(|scope| {
        let stopping = Stop(stop);
        let callers: Vec<_> = worlds
            .iter()
            .flat_map(|world| (0..CALLERS).map(move |caller| (world, caller)))
            .map(|(world, caller)| {
                let mut caller = Caller::new(world, plan.seed, caller);
                scope.spawn(move || {
                    caller.work(stop);
                    caller
                })
            })
            .collect();
        let meter = scope.spawn(move || meter::watch(worlds, plan, began, stop));
        event::run(worlds, plan, began);
        drop(stopping);
        let callers: Vec<Caller<'_>> = callers.into_iter().map(|it| it.join().expect("a caller ends")).collect();
        (callers, meter.join().expect("the meter ends"))
    });
    let proofs = worlds.iter().map(|world| proof::prove(world, &callers)).collect();
    Report::new(plan, worlds, minutes, proofs)
}
