//! The guide's examples, run as they stand: each `sh` block against a server, its answer as the page shows it.

use crate::server::{ADMIN, Start, said};
use purser::platform::clock::Clock;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// What a page shows instead of a value that differs each time.
const ANY: &str = "…";

/// A block of a page to run, and the JSON that follows it.
#[derive(Debug, PartialEq)]
struct Example {
    line: usize,
    script: String,
    answer: Option<String>,
}

#[test]
fn every_example_of_the_guide_does_what_the_page_says() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages: Vec<PathBuf> = std::fs::read_dir(top.join("docs/guide"))
        .expect("the guide")
        .map(|entry| entry.expect("a page").path())
        .collect();
    pages.retain(|page| page.extension().is_some_and(|ending| ending == "md"));
    // The sandbox is no server of Purser's: its own tests run that page's commands.
    pages.retain(|page| !page.ends_with("sandbox.md"));
    pages.push(top.join("README.md"));
    pages.sort();
    let mut count = 0;
    for page in &pages {
        let text = std::fs::read_to_string(page).expect("a page");
        let examples = examples(&text);
        if !examples.is_empty() {
            run(page, &examples);
        }
        count += examples.len();
    }
    assert!(count > 10, "the guide has examples: {count}");
}

/// Runs the examples of one page, in order, against a server of its own.
fn run(page: &Path, examples: &[Example]) {
    let folder = tempfile::Builder::new().prefix("purser-guide").tempdir().expect("a temporary folder");
    let data = folder.path().join("purser-data");
    std::fs::create_dir(&data).expect("a folder");
    let database = format!("sqlite:{}", data.join("purser.db").display());
    // README and quickstart are for who has just started the demo: its sample customers and default price book are there.
    let is_demo = ["README.md", "quickstart.md"].iter().any(|name| page.ends_with(name));
    // Two pages show the default price book; the others leave the allowance out that comes with it.
    let shows_plans = ["plans.md", "subscriptions.md"].iter().any(|name| page.ends_with(name));
    if is_demo {
        away_from_midnight();
    }
    let start = Start::at(&database, folder.path());
    let start = start.env("PURSER_DEFAULT_PRICE_BOOK", is_demo || shows_plans);
    let server = if is_demo { start.demo() } else { start.serve() };
    let mut names = BTreeMap::from([("URL".to_owned(), server.url.clone()), ("KEY".to_owned(), ADMIN.to_owned())]);
    let binaries = Path::new(env!("CARGO_BIN_EXE_purser")).parent().expect("a folder").display().to_string();
    for example in examples {
        let place = format!("{}:{}", page.display(), example.line);
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &format!("PATH={binaries}:$PATH\n{}", example.script)]);
        shell.current_dir(folder.path()).envs(&names).env("PURSER_DATABASE_URL", &database);
        let output = shell.output().expect("bash runs");
        assert!(output.status.success(), "{place}: {}", said(&output));
        let Some(answer) = &example.answer else { continue };
        let shown: Value = serde_json::from_str(answer).unwrap_or_else(|error| panic!("{place}: {error} in {answer}"));
        let text = String::from_utf8_lossy(&output.stdout);
        let got: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{place}: {error} in {}", said(&output)));
        assert!(matches(&shown, &got), "{place}: the page shows\n{shown:#}\nthe server answered\n{got:#}");
        // `$HOLD`, `$GRANT`, `$CONSUMPTION`: the id of the last answer of that kind.
        if let (Some(object), Some(id)) = (got["object"].as_str(), got["id"].as_str()) {
            names.insert(object.to_uppercase(), id.to_owned());
        }
    }
}

/// What the demo shows is of one UTC day: its clock goes on from ours, so a run begins well before midnight or after it.
fn away_from_midnight() {
    const DAY: u64 = 86_400;
    let since = u64::try_from(Clock::System { offset: 0 }.now().micros() / 1_000_000).expect("after 1970");
    let left = DAY - since % DAY;
    if left < 120 {
        std::thread::sleep(Duration::from_secs(left + 1));
    }
}

/// Whether `got` is what the page shows; `"…"` stands for any value.
fn matches(shown: &Value, got: &Value) -> bool {
    match (shown, got) {
        (Value::String(text), _) if text == ANY => true,
        (Value::Object(shown), Value::Object(got)) => {
            shown.len() == got.len()
                && shown.iter().all(|(name, value)| got.get(name).is_some_and(|got| matches(value, got)))
        }
        (Value::Array(shown), Value::Array(got)) => {
            shown.len() == got.len() && shown.iter().zip(got).all(|(shown, got)| matches(shown, got))
        }
        _ => shown == got,
    }
}

/// The `sh` blocks of a page, each with the `json` block that comes before the next.
fn examples(page: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else { continue };
        let block: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let block = block.join("\n");
        match (kind, found.last_mut()) {
            ("sh", _) => found.push(Example { line: at + 2, script: block, answer: None }),
            ("json", Some(example)) if example.answer.is_none() => example.answer = Some(block),
            _ => {}
        }
    }
    found
}

#[test]
fn blocks_are_found_and_compared() {
    let page = "x\n```sh\na\nb\n```\ny\n```json\n{}\n```\n```console\nno\n```\n```sh\nc\n```\n";
    let found = examples(page);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], Example { line: 3, script: "a\nb".into(), answer: Some("{}".into()) });
    assert_eq!(found[1], Example { line: 14, script: "c".into(), answer: None });
    let shown = serde_json::json!({"id": "…", "list": [1, "…"]});
    assert!(matches(&shown, &serde_json::json!({"id": 7, "list": [1, {}]})));
    assert!(!matches(&shown, &serde_json::json!({"id": 7, "list": [2, {}]})));
    assert!(!matches(&shown, &serde_json::json!({"id": 7, "list": [1, 2], "more": 1})));
    assert!(!matches(&shown, &serde_json::json!({"list": [1, 2]})));
}

/// docs/guide/errors.md has one section for each code, and none for a code that does not exist.
#[test]
fn the_errors_page_has_every_code() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/errors.md");
    let text = std::fs::read_to_string(page).expect("the page");
    let documented: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("## `")).map(|it| it.trim_end_matches('`')).collect();
    let codes: Vec<&str> = purser::platform::error::Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, codes, "sections in the order of `Code::ALL`");
    for section in text.split("\n## `").skip(1) {
        let body = section.split_once('\n').map_or("", |(_, body)| body);
        assert!(body.contains("**What to do.**"), "{} says what to do", section.lines().next().unwrap_or_default());
    }
}
