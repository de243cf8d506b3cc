//! Credits: wallets of grants over the append-only ledger, spent in real time.

pub mod api;
mod asks;
mod consumption;
mod debt;
mod forget;
mod grant_rows;
mod grants;
mod heads;
mod holds;
mod idempotency;
mod ledger;
mod low;
mod opening;
mod period;
mod plans;
mod reads;
mod renewals;
mod returns;
mod reversals;
mod same_json;
mod settle;
mod spends;
mod standing;
mod store;
mod sweep;
mod verify;
mod view;
mod write;

pub use asks::{Ask, Asks};
pub use consumption::Consumed;
pub use forget::forget_keys;
pub use grants::{GrantRequest, grant};
pub use heads::{check_heads, write_heads};
pub use holds::{CaptureRequest, HoldCall, HoldRequest, Holds};
pub use ledger::count_entries;
pub use low::{cause_stored, drop_want, due_wants, stored as cause_number, take_want, want};
pub use period::{PeriodCall, PeriodWallet, period};
pub use plans::{LockedPlans, lock_plans, set_plans};
pub use reads::Checked;
pub use renewals::{Renewals, Reset, announce, run_sweep};
pub use reversals::{ReversalRequest, reverse, units_of_payment};
pub use spends::{SpendAnswer, SpendRequest, Spends};
pub use standing::{Standing, is_disputed, make_wallet, standing};
pub use sweep::{expire_grants, sync_balances};
pub use verify::{Flaw, Verified, verify};
pub use write::{Answered, archived, unknown_customer};

use crate::platform::{
    db::{Db, Lane},
    ids::Random,
};

/// The hot paths of credits, kept for the life of the app.
pub struct Lanes {
    /// Spends.
    pub spends: Lane<Spends>,
    /// Holds, captures and releases.
    pub holds: Holds,
    /// Balances and checks.
    pub asks: Lane<Asks>,
}

impl Lanes {
    /// Opens them.
    #[must_use]
    pub fn open(db: &Db, random: &Random, create_unknown: bool) -> Self {
        db.follow(&store::LEDGER_BY_WALLET);
        let spends = db.lane(Spends { random: random.clone(), create_unknown });
        Self { spends, holds: Holds::open(db, random, create_unknown), asks: db.read_lane(Asks) }
    }
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lanes")
    }
}
