//! Giving back: a spend returned, in whole or in parts (rules 1.9).

use super::{
    allowance::Given,
    counter::plus,
    entry::{EntryKind, Why},
    refusal::Refusal,
    reversal::Payment,
    settle::less,
    turn::Turn,
    wallet::Wallet,
};
use crate::{Amount, Time, ids::GrantId};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// An accepted spend with what of it was returned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumption {
    /// Counted as billable overage, returns not taken off.
    pub overflow: Amount,
    /// Of the overflow, returned.
    pub overflow_returned: Amount,
    /// What came from each grant, in spend order.
    pub parts: Vec<Part>,
}

/// What of a spend came from one grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The grant.
    pub grant: GrantId,
    /// How much was spent from it.
    pub amount: Amount,
    /// Of that, returned.
    pub returned: Amount,
}

/// An accepted return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// How much in all.
    pub amount: Amount,
    /// Of it, billable overage.
    pub overflow: Amount,
    /// What went back to each grant, in reverse spend order (whatever became of it there).
    pub parts: Vec<(GrantId, Amount)>,
}

impl Consumption {
    /// What of it can still be returned.
    #[must_use]
    pub fn returnable(&self) -> Amount {
        let parts = self.parts.iter().map(|part| less(part.amount, part.returned));
        parts.fold(less(self.overflow, self.overflow_returned), plus)
    }
}

impl Wallet {
    /// The grants that must be loaded to return something of `consumption`, beside its own: the others of the running
    /// allowances that it used.
    #[must_use]
    pub fn used_with(&self, consumption: &Consumption) -> Vec<GrantId> {
        let uses = |given: &&Given| consumption.parts.iter().any(|part| given.grants.contains(&part.grant));
        self.body.allowances.iter().filter(uses).flat_map(|given| given.grants.clone()).collect()
    }
}

impl Turn {
    /// Returns `amount` of a consumption: its overflow first, then its grants in reverse order. What
    /// comes back to a grant whose payment was reversed meanwhile is revoked and cuts that payment's
    /// debt; what comes back to one that [ended for good](Turn::end_for_good) is revoked, and what comes back to a
    /// running allowance is as far as its plan, a smaller one by now, gives it no more; what comes back to an expired
    /// grant is gone. The rest is available again and pays debt.
    ///
    /// `payments` are those of the wallet that have reversals; those that gave none of the parts are left
    /// alone. The grants of the parts, those [used with them](Wallet::used_with) and all of the payments concerned must
    /// be loaded. Rollups and counters keep what was spent: a return is a new fact, not another past.
    ///
    /// # Errors
    /// [`Refusal::ReturnExceedsSpend`]; [`Refusal::TotalTooLarge`] when the wallet would hold too much.
    pub fn give_back(
        &mut self,
        consumption: &mut Consumption,
        amount: Amount,
        payments: &mut [Payment],
        why: &Why,
    ) -> Result<Returned, Refusal> {
        assert!(amount.is_positive(), "{amount} cannot be returned");
        let returnable = consumption.returnable();
        if amount > returnable {
            return Err(Refusal::ReturnExceedsSpend { returnable });
        }
        self.room_for(amount)?;
        let names = |payment: &Payment| consumption.parts.iter().any(|part| payment.grants.contains(&part.grant));
        let mut payments: Vec<&mut Payment> = payments.iter_mut().filter(|payment| names(payment)).collect();
        payments.iter_mut().for_each(|payment| self.observe(payment));
        let overflow = less(consumption.overflow, consumption.overflow_returned).min(amount);
        consumption.overflow_returned = plus(consumption.overflow_returned, overflow);
        self.enter(self.now, EntryKind::OverflowReturned, None, overflow, why);
        let mut returned = Returned { amount, overflow, parts: Vec::new() };
        let mut left = less(amount, overflow);
        for part in consumption.parts.iter_mut().rev() {
            let back = less(part.amount, part.returned).min(left);
            if back.is_positive() {
                part.returned = plus(part.returned, back);
                left = less(left, back);
                returned.parts.push((part.grant, back));
                let payment = payments.iter_mut().find(|payment| payment.grants.contains(&part.grant));
                self.return_part(part.grant, back, payment.map(|payment| &mut **payment), why);
            }
        }
        payments.iter_mut().for_each(|payment| self.freeze_more(payment, why));
        self.pay_debt(self.now, why);
        Ok(returned)
    }

    /// Puts `back` into the grant it came from, or where that has gone meanwhile.
    fn return_part(&mut self, grant: GrantId, back: Amount, payment: Option<&mut Payment>, why: &Why) {
        let place = self.place(grant);
        let mut free = back;
        if let Some(payment) = payment {
            let revoked = back.min(payment.wanting());
            self.enter(self.now, EntryKind::ReturnRevoked, Some(place), revoked, why);
            self.cut_debt(payment, revoked.min(payment.debt), why);
            self.remember(payment);
            free = less(back, revoked);
        }
        let gone = if self.has_ended(grant) { free } else { self.unplanned(grant, free) };
        let place = self.place(grant);
        self.enter(self.now, EntryKind::ReturnRevoked, Some(place), gone, why);
        let free = less(free, gone);
        let expired = self.wallet.body.grants[place].has_expired(self.now);
        let kind = if expired { EntryKind::ReturnExpired } else { EntryKind::Return };
        self.enter(self.now, kind, Some(place), free, why);
    }

    /// Ends `grants` with their subscription: what is left of them is revoked as by [`Turn::cut`], and what is returned
    /// of them later too. All of them must be loaded, closed ones too.
    pub fn end_for_good(&mut self, grants: &[GrantId], why: &Why) {
        self.cut(grants, Amount::ZERO, why);
        for id in grants {
            let grant = &self.wallet.body.grants[self.place(*id)];
            let expires_at = grant.expires_at.unwrap_or(Time::MAX);
            let is_used = plus(grant.spent, grant.held).is_positive();
            if is_used && expires_at > self.now && !self.has_ended(*id) {
                self.wallet.body.ended.push((*id, expires_at));
                self.noted = true;
            }
        }
    }

    /// Lets what is returned of `grants` come back again, though they ended for good: what was used of them counts for
    /// another who paid for the same time.
    pub fn end_no_more(&mut self, grants: &[GrantId]) {
        let before = self.wallet.body.ended.len();
        self.wallet.body.ended.retain(|(ended, _)| !grants.contains(ended));
        self.noted |= self.wallet.body.ended.len() < before;
    }

    fn has_ended(&self, grant: GrantId) -> bool {
        self.wallet.body.ended.iter().any(|(ended, _)| *ended == grant)
    }

    /// What of `back` is of a running allowance and more than its plan now gives, with what is used and left of it.
    fn unplanned(&self, grant: GrantId, back: Amount) -> Amount {
        let of_it = |given: &&Given| given.end > self.now && given.grants.contains(&grant);
        let Some(given) = self.wallet.body.allowances.iter().find(of_it) else { return Amount::ZERO };
        let (spent, open) = self.spent_and_open(&given.grants);
        let gives = (given.plan.micros() + back.micros() - spent).max(0);
        let more = (open + back.micros() - gives).clamp(0, back.micros());
        Amount::from_micros(more).unwrap_or(back)
    }
}
