//! Subscriptions: what the app sees of them, which plan counts, what they give, and what a change of plan does.

mod auto_top_up;
mod change;
mod items;
mod period_credits;
mod raised;
mod status;
mod superseded;

pub use auto_top_up::{Attempt, AutoTopUp, Cause, Decision, Outcome, Situation, Why};
pub use change::{PaidFor, Takes, changed, deleted, lost, paid_takes_effect, takes_effect};
pub use items::{Alarm, Base, Current, Item, Live, Mapped, Role, credits, current};
pub use period_credits::{
    Had, Keyed, PaidLine, PlanCredits, RENEWAL_OVERLAP, Running, keyed, past_their_period, period_credits,
    trial_credits,
};
pub use raised::{kept, raised};
pub use status::{Access, Status, access, ends_at};
pub use superseded::{Begun, Superseded, anchor, whole_start};
