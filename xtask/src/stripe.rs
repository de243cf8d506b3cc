//! Stripe's own libraries and command line as clients of the sandbox, and the contract as judge of all that was said:
//! by them, by the sandbox, and by the client in its own tests.

mod clients;

pub use clients::install;

use crate::{
    Outcome,
    local::{ask, free_address, last_lines, without_settings},
    shell::{self, command, root, say},
};
use clients::Clients;
use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

/// Where the clients and their needs stand.
const FOLDER: &str = "crates/stripe_sim/tests/sdk";
/// The contract, and what makes it.
const CONTRACT: &str = "crates/stripe_sim/contract";
/// Where what was said is written down, and the report.
const RECORDS: &str = "target/stripe";
/// When a year begins.
const NEW_YEAR: &str = "2026-01-01T00:00:00Z";
/// The variable that names a folder to those tests that write down what they send.
const RECORD: &str = "PURSER_STRIPE_RECORD";

/// The tests that write down what they send or were answered, by package.
const TESTS: &[&[&str]] = &[
    &["--package", "purser-stripe", "--test", "it"],
    &["--package", "purser-server", "--test", "it", "--", "stripe"],
    &["--package", "purser-stripe-sim", "--lib", "--", "tests::"],
];

/// Installs what is needed, lets each client do all it does, and judges.
pub fn run() -> Outcome {
    let purser = shell::built()?;
    let clients = install()?;
    let records = root().join(RECORDS);
    if records.exists() {
        fs::remove_dir_all(&records).map_err(|error| format!("{RECORDS}: {error}"))?;
    }
    fs::create_dir_all(&records).map_err(|error| format!("{RECORDS}: {error}"))?;
    let folder = root().join(FOLDER);
    timed("the contract is what the declarations say", || {
        let derive = root().join(CONTRACT).join("derive.mjs");
        shell::run(clients.node(&folder, &[]).arg(derive).arg("--check"))
    })?;
    timed("the judge finds what is wrong", || {
        shell::run(&mut clients.python(&folder, &["-m", "unittest", "--quiet", "judge.test_judge"]))
    })?;
    let years = [
        ("node", clients.node(&folder.join("node"), &["year.mjs"])),
        ("python", clients.python(&folder.join("python"), &["year.py"])),
        ("triggers", clients.python(&folder, &["triggers.py"])),
    ];
    for (name, client) in years {
        timed(name, || live(&purser, &records, name, client))?;
    }
    for words in TESTS {
        timed(&words.join(" "), || {
            shell::run(shell::cargo(&[&["test", "--quiet", "--locked"], *words].concat()).env(RECORD, &records))
        })?;
    }
    timed("judged", || judge(&clients, &folder, &records))?;
    the_client_was_heard(&records)
}

/// Does `work` and says how long it took.
fn timed(what: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    let started = Instant::now();
    work()?;
    say(&format!("stripe: {what}: {:.1} s", started.elapsed().as_secs_f64()));
    Ok(())
}

/// Lets one client do all it does to a sandbox of its own, which writes it down.
fn live(purser: &Path, records: &Path, name: &str, mut client: Command) -> Outcome {
    let record = records.join(format!("{name}.jsonl"));
    let sandbox = Sandbox::start(purser, &record, &records.join(format!("{name}.log")))?;
    say(&format!("{name}: in the sandbox at {}", sandbox.address));
    client.env("STRIPE_API_BASE", format!("http://{}", sandbox.address));
    shell::run(&mut client).map_err(|why| format!("{name}: {why}\n{}", last_lines(&sandbox.log)))?;
    sandbox.tell_operations(&records.join("operations.json"))
}

/// Judges all that was said by the contract.
fn judge(clients: &Clients, folder: &Path, records: &Path) -> Outcome {
    let mut check = clients.python(folder, &["check.py"]);
    check.arg(root().join(CONTRACT).join("endive.json")).arg(records.join("operations.json"));
    shell::run(check.arg(records.join("report.md")).args(written(records, "")?))
}

/// The records whose names begin with `start`, by name.
fn written(records: &Path, start: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(records).map_err(|error| format!("{RECORDS}: {error}"))?;
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(start) && name.ends_with(".jsonl")
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_one).collect();
    found.sort();
    Ok(found)
}

/// Fails when the client's own tests wrote nothing down: then nothing of it was judged.
fn the_client_was_heard(records: &Path) -> Outcome {
    for (start, whose) in [("client-", "the client's own tests"), ("pair-", "the client and the sandbox together")] {
        let heard = written(records, start)?.iter().any(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0));
        if !heard {
            return Err(format!(
                "{RECORDS}: there is no {start}*.jsonl: nothing of {whose} was judged. Do those tests read {RECORD}?"
            ));
        }
    }
    Ok(())
}

/// A sandbox of its own; stopped when it is dropped.
struct Sandbox {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Sandbox {
    fn start(purser: &Path, record: &Path, log: &Path) -> Result<Self, String> {
        let fails = |error: std::io::Error| format!("the sandbox cannot be started: {error}");
        let address = free_address().map_err(fails)?;
        let file = File::create(log).map_err(fails)?;
        let listen = address.to_string();
        let mut sandbox = command(purser, &["sandbox", "--listen", &listen, "--at", NEW_YEAR, "--record"]);
        without_settings(sandbox.arg(record));
        let child = sandbox.stdout(file.try_clone().map_err(fails)?).stderr(file).spawn().map_err(fails)?;
        let sandbox = Self { child, address, log: log.to_owned() };
        let started = Instant::now();
        while !ask(address, "GET", "/_sandbox/api/clock", None, "").is_ok_and(|(status, _)| status == 200) {
            if started.elapsed() > Duration::from_secs(20) {
                return Err(format!("the sandbox does not answer:\n{}", last_lines(log)));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(sandbox)
    }

    /// Writes down which operations it does.
    fn tell_operations(&self, file: &Path) -> Outcome {
        let told = ask(self.address, "GET", "/_sandbox/api/operations", None, "");
        let (_, body) = told.map_err(|error| format!("the sandbox does not tell its operations: {error}"))?;
        fs::write(file, body).map_err(|error| format!("{}: {error}", file.display()))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _seen = self.child.wait();
    }
}
