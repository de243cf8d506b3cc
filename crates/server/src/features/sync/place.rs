//! How far a sync came with a kind of object: between which ids the list was read.

use super::{Kind, tally::Tally};
use crate::platform::db::{DbError, Tx, Value};
use purser_stripe::calls::PageOf;
use serde::{Deserialize, Serialize};

/// How far a list was read. It is read from the newest down to the oldest, and then up again to what came meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    stage: Stage,
    /// The newest object that was read.
    newest: Option<String>,
    /// The oldest.
    oldest: Option<String>,
    /// What was found so far.
    pub tally: Tally,
}

/// Where the list goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Behind the oldest.
    #[default]
    Down,
    /// Before the newest: with what was made since the list was begun.
    Up,
    /// Nowhere.
    Done,
}

impl Place {
    /// The page that is to be read next; nothing at the end.
    pub(super) fn page(&self) -> Option<PageOf> {
        let page = PageOf::full();
        match self.stage {
            Stage::Down => Some(PageOf { starting_after: self.oldest.clone(), ..page }),
            Stage::Up => Some(PageOf { ending_before: self.newest.clone(), ..page }),
            Stage::Done => None,
        }
    }

    /// Goes on behind a page from the object `first` to `last`, none on an empty one. Answers whether it could: a list
    /// that says that there is `more` and leads nowhere could be read for ever.
    pub(super) fn advance(&mut self, first: Option<&str>, last: Option<&str>, more: bool) -> bool {
        let before = (self.newest.clone(), self.oldest.clone());
        if let (Some(first), Some(last)) = (first, last) {
            if self.stage == Stage::Up || self.newest.is_none() {
                self.newest = Some(first.to_owned());
            }
            if self.stage == Stage::Down {
                self.oldest = Some(last.to_owned());
            }
        }
        if more {
            return before != (self.newest.clone(), self.oldest.clone());
        }
        self.stage = match self.stage {
            // Nothing was there: what comes now is told by events.
            Stage::Down if self.newest.is_none() => Stage::Done,
            Stage::Down => Stage::Up,
            Stage::Up | Stage::Done => Stage::Done,
        };
        true
    }

    /// Begins the list anew; what was found so far stays counted. Answers false at its beginning.
    pub(super) fn rewind(&mut self) -> bool {
        let somewhere = self.newest.is_some();
        (self.stage, self.newest, self.oldest) = (Stage::Down, None, None);
        somewhere
    }
}

/// How far the sync that is under way came with `kind`.
pub(super) fn find(tx: &mut Tx<'_>, kind: Kind) -> Result<Option<Place>, DbError> {
    let sql = "SELECT place FROM stripe_syncs WHERE kind = $1";
    let row = tx.first(sql, vec![Value::Text(kind.as_str().to_owned())])?;
    row.map(|row| read(row.text(0)?)).transpose()
}

/// Puts down how far it came.
pub(super) fn put(tx: &mut Tx<'_>, kind: Kind, place: &Place) -> Result<(), DbError> {
    let sql = "INSERT INTO stripe_syncs (kind, place, updated_at) VALUES ($1, $2, $3) \
        ON CONFLICT (kind) DO UPDATE SET place = excluded.place, updated_at = excluded.updated_at";
    let now = tx.now();
    let text = serde_json::to_string(place).map_err(|error| DbError::Bug(error.to_string()))?;
    tx.execute(sql, vec![Value::Text(kind.as_str().to_owned()), Value::Json(text), Value::Ts(now)]).map(drop)
}

/// Whether a sync has begun, and whether it came to its end.
pub(super) fn how_far(tx: &mut Tx<'_>) -> Result<(bool, bool), DbError> {
    let (mut begun, mut ended) = (false, true);
    for kind in Kind::ALL {
        let place = find(tx, kind)?;
        begun |= place.is_some();
        ended &= place.is_some_and(|place| place.stage == Stage::Done);
    }
    Ok((begun, ended))
}

/// Forgets how far it came.
pub(super) fn forget(tx: &mut Tx<'_>) -> Result<(), DbError> {
    tx.execute("DELETE FROM stripe_syncs", vec![]).map(drop)
}

fn read(text: &str) -> Result<Place, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Bug(format!("the place of a sync: {error}")))
}

#[cfg(test)]
mod tests {
    use super::{Place, Stage};

    /// Reads a list, newest first, by pages of two; `comes` is made after the first page. Answers what was read.
    fn read(list: &[&'static str], comes: &[&'static str]) -> Vec<&'static str> {
        let (mut list, mut place, mut seen) = (list.to_vec(), Place::default(), Vec::new());
        for turn in 0..100 {
            let Some(page) = place.page() else { return seen };
            let at = |id: &String| list.iter().position(|other| other == id).expect("it is there");
            let (from, to) = match (&page.starting_after, &page.ending_before) {
                (Some(after), _) => (at(after) + 1, (at(after) + 3).min(list.len())),
                (None, Some(before)) => (at(before).saturating_sub(2), at(before)),
                (None, None) => (0, list.len().min(2)),
            };
            let more = if page.ending_before.is_some() { from > 0 } else { to < list.len() };
            let shown = &list[from..to];
            seen.extend_from_slice(shown);
            assert!(place.advance(shown.first().copied(), shown.last().copied(), more));
            if turn == 0 {
                list = [comes, &list[..]].concat();
            }
        }
        panic!("it does not end")
    }

    #[test]
    fn everything_is_read_once_also_what_comes_meanwhile() {
        assert!(read(&[], &[]).is_empty());
        assert_eq!(read(&["b", "a"], &[]), ["b", "a"]);
        assert_eq!(read(&["e", "d", "c", "b", "a"], &[]), ["e", "d", "c", "b", "a"]);
        let all = read(&["c", "b", "a"], &["h", "g", "f", "e", "d"]);
        assert_eq!(all, ["c", "b", "a", "e", "d", "g", "f", "h"]);
    }

    #[test]
    fn a_list_that_leads_nowhere_is_seen() {
        let mut place = Place::default();
        assert!(!place.advance(None, None, true), "there is more, and nothing is shown");
        assert!(place.advance(Some("b"), Some("a"), true));
        assert!(!place.advance(Some("b"), Some("a"), true), "the same page again");
    }

    #[test]
    fn a_place_that_is_gone_begins_anew_once() {
        let mut place = Place::default();
        assert!(!place.rewind());
        assert!(place.advance(Some("b"), Some("a"), false));
        assert_eq!(place.stage, Stage::Up);
        assert!(place.rewind());
        assert_eq!(place, Place::default());
    }
}
