//! Answers to requests that were sent with a key: whoever sends one again gets the first answer.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// For how long an answer is kept, in seconds. Source: <https://docs.stripe.com/api/idempotent_requests>
const KEPT: i64 = 24 * 3600;

/// Answers by key, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answered(IndexMap<String, Known>);

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
        self.0.get(key).filter(|known| now - known.at < KEPT)
    }

    /// Keeps an answer, and forgets those that are too old.
    pub fn keep(&mut self, key: String, known: Known) {
        let now = known.at;
        let old = self.0.values().take_while(|known| now - known.at >= KEPT).count();
        self.0.drain(..old);
        self.0.shift_remove(&key);
        self.0.insert(key, known);
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
        assert_eq!(answered.0.len(), 1, "what is too old is forgotten");
    }
}
