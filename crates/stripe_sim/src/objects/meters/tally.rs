//! What a meter counted of a customer, and how it adds up.

use super::{Formula, Meter};
use crate::{
    objects::decimal::Decimal,
    world::{Resource, World},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a meter counted of a customer. Its id is made of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub id: String,
    /// By when it happened; what happened in the same second in the order in which it was counted.
    pub entries: BTreeMap<i64, Vec<Entry>>,
    /// The place of the next entry.
    pub next: u32,
}

/// One event that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Which one it is, by the order in which they were counted.
    pub place: u32,
    pub value: Decimal,
}

impl Resource for Tally {
    const SCHEMA: &'static str = "sandbox.meter_tally";

    fn id(&self) -> &str {
        &self.id
    }
}

impl Tally {
    /// What happened from `from` up to before `to`, in order.
    pub fn between(&self, from: i64, to: i64) -> impl Iterator<Item = (i64, Decimal)> {
        // A range that ends before it begins is an empty one.
        let range = self.entries.range(from..to.max(from));
        range.flat_map(|(at, entries)| entries.iter().map(move |entry| (*at, entry.value)))
    }

    /// Takes an entry out.
    pub fn remove(&mut self, timestamp: i64, place: u32) {
        if let Some(entries) = self.entries.get_mut(&timestamp) {
            entries.retain(|entry| entry.place != place);
            if entries.is_empty() {
                self.entries.remove(&timestamp);
            }
        }
    }
}

/// The id of the tally of a customer.
pub(super) fn id_of(meter: &str, customer: &str) -> String {
    format!("{meter}/{customer}")
}

/// Puts an entry into a tally, which may be its first; answers its place.
///
/// It is not remembered how to take it back: only time does this, and time is never refused. A tally may hold a year of
/// events, too many to keep a copy of each time.
pub(super) fn add(world: &mut World, id: &str, timestamp: i64, value: Decimal) -> u32 {
    let tallies = &mut world.tables.meter_tallies;
    if tallies.get(id).is_none() {
        tallies.put(id.to_owned(), Tally { id: id.to_owned(), entries: BTreeMap::new(), next: 0 });
    }
    let Some(tally) = tallies.get_mut(id) else { return 0 };
    let place = tally.next;
    tally.next += 1;
    tally.entries.entry(timestamp).or_default().push(Entry { place, value });
    place
}

/// What a meter makes of the events of a customer that happened from `from` up to before `to`. It is below zero when
/// more was taken back than used.
pub(crate) fn usage(world: &World, meter: &str, customer: &str, from: i64, to: i64) -> Decimal {
    let Some(found) = world.get::<Meter>(meter) else { return Decimal::ZERO };
    let tally = world.get::<Tally>(&id_of(meter, customer));
    tally.map_or(Decimal::ZERO, |tally| aggregate(found, tally.between(from, to)))
}

/// What a meter makes of `entries`, which are in order of time.
///
/// With a window the last entry of each window stands for it, and the formula is applied to those. A window that a
/// period cuts in two has a last entry in each.
pub(super) fn aggregate(meter: &Meter, entries: impl Iterator<Item = (i64, Decimal)>) -> Decimal {
    let mut values: Vec<Decimal> = Vec::new();
    let mut open = None;
    for (at, value) in entries {
        let window = meter.event_time_window.map(|window| at.div_euclid(window.seconds()));
        if window.is_some() && window == open {
            values.pop();
        }
        values.push(value);
        open = window;
    }
    match meter.formula {
        Formula::Count => Decimal::from(i64::try_from(values.len()).unwrap_or(i64::MAX)),
        Formula::Last => values.last().copied().unwrap_or_default(),
        Formula::Sum => values.into_iter().sum(),
    }
}
