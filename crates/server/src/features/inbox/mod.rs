//! The inbox: what Stripe sends is verified, kept, answered, and then acted on, an object's events one at a time.
//!
//! Taking in and acting are apart: events are taken while no worker runs. What acts on them is given in by
//! `reactions.rs`; this feature knows no kind of event.

pub mod api;
mod arrivals;
mod forget;
mod intake;
mod kinds;
mod missed;
mod queue;
mod replay;
mod store;
mod subject;
mod tell;
mod work;

pub use forget::forget_payloads;
pub use intake::routes;
pub use missed::{find_missed, find_missed_thin, find_missed_within};
pub use queue::{Delivery, MOST_ATTEMPTS, Marked, Moved, done, hand_over};
pub use replay::{
    EventFilter, Replayed, find as find_event, list as list_events, replay as replay_event, replay_many, replay_wanting,
};
pub use store::{State, StoredEvent};
pub use tell::{start as start_telling, tell};
pub use work::{React, Reacted, start, work_off};

use crate::{
    config::Config,
    platform::db::{Db, Lane},
};
use arrivals::Arrivals;
use purser_stripe::Secret;
use tokio::sync::Notify;

/// Says whether anything acts on events of a kind. What nothing acts on is kept, and waits for nobody.
pub type ActsOn = fn(&str) -> bool;

/// What the inbox keeps for the life of the app.
pub struct Inbox {
    arrivals: Lane<Arrivals>,
    /// What Stripe may have signed with.
    secrets: Vec<Secret>,
    /// Whether events must be of live mode; not known without a key of Stripe's.
    live: Option<bool>,
    /// Wakes the workers of this node.
    arrived: Notify,
}

impl Inbox {
    /// Opens it. Only events of kinds that are acted on wait for workers.
    #[must_use]
    pub fn open(db: &Db, config: &Config, acts_on: ActsOn) -> Self {
        Self {
            arrivals: db.lane(Arrivals { acts_on }),
            secrets: config.webhook_secrets(),
            live: config.stripe_is_live(),
            arrived: Notify::new(),
        }
    }

    /// Tells the workers of this node that there may be something to do.
    fn wake(&self) {
        self.arrived.notify_one();
    }

    /// Waits until there may be something to do.
    async fn woken(&self) {
        self.arrived.notified().await;
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inbox({} secrets)", self.secrets.len())
    }
}

/// Puts the metrics of the inbox there before the first event.
pub fn announce() {
    intake::announce();
    work::announce();
}
