//! The circuit breaker: after failures in a row nothing is sent for a while, then one request tries.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Refuses what would fail. Failures are tries without an answer and Stripe's own trouble (5xx); a refusal is an
/// answer.
pub(super) struct Breaker {
    most: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    /// All is sent; so many tries in a row failed.
    Closed(u32),
    /// Nothing is sent until then.
    Open(Instant),
    /// One request is trying.
    Probing,
}

/// One try that may be made. Say how it went; when it is dropped without that, it counts for nothing.
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    /// Opens after `most` failures in a row, for `pause`.
    pub(super) fn new(most: u32, pause: Duration) -> Self {
        Self { most: most.max(1), pause, state: Mutex::new(State::Closed(0)) }
    }

    /// Lets a try through, or says after what time to ask again.
    pub(super) fn admit(&self, now: Instant) -> Result<Permit<'_>, Duration> {
        let mut state = self.lock();
        let probe = self.probes(*state, now)?;
        if probe {
            *state = State::Probing;
        }
        Ok(Permit { breaker: self, probe })
    }

    /// Whether a try would be let through now; if not, after what time to ask again.
    pub(super) fn look(&self, now: Instant) -> Result<(), Duration> {
        self.probes(*self.lock(), now).map(drop)
    }

    /// Whether a try would be a probe; refused when none is let through.
    fn probes(&self, state: State, now: Instant) -> Result<bool, Duration> {
        match state {
            State::Closed(_) => Ok(false),
            State::Open(until) if now >= until => Ok(true),
            State::Open(until) => Err(until - now),
            State::Probing => Err(self.pause),
        }
    }

    /// Whether nothing but a probe is sent.
    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.lock(), State::Closed(_))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: &mut State, next: State) {
        let was = matches!(state, State::Closed(_));
        let is = matches!(next, State::Closed(_));
        *state = next;
        if was != is {
            metrics::gauge!("purser_stripe_breaker_open").set(if is { 0.0 } else { 1.0 });
            if is {
                tracing::info!("Stripe answers again");
            } else {
                tracing::warn!(pause_s = self.pause.as_secs(), "Stripe is failing: nothing is sent for a while");
            }
        }
    }
}

impl Permit<'_> {
    /// Says how the try went.
    pub(super) fn done(mut self, well: bool, now: Instant) {
        let breaker = self.breaker;
        let mut state = breaker.lock();
        let next = match *state {
            _ if self.probe => {
                if well {
                    State::Closed(0)
                } else {
                    State::Open(now + breaker.pause)
                }
            }
            State::Closed(_) if well => State::Closed(0),
            State::Closed(failed) if failed + 1 >= breaker.most => State::Open(now + breaker.pause),
            State::Closed(failed) => State::Closed(failed + 1),
            // A try that began before it opened changes nothing.
            other => other,
        };
        breaker.set(&mut state, next);
        self.probe = false;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe {
            // The one that tried went away: the next may try at once.
            *self.breaker.lock() = State::Open(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Breaker;
    use std::time::Duration;
    use tokio::time::{Instant, advance};

    const PAUSE: Duration = Duration::from_secs(15);

    fn fail(breaker: &Breaker) {
        breaker.admit(Instant::now()).unwrap_or_else(|_| panic!("open")).done(false, Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_probes_and_closes() {
        let breaker = Breaker::new(3, PAUSE);
        fail(&breaker);
        fail(&breaker);
        breaker.admit(Instant::now()).unwrap_or_else(|_| panic!("open")).done(true, Instant::now());
        fail(&breaker);
        fail(&breaker);
        assert!(!breaker.is_open(), "only failures in a row count");
        fail(&breaker);
        assert!(breaker.is_open());
        assert_eq!(breaker.admit(Instant::now()).err(), Some(PAUSE));
        advance(Duration::from_secs(14)).await;
        assert_eq!(breaker.admit(Instant::now()).err(), Some(Duration::from_secs(1)));
        advance(Duration::from_secs(1)).await;
        let probe = breaker.admit(Instant::now()).unwrap_or_else(|_| panic!("no probe"));
        assert!(breaker.admit(Instant::now()).is_err(), "one probe at a time");
        probe.done(false, Instant::now());
        assert_eq!(breaker.admit(Instant::now()).err(), Some(PAUSE));
        advance(PAUSE).await;
        breaker.admit(Instant::now()).unwrap_or_else(|_| panic!("no probe")).done(true, Instant::now());
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_goes_away_leaves_room_for_the_next() {
        let breaker = Breaker::new(1, PAUSE);
        fail(&breaker);
        advance(PAUSE).await;
        drop(breaker.admit(Instant::now()));
        assert!(breaker.admit(Instant::now()).is_ok());
    }
}
