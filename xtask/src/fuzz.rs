//! schemathesis against the real binary with the demo's customers, as an admin, all checks: on SQLite, then on PostgreSQL.

use crate::{
    Outcome,
    local::{free_address, is_ready, last_lines, without_settings},
    postgres,
    shell::{self, command, root, say},
};
use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

/// An admin key for this run only; outside schedulers send it too.
const KEY: &str = "fuzzing-key-for-a-server-that-lives-two-minutes";
/// How long each database is fuzzed: two minutes together.
const SECONDS: &str = "60";
/// What the generated requests follow from, unless `PURSER_FUZZ_SEED` says otherwise.
const SEED: &str = "20261121";
/// What schemathesis must know of this API.
const CONFIG: &str = "xtask/schemathesis/schemathesis.toml";

/// Starts a demo server, fuzzes it, stops it: on each database.
pub fn run() -> Outcome {
    let purser = shell::built()?;
    let given = std::env::vars_os().find(|(name, _)| name == "PURSER_FUZZ_SEED");
    let seed = given.map_or_else(|| SEED.to_owned(), |(_, seed)| seed.to_string_lossy().into_owned());
    fuzz(&purser, "SQLite", None, &seed)?;
    let cluster = postgres::Postgres::start();
    fuzz(&purser, "PostgreSQL", Some(&cluster.database()), &seed)
}

/// Fuzzes a server of the binary `purser` on `database` (the demo's own where none is given).
fn fuzz(purser: &Path, name: &str, database: Option<&str>, seed: &str) -> Outcome {
    say(&format!("fuzzing on {name} for {SECONDS} s with the seed {seed}; PURSER_FUZZ_SEED={seed} repeats it"));
    let server = Server::start(purser, database)?;
    let url = format!("http://{}/api/v1/openapi.json", server.address);
    let auth = format!("Authorization: Bearer {KEY}");
    let words = [
        "--config-file",
        CONFIG,
        "run",
        &url,
        "--header",
        &auth,
        "--checks",
        "all",
        "--continue-on-failure",
        "--max-time",
        SECONDS,
        "--seed",
        seed,
        "--generation-database",
        "none",
        "--request-timeout",
        "20",
        "--suppress-health-check",
        "all",
        "--warnings",
        "off",
        "--no-color",
    ];
    let found = shell::run(command(root().join(".venv/bin/schemathesis"), &words).env("PYTHONIOENCODING", "utf-8"));
    found.map_err(|why| {
        format!(
            "{why}\nfuzzing on {name} with the seed {seed} found something; the server's last lines:\n{}",
            server.last_lines()
        )
    })
}

/// A demo server in a folder of its own; both go when it is dropped.
struct Server {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Server {
    /// Starts it on `database`, or on SQLite in its folder, and waits until it is ready.
    fn start(purser: &Path, database: Option<&str>) -> Result<Self, String> {
        let address = free_address().map_err(|error| format!("no free port: {error}"))?;
        let folder = std::env::temp_dir().join(format!("purser-fuzz-{}", std::process::id()));
        let fails = |error: std::io::Error| format!("the demo server could not be started: {error}");
        std::fs::create_dir_all(&folder).map_err(fails)?;
        let log = File::create(folder.join("log")).map_err(fails)?;
        let mut demo = command(purser, &["demo"]);
        without_settings(&mut demo);
        if let Some(database) = database {
            demo.env("PURSER_DATABASE_URL", database);
        }
        let child = demo
            .current_dir(&folder)
            .env("PURSER_LISTEN", address.to_string())
            .env("PURSER_BOOTSTRAP_KEY", KEY)
            .env("CRON_SECRET", KEY)
            .env("PURSER_REQUESTS_PER_ADDRESS", "1000000")
            .env("RUST_LOG", "info")
            .stdout(log.try_clone().map_err(fails)?)
            .stderr(log)
            .spawn()
            .map_err(fails)?;
        let server = Self { child, folder, address };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_ready(server.address) {
            if Instant::now() > deadline {
                return Err(format!("the demo server is not ready after a minute:\n{}", server.last_lines()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        say(&format!("a demo server listens on {}", server.address));
        Ok(server)
    }

    /// The end of what it logged.
    fn last_lines(&self) -> String {
        last_lines(&self.folder.join("log"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
