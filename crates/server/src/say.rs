//! The one place that prints for people: answers of the command line on standard output, progress and faults on standard error.

use std::fmt::Display;

/// Prints a line of an answer.
#[expect(clippy::print_stdout, reason = "the one place that prints answers")]
pub fn say(line: impl Display) {
    println!("{line}");
}

/// Prints a line that is no answer: what went wrong, or what is going on.
pub fn tell(line: impl Display) {
    eprintln!("{line}");
}
