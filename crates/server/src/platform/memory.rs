//! Free memory goes back to the system.
//!
//! The binary's allocator gives back what has been free for a second when a thread ends or needs a page it has not got.
//! A server without work does neither: it would keep all its life what its start took and let go, some 16 MB (decision 20).

use super::work::Tasks;
use std::{hint::black_box, time::Duration};

/// Between two times it is given back.
const EVERY: Duration = Duration::from_secs(2);

/// Gives free memory back now and then, until `tasks` stop.
pub fn give_back(tasks: &Tasks) {
    let inner = tasks.clone();
    tasks.spawn("memory", async move {
        loop {
            tokio::select! {
                () = inner.stopping() => return,
                () = tokio::time::sleep(EVERY) => end_a_thread(),
            }
        }
    });
}

/// A thread that allocates, and ends. Where none can be started memory is given back later.
fn end_a_thread() {
    let thread = std::thread::Builder::new().name("purser-memory".into());
    drop(thread.spawn(|| drop(black_box(Box::new(0_u8)))));
}
