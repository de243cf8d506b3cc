//! Shows how far a bench is, on standard error: a moving line on a terminal, else a plain one every few seconds.

use crate::say::tell;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    future::Future,
    io::IsTerminal,
    time::{Duration, Instant},
};

/// How often a terminal is told, and how often anything else.
const TERMINAL: Duration = Duration::from_millis(200);
const PLAIN: Duration = Duration::from_secs(5);

/// Waits for `work`, telling every now and then what `now` says.
pub(in crate::cli) async fn shown<T>(now: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    let terminal = std::io::stderr().is_terminal();
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    let mut ticks = tokio::time::interval(if terminal { TERMINAL } else { PLAIN });
    // The first comes at once, when there is nothing to tell.
    ticks.tick().await;
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                bar.finish_and_clear();
                return done;
            }
            _ = ticks.tick() => {
                if terminal {
                    bar.set_message(now());
                    bar.tick();
                } else {
                    tell(now());
                }
            }
        }
    }
}

/// Shows a rate: how much more there is than when it was asked last.
#[derive(Debug)]
pub(super) struct Rate {
    last: std::cell::Cell<(Instant, u64)>,
}

impl Rate {
    /// From now on, from nothing.
    pub(super) fn new() -> Self {
        Self { last: std::cell::Cell::new((Instant::now(), 0)) }
    }

    /// How many a second since it was asked last, now that there are `count`.
    pub(super) fn now(&self, count: u64) -> u64 {
        let (then, before) = self.last.replace((Instant::now(), count));
        per_second(count.saturating_sub(before), then.elapsed())
    }
}

/// How many a second `count` in `time` are.
pub(super) fn per_second(count: u64, time: Duration) -> u64 {
    let micros = time.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}
