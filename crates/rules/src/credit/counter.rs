//! What was used in the running UTC month and day: thresholds crossed, caps, rollups.

use super::{
    spend::usable,
    turn::Turn,
    wallet::{Crossing, Rollup},
};
use crate::Amount;

impl Turn {
    /// Begins a new day's rollup and a new month's counter when `now` lies in another.
    pub(super) fn roll_periods(&mut self) {
        let day = self.now.utc_day();
        let month = self.now.start_of_utc_month();
        let body = &mut self.wallet.body;
        if body.today.day != day {
            if body.today.count > 0 {
                self.days.push(body.today);
            }
            body.today = Rollup { day, ..Rollup::default() };
        }
        let counter = &mut body.counter;
        if counter.period_start != month {
            counter.period_start = month;
            counter.used = Amount::ZERO;
            counter.fired = 0;
            counter.arming = 0;
        }
    }

    /// The limit that thresholds are fractions of: used, usable, held and frozen, all before the spend.
    pub(super) fn limit(&self) -> i64 {
        let body = &self.wallet.body;
        let frozen: i64 = body.grants.iter().map(|grant| grant.frozen.micros()).sum();
        let usable = usable(&body.grants, self.now).micros() + body.waiting.available.micros();
        body.counter.used.micros() + usable + self.held_total() + frozen + body.waiting.frozen.micros()
    }

    /// Counts an accepted spend; `limit` is what [`Turn::limit`] was before it.
    pub(super) fn count(&mut self, consumed: Amount, overflow: Amount, limit: i64, thresholds: &[u16]) {
        let at = self.now;
        let body = &mut self.wallet.body;
        let today = &mut body.today;
        today.count += 1;
        today.consumed = plus(today.consumed, consumed);
        today.overflow = plus(today.overflow, overflow);
        let counter = &mut body.counter;
        counter.used = plus(plus(counter.used, consumed), overflow);
        for (bit, &threshold) in thresholds.iter().enumerate().take(8) {
            let reached = i128::from(counter.used.micros()) * 1000 >= i128::from(limit) * i128::from(threshold);
            if reached && counter.fired & (1 << bit) == 0 {
                counter.fired |= 1 << bit;
                self.crossings.push(Crossing {
                    period_start: counter.period_start,
                    threshold,
                    arming: counter.arming,
                    used: counter.used,
                    limit: Amount::from_micros(limit).unwrap_or(Amount::MAX),
                    at,
                });
            }
        }
    }

    /// Whether `amount` more can be counted without any total leaving its bounds.
    pub(super) fn countable(&self, amount: Amount, overflow: Amount) -> bool {
        let body = &self.wallet.body;
        let most = Amount::MAX.micros();
        body.counter.used.micros() + amount.micros() <= most
            && body.today.consumed.micros() + amount.micros() <= most
            && body.today.overflow.micros() + overflow.micros() <= most
            && body.overflow.micros() + overflow.micros() <= most
    }

    /// Arms the thresholds again: they may fire once more in this period.
    pub(super) fn arm(&mut self) {
        let counter = &mut self.wallet.body.counter;
        counter.fired = 0;
        counter.arming += 1;
    }
}

/// The sum of amounts that were checked to stay within bounds.
pub(super) fn plus(a: Amount, b: Amount) -> Amount {
    let sum = a.checked_add(b);
    assert!(sum.is_some(), "{a} and {b} are more than the largest amount");
    sum.unwrap_or(Amount::MAX)
}
