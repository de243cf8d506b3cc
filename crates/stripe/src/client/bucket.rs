//! Our own rate limit: so many requests a second, and a few at once, first come, first served.

use std::{num::NonZeroU32, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout_at},
};

/// A bucket of tokens, each of which is one request.
pub(super) struct Bucket {
    /// The time one token takes to come.
    each: Duration,
    /// The time a full bucket takes to come, but for its first token.
    slack: Duration,
    /// When the bucket is full again. Who is first in line holds it while waiting; who goes away lets the next one on.
    full: Mutex<Instant>,
}

impl Bucket {
    /// Lets `per_second` through, and a fifth of them at once: in no second more than six fifths. Stripe counts by the
    /// second, so a bucket that holds a whole second's requests would let twice of them through in its first.
    pub(super) fn new(per_second: NonZeroU32) -> Self {
        let each = Duration::from_secs(1) / per_second.get();
        let burst = (per_second.get() / 5).max(1);
        Self { each, slack: each * (burst - 1), full: Mutex::new(Instant::now()) }
    }

    /// Waits for a token until `deadline`; says whether there was one.
    pub(super) async fn turn(&self, deadline: Instant) -> bool {
        let Ok(mut full) = timeout_at(deadline, self.full.lock()).await else { return false };
        let now = Instant::now();
        let wait = full.saturating_duration_since(now).saturating_sub(self.slack);
        if now + wait > deadline {
            return false;
        }
        if !wait.is_zero() {
            sleep(wait).await;
        }
        *full = (*full).max(now + wait) + self.each;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;
    use std::{num::NonZeroU32, time::Duration};
    use tokio::time::{Instant, advance, timeout};

    fn twenty() -> Bucket {
        Bucket::new(NonZeroU32::new(20).expect("not zero"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_at_once_and_then_one_after_the_other() {
        let bucket = twenty();
        let began = Instant::now();
        let mut at = Vec::new();
        for _ in 0..24 {
            assert!(bucket.turn(began + Duration::from_secs(60)).await);
            at.push(began.elapsed().as_millis());
        }
        assert_eq!(at[..6], [0, 0, 0, 0, 50, 100]);
        assert_eq!(at[23], 1000, "24 in the first second");
        advance(Duration::from_secs(3600)).await;
        let again = Instant::now();
        for _ in 0..24 {
            bucket.turn(again + Duration::from_secs(60)).await;
        }
        assert_eq!(again.elapsed().as_millis(), 1000, "what was not used for an hour is not saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_no_time_is_told_and_who_goes_away_takes_no_token() {
        let bucket = twenty();
        let began = Instant::now();
        for _ in 0..4 {
            assert!(bucket.turn(began).await);
        }
        assert!(!bucket.turn(began + Duration::from_millis(49)).await, "the next token comes after 50 ms");
        assert_eq!(began.elapsed().as_millis(), 0, "and that is known at once");
        for _ in 0..20 {
            let gone = timeout(Duration::from_micros(100), bucket.turn(began + Duration::from_secs(60))).await;
            assert!(gone.is_err());
        }
        assert!(bucket.turn(began + Duration::from_secs(60)).await);
        assert!(began.elapsed().as_millis() <= 55, "{:?}", began.elapsed());
    }
}
