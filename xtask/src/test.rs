//! Everything that must hold before a change lands, cheap checks first, `cargo test` last.

use crate::{
    Outcome, alerts, fuzz, openapi,
    shell::{self, answers, say},
    stripe, tidy,
};
use std::time::Instant;

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
    let kills = ["test", "--locked", "--package", "purser-server", "--test", "outside", "--", "killed_under_load"];
    shell::run(shell::cargo(&kills).env("PURSER_TEST_KILLS", "20"))?;
    let mut lives = shell::cargo(&["test", "--release", "--locked", "--package", "purser-server", "--test", "it"]);
    lives.args(["--", "--nocapture", "lives::histories", "lives::year"]);
    shell::run(lives.env("PURSER_HISTORIES", "1000").env("PURSER_YEAR_CUSTOMERS", "500"))?;
    let test = ["test", "--release", "--locked", "--package", "purser-server", "--test", "soak", "--"];
    cargo(&[&test[..], words].concat())
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
