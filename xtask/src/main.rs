//! The project's own chores, run as `cargo xtask CHORE`: each does one thing and says what it does.

mod alerts;
mod bench;
mod events;
mod fuzz;
mod local;
mod openapi;
#[expect(dead_code, reason = "the tests' own PostgreSQL, of which fuzzing needs a part")]
#[path = "../../crates/server/tests/support/postgres.rs"]
mod postgres;
mod setup;
mod shell;
mod stripe;
mod test;
#[cfg(test)]
mod tests;
mod tidy;
mod trace;

use std::process::ExitCode;

/// What went wrong, in words for the person who ran the chore.
type Outcome = Result<(), String>;

const HELP: &str = "cargo xtask CHORE

  ci        setup, then test: what the README's second command does
  setup     installs what the tests need and what is missing (PostgreSQL, gcc, promtool, Chromium, schemathesis, Stripe's libraries and CLI)
  test      formatting, lints, house rules, tests on both databases, alert rules, API description and API fuzzing
  tidy      the house rules alone
  alerts    the alert rules and their tests alone, by promtool
  openapi   writes docs/openapi.json from the code (--check: only says whether it is fresh)
  events    writes docs/guide/events.md as the sandbox sends them (the tests say whether it is fresh)
  fuzz      schemathesis against a demo server on each database, two minutes (PURSER_FUZZ_SEED)
  stripe    a year of each of Stripe's official libraries and its CLI's triggers against the sandbox, and what the client's own tests
            say: all of it judged by the wire contract; writes target/stripe/report.md
  trace     writes bench/trace.csv, the sample for `purser bench --trace`
  soak      twenty kills on each database, 1,000 random histories and a year of 500 customers, then an hour of load on both
            databases with kills, restarts, wrong clocks, full disks and stopped databases, then proof (--minutes 60, --seed 1,
            --database sqlite|postgres|both); writes target/soak.md
  bench     measures Purser, the baselines and the floors, and writes docs/bench.md (--quick, --only, --sections, --check)
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["ci"] => setup::run().and_then(|()| test::run()),
        ["setup"] => setup::run(),
        ["test"] => test::run(),
        ["tidy"] => tidy::run(),
        ["alerts"] => alerts::check(),
        ["openapi"] => openapi::write(),
        ["openapi", "--check"] => openapi::check(),
        ["events"] => events::write(),
        ["fuzz"] => fuzz::run(),
        ["stripe"] => stripe::run(),
        ["trace"] => trace::write(),
        ["soak", words @ ..] => test::soak(words),
        ["bench", words @ ..] => bench::run(words),
        _ => Err(HELP.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            shell::say(&why);
            ExitCode::FAILURE
        }
    }
}
