//! Answers to requests that were sent with a key: whoever sends one again gets the first answer.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// For how long an answer is kept, in seconds. Source: <https://docs.stripe.com/api/idempotent_requests>
const KEPT: i64 = 24 * 3600;

/// Answers by key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answered {
    by_key: BTreeMap<String, Known>,
    /// When which key was last used, the oldest first.
    in_order: VecDeque<(i64, String)>,
}

/// What was asked with a key, and answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// When it was answered.
    pub at: i64,
    /// Method and path.
    pub line: String,
    /// A hash of the parameters.
    pub params: String,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// The id of the request that did it.
    pub request: String,
}

impl Answered {
    /// What was asked with `key`, unless that is forgotten by `now`.
    pub fn get(&self, key: &str, now: i64) -> Option<&Known> {
        self.by_key.get(key).filter(|known| now - known.at < KEPT)
    }

    /// Keeps an answer, and forgets those that are too old.
    pub fn keep(&mut self, key: String, known: Known) {
        self.forget(known.at);
        self.in_order.push_back((known.at, key.clone()));
        self.by_key.insert(key, known);
    }

    /// Forgets what is too old by `now`.
    pub fn forget(&mut self, now: i64) {
        while let Some((at, key)) = self.in_order.pop_front_if(|(at, _)| now - *at >= KEPT) {
            // The key may have been used anew since.
            if self.by_key.get(&key).is_some_and(|known| known.at == at) {
                self.by_key.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answered, Known};

    #[test]
    fn an_answer_is_kept_for_a_day() {
        let known = |at| Known {
            at,
            line: "POST /v1/customers".into(),
            params: String::new(),
            status: 200,
            body: "{}".into(),
            request: "req_1".into(),
        };
        let mut answered = Answered::default();
        answered.keep("a".into(), known(0));
        assert!(answered.get("a", 24 * 3600 - 1).is_some() && answered.get("a", 24 * 3600).is_none());
        answered.keep("b".into(), known(24 * 3600));
        assert_eq!((answered.by_key.len(), answered.in_order.len()), (1, 1), "what is too old is forgotten");
    }
}
