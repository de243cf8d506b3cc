//! The machine, the commit and the settings that the figures are of.

use super::lab::Lab;
use crate::shell::{command, output, root};

/// The lines at the top of the page, which is of `commit`.
pub fn describe(lab: &Lab, commit: &str) -> String {
    let revision = commit.split(' ').next().unwrap_or_default();
    let lines = [
        ("commit", format!("{commit} of {}", said("git", &["show", "-s", "--format=%cs", revision]))),
        ("processor", processor()),
        ("memory", field("/proc/meminfo", "MemTotal")),
        ("disk", disk(lab)),
        ("system", said("uname", &["-srm"])),
        ("PostgreSQL", postgres(lab)),
        ("SQLite", "inside Purser; `journal_mode = WAL`, `synchronous = FULL`".to_owned()),
        ("Purser", "`purser serve` with its default settings and log level".to_owned()),
        ("built with", said("rustc", &["--version"])),
        ("Node", said("node", &["--version"])),
    ];
    let lines = lines.iter().map(|(name, text)| format!("| {name} | {text} |\n"));
    format!("| | |\n|---|---|\n{}", lines.collect::<String>())
}

/// The processor, by which the page tells machines apart.
pub fn processor() -> String {
    format!("{}, {} cores", field("/proc/cpuinfo", "model name"), said("nproc", &[]))
}

/// The processor and what else it does, for a section whose machine is not that of the page.
pub fn in_a_line() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("?").to_owned();
    format!("{}, {} (load before: {load})", processor(), said("date", &["-u", "+%F"]))
}

/// The commit, marked where the tree differs from it.
pub fn commit() -> String {
    let changed = said("git", &["status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/bench.md"]);
    let mark = if changed.is_empty() { "" } else { " with changes" };
    format!("{}{mark}", said("git", &["rev-parse", "--short=10", "HEAD"]))
}

/// The file system SQLite's files and PostgreSQL's are on.
fn disk(lab: &Lab) -> String {
    let of = |folder: &std::path::Path| {
        let df = output(command("df", &["--output=source,fstype,size", "-h"]).arg(folder)).unwrap_or_default();
        df.lines().nth(1).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(", ")
    };
    let (one, other) = (of(&lab.folder), of(&lab.cluster.dir));
    if one == other { one } else { format!("{one} (SQLite); {other} (PostgreSQL)") }
}

/// The version, and the settings that matter here.
fn postgres(lab: &Lab) -> String {
    let show = |name: &str| lab.cluster.psql(&lab.cluster.url("postgres"), &format!("SHOW {name}"));
    let settings =
        ["fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "min_wal_size", "max_wal_size"];
    let settings = settings.map(|name| format!("`{name} = {}`", show(name))).join(", ");
    format!("{}; over its Unix socket; {settings}, the rest as it comes", show("server_version"))
}

/// What a program says; nothing where it is not there.
fn said(program: &str, args: &[&str]) -> String {
    output(command(program, args).current_dir(root())).unwrap_or_default().trim().to_owned()
}

/// The first `name: value` of a file.
fn field(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}
