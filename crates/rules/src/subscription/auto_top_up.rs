//! Auto top-up: whether to buy a pack now, and if not, why (rules 1.13).

use crate::{Amount, Time};

/// What a customer has agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoTopUp<'a> {
    /// Buy when less than this is available; more than nothing.
    pub threshold: Amount,
    /// What the chosen pack gives; more than `threshold`.
    pub pack: Amount,
    /// What it costs, in minor units of the currency.
    pub price: i64,
    /// Its currency: three small letters.
    pub currency: &'a str,
    /// How many purchases a UTC day at most.
    pub most_a_day: u32,
    /// How much money a UTC month at most, in minor units of the currency.
    pub most_a_month: i64,
}

/// What happened to the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A spend, a capture among them.
    Spend,
    /// A hold.
    Hold,
    /// A spend or hold was refused for want of credits.
    Refusal,
    /// Anything else: credits expired, were revoked, a day began.
    Other,
}

/// A purchase that auto top-up began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// When.
    pub at: Time,
    /// What it cost, or would have, in minor units of the currency.
    pub price: i64,
    /// Its currency: three small letters.
    pub currency: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether a person has acted since: looked at a failure and let it go on.
    pub cleared: bool,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Paid.
    Succeeded,
    /// Refused by the bank or by Stripe.
    Failed,
    /// Not known yet, or not answered.
    Unknown,
}

/// How a customer stands.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What happened.
    pub cause: Cause,
    /// What is available after it.
    pub available: Amount,
    /// Whether anything is owed, in whichever unit.
    pub owes: bool,
    /// Whether a dispute is open.
    pub disputed: bool,
    /// The attempts of this UTC month, and every older one that is unknown, or failed and not cleared.
    pub attempts: &'a [Attempt<'a>],
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Buy the pack.
    Buy,
    /// Do not.
    Not(Why),
}

/// Why nothing is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// What happened is no reason to buy.
    NoReason,
    /// There is enough.
    Enough,
    /// The pack would not carry the customer over the threshold.
    PackTooSmall,
    /// Debt is owed.
    Debt,
    /// A dispute is open.
    Disputed,
    /// An attempt failed, and no person has acted since.
    Failed,
    /// An attempt is under way, or its outcome is unknown.
    Pending,
    /// The day's purchases are made.
    DayLimit,
    /// The month's money would be overspent, or some of it was in another currency: then nobody can say what is left.
    MonthLimit,
}

impl Why {
    /// As it stands in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoReason => "no_reason",
            Self::Enough => "enough",
            Self::PackTooSmall => "pack_too_small",
            Self::Debt => "debt",
            Self::Disputed => "disputed",
            Self::Failed => "failed",
            Self::Pending => "pending",
            Self::DayLimit => "day_limit",
            Self::MonthLimit => "month_limit",
        }
    }
}

impl AutoTopUp<'_> {
    /// Whether to buy now. What stands first in [`Why`] is asked first.
    ///
    /// Ask it in the transaction that writes the attempt down, with the customer's attempts locked: then no
    /// number of spends at once buys more than one pack.
    #[must_use]
    pub fn decide(&self, situation: &Situation<'_>, now: Time) -> Decision {
        match self.hindrance(situation, now) {
            Some(why) => Decision::Not(why),
            None => Decision::Buy,
        }
    }

    fn hindrance(&self, situation: &Situation<'_>, now: Time) -> Option<Why> {
        let attempts = situation.attempts;
        let counted = |attempt: &&Attempt<'_>| attempt.outcome != Outcome::Failed;
        let today = attempts.iter().filter(counted).filter(|attempt| attempt.at.utc_day() == now.utc_day()).count();
        let month = now.start_of_utc_month();
        let this_month = attempts.iter().filter(counted).filter(|attempt| attempt.at.start_of_utc_month() == month);
        let mixed = this_month.clone().any(|attempt| attempt.currency != self.currency);
        let money: i128 = this_month.map(|attempt| i128::from(attempt.price)).sum();
        let hindrances = [
            (Why::NoReason, situation.cause == Cause::Other),
            (Why::Enough, situation.available >= self.threshold),
            (Why::PackTooSmall, self.pack <= self.threshold),
            (Why::Debt, situation.owes),
            (Why::Disputed, situation.disputed),
            (Why::Failed, attempts.iter().any(|attempt| attempt.outcome == Outcome::Failed && !attempt.cleared)),
            (Why::Pending, attempts.iter().any(|attempt| attempt.outcome == Outcome::Unknown)),
            (Why::DayLimit, today as u64 >= u64::from(self.most_a_day)),
            (Why::MonthLimit, mixed || money + i128::from(self.price) > i128::from(self.most_a_month)),
        ];
        hindrances.into_iter().find(|(_, hinders)| *hinders).map(|(why, _)| why)
    }
}

#[cfg(test)]
mod tests;
