//! A database, its nodes, and what callers met there.

use crate::{
    node::Node,
    postgres::Postgres,
    server::Start,
    store::{Kind, Store},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64},
    },
};

/// A database under load.
pub struct World {
    /// What it is called in the report.
    pub name: &'static str,
    /// Its nodes; the first lives through the second half.
    pub nodes: Vec<Node>,
    /// What callers met since it was last looked at.
    pub tally: Tally,
    cluster: Option<Postgres>,
    store: Store,
}

/// What callers met.
#[derive(Default)]
pub struct Tally {
    /// How long each answered request took since this was last taken, in microseconds.
    pub took: Mutex<Vec<u64>>,
    /// Requests that got no answer, or one that says to try again.
    pub open: AtomicU64,
    /// Requests that were refused by a rule.
    pub refused: AtomicU64,
    /// Events so far, and whether one is under way.
    pub events: AtomicU64,
    pub disturbed: AtomicBool,
    /// Answers that are wrong.
    pub wrong: Mutex<Vec<String>>,
}

impl Tally {
    /// Notes something wrong; the first few are kept.
    pub fn is_wrong(&self, what: String) {
        println!("WRONG: {what}");
        let mut wrong = self.wrong.lock().expect("not poisoned");
        if wrong.len() < 20 {
            wrong.push(what);
        }
    }
}

impl World {
    /// One node on a SQLite file.
    pub fn sqlite() -> Self {
        let store = Store::new(Kind::Sqlite);
        let nodes = vec![Node::start("the SQLite node", Start::on(&store), store.folder.path())];
        Self { name: "SQLite", nodes, tally: Tally::default(), cluster: None, store }
    }

    /// Two nodes on one PostgreSQL.
    pub fn postgres() -> Self {
        let cluster = Postgres::start();
        let store = Store::in_cluster(&cluster);
        let node = |name: &str, place: &str| {
            let folder = store.folder.path().join(place);
            std::fs::create_dir(&folder).expect("a folder");
            Node::start(name, Start::at(&store.url, &folder), &folder)
        };
        let nodes = vec![node("PostgreSQL node 1", "one"), node("PostgreSQL node 2", "two")];
        Self { name: "PostgreSQL", nodes, tally: Tally::default(), cluster: Some(cluster), store }
    }

    /// Stops PostgreSQL: at once as a crash would, or as an operator does.
    pub fn stop_database(&self, at_once: bool) {
        let cluster = self.cluster.as_ref().expect("it has a PostgreSQL");
        if at_once {
            let lock = std::fs::read_to_string(cluster.dir.join("data/postmaster.pid")).expect("it runs");
            let pid = lock.lines().next().and_then(|line| line.trim().parse().ok()).expect("its process");
            kill(Pid::from_raw(pid), Signal::SIGQUIT).expect("it can be told");
        }
        cluster.down();
    }

    /// Starts PostgreSQL again.
    pub fn start_database(&self) {
        self.cluster.as_ref().expect("it has a PostgreSQL").up();
    }

    /// How much its files take, in KiB.
    pub fn size(&self) -> u64 {
        size(self.cluster.as_ref().map_or_else(|| self.store.folder.path(), |cluster| &cluster.dir)) / 1024
    }
}

/// The bytes of all files under `folder`; some may go while it looks.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.metadata().map_or(0, |it| if it.is_dir() { size(&entry.path()) } else { it.len() })).sum()
}
