//! Taking back: refunds and disputes move what is taken from a payment's grants to a target (rules 1.8).

use super::{
    counter::plus,
    entry::{EntryKind, Why},
    grant::{Grant, SourceKind, Terms},
    refusal::Refusal,
    settle::less,
    turn::Turn,
};
use crate::{Amount, Time, ids::GrantId};
use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// A payment that gave grants, with what was reversed of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id, Stripe's.
    pub id: String,
    /// What was paid, in the currency's minor unit; more than nothing.
    pub paid: i64,
    /// The grants it gave, what these carried over, and those that gave some of it again; no other payment's.
    pub grants: Vec<GrantId>,
    /// What it gave in all, at first.
    pub granted: Amount,
    /// Whether what is spent may become debt (not for subscription refunds). What is held becomes debt when
    /// captured only if the grant's own kind makes debt ([`SourceKind::makes_debt`]); else it does at once.
    pub makes_debt: bool,
    /// Refunded so far, cumulative, in minor units.
    pub refunded: i64,
    /// Its disputes.
    pub disputes: Vec<Dispute>,
    /// Debt it made and still stands for.
    pub debt: Amount,
    /// Of what was revoked: given again after reinstatement, in new grants.
    pub restored: Amount,
    /// What is taken back by now: revoked, marked and debt, less restored; as this payment's last change left it.
    pub taken: Amount,
    /// Of what is revoked: taken by others (an operator); it counts towards the target and is never given again.
    pub others: Amount,
    /// How many grants its reversals have made; numbers the next one.
    pub made: u32,
}

/// One dispute of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Its id, Stripe's.
    pub id: String,
    /// What is disputed, in minor units.
    pub amount: i64,
    /// How it stands.
    pub state: DisputeState,
    /// When it was opened: what expires while frozen is given again for the time it had left then.
    pub opened_at: Time,
}

/// How a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisputeState {
    /// Open: the credits are frozen.
    Open,
    /// Won: the credits are free again.
    Won,
    /// Lost: the credits are taken back.
    Lost,
    /// Reinstated after a loss.
    Reinstated,
}

/// What a change of a payment's reversals did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reversed {
    /// The target: what is to be taken back now.
    pub target: Amount,
    /// Debt made by this change, net: negative when it was cut.
    pub debt: Amount,
}

impl Payment {
    /// A payment that gave `grants` of `granted` in all, nothing of it reversed.
    #[must_use]
    pub fn new(id: String, paid: i64, grants: Vec<GrantId>, granted: Amount, makes_debt: bool) -> Self {
        Self {
            id,
            paid,
            grants,
            granted,
            makes_debt,
            refunded: 0,
            disputes: Vec::new(),
            debt: Amount::ZERO,
            restored: Amount::ZERO,
            taken: Amount::ZERO,
            others: Amount::ZERO,
            made: 0,
        }
    }

    /// What became of it by now, in place of what was said before. A dispute that was lost and is open again, as one is
    /// under appeal, stays lost until it is won or its money comes back.
    pub fn say(&mut self, refunded: i64, mut disputes: Vec<Dispute>) {
        let was_lost = |id: &str| self.disputes.iter().any(|kept| kept.id == id && kept.state == DisputeState::Lost);
        for dispute in &mut disputes {
            if dispute.state == DisputeState::Open && was_lost(&dispute.id) {
                dispute.state = DisputeState::Lost;
            }
        }
        self.refunded = refunded;
        self.disputes = disputes;
    }

    /// What is to be taken back in all: the share refunded and lost, never more than granted.
    #[must_use]
    pub fn target(&self) -> Amount {
        self.share(i128::from(self.refunded) + self.disputed(DisputeState::Lost))
    }

    /// What is to be frozen: the share in open disputes, with what is taken back never more than granted.
    #[must_use]
    pub fn freeze_target(&self) -> Amount {
        self.share(self.disputed(DisputeState::Open)).min(less(self.granted, self.goal()))
    }

    /// Whether a dispute of it is open. That its subscription gives no access is none.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        self.open().next().is_some()
    }

    /// Whether it is frozen because its subscription gives no access.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.disputes.iter().any(|dispute| dispute.id == NO_ACCESS)
    }

    /// From `at` on its subscription gives no access: what is left of its grants is frozen as a dispute of all of
    /// it would, by the next [`Turn::reverse`]. Said twice it is said once.
    pub fn suspend(&mut self, at: Time) {
        if !self.is_suspended() {
            let (id, amount) = (String::from(NO_ACCESS), self.paid.max(1));
            self.disputes.push(Dispute { id, amount, state: DisputeState::Open, opened_at: at });
        }
    }

    /// Access is back: what was frozen for want of it is free again. Nothing is given for what expired meanwhile.
    pub fn resume(&mut self) {
        self.disputes.retain(|dispute| dispute.id != NO_ACCESS);
    }

    /// The target, or what others have taken back of it if that is more.
    fn goal(&self) -> Amount {
        self.target().max(self.others).min(self.granted)
    }

    /// What of a return is revoked at once: what it made debt for, and what it could not take.
    pub(super) fn wanting(&self) -> Amount {
        plus(self.debt, over(self.goal(), self.taken))
    }

    /// Its open disputes, without that of want of access.
    fn open(&self) -> impl Iterator<Item = &Dispute> {
        self.disputes.iter().filter(|dispute| dispute.state == DisputeState::Open && dispute.id != NO_ACCESS)
    }

    /// What these are to freeze.
    fn in_dispute(&self) -> Amount {
        let open: i128 = self.open().map(|dispute| i128::from(dispute.amount)).sum();
        self.share(open).min(less(self.granted, self.goal()))
    }

    /// What the end of disputes set free since it stood as `before`, less what was taken back since.
    fn set_free_since(&self, before: &Self) -> Amount {
        over(over(before.in_dispute(), self.in_dispute()), over(self.target(), before.target()))
    }

    fn disputed(&self, state: DisputeState) -> i128 {
        self.disputes.iter().filter(|dispute| dispute.state == state).map(|dispute| i128::from(dispute.amount)).sum()
    }

    /// `granted × part ÷ paid`, rounded down; all of it when the part is the whole.
    fn share(&self, part: i128) -> Amount {
        let paid = i128::from(self.paid.max(1));
        let share = i128::from(self.granted.micros()) * part.clamp(0, paid) / paid;
        i64::try_from(share).ok().and_then(Amount::from_micros).unwrap_or(self.granted)
    }

    /// When the dispute that ended last was opened.
    fn disputed_at(&self) -> Option<Time> {
        let ended = self.disputes.iter().filter(|dispute| dispute.state != DisputeState::Open);
        ended.map(|dispute| dispute.opened_at).max()
    }
}

impl Turn {
    /// Brings what is taken back and frozen of `payment` to what its refunds and disputes now say.
    /// Asked twice with the same, the second time changes nothing. Its grants must all be loaded.
    ///
    /// # Errors
    /// [`Refusal::TotalTooLarge`] when the debt or the wallet's total would leave their bounds.
    pub fn reverse(&mut self, payment: &mut Payment, why: &Why) -> Result<Reversed, Refusal> {
        self.observe(payment);
        let (target, goal, before) = (payment.target(), payment.goal(), payment.debt);
        let (up, down) = (over(goal, payment.taken), over(payment.taken, goal));
        // What is frozen counts towards the total already: only what was taken back comes on top of it.
        self.room_for(down)?;
        self.wallet.body.debt.incurred.checked_add(up).ok_or(Refusal::TotalTooLarge)?;
        let up = self.take_frozen(payment, up, why);
        self.freeze_less(payment, why);
        self.take_back(payment, up, why);
        self.put_back(payment, down, why);
        self.freeze_more(payment, why);
        self.pay_debt(self.now, why);
        self.remember(payment);
        let debt = Amount::from_micros(payment.debt.micros() - before.micros()).unwrap_or_default();
        Ok(Reversed { target, debt })
    }

    /// [`Turn::reverse`] of a payment that stood as `before`, with access or without, then or now. What expired while it
    /// was frozen for want of access is gone, but for the share in dispute: an open dispute stops its time, and the end
    /// of it gives that again, frozen too while there is no access.
    ///
    /// # Errors
    /// As [`Turn::reverse`].
    pub fn reverse_since(&mut self, before: &Payment, payment: &mut Payment, why: &Why) -> Result<Reversed, Refusal> {
        let is_disputed = before.is_disputed() || payment.is_disputed();
        if before.is_suspended() && !(is_disputed && payment.is_suspended()) {
            self.let_expire(payment, before.in_dispute().max(payment.in_dispute()), why);
        }
        let reversed = self.reverse(payment, why)?;
        if before.is_disputed() && payment.is_suspended() {
            let again = payment.set_free_since(before);
            self.give_again_frozen(payment, again, why);
            if !payment.is_disputed() {
                self.let_expire(payment, Amount::ZERO, why);
            }
        }
        Ok(reversed)
    }

    /// Lets what is frozen of `payment` expire if its grants have, but for the first `keep` of it.
    fn let_expire(&mut self, payment: &Payment, mut keep: Amount, why: &Why) {
        for id in &payment.grants {
            let place = self.place(*id);
            let grant = &self.wallet.body.grants[place];
            let kept = grant.frozen.min(keep);
            keep = less(keep, kept);
            if grant.has_expired(self.now) {
                let gone = less(grant.frozen, kept);
                self.enter(self.now, EntryKind::UnfreezeExpired, Some(place), gone, why);
            }
        }
    }

    /// Gives again what expired of the first `left` that is frozen of `payment`, for the time it had left, and freezes it.
    fn give_again_frozen(&mut self, payment: &mut Payment, mut left: Amount, why: &Why) {
        for id in payment.grants.clone() {
            let place = self.place(id);
            let grant = &self.wallet.body.grants[place];
            let part = grant.frozen.min(left);
            left = less(left, part);
            if grant.has_expired(self.now) {
                self.free_expired(payment, place, part, why);
            }
        }
        self.freeze_more(payment, why);
    }

    /// Forgives debt: `amount` of it, or all; answers how much was.
    ///
    /// # Errors
    /// [`Refusal::ForgiveExceedsDebt`] when `amount` is more than is owed.
    pub fn forgive(&mut self, amount: Option<Amount>, why: &Why) -> Result<Amount, Refusal> {
        let debt = self.wallet.body.debt.outstanding();
        let forgiven = amount.unwrap_or(debt);
        if forgiven > debt {
            return Err(Refusal::ForgiveExceedsDebt { debt });
        }
        self.enter(self.now, EntryKind::DebtForgiven, None, forgiven, why);
        Ok(forgiven)
    }

    /// Learns what became of the payment's grants since its last change: marks that a capture turned
    /// into debt, and what others revoked.
    pub(super) fn observe(&self, payment: &mut Payment) {
        let there = plus(self.taken_from_grants(payment), payment.debt);
        if payment.makes_debt {
            payment.debt = plus(payment.debt, over(payment.taken, there));
        }
        payment.others = plus(payment.others, over(there, payment.taken));
        self.remember(payment);
    }

    /// Notes in the payment what it has taken by now.
    pub(super) fn remember(&self, payment: &mut Payment) {
        payment.taken = plus(self.taken_from_grants(payment), payment.debt);
    }

    /// Revoked or marked in the payment's grants, less what was given again.
    fn taken_from_grants(&self, payment: &Payment) -> Amount {
        less(self.sum(payment, |grant| plus(grant.revoked, grant.revoke_on_release)), payment.restored)
    }

    fn sum(&self, payment: &Payment, figure: impl Fn(&Grant) -> Amount) -> Amount {
        let figures = payment.grants.iter().map(|id| figure(&self.wallet.body.grants[self.place(*id)]));
        figures.fold(Amount::ZERO, plus)
    }

    /// Enters up to `left` of `figure` of each of the payment's grants as `kind`; answers what is still left.
    fn each(
        &mut self,
        payment: &Payment,
        kind: EntryKind,
        mut left: Amount,
        figure: impl Fn(&Grant) -> Amount,
        why: &Why,
    ) -> Amount {
        for id in &payment.grants {
            let place = self.place(*id);
            let part = figure(&self.wallet.body.grants[place]).min(left);
            self.enter(self.now, kind, Some(place), part, why);
            left = less(left, part);
        }
        left
    }

    /// What is frozen or marked to be, over what is still to be.
    fn frozen_excess(&self, payment: &Payment) -> Amount {
        over(self.sum(payment, |grant| plus(grant.frozen, grant.freeze_on_release)), payment.freeze_target())
    }

    /// Takes `need` from what need not be frozen any more (a dispute was lost); answers what is still needed.
    fn take_frozen(&mut self, payment: &Payment, need: Amount, why: &Why) -> Amount {
        let from = need.min(self.frozen_excess(payment));
        let left = self.each(payment, EntryKind::FrozenRevoked, from, |grant| grant.frozen, why);
        plus(less(need, from), left)
    }

    /// Takes `need` from what is available, then marks what is held; the rest becomes debt.
    fn take_back(&mut self, payment: &mut Payment, need: Amount, why: &Why) {
        let makes_debt = payment.makes_debt;
        let left = self.each(payment, EntryKind::Revoke, need, |grant| grant.available, why);
        let markable = |grant: &Grant| {
            let unmarked = less(less(grant.held, grant.revoke_on_release), grant.freeze_on_release);
            if grant.source_kind.makes_debt() == makes_debt { unmarked } else { Amount::ZERO }
        };
        let left = self.each(payment, EntryKind::RevokeMarked, left, markable, why);
        if makes_debt {
            self.enter(self.now, EntryKind::DebtIncurred, None, left, why);
            payment.debt = plus(payment.debt, left);
        }
    }

    /// Undoes `excess` of what was taken back: marks first, then debt, then what was revoked is given again.
    fn put_back(&mut self, payment: &mut Payment, excess: Amount, why: &Why) {
        let left = self.each(payment, EntryKind::RevokeUnmarked, excess, |grant| grant.revoke_on_release, why);
        let cut = left.min(payment.debt);
        self.cut_debt(payment, cut, why);
        let left = less(left, cut);
        if left.is_positive() {
            payment.restored = plus(payment.restored, left);
            let expires_at = self.restored_expiry(payment);
            let id = self.give_again(payment, left, expires_at, why);
            payment.grants.push(id);
        }
    }

    /// Until when restored credits live: as long as the grant that lives longest, its time counted on
    /// from where the dispute stopped it.
    fn restored_expiry(&self, payment: &Payment) -> Option<Time> {
        let expiries = payment.grants.iter().map(|id| self.wallet.body.grants[self.place(*id)].expires_at);
        let last = expiries.map(|at| at.unwrap_or(NEVER)).max().filter(|at| *at != NEVER)?;
        let counted_on = payment.disputed_at().and_then(|opened| self.time_left(last, opened));
        Some(counted_on.unwrap_or(last).max(last))
    }

    /// The instant as far from now as `expires_at` was from `opened`, if it was after it.
    fn time_left(&self, expires_at: Time, opened: Time) -> Option<Time> {
        let left = expires_at.micros() - opened.micros();
        (left > 0).then(|| Time::from_micros(self.now.micros() + left).min(Time::MAX))
    }

    /// Undoes `cut` of the payment's debt: what is still owed is no longer; what was paid of it is
    /// given again in a grant without expiry; what was forgiven falls away.
    pub(super) fn cut_debt(&mut self, payment: &mut Payment, cut: Amount, why: &Why) {
        let debt = self.wallet.body.debt;
        let closed = less(cut, cut.min(debt.outstanding()));
        let repaid = closed.min(debt.paid);
        self.enter(self.now, EntryKind::DebtRepaid, None, repaid, why);
        self.enter(self.now, EntryKind::DebtUnforgiven, None, less(closed, repaid), why);
        self.enter(self.now, EntryKind::DebtCut, None, cut, why);
        payment.debt = less(payment.debt, cut);
        if repaid.is_positive() {
            self.give_again(payment, repaid, None, why);
        }
    }

    /// Frees what need not be frozen any more: marks first, then what is frozen. What expired
    /// meanwhile is given again for the time it had left when the dispute was opened.
    fn freeze_less(&mut self, payment: &mut Payment, why: &Why) {
        let excess = self.frozen_excess(payment);
        let mut left = self.each(payment, EntryKind::FreezeUnmarked, excess, |grant| grant.freeze_on_release, why);
        for id in payment.grants.clone() {
            let place = self.place(id);
            let grant = &self.wallet.body.grants[place];
            let part = grant.frozen.min(left);
            left = less(left, part);
            if grant.has_expired(self.now) {
                self.free_expired(payment, place, part, why);
            } else {
                self.enter(self.now, EntryKind::Unfreeze, Some(place), part, why);
            }
        }
    }

    /// Lets `part` of what is frozen expire with its grant, and gives it again for the time it had left when the
    /// dispute was opened.
    fn free_expired(&mut self, payment: &mut Payment, place: usize, part: Amount, why: &Why) {
        let expires_at = self.wallet.body.grants[place].expires_at;
        self.enter(self.now, EntryKind::UnfreezeExpired, Some(place), part, why);
        let opened = payment.disputed_at();
        let until = expires_at.zip(opened).and_then(|(expiry, opened)| self.time_left(expiry, opened));
        if part.is_positive() && until.is_some() {
            let id = self.give_again(payment, part, until, why);
            payment.grants.push(id);
        }
    }

    /// Freezes what open disputes ask for: from what is available, then marks what is held.
    pub(super) fn freeze_more(&mut self, payment: &Payment, why: &Why) {
        let frozen = self.sum(payment, |grant| plus(grant.frozen, grant.freeze_on_release));
        let missing = over(payment.freeze_target(), frozen);
        let left = self.each(payment, EntryKind::Freeze, missing, |grant| grant.available, why);
        let unmarked = |grant: &Grant| less(less(grant.held, grant.revoke_on_release), grant.freeze_on_release);
        self.each(payment, EntryKind::FreezeMarked, left, unmarked, why);
    }

    /// Gives `amount` again in a new grant with the priority of the payment's first; it does not pay debt yet.
    fn give_again(&mut self, payment: &mut Payment, amount: Amount, expires_at: Option<Time>, why: &Why) -> GrantId {
        payment.made += 1;
        let source_id = format!("{}:{}", payment.id, payment.made);
        let first = payment.grants.first().map(|id| self.wallet.body.grants[self.place(*id)].priority);
        let terms = Terms {
            id: self.derive_grant(SourceKind::Return, &source_id),
            source_kind: SourceKind::Return,
            source_id,
            amount,
            priority: first.unwrap_or(SourceKind::Return.default_priority()),
            effective_at: self.now,
            expires_at,
            rollover: None,
            metadata: None,
        };
        let place = self.put_in(self.now, &terms, why);
        if self.wallet.body.grants[place].has_expired(self.now) {
            self.expire(place, self.now);
        }
        terms.id
    }
}

/// Stands among a payment's disputes while its subscription gives no access; no dispute of Stripe's has such an id.
const NO_ACCESS: &str = "no_access";

/// Stands for a grant that never expires, when expiries are compared.
const NEVER: Time = Time::from_micros(i64::MAX);

/// What `amount` is more than `other`, or nothing.
pub(super) fn over(amount: Amount, other: Amount) -> Amount {
    amount.checked_sub(other).filter(|over| over.is_positive()).unwrap_or(Amount::ZERO)
}
