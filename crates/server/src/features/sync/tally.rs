//! What became of the objects of a sync: counted, and those that a person must look at by name.

use serde::{Deserialize, Serialize};

/// Most objects of a kind that are named; all are counted.
const MOST_NOTES: usize = 100;

/// What became of the objects of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many were read.
    pub read: u64,
    /// Of them: put down for the first time. A customer counts when one of ours was made for it.
    pub new: u64,
    /// Put down before, and other now. A customer counts when one of ours was bound to it.
    pub changed: u64,
    /// As they were.
    pub unchanged: u64,
    /// Prices that sell nothing of the price book.
    pub unmapped: u64,
    /// Customers whom nobody says to be, and what is theirs; they are counted above too.
    pub nobodys: u64,
    /// What could not be put down.
    pub failed: u64,
    /// The first of those that a person must look at: at most 100.
    pub notes: Vec<Note>,
}

/// An object that a person must look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Stripe's id of it.
    pub id: String,
    /// Why.
    pub why: String,
}

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    what: What,
    nobodys: bool,
    why: Option<String>,
}

/// The counts an object can go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    New,
    Changed,
    Unchanged,
    Unmapped,
    Failed,
}

impl Seen {
    /// It was put down.
    pub(super) const fn kept(what: What) -> Self {
        Self { what, nobodys: false, why: None }
    }

    /// It stays as it is: nobody says to be it.
    pub(super) const fn nobody() -> Self {
        Self { what: What::Unchanged, nobodys: true, why: None }
    }

    /// A person must look at it.
    pub(super) fn noted(what: What, why: impl Into<String>) -> Self {
        Self { what, nobodys: false, why: Some(why.into()) }
    }

    /// The same, of nobody unless it is `bound`.
    pub(super) fn bound(mut self, bound: bool) -> Self {
        self.nobodys = !bound;
        self
    }
}

impl Tally {
    /// Counts the object `id`.
    pub(super) fn take(&mut self, id: &str, seen: Seen) {
        self.read += 1;
        let count = match seen.what {
            What::New => &mut self.new,
            What::Changed => &mut self.changed,
            What::Unchanged => &mut self.unchanged,
            What::Unmapped => &mut self.unmapped,
            What::Failed => &mut self.failed,
        };
        *count += 1;
        self.nobodys += u64::from(seen.nobodys);
        if let Some(why) = seen.why
            && self.notes.len() < MOST_NOTES
            && !self.notes.iter().any(|note| note.id == id)
        {
            self.notes.push(Note { id: id.to_owned(), why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_NOTES, Seen, Tally, What};

    #[test]
    fn everything_is_counted_and_the_first_are_named() {
        let mut tally = Tally::default();
        tally.take("a", Seen::kept(What::New));
        tally.take("b", Seen::kept(What::Changed).bound(false));
        tally.take("c", Seen::nobody());
        for n in 0..150 {
            tally.take(&format!("price_{n}"), Seen::noted(What::Unmapped, "no metadata"));
        }
        tally.take("price_0", Seen::noted(What::Failed, "again"));
        assert_eq!((tally.read, tally.new, tally.changed, tally.unchanged), (154, 1, 1, 1));
        assert_eq!((tally.unmapped, tally.failed, tally.nobodys), (150, 1, 2));
        assert_eq!(tally.notes.len(), MOST_NOTES);
        assert_eq!(tally.notes[0].why, "no metadata", "an object is named once");
    }

    #[test]
    fn a_tally_is_kept_as_it_was() {
        let mut tally = Tally::default();
        tally.take("in_1", Seen::noted(What::Failed, "why \"so\""));
        let kept = serde_json::to_string(&tally).expect("plain");
        assert_eq!(serde_json::from_str::<Tally>(&kept).expect("as it was written"), tally);
    }
}
