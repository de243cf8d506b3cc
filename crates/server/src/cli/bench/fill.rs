//! Makes a bench's customers: mixed grants for each, large enough that no timed spend is refused.

use super::{
    args::Bench,
    ask::{Gift, Said, Spend},
    door::Door,
    draw::{Draw, customer},
    progress::{Rate, shown},
    target::Target,
};
use crate::{
    features::credits,
    platform::{App, db::DbError},
};
use purser_rules::{Amount, Time, credit::SourceKind, ids::CustomerId};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::task::JoinSet;

/// What a customer is given in all, in whole credits: below the most a wallet may hold.
const CREDITS: i64 = 900_000_000;
/// Most grants in one unit of work.
const UNIT: u64 = 300;
/// Most units of work in process at a time; over HTTP each caller has one.
const UNITS: u64 = 8;
/// Spends handed in together to make entries.
const HANDFUL: u64 = 512;

/// Makes the customers, unless they are there.
pub(super) async fn fill(bench: &Bench, target: &Target) -> Result<(), String> {
    let (customers, grants) = (bench.customers(), bench.grants);
    if let Some(there) = target.door(0).standing(&customer(customers - 1)).await? {
        // An answer lists 20 grants at most.
        if there.grants != grants.min(20) {
            let wrong = format!("Its customers have {} open grants, not {grants}.", there.grants);
            return Err(format!("{wrong} Use another database, or --no-fill."));
        }
        return Ok(());
    }
    let gifts = (0..customers).step_by(usize::try_from(step(grants)).unwrap_or(1)).map(move |first| {
        let these = first..(first + step(grants)).min(customers);
        these.flat_map(|n| mixed(&customer(n), grants)).collect()
    });
    let done = AtomicU64::new(0);
    let rate = Rate::new();
    let now = || {
        let given = done.load(Ordering::Relaxed);
        format!("{} of {customers} customers, {} grants a second", given / grants, rate.now(given))
    };
    shown(now, give(target, bench.callers, gifts, &done)).await
}

/// How many customers are made in one unit of work.
const fn step(grants: u64) -> u64 {
    if grants >= UNIT { 1 } else { UNIT / grants }
}

/// Gives what `gifts` makes, many units at a time, counting grants in `done`.
pub(super) async fn give(
    target: &Target,
    callers: u64,
    mut gifts: impl Iterator<Item = Vec<Gift>>,
    done: &AtomicU64,
) -> Result<(), String> {
    let most = if target.app().is_some() { UNITS } else { callers };
    let mut doors: Vec<Door> = (0..most).map(|at| target.door(at)).collect();
    let mut units = JoinSet::new();
    loop {
        while let Some(mut door) = doors.pop() {
            let Some(gifts) = gifts.next() else { break };
            units.spawn(async move {
                let count = gifts.len();
                (door.give(gifts).await, count, door)
            });
        }
        let Some(ended) = units.join_next().await else { return Ok(()) };
        let (given, count, door) = ended.map_err(|error| error.to_string())?;
        given?;
        done.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        doors.push(door);
    }
}

/// A customer's `grants` grants: promotions, imports and gifts by hand in turn, the first two with an end.
fn mixed(customer: &CustomerId, grants: u64) -> impl Iterator<Item = Gift> + use<> {
    let customer = customer.clone();
    let share = CREDITS / i64::try_from(grants).unwrap_or(CREDITS);
    (0..grants).map(move |n| Gift {
        customer: customer.clone(),
        amount: Amount::units(share),
        kind: kind(n),
        source: format!("bench-{n}"),
        expires_at: ends(kind(n)),
    })
}

/// The kinds of grant in turn.
pub(super) fn kind(n: u64) -> SourceKind {
    match n % 3 {
        0 => SourceKind::Promotion,
        1 => SourceKind::Import,
        _ => SourceKind::Manual,
    }
}

/// When a grant of `kind` ends: at a fixed instant, so that filling again asks for the same.
pub(super) fn ends(kind: SourceKind) -> Option<Time> {
    match kind {
        SourceKind::Promotion => Time::parse("2099-01-01T00:00:00Z"),
        SourceKind::Import => Time::parse("2100-01-01T00:00:00Z"),
        _ => None,
    }
}

/// Spends single credits in process until the ledger has `entries` entries.
pub(super) async fn grow(bench: &Bench, app: &App, target: &Target, entries: u64) -> Result<(), String> {
    let there = app.db().read(credits::count_entries).await.map_err(|error: DbError| error.to_string())?;
    let left = Arc::new(AtomicU64::new(entries.saturating_sub(there)));
    let mut growers = JoinSet::new();
    for at in 0..UNITS {
        let (mut door, left, customers) = (target.door(at), Arc::clone(&left), bench.customers());
        let mut draw = Draw::new(bench.seed, at);
        let mut keys = target.keys(bench, at);
        growers.spawn(async move {
            loop {
                let take = |left: u64| Some(left.saturating_sub(HANDFUL));
                let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).unwrap_or(0);
                if before == 0 {
                    return Ok(());
                }
                let mut spend =
                    || Spend { customer: customer(draw.below(customers)), amount: Amount::units(1), key: keys.make() };
                let spends: Vec<Spend> = (0..before.min(HANDFUL)).map(|_| spend()).collect();
                let said = door.batch(&spends).await;
                if let Some(other) = said.into_iter().find(|said| !said.is_done()) {
                    return Err(undone(other));
                }
            }
        });
    }
    let now = || format!("{} of {entries} entries are to come", left.load(Ordering::Relaxed));
    let all = async {
        while let Some(ended) = growers.join_next().await {
            ended.map_err(|error| error.to_string())??;
        }
        Ok(())
    };
    shown(now, all).await
}

fn undone(said: Said) -> String {
    match said {
        Said::Refused(code) => format!("A spend was refused: {code}. Use a new database."),
        Said::Failed(why) => format!("A spend failed: {why}"),
        Said::Done { .. } => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_mixed_and_fit_into_a_wallet() {
        for grants in [1, 3, 7, 500, 10_000] {
            let gifts: Vec<Gift> = mixed(&customer(1), grants).collect();
            let sum = gifts.iter().try_fold(Amount::ZERO, |sum, gift| sum.checked_add(gift.amount));
            assert!(sum.is_some_and(|sum| sum > Amount::units(800_000_000)), "{grants}: {sum:?}");
            assert_eq!(u64::try_from(gifts.len()), Ok(grants));
        }
        let ends: Vec<_> = mixed(&customer(1), 3).map(|gift| gift.expires_at.map(|at| at.to_string())).collect();
        assert_eq!(ends, [Some("2099-01-01T00:00:00Z".into()), Some("2100-01-01T00:00:00Z".into()), None]);
        assert_eq!((step(3), step(500), step(300)), (100, 1, 1));
    }
}
