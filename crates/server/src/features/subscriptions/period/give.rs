//! What paid time gives: decided by the rules with the wallet locked, and put down under keys that name no
//! object of Stripe's, so that nothing is given twice.

use super::{
    lines::Billed,
    store::{self, Given},
    taken::{self, Offer},
};
use crate::{
    features::{
        credits::{self, PeriodCall, PeriodWallet},
        subscriptions::store::Item,
    },
    platform::{
        auth::Actor,
        db::Tx,
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    Amount, Time,
    credit::Terms,
    ids::{CustomerId, Unit},
    pricebook::Expiry,
    subscription::{PaidLine, PlanCredits, Running, keyed, past_their_period},
};
use std::collections::BTreeSet;

/// Whose credits, by which invoice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paid<'a> {
    pub customer: &'a CustomerId,
    pub invoice: &'a str,
    /// Minor units.
    pub amount: i64,
    /// Its id; empty for an invoice of none.
    pub subscription: &'a str,
    /// Whether it gives money back as well: for the rest of a period that one of it takes the place of.
    pub gives_back: bool,
    /// What the subscription bills now: a period of these was not given up.
    pub items: &'a [Item],
}

/// Gives what `billed` time of an invoice brings, each unit in one write.
pub(super) fn give(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    paid: Paid<'_>,
    billed: &[Billed],
) -> Result<(), Error> {
    let units: BTreeSet<Unit> = billed.iter().map(|one| one.plan.terms.unit()).collect();
    for unit in units {
        let call = PeriodCall { customer: paid.customer.clone(), unit: unit.clone(), actor: actor.clone() };
        credits::period(tx, &call, random, |tx, wallet| {
            let mut gave = false;
            for one in billed.iter().filter(|one| one.plan.terms.unit() == unit) {
                gave |= give_one(tx, wallet, paid, one, &unit)?;
            }
            if gave { taken_before(tx, wallet, paid, &unit) } else { Ok(()) }
        })?;
    }
    Ok(())
}

/// What was refunded, disputed or suspended of the invoice before concerns what it gave now too.
fn taken_before(tx: &mut Tx<'_>, wallet: &mut PeriodWallet<'_>, paid: Paid<'_>, unit: &Unit) -> Result<(), Error> {
    if wallet.kept(tx, paid.invoice)?.is_none() {
        return Ok(());
    }
    let mut rows = store::of_invoice(tx, paid.customer, paid.invoice)?;
    rows.retain(|row| row.unit == *unit);
    wallet.reverse(tx, store::payment(paid.invoice, paid.amount, &rows), |_| ()).map(drop)
}

/// Gives what one line brings; answers whether it was anything.
fn give_one(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    paid: Paid<'_>,
    billed: &Billed,
    unit: &Unit,
) -> Result<bool, Error> {
    let Some(plan) = plan_credits(billed) else { return Ok(false) };
    let (group, now) = (billed.plan.key_group(), wallet.now());
    let line = PaidLine { group: &group, start: billed.start, end: billed.end, from: billed.from, trial_end: None };
    let known = store::of_group(tx, (paid.customer, unit), &group, billed.start, now)?;
    let months = keyed(&line);
    let taken = taken::of(tx, wallet, &known)?;
    let offer = Offer { line, plan: &plan, months: &months, known: &known };
    let offered = offer.beside(wallet, &taken);
    // What was used of them counts for this one: returned, it is there again.
    let ended = |row: &&Given| {
        row.ended && row.subscription != paid.subscription && months.iter().any(|month| month.key == row.key)
    };
    wallet.end_no_more(&known.iter().filter(ended).map(|row| row.grant).collect::<Vec<_>>());
    let mut given = Vec::new();
    for terms in offered {
        let Some(month) = months.iter().find(|month| month.gave(&terms.source_id)) else { continue };
        // Read again, a line gives nothing more, whatever its price sells by now.
        let same = |row: &Given| (&row.invoice[..], &row.line, &row.key) == (paid.invoice, &billed.line, &month.key);
        if known.iter().any(same) {
            continue;
        }
        // What is over gives nothing any more.
        let Some(expires_at) = terms.expires_at.filter(|at| *at > now) else { continue };
        if !terms.amount.is_positive() {
            continue;
        }
        let row = Given {
            grant: terms.id,
            unit: unit.clone(),
            group: group.clone(),
            key: month.key.clone(),
            most: plan.amount,
            amount: terms.amount,
            plan: billed.plan.id,
            subscription: paid.subscription.to_owned(),
            invoice: paid.invoice.to_owned(),
            line: billed.line.clone(),
            line_start: billed.start,
            line_end: billed.end,
            start: month.start.max(billed.from),
            end: month.end,
            expires_at,
            lives_until: expires_at.plus_seconds(terms.rollover.map_or(0, |rollover| rollover.seconds)),
            by_overlap: plan.expiry == Expiry::PeriodEnd,
            suspended: false,
            ended: false,
            lowered: Amount::ZERO,
            gave_back: paid.gives_back,
        };
        given.push((terms, row));
    }
    if given.is_empty() {
        return Ok(false);
    }
    let mut overused = overused(tx, wallet, paid, &known, billed.start)?;
    let mut gave = false;
    for (terms, row) in given {
        gave |= put(tx, wallet, paid.customer, (terms, row), &mut overused)?;
    }
    settle(tx, wallet, paid, unit, &group, billed.start)?;
    Ok(gave)
}

/// Gives one grant, less what was overused of a period that its own took the place of. Answers whether anything was
/// left to give; it counts as given under its key all the same.
pub(super) fn put(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    customer: &CustomerId,
    (mut terms, mut row): (Terms, Given),
    overused: &mut Amount,
) -> Result<bool, Error> {
    let less = (*overused).min(terms.amount);
    *overused = overused.checked_sub(less).unwrap_or_default();
    terms.amount = terms.amount.checked_sub(less).unwrap_or_default();
    row.amount = terms.amount;
    let gives = terms.amount.is_positive();
    if gives && !given(wallet.grant(tx, &terms), &row)? {
        return Ok(false);
    }
    store::insert(tx, customer, &row);
    Ok(gives)
}

/// Whether a grant was given. What does not fit into the wallet is not, and said: the invoice, and all that follows from
/// it, must not be lost over it.
fn given(answer: Result<bool, Error>, row: &Given) -> Result<bool, Error> {
    match answer {
        Err(error) if error.code == Code::TotalTooLarge => {
            let (invoice, key) = (row.invoice.as_str(), row.key.as_str());
            tracing::error!(invoice, key, "a wallet cannot hold what was paid for");
            Ok(false)
        }
        answer => answer,
    }
}

/// What the plan of a line gives each month, seats multiplied; nothing when that is over the largest amount.
fn plan_credits(billed: &Billed) -> Option<PlanCredits> {
    let terms = &billed.plan.terms;
    let credits = terms.credits.as_ref()?;
    let amount = billed.gives();
    if amount.is_none() {
        let (line, quantity) = (&billed.line, billed.quantity);
        tracing::error!(invoice_line = line, quantity, "a line gives more than a wallet can hold");
    }
    Some(PlanCredits {
        amount: amount?,
        priority: credits.priority,
        expiry: credits.expiry,
        rollover: credits.rollover,
        change: terms.change_credits,
    })
}

/// Those of `known` that are of paid periods of the subscription which it does not bill any more.
fn given_up<'a>(known: &'a [Given], paid: Paid<'a>) -> impl Iterator<Item = &'a Given> {
    known.iter().filter(move |row| {
        let same = |item: &Item| (item.period_start, item.period_end) == (row.line_start, row.line_end);
        row.subscription == paid.subscription && !paid.items.iter().any(same)
    })
}

/// When the subscription's paid periods begin of which `known` are, of those whose invoices gave money back: others take
/// the place of none. A trial is none.
fn starts(known: &[Given], paid: Paid<'_>) -> Vec<Time> {
    let is_paid =
        |row: &&Given| row.subscription == paid.subscription && row.line_start < row.line_end && row.gave_back;
    known.iter().filter(is_paid).map(|row| row.line_start).collect()
}

/// How much more than their part was spent of grants whose period is given up for one that begins at `start`: the time
/// after it is paid, and given, by that one.
fn overused(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    paid: Paid<'_>,
    known: &[Given],
    start: Time,
) -> Result<Amount, Error> {
    if !paid.gives_back {
        return Ok(Amount::ZERO);
    }
    let mut starts = starts(known, paid);
    starts.push(start);
    let mut sum = Amount::ZERO;
    for row in given_up(known, paid) {
        let Some(over) = row.begun().superseded(&starts).filter(|over| over.at == start) else { continue };
        let spent = wallet.find(tx, row.grant)?.map_or(Amount::ZERO, |grant| grant.spent);
        let more = spent.checked_sub(over.keeps).filter(|more| more.is_positive()).unwrap_or_default();
        sum = sum.checked_add(more).unwrap_or(Amount::MAX);
    }
    Ok(sum)
}

/// After something was given: what lives by the overlap alone ends if the group has a running month, and what was given
/// for periods that were given up is cut to its part. The same whatever came first.
fn settle(
    tx: &mut Tx<'_>,
    wallet: &mut PeriodWallet<'_>,
    paid: Paid<'_>,
    unit: &Unit,
    group: &str,
    after: Time,
) -> Result<(), Error> {
    let now = wallet.now();
    let known = store::of_group(tx, (paid.customer, unit), group, after, now)?;
    let lives = |row: &&Given| row.by_overlap && row.expires_at > now;
    if known.iter().any(|row| row.start <= now && now < row.end) {
        let running: Vec<Running> =
            known.iter().filter(lives).map(|row| Running { grant: row.grant, end: row.end }).collect();
        wallet.end_early(&past_their_period(&running, now));
    }
    let starts = starts(&known, paid);
    for row in given_up(&known, paid).filter(|row| row.expires_at > now) {
        if let Some(over) = row.begun().superseded(&starts) {
            wallet.cut(tx, &[row.grant], over.keeps)?;
        }
    }
    Ok(())
}
