//! The last deliveries as they were sent, to the byte, and what was answered: for people who look at them. They are no
//! part of the state: what they tell of a life does not depend on them.

use super::{Outgoing, sending::Answered};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many are remembered of each endpoint. Ours.
pub(crate) const REMEMBERED: usize = 100;

/// A delivery that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// As it was sent.
    pub outgoing: Outgoing,
    /// What was answered, or why nothing was.
    pub answer: Result<Answered, String>,
}

/// The last deliveries to each endpoint, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<HashMap<String, VecDeque<Sent>>>);

impl Log {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Sent>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers one more.
    pub fn note(&self, sent: Sent) {
        let mut all = self.lock();
        let of = all.entry(sent.outgoing.endpoint.clone()).or_default();
        if of.len() == REMEMBERED {
            of.pop_front();
        }
        of.push_back(sent);
    }

    /// Forgets all of them: another state takes the place of this one.
    pub fn forget(&self) {
        self.lock().clear();
    }

    /// How many went to `url`.
    pub fn count_to(&self, url: &str) -> usize {
        self.lock().values().flatten().filter(|sent| sent.outgoing.url == url).count()
    }

    /// Those that went to `url`, the newest first.
    pub fn to(&self, url: &str) -> Vec<Sent> {
        let all = self.lock();
        let mut found: Vec<Sent> = all.values().flatten().filter(|sent| sent.outgoing.url == url).cloned().collect();
        // Of one endpoint they are in order already; several can have the same address.
        found.sort_by_key(|sent| sent.outgoing.at);
        found.reverse();
        found
    }

    /// The tries of a delivery, the oldest first.
    pub fn tries(&self, endpoint: &str, delivery: &str) -> Vec<Sent> {
        let all = self.lock();
        let of = all.get(endpoint).into_iter().flatten();
        of.filter(|sent| sent.outgoing.delivery == delivery).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Log, Outgoing, REMEMBERED, Sent};

    fn sent(endpoint: &str, number: usize) -> Sent {
        let outgoing = Outgoing {
            delivery: format!("dlv_{number}"),
            event: "evt_1".into(),
            kind: "invoice.paid".into(),
            endpoint: endpoint.to_owned(),
            at: 7,
            url: format!("http://127.0.0.1:1/{endpoint}"),
            body: "{}".into(),
            signature: String::new(),
        };
        Sent { outgoing, answer: Err("nobody".into()) }
    }

    #[test]
    fn a_busy_endpoint_does_not_push_out_what_went_to_another() {
        let log = Log::default();
        log.note(sent("we_1", 0));
        (1..=REMEMBERED + 1).for_each(|number| log.note(sent("we_2", number)));
        assert_eq!(log.count_to("http://127.0.0.1:1/we_1"), 1);
        let busy = log.to("http://127.0.0.1:1/we_2");
        let ends = [&busy[0], &busy[REMEMBERED - 1]].map(|sent| sent.outgoing.delivery.as_str());
        assert_eq!((busy.len(), ends), (REMEMBERED, ["dlv_101", "dlv_2"]), "the newest first");
        assert_eq!((log.tries("we_1", "dlv_0").len(), log.tries("we_1", "dlv_5").len()), (1, 0));
        log.forget();
        assert_eq!(log.to("http://127.0.0.1:1/we_2"), []);
    }
}
