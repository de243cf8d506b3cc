//! Writes of one object are sent one after the other: of two at once Stripe answers one with a lock timeout.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::{
    sync::{Mutex as Turn, OwnedMutexGuard},
    time::{Instant, timeout_at},
};

/// Who writes which object now.
#[derive(Default)]
pub(super) struct Order {
    turns: Mutex<Turns>,
}

#[derive(Default)]
struct Turns {
    of: HashMap<String, Weak<Turn<()>>>,
    /// How many names make it worth looking for those nobody waits for.
    sweep_at: usize,
}

/// Fewest names that are looked through.
const FEW: usize = 256;

impl Order {
    /// Waits until nobody else writes `object`; `None` when that is not before `deadline`. First come, first served.
    pub(super) async fn turn(&self, object: &str, deadline: Instant) -> Option<OwnedMutexGuard<()>> {
        let turn = self.of(object);
        timeout_at(deadline, turn.lock_owned()).await.ok()
    }

    fn of(&self, object: &str) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.of.get(object).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.of.len() >= turns.sweep_at {
            turns.of.retain(|_, turn| turn.strong_count() > 0);
            turns.sweep_at = (turns.of.len() * 2).max(FEW);
        }
        let turn = Arc::new(Turn::new(()));
        turns.of.insert(object.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Order};
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_for_each_object_and_no_longer_than_asked() {
        let order = Order::default();
        let soon = || Instant::now() + Duration::from_secs(1);
        let first = order.turn("sub_1", soon()).await;
        assert!(first.is_some());
        assert!(order.turn("sub_2", soon()).await.is_some(), "another object");
        assert!(order.turn("sub_1", soon()).await.is_none(), "still written");
        drop(first);
        assert!(order.turn("sub_1", soon()).await.is_some());
    }

    #[tokio::test]
    async fn names_nobody_waits_for_are_forgotten() {
        let order = Order::default();
        let held = order.turn("held", Instant::now() + Duration::from_secs(1)).await;
        for n in 0..10 * FEW {
            drop(order.of(&format!("sub_{n}")));
        }
        let turns = order.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        assert!(turns.of.len() <= FEW + 1, "{}", turns.of.len());
        assert!(held.is_some() && turns.of.contains_key("held"));
    }
}
