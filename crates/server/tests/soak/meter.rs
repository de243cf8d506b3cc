//! What is measured while it runs: rate, latency, memory and file sizes, a line for each world and minute.

use crate::{Plan, world::World};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// One world in one minute.
#[derive(Clone, Debug)]
pub struct Minute {
    /// The world's place.
    pub world: usize,
    /// When it ended, in seconds since the beginning.
    pub at: u64,
    /// Answers in each second.
    pub rate: u64,
    /// The median and the 99th percentile of answers' times, in microseconds.
    pub p50: u64,
    pub p99: u64,
    /// Requests to be sent again, and events, so far.
    pub open: u64,
    pub events: u64,
    /// Whether nothing happened in it.
    pub quiet: bool,
    /// Of each node: which process it is, and its resident memory in KiB.
    pub memory: Vec<Option<(u64, u64)>>,
    /// The database's files, in KiB.
    pub size: u64,
}

/// Measures every minute (of short runs: every twentieth) until told to stop; says each, and answers all.
pub fn watch(worlds: &[World], plan: Plan, began: Instant, stop: &AtomicBool) -> Vec<Minute> {
    let every = (plan.length / 20).clamp(Duration::from_secs(5), Duration::from_secs(60));
    let mut minutes: Vec<Minute> = Vec::new();
    let (mut next, mut disturbed) = (every, vec![false; worlds.len()]);
    while !stop.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(100));
        for (seen, world) in disturbed.iter_mut().zip(worlds) {
            *seen |= world.tally.disturbed.load(Ordering::SeqCst);
        }
        if began.elapsed() < next {
            continue;
        }
        next += every;
        for (at, world) in worlds.iter().enumerate() {
            let earlier = minutes.iter().rev().find(|minute| minute.world == at);
            let events = world.tally.events.load(Ordering::SeqCst);
            let calm = !std::mem::take(&mut disturbed[at]) && events == earlier.map_or(0, |minute| minute.events);
            let minute = Minute { world: at, events, quiet: calm, ..minute(world, began, every) };
            println!("{}", minute.line(world));
            minutes.push(minute);
        }
    }
    minutes
}

fn minute(world: &World, began: Instant, every: Duration) -> Minute {
    let mut took = std::mem::take(&mut *world.tally.took.lock().expect("not poisoned"));
    took.sort_unstable();
    let count = u64::try_from(took.len()).unwrap_or(0);
    let percentile = |part: usize| took.get((took.len() * part / 100).min(took.len().saturating_sub(1))).copied();
    Minute {
        world: 0,
        at: began.elapsed().as_secs(),
        rate: count / every.as_secs(),
        p50: percentile(50).unwrap_or(0),
        p99: percentile(99).unwrap_or(0),
        open: world.tally.open.load(Ordering::SeqCst),
        events: 0,
        quiet: true,
        memory: world.nodes.iter().map(crate::node::Node::memory).collect(),
        size: world.size(),
    }
}

impl Minute {
    /// The line of progress.
    fn line(&self, world: &World) -> String {
        let memory = |it: &Option<(u64, u64)>| it.map_or_else(|| "down".into(), |(_, kib)| format!("{}", kib / 1024));
        let memory: Vec<String> = self.memory.iter().map(memory).collect();
        format!(
            "{:>3}:{:02}  {:<10} {:>5}/s  p50 {:>7} ms  p99 {:>7} ms  memory {:>7} MiB  files {:>5} MiB  {:>3} events{}  {} sent again",
            self.at / 60,
            self.at % 60,
            world.name,
            self.rate,
            millis(self.p50),
            millis(self.p99),
            memory.join("+"),
            self.size / 1024,
            self.events,
            if self.quiet { " (quiet)" } else { "" },
            self.open,
        )
    }
}

/// Microseconds as milliseconds.
pub fn millis(micros: u64) -> String {
    format!("{}.{:02}", micros / 1000, micros % 1000 / 10)
}
