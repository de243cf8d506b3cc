//! A caller's way to Purser: in this process, or a connection to a server. Both are asked the same.

use super::{
    ask::{Capture, Gift, Said, Spend, Standing},
    events::Event,
    http::Link,
    process::Process,
};
use purser_rules::ids::CustomerId;

/// One caller's way.
pub(super) enum Door {
    /// The verbs themselves.
    Process(Process),
    /// A connection of its own.
    Http(Box<Link>),
}

impl Door {
    /// Spends.
    pub(super) async fn spend(&mut self, spend: &Spend) -> Said {
        match self {
            Self::Process(process) => process.spend(spend).await,
            Self::Http(link) => link.spend(spend).await,
        }
    }

    /// Spends many in one call; one answer each, or a single one when the call as a whole had none.
    pub(super) async fn batch(&mut self, spends: &[Spend]) -> Vec<Said> {
        match self {
            Self::Process(process) => process.batch(spends).await,
            Self::Http(link) => link.batch(spends).await,
        }
    }

    /// Sets aside what `spend` says, for an hour.
    pub(super) async fn hold(&mut self, spend: &Spend) -> Said {
        match self {
            Self::Process(process) => process.hold(spend).await,
            Self::Http(link) => link.hold(spend).await,
        }
    }

    /// Captures a hold.
    pub(super) async fn capture(&mut self, capture: &Capture) -> Said {
        match self {
            Self::Process(process) => process.capture(capture).await,
            Self::Http(link) => link.capture(capture).await,
        }
    }

    /// Reads a balance.
    pub(super) async fn balance(&mut self, customer: &CustomerId) -> Said {
        match self {
            Self::Process(process) => process.balance(customer).await,
            Self::Http(link) => link.balance(customer).await,
        }
    }

    /// Checks whether `spend` would be accepted.
    pub(super) async fn check(&mut self, spend: &Spend) -> Said {
        match self {
            Self::Process(process) => process.check(spend).await,
            Self::Http(link) => link.check(spend).await,
        }
    }

    /// Sends an event in.
    pub(super) async fn event(&mut self, event: Event) -> Said {
        match self {
            Self::Process(_) => Said::Failed("events are sent to a server".to_owned()),
            Self::Http(link) => link.event(event).await,
        }
    }

    /// How a wallet stands; nothing when there is no such customer.
    pub(super) async fn standing(&mut self, customer: &CustomerId) -> Result<Option<Standing>, String> {
        match self {
            Self::Process(process) => process.standing(customer).await,
            Self::Http(link) => link.standing(customer).await,
        }
    }

    /// Gives grants: in process in one unit of work.
    pub(super) async fn give(&mut self, gifts: Vec<Gift>) -> Result<(), String> {
        match self {
            Self::Process(process) => process.give(gifts).await,
            Self::Http(link) => link.give(&gifts).await,
        }
    }
}
