//! Databases with customers in them: filled once by the generator, then copied, so that every run starts alike.

use super::{
    generator,
    lab::{Lab, caught, progress},
    process::Server,
};
use crate::shell::{self, command};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// How many jobs there are; each runs soon after a server starts on a new database.
const JOBS: u64 = 11;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file beside the others of the lab.
    Sqlite,
    /// A database of the lab's cluster.
    Postgres,
}

/// Both, in the order of the tables.
pub const BOTH: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

/// What is in a database before it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// How many customers.
    pub customers: u32,
    /// Open grants of each.
    pub grants: u32,
    /// Entries of spends before.
    pub entries: u64,
}

impl Fill {
    /// What most rows start from.
    pub const USUAL: Self = Self { customers: 10_000, grants: 3, entries: 0 };
}

/// A database for a run or a row; dropped, it is gone.
pub struct Database<'a> {
    /// Which of the two.
    pub kind: Kind,
    /// Its URL.
    pub url: String,
    lab: &'a Lab,
}

impl Kind {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// Its URL in the commands that are shown.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite:bench.db",
            Self::Postgres => "postgres:///bench",
        }
    }
}

impl<'a> Database<'a> {
    /// A new database without tables.
    pub fn empty(lab: &'a Lab, kind: Kind) -> Self {
        let url = match kind {
            Kind::Sqlite => format!("sqlite:{}", file(lab, &next_name()).display()),
            Kind::Postgres => lab.cluster.database(),
        };
        Self { kind, url, lab }
    }

    /// A database filled for this row alone: for those too large to copy.
    pub fn filled(lab: &'a Lab, kind: Kind, fill: Fill) -> Result<Self, String> {
        let database = Self::empty(lab, kind);
        progress(&format!("filling {}: {fill:?}", kind.name()));
        generator::fill(&database.url, fill)?;
        if kind == Kind::Postgres {
            // Autovacuum would do it while the first runs are measured.
            lab.cluster.psql(&database.url, "VACUUM (ANALYZE)");
        }
        database.settle()?;
        Ok(database)
    }

    /// A copy of a database filled once.
    pub fn copy(lab: &'a Lab, kind: Kind, fill: Fill) -> Result<Self, String> {
        let what = format!("{kind:?} {fill:?}");
        let known = lab.filled.borrow().get(&what).cloned();
        let template = match known {
            Some(url) => url,
            None => {
                let filled = Self::filled(lab, kind, fill)?;
                filled.run_jobs()?;
                let url = filled.keep();
                lab.filled.borrow_mut().insert(what, url.clone());
                url
            }
        };
        let copy = match kind {
            Kind::Sqlite => {
                let copy = Self::empty(lab, kind);
                let fails = |error| format!("{template} cannot be copied: {error}");
                std::fs::copy(path(&template), path(&copy.url)).map_err(fails)?;
                copy
            }
            Kind::Postgres => {
                let copy = next_name();
                let sql = format!("CREATE DATABASE {copy} TEMPLATE {} STRATEGY file_copy", name(&template));
                lab.cluster.psql(&lab.cluster.url("postgres"), &sql);
                Self { kind, url: lab.cluster.url(&copy), lab }
            }
        };
        copy.settle()?;
        Ok(copy)
    }

    /// Serves it until every daily job has run: on a new database all are due at once, and a run must not pay for them.
    fn run_jobs(&self) -> Result<(), String> {
        let server = Server::purser(self.lab, &self.url, &[])?;
        let started = Instant::now();
        while server.metric("purser_job_runs_total").unwrap_or_default() < JOBS {
            if started.elapsed() > Duration::from_secs(60) {
                return Err(format!("{}: the jobs did not run in a minute", self.url));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        server.stop()
    }

    /// Puts on disk what filling and copying left to be written, so that no run pays for it.
    pub fn settle(&self) -> Result<(), String> {
        match self.kind {
            Kind::Sqlite => {
                let words = [path(&self.url).to_string_lossy().into_owned(), "PRAGMA wal_checkpoint(TRUNCATE)".into()];
                shell::output(command("sqlite3", &[]).args(words))?;
            }
            Kind::Postgres => {
                self.lab.cluster.psql(&self.url, "CHECKPOINT");
            }
        }
        shell::output(&mut command("sync", &[])).map(drop)
    }

    /// Its URL; it stays.
    fn keep(self) -> String {
        let url = self.url.clone();
        std::mem::forget(self);
        url
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        match self.kind {
            Kind::Sqlite => {
                for ending in ["", "-wal", "-shm"] {
                    let _gone = std::fs::remove_file(format!("{}{ending}", path(&self.url).display()));
                }
            }
            Kind::Postgres => {
                let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", name(&self.url));
                let cluster = &self.lab.cluster;
                // A database that stays costs nothing but room; the cluster goes with the lab.
                let _gone = caught(|| Ok(cluster.psql(&cluster.url("postgres"), &sql)));
            }
        }
    }
}

/// The file of a SQLite URL.
fn path(url: &str) -> &Path {
    Path::new(url.trim_start_matches("sqlite:"))
}

/// The database of a PostgreSQL URL.
fn name(url: &str) -> &str {
    url.split(['/', '?']).nth(3).unwrap_or_default()
}

fn file(lab: &Lab, name: &str) -> PathBuf {
    lab.folder.join(format!("{name}.db"))
}

/// A name no database of this run has.
fn next_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("b{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
