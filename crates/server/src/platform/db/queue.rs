//! A bounded queue between handlers and the threads that own connections.

use super::DbError;
use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// Work waiting for a thread. Threads may wait for it blocking, or as a future.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    notify: Notify,
    /// Told once, at the end; not `notify`, whose every call is for one that takes work.
    closing: Notify,
    /// The same, for threads.
    closed: Condvar,
    bound: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Threads that have a connection and so can do work.
    up: usize,
    closed: bool,
}

impl<T> Queue<T> {
    /// An empty queue of at most `bound`; nothing is taken until a thread is up.
    pub(super) fn new(bound: usize) -> Self {
        let state = State { waiting: VecDeque::new(), up: 0, closed: false };
        Self {
            state: Mutex::new(state),
            filled: Condvar::new(),
            notify: Notify::new(),
            closing: Notify::new(),
            closed: Condvar::new(),
            bound,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds work.
    ///
    /// # Errors
    /// The work back, and why it was not taken: full, closed, or no thread has a connection.
    pub(super) fn push(&self, work: T) -> Result<(), (T, DbError)> {
        let mut state = self.lock();
        if state.closed {
            return Err((work, DbError::Unavailable("the database was closed".into())));
        }
        if state.up == 0 {
            return Err((work, DbError::Unavailable("the database cannot be reached".into())));
        }
        if state.waiting.len() >= self.bound {
            return Err((work, DbError::Overloaded));
        }
        state.waiting.push_back(work);
        drop(state);
        self.filled.notify_one();
        self.notify.notify_one();
        Ok(())
    }

    /// Adds work that a thread of this queue leaves for its next turn: never refused.
    pub(super) fn push_again(&self, work: T) {
        self.lock().waiting.push_back(work);
        self.filled.notify_one();
        self.notify.notify_one();
    }

    /// Waits for work and takes all there is, in order; `None` once closed and empty.
    pub(super) fn take_all(&self) -> Option<VecDeque<T>> {
        let mut state = self.lock();
        loop {
            if !state.waiting.is_empty() {
                return Some(std::mem::take(&mut state.waiting));
            }
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for one piece of work, blocking; `None` once closed and empty.
    pub(super) fn take_blocking(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                return Some(work);
            }
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Blocks until there is work or it is closed, or for as long as `most`; whether it was as long as that.
    pub(super) fn is_idle_for(&self, most: Duration) -> bool {
        let nothing = |state: &mut State<T>| state.waiting.is_empty() && !state.closed;
        let waited = self.filled.wait_timeout_while(self.lock(), most, nothing);
        waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits for one piece of work; `None` once closed and empty. May be dropped while it waits.
    pub(super) async fn take(&self) -> Option<T> {
        loop {
            // Made before looking, so that what is pushed in between wakes it.
            let notified = self.notify.notified();
            {
                let mut state = self.lock();
                if let Some(work) = state.waiting.pop_front() {
                    return Some(work);
                }
                if state.closed {
                    return None;
                }
            }
            notified.await;
        }
    }

    /// How much is waiting.
    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// A thread got its connection.
    pub(super) fn up(&self) {
        self.lock().up += 1;
    }

    /// A thread lost its connection; answers what nobody is left to do.
    pub(super) fn down(&self) -> VecDeque<T> {
        let mut state = self.lock();
        state.up -= 1;
        if state.up == 0 { std::mem::take(&mut state.waiting) } else { VecDeque::new() }
    }

    /// How many threads have a connection.
    pub(super) fn connections(&self) -> usize {
        self.lock().up
    }

    /// Whether some thread has a connection.
    pub(super) fn is_up(&self) -> bool {
        self.lock().up > 0
    }

    /// Whether it takes no more.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Takes no more; threads end once it is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.notify.notify_waiters();
        self.closing.notify_waiters();
        self.closed.notify_all();
    }

    /// Blocks until closed, or for as long as `most`.
    pub(super) fn wait_closed(&self, most: Duration) {
        let waited = self.closed.wait_timeout_while(self.lock(), most, |state| !state.closed);
        drop(waited);
    }

    /// Resolves once closed.
    pub(super) async fn closed(&self) {
        loop {
            let notified = self.closing.notified();
            if self.lock().closed {
                return;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_idle_as_long_as_there_is_nothing_to_do() {
        let queue = Queue::new(1);
        queue.up();
        assert!(queue.is_idle_for(Duration::from_millis(1)));
        assert!(queue.push(7).is_ok());
        assert!(!queue.is_idle_for(Duration::from_secs(60)), "there is work");
        assert_eq!(queue.take_blocking(), Some(7));
        queue.close();
        assert!(!queue.is_idle_for(Duration::from_secs(60)), "it is closed");
        assert_eq!(queue.take_blocking(), None);
    }
}
