//! Spending: the one decision that everything asks for.

use super::{
    counter::plus,
    entry::{EntryKind, Why},
    grant::Grant,
    refusal::Refusal,
    settle::less,
    turn::Turn,
};
use crate::{Amount, ids::GrantId};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What to do when there is not enough (rules 1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(i16)]
pub enum Mode {
    /// All or nothing.
    #[default]
    Reject = 1,
    /// Take what there is; taking nothing is a refusal.
    Partial = 2,
    /// Take what there is, count the rest as billable overage, if that is sold.
    Overflow = 3,
}

/// A spend to decide.
#[derive(Clone, Debug)]
pub struct Spend<'a> {
    /// How much; more than nothing.
    pub amount: Amount,
    /// What to do when there is not enough.
    pub mode: Mode,
    /// Whether overage is sold to this customer: asked only when there is not enough.
    pub overage_sold: bool,
    /// Thresholds in thousandths of the limit, ascending, at most eight.
    pub thresholds: &'a [u16],
    /// Why, for the ledger.
    pub why: &'a Why,
}

/// An accepted spend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// What was asked for.
    pub requested: Amount,
    /// What was taken from grants.
    pub consumed: Amount,
    /// What was counted as billable overage.
    pub overflow: Amount,
    /// From which grants, in spend order.
    pub parts: Vec<(GrantId, Amount)>,
}

/// What could be spent from `grants` at `now`.
#[must_use]
pub fn usable(grants: &[Grant], now: crate::Time) -> Amount {
    let sum = grants.iter().map(|grant| grant.usable(now).micros()).sum();
    Amount::from_micros(sum).unwrap_or(Amount::MAX)
}

/// What a spend was decided to take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Split {
    /// From grants.
    pub(super) taken: Amount,
    /// As billable overage.
    pub(super) overflow: Amount,
}

impl Turn {
    /// Spends. Refusals are asked for in this order: debt, cap, credits or overage, totals.
    ///
    /// # Errors
    /// [`Refusal::DebtOutstanding`], [`Refusal::CapReached`], [`Refusal::InsufficientCredits`],
    /// [`Refusal::OverageNotSold`], [`Refusal::TotalTooLarge`].
    pub fn spend(&mut self, spend: &Spend<'_>) -> Result<Spent, Refusal> {
        let split = self.decide(spend.amount, spend.mode, spend.overage_sold, Amount::ZERO)?;
        let limit = self.limit();
        let mut spent = Spent { requested: spend.amount, ..Spent::default() };
        self.take(split, spend.why, &mut spent);
        self.count(spent.consumed, spent.overflow, limit, spend.thresholds);
        Ok(spent)
    }

    /// Decides a spend of `amount`, `captured` of held credit being spent together with it.
    pub(super) fn decide(
        &self,
        amount: Amount,
        mode: Mode,
        overage_sold: bool,
        captured: Amount,
    ) -> Result<Split, Refusal> {
        let amount = self.admit(amount, mode)?;
        let available = self.reachable(amount);
        let taken = available.min(amount);
        let split = match mode {
            _ if available >= amount => Split { taken, overflow: Amount::ZERO },
            Mode::Partial if available.is_positive() => Split { taken, overflow: Amount::ZERO },
            Mode::Overflow if overage_sold => Split { taken, overflow: less(amount, taken) },
            Mode::Overflow => return Err(Refusal::OverageNotSold),
            Mode::Reject | Mode::Partial => return Err(Refusal::InsufficientCredits { needed: amount, available }),
        };
        let counted = captured.checked_add(amount).ok_or(Refusal::TotalTooLarge)?;
        if self.countable(counted, split.overflow) { Ok(split) } else { Err(Refusal::TotalTooLarge) }
    }

    /// What of `amount` debt and the cap let a spend or a hold ask for. Held credit counts against the cap.
    pub(super) fn admit(&self, amount: Amount, mode: Mode) -> Result<Amount, Refusal> {
        assert!(amount.is_positive(), "{amount} cannot be spent");
        let body = &self.wallet.body;
        let debt = body.debt.outstanding();
        if debt.is_positive() {
            return Err(Refusal::DebtOutstanding { debt });
        }
        let Some(limit) = body.counter.cap else { return Ok(amount) };
        let room = limit.micros() - body.counter.used.micros() - self.held_total();
        if amount.micros() <= room {
            return Ok(amount);
        }
        let part = Amount::from_micros(room).filter(|room| mode == Mode::Partial && room.is_positive());
        part.ok_or(Refusal::CapReached { limit, used: body.counter.used })
    }

    /// What there is to take `amount` from. Panics when waiting grants are needed and not loaded.
    pub(super) fn reachable(&self, amount: Amount) -> Amount {
        let usable = usable(&self.wallet.body.grants, self.now);
        let waiting = self.wallet.body.waiting.available;
        assert!(usable >= amount || waiting.is_zero(), "the waiting grants are needed and not loaded");
        usable
    }

    /// Takes what was decided and adds it to `spent`.
    pub(super) fn take(&mut self, split: Split, why: &Why, spent: &mut Spent) {
        let mut left = split.taken;
        for place in 0..self.wallet.body.grants.len() {
            if left.is_zero() {
                break;
            }
            let grant = &self.wallet.body.grants[place];
            let part = grant.usable(self.now).min(left);
            if part.is_positive() {
                spent.parts.push((grant.id, part));
                self.enter(self.now, EntryKind::Spend, Some(place), part, why);
                left = less(left, part);
            }
        }
        assert!(left.is_zero(), "{left} of a decided spend was not there");
        self.enter(self.now, EntryKind::Overflow, None, split.overflow, why);
        spent.consumed = plus(spent.consumed, split.taken);
        spent.overflow = plus(spent.overflow, split.overflow);
    }
}
