//! Credits of a billing period: what a paid line gives, by keys that name no object of Stripe's (rules 1.11, 1.12).

use crate::{
    Amount, Time,
    credit::{CarryOver, Rollover, SourceKind, Terms, Wallet},
    ids::GrantId,
    period::{Cycle, Zone},
    pricebook::{ChangeCredits, Expiry},
};
use alloc::{format, string::String, vec::Vec};

/// How long billing-period credits outlive their period unless set otherwise, in seconds: a day.
pub const RENEWAL_OVERLAP: i64 = 86_400;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// A line longer than this is cut into months, in days.
const LONGEST_MONTH: i64 = 32;

/// A rest of a line shorter than this belongs to the month before, in days.
const SHORTEST_SLICE: i64 = 15;

/// What a plan gives per billing period, or per month of a longer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanCredits {
    /// How much, seats multiplied.
    pub amount: Amount,
    /// The grants' place in the spend order: 0–1000, lower first.
    pub priority: u16,
    /// How long they live.
    pub expiry: Expiry,
    /// What unused credits become.
    pub rollover: Option<CarryOver>,
    /// What an upgrade in mid-period gives.
    pub change: ChangeCredits,
}

/// A line of a paid invoice. What it cost does not count: a line discounted to nothing gives all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaidLine<'a> {
    /// The plan group or add-on.
    pub group: &'a str,
    /// When the item's billing period begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// From when the line is for: `start`, or the instant of the change for a proration.
    pub from: Time,
    /// When the subscription's trial ends, if it has one: a line within it gives nothing.
    pub trial_end: Option<Time>,
}

/// What was given already under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Had<'a> {
    /// `GROUP:LABEL`.
    pub key: &'a str,
    /// The largest amount of any plan that was given under it, before proration.
    pub most: Amount,
    /// By how many grants.
    pub grants: u32,
}

/// A grant of a billing period, as the server remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// The grant.
    pub grant: GrantId,
    /// When its period ends; the grant itself lives on by the overlap.
    pub end: Time,
}

/// A month of a paid line, or all of a short one, under the key of what it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// `GROUP:LABEL`.
    pub key: String,
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
}

impl Keyed {
    /// Whether `source_id` is that of the first grant under the key, or of one that a larger plan added.
    #[must_use]
    pub fn gave(&self, source_id: &str) -> bool {
        source_id.strip_prefix(self.key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
    }
}

/// A month of a line, or all of a short one.
struct Slice {
    label: String,
    start: Time,
    end: Time,
}

/// The grants that a paid line gives: one for its period, or one for each month of a longer one. The key of each is
/// the group and the period's label, so that a recreated item or subscription gives nothing twice; where `had` says
/// that a smaller plan gave under that key already, the grant is what the plan has above it.
///
/// All but the last end when the next begins; the last outlives its period by `overlap` seconds, so that a late
/// renewal leaves nobody with nothing.
#[must_use]
pub fn period_credits(
    wallet: &Wallet,
    line: &PaidLine<'_>,
    plan: &PlanCredits,
    had: &[Had<'_>],
    overlap: i64,
) -> Vec<Terms> {
    let in_trial = line.trial_end.is_some_and(|end| line.end <= end);
    if in_trial || line.start >= line.end {
        return Vec::new();
    }
    let slices = slices(line.start, line.end).into_iter().filter(|slice| slice.end > line.from);
    slices.filter_map(|slice| credits_of(wallet, line, &slice, plan, had, overlap)).collect()
}

fn credits_of(
    wallet: &Wallet,
    line: &PaidLine<'_>,
    slice: &Slice,
    plan: &PlanCredits,
    had: &[Had<'_>],
    overlap: i64,
) -> Option<Terms> {
    let key = format!("{}:{}", line.group, slice.label);
    let known = had.iter().find(|had| had.key == key);
    let most = known.map_or(Amount::ZERO, |had| had.most);
    let more = plan.amount.checked_sub(most)?;
    let amount = match plan.change {
        ChangeCredits::Prorated => share(more, slice, line.from),
        ChangeCredits::Full => more,
    };
    let source_id = known.map_or(key, |had| format!("{}+{}", had.key, had.grants));
    let is_last = slice.end >= line.end;
    let effective_at = slice.start.max(line.from);
    let expires_at = match plan.expiry {
        Expiry::PeriodEnd => slice.end.plus_seconds(if is_last { overlap } else { 0 }),
        Expiry::Days(days) => effective_at.plus_seconds(i64::from(days) * DAY),
    };
    let terms = Terms {
        id: wallet.derive_grant(SourceKind::Subscription, &source_id),
        source_kind: SourceKind::Subscription,
        source_id,
        amount,
        priority: plan.priority,
        effective_at,
        expires_at: Some(expires_at),
        rollover: plan.rollover.map(|carry| rollover(line, slice, carry)),
        metadata: None,
    };
    Some(terms).filter(|terms| terms.amount.is_positive())
}

/// The part of `amount` for what is left of the slice at `from`, rounded down.
fn share(amount: Amount, slice: &Slice, from: Time) -> Amount {
    let whole = slice.end.micros() - slice.start.micros();
    let left = (slice.end.micros() - from.micros()).clamp(0, whole);
    let part = i128::from(amount.micros()) * i128::from(left) / i128::from(whole.max(1));
    i64::try_from(part).ok().and_then(Amount::from_micros).unwrap_or(Amount::ZERO)
}

/// How long what is carried over lives: as many months as periods, or as many times a shorter slice.
fn rollover(line: &PaidLine<'_>, slice: &Slice, carry: CarryOver) -> Rollover {
    let length = slice.end.micros() - slice.start.micros();
    let is_month = slice.label.ends_with("/P1M");
    let cycle = Cycle::Billing { anchor: line.start };
    let until = (0..carry.lives()).fold(slice.end, |end, _| {
        if is_month { cycle.period_at(&Zone::utc(), end).end } else { Time::from_micros(end.micros() + length) }
    });
    Rollover { max: carry.max, seconds: (until.micros() - slice.end.micros()) / 1_000_000 }
}

/// The months from `start` to `end`, counted from `start`; a line of about a month or less is one.
fn slices(start: Time, end: Time) -> Vec<Slice> {
    let days = |from: Time, to: Time| (to.micros() - from.micros()) / (DAY * 1_000_000);
    let cycle = Cycle::Billing { anchor: start };
    let first = cycle.period_at(&Zone::utc(), start);
    let length = days(start, end);
    if length <= LONGEST_MONTH {
        let date = first.label.trim_end_matches("/P1M");
        let label = if length < 28 { format!("{date}/P{length}D") } else { first.label.clone() };
        return Vec::from([Slice { label, start, end }]);
    }
    let mut slices: Vec<Slice> = Vec::new();
    let mut from = start;
    while from < end {
        let month = cycle.period_at(&Zone::utc(), from);
        let rest_is_short = days(month.end, end) < SHORTEST_SLICE;
        let until = if rest_is_short { end } else { month.end };
        slices.push(Slice { label: month.label, start: from, end: until });
        from = until;
    }
    slices
}

/// The months of a paid line, first to last, under the keys of what they give.
#[must_use]
pub fn keyed(line: &PaidLine<'_>) -> Vec<Keyed> {
    if line.start >= line.end {
        return Vec::new();
    }
    let keyed =
        |slice: Slice| Keyed { key: format!("{}:{}", line.group, slice.label), start: slice.start, end: slice.end };
    slices(line.start, line.end).into_iter().map(keyed).collect()
}

/// Of the grants of a group's billing periods those whose period has ended by `at`: they live by the overlap
/// alone, and end with the next grant ([`crate::credit::Turn::end_early`]) or with lost access
/// ([`crate::credit::Turn::cut`]).
#[must_use]
pub fn past_their_period(running: &[Running], at: Time) -> Vec<GrantId> {
    running.iter().filter(|running| running.end <= at).map(|running| running.grant).collect()
}

/// The grant of a trial: once per customer and family, since that is its key. `moves` says how often its end was moved:
/// then it is what was left. It lives to the trial's end and the overlap. `None` when there is nothing to give.
#[must_use]
pub fn trial_credits(
    wallet: &Wallet,
    (family, moves): (&str, u32),
    amount: Amount,
    priority: u16,
    trial: (Time, Time),
    overlap: i64,
) -> Option<Terms> {
    let (start, end) = trial;
    let source_id = if moves == 0 { format!("{family}:trial") } else { format!("{family}:trial+{moves}") };
    let terms = Terms {
        id: wallet.derive_grant(SourceKind::Subscription, &source_id),
        source_kind: SourceKind::Subscription,
        source_id,
        amount,
        priority,
        effective_at: start,
        expires_at: Some(end.plus_seconds(overlap)),
        rollover: None,
        metadata: None,
    };
    Some(terms).filter(|terms| terms.amount.is_positive())
}

#[cfg(test)]
mod tests;
