//! A grant: an amount put into a wallet, with a source, a priority, a start and maybe an expiry.

use super::{
    entry::{Digest, EntryKind, Why},
    refusal::Refusal,
    turn::Turn,
};
use crate::{Amount, Time, ids::GrantId};
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// Where a grant came from (rules 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(i16)]
pub enum SourceKind {
    /// A paid subscription period.
    Subscription = 1,
    /// A recurring allowance of a plan.
    Allowance = 2,
    /// A purchased credit pack.
    Topup = 3,
    /// A promotion.
    Promotion = 4,
    /// Given by hand.
    Manual = 5,
    /// Brought over from another system.
    Import = 6,
    /// What an ended period carried over.
    Rollover = 7,
    /// Given again after a spend was returned or a dispute was won.
    Return = 8,
}

impl SourceKind {
    /// All of them, in the order in which a balance lists them.
    pub const ALL: [Self; 8] = [
        Self::Subscription,
        Self::Allowance,
        Self::Topup,
        Self::Promotion,
        Self::Manual,
        Self::Import,
        Self::Rollover,
        Self::Return,
    ];

    /// As it stands in the API and on pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Allowance => "allowance",
            Self::Topup => "topup",
            Self::Promotion => "promotion",
            Self::Manual => "manual",
            Self::Import => "import",
            Self::Rollover => "rollover",
            Self::Return => "return",
        }
    }

    /// Whether money reversals of such a grant become debt once it is spent (not for subscription credits, rules 1.8).
    #[must_use]
    pub const fn makes_debt(self) -> bool {
        !matches!(self, Self::Subscription | Self::Allowance | Self::Rollover)
    }

    /// The priority a grant of this kind has unless one is given: lower is spent first.
    #[must_use]
    pub const fn default_priority(self) -> u16 {
        match self {
            Self::Subscription | Self::Allowance => 10,
            Self::Promotion => 20,
            _ => 30,
        }
    }
}

/// What a grant is to be: everything about it that never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The id it will have.
    pub id: GrantId,
    /// Where it comes from.
    pub source_kind: SourceKind,
    /// Which one of that kind; unique per customer, unit and kind.
    pub source_id: String,
    /// How much; more than nothing.
    pub amount: Amount,
    /// Its place in the spend order: 0–1000, lower first.
    pub priority: u16,
    /// Usable from this instant.
    pub effective_at: Time,
    /// Unusable from this instant; never when `None`.
    pub expires_at: Option<Time>,
    /// What rolls over into a new grant when it expires.
    pub rollover: Option<Rollover>,
    /// The digest of the metadata bytes as received.
    pub metadata: Option<Digest>,
}

/// What becomes of a grant's unused credits when it expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollover {
    /// At most this much is carried over.
    pub max: Amount,
    /// How long the carried-over credits live, in seconds from the expiry.
    pub seconds: i64,
}

/// An open grant as the wallet carries it.
///
/// After every move `granted = available + held + frozen + spent + expired + revoked`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Where it came from.
    pub source_kind: SourceKind,
    /// Its place in the spend order, lower first.
    pub priority: u16,
    /// Usable from this instant.
    pub effective_at: Time,
    /// Unusable from this instant; never when `None`.
    pub expires_at: Option<Time>,
    /// What rolls over when it expires.
    pub rollover: Option<Rollover>,
    /// What was put in.
    pub granted: Amount,
    /// Neither set aside nor gone (whether or not it is effective yet).
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
    /// Of `held`: to be revoked as soon as a hold frees it, or become debt if captured.
    pub revoke_on_release: Amount,
    /// Of `held`: to be frozen as soon as a hold frees it.
    pub freeze_on_release: Amount,
}

/// Where an open grant's figures stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(i16)]
pub enum GrantState {
    /// In the wallet row, among the first in spend order.
    Inline = 1,
    /// In its own row, summed in the wallet.
    Waiting = 2,
    /// In its own row, nothing left: no longer loaded.
    Closed = 3,
}

impl Grant {
    /// The grant `terms` make, all of it available.
    #[must_use]
    pub fn new(terms: &Terms) -> Self {
        Self {
            id: terms.id,
            source_kind: terms.source_kind,
            priority: terms.priority,
            effective_at: terms.effective_at,
            expires_at: terms.expires_at,
            rollover: terms.rollover,
            granted: terms.amount,
            available: terms.amount,
            held: Amount::ZERO,
            frozen: Amount::ZERO,
            spent: Amount::ZERO,
            expired: Amount::ZERO,
            revoked: Amount::ZERO,
            revoke_on_release: Amount::ZERO,
            freeze_on_release: Amount::ZERO,
        }
    }

    /// Its place in the spend order (rules 1.3): priority, expiry (none last), start, id.
    #[must_use]
    pub fn spend_order(&self) -> (u16, Time, Time, GrantId) {
        let expiry = self.expires_at.unwrap_or(Time::from_micros(i64::MAX));
        (self.priority, expiry, self.effective_at, self.id)
    }

    /// Whether `now` is at or after its start.
    #[must_use]
    pub fn has_started(&self, now: Time) -> bool {
        self.effective_at <= now
    }

    /// Whether `now` is at or after its expiry.
    #[must_use]
    pub fn has_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// What a spend at `now` could take from it.
    #[must_use]
    pub fn usable(&self, now: Time) -> Amount {
        if self.has_started(now) && !self.has_expired(now) { self.available } else { Amount::ZERO }
    }

    /// Forgets the rollover of a grant as it was stored, if it is done. All that was due was put down by then: when
    /// something of it has run out, it either ended, and nothing of it can become available any more, or was ended
    /// early ([`Turn::end_early`]). Its own row keeps the rollover it was given with, which is one of its terms.
    pub(super) fn forget_done_rollover(&mut self) {
        if self.expired.is_positive() {
            self.rollover = None;
        }
    }

    /// Whether nothing is left in it, held or frozen: it leaves the wallet.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.available.is_zero() && self.held.is_zero() && self.frozen.is_zero()
    }
}

impl Terms {
    /// The term in which these differ from those of the `first` grant of the same source, if any
    /// (rules 1.2). The id, the rollover and the source itself are not compared.
    #[must_use]
    pub fn differs_from(&self, first: &Self) -> Option<&'static str> {
        let terms = [
            ("amount", self.amount == first.amount),
            ("priority", self.priority == first.priority),
            ("effective_at", self.effective_at == first.effective_at),
            ("expires_at", self.expires_at == first.expires_at),
            ("metadata", self.metadata == first.metadata),
        ];
        terms.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
    }
}

impl Turn {
    /// Gives a grant; once it has started it pays debt at once. One already expired expires at once.
    /// A top-up or subscription grant arms the thresholds again.
    ///
    /// # Errors
    /// [`Refusal::TotalTooLarge`] when the wallet's open total would be over [`Amount::MAX`].
    pub fn grant(&mut self, terms: &Terms, why: &Why) -> Result<Grant, Refusal> {
        assert!(terms.amount.is_positive(), "a grant of {}", terms.amount);
        self.room_for(terms.amount)?;
        let place = self.give(terms, why);
        if matches!(terms.source_kind, SourceKind::Topup | SourceKind::Subscription) {
            self.arm();
        }
        Ok(self.wallet.body.grants[place].clone())
    }

    /// Whether `amount` more may be open in the wallet.
    pub(super) fn room_for(&self, amount: Amount) -> Result<(), Refusal> {
        let total = self.open_total() + amount.micros();
        if total <= Amount::MAX.micros() { Ok(()) } else { Err(Refusal::TotalTooLarge) }
    }

    /// Puts a grant in, lets it expire if it already has, else pay debt; answers its place.
    pub(super) fn give(&mut self, terms: &Terms, why: &Why) -> usize {
        let place = self.put_in(self.now, terms, why);
        if self.wallet.body.grants[place].has_expired(self.now) {
            self.expire(place, self.now);
        }
        self.pay_debt(self.now, why);
        self.place(terms.id)
    }

    /// Revokes what is available of a grant, started or not: `amount` of it, or all; answers how much.
    ///
    /// # Errors
    /// [`Refusal::RevokeExceedsAvailable`] when `amount` is more than is available.
    pub fn revoke(&mut self, grant: crate::ids::GrantId, amount: Option<Amount>, why: &Why) -> Result<Amount, Refusal> {
        let place = self.position(grant);
        let available = place.map_or(Amount::ZERO, |place| self.wallet.body.grants[place].available);
        let amount = amount.unwrap_or(available);
        if amount > available {
            return Err(Refusal::RevokeExceedsAvailable { available });
        }
        self.enter(self.now, EntryKind::Revoke, place, amount, why);
        Ok(amount)
    }
}
