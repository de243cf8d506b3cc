//! Writes of one object are sent one after the other: of two at once Stripe answers one with a lock timeout.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};
use tokio::{
    sync::{Mutex as Lock, OwnedMutexGuard},
    time::{Instant, timeout_at},
};

/// Who writes which object now.
#[derive(Default)]
pub(super) struct Order {
    /// The objects somebody writes or waits for, and no others.
    of: Mutex<HashMap<String, Weak<Lock<()>>>>,
}

/// The turn to write an object, or a place in the line for it. It is given back when it is dropped, wherever the call
/// was by then; the last one to leave takes the object's name away.
pub(super) struct Turn<'a> {
    order: &'a Order,
    object: &'a str,
    lock: Option<Arc<Lock<()>>>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Order {
    /// Waits until nobody else writes `object`; `None` when that is not before `deadline`. First come, first served.
    pub(super) async fn turn<'a>(&'a self, object: &'a str, deadline: Instant) -> Option<Turn<'a>> {
        let lock = self.lock_of(object);
        let mut turn = Turn { order: self, object, lock: Some(lock.clone()), held: None };
        turn.held = Some(timeout_at(deadline, lock.lock_owned()).await.ok()?);
        Some(turn)
    }

    fn lock_of(&self, object: &str) -> Arc<Lock<()>> {
        let mut of = self.names();
        if let Some(lock) = of.get(object).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(Lock::new(()));
        of.insert(object.to_owned(), Arc::downgrade(&lock));
        lock
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Weak<Lock<()>>>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room for names that is kept, whatever the number of names.
const FEW: usize = 256;

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.held = None;
        self.lock = None;
        let mut of = self.order.names();
        if of.get(self.object).is_some_and(|lock| lock.strong_count() == 0) {
            of.remove(self.object);
            if of.capacity() > FEW && of.capacity() > 4 * of.len() {
                let room = 2 * of.len();
                of.shrink_to(room.max(FEW));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Order};
    use std::time::Duration;
    use tokio::time::{Instant, timeout};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_for_each_object_and_no_longer_than_asked() {
        let order = Order::default();
        let first = order.turn("sub_1", soon()).await;
        assert!(first.is_some());
        assert!(order.turn("sub_2", soon()).await.is_some(), "another object");
        assert!(order.turn("sub_1", soon()).await.is_none(), "still written");
        drop(first);
        assert!(order.turn("sub_1", soon()).await.is_some());
        assert_eq!(order.names().len(), 0, "nobody writes, nothing is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_from_the_line_leaves_nothing_behind() {
        let order = Order::default();
        let first = order.turn("sub_1", soon()).await;
        let waiting = timeout(Duration::from_millis(1), order.turn("sub_1", soon())).await;
        assert!(waiting.is_err(), "it went away while it waited");
        assert_eq!(order.names().len(), 1, "the first still writes");
        drop(first);
        assert_eq!(order.names().len(), 0);
        assert!(order.turn("sub_1", soon()).await.is_some());
    }

    #[tokio::test]
    async fn many_names_leave_no_room_behind() {
        let order = Order::default();
        let names: Vec<_> = (0..40 * FEW).map(|n| format!("sub_{n}")).collect();
        let mut turns = Vec::new();
        for name in &names {
            turns.push(order.turn(name, soon()).await.expect("a turn"));
        }
        assert_eq!(order.names().len(), 40 * FEW);
        drop(turns);
        let names = order.names();
        assert!(names.is_empty() && names.capacity() <= 4 * FEW, "{}", names.capacity());
    }
}
