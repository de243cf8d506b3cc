//! Installs what the tests need and what is not there yet. Changes nothing that is there already.

use crate::{
    Outcome, alerts,
    shell::{self, answers, command, output, root, say},
    stripe,
};

/// The one version of schemathesis the API is fuzzed with; its own needs are pinned beside it.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
const PINS: &str = "xtask/schemathesis-constraints.txt";

/// The oldest PostgreSQL the tests run on.
const POSTGRES: u32 = 15;

/// All of it, in order.
pub fn run() -> Outcome {
    packages()?;
    toolchain()?;
    schemathesis()?;
    stripe::install().map(drop)
}

/// The Debian packages that are missing, installed in one go.
fn packages() -> Outcome {
    let mut missing = Vec::new();
    if !has_postgres() {
        missing.push("postgresql");
    }
    if !alerts::has_promtool() {
        missing.push("prometheus");
    }
    if !answers("cc", &["--version"]) {
        missing.extend(["gcc", "libc6-dev"]);
    }
    if !answers("python3", &["-c", "import ensurepip, venv"]) {
        missing.extend(["python3", "python3-venv"]);
    }
    for (program, package) in [("chromium", "chromium"), ("chromedriver", "chromium-driver")] {
        if !answers(program, &["--version"]) {
            missing.push(package);
        }
    }
    for (program, asked) in [("curl", "--version"), ("sqlite3", "--version"), ("openssl", "version")] {
        if !answers(program, &[asked]) {
            missing.push(program);
        }
    }
    if missing.is_empty() {
        say("setup: PostgreSQL, promtool, a C compiler, Python, Chromium, curl, sqlite3 and openssl are here");
        return Ok(());
    }
    if !answers("apt-get", &["--version"]) {
        return Err(format!(
            "setup: this is no Debian (no apt-get). Install by hand what the tests need: {}",
            missing.join(", ")
        ));
    }
    say(&format!("setup: installing {} with apt-get", missing.join(", ")));
    let before = clusters();
    shell::run(&mut as_root(&["apt-get", "update", "-q"]))?;
    let mut words = vec!["apt-get", "install", "-q", "-y", "--no-install-recommends"];
    words.extend(&missing);
    shell::run(&mut as_root(&words))?;
    stop_new_clusters(&before)?;
    if missing.contains(&"prometheus") {
        stop_new_prometheus();
    }
    if has_postgres() {
        Ok(())
    } else {
        Err(format!("setup: the PostgreSQL that apt installed is older than {POSTGRES}; install a newer one"))
    }
}

/// Debian starts a cluster of its own when PostgreSQL is installed; the tests start theirs, so that one is stopped.
fn stop_new_clusters(before: &[String]) -> Outcome {
    for cluster in clusters().iter().filter(|cluster| !before.contains(cluster)) {
        let columns: Vec<&str> = cluster.split_whitespace().collect();
        if let [version, name, _, "online", ..] = columns.as_slice() {
            say(&format!("setup: stopping the cluster {version}/{name}, which the installation started"));
            shell::run(&mut as_root(&["pg_ctlcluster", version, name, "stop"]))?;
        }
    }
    Ok(())
}

/// Debian starts Prometheus itself when it is installed; the tests only need its promtool.
fn stop_new_prometheus() {
    for words in [["service", "prometheus", "stop"], ["update-rc.d", "prometheus", "disable"]] {
        if let Err(why) = shell::run(&mut as_root(&words)) {
            say(&format!("setup: {why}; if Prometheus runs now, stop it by hand"));
        }
    }
}

/// The system's PostgreSQL clusters, a line each; none where Debian's tools are not installed.
fn clusters() -> Vec<String> {
    output(&mut command("pg_lsclusters", &["-h"])).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Whether a new enough PostgreSQL is here: where Debian puts it, or on the `PATH`.
fn has_postgres() -> bool {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = debian.filter(|entry| entry.path().join("bin/initdb").exists());
    let newest = debian.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    newest.or_else(on_path).is_some_and(|version| version >= POSTGRES)
}

/// The version of the `initdb` on the `PATH`: `initdb (PostgreSQL) 15.4 (…)`.
fn on_path() -> Option<u32> {
    let text = output(&mut command("initdb", &["--version"])).ok()?;
    text.split_whitespace().nth(2)?.split('.').next()?.parse().ok()
}

/// A command as root: as it is for root, else through `sudo`, which may not ask for a password.
fn as_root(words: &[&str]) -> std::process::Command {
    let root = output(&mut command("id", &["-u"])).is_ok_and(|id| id.trim() == "0");
    let mut all: Vec<&str> = if root { Vec::new() } else { vec!["sudo", "--non-interactive"] };
    all.extend(["env", "DEBIAN_FRONTEND=noninteractive"]);
    all.extend(words);
    command(all[0], &all[1..])
}

/// rustfmt and clippy: `rust-toolchain.toml` names them, so rustup has brought them along.
fn toolchain() -> Outcome {
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if answers("cargo", &[tool, "--version"]) {
            continue;
        }
        if !answers("rustup", &["--version"]) {
            return Err(format!("setup: cargo {tool} is missing; install {component} for this toolchain"));
        }
        shell::run(&mut command("rustup", &["component", "add", component]))?;
    }
    Ok(())
}

/// schemathesis, in a Python environment of its own under `.venv`.
fn schemathesis() -> Outcome {
    let wanted = SCHEMATHESIS.split_once("==").map_or("", |(_, version)| version);
    let here = output(&mut command(root().join(".venv/bin/schemathesis"), &["--version"]));
    if here.is_ok_and(|version| version.trim().ends_with(wanted)) {
        say("setup: schemathesis is here");
        return Ok(());
    }
    say("setup: installing schemathesis into .venv");
    shell::run(&mut command("python3", &["-m", "venv", "--clear", ".venv"]))?;
    let pip = root().join(".venv/bin/pip");
    shell::run(&mut command(
        pip,
        &["install", "--quiet", "--disable-pip-version-check", "--constraint", PINS, SCHEMATHESIS],
    ))
}
