//! What one spend costs: processor time, bytes written, commits, syncs and statements.

use crate::{
    bench::{
        database::{BOTH, Database, Fill, Kind},
        generator::{self, Load},
        lab::{Effort, Lab, Sheet},
        process::{Server, postgres_used},
        record::Figures,
    },
    postgres::Postgres,
};

/// One row for each database, and one in which PostgreSQL counts statements, which costs it a little.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    // What was used before the first measured call would be counted: no warm-up.
    let effort = Effort { warm_up: 0, ..lab.effort };
    let shown = Load::USUAL.shown(&["--url", "$URL"], effort);
    for kind in BOTH {
        sheet.row(kind.name(), &shown, || cost(lab, kind, effort));
    }
    sheet.row("PostgreSQL, statements counted by pg_stat_statements", &shown, || statements(lab, effort));
}

/// Counters before and after a run, per spend.
fn cost(lab: &Lab, kind: Kind, effort: Effort) -> Result<Figures, String> {
    let database = Database::copy(lab, kind, Fill::USUAL)?;
    let server = Server::purser(lab, &database.url, &[])?;
    let commits = "purser_db_commit_seconds_count";
    let (used, committed) = (server.used()?, server.metric(commits).unwrap_or_default());
    let (postgres, log) = (postgres_used(lab)?, wal(lab));
    let run = Load::USUAL.over_http(&[&server.url], effort)?;
    let items = run.get("items").copied().unwrap_or_default().max(1);
    let (used_after, committed_after) = (server.used()?, server.metric(commits)?);
    let mut written = used_after.written - used.written;
    let mut figures = Figures::from([
        ("per_second".to_owned(), run.get("per_second").copied().unwrap_or_default()),
        ("server_ns".to_owned(), (used_after.cpu_us - used.cpu_us) * 1000 / items),
        ("commits_k".to_owned(), (committed_after - committed) * 1000 / items),
    ]);
    if kind == Kind::Postgres {
        let postgres_after = postgres_used(lab)?;
        written += postgres_after.written.saturating_sub(postgres.written);
        // Its connections report what they counted when they end.
        drop(server);
        let log_after = wal(lab);
        figures.insert("postgres_ns".to_owned(), (postgres_after.cpu_us - postgres.cpu_us) * 1000 / items);
        figures.insert("wal".to_owned(), (log_after.0 - log.0) / items);
        figures.insert("syncs_k".to_owned(), (log_after.1 - log.1) * 1000 / items);
    }
    figures.insert("written".to_owned(), written / items);
    Ok(figures)
}

/// Bytes of the write-ahead log and how often it was synced, so far.
fn wal(lab: &Lab) -> (u64, u64) {
    let said = lab.cluster.psql(&lab.cluster.url("postgres"), "SELECT wal_bytes, wal_sync FROM pg_stat_wal");
    let mut numbers = said.split('|').map(|word| word.parse().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

/// Statements of all connections per spend, on a PostgreSQL that counts them.
fn statements(lab: &Lab, effort: Effort) -> Result<Figures, String> {
    let cluster = Postgres::make(&[]);
    cluster.up_with::<&str>(&["shared_preload_libraries=pg_stat_statements"], &[]);
    let database = cluster.database();
    generator::fill(&database, Fill::USUAL)?;
    cluster.psql(&database, "CREATE EXTENSION pg_stat_statements");
    let server = Server::purser(lab, &database, &[])?;
    cluster.psql(&database, "SELECT pg_stat_statements_reset()");
    let run = Load::USUAL.over_http(&[&server.url], effort)?;
    let items = run.get("items").copied().unwrap_or_default().max(1);
    let said = cluster
        .psql(&database, "SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'");
    let calls: u64 = said.parse().map_err(|_| format!("`{said}` is no number of statements"))?;
    Ok(Figures::from([("statements_k".to_owned(), calls * 1000 / items)]))
}
