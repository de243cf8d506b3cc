//! What a paid invoice bills that gives credits: its lines, each with its plan, its billing period and from when it is.

use crate::{
    features::{
        pricebook::{self, Plan},
        subscriptions::{
            mirror,
            plans::Plans,
            store::{self, Item, Subscription},
        },
    },
    platform::{db::Tx, error::Error, stripe::instant},
};
use purser_rules::{
    Amount, Time,
    pricebook::{AllowancePeriod, Interval, PriceKind},
    subscription::{anchor, credits as credits_of, whole_start},
};
use purser_stripe::objects::InvoiceLine;

/// By how much months that are counted from their ends may begin early: from the 31st to the 28th, in seconds.
const MOST_CLAMPED: i64 = 3 * 86_400;

/// Time of a plan that was paid.
#[derive(Clone, Debug)]
pub(super) struct Billed {
    /// The plan; its credits come per billing period.
    pub plan: Plan,
    /// The line that says so; one of several when a price has tiers.
    pub line: String,
    /// Seats.
    pub quantity: u64,
    /// The billing period.
    pub start: Time,
    pub end: Time,
    /// From when it was paid for: the start, or the instant of a change.
    pub from: Time,
}

impl Billed {
    /// Whether it gives in the same group and unit as another.
    fn is_of_group(&self, other: &Self) -> bool {
        let of = |billed: &Self| (billed.plan.key_group(), billed.plan.terms.unit());
        of(self) == of(other)
    }

    /// What its plan gives a month, seats multiplied; none when that is over the largest amount.
    pub fn gives(&self) -> Option<Amount> {
        let credits = self.plan.terms.credits.as_ref()?;
        credits_of(credits.amount, self.quantity, credits.per_seat)
    }
}

/// What `lines` bill of plans whose credits come per billing period, the earliest first. Left out are what gives money
/// back, usage, what is no time of a subscription, time of a trial, and prices that nobody mapped.
pub(super) fn billed(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    subscription: Option<&Subscription>,
    lines: &[InvoiceLine],
) -> Result<Vec<Billed>, Error> {
    let mut found: Vec<(String, Billed)> = Vec::new();
    for line in lines.iter().filter(|line| line.bills_subscription() && !line.gives_back()) {
        let Some(details) = line.pricing.as_ref().and_then(|pricing| pricing.price_details.as_ref()) else { continue };
        let price = details.price.id();
        let (from, end) = (instant(line.period.start), instant(line.period.end));
        if from >= end || subscription.is_some_and(|known| is_trial(known, line, from)) {
            continue;
        }
        let item = subscription.and_then(|known| known.items.iter().find(|item| item.price == price));
        let Some(plan) = plan_of(tx, plans, item, price, &details.product)? else { continue };
        if !gives_by_period(&plan) || is_metered(item, &plan, price) {
            continue;
        }
        let start = if line.is_proration() { start_of(subscription, &plan, price, from, end) } else { from };
        let quantity = line.quantity.and_then(|quantity| u64::try_from(quantity).ok()).unwrap_or(1);
        // The tiers of a price are lines of their own, each with a part of the quantity.
        match found.iter_mut().find(|(of, known)| of == price && (known.from, known.end) == (from, end)) {
            Some((_, known)) => known.quantity = known.quantity.saturating_add(quantity),
            None => found.push((price.to_owned(), Billed { plan, line: line.id.clone(), quantity, start, end, from })),
        }
    }
    let mut found: Vec<Billed> = found.iter().filter_map(|one| left_of(one, &found, lines)).collect();
    found.sort_by_key(|billed| (billed.start, billed.from));
    Ok(found)
}

/// What is left to be given of what is billed, if it was changed to less again before it was paid, as the same invoice says,
/// which gives back the money of the time after that: no more than the least that followed gives. What is unused above
/// the smaller plan is taken (rules 1.12), and of this nothing could be used. What was changed to another period stays:
/// that takes its place in part.
fn left_of((price, billed): &(String, Billed), all: &[(String, Billed)], lines: &[InvoiceLine]) -> Option<Billed> {
    let (mut least, mut last) = (billed, (price, billed));
    while let Some(at) = changed_at(last.0, last.1, lines) {
        let next = all.iter().filter(|(_, next)| next.from == at && next.is_of_group(billed));
        let (same, other): (Vec<_>, Vec<_>) = next.partition(|(_, next)| next.end == billed.end);
        match same.into_iter().max_by_key(|(_, next)| next.gives()) {
            Some((price, next)) => last = (price, next),
            None if other.is_empty() => return None,
            None => break,
        }
        if last.1.gives() < least.gives() {
            least = last.1;
        }
    }
    // What it was changed to in the end an item may have still: that knows best in which month it was.
    let start = if last.1.start <= billed.from { last.1.start } else { billed.start };
    Some(Billed { plan: least.plan.clone(), quantity: least.quantity, start, ..billed.clone() })
}

/// Since when the money of what is billed was given back, if the same invoice does so for what was left of it then.
fn changed_at(price: &str, billed: &Billed, lines: &[InvoiceLine]) -> Option<Time> {
    let is_of_price = |line: &InvoiceLine| {
        let details = line.pricing.as_ref().and_then(|pricing| pricing.price_details.as_ref());
        details.is_some_and(|details| details.price.id() == price)
    };
    let back = lines.iter().filter(|line| line.bills_subscription() && line.gives_back() && is_of_price(line));
    let since = back.filter(|line| instant(line.period.end) == billed.end).map(|line| instant(line.period.start));
    since.filter(|at| *at > billed.from).min()
}

/// Whether the credits of a plan come with its paid periods.
pub(super) fn gives_by_period(plan: &Plan) -> bool {
    plan.terms.credits.as_ref().is_some_and(|credits| credits.period == AllowancePeriod::Billing)
}

/// Whether `lines` of an invoice of the subscription `of` may give something, as far as mirror and price book know: a
/// price that nobody knows may, since its plan may be made when the subscription is written.
pub(in super::super) fn may_give(tx: &mut Tx<'_>, of: Option<&str>, lines: &[InvoiceLine]) -> Result<bool, Error> {
    let Some(of) = of else { return Ok(false) };
    let subscription = match mirror::bucket_of(tx, of)? {
        Some(bucket) => store::find(tx, bucket, of)?,
        None => None,
    };
    for line in lines.iter().filter(|line| line.bills_subscription() && !line.gives_back()) {
        let Some(details) = line.pricing.as_ref().and_then(|pricing| pricing.price_details.as_ref()) else { continue };
        let price = details.price.id();
        let item = subscription.as_ref().and_then(|known| known.items.iter().find(|item| item.price == price));
        let plan = match item.and_then(|item| item.plan_id) {
            Some(recorded) => Some(pricebook::find_plan(tx, recorded)?),
            None => pricebook::plan_of_price(tx, price, &details.product)?,
        };
        if plan.is_none_or(|plan| gives_by_period(&plan)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The plan of a price: the one recorded for an item that has it, else the one that the price sells now.
fn plan_of(
    tx: &mut Tx<'_>,
    plans: &mut Plans,
    item: Option<&Item>,
    price: &str,
    product: &str,
) -> Result<Option<Plan>, Error> {
    let id = match item.and_then(|item| item.plan_id) {
        Some(recorded) => Some(recorded),
        None => plans.sold_by(tx, price, product)?,
    };
    id.map(|id| plans.get(tx, id).cloned()).transpose()
}

/// Whether a line that begins at `from` is of the subscription's trial, which gives credits of its own. What was paid
/// for is not, whenever it begins.
fn is_trial(subscription: &Subscription, line: &InvoiceLine, from: Time) -> bool {
    let trial = subscription.trial_start.zip(subscription.trial_end);
    let within = |(start, end): (Time, Time)| start <= from && (from < end || start == end);
    line.amount == 0 && trial.is_some_and(within)
}

/// Whether a price is of what a meter counts: it is billed for the time before, and gives nothing.
fn is_metered(item: Option<&Item>, plan: &Plan, price: &str) -> bool {
    let of_plan = plan.prices.iter().map(|known| &known.price);
    let mut same = of_plan.filter(|known| known.stripe_price_id.as_deref() == Some(price));
    item.is_some_and(|item| item.metered) || same.any(|known| known.kind == PriceKind::Metered)
}

/// When the billing period began of which a part from `from` to `end` was billed. That of a subscription whose first
/// period is cut short, up to an anchor, is counted back to where a whole one would have begun: it is paid in part.
fn start_of(subscription: Option<&Subscription>, plan: &Plan, price: &str, from: Time, end: Time) -> Time {
    let items = subscription.map_or(&[] as &[Item], |known| known.items.as_slice());
    let running = items.iter().filter(|item| item.period_end == end && item.period_start <= from);
    let running = running.min_by_key(|item| item.price != price);
    let of_item = running.or_else(|| items.iter().find(|item| item.price == price)).and_then(|item| {
        // A first period may be cut short; the one after what was billed is whole.
        let whole = running.is_none().then(|| anchor(item.period_start, item.period_end));
        let anchor = whole.unwrap_or(item.period_end);
        Some((Interval::parse(&item.period)?, u16::try_from(item.period_count).ok()?, anchor))
    });
    let of_plan = || {
        let known = plan.prices.iter().map(|known| &known.price);
        let mut same = known.filter(|known| known.stripe_price_id.as_deref() == Some(price));
        same.next().map(|known| (known.interval, known.interval_count, end))
    };
    let counted = of_item.or_else(of_plan).map(|(interval, count, anchor)| whole_start(end, interval, count, anchor));
    let counted = counted.filter(|start| *start <= from);
    match (running, counted) {
        // What is counted back from the end of a short month may be some days early.
        (Some(item), Some(counted)) if item.period_start > counted.plus_seconds(MOST_CLAMPED) => counted,
        (Some(item), _) => item.period_start,
        (None, counted) => counted.unwrap_or(from),
    }
}
