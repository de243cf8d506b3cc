//! The baselines in Rust: a statement-per-step spend over HTTP, a trivial handler, and what SQLite itself does.
//!
//! `purser-baselines spends DATABASE_URL LISTEN POOL KEY`: the spends
//! `purser-baselines floor LISTEN`: 200 to every spend, and nothing done
//! `purser-baselines sqlite-commits FILE SECONDS`: durable one-row updates, one after the other
//! `purser-baselines sqlite-inserts FILE ROWS`: rows inserted in one transaction

mod floor;
mod spend;
mod sqlite;

use std::process::ExitCode;

/// What went wrong, in words.
type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["spends", database, listen, pool, key] => spend::serve(database, listen, pool, key),
        ["floor", listen] => floor::serve(listen),
        ["sqlite-commits", file, seconds] => sqlite::commits(file, seconds),
        ["sqlite-inserts", file, rows] => sqlite::inserts(file, rows),
        _ => Err("what to do is the first word: spends, floor, sqlite-commits or sqlite-inserts".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(&why.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Prints one line for the program that started this one.
#[expect(clippy::print_stdout, reason = "what was measured is read from the output")]
fn say(line: &str) {
    println!("{line}");
}
