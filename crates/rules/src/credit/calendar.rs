//! The periods of a calendar allowance, through changes of the customer's time zone (rules 1.11).

use crate::{
    Time,
    period::{Cycle, Period, Zone},
};
use alloc::{vec, vec::Vec};
use serde::{Deserialize, Serialize};

/// How often a calendar allowance is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Every {
    /// Each local date.
    Day,
    /// Each ISO week, from Monday.
    Week,
    /// Each calendar month.
    Month,
}

impl Every {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The cycle of its periods.
    #[must_use]
    pub const fn cycle(self) -> Cycle {
        match self {
            Self::Day => Cycle::Day,
            Self::Week => Cycle::Week,
            Self::Month => Cycle::Month,
        }
    }
}

/// A time zone and since when it is the customer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneSince {
    /// When it was set.
    pub since: Time,
    /// The zone.
    pub zone: Zone,
}

/// The periods of one cycle for one customer: they follow each other without gap or overlap, and no
/// label comes twice.
///
/// A change of zone applies when the period that runs then ends. The period that follows begins at that
/// instant: it is the new zone's running one, cut off in front, or, where that label has had its period
/// already, the new zone's next one, begun early. So nobody stands without a period, and no date comes twice.
#[derive(Clone, Debug)]
pub struct Calendar {
    cycle: Cycle,
    stretches: Vec<Stretch>,
}

/// A time in which one zone applies.
#[derive(Clone, Debug)]
struct Stretch {
    zone: Zone,
    from: Time,
    /// Its first period, where that is not as the zone has it.
    first: Option<Period>,
}

impl Calendar {
    /// The periods of `every` in `zones`, which stand in the order in which they were set. The first applies
    /// from the beginning of time; without any it is UTC.
    #[must_use]
    pub fn new(every: Every, zones: &[ZoneSince]) -> Self {
        let zone = zones.first().map_or_else(Zone::utc, |first| first.zone.clone());
        let mut calendar =
            Self { cycle: every.cycle(), stretches: vec![Stretch { zone, from: Time::MIN, first: None }] };
        zones.iter().skip(1).for_each(|change| calendar.change(change));
        calendar
    }

    fn change(&mut self, change: &ZoneSince) {
        // A zone that was changed again before it applied never does.
        self.stretches.retain(|stretch| stretch.from <= change.since || stretch.from == Time::MIN);
        let running = self.period_at(change.since);
        let mut first = self.cycle.period_at(&change.zone, running.end);
        while first.label <= running.label && first.end < Time::MAX {
            first = self.cycle.period_at(&change.zone, first.end);
        }
        first.start = running.end;
        self.stretches.push(Stretch { zone: change.zone.clone(), from: running.end, first: Some(first) });
    }

    /// The period `at` lies in.
    #[must_use]
    pub fn period_at(&self, at: Time) -> Period {
        let begun = self.stretches.partition_point(|stretch| stretch.from <= at);
        let stretch = &self.stretches[begun.max(1) - 1];
        match &stretch.first {
            Some(first) if at < first.end => first.clone(),
            _ => self.cycle.period_at(&stretch.zone, at),
        }
    }

    /// The period before `period`.
    #[must_use]
    pub fn before(&self, period: &Period) -> Period {
        self.period_at(Time::from_micros(period.start.micros().saturating_sub(1)))
    }

    /// The end of the `count`-th period after the one that ends at `end`.
    #[must_use]
    pub fn end_after(&self, end: Time, count: u16) -> Time {
        (0..count).fold(end, |end, _| self.period_at(end).end)
    }
}

#[cfg(test)]
mod tests;
