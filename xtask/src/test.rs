//! Everything that must hold before a change lands, cheap checks first, `cargo test` last.

use crate::{
    Outcome, alerts, fuzz, openapi,
    shell::{self, answers, say},
    stripe, tidy,
};
use std::{fs, process::Command, time::Instant};

/// A check by name.
type Step = (&'static str, fn() -> Outcome);

const STEPS: &[Step] = &[
    ("formatting", || cargo(&["fmt", "--all", "--check"])),
    ("house rules", tidy::run),
    ("lints", || cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])),
    ("alert rules", alerts::check),
    ("rules without the standard library", rules_alone),
    ("licences and bans", deny),
    ("build", || cargo(&["test", "--workspace", "--no-run", "--locked"])),
    ("API description", openapi::check),
    ("API fuzzing", fuzz::run),
    ("Stripe's own clients", stripe::run),
    ("tests", || cargo(&["test", "--workspace", "--no-fail-fast", "--locked"])),
];

/// Runs every step and stops at the first that fails.
pub fn run() -> Outcome {
    let start = Instant::now();
    for (name, step) in STEPS {
        say(&format!("\n== {name}"));
        let at = Instant::now();
        step().map_err(|why| format!("\n{why}\n{name}: failed after {} s", start.elapsed().as_secs()))?;
        say(&format!("== {name}: passed in {} s", at.elapsed().as_secs()));
    }
    say(&format!("\nAll {} steps passed in {} s.", STEPS.len(), start.elapsed().as_secs()));
    Ok(())
}

/// First kills the binary twenty times on each database under load. Then 1,000 random histories of subscriptions and a
/// year of 500 customers are lived through against the sandbox. Then an hour (or as long as `words` say) of mixed
/// load on the release binary while nodes are killed, clocks step, disks fill and the database stops; then everything
/// acknowledged is proved. See `crates/server/tests/soak`.
pub fn soak(words: &[&str]) -> Outcome {
    // One of an earlier soak says nothing of this one.
    let _there_or_not = fs::remove_file(shell::root().join(SOAKED));
    let outside = ["test", "--locked", "--package", "purser-server", "--test", "outside"];
    let it = ["test", "--release", "--locked", "--package", "purser-server", "--test", "it"];
    // What is built does not count as time.
    cargo(&[&outside[..], &["--no-run"]].concat())?;
    cargo(&[&it[..], &["--no-run"]].concat())?;
    let kills = [&outside[..], &["--", "killed_under_load"]].concat();
    let histories = [&it[..], &["--", "--nocapture", "lives::histories"]].concat();
    let year = [&it[..], &["--", "--nocapture", "lives::year"]].concat();
    let lines = [
        proved("killed under load", "20 kills on each database", shell::cargo(&kills).env("PURSER_TEST_KILLS", "20"))?,
        proved(
            "random histories end in what Stripe says",
            "1000 histories on both databases",
            shell::cargo(&histories).env("PURSER_HISTORIES", "1000"),
        )?,
        proved(
            "a year of customers ends in what Stripe's objects come to",
            "500 customers on each database",
            shell::cargo(&year).env("PURSER_YEAR_CUSTOMERS", "500"),
        )?,
    ];
    let test = ["test", "--release", "--locked", "--package", "purser-server", "--test", "soak", "--"];
    let soaked = cargo(&[&test[..], words].concat());
    let noted = note(&lines);
    // Why the soak failed says more.
    soaked.and(noted)
}

/// What the soak writes.
const SOAKED: &str = "target/soak.md";
/// The head of its table of what is proved, as `crates/server/tests/soak/report.rs` writes it.
pub const HEAD: &str = "| what | figures | |\n|---|---|---|\n";

/// Runs a proof; answers its line of the soak's report: what, how much of it and in how long.
fn proved(what: &str, figures: &str, command: &mut Command) -> Result<String, String> {
    let start = Instant::now();
    shell::run(command)?;
    Ok(format!("| {what} | {figures}, in {} s | met |\n", start.elapsed().as_secs()))
}

/// Puts these lines into the soak's report, if there is one: a soak that did not come to its end has none.
fn note(lines: &[String]) -> Outcome {
    let path = shell::root().join(SOAKED);
    let Ok(report) = fs::read_to_string(&path) else { return Ok(()) };
    fs::write(&path, noted(&report, lines)?).map_err(|error| format!("{SOAKED}: {error}"))
}

/// The report with these lines at the head of what is proved.
pub fn noted(report: &str, lines: &[String]) -> Result<String, String> {
    let (before, after) = report.split_once(HEAD).ok_or_else(|| format!("{SOAKED} has no table"))?;
    Ok(format!("{before}{HEAD}{}{after}", lines.concat()))
}

fn cargo(words: &[&str]) -> Outcome {
    shell::run(&mut shell::cargo(words))
}

/// Checks the rules by themselves: in the workspace another crate's features could let `std`, and
/// with it jiff's `now()`, in unseen.
fn rules_alone() -> Outcome {
    cargo(&["check", "--package", "purser-rules", "--locked"])?;
    let words = ["tree", "--package", "purser-rules", "--edges", "features,no-dev", "--locked"];
    let tree = shell::output(&mut shell::cargo(&words))?;
    match tree.lines().find(|line| line.contains("jiff feature \"std\"")) {
        Some(_) => Err("purser-rules turns on jiff's `std`: time is an input there; take the feature out".to_string()),
        None => Ok(()),
    }
}

/// cargo-deny is not a part of the toolchain: used where it is installed.
fn deny() -> Outcome {
    if !answers("cargo", &["deny", "--version"]) {
        say("cargo-deny is not installed: licences, bans and sources were NOT checked");
        return Ok(());
    }
    cargo(&["deny", "check", "licenses", "bans", "sources"])
}
