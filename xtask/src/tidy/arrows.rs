//! Who may know whom: `cli → app → features → platform → rules`, features in their fixed order, SQL drivers in one place.

use super::Source;

/// The features, lowest first: one may call those before it.
const FEATURES: &[&str] = &[
    "operators",
    "notify",
    "inbox",
    "customers",
    "pricebook",
    "credits",
    "subscriptions",
    "payments",
    "portal",
    "sync",
];

const SERVER: &str = "crates/server/src/";

/// Every line that knows what it must not.
pub fn crossed(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        if let Some(path) = source.path.strip_prefix(SERVER) {
            for (at, line) in code(&source.text) {
                let wrong = wrong_in_server(path, line);
                found.extend(wrong.map(|why| format!("{}:{at}: {why}: {}", source.path, line.trim())));
            }
        }
        let alone =
            ["rules", "stripe", "stripe_sim"].iter().any(|name| source.path == format!("crates/{name}/Cargo.toml"));
        if alone && source.text.contains("path = \"..") {
            found.push(format!("{}: it depends on nothing of ours", source.path));
        }
        if source.path == "crates/rules/src/lib.rs" && !source.text.contains("#![no_std]") {
            found.push(format!("{}: the rules stay without the standard library", source.path));
        }
    }
    found
}

/// The lines that are not comments, numbered from 1.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// What is wrong with one line of the file at `path` of the server.
fn wrong_in_server(path: &str, line: &str) -> Option<String> {
    let platform = path.starts_with("platform/");
    let feature = path.strip_prefix("features/").and_then(|rest| rest.split(['/', '.']).next());
    if platform && names(line, "features") {
        return Some("the platform knows no feature".into());
    }
    if (platform || feature.is_some()) && line.contains("crate::") && ["cli", "app"].iter().any(|up| names(line, up)) {
        return Some("only `main` and `cli` stand above the tables of `app`".into());
    }
    let driver = line.contains("rusqlite") || line.contains("tokio_postgres");
    if driver && !path.starts_with("platform/db/") {
        return Some("only platform/db knows that there are two databases".into());
    }
    let own = FEATURES.iter().position(|name| Some(*name) == feature)?;
    let above = FEATURES[own + 1..].iter().find(|above| reaches(line, above))?;
    Some(format!("{} stands below {above}: say it with an event", FEATURES[own]))
}

/// Whether `line` names the module `name` in a path from the crate's top.
fn names(line: &str, name: &str) -> bool {
    line.contains(&format!("crate::{name}")) || line.contains(&format!("purser::{name}"))
}

/// Whether `line` reaches for another feature, by any of the ways one can.
fn reaches(line: &str, feature: &str) -> bool {
    ["features::", "super::super::"].iter().any(|from| {
        line.match_indices(from).any(|(at, _)| {
            let rest = &line[at + from.len()..];
            let group = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
            group.map_or_else(
                || starts_with_name(rest, feature),
                |group| group.split(',').any(|part| starts_with_name(part.trim(), feature)),
            )
        })
    })
}

/// Whether `text` starts with exactly the name `name`.
fn starts_with_name(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}
