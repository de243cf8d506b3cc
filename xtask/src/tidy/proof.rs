//! docs/proof.md: every behaviour that was promised has its section, and each names checks that exist.

use super::Source;

const PAGE: &str = "docs/proof.md";

/// The behaviours promised so far, by the names their sections carry.
const BEHAVIOURS: &[&str] = &[
    "256 callers on one wallet",
    "The naive model",
    "The same key raced",
    "The same key, another request",
    "Expiry while spends run",
    "Clocks apart",
    "Holds",
    "Reversals",
    "kill -9",
    "Two nodes, one killed",
    "No answer before its fsync",
    "PostgreSQL stopped and started",
    "SQLite full",
    "Failed statements",
    "Crash points",
    "A changed ledger is found",
    "The same life on both databases",
    "Bad input",
    "API fuzzing",
    "Keys",
    "The price book",
    "Where time goes",
    "Secrets",
    "Stripe's own clients",
    "The wire contract",
    "The inbox",
    "Payments",
    "Lives at Stripe",
    "The billing pages",
    "The demo",
];

/// Missing sections, sections without a check, and checks that are not there.
pub fn unproved(sources: &[Source]) -> Vec<String> {
    let Some(page) = sources.iter().find(|source| source.path == PAGE) else {
        return vec![format!("{PAGE}: is missing")];
    };
    let sections = sections(&page.text);
    let mut found = Vec::new();
    for behaviour in BEHAVIOURS {
        match sections.iter().find(|(title, _)| title == behaviour) {
            None => found.push(format!("{PAGE}: no section `### {behaviour}`")),
            Some((_, body)) if checks(body).is_empty() => found.push(format!("{PAGE}: `{behaviour}` names no check")),
            Some(_) => {}
        }
    }
    for (title, body) in &sections {
        for check in checks(body).into_iter().filter(|check| !exists(check, sources)) {
            found.push(format!("{PAGE}: `{title}` names `{check}`, which does not exist"));
        }
    }
    found
}

/// The `###` sections: title and text.
fn sections(page: &str) -> Vec<(&str, &str)> {
    page.split("\n### ").skip(1).map(|section| section.split_once('\n').unwrap_or((section, ""))).collect()
}

/// The `path.rs::name` pieces in backticks.
fn checks(body: &str) -> Vec<&str> {
    body.split('`').skip(1).step_by(2).filter(|piece| piece.contains(".rs::")).collect()
}

/// Whether the file is there and defines a function of that name.
fn exists(check: &str, sources: &[Source]) -> bool {
    let Some((path, name)) = check.split_once("::") else { return false };
    let name = name.rsplit("::").next().unwrap_or(name);
    sources.iter().any(|source| source.path == path && source.text.contains(&format!("fn {name}(")))
}
