//! The house rules as a test: each rule reads the tree and says what breaks it, and where.

mod arrows;
mod links;
mod proof;
mod sizes;
mod words;

use crate::{
    Outcome,
    shell::{root, say},
};
use std::path::Path;

/// One file of the tree: its path from the top, with `/`, and its text.
#[derive(Debug)]
pub struct Source {
    /// Where it is.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// A rule: what it finds wrong, one line each.
type Rule = fn(&[Source]) -> Vec<String>;

const RULES: &[Rule] =
    &[sizes::too_long, sizes::without_header, words::banned, arrows::crossed, links::dead, proof::unproved];

/// Folders that are built, downloaded or made while running.
const NOT_OURS: &[&str] = &[
    "target",
    ".git",
    ".venv",
    ".venv-stripe",
    "node_modules",
    "purser-data",
    "__pycache__",
    ".hypothesis",
    "proptest-regressions",
];

/// Endings of the files the rules read.
const TEXTS: &[&str] = &["rs", "toml", "md", "sql", "sh", "py", "c", "json", "txt", "yml"];

/// Checks the whole tree.
pub fn run() -> Outcome {
    let sources = tree()?;
    let found = complaints(&sources);
    if found.is_empty() {
        say(&format!("the house rules hold in {} files", sources.len()));
        Ok(())
    } else {
        Err(found.join("\n"))
    }
}

/// What the rules find in `sources`.
pub fn complaints(sources: &[Source]) -> Vec<String> {
    RULES.iter().flat_map(|rule| rule(sources)).collect()
}

/// Every text of ours, by path.
pub fn tree() -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    read(&root(), &root(), &mut sources).map_err(|error| format!("the tree cannot be read: {error}"))?;
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}

fn read(top: &Path, folder: &Path, sources: &mut Vec<Source>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is_text = TEXTS.contains(&ending) || path == top.join(".ci/run");
        if entry.file_type()?.is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                read(top, &path, sources)?;
            }
        } else if is_text {
            let path = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            sources.push(Source { path, text: std::fs::read_to_string(entry.path())? });
        }
    }
    Ok(())
}
