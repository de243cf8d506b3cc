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
use serde_json::Value;
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

/// The tests that write down what they send or were answered: folder, target, and what their names begin with.
const TESTS: &[(&str, &str, &str)] = &[
    ("crates/stripe", "it", ""),
    ("crates/server", "it", "stripe::"),
    ("crates/server", "outside", "stripe::"),
    ("crates/stripe_sim", "purser_stripe_sim", ""),
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
    timed("the contract", || the_contract_is_what_the_declarations_say(&clients, &folder))?;
    timed("the judge", || the_judge_finds_what_is_wrong(&clients, &folder))?;
    let all = [
        ("node", clients.node(&folder.join("node"), &["year.mjs"])),
        ("python", clients.python(&folder.join("python"), &["year.py"])),
        ("sweep", clients.node(&folder.join("node"), &["sweep.mjs"])),
        ("triggers", clients.python(&folder, &["triggers.py"])),
    ];
    for (name, client) in all {
        timed(name, || live(&purser, &records, name, client))?;
    }
    for &(folder, target, names) in TESTS {
        timed(folder, || tests(folder, target, names, &records))?;
    }
    timed("judged", || judge(&clients, &folder, &records))?;
    the_client_was_heard(&records)
}

/// Derives the contract anew and compares.
fn the_contract_is_what_the_declarations_say(clients: &Clients, folder: &Path) -> Outcome {
    let derive = root().join(CONTRACT).join("derive.mjs");
    shell::run(clients.node(folder, &[]).arg(derive).arg("--check"))
}

/// Gives the judge lines that are wrong, each in one thing.
fn the_judge_finds_what_is_wrong(clients: &Clients, folder: &Path) -> Outcome {
    shell::run(&mut clients.python(folder, &["-m", "unittest", "--quiet", "judge.test_judge"]))
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

/// Runs tests that write down what they say. Built with the whole workspace, as everything here: by themselves they would
/// be built anew, with half of what they depend on.
fn tests(folder: &str, target: &str, names: &str, records: &Path) -> Outcome {
    let folder = root().join(folder);
    let words = ["test", "--locked", "--workspace", "--no-run", "--quiet", "--message-format=json"];
    let built = shell::output(&mut shell::cargo(&words))?;
    let program = executable(&built, &folder, target)
        .ok_or_else(|| format!("cargo names no tests `{target}` of {}", folder.display()))?;
    let mut tests = command(&program, &["--quiet", names]);
    tests.current_dir(&folder).env("CARGO_MANIFEST_DIR", &folder).env(RECORD, records);
    shell::run(&mut tests)
}

/// The program that has the tests of a target in `folder`, by what cargo says it has built.
fn executable(built: &str, folder: &Path, target: &str) -> Option<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    built.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|line| {
        let fits = line["target"]["name"] == target
            && line["profile"]["test"] == true
            && line["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest);
        line["executable"].as_str().filter(|_| fits).map(PathBuf::from)
    })
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
    for (start, whose) in [
        ("client-", "the client's own tests"),
        ("pair-", "the client and the sandbox together"),
        ("doctor-", "`purser doctor`"),
    ] {
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

#[cfg(test)]
mod tests {
    use super::executable;
    use std::path::{Path, PathBuf};

    #[test]
    fn the_tests_of_a_package_are_found_in_what_cargo_says() {
        let line = |manifest: &str, test: bool, program: &str| {
            format!(
                r#"{{"target":{{"name":"it"}},"profile":{{"test":{test}}},"manifest_path":"{manifest}","executable":"{program}"}}"#
            )
        };
        let built = [
            "no JSON".to_owned(),
            line("/a/Cargo.toml", false, "/one"),
            line("/b/Cargo.toml", true, "/two"),
            line("/a/Cargo.toml", true, "/three"),
        ];
        let built = built.join("\n");
        assert_eq!(executable(&built, Path::new("/a"), "it"), Some(PathBuf::from("/three")));
        assert_eq!(executable(&built, Path::new("/a"), "other"), None);
        assert_eq!(executable(&built, Path::new("/c"), "it"), None);
    }
}
