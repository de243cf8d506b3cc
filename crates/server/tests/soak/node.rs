//! One node: a running server that is killed, stopped, started again, and whose clock and disk can be made wrong.

use crate::{
    client::Client,
    server::{Server, Start, preload, until},
};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, RwLock, atomic::AtomicU64, atomic::Ordering},
};

/// What outside schedulers send.
const CRON: &str = "a-cron-secret-of-the-soak";

/// A node and what it runs with.
pub struct Node {
    /// What it is called in the report.
    pub name: String,
    start: Start,
    server: Mutex<Option<Server>>,
    client: RwLock<Client>,
    /// Counts its processes.
    starts: AtomicU64,
    /// What the layers under it look at: see `clocks.c` and `full.c`.
    clock: PathBuf,
    full: PathBuf,
}

impl Node {
    /// Starts a node; `folder` is its own.
    pub fn start(name: &str, start: Start, folder: &Path) -> Self {
        let (clock, full) = (folder.join("clock"), folder.join("full"));
        let layers: Vec<String> = ["clocks.c", "../soak/full.c"]
            .into_iter()
            .zip(["layer-clock", "layer-full"])
            .map(|(source, place)| {
                let place = folder.join(place);
                std::fs::create_dir_all(&place).expect("a folder");
                preload(source, &place).display().to_string()
            })
            .collect();
        let start = start.env("LD_PRELOAD", layers.join(":")).env("RUST_LOG", "warn").env("CRON_SECRET", CRON);
        let start = start.env("CLOCK_MOVED_BY", clock.display()).env("DISK_FULL_WHILE", full.display());
        let server = start.serve();
        let client = RwLock::new(server.client());
        let (server, starts) = (Mutex::new(Some(server)), AtomicU64::new(1));
        Self { name: name.to_owned(), start, server, client, starts, clock, full }
    }

    /// A client of the process that runs now, or ran last.
    pub fn client(&self) -> Client {
        self.client.read().expect("not poisoned").clone()
    }

    /// kill -9 and a new process.
    pub fn kill(&self) {
        self.again(Server::kill_9);
    }

    /// SIGTERM, and a new process after it ended by itself.
    pub fn restart(&self) {
        self.again(|server| assert!(server.terminate().success(), "it ends in order: {}", server.log()));
    }

    fn again(&self, end: impl FnOnce(&mut Server)) {
        let mut server = self.server.lock().expect("not poisoned");
        end(server.as_mut().expect("it runs"));
        let next = self.start.serve();
        *self.client.write().expect("not poisoned") = next.client();
        *server = Some(next);
        self.starts.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends it in order, for good.
    pub fn end(&self) {
        let server = self.server.lock().expect("not poisoned").take();
        let mut server = server.expect("it runs");
        assert!(server.terminate().success(), "{} ends in order: {}", self.name, server.log());
    }

    /// Has what fell due written down.
    pub fn sweep(&self) {
        self.client().with_key(Some(CRON)).post_root("/api/cron/expire-grants").expect(200);
    }

    /// `purser ARGS` on its database.
    pub fn run(&self, args: &[&str]) -> std::process::Output {
        self.start.run(args)
    }

    /// Sets its clock `millis` off.
    pub fn set_clock(&self, millis: i64) {
        // Renamed into place, so that no half of it is read.
        let next = self.clock.with_extension("next");
        std::fs::write(&next, millis.to_string()).expect("a file");
        std::fs::rename(&next, &self.clock).expect("it can be put in place");
    }

    /// Fills its disk, or makes room again.
    pub fn fill_disk(&self, full: bool) {
        let done = if full { std::fs::write(&self.full, "") } else { std::fs::remove_file(&self.full) };
        done.expect("a file");
    }

    /// Waits until `/readyz` answers `status`.
    pub fn until_ready_is(&self, status: u16) {
        let client = self.client();
        until(&format!("{} answers {status}", self.name), || {
            client.get_root("/readyz").is_ok_and(|answer| answer.status == status)
        });
    }

    /// Which of its processes runs, and how much memory that has resident, in KiB; none between two processes.
    pub fn memory(&self) -> Option<(u64, u64)> {
        let server = self.server.try_lock().ok()?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.as_ref()?.pid())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some((self.starts.load(Ordering::SeqCst), kib))
    }
}
