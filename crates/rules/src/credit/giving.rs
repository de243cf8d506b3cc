//! The plans of a customer that give allowances, the default ones and those it bought, and what of all of them is due.

use super::{
    allowance::DueAllowance,
    calendar::{Every, ZoneSince},
    due::{Allowance, AllowanceTerms, Span},
    wallet::Wallet,
};
use crate::{Amount, Time, ids::Unit};
use alloc::{collections::BTreeSet, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// A plan in force. One that gives nothing by the calendar stands here too: in its group it takes the place of a lower
/// one, of the default plan above all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Giving {
    /// Its plan group; of an add-on `add-on:` and its family.
    pub group: String,
    /// What the plan is called where credits are counted by plan.
    pub tier: String,
    /// What it gives, counted in this.
    pub unit: Unit,
    /// When, and how much.
    pub span: Span,
}

/// All that says which allowances a customer has.
#[derive(Clone, Copy, Debug)]
pub struct Plans<'a> {
    /// The default plans, one of a group.
    pub defaults: &'a [Giving],
    /// Since when they are the customer's: when it was made.
    pub since: Time,
    /// The plans it bought and has access to. Of several of one group the last listed counts, until its access ends.
    pub bought: &'a [Giving],
    /// Its time zones, in the order in which they were set.
    pub zones: &'a [ZoneSince],
}

impl<'a> Plans<'a> {
    /// The groups in which some plan gives an allowance in `unit`, in the order of their names.
    #[must_use]
    pub fn groups(&self, unit: &Unit) -> BTreeSet<&'a str> {
        let all = self.defaults.iter().chain(self.bought);
        let gives = |giving: &&Giving| giving.unit == *unit && giving.span.terms.amount.is_positive();
        all.filter(gives).map(|giving| giving.group.as_str()).collect()
    }

    /// The plans of `group`, the default one first, as far as they give in `unit`.
    #[must_use]
    pub fn spans(&self, group: &str, unit: &Unit) -> Vec<Span> {
        let seen = |giving: &Giving, from: Time| {
            let Span { until, terms, .. } = giving.span.clone();
            let amount = if giving.unit == *unit { terms.amount } else { Amount::ZERO };
            Span { from, until, terms: AllowanceTerms { amount, ..terms } }
        };
        let of_group = |giving: &&Giving| giving.group == group;
        let defaults = self.defaults.iter().filter(of_group);
        let defaults = defaults.map(|giving| seen(giving, giving.span.from.max(self.since)));
        let bought = self.bought.iter().filter(of_group).map(|giving| seen(giving, giving.span.from));
        defaults.chain(bought).collect()
    }

    /// What has fallen due by `now` of every allowance in `wallet` and does not stand in it yet.
    #[must_use]
    pub fn due(&self, wallet: &Wallet, now: Time) -> Vec<DueAllowance> {
        let mut due = Vec::new();
        for group in self.groups(&wallet.unit) {
            due.extend(self.due_of(group, wallet, now, |allowance, wallet, now| allowance.due(wallet, now)));
        }
        due
    }

    /// What `rule` says of the allowance of `group` in `wallet`.
    pub fn due_of(
        &self,
        group: &str,
        wallet: &Wallet,
        now: Time,
        rule: impl Fn(&Allowance<'_>, &Wallet, Time) -> Vec<DueAllowance>,
    ) -> Vec<DueAllowance> {
        let spans = self.spans(group, &wallet.unit);
        rule(&Allowance { group, spans: &spans, zones: self.zones }, wallet, now)
    }

    /// Whether what is left of some allowance in `unit` lives on after its period.
    #[must_use]
    pub fn rolls_over(&self, unit: &Unit) -> bool {
        let all = self.defaults.iter().chain(self.bought);
        all.filter(|giving| giving.unit == *unit).any(|giving| giving.span.terms.rollover.is_some())
    }

    /// What the plan of `group` is called that is in force at `at`.
    #[must_use]
    pub fn tier(&self, group: &str, at: Time) -> Option<&'a str> {
        let mut all = self.defaults.iter().chain(self.bought).filter(|giving| giving.group == group);
        let in_force = |giving: &&Giving| giving.span.until.is_none_or(|until| at < until);
        all.rfind(in_force).map(|giving| giving.tier.as_str())
    }
}

impl AllowanceTerms {
    /// Nothing by the calendar, at this rank.
    #[must_use]
    pub const fn nothing(rank: i32) -> Self {
        Self { every: Every::Day, amount: Amount::ZERO, rank, priority: 0, rollover: None }
    }
}

#[cfg(test)]
mod tests;
