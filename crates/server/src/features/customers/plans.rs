//! What a customer's row holds of its plans and of the zones its days were counted in: every write of a wallet reads it.

use super::store::key;
use crate::platform::db::{DbError, Row, Tx, Value};
use purser_rules::{
    Time,
    credit::{Giving, ZoneSince},
    ids::CustomerId,
    period::Zone,
};

/// The version byte before what is stored.
const VERSION: u8 = 1;
/// The most zones that are remembered: the first, which counts from the beginning, and the latest.
const MOST_ZONES: usize = 16;
/// The zone a customer has unless another is set.
const UTC: &str = "UTC";

/// A zone's name, and since when it is the customer's.
type Named = (Time, String);

/// The plans in the column at `at`.
///
/// # Errors
/// [`DbError::Bug`] when this version did not write them.
pub(super) fn plans(row: &Row, at: usize) -> Result<Vec<Giving>, DbError> {
    let Some(stored) = row.opt_bytes(at)? else { return Ok(Vec::new()) };
    postcard::from_bytes(unversioned(stored)?).map_err(|error| DbError::Bug(format!("a customer's plans: {error}")))
}

/// Writes which plans a customer has; the locks are the caller's.
///
/// # Errors
/// [`DbError::Bug`] when they cannot be stored.
pub fn put_plans(tx: &mut Tx<'_>, id: &CustomerId, plans: &[Giving]) -> Result<(), DbError> {
    let stored = if plans.is_empty() { Value::Null } else { Value::Bytes(versioned(&plans)?) };
    let mut params = vec![stored];
    params.extend(key(id));
    tx.later("UPDATE customers SET plans = $1 WHERE id = $2 AND bucket = $3", params);
    Ok(())
}

/// The zones of a customer whose zone is `now`, by the history that is `stored`; none for UTC always.
///
/// # Errors
/// [`DbError::Bug`] when this version did not write it.
pub(super) fn zones(stored: Option<&[u8]>, now: &str) -> Result<Vec<ZoneSince>, DbError> {
    let named = match stored {
        Some(stored) => history(stored)?,
        None if now == UTC => Vec::new(),
        None => vec![(Time::MIN, now.to_owned())],
    };
    // A name is checked when it is set. One that a later release of the zones dropped must not stop its customer.
    let zone = |name: &str| Zone::new(name).unwrap_or_else(|_| Zone::utc());
    Ok(named.iter().map(|(since, name)| ZoneSince { since: *since, zone: zone(name) }).collect())
}

/// The history with one more change: from `before` to `after`, at `now`.
///
/// A change applies when a period ends, and no date comes twice whatever is left out here: a wallet remembers the label of
/// the last period it put down.
///
/// # Errors
/// [`DbError::Bug`] when this version did not write what is stored.
pub(super) fn moved(stored: Option<&[u8]>, (before, after): (&str, &str), now: Time) -> Result<Vec<u8>, DbError> {
    let mut named = match stored {
        Some(stored) => history(stored)?,
        None => vec![(Time::MIN, before.to_owned())],
    };
    named.push((now, after.to_owned()));
    while named.len() > MOST_ZONES {
        named.remove(1);
    }
    versioned(&named)
}

fn history(stored: &[u8]) -> Result<Vec<Named>, DbError> {
    postcard::from_bytes(unversioned(stored)?).map_err(|error| DbError::Bug(format!("a customer's zones: {error}")))
}

fn versioned(value: &impl serde::Serialize) -> Result<Vec<u8>, DbError> {
    postcard::to_extend(value, vec![VERSION]).map_err(|error| DbError::Bug(format!("a customer's row: {error}")))
}

fn unversioned(stored: &[u8]) -> Result<&[u8], DbError> {
    match stored.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        _ => Err(DbError::Bug("a customer's row holds what this version did not write".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(0).plus_seconds(seconds)
    }

    fn names(zones: &[ZoneSince]) -> Vec<(Time, &str)> {
        zones.iter().map(|zone| (zone.since, zone.zone.name())).collect()
    }

    #[test]
    fn who_never_moved_has_one_zone_or_none() {
        assert!(zones(None, "UTC").expect("none").is_empty());
        let tokyo = zones(None, "Asia/Tokyo").expect("one");
        assert_eq!(names(&tokyo), [(Time::MIN, "Asia/Tokyo")]);
    }

    #[test]
    fn moves_are_remembered_and_bounded() {
        let mut stored = moved(None, ("UTC", "Asia/Tokyo"), at(1)).expect("a move");
        let first = zones(Some(&stored), "Asia/Tokyo").expect("zones");
        assert_eq!(names(&first), [(Time::MIN, "UTC"), (at(1), "Asia/Tokyo")]);
        for n in 2..100 {
            let (before, after) = if n % 2 == 0 { ("Asia/Tokyo", "UTC") } else { ("UTC", "Asia/Tokyo") };
            stored = moved(Some(&stored), (before, after), at(n)).expect("a move");
        }
        let all = zones(Some(&stored), "Asia/Tokyo").expect("zones");
        assert_eq!(all.len(), MOST_ZONES);
        assert_eq!((names(&all)[0], names(&all)[15]), ((Time::MIN, "UTC"), (at(99), "Asia/Tokyo")));
    }

    #[test]
    fn what_this_version_did_not_write_is_no_history() {
        assert!(zones(Some(&[]), "UTC").is_err());
        assert!(zones(Some(&[2, 0]), "UTC").is_err());
        assert!(zones(Some(&[VERSION, 5]), "UTC").is_err());
    }
}
