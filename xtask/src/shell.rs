//! Running other programs: said before it is done, and an error names the command that failed.

use crate::Outcome;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Prints one line for the person at the terminal.
#[expect(clippy::print_stdout, reason = "a chore talks to the person who runs it")]
pub fn say(line: &str) {
    println!("{line}");
}

/// The top of the tree.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// A command that starts at the top of the tree and has no input.
pub fn command(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// `cargo WORDS` as from a terminal: build scripts that read what the cargo of this chore says of its package would run
/// again, and minutes of building with them.
pub fn cargo(words: &[&str]) -> Command {
    let mut cargo = command("cargo", words);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Builds the binary as `cargo test --workspace` does, whose parts then need not be built again; answers where it is.
pub fn built() -> Result<PathBuf, String> {
    run(&mut cargo(&["build", "--quiet", "--locked", "--workspace", "--bins", "--tests"]))?;
    Ok(root().join("target/debug/purser"))
}

/// Says and runs `command`; its output goes where ours goes.
pub fn run(command: &mut Command) -> Outcome {
    let words = words(command);
    say(&format!("$ {words}"));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{words}` failed ({status})")),
        Err(error) => Err(format!("`{words}` could not be started: {error}")),
    }
}

/// Runs `command` quietly and answers what it printed.
pub fn output(command: &mut Command) -> Result<String, String> {
    let words = words(command);
    let output = command.output().map_err(|error| format!("`{words}` could not be started: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("`{words}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr)))
    }
}

/// Whether `program` answers to `args` with success.
pub fn answers(program: &str, args: &[&str]) -> bool {
    command(program, args).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The command as one would type it.
fn words(command: &Command) -> String {
    let mut words = command.get_program().to_string_lossy().into_owned();
    for word in command.get_args() {
        words.push(' ');
        words.push_str(&word.to_string_lossy());
    }
    words
}
