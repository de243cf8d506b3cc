//! Stripe's own libraries and command line as clients of the sandbox, and the contract as judge of all it said.

use crate::{
    Outcome,
    local::{ask, free_address, last_lines, without_settings},
    shell::{self, answers, command, root, say},
};
use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

/// Where the clients and their needs stand.
const FOLDER: &str = "crates/stripe_sim/tests/sdk";
/// Where what they did is written down.
const RECORDS: &str = "target/stripe";
/// When a year begins.
const NEW_YEAR: &str = "2026-01-01T00:00:00Z";

/// Installs what is needed, lets each client live its year, and judges.
pub fn run() -> Outcome {
    let purser = shell::built()?;
    install()?;
    let records = root().join(RECORDS);
    fs::create_dir_all(&records).map_err(|error| format!("{RECORDS}: {error}"))?;
    let python = root().join(".venv-stripe/bin/python");
    let folder = root().join(FOLDER);
    let mut written = Vec::new();
    let node = command("node", &["year.mjs"]);
    written.push(live(&purser, &records, "node", node, &folder.join("node"))?);
    let year = command(&python, &["year.py"]);
    written.push(live(&purser, &records, "python", year, &folder.join("python"))?);
    let triggers = command(&python, &["triggers.py"]);
    written.push(live(&purser, &records, "triggers", triggers, &folder)?);
    judge(&python, &written)
}

/// Lets one client do all it does to a sandbox of its own; answers where that is written down.
fn live(
    purser: &Path,
    records: &Path,
    name: &str,
    mut client: std::process::Command,
    folder: &Path,
) -> Result<PathBuf, String> {
    let record = records.join(format!("{name}.jsonl"));
    let sandbox = Sandbox::start(purser, &record, &records.join(format!("{name}.log")))?;
    say(&format!("{name}: a year in the sandbox at {}", sandbox.address));
    client.current_dir(folder).env("STRIPE_API_BASE", format!("http://{}", sandbox.address));
    shell::run(&mut client).map_err(|why| format!("{name}: {why}\n{}", last_lines(&sandbox.log)))?;
    Ok(record)
}

/// Judges all that was said by the contract.
fn judge(python: &Path, records: &[PathBuf]) -> Outcome {
    let mut check = command(python, &[]);
    check.arg(root().join(FOLDER).join("check.py")).arg(root().join("crates/stripe_sim/contract/endive.json"));
    shell::run(check.args(records))
}

/// The official libraries, in the versions their files pin.
fn install() -> Outcome {
    if !answers("node", &["--version"]) || !answers("npm", &["--version"]) {
        return Err("node and npm are missing: `cargo xtask setup` installs them".to_owned());
    }
    let folder = root().join(FOLDER);
    if !folder.join("node/node_modules").exists() {
        let mut npm = command("npm", &["ci", "--no-audit", "--no-fund"]);
        shell::run(npm.current_dir(folder.join("node")))?;
    }
    let pip = root().join(".venv-stripe/bin/pip");
    let pins = folder.join("python/requirements.txt");
    let stamp = root().join(".venv-stripe/installed");
    let wanted = fs::read_to_string(&pins).map_err(|error| format!("{}: {error}", pins.display()))?;
    if fs::read_to_string(&stamp).is_ok_and(|here| here == wanted) {
        return Ok(());
    }
    shell::run(&mut command("python3", &["-m", "venv", "--clear", ".venv-stripe"]))?;
    shell::run(command(pip, &["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&pins))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
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
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _seen = self.child.wait();
    }
}
