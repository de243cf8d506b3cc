//! Taking events in: those that arrive together are one transaction, and each is kept once.

use super::{
    ActsOn,
    store::{self, Arrival, EVENTS, State},
};
use crate::platform::db::{Batch, DbError, Load, Tx};
use std::collections::HashSet;

/// The batch of events that came.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals {
    pub(super) acts_on: ActsOn,
}

/// What became of an event that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// It is new, and waits to be acted on.
    New,
    /// It is new, and nothing acts on its kind: it is kept, and waits for nobody.
    Ignored,
    /// It was there already, and is left alone.
    Duplicate,
}

impl Arrived {
    pub(super) const ALL: [Self; 3] = [Self::New, Self::Ignored, Self::Duplicate];

    /// Its name in metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Ignored => "ignored",
            Self::Duplicate => "duplicate",
        }
    }
}

impl Batch for Arrivals {
    const NAME: &'static str = "webhooks";
    type Item = Arrival;
    type Answer = Arrived;

    fn run(&self, tx: &mut Tx<'_>, items: &[Arrival]) -> Result<Vec<Arrived>, DbError> {
        let keys = items.iter().map(|item| vec![store::text(&item.id)]).collect();
        let load = Load::Many { table: &EVENTS, by: EVENTS.key, columns: EVENTS.key, keys, lock: false };
        let rows = tx.load(vec![load])?.pop().unwrap_or_default();
        let mut seen = rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<HashSet<_>, _>>()?;
        let mut arrived = |item: &Arrival| match seen.insert(item.id.clone()) {
            true if (self.acts_on)(&item.kind) => Arrived::New,
            true => Arrived::Ignored,
            false => Arrived::Duplicate,
        };
        let arrived: Vec<Arrived> = items.iter().map(&mut arrived).collect();
        let fresh = items.iter().zip(&arrived).filter_map(|(item, arrived)| match arrived {
            Arrived::New => Some((item, State::Waiting)),
            Arrived::Ignored => Some((item, State::Ignored)),
            Arrived::Duplicate => None,
        });
        store::insert(tx, fresh.collect());
        Ok(arrived)
    }

    /// Events of one subject go one way, so that lanes do not wait for each other's rows.
    fn lane(item: &Arrival) -> u8 {
        item.subject.bytes().fold(0, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(byte))
    }
}
