//! What HTTP, the databases and the disk do by themselves.

use super::spends::process_run;
use crate::{
    bench::{
        database::{Database, Kind},
        generator::Load,
        lab::{Lab, Measured, Sheet},
        process::Server,
        record::Figures,
    },
    shell::{command, output, root},
};
use std::time::Instant;

/// The rows that Purser's own single caller is compared with.
pub const SQLITE_COMMIT: &str = "SQLite, durable one-row updates, 1 caller";
/// The same on PostgreSQL.
pub const POSTGRES_COMMIT: &str = "PostgreSQL, durable one-row updates, 1 caller";
/// Purser's own single caller, run in turn with the updates.
pub const SQLITE_SPEND: &str = "SQLite, Purser's spends, 1 caller";
/// The same on PostgreSQL.
pub const POSTGRES_SPEND: &str = "PostgreSQL, Purser's spends, 1 caller";

/// One caller in process.
const ONE_CALLER: Load = Load { callers: 1, ..Load::USUAL };

/// Rows of the bulk inserts.
const BULK: u32 = 1_000_000;

/// The update of pgbench.
const UPDATE: &str = "\\set id random(1, 1000)\nUPDATE rows SET n = n + 1 WHERE id = :id;\n";

/// All rows.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    sheet.row("trivial handler over HTTP, 256 callers", &Load::USUAL.shown(&["--url", "$URL"], lab.effort), || {
        let server = Server::floor(lab)?;
        Load::USUAL.over_http(&[&server.url], lab.effort)
    });
    let seconds = lab.effort.seconds.to_string();
    let shown = format!("purser-baselines sqlite-commits bench.db {seconds}");
    sheet.in_turn(vec![
        Measured::new(SQLITE_COMMIT, &shown, || sqlite(lab, "sqlite-commits", &seconds)),
        process_run(lab, SQLITE_SPEND, Kind::Sqlite, ONE_CALLER),
    ]);
    let shown = |callers| format!("pgbench -n -M prepared -c {callers} -T {seconds} -f update.sql bench");
    sheet.in_turn(vec![
        Measured::new(POSTGRES_COMMIT, &shown("1"), || pgbench(lab, "1", &seconds)),
        process_run(lab, POSTGRES_SPEND, Kind::Postgres, ONE_CALLER),
    ]);
    let many = "PostgreSQL, durable one-row updates, 16 callers";
    sheet.row(many, &shown("16"), || pgbench(lab, "16", &seconds));
    let rows = BULK.to_string();
    let shown = format!("purser-baselines sqlite-inserts bench.db {rows}");
    sheet.row("SQLite, rows in one transaction", &shown, || sqlite(lab, "sqlite-inserts", &rows));
    sheet.row("PostgreSQL, rows by COPY", "psql -c \"COPY rows FROM 'rows.txt'\"", || copy(lab));
    sheet.row("disk, 8 KiB written and fdatasync", "pg_test_fsync -s 1", || fsync(lab));
}

/// What the baselines' own program says of SQLite.
fn sqlite(lab: &Lab, what: &str, how_much: &str) -> Result<Figures, String> {
    let file = lab.folder.join("floor.db");
    for ending in ["", "-wal", "-shm"] {
        let _earlier = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
    let mut program = command(root().join("target/release/purser-baselines"), &[what]);
    let said = output(program.arg(&file).arg(how_much))?;
    serde_json::from_str(&said).map_err(|error| format!("{said}: {error}"))
}

/// One-row updates; the percentiles are from pgbench's log of every transaction.
fn pgbench(lab: &Lab, callers: &str, seconds: &str) -> Result<Figures, String> {
    let database = Database::empty(lab, Kind::Postgres);
    lab.cluster.psql(
        &database.url,
        "CREATE TABLE rows (id int PRIMARY KEY, n int NOT NULL); INSERT INTO rows SELECT id, 0 FROM generate_series(1, 1000) AS id; ANALYZE rows",
    );
    let fails = |error: std::io::Error| error.to_string();
    let (script, prefix) = (lab.cluster.dir.join("update.sql"), lab.cluster.dir.join("pgbench-log"));
    std::fs::write(&script, UPDATE).map_err(fails)?;
    let mut pgbench = lab.cluster.command("pgbench");
    pgbench.args(["-n", "-M", "prepared", "-c", callers, "-T", seconds, "-l", "--log-prefix"]).arg(&prefix);
    output(pgbench.arg("-f").arg(&script).arg(&database.url))?;
    let mut took: Vec<u64> = Vec::new();
    for entry in std::fs::read_dir(&lab.cluster.dir).map_err(fails)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("pgbench-log") {
            let text = std::fs::read_to_string(entry.path()).map_err(fails)?;
            took.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()));
            std::fs::remove_file(entry.path()).map_err(fails)?;
        }
    }
    took.sort_unstable();
    let at = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default();
    let rate = took.len() as u64 / seconds.parse::<u64>().unwrap_or(1).max(1);
    Ok(figures([("per_second", rate), ("p50_us", at(50)), ("p99_us", at(99))]))
}

/// Rows as wide as a ledger entry, copied in.
fn copy(lab: &Lab) -> Result<Figures, String> {
    let database = Database::empty(lab, Kind::Postgres);
    let file = lab.cluster.dir.join("rows.txt");
    let run = |sql: &str| lab.cluster.psql(&database.url, sql);
    run(
        "CREATE TABLE rows (customer text NOT NULL, seq bigint NOT NULL, at timestamptz NOT NULL, amount bigint NOT NULL, \
         cause text NOT NULL, hash bytea NOT NULL)",
    );
    run(&format!(
        "COPY (SELECT 'bench-' || n % 10000, n, now(), -1, md5(n::text), sha256(n::text::bytea) \
         FROM generate_series(1, {BULK}) AS n) TO '{}'",
        file.display()
    ));
    let started = Instant::now();
    run(&format!("COPY rows FROM '{}'", file.display()));
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    std::fs::remove_file(&file).map_err(|error| error.to_string())?;
    Ok(figures([("per_second", u64::from(BULK) * 1000 / ms)]))
}

/// The first `fdatasync` line of `pg_test_fsync`: one write of 8 KiB.
fn fsync(lab: &Lab) -> Result<Figures, String> {
    let mut test = lab.cluster.command("pg_test_fsync");
    let said = output(test.args(["-s", "1", "-f"]).arg(lab.cluster.dir.join("fsync")))?;
    let line = said.lines().find(|line| line.trim_start().starts_with("fdatasync")).ok_or("no line of fdatasync")?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| words.get(at)?.split('.').next()?.parse().ok();
    let rate: u64 = number(1).ok_or_else(|| format!("no figures in `{line}`"))?;
    Ok(figures([("per_second", rate), ("p50_us", 1_000_000 / rate.max(1))]))
}

fn figures<const N: usize>(named: [(&str, u64); N]) -> Figures {
    named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
