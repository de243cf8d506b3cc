//! The dashboard, the alerts and the guide's page of metrics, against the one list of metrics.

use purser::platform::metrics::{ALL, Kind};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write as _, path::Path};

const PAGE: &str = include_str!("../../../../docs/guide/monitoring.md");
const ALERTS: &str = include_str!("../../../../monitoring/prometheus/alerts.yml");
const DASHBOARD: &str = include_str!("../../../../monitoring/grafana/purser.json");

#[test]
fn the_page_is_the_list() {
    let mut table = String::new();
    for metric in ALL {
        let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let labels = if labels.is_empty() { "–" } else { &labels };
        writeln!(table, "| `{}` | {} | {labels} | {} |", metric.name, metric.kind.as_str(), metric.says).unwrap();
    }
    assert!(PAGE.contains(&table), "docs/guide/monitoring.md must have these rows, in this order:\n{table}");
}

#[test]
fn the_list_is_well_formed() {
    let mut names = BTreeSet::new();
    for metric in ALL {
        assert!(names.insert(metric.name), "{} stands twice", metric.name);
        assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        // Prometheus says by these which server a number is of, and would rename ours.
        assert!(!metric.labels.contains(&"job") && !metric.labels.contains(&"instance"), "{}", metric.name);
        if let Kind::Histogram(bounds) = metric.kind {
            assert!(!bounds.is_empty() && bounds.is_sorted(), "{}", metric.name);
        }
    }
}

/// What the code counts is in the list, and what is in the list is counted by the code.
#[test]
fn the_code_counts_what_is_listed() {
    let mut code = String::new();
    for folder in ["src", "../stripe/src"] {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut code);
    }
    let quoted: BTreeSet<&str> = code.split('"').filter(|piece| is_metric(piece)).collect();
    let listed: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(quoted, listed);
}

#[test]
fn dashboard_and_alerts_speak_of_metrics_there_are() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    for panel in panels {
        if let Some(targets) = panel["targets"].as_array() {
            assert!(!targets.is_empty() && targets.iter().all(|target| target["expr"].is_string()), "{panel}");
        }
    }
    let mut used = BTreeSet::new();
    for (file, text) in [("purser.json", DASHBOARD), ("alerts.yml", ALERTS), ("monitoring.md", PAGE)] {
        for name in names(text) {
            let known = ALL.iter().find(|metric| is_series(metric.name, metric.kind, &name));
            let known = known.unwrap_or_else(|| panic!("{file} speaks of {name}, which is not in the list"));
            // The page tells of all; a person looks at the dashboard, or is called by an alert.
            if file != "monitoring.md" {
                used.insert(known.name);
            }
        }
    }
    let unused: Vec<&str> = ALL.iter().map(|metric| metric.name).filter(|name| !used.contains(name)).collect();
    assert!(unused.is_empty(), "nobody looks at {unused:?}");
}

#[test]
fn each_alert_says_what_to_do_and_has_its_section() {
    let rules: Vec<&str> = ALERTS.split("- alert: ").skip(1).collect();
    assert!(rules.len() > 10, "{}", rules.len());
    for rule in rules {
        let name = rule.lines().next().unwrap();
        for part in ["expr: ", "severity: ", "summary: ", "action: "] {
            assert!(rule.contains(part), "{name} has no {part}");
        }
        assert!(rule.contains(&format!("/docs/guide/monitoring#{}'", name.to_lowercase())), "{name} has no link");
        let section = PAGE.split(&format!("\n### {name}\n")).nth(1);
        let section = section.unwrap_or_else(|| panic!("the guide has no section {name}"));
        let section = section.split("\n### ").next().unwrap().to_lowercase();
        assert!(section.contains("**look**") && section.contains("**do**"), "{name}: {section}");
    }
}

/// Whether `name` is one of the series of a metric.
fn is_series(metric: &str, kind: Kind, name: &str) -> bool {
    let histogram = matches!(kind, Kind::Histogram(_));
    name == metric
        || histogram && name.strip_prefix(metric).is_some_and(|end| ["_bucket", "_sum", "_count"].contains(&end))
}

/// The names in `text` that look like metrics of ours.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| is_metric(word)).map(str::to_owned).collect()
}

fn is_metric(word: &str) -> bool {
    let lower = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    lower
        && (word.starts_with("purser_") || word.starts_with("process_"))
        && !["purser_url", "purser_customer_id", "purser_checkout", "purser_auto_top_up", "purser_billing"]
            .contains(&word)
}

/// The code under `folder`, but for the list itself.
fn read(folder: &Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, code);
        } else if !path.ends_with("metrics/list.rs") {
            code.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}
