//! Holds: an amount set aside for work in progress, later captured or released.

use super::{
    counter::plus,
    entry::{EntryKind, Why},
    refusal::Refusal,
    settle::less,
    spend::{Mode, Spent, Split},
    turn::{Kept, Turn},
};
use crate::{
    Amount, Time,
    ids::{GrantId, HoldId},
};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Most open holds of one wallet.
pub const MOST_OPEN: u16 = 256;

/// A hold to make.
#[derive(Clone, Debug)]
pub struct NewHold<'a> {
    /// The id it will have.
    pub id: HoldId,
    /// How much to set aside; more than nothing. `partial` sets aside what there is of it, and so does
    /// `overflow` where overage is sold, be it nothing.
    pub amount: Amount,
    /// How the excess of a capture over the hold is spent, and whether the hold may be partial.
    pub mode: Mode,
    /// When it runs out.
    pub expires_at: Time,
    /// Whether overage is sold to this customer.
    pub overage_sold: bool,
    /// Why, for the ledger.
    pub why: &'a Why,
}

/// What a hold has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(i16)]
pub enum HoldState {
    /// Set aside.
    Open = 1,
    /// Spent, the rest freed.
    Captured = 2,
    /// Freed.
    Released = 3,
    /// Freed because it ran out.
    Expired = 4,
}

/// A hold with what it set aside of each grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// What is or was set aside.
    pub amount: Amount,
    /// How excess is spent.
    pub mode: Mode,
    /// What it has come to.
    pub state: HoldState,
    /// When it was made.
    pub created_at: Time,
    /// When it runs out.
    pub expires_at: Time,
    /// What of each grant, in spend order; kept after it is closed.
    pub parts: Vec<HoldPart>,
    /// What was captured in all, once it was.
    pub captured: Amount,
}

/// What a hold set aside of one grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPart {
    /// The grant.
    pub grant: GrantId,
    /// How much of it.
    pub amount: Amount,
}

/// A capture to decide.
#[derive(Clone, Debug)]
pub struct Capture<'a> {
    /// Which hold.
    pub hold: HoldId,
    /// How much it came to: less than, exactly or more than was held; more than nothing.
    pub amount: Amount,
    /// Whether overage is sold to this customer.
    pub overage_sold: bool,
    /// Thresholds, as for a spend.
    pub thresholds: &'a [u16],
    /// Why, for the ledger.
    pub why: &'a Why,
}

/// An accepted capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// What was spent in all, held parts first, then the excess.
    pub spent: Spent,
    /// Whether the hold had run out, so that it was an ordinary spend.
    pub late: bool,
}

impl Turn {
    /// Makes a hold.
    ///
    /// # Errors
    /// [`Refusal::DebtOutstanding`], [`Refusal::TooManyHolds`], [`Refusal::CapReached`],
    /// [`Refusal::InsufficientCredits`], [`Refusal::OverageNotSold`].
    pub fn hold(&mut self, new: &NewHold<'_>) -> Result<Hold, Refusal> {
        let debt = self.wallet.body.debt.outstanding();
        if debt.is_zero() && self.wallet.body.holds.open >= MOST_OPEN {
            return Err(Refusal::TooManyHolds);
        }
        let amount = self.admit(new.amount, new.mode)?;
        let available = self.reachable(amount);
        let enough = match new.mode {
            Mode::Reject => available >= amount,
            Mode::Partial => available.is_positive(),
            Mode::Overflow if !new.overage_sold && available < amount => return Err(Refusal::OverageNotSold),
            Mode::Overflow => true,
        };
        if !enough {
            return Err(Refusal::InsufficientCredits { needed: amount, available });
        }
        let amount = amount.min(available);
        let hold = Hold {
            id: new.id,
            amount,
            mode: new.mode,
            state: HoldState::Open,
            created_at: self.now,
            expires_at: new.expires_at,
            parts: self.set_aside(amount, new.why),
            captured: Amount::ZERO,
        };
        let summary = &mut self.wallet.body.holds;
        summary.open += 1;
        summary.due_at = summary.due_at.into_iter().chain([hold.expires_at]).min();
        self.holds.push(Kept { hold: hold.clone(), changed: true });
        Ok(hold)
    }

    fn set_aside(&mut self, amount: Amount, why: &Why) -> Vec<HoldPart> {
        let mut parts = Vec::new();
        let mut left = amount;
        for place in 0..self.wallet.body.grants.len() {
            let grant = &self.wallet.body.grants[place];
            let part = grant.usable(self.now).min(left);
            if part.is_positive() {
                parts.push(HoldPart { grant: grant.id, amount: part });
                self.enter(self.now, EntryKind::Hold, Some(place), part, why);
                left = less(left, part);
            }
        }
        parts
    }

    /// Captures `hold`: what was held of it first, in spend order; what is over the hold is spent by
    /// the hold's mode, and what is under it is freed. A hold that had run out is captured late, as an
    /// ordinary spend. `hold` may be in any state; on success it is brought up to date.
    ///
    /// # Errors
    /// [`Refusal::HoldClosed`], or what a spend of the excess (late: of the whole) is refused for; the
    /// hold then stays as it was.
    pub fn capture(&mut self, hold: &mut Hold, capture: &Capture<'_>) -> Result<Captured, Refusal> {
        assert_eq!(hold.id, capture.hold, "the capture names another hold");
        let place = self.holds.iter().position(|kept| kept.hold.id == hold.id);
        let place = place.unwrap_or_else(|| {
            assert!(hold.state != HoldState::Open, "{} is open and not loaded", hold.id);
            self.holds.push(Kept { hold: hold.clone(), changed: false });
            self.holds.len() - 1
        });
        let current = self.holds[place].hold.clone();
        let late = match current.state {
            HoldState::Open => false,
            HoldState::Expired => true,
            HoldState::Captured | HoldState::Released => return Err(Refusal::HoldClosed),
        };
        let held = if late { Amount::ZERO } else { current.amount.min(capture.amount) };
        let excess = less(capture.amount, held);
        let split = if excess.is_zero() {
            let counts = self.countable(held, Amount::ZERO);
            counts.then(Split::default).ok_or(Refusal::TotalTooLarge)?
        } else {
            self.decide(excess, current.mode, capture.overage_sold, held)?
        };
        self.debt_fits(&current)?;
        let limit = self.limit();
        let mut spent = Spent { requested: capture.amount, ..Spent::default() };
        if !late {
            self.capture_parts(&current, held, capture.why, &mut spent);
        }
        self.take(split, capture.why, &mut spent);
        let total = plus(spent.consumed, spent.overflow);
        self.finish_hold(place, HoldState::Captured, total);
        self.count(spent.consumed, spent.overflow, limit, capture.thresholds);
        self.pay_debt(self.now, capture.why);
        *hold = self.holds[place].hold.clone();
        Ok(Captured { spent, late })
    }

    /// Spends `amount` of what `hold` had set aside and frees the rest.
    fn capture_parts(&mut self, hold: &Hold, amount: Amount, why: &Why, spent: &mut Spent) {
        let mut left = amount;
        for part in &hold.parts {
            let place = self.place(part.grant);
            let taken = part.amount.min(left);
            if taken.is_positive() {
                self.unmark_captured(place, taken, why);
                self.enter(self.now, EntryKind::Capture, Some(place), taken, why);
                spent.parts.push((part.grant, taken));
                left = less(left, taken);
            }
            self.free(place, less(part.amount, taken), self.now, why);
        }
        spent.consumed = plus(spent.consumed, amount);
    }

    /// Marks that what stays held could no longer cover fall away; those to revoke become debt.
    fn unmark_captured(&mut self, place: usize, taken: Amount, why: &Why) {
        let grant = &self.wallet.body.grants[place];
        let (revoke, freeze) = (grant.revoke_on_release, grant.freeze_on_release);
        let stays = less(grant.held, taken);
        let makes_debt = grant.source_kind.makes_debt();
        let revoke_kept = revoke.min(stays);
        let freeze_kept = freeze.min(less(stays, revoke_kept));
        self.enter(self.now, EntryKind::FreezeUnmarked, Some(place), less(freeze, freeze_kept), why);
        self.enter(self.now, EntryKind::RevokeUnmarked, Some(place), less(revoke, revoke_kept), why);
        if makes_debt {
            self.enter(self.now, EntryKind::DebtIncurred, None, less(revoke, revoke_kept), why);
        }
    }

    /// Whether the debt that capturing `hold` may make stays within bounds.
    fn debt_fits(&self, hold: &Hold) -> Result<(), Refusal> {
        let marked = |part: &HoldPart| {
            self.position(part.grant).map_or(0, |place| self.wallet.body.grants[place].revoke_on_release.micros())
        };
        let marks: i64 = hold.parts.iter().map(marked).sum();
        let most = self.wallet.body.debt.incurred.micros() + marks;
        if most <= Amount::MAX.micros() { Ok(()) } else { Err(Refusal::TotalTooLarge) }
    }

    /// Releases an open hold. The hold must be among those loaded, whatever its state.
    ///
    /// # Errors
    /// [`Refusal::HoldExpired`] when it ran out, [`Refusal::HoldClosed`] when it was captured or
    /// released, or is not among those loaded.
    pub fn release(&mut self, hold: HoldId, why: &Why) -> Result<Hold, Refusal> {
        let place = self.holds.iter().position(|kept| kept.hold.id == hold).ok_or(Refusal::HoldClosed)?;
        match self.holds[place].hold.state {
            HoldState::Open => {}
            HoldState::Expired => return Err(Refusal::HoldExpired),
            HoldState::Captured | HoldState::Released => return Err(Refusal::HoldClosed),
        }
        self.finish_hold(place, HoldState::Released, Amount::ZERO);
        let released = self.holds[place].hold.clone();
        for part in &released.parts {
            self.free(self.place(part.grant), part.amount, self.now, why);
        }
        self.pay_debt(self.now, why);
        Ok(released)
    }
}
