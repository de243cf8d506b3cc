//! Credits: wallets of grants, spent in order, held, taken back, given back and chained in a ledger.

mod allowance;
mod balance;
mod calendar;
mod close;
mod counter;
mod due;
mod entry;
mod figures;
mod give_back;
mod giving;
mod grant;
mod hash;
mod hold;
pub mod invariant;
mod refusal;
mod reversal;
mod settle;
mod spend;
mod turn;
mod wallet;

pub use allowance::{DueAllowance, Given, Lapsed};
pub use balance::{Balance, BalanceGrant};
pub use calendar::{Calendar, Every, ZoneSince};
pub use due::{Allowance, AllowanceTerms, CarryOver, MOST_PERIODS, Span};
pub use entry::{Cause, CauseKind, Digest, Entry, EntryKind, Hash, Why};
pub use figures::Figures;
pub use give_back::{Consumption, Part, Returned};
pub use giving::{Giving, Plans};
pub use grant::{Grant, GrantState, Rollover, SourceKind, Terms};
pub use hash::Chain;
pub use hold::{Capture, Captured, Hold, HoldPart, HoldState, MOST_OPEN, NewHold};
pub use refusal::Refusal;
pub use reversal::{Dispute, DisputeState, Payment, Reversed};
pub use spend::{Mode, Spend, Spent, usable};
pub use turn::{Changes, INLINE, Loaded, Needs, Turn};
pub use wallet::{Body, Counter, Crossing, Debt, HoldsSummary, Rollup, Waiting, Wallet};
