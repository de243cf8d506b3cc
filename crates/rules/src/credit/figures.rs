//! What each kind of entry does to the figures: the one place, used when writing and when recomputing.

use super::{
    entry::EntryKind,
    grant::Grant,
    wallet::{Body, Debt},
};
use crate::Amount;

/// The figures of a grant that entries move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// What was put in.
    pub granted: Amount,
    /// Neither set aside nor gone.
    pub available: Amount,
    /// Set aside by holds.
    pub held: Amount,
    /// Made unusable by open disputes.
    pub frozen: Amount,
    /// Spent, debt paid included.
    pub spent: Amount,
    /// Run out, rolled over included.
    pub expired: Amount,
    /// Taken back.
    pub revoked: Amount,
    /// Of `held`: to be revoked when freed.
    pub revoke_on_release: Amount,
    /// Of `held`: to be frozen when freed.
    pub freeze_on_release: Amount,
}

impl Figures {
    /// The figures of `grant`.
    #[must_use]
    pub fn of(grant: &Grant) -> Self {
        Self {
            granted: grant.granted,
            available: grant.available,
            held: grant.held,
            frozen: grant.frozen,
            spent: grant.spent,
            expired: grant.expired,
            revoked: grant.revoked,
            revoke_on_release: grant.revoke_on_release,
            freeze_on_release: grant.freeze_on_release,
        }
    }

    /// Writes the figures into `grant`.
    pub(super) fn put(self, grant: &mut Grant) {
        grant.granted = self.granted;
        grant.available = self.available;
        grant.held = self.held;
        grant.frozen = self.frozen;
        grant.spent = self.spent;
        grant.expired = self.expired;
        grant.revoked = self.revoked;
        grant.revoke_on_release = self.revoke_on_release;
        grant.freeze_on_release = self.freeze_on_release;
    }

    /// Does what an entry of `kind` does to its grant.
    ///
    /// # Errors
    /// What would not hold after it, in words; the figures are then not to be used.
    pub fn apply(&mut self, kind: EntryKind, amount: Amount) -> Result<(), &'static str> {
        use EntryKind as K;
        if !amount.is_positive() {
            return Err("the amount of an entry is not more than nothing");
        }
        match kind {
            K::Grant if self.granted.is_zero() => {
                self.granted = amount;
                self.available = amount;
            }
            K::Grant => return Err("the grant was put in before"),
            K::Spend | K::DebtPaid => shift(&mut self.available, &mut self.spent, amount)?,
            K::Hold => shift(&mut self.available, &mut self.held, amount)?,
            K::Capture => shift(&mut self.held, &mut self.spent, amount)?,
            K::Release => shift(&mut self.held, &mut self.available, amount)?,
            K::ReleaseExpired => shift(&mut self.held, &mut self.expired, amount)?,
            K::ReleaseRevoked => {
                less(&mut self.revoke_on_release, amount)?;
                shift(&mut self.held, &mut self.revoked, amount)?;
            }
            K::ReleaseFrozen => {
                less(&mut self.freeze_on_release, amount)?;
                shift(&mut self.held, &mut self.frozen, amount)?;
            }
            K::Expire | K::Rollover => shift(&mut self.available, &mut self.expired, amount)?,
            K::Revoke => shift(&mut self.available, &mut self.revoked, amount)?,
            K::Freeze => shift(&mut self.available, &mut self.frozen, amount)?,
            K::Unfreeze => shift(&mut self.frozen, &mut self.available, amount)?,
            K::UnfreezeExpired => shift(&mut self.frozen, &mut self.expired, amount)?,
            K::FrozenRevoked => shift(&mut self.frozen, &mut self.revoked, amount)?,
            K::Return => shift(&mut self.spent, &mut self.available, amount)?,
            K::ReturnExpired => shift(&mut self.spent, &mut self.expired, amount)?,
            K::ReturnRevoked => shift(&mut self.spent, &mut self.revoked, amount)?,
            K::RevokeMarked => more(&mut self.revoke_on_release, amount)?,
            K::RevokeUnmarked => less(&mut self.revoke_on_release, amount)?,
            K::FreezeMarked => more(&mut self.freeze_on_release, amount)?,
            K::FreezeUnmarked => less(&mut self.freeze_on_release, amount)?,
            K::DebtIncurred
            | K::DebtCut
            | K::DebtForgiven
            | K::DebtRepaid
            | K::DebtUnforgiven
            | K::Overflow
            | K::OverflowReturned => return Err("an entry of this kind names no grant"),
        }
        self.check()
    }

    /// Whether the equation of a grant holds.
    ///
    /// # Errors
    /// What does not hold, in words.
    pub fn check(&self) -> Result<(), &'static str> {
        let parts = [self.available, self.held, self.frozen, self.spent, self.expired, self.revoked];
        if parts.iter().any(|part| part.micros() < 0) {
            return Err("a figure is negative");
        }
        if parts.iter().map(|part| part.micros()).sum::<i64>() != self.granted.micros() {
            return Err("granted is not the sum of available, held, frozen, spent, expired and revoked");
        }
        let (revoke, freeze) = (self.revoke_on_release.micros(), self.freeze_on_release.micros());
        if revoke < 0 || freeze < 0 || revoke + freeze > self.held.micros() {
            return Err("more is marked than is held");
        }
        Ok(())
    }
}

impl Debt {
    /// Does what an entry of `kind` does to the debt; the other kinds leave it alone.
    ///
    /// # Errors
    /// What would not hold after it, in words.
    pub fn apply(&mut self, kind: EntryKind, amount: Amount) -> Result<(), &'static str> {
        match kind {
            EntryKind::DebtPaid => more(&mut self.paid, amount)?,
            EntryKind::DebtIncurred => more(&mut self.incurred, amount)?,
            EntryKind::DebtCut => less(&mut self.incurred, amount)?,
            EntryKind::DebtForgiven => more(&mut self.forgiven, amount)?,
            EntryKind::DebtRepaid => less(&mut self.paid, amount)?,
            EntryKind::DebtUnforgiven => less(&mut self.forgiven, amount)?,
            _ => return Ok(()),
        }
        if self.incurred.micros() < self.paid.micros() + self.forgiven.micros() {
            return Err("more debt is paid and forgiven than was incurred");
        }
        Ok(())
    }
}

/// Does what an entry of `kind` does to the billable overage; the other kinds leave it alone.
pub(super) fn apply_overflow(overflow: &mut Amount, kind: EntryKind, amount: Amount) -> Result<(), &'static str> {
    match kind {
        EntryKind::Overflow => more(overflow, amount),
        EntryKind::OverflowReturned => less(overflow, amount),
        _ => Ok(()),
    }
}

/// Whether entries of `kind` name a grant.
pub(super) fn names_grant(kind: EntryKind) -> bool {
    use EntryKind as K;
    !matches!(
        kind,
        K::DebtIncurred
            | K::DebtCut
            | K::DebtForgiven
            | K::DebtRepaid
            | K::DebtUnforgiven
            | K::Overflow
            | K::OverflowReturned
    )
}

impl Body {
    /// Does what an entry does to the grant at `place`, the debt and the overage.
    pub(super) fn apply(&mut self, kind: EntryKind, place: Option<usize>, amount: Amount) -> Result<(), &'static str> {
        if place.is_some() != names_grant(kind) {
            return Err("the entry names a grant where it must not, or none where it must");
        }
        if let Some(place) = place {
            let grant = &mut self.grants[place];
            let mut figures = Figures::of(grant);
            figures.apply(kind, amount)?;
            figures.put(grant);
        }
        self.debt.apply(kind, amount)?;
        apply_overflow(&mut self.overflow, kind, amount)
    }
}

fn shift(from: &mut Amount, to: &mut Amount, amount: Amount) -> Result<(), &'static str> {
    less(from, amount)?;
    more(to, amount)
}

fn more(figure: &mut Amount, amount: Amount) -> Result<(), &'static str> {
    *figure = figure.checked_add(amount).ok_or("a figure is over the largest amount")?;
    Ok(())
}

fn less(figure: &mut Amount, amount: Amount) -> Result<(), &'static str> {
    *figure = figure.checked_sub(amount).filter(|left| left.micros() >= 0).ok_or("a figure would be negative")?;
    Ok(())
}
