//! Allowances in a wallet: what is remembered of a running period, what falls due, what is cut (rules 1.11, 1.12).

use super::{
    calendar::Every,
    counter::plus,
    entry::{EntryKind, Why},
    grant::{Grant, Terms},
    settle::less,
    turn::Turn,
};
use crate::{Amount, Time, ids::GrantId};
use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// What a wallet remembers of the last period of an allowance that was put down in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The plan group or add-on.
    pub group: String,
    /// The cycle of the period.
    pub every: Every,
    /// The period's label.
    pub label: String,
    /// The first instant after the period.
    pub end: Time,
    /// The amount of the plan that applied last.
    pub plan: Amount,
    /// The rank of that plan.
    pub rank: i32,
    /// The largest amount of any plan that was given for the period: an upgrade gives what is above it.
    pub most: Amount,
    /// What was revoked when access ran out, and is given again when it returns within the period.
    pub lapsed: Amount,
    /// What the period's grants carry over at most, together.
    pub rolls: Amount,
    /// The period's grants, first to last; at most [`Given::MOST_GRANTS`].
    pub grants: Vec<GrantId>,
}

impl Given {
    /// How many grants a period has at most; a plan changed more often than that gives nothing more.
    pub const MOST_GRANTS: usize = 32;

    /// The period's key: `GROUP:LABEL`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}:{}", self.group, self.label)
    }
}

/// What has fallen due of an allowance and does not stand in the wallet yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DueAllowance {
    /// A grant to put in.
    Grant {
        /// The grant it will be; its id is derived from customer, unit, plan group and period label.
        terms: Terms,
        /// What to remember of its period.
        given: Option<Given>,
    },
    /// The period's grants to cut down to what `given.plan` leaves. All of them must be loaded, closed ones too.
    Cut {
        /// When the lower plan began to apply.
        at: Time,
        /// What to remember of the period.
        given: Given,
        /// What the plan gives whose access may return: what is revoked below that is given again when it does within
        /// the period, what is revoked above it is not.
        restorable: Amount,
    },
}

impl DueAllowance {
    /// When it falls due.
    #[must_use]
    pub fn at(&self) -> Time {
        match self {
            Self::Grant { terms, .. } => terms.effective_at,
            Self::Cut { at, .. } => *at,
        }
    }

    /// The grants that must be loaded to put it down, with everything else that is open.
    #[must_use]
    pub fn names(&self) -> &[GrantId] {
        match self {
            Self::Grant { .. } => &[],
            Self::Cut { given, .. } => &given.grants,
        }
    }

    /// Its place among what falls due: cuts before grants.
    pub(super) fn order(&self) -> (Time, Option<GrantId>) {
        match self {
            Self::Grant { terms, .. } => (terms.effective_at, Some(terms.id)),
            Self::Cut { at, .. } => (*at, None),
        }
    }
}

impl Turn {
    /// Puts down what a change of plan makes of an allowance now, in the order given. `why` is the change's.
    pub fn put_down(&mut self, due: Vec<DueAllowance>, why: &Why) {
        for due in due {
            self.put_down_one(due, self.now(), why);
        }
    }

    /// Cuts `grants` down so that with what is spent of them no more than `amount` is left; answers how much
    /// was cut. What is held of that stays with its holds, and is revoked as soon as it is free; of a kind that makes
    /// debt it is left alone. All of `grants` must be loaded, closed ones too.
    pub fn cut(&mut self, grants: &[GrantId], amount: Amount, why: &Why) -> Amount {
        let (revoked, marked) = self.cut_down(grants, amount, self.now(), why);
        plus(revoked, marked)
    }

    /// Puts one thing down as of `at`. A grant that would carry the wallet over its bounds is left out, and
    /// falls due again with the next write.
    pub(super) fn put_down_one(&mut self, due: DueAllowance, at: Time, why: &Why) {
        match due {
            DueAllowance::Grant { terms, given } => {
                if self.position(terms.id).is_none() && self.fits(terms.amount) {
                    self.put_in(at, &terms, why);
                    given.into_iter().for_each(|given| self.remember_given(given));
                    self.pay_debt(at, why);
                }
            }
            DueAllowance::Cut { mut given, restorable, .. } => {
                // Down to what may come back it goes for good.
                self.cut_down(&given.grants, restorable.max(given.plan), at, why);
                // What is marked may be captured yet: given again it would be there twice.
                let (lapsed, _marked) = self.cut_down(&given.grants, given.plan, at, why);
                given.lapsed = plus(given.lapsed, lapsed);
                self.remember_given(given);
            }
        }
    }

    /// Remembers a period, unless a later one is remembered already.
    fn remember_given(&mut self, given: Given) {
        let memory = &mut self.wallet.body.allowances;
        match memory.iter_mut().find(|known| known.group == given.group && known.every == given.every) {
            Some(known) if known.end > given.end => {}
            Some(known) => *known = given,
            None => memory.push(given),
        }
    }

    /// [`Turn::cut`] as of `at`: first what is available is revoked, of the last grant first, then what is held is
    /// marked. Answers how much of each.
    fn cut_down(&mut self, grants: &[GrantId], amount: Amount, at: Time, why: &Why) -> (Amount, Amount) {
        // A mark on a kind that makes debt becomes debt when it is captured, and only money reversals may make any.
        let unmarked = |grant: &Grant| {
            let unmarked = less(less(grant.held, grant.revoke_on_release), grant.freeze_on_release);
            if grant.source_kind.makes_debt() { Amount::ZERO } else { unmarked }
        };
        let (mut spent, mut open) = (0_i64, 0_i64);
        for id in grants {
            let grant = &self.wallet.body.grants[self.place(*id)];
            spent += grant.spent.micros();
            open += grant.available.micros() + unmarked(grant).micros();
        }
        let keep = (amount.micros() - spent).max(0);
        let cut = Amount::from_micros((open - keep).max(0)).unwrap_or(Amount::MAX);
        let mut left = cut;
        for id in grants.iter().rev() {
            let place = self.place(*id);
            let part = self.wallet.body.grants[place].available.min(left);
            self.enter(at, EntryKind::Revoke, Some(place), part, why);
            left = less(left, part);
        }
        let marked = left;
        for id in grants.iter().rev() {
            let place = self.place(*id);
            let part = unmarked(&self.wallet.body.grants[place]).min(left);
            self.enter(at, EntryKind::RevokeMarked, Some(place), part, why);
            left = less(left, part);
        }
        (less(cut, marked), marked)
    }
}
