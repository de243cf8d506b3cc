//! Taking events in: those that arrive together are one transaction, and each is kept once.

use super::store::{self, Arrival, EVENTS};
use crate::platform::db::{Batch, DbError, Load, Tx};
use std::collections::HashSet;

/// The batch of events that came. Answered is whether an event was new; one that was there already is left alone.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals;

impl Batch for Arrivals {
    const NAME: &'static str = "webhooks";
    type Item = Arrival;
    type Answer = bool;

    fn run(&self, tx: &mut Tx<'_>, items: &[Arrival]) -> Result<Vec<bool>, DbError> {
        let keys = items.iter().map(|item| vec![store::text(&item.id)]).collect();
        let load = Load::Many { table: &EVENTS, by: EVENTS.key, columns: EVENTS.key, keys, lock: false };
        let rows = tx.load(vec![load])?.pop().unwrap_or_default();
        let mut seen = rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<HashSet<_>, _>>()?;
        let new: Vec<bool> = items.iter().map(|item| seen.insert(item.id.clone())).collect();
        let fresh: Vec<&Arrival> = items.iter().zip(&new).filter(|(_, new)| **new).map(|(item, _)| item).collect();
        store::insert(tx, &fresh);
        Ok(new)
    }

    /// Events of one subject go one way, so that lanes do not wait for each other's rows.
    fn lane(item: &Arrival) -> u8 {
        item.subject.bytes().fold(0, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(byte))
    }
}
