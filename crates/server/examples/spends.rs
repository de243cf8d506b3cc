//! A rough measure of durable spends in process: `cargo run --release --example spends -- sqlite:PATH 256 10`.
//!
//! Each spend writes its ledger entry with its hash, its key, its consumption, the day's rollup and the month's
//! counter with four thresholds. The database is left where it is; `purser verify` proves it.
#![expect(clippy::print_stdout, reason = "it says what it measured")]

use purser::{
    features::credits::{GrantRequest, Lanes, SpendRequest, grant},
    platform::{
        auth::Actor,
        clock::Clock,
        db::{Db, DbConfig},
        ids::Random,
    },
};
use purser_rules::{
    Amount,
    credit::{Mode, SourceKind},
    ids::{ConsumptionId, CustomerId, GrantId, Unit},
};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CUSTOMERS: u64 = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "sqlite:./bench.sqlite".to_owned());
    let callers: u64 = args.next().as_deref().unwrap_or("256").parse()?;
    let seconds: u64 = args.next().as_deref().unwrap_or("10").parse()?;
    let (clock, random) = (Clock::system(), Random::secure());
    let db = Db::open(DbConfig { url, ..DbConfig::default() }, clock.clone()).map_err(|e| format!("{e:?}"))?;
    db.migrate().await.map_err(|e| format!("{e:?}"))?;
    let lanes = Arc::new(Lanes::open(&db, &random, true));
    fill(&db, &clock, &random).await?;

    let (stop, done, refused) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let (lanes, clock, random) = (Arc::clone(&lanes), clock.clone(), random.clone());
        let (stop, done, refused) = (Arc::clone(&stop), Arc::clone(&done), Arc::clone(&refused));
        tasks.spawn(async move {
            let mut waits = Vec::new();
            let mut state = caller.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            while !stop.load(Ordering::Relaxed) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let asked = Instant::now();
                match lanes.spends.submit(spend(state % CUSTOMERS, &clock, &random)).await {
                    Ok(Ok(_)) => done.fetch_add(1, Ordering::Relaxed),
                    _ => refused.fetch_add(1, Ordering::Relaxed),
                };
                waits.push(asked.elapsed());
            }
            waits
        });
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut waits: Vec<Duration> = Vec::new();
    while let Some(more) = tasks.join_next().await {
        waits.extend(more?);
    }
    let took = started.elapsed().as_millis().max(1);
    waits.sort_unstable();
    let at = |thousandths: usize| waits.get(waits.len() * thousandths / 1000).copied().unwrap_or_default();
    let accepted = done.load(Ordering::Relaxed);
    println!(
        "{} spends/s ({accepted} in {took} ms, {} refused), p50 {:?}, p99 {:?}, p99.9 {:?}",
        u128::from(accepted) * 1000 / took,
        refused.load(Ordering::Relaxed),
        at(500),
        at(990),
        at(999)
    );
    db.close().await;
    Ok(())
}

fn customer(n: u64) -> Result<CustomerId, &'static str> {
    CustomerId::new(&format!("customer-{n}")).map_err(|_| "a customer's id")
}

fn spend(n: u64, clock: &Clock, random: &Random) -> SpendRequest {
    let now = clock.now();
    let customer = customer(n).unwrap_or_else(|what| panic!("{what}"));
    let id = ConsumptionId::new(now, random.number(), customer.bucket());
    SpendRequest {
        id,
        customer,
        unit: Unit::credits(),
        amount: Amount::units(1),
        mode: Mode::Reject,
        key: id.to_string(),
        user_id: None,
        metadata: None,
        occurred_at: None,
        actor: Actor::job("bench"),
    }
}

/// Gives every customer three grants, unless it has them already.
async fn fill(db: &Db, clock: &Clock, random: &Random) -> Result<(), Box<dyn Error>> {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..CUSTOMERS {
        let (db, clock, random, customer) = (db.clone(), clock.clone(), random.clone(), customer(n)?);
        tasks.spawn(async move {
            for source in ["a", "b", "c"] {
                let request = GrantRequest {
                    id: GrantId::new(clock.now(), random.number(), customer.bucket()),
                    customer: customer.clone(),
                    unit: Unit::credits(),
                    amount: Amount::units(100_000_000),
                    source_kind: SourceKind::Manual,
                    source_id: Some(source.to_owned()),
                    priority: None,
                    effective_at: None,
                    expires_at: None,
                    metadata: None,
                    key: None,
                    actor: Actor::job("bench"),
                };
                let random = random.clone();
                db.write(move |tx| grant(tx, &request, true, &random)).await.map_err(|e| format!("{e:?}"))?;
            }
            Ok::<_, String>(())
        });
        if tasks.len() >= 512 {
            tasks.join_next().await.transpose()?.transpose()?;
        }
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
