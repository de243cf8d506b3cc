//! How many items a second a lane of the bare shell does: four tables a batch, no rules, 256 callers.
//!
//! `cargo run --release -p purser-server --example lane_rate -- URL [SECONDS]`, with a URL of an empty database.
//! The figure is the shell's own limit, not what a spend costs.
#![expect(clippy::print_stdout, clippy::float_arithmetic, reason = "a program for people to read")]

use purser::platform::{
    clock::Clock,
    db::{Batch, Db, DbConfig, DbError, Load, Table, Tx, Type, Value},
};
use purser_rules::Time;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const WALLETS: Table = Table {
    name: "wallets",
    key: &[("customer", Type::Text), ("unit", Type::Text), ("bucket", Type::I64)],
    columns: &[
        ("seq", Type::I64),
        ("head", Type::Bytes),
        ("last_at", Type::Ts),
        ("available", Type::I64),
        ("debt", Type::I64),
        ("body", Type::Bytes),
    ],
};

const LEDGER: Table = Table {
    name: "ledger",
    key: &[("customer", Type::Text), ("unit", Type::Text), ("seq", Type::I64), ("bucket", Type::I64)],
    columns: &[
        ("at", Type::Ts),
        ("kind", Type::I64),
        ("amount", Type::I64),
        ("cause_kind", Type::I64),
        ("cause_id", Type::Text),
        ("subject", Type::Text),
        ("hash", Type::Bytes),
    ],
};

const KEYS: Table = Table {
    name: "idempotency_keys",
    key: &[("key", Type::Text), ("customer", Type::Text), ("bucket", Type::I64)],
    columns: &[("operation", Type::I64), ("created_at", Type::Ts), ("request", Type::Bytes), ("answer", Type::Bytes)],
};

const DAYS: Table = Table {
    name: "usage_days",
    key: &[("customer", Type::Text), ("unit", Type::Text), ("day", Type::I64), ("bucket", Type::I64)],
    columns: &[("count", Type::I64), ("consumed", Type::I64), ("overflow", Type::I64)],
};

const WALLET_COUNT: u64 = 10_000;
const CALLERS: u64 = 256;

/// A spend without rules.
struct Spends;

/// Takes one from wallet `.0`, by key `.1`.
struct Spend(u64, u64);

fn wallet(n: u64) -> Vec<Value> {
    vec![Value::Text(format!("customer-{n:06}")), Value::Text("credits".into()), Value::I64((n % 256) as i64)]
}

impl Batch for Spends {
    type Item = Spend;
    type Answer = i64;

    fn run(&self, tx: &mut Tx<'_>, items: &[Spend]) -> Result<Vec<i64>, DbError> {
        let keys = items.iter().map(|item| wallet(item.0)).collect();
        let found: Vec<Vec<Value>> = items.iter().map(key).collect();
        let loads = vec![
            Load::Many {
                table: &WALLETS,
                by: WALLETS.key,
                columns: &[
                    ("customer", Type::Text),
                    ("seq", Type::I64),
                    ("available", Type::I64),
                    ("body", Type::Bytes),
                ],
                keys,
                lock: true,
            },
            Load::Many { table: &KEYS, by: KEYS.key, columns: &[("answer", Type::Bytes)], keys: found, lock: false },
        ];
        let loaded = tx.load(loads)?;
        let mut wallets = BTreeMap::new();
        for row in &loaded[0] {
            wallets.insert(row.text(0)?.to_owned(), (row.i64(1)?, row.i64(2)?, row.bytes(3)?.to_vec(), 0_i64));
        }
        let now = tx.now();
        let (mut answers, mut entries, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            let id = wallet(item.0);
            let Value::Text(name) = &id[0] else { continue };
            let Some(state) = wallets.get_mut(name) else { return Err(DbError::Bug("no such wallet".into())) };
            (state.0, state.1, state.3) = (state.0 + 1, state.1 - 1, state.3 + 1);
            answers.push(state.1);
            entries.push(entry(&id, state.0, now));
            let mut row = key(item);
            row.extend([Value::I64(1), Value::Ts(now), Value::Bytes(vec![1; 32]), Value::Bytes(vec![2; 40])]);
            rows.push(row);
        }
        let mut changed = Vec::new();
        let mut days = Vec::new();
        for (name, (seq, available, body, count)) in wallets {
            let n: i64 = name[9..].parse().unwrap_or(0);
            let id = [Value::Text(name), Value::Text("credits".into())];
            let mut row = id.to_vec();
            row.extend([Value::I64(n % 256), Value::I64(seq), Value::Bytes(vec![7; 32]), Value::Ts(now)]);
            row.extend([Value::I64(available), Value::I64(0), Value::Bytes(body)]);
            changed.push(row);
            let mut day = id.to_vec();
            day.extend([20_000, n % 256, count, count, 0].map(Value::I64));
            days.push(day);
        }
        tx.update_later(&WALLETS, WALLETS.columns, changed);
        tx.insert_later(&LEDGER, entries);
        tx.insert_later(&KEYS, rows);
        tx.put_later(&DAYS, days);
        Ok(answers)
    }

    fn lane(item: &Spend) -> u8 {
        (item.0 % 256) as u8
    }
}

/// The key of an item, in time order.
fn key(item: &Spend) -> Vec<Value> {
    let id = wallet(item.0);
    vec![Value::Text(format!("{:032x}", item.1)), id[0].clone(), id[2].clone()]
}

/// A ledger entry.
fn entry(id: &[Value], seq: i64, now: Time) -> Vec<Value> {
    let mut row = vec![id[0].clone(), id[1].clone(), Value::I64(seq), id[2].clone(), Value::Ts(now)];
    row.extend([Value::I64(1), Value::I64(-1), Value::I64(1), Value::Text("key".into())]);
    row.extend([Value::Text("spend".into()), Value::Bytes(vec![9; 32])]);
    row
}

#[tokio::main]
async fn main() -> Result<(), DbError> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "sqlite:/tmp/lane_rate.db".into());
    let seconds = args.next().and_then(|text| text.parse().ok()).unwrap_or(5);
    let db = Db::open(DbConfig { url, ..DbConfig::default() }, Clock::system())?;
    db.migrate().await?;
    let now = Clock::system().now();
    let made = move |tx: &mut Tx<'_>| {
        let rows = (0..WALLET_COUNT).map(|n| {
            let mut row = wallet(n);
            row.extend([Value::I64(0), Value::Bytes(vec![7; 32]), Value::Ts(now), Value::I64(1 << 40)]);
            row.extend([Value::I64(0), Value::Bytes(vec![5; 120])]);
            row
        });
        tx.insert_missing_later(&WALLETS, rows.collect());
        Ok::<_, DbError>(())
    };
    db.write(made).await?;
    let lane = db.lane(Spends);
    let (done, count) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(now.micros().unsigned_abs())));
    let started = Instant::now();
    let until = started + Duration::from_secs(seconds);
    let callers = (0..CALLERS).map(|_| {
        let (lane, done, count) = (lane.clone(), done.clone(), count.clone());
        async move {
            while Instant::now() < until {
                let n = count.fetch_add(1, Ordering::Relaxed);
                let spread = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                lane.submit(Spend(spread % WALLET_COUNT, n)).await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, DbError>(())
        }
    });
    futures_util::future::try_join_all(callers).await?;
    let rate = done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    println!("{:?}: {rate:.0} items/s with {CALLERS} callers", db.kind());
    db.close().await;
    Ok(())
}
