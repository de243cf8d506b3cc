//! What has fallen due by a turn's instant is put down first, in order of the instants.

use super::{
    allowance::DueAllowance,
    entry::{EntryKind, Why},
    grant::{Grant, Rollover, SourceKind, Terms},
    hold::HoldState,
    turn::{Turn, settled},
};
use crate::{
    Amount, Time,
    ids::{GrantId, HoldId},
};
use alloc::{string::ToString, vec::Vec};

/// Something fallen due; at one instant holds run out first, then grants expire, then credit arrives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A hold runs out.
    Hold(HoldId),
    /// A grant expires.
    Expiry(GrantId),
    /// A grant starts, and there is debt to pay.
    Start(GrantId),
    /// An allowance's period has begun, or its plan was lost: the last of those given.
    Allowance,
}

impl Turn {
    /// Puts down everything due by `now`.
    pub(super) fn settle(&mut self, mut due: Vec<DueAllowance>) {
        due.retain(|allowance| allowance.at() <= self.now);
        due.sort_by_key(|allowance| core::cmp::Reverse(allowance.order()));
        if due.is_empty() && !self.anything_due() {
            return;
        }
        while let Some((at, what)) = self.next_due(due.last()) {
            match what {
                Due::Hold(id) => self.run_out(id, at),
                Due::Expiry(id) => self.expire(self.place(id), at),
                Due::Start(id) => self.pay_debt(at, &settled(id)),
                Due::Allowance => {
                    let Some(allowance) = due.pop() else { return };
                    let why = match &allowance {
                        DueAllowance::Grant { terms, .. } => settled(terms.id),
                        DueAllowance::Cut { given, .. } | DueAllowance::Left { given, .. } => settled(given.key()),
                    };
                    self.put_down_one(allowance, at, &why);
                }
            }
        }
    }

    fn anything_due(&self) -> bool {
        let body = &self.wallet.body;
        body.holds.due_at.is_some_and(|at| at <= self.now)
            || body.debt.outstanding().is_positive()
            || body.grants.iter().any(|grant| grant.available.is_positive() && grant.has_expired(self.now))
    }

    fn next_due(&self, allowance: Option<&DueAllowance>) -> Option<(Time, Due)> {
        let body = &self.wallet.body;
        let now = self.now;
        let open = self.holds.iter().map(|kept| &kept.hold).filter(|hold| hold.state == HoldState::Open);
        let holds = open.map(|hold| (hold.expires_at, Due::Hold(hold.id)));
        let left = || body.grants.iter().filter(|grant| grant.available.is_positive());
        let expiries = left().filter_map(|grant| Some((grant.expires_at?, Due::Expiry(grant.id))));
        let owed = body.debt.outstanding().is_positive();
        let starts = left().filter(|_| owed).map(|grant| (grant.effective_at, Due::Start(grant.id)));
        let allowances = allowance.map(|allowance| (allowance.at(), Due::Allowance));
        holds.chain(expiries).chain(starts).chain(allowances).filter(|(at, _)| *at <= now).min()
    }

    /// Whether `amount` more leaves the total within bounds; unloaded grants count by their sums.
    pub(super) fn fits(&self, amount: Amount) -> bool {
        let body = &self.wallet.body;
        let open = |grant: &Grant| grant.available.micros() + grant.held.micros() + grant.frozen.micros();
        let waiting = body.waiting.available.micros() + body.waiting.held.micros() + body.waiting.frozen.micros();
        body.grants.iter().map(open).sum::<i64>() + waiting + amount.micros() <= Amount::MAX.micros()
    }

    fn run_out(&mut self, id: HoldId, at: Time) {
        let why = settled(id);
        if let Some(place) = self.holds.iter().position(|kept| kept.hold.id == id) {
            self.finish_hold(place, HoldState::Expired, Amount::ZERO);
            for part in self.holds[place].hold.parts.clone() {
                self.free(self.place(part.grant), part.amount, at, &why);
            }
            self.pay_debt(at, &why);
        }
    }

    /// What is available of the grant at `place` runs out; what rolls over goes into a new grant.
    pub(super) fn expire(&mut self, place: usize, at: Time) {
        let grant = &self.wallet.body.grants[place];
        let (id, left, priority) = (grant.id, grant.available, grant.priority);
        let why = settled(id);
        let Some(Rollover { max, seconds }) = grant.rollover else {
            return self.enter(at, EntryKind::Expire, Some(place), left, &why);
        };
        let carried = left.min(max);
        let lost = left.checked_sub(carried).unwrap_or(Amount::ZERO);
        let expires_at = grant.expires_at.unwrap_or(at).plus_seconds(seconds);
        self.enter(at, EntryKind::Rollover, Some(place), carried, &why);
        self.enter(at, EntryKind::Expire, Some(place), lost, &why);
        if carried.is_positive() {
            let source_id = id.to_string();
            let terms = Terms {
                id: self.derive_grant(SourceKind::Rollover, &source_id),
                source_kind: SourceKind::Rollover,
                source_id,
                amount: carried,
                priority,
                effective_at: at,
                expires_at: Some(expires_at),
                rollover: None,
                metadata: None,
            };
            self.put_in(at, &terms, &why);
        }
    }

    /// Ends a grant before its time, as if it expired now: what is available of it rolls over by its terms, the
    /// rest is gone. What is held of it stays with its holds. Once something was available, what comes back to it from
    /// holds or by a return expires at its own end and rolls over no more, nor in later turns
    /// (`Grant::forget_done_rollover`). Answers what was available; nothing of a grant that is closed.
    pub fn end_early(&mut self, grant: GrantId) -> Amount {
        let Some(place) = self.position(grant) else { return Amount::ZERO };
        let left = self.wallet.body.grants[place].available;
        if left.is_positive() {
            self.expire(place, self.now);
            self.wallet.body.grants[place].rollover = None;
        }
        left
    }

    /// The id of a grant that Purser makes itself: always the same for the same source.
    pub(super) fn derive_grant(&self, kind: SourceKind, source_id: &str) -> GrantId {
        self.wallet.derive_grant(kind, source_id)
    }

    /// Ends the hold at `place`; its parts are captured or freed by the caller.
    pub(super) fn finish_hold(&mut self, place: usize, state: HoldState, captured: Amount) {
        let kept = &mut self.holds[place];
        if kept.hold.state == HoldState::Open {
            self.wallet.body.holds.open -= 1;
        }
        kept.hold.state = state;
        kept.hold.captured = captured;
        kept.changed = true;
    }

    /// What a hold had set aside of a grant is free again: a mark to revoke takes it first, then a
    /// mark to freeze; the rest is available, or expired if the grant is.
    pub(super) fn free(&mut self, place: usize, amount: Amount, at: Time, why: &Why) {
        let grant = &self.wallet.body.grants[place];
        let revoked = amount.min(grant.revoke_on_release);
        let frozen = less(amount, revoked).min(grant.freeze_on_release);
        let rest = less(less(amount, revoked), frozen);
        let kind = if grant.has_expired(at) { EntryKind::ReleaseExpired } else { EntryKind::Release };
        self.enter(at, EntryKind::ReleaseRevoked, Some(place), revoked, why);
        self.enter(at, EntryKind::ReleaseFrozen, Some(place), frozen, why);
        self.enter(at, kind, Some(place), rest, why);
    }
}

/// `amount` without `part`, which is no more than it.
pub(super) fn less(amount: Amount, part: Amount) -> Amount {
    let left = amount.checked_sub(part).filter(|left| left.micros() >= 0);
    assert!(left.is_some(), "{part} is more than {amount}");
    left.unwrap_or(Amount::ZERO)
}
