//! Each house rule finds what it is for, and the tree as it is breaks none.

use crate::tidy::{Source, complaints, tree};

/// What the rules say about one file at `path`, the rest of the tree left out.
fn says(path: &str, text: &str) -> String {
    let sources = [Source { path: path.into(), text: text.into() }];
    complaints(&sources).into_iter().filter(|line| !line.starts_with("docs/proof.md")).collect::<Vec<_>>().join("\n")
}

/// A header that satisfies its rule.
const HEADER: &str = "//! A file for a test.\n";

#[test]
fn the_tree_breaks_no_house_rule() {
    let found = complaints(&tree().expect("the tree can be read"));
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_sample_trace_is_what_its_seed_makes() {
    let written = std::fs::read_to_string(crate::shell::root().join(crate::trace::FILE)).expect("the trace");
    assert_eq!(written, crate::trace::text(), "run `cargo xtask trace`");
    assert_eq!(written.lines().count(), 501);
}

#[test]
fn what_was_proved_before_the_load_stands_in_the_soaks_report() {
    let report = "# Soak\n\n| what | figures | |\n|---|---|---|\n| load | much | met |\n\n| s | database |\n";
    let noted = crate::test::noted(report, &["| lives | 1000, in 9 s | met |\n".to_owned()]).expect("a table");
    assert!(noted.contains("|---|---|---|\n| lives | 1000, in 9 s | met |\n| load | much | met |\n"), "{noted}");
    assert!(crate::test::noted("# Soak\n", &[]).is_err());
    // As it stands in the soak's own source, which writes the last line's end by itself.
    let written = format!("report.say(\"{}\");", crate::test::HEAD.trim_end().replace('\n', "\\n"));
    assert!(include_str!("../../crates/server/tests/soak/report.rs").contains(&written), "no {written}");
}

#[test]
fn a_long_file_is_found() {
    let lines = |count: usize| format!("{HEADER}{}", "\n".repeat(count));
    assert_eq!(says("a.rs", &lines(499)), "");
    assert!(says("a.rs", &lines(500)).contains("501 lines"));
}

#[test]
fn a_file_without_a_header_is_found() {
    assert!(says("a.rs", "fn main() {}\n").contains("open it with one"));
    assert!(says("a.rs", "//! bin\nfn main() {}\n").contains("open it with one"));
}

#[test]
fn banned_words_are_found() {
    let words = [
        concat!("to", "do!()"),
        concat!("d", "bg!(1)"),
        concat!("// TO", "DO later"),
        concat!("#[ig", "nore]"),
        concat!("\"/wo", "rk/main\""),
        concat!("\"https://pypi", ".org/simple\""),
    ];
    for word in words {
        assert!(says("a.rs", &format!("{HEADER}{word}\n")).starts_with("a.rs:2: "), "{word}");
    }
    assert_eq!(says("a.rs", &format!("{HEADER}let mastodo = \"MYTO{}\";\n", "DO")), "", "tails of other words are not");
}

#[test]
fn crossed_arrows_are_found() {
    let crossed = [
        ("crates/server/src/platform/db/mod.rs", "use crate::features::credits;"),
        ("crates/server/src/platform/work.rs", "let app = crate::app::App::new();"),
        ("crates/server/src/features/operators/mod.rs", "use crate::features::customers;"),
        ("crates/server/src/features/customers/api.rs", "use crate::features::{operators, credits};"),
        ("crates/server/src/features/customers/api.rs", "use super::super::credits::consume;"),
        ("crates/server/src/features/credits/store.rs", "use rusqlite::Connection;"),
        ("crates/rules/Cargo.toml", "purser = { path = \"../server\" }"),
        ("crates/rules/src/lib.rs", "extern crate alloc;"),
    ];
    for (path, line) in crossed {
        assert!(says(path, &format!("{HEADER}{line}\n")).starts_with(path), "{path}: {line}");
    }
    let straight = [
        ("crates/server/src/features/credits/mod.rs", "use crate::features::customers;"),
        ("crates/server/src/features/customers/mod.rs", "use crate::features::operators;"),
        ("crates/server/src/platform/db/sqlite.rs", "use rusqlite::Connection;"),
        ("crates/server/src/platform/mod.rs", "// crate::features stand above"),
    ];
    for (path, line) in straight {
        assert_eq!(says(path, &format!("{HEADER}{line}\n")), "");
    }
}

#[test]
fn dead_links_are_found() {
    let page = "See [one](gone.md#part), [two](../STYLE.md) and [three](https://example.org/x.md).\n";
    assert_eq!(says("docs/page.md", page), "docs/page.md: the link to `gone.md#part` leads nowhere");
}

#[test]
fn a_proof_that_is_not_there_is_found() {
    let page =
        |check: &str| Source { path: "docs/proof.md".into(), text: format!("# Proof\n\n### Holds\n- `{check}`\n") };
    let test = || Source { path: "t.rs".into(), text: format!("{HEADER}fn a_hold_is_captured() {{}}\n") };
    let said = |check: &str| complaints(&[page(check), test()]).join("\n");
    assert!(!said("t.rs::a_hold_is_captured").contains("`Holds`"));
    assert!(said("t.rs::sqlite::gone").contains("`Holds` names `t.rs::sqlite::gone`, which does not exist"));
    assert!(said("nothing").contains("`Holds` names no check"));
    assert!(said("nothing").contains("no section `### Reversals`"));
}
