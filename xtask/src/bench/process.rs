//! A server under load: started in a folder of its own, waited for, and asked what it used.

use super::{
    generator::{KEY, purser},
    lab::Lab,
};
use crate::{
    local::{ask, free_address, is_ready, last_lines},
    shell::{command, output, root},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{File, read_to_string},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command},
    time::{Duration, Instant},
};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; ended when dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    address: SocketAddr,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// From the start of the process to its first good answer.
    pub started_in: Duration,
}

/// What a process, or a family of them, has used since it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Processor time in user and system mode, in microseconds.
    pub cpu_us: u64,
    /// Bytes it had written to the disk.
    pub written: u64,
}

impl Server {
    /// `purser serve` as in production, but for its key.
    pub fn purser(lab: &Lab, database: &str, env: &[(&str, &str)]) -> Result<Self, String> {
        Self::purser_as(lab, &["serve"], database, env)
    }

    /// The same by `purser WORDS`.
    pub fn purser_as(lab: &Lab, words: &[&str], database: &str, env: &[(&str, &str)]) -> Result<Self, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Self::start(lab, is_ready, |listen| {
            let mut serve = purser(&words);
            serve.env_remove("RUST_LOG").env("PURSER_DATABASE_URL", database).env("PURSER_BOOTSTRAP_KEY", KEY);
            // The baselines have no allowances either: what is spent is what was granted.
            serve.env("PURSER_DEFAULT_PRICE_BOOK", "false");
            serve.env("PURSER_LISTEN", listen).envs(env.iter().copied());
            serve
        })
    }

    /// The baseline in Node.
    pub fn node(lab: &Lab, database: &str, pool: u32, processes: u32) -> Result<Self, String> {
        Self::start(lab, answers, |listen| {
            let mut node = command("node", &["bench/baselines/node/server.js"]);
            node.env("DATABASE_URL", database).env("API_KEY", KEY).env("LISTEN", listen);
            node.env("POOL", pool.to_string()).env("PROCESSES", processes.to_string());
            node
        })
    }

    /// The baseline in Rust.
    pub fn rust(lab: &Lab, database: &str, pool: u32) -> Result<Self, String> {
        Self::start(lab, answers, |listen| {
            command(
                root().join("target/release/purser-baselines"),
                &["spends", database, listen, &pool.to_string(), KEY],
            )
        })
    }

    /// `purser sandbox`, in which the year 2026 begins and time stands.
    pub fn sandbox(lab: &Lab) -> Result<Self, String> {
        let words = |listen: &str| ["sandbox", "--listen", listen, "--at", "2026-01-01T00:00:00Z"].map(str::to_owned);
        Self::start(lab, answers, |listen| purser(&words(listen)))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The handler that does nothing.
    pub fn floor(lab: &Lab) -> Result<Self, String> {
        Self::start(lab, answers, |listen| command(root().join("target/release/purser-baselines"), &["floor", listen]))
    }

    /// Starts what `made` makes for an address, and waits until it is `ready`.
    fn start(lab: &Lab, ready: fn(SocketAddr) -> bool, made: impl Fn(&str) -> Command) -> Result<Self, String> {
        let address = free_address().map_err(|error| format!("no free port: {error}"))?;
        let log = lab.folder.join(format!("server-{}.log", address.port()));
        let fails = |error: std::io::Error| format!("the server could not be started: {error}");
        let file = File::create(&log).map_err(fails)?;
        let mut command = made(&address.to_string());
        command.stdout(file.try_clone().map_err(fails)?).stderr(file);
        let started = Instant::now();
        let child = command.spawn().map_err(fails)?;
        let url = format!("http://{address}");
        let mut server = Self { child, log, address, url, started_in: Duration::ZERO };
        while !ready(address) {
            let ended = server.child.try_wait().map_err(fails)?;
            if ended.is_some() || started.elapsed() > PATIENCE {
                return Err(format!("the server did not get ready ({ended:?}):\n{}", last_lines(&server.log)));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.started_in = started.elapsed();
        Ok(server)
    }

    /// Ends it in good order.
    pub fn stop(mut self) -> Result<(), String> {
        let pid = i32::try_from(self.child.id()).map_err(|error| error.to_string())?;
        kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(|error| error.to_string())?;
        self.child.wait().map(drop).map_err(|error| error.to_string())
    }

    /// What it used so far.
    pub fn used(&self) -> Result<Used, String> {
        used(self.child.id(), false)
    }

    /// What it has in memory, in bytes: `VmRSS` now, or `VmHWM` at most.
    pub fn memory(&self, field: &str) -> Result<u64, String> {
        let status = read(&format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let kib: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| format!("the server's status says no {field}"))
    }

    /// The sum of all series of a metric.
    pub fn metric(&self, name: &str) -> Result<u64, String> {
        let (_, text) = ask(self.address, "GET", "/metrics", Some(KEY), "").map_err(|error| error.to_string())?;
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = if rest.starts_with('{') { rest.rsplit_once('}')?.1 } else { rest };
            value.trim().parse::<u64>().ok()
        });
        values.reduce(|sum, value| sum + value).ok_or_else(|| format!("/metrics has no {name}"))
    }

    /// Sends a request of its own with the key; answers status and body.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
        ask(self.address, method, path, Some(KEY), body).map_err(|error| error.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether anything is answered.
fn answers(address: SocketAddr) -> bool {
    ask(address, "GET", "/", None, "").is_ok_and(|(status, _)| status > 0)
}

/// What the PostgreSQL of the lab used so far, with all its processes.
pub fn postgres_used(lab: &Lab) -> Result<Used, String> {
    let first = read(&lab.cluster.dir.join("data/postmaster.pid").to_string_lossy())?;
    let postmaster = first.lines().next().and_then(|line| line.trim().parse().ok()).ok_or("no postmaster")?;
    let mut sum = used(postmaster, true)?;
    for entry in std::fs::read_dir("/proc").map_err(|error| error.to_string())?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that ended meanwhile is counted by its parent.
        if stat(pid).is_ok_and(|fields| fields[1] == u64::from(postmaster))
            && let Ok(more) = used(pid, false)
        {
            sum = Used { cpu_us: sum.cpu_us + more.cpu_us, written: sum.written + more.written };
        }
    }
    Ok(sum)
}

/// What a process used; with `ended`, the processor time of its children that have ended too.
fn used(pid: u32, ended: bool) -> Result<Used, String> {
    let fields = stat(pid)?;
    let ticks: u64 = fields[11..if ended { 15 } else { 13 }].iter().sum();
    let per_second: u64 = output(&mut command("getconf", &["CLK_TCK"]))?.trim().parse().map_err(|_| "no CLK_TCK")?;
    let io = read(&format!("/proc/{pid}/io"))?;
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok()).unwrap_or_default();
    Ok(Used { cpu_us: ticks * 1_000_000 / per_second, written })
}

/// The fields of `/proc/PID/stat` from the third on, numbers only (the state is 0): `[1]` is the parent, `[11]` user time.
fn stat(pid: u32) -> Result<Vec<u64>, String> {
    let text = read(&format!("/proc/{pid}/stat"))?;
    let rest = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let fields: Vec<u64> = rest.split_whitespace().map(|word| word.parse().unwrap_or_default()).collect();
    if fields.len() > 15 { Ok(fields) } else { Err(format!("/proc/{pid}/stat is not as expected")) }
}

fn read(file: &str) -> Result<String, String> {
    read_to_string(file).map_err(|error| format!("{file}: {error}"))
}
