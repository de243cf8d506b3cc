//! A PostgreSQL cluster over a disk that forgets what was not synced.

use super::layer;
use crate::{postgres::Postgres, server::until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Such a cluster, with one database.
pub struct Forgetful {
    cluster: Postgres,
    /// The database.
    pub url: String,
}

impl Forgetful {
    /// Makes the cluster and its database, and starts it over a disk on which just that is safe.
    pub fn start() -> Self {
        // Small segments, since one is copied at each sync of the log.
        let cluster = Postgres::make(&["--wal-segsize=1"]);
        cluster.up();
        let url = cluster.database();
        cluster.down();
        let whole = Self { cluster, url };
        let status = Command::new("cp").arg("-a").args([whole.at("data"), whole.at("synced")]).status();
        assert!(status.expect("cp runs").success(), "the cluster is copied");
        // The user postgres makes its lock beside the copy, in a folder that is its own.
        whole.cluster.up_with(&["wal_sync_method=fdatasync"], &layer(&whole.cluster.dir, "data"));
        whole
    }

    /// A file in the cluster's folder.
    pub fn at(&self, name: &str) -> PathBuf {
        self.cluster.dir.join(name)
    }

    /// kill -9 of every process of the cluster at once.
    pub fn kill_9(&self) {
        let pids = std::fs::read_to_string(self.at("data/postmaster.pid")).expect("it runs");
        let first = Pid::from_raw(pids.lines().next().and_then(|line| line.parse().ok()).expect("a pid"));
        // Stopped first, so that no process is begun that we do not see.
        kill(first, Signal::SIGSTOP).expect("it can be stopped");
        let rest = children(first);
        assert!(rest.len() > 4, "checkpointer, writers and connections: {rest:?}");
        for pid in rest.iter().chain([&first]) {
            // One that has just ended by itself needs no killing.
            let _ = kill(*pid, Signal::SIGKILL);
        }
        until("every process is gone", || rest.iter().all(|pid| parent_if_running(*pid).is_none()));
        self.cluster.down();
    }

    /// Puts what was synced in the place of what was written, and starts the cluster as usual.
    pub fn back_to_what_was_synced(&self) {
        std::fs::rename(self.at("data"), self.at("written")).expect("the old files can be put aside");
        std::fs::rename(self.at("synced"), self.at("data")).expect("the image can be put in place");
        self.cluster.up();
    }
}

/// The running children of `parent`.
fn children(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").expect("/proc can be read").flatten();
    let pids = processes.filter_map(|entry| Some(Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)));
    pids.filter(|pid| parent_if_running(*pid) == Some(parent)).collect()
}

/// The parent of a process that is there and not merely waiting to be counted as dead.
fn parent_if_running(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then(|| Pid::from_raw(parent))
}
