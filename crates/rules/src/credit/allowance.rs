//! Allowances in a wallet: what is remembered of a running period, what falls due, what is cut (rules 1.11, 1.12).

use super::{
    calendar::Every,
    counter::plus,
    entry::{EntryKind, Why},
    grant::{Grant, SourceKind, Terms},
    settle::less,
    turn::Turn,
};
use crate::{Amount, Time, ids::GrantId};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
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
    /// What may be used and left of the period together, a return counted in: the amount of the plan that applied last,
    /// or of the larger one that left what was left when it was lost.
    pub plan: Amount,
    /// The rank of the plan that applied last.
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

    /// What the sources of a period's grants are called, by its key: the first as the key, those after it numbered.
    pub(super) fn source(key: &str, number: usize) -> String {
        if number == 0 { key.to_string() } else { format!("{key}+{number}") }
    }
}

/// Credits carried over that were revoked when access ran out: they are given again, for the time they live yet, when
/// it returns. Remembered as long as they live, so that what was given again is found when access is lost once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapsed {
    /// The plan group or add-on.
    pub group: String,
    /// The rank of what was left of its plans: one above it is access again.
    pub rank: i32,
    /// The source of the grant that gives them again.
    pub source_id: String,
    /// How much; nothing once they were given again.
    pub amount: Amount,
    /// Their place in the spend order.
    pub priority: u16,
    /// Until when they live.
    pub expires_at: Time,
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
        /// What the plan gives whose access may return, if one's may: what is revoked below that is given again when it
        /// does within the period, what is revoked above it is not.
        restorable: Option<Amount>,
        /// To how much each grant that a period carried over is cut down too, by the periods' keys; if access may
        /// return, that is given again when it does, as long as it would live.
        carried: Vec<(String, Amount)>,
    },
    /// What is left stays as it is: the plan it is of was lost and leaves it until it expires, or a larger plan is back
    /// of which all was given. Nothing but which plan is in force now is to be remembered of the period.
    Left {
        /// When the plan was lost, or was back.
        at: Time,
        /// What to remember of the period.
        given: Given,
    },
}

impl DueAllowance {
    /// When it falls due.
    #[must_use]
    pub fn at(&self) -> Time {
        match self {
            Self::Grant { terms, .. } => terms.effective_at,
            Self::Cut { at, .. } | Self::Left { at, .. } => *at,
        }
    }

    /// The grants that must be loaded to put it down, with everything else that is open.
    #[must_use]
    pub fn names(&self) -> &[GrantId] {
        match self {
            Self::Grant { .. } | Self::Left { .. } => &[],
            Self::Cut { given, .. } => &given.grants,
        }
    }

    /// Its place among what falls due: cuts after grants, since some of those are carried over and cut.
    pub(super) fn order(&self) -> (Time, GrantId) {
        match self {
            Self::Grant { terms, .. } => (terms.effective_at, terms.id),
            Self::Cut { at, .. } | Self::Left { at, .. } => (*at, GrantId(u128::MAX)),
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

    /// Forgets what lapsed of every group that `is_lost`: access to none of its plans may return.
    pub fn forget_lapsed(&mut self, is_lost: impl Fn(&str) -> bool) {
        self.wallet.body.lapsed.retain(|lapsed| !is_lost(&lapsed.group));
        for given in self.wallet.body.allowances.iter_mut().filter(|given| is_lost(&given.group)) {
            given.lapsed = Amount::ZERO;
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
                    self.given_again(&terms);
                    given.into_iter().for_each(|given| self.remember_given(given));
                    self.pay_debt(at, why);
                }
            }
            DueAllowance::Cut { mut given, restorable, carried, .. } => {
                // Down to what may come back it goes for good.
                self.cut_down(&given.grants, restorable.unwrap_or(Amount::ZERO).max(given.plan), at, why);
                // What is marked may be captured yet: given again it would be there twice.
                let (lapsed, _marked) = self.cut_down(&given.grants, given.plan, at, why);
                given.lapsed = plus(given.lapsed, lapsed);
                // What is gone does not roll over: what is given again may.
                given.rolls = given.rolls.min(self.left_of(&given.grants));
                self.cut_carried(&given, &carried, restorable.is_some(), (at, why));
                self.remember_given(given);
            }
            DueAllowance::Left { given, .. } => self.remember_given(given),
        }
    }

    /// Cuts what the periods of `carried` carried over, and what was given again of it.
    fn cut_carried(&mut self, given: &Given, carried: &[(String, Amount)], restorable: bool, (at, why): (Time, &Why)) {
        let rolled = |grant: &Grant| grant.source_kind == SourceKind::Rollover;
        if carried.is_empty() || !self.wallet.body.grants.iter().any(rolled) {
            return;
        }
        let mut ids = Vec::new();
        for (key, keep) in carried {
            for number in 0..Given::MOST_GRANTS {
                let grant = self.derive_grant(SourceKind::Allowance, &Given::source(key, number));
                ids.push((self.derive_grant(SourceKind::Rollover, &grant.to_string()), *keep));
            }
        }
        let lapsed = core::mem::take(&mut self.wallet.body.lapsed).into_iter().filter(|lapsed| lapsed.expires_at > at);
        let is_back = |lapsed: &Lapsed| lapsed.group == given.group && lapsed.amount.is_zero();
        let (back, gone): (Vec<Lapsed>, Vec<Lapsed>) = lapsed.partition(is_back);
        self.wallet.body.lapsed = gone;
        for lapsed in back {
            ids.push((self.derive_grant(SourceKind::Rollover, &lapsed.source_id), Amount::ZERO));
        }
        for (id, keep) in ids {
            let Some(place) = self.position(id) else { continue };
            let grant = &self.wallet.body.grants[place];
            let (priority, expires_at) = (grant.priority, grant.expires_at.unwrap_or(Time::MAX));
            let (amount, _marked) = self.cut_down(&[id], keep, at, why);
            if restorable && amount.is_positive() {
                let (group, source_id) = (given.group.clone(), format!("{id}+{}", at.micros()));
                let lapsed = Lapsed { group, rank: given.rank, source_id, amount, priority, expires_at };
                self.wallet.body.lapsed.push(lapsed);
            }
        }
    }

    /// What is spent of `grants`, and what is available in them or held without a mark, in millionths.
    pub(super) fn spent_and_open(&self, grants: &[GrantId]) -> (i64, i64) {
        let grants = grants.iter().map(|id| &self.wallet.body.grants[self.place(*id)]);
        grants.fold((0, 0), |(spent, open), grant| {
            (spent + grant.spent.micros(), open + grant.available.micros() + unmarked(grant).micros())
        })
    }

    /// What is available in `grants` and held of them.
    fn left_of(&self, grants: &[GrantId]) -> Amount {
        let grants = grants.iter().map(|id| &self.wallet.body.grants[self.place(*id)]);
        grants.fold(Amount::ZERO, |sum, grant| plus(sum, plus(grant.available, grant.held)))
    }

    /// Remembers that what lapsed is there again, if it is that.
    fn given_again(&mut self, terms: &Terms) {
        for lapsed in &mut self.wallet.body.lapsed {
            if terms.source_kind == SourceKind::Rollover && lapsed.source_id == terms.source_id {
                lapsed.amount = Amount::ZERO;
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
        let (spent, open) = self.spent_and_open(grants);
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

/// What is held of a grant and can be marked to be revoked. A mark on a kind that makes debt becomes debt when it is
/// captured, and only money reversals may make any.
fn unmarked(grant: &Grant) -> Amount {
    let unmarked = less(less(grant.held, grant.revoke_on_release), grant.freeze_on_release);
    if grant.source_kind.makes_debt() { Amount::ZERO } else { unmarked }
}
