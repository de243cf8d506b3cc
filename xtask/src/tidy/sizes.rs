//! A file holds one idea: it is short, and its first line says what it is for.

use super::Source;

/// No Rust file is longer.
const MOST_LINES: usize = 500;

/// Files that are longer than they should be, and how long they may be. It only ever shrinks.
const RATCHET: &[(&str, usize)] = &[];

/// Files over the limit, and ratchet lines that are too generous by now.
pub fn too_long(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with(".rs")) {
        let lines = source.text.lines().count();
        let allowed = RATCHET.iter().find(|(path, _)| *path == source.path).map(|(_, allowed)| *allowed);
        match allowed {
            Some(allowed) if lines < allowed => {
                found.push(format!("{}: {lines} lines now; lower its ratchet from {allowed}", source.path));
            }
            _ if lines > allowed.unwrap_or(MOST_LINES) => {
                found.push(format!("{}: {lines} lines; split it, a file holds one idea", source.path));
            }
            _ => {}
        }
    }
    found
}

/// Rust files that do not open with a `//!` sentence.
pub fn without_header(sources: &[Source]) -> Vec<String> {
    let rust = sources.iter().filter(|source| source.path.ends_with(".rs"));
    rust.filter(|source| !opens_with_a_sentence(&source.text))
        .map(|source| {
            format!("{}: open it with one `//!` sentence on what it is for, ended by a full stop", source.path)
        })
        .collect()
}

/// Whether the first paragraph of `//!` lines is a sentence.
fn opens_with_a_sentence(text: &str) -> bool {
    let header: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//! ")).collect();
    let header = header.join(" ");
    header.split_whitespace().count() >= 3 && header.contains(['.', ':'])
}
