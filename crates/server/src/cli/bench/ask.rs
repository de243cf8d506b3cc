//! What a bench asks of Purser and what it is told, in process and over HTTP alike.

use purser_rules::{Amount, Time, credit::SourceKind, ids::CustomerId};

/// A spend, or a check of one.
#[derive(Clone, Debug)]
pub(super) struct Spend {
    /// Who.
    pub(super) customer: CustomerId,
    /// How much.
    pub(super) amount: Amount,
    /// The idempotency key; a check has no use for it.
    pub(super) key: String,
}

/// A capture of a hold.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    /// The hold's id as it was answered.
    pub(super) hold: String,
    /// How much it came to.
    pub(super) amount: Amount,
    /// The idempotency key.
    pub(super) key: String,
}

/// A grant.
#[derive(Clone, Debug)]
pub(super) struct Gift {
    /// Whose.
    pub(super) customer: CustomerId,
    /// How much.
    pub(super) amount: Amount,
    /// Manual, promotion or import.
    pub(super) kind: SourceKind,
    /// Which source of its kind.
    pub(super) source: String,
    /// When it ends, if it does.
    pub(super) expires_at: Option<Time>,
}

/// How a wallet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// What can be spent.
    pub(super) available: Amount,
    /// What is set aside.
    pub(super) held: Amount,
    /// Open grants an answer lists: 20 at most.
    pub(super) grants: u64,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It was done, and the answer says what was asked for.
    Done {
        /// The id of what was made; nothing for a read.
        id: String,
        /// Whether it is the first answer of its key again.
        replayed: bool,
    },
    /// Refused: a business answer, by its code.
    Refused(&'static str),
    /// Anything else, in words: no answer, another status, a wrong answer.
    Failed(String),
}

impl Said {
    /// Whether it was done.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    /// The same, unless it is not what a key must be answered with: `first` is the id that the key made before.
    pub(super) fn checked(self, first: Option<&str>) -> Self {
        match (self, first) {
            (Self::Done { replayed: true, .. }, None) => Self::Failed("a new key was answered as used before".into()),
            (Self::Done { id, replayed }, Some(first)) if id != first || !replayed => {
                Self::Failed(format!("the key of {first} was answered with {id}, replayed: {replayed}"))
            }
            (Self::Refused(code), Some(first)) => Self::Failed(format!("the key of {first} was refused: {code}")),
            (said, _) => said,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_must_be_the_first_answer_again() {
        let done = |id: &str, replayed| Said::Done { id: id.into(), replayed };
        assert!(done("a", false).checked(None).is_done());
        assert!(done("a", true).checked(Some("a")).is_done());
        for wrong in [done("b", true), done("a", false), Said::Refused("insufficient_credits")] {
            assert!(matches!(wrong.checked(Some("a")), Said::Failed(_)));
        }
        assert!(matches!(done("a", true).checked(None), Said::Failed(_)));
        assert_eq!(Said::Refused("x").checked(None), Said::Refused("x"));
    }
}
