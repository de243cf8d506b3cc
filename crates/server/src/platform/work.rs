//! Work in the background: nothing is spawned and forgotten, and stopping waits for what is in hand.

use futures_util::FutureExt;
use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, watch};

/// Tasks that are watched: a panic is logged, and a stop waits for them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    running: AtomicUsize,
    ended: Notify,
    stop: watch::Sender<bool>,
}

impl Default for Tasks {
    fn default() -> Self {
        let (stop, _) = watch::channel(false);
        Self(Arc::new(Inner { running: AtomicUsize::new(0), ended: Notify::new(), stop }))
    }
}

/// Counts a task out when it ends, however it ends.
struct Running(Arc<Inner>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.notify_waiters();
    }
}

impl Tasks {
    /// Runs `task` in the background; when it panics that is logged under `name` and the rest goes on.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.0.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(self.0.clone());
        tokio::spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a background task panicked");
            }
            drop(running);
        });
    }

    /// How many are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// Asks all to stop; see [`Self::stopping`].
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    /// Whether all were asked to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.0.stop.borrow()
    }

    /// Waits until all are asked to stop.
    pub async fn stopping(&self) {
        let mut stop = self.0.stop.subscribe();
        let _sender_lives_in_self = stop.wait_for(|stop| *stop).await;
    }

    /// Waits until none is running, at most `longest`; answers whether none is.
    pub async fn finished(&self, longest: Duration) -> bool {
        let all = async {
            loop {
                let ended = self.0.ended.notified();
                tokio::pin!(ended);
                ended.as_mut().enable();
                if self.running() == 0 {
                    return;
                }
                ended.await;
            }
        };
        tokio::time::timeout(longest, all).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_waits_for_all_and_a_panic_ends_nobody_else() {
        let tasks = Tasks::default();
        let (waiting, done) = (tasks.clone(), Arc::new(AtomicUsize::new(0)));
        let counted = done.clone();
        tasks.spawn("one", async move {
            waiting.stopping().await;
            counted.fetch_add(1, Ordering::SeqCst);
        });
        tasks.spawn("two", async { panic!("on purpose") });
        assert!(!tasks.is_stopping());
        tasks.stop();
        assert!(tasks.finished(Duration::from_secs(10)).await);
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }
}
