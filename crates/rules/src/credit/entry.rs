//! The ledger: immutable entries, each chained to the one before by its hash.

use crate::{
    Amount, Time,
    ids::{EntryId, GrantId, RequestId},
};
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// A SHA-256 in the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hash(pub [u8; 32]);

/// A SHA-256 of something kept elsewhere (metadata, a salted user id, a grant's terms).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

/// What a ledger entry did. Most are moves of one grant's figures; debt and overflow name no grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(i16)]
pub enum EntryKind {
    /// A new grant: available.
    Grant = 1,
    /// Available → spent, by a spend.
    Spend = 2,
    /// Available → spent, paying debt.
    DebtPaid = 3,
    /// Available → held, by a hold.
    Hold = 4,
    /// Held → spent, by a capture.
    Capture = 5,
    /// Held → available, by a release.
    Release = 6,
    /// Held → expired: released after the grant expired.
    ReleaseExpired = 7,
    /// Held → revoked: released after it was marked to be revoked.
    ReleaseRevoked = 8,
    /// Held → frozen: released while a dispute waits for it.
    ReleaseFrozen = 9,
    /// Available → expired.
    Expire = 10,
    /// Available → expired, carried over into a new grant.
    Rollover = 11,
    /// Available → revoked.
    Revoke = 12,
    /// Available → frozen, by a dispute.
    Freeze = 13,
    /// Frozen → available: the dispute was won.
    Unfreeze = 14,
    /// Frozen → expired: won, but the grant expired meanwhile.
    UnfreezeExpired = 15,
    /// Frozen → revoked: the dispute was lost.
    FrozenRevoked = 16,
    /// Spent → available, by a return.
    Return = 17,
    /// Spent → expired: returned after the grant expired.
    ReturnExpired = 18,
    /// Spent → revoked: returned after the payment was reversed, or its plan came to give less, or ended.
    ReturnRevoked = 19,
    /// Of held: to be revoked when released.
    RevokeMarked = 20,
    /// Of held: no longer to be revoked.
    RevokeUnmarked = 21,
    /// Of held: to be frozen when released.
    FreezeMarked = 22,
    /// Of held: no longer to be frozen.
    FreezeUnmarked = 23,
    /// Debt made by a money reversal.
    DebtIncurred = 24,
    /// Debt cut because its reversal was undone.
    DebtCut = 25,
    /// Debt forgiven by an operator.
    DebtForgiven = 26,
    /// Spent beyond the grants, billable.
    Overflow = 27,
    /// Billable overage returned.
    OverflowReturned = 28,
    /// Of the debt paid: given back in a new grant, because the debt's reversal was undone.
    DebtRepaid = 29,
    /// Of the debt forgiven: no longer, because the debt's reversal was undone.
    DebtUnforgiven = 30,
}

impl EntryKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 30] = [
        Self::Grant,
        Self::Spend,
        Self::DebtPaid,
        Self::Hold,
        Self::Capture,
        Self::Release,
        Self::ReleaseExpired,
        Self::ReleaseRevoked,
        Self::ReleaseFrozen,
        Self::Expire,
        Self::Rollover,
        Self::Revoke,
        Self::Freeze,
        Self::Unfreeze,
        Self::UnfreezeExpired,
        Self::FrozenRevoked,
        Self::Return,
        Self::ReturnExpired,
        Self::ReturnRevoked,
        Self::RevokeMarked,
        Self::RevokeUnmarked,
        Self::FreezeMarked,
        Self::FreezeUnmarked,
        Self::DebtIncurred,
        Self::DebtCut,
        Self::DebtForgiven,
        Self::Overflow,
        Self::OverflowReturned,
        Self::DebtRepaid,
        Self::DebtUnforgiven,
    ];

    /// As it stands in the API and on pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Spend => "spend",
            Self::DebtPaid => "debt_paid",
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::ReleaseExpired => "release_expired",
            Self::ReleaseRevoked => "release_revoked",
            Self::ReleaseFrozen => "release_frozen",
            Self::Expire => "expire",
            Self::Rollover => "rollover",
            Self::Revoke => "revoke",
            Self::Freeze => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::UnfreezeExpired => "unfreeze_expired",
            Self::FrozenRevoked => "frozen_revoked",
            Self::Return => "return",
            Self::ReturnExpired => "return_expired",
            Self::ReturnRevoked => "return_revoked",
            Self::RevokeMarked => "revoke_marked",
            Self::RevokeUnmarked => "revoke_unmarked",
            Self::FreezeMarked => "freeze_marked",
            Self::FreezeUnmarked => "freeze_unmarked",
            Self::DebtIncurred => "debt_incurred",
            Self::DebtCut => "debt_cut",
            Self::DebtForgiven => "debt_forgiven",
            Self::Overflow => "overflow",
            Self::OverflowReturned => "overflow_returned",
            Self::DebtRepaid => "debt_repaid",
            Self::DebtUnforgiven => "debt_unforgiven",
        }
    }
}

/// Who or what caused an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What kind of cause.
    pub kind: CauseKind,
    /// Which: a key's id, an event's id, a job's name, an operator's id.
    pub id: String,
    /// The request it came with, if it came with one.
    pub request: Option<RequestId>,
}

/// The kinds of cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(i16)]
pub enum CauseKind {
    /// A call of the API.
    Api = 1,
    /// An event of Stripe.
    Stripe = 2,
    /// A job or schedule.
    Job = 3,
    /// A person on the admin pages or the command line.
    Operator = 4,
}

impl CauseKind {
    /// As it stands in the API and on pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Stripe => "stripe",
            Self::Job => "job",
            Self::Operator => "operator",
        }
    }
}

/// Why an entry is written: recorded in it and hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Who or what caused it.
    pub cause: Cause,
    /// What it belongs to, as text: a consumption, hold, grant or payment id.
    pub subject: String,
    /// The salted digest of the user's id.
    pub user: Option<Digest>,
    /// The digest of the metadata bytes as received.
    pub metadata: Option<Digest>,
}

/// One immutable line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in its wallet, from 1.
    pub seq: u64,
    /// The instant it took effect.
    pub at: Time,
    /// What it did.
    pub kind: EntryKind,
    /// The grant it moved, if any.
    pub grant: Option<GrantId>,
    /// How much; more than nothing.
    pub amount: Amount,
    /// The digest of a new grant's terms.
    pub terms: Option<Digest>,
    /// Why.
    pub why: Why,
    /// The chain up to and with this entry.
    pub hash: Hash,
}

impl Entry {
    /// The entry's id: its number in its wallet, then the first 8 bytes of its hash.
    #[must_use]
    pub fn id(&self) -> EntryId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.seq.to_be_bytes());
        bytes[8..].copy_from_slice(&self.hash.0[..8]);
        EntryId(u128::from_be_bytes(bytes))
    }
}
