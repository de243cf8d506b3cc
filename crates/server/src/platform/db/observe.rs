//! What the database's queues and connections are like at this moment, for whoever reads the metrics.

use super::Db;
use crate::platform::metrics::seconds;
use metrics::{gauge, histogram};

impl Db {
    /// Sets the gauges of queues, connections and clocks.
    pub fn observe(&self) {
        for (queue, waiting, connections) in self.queues() {
            gauge!("purser_db_queue_depth", "queue" => queue).set(waiting as f64);
            gauge!("purser_db_connections", "queue" => queue).set(connections as f64);
            // There before the first of its kind.
            drop(histogram!("purser_db_wait_seconds", "queue" => queue));
        }
        gauge!("purser_db_clock_skew_seconds").set(seconds(self.clock_skew_micros()));
    }
}
