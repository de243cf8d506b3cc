//! Writes the figures into docs/bench.md: what stands between its markers is replaced, the rest is people's and stays.

use super::{
    goals::{self, Records},
    record::{Record, Row},
    sections::{self, Column, Section, Unit},
};

/// `page` with every generated part that is known written anew. What was not measured here stands as it was; so do the
/// goals of it, and the machine if it is not given.
///
/// # Errors
/// Names the part that has no place on the page.
pub fn written(page: &str, machine: Option<&str>, records: &Records) -> Result<String, String> {
    let mut page = match machine {
        Some(machine) => replaced(page, "machine", machine)?,
        None => page.to_owned(),
    };
    let goals = goals::table(records, between(&page, "goals")?);
    page = replaced(&page, "goals", &goals)?;
    for section in sections::ALL {
        let before = between(&page, section.name)?;
        let text = match records.get(section.name) {
            Some(record) => table(section, record, between(&page, "machine")?),
            None if !before.trim().is_empty() => continue,
            None => format!("{}\n\nNot measured yet: `cargo xtask bench --only {}`.\n", section.about, section.name),
        };
        page = replaced(&page, section.name, &text)?;
    }
    Ok(page)
}

/// Whether every section was measured at `commit` on `processor`: then the table of the machine is about all of them.
pub fn is_all_of(records: &Records, commit: &str, processor: &str) -> bool {
    let of_it = |record: &Record| record.commit == commit && record.machine.starts_with(processor);
    sections::ALL.iter().all(|section| records.get(section.name).is_some_and(of_it))
}

/// Whether the table `machine` is about `record`.
fn is_of(record: &Record, machine: &str) -> bool {
    let line = |name: &str| machine.lines().find_map(|line| line.strip_prefix(&format!("| {name} | ")));
    let processor = line("processor").and_then(|line| line.strip_suffix(" |"));
    line("commit").is_some_and(|line| line.starts_with(&format!("{} of ", record.commit)))
        && processor.is_some_and(|processor| record.machine.starts_with(processor))
}

/// What stands on `page` between the markers of `name`.
fn between<'a>(page: &'a str, name: &str) -> Result<&'a str, String> {
    let (start, end) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->"));
    let text = page.split_once(&start).and_then(|(_, rest)| Some(rest.split_once(&end)?.0));
    text.ok_or_else(|| format!("the page has no `{}` and `{end}`", start.trim()))
}

/// `page` with `text` between the markers of `name`.
fn replaced(page: &str, name: &str, text: &str) -> Result<String, String> {
    let (start, end) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->"));
    let parts = page.split_once(&start).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("the page has no `{}` and `{end}`", start.trim()))?;
    Ok(format!("{before}{start}\n{text}\n{end}{after}"))
}

/// A section: what it is, its figures, the commands; its machine where the table `machine` is not about it.
fn table(section: &Section, record: &Record, machine: &str) -> String {
    let runs = record.rows.iter().map(|row| row.runs.len()).max().unwrap_or_default();
    // Columns nobody measured in this section are left out.
    let measured = |(key, ..): &&Column| record.rows.iter().any(|row| row.median(key).is_some());
    let columns: Vec<&Column> = section.columns.iter().filter(measured).collect();
    let said = record.machine.is_empty() || is_of(record, machine);
    let on = if said { String::new() } else { format!(" on {}", record.machine) };
    let effort = effort(runs, record.seconds);
    let mut text = format!("{}\n\nAt {}{on}, {effort}.\n\n|", section.about, record.commit);
    text.extend(std::iter::once(" |".to_owned()).chain(columns.iter().map(|(_, heading, _)| format!(" {heading} |"))));
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(columns.len()));
    text.push('\n');
    text.extend(record.rows.iter().map(|row| line(row, &columns)));
    text.push_str("\n<details><summary>Commands</summary>\n\n```text\n");
    text.extend(record.rows.iter().map(|row| format!("{}:\n  {}\n", row.name, row.command)));
    text.push_str("```\n\n</details>\n");
    text
}

/// How often and how long.
fn effort(runs: usize, seconds: u32) -> String {
    match runs {
        0 => "no run that ended".to_owned(),
        1 => format!("one run of {seconds} s: a look, no more"),
        _ => format!("medians of {runs} runs of {seconds} s (least–most)"),
    }
}

/// A row of the table; a row that failed says why.
fn line(row: &Row, columns: &[&Column]) -> String {
    if let Some(why) = &row.failed {
        let why = why.lines().next().unwrap_or_default().replace('|', "\\|");
        return format!("| {} | failed: {why} |{}\n", row.name, " |".repeat(columns.len().saturating_sub(1)));
    }
    let cells = columns.iter().map(|(key, _, unit)| cell(row.spread(key), *unit));
    format!("| {} |{}\n", row.name, cells.map(|cell| format!(" {cell} |")).collect::<String>())
}

/// The median, and how far the runs were apart.
fn cell(spread: Option<(u64, u64, u64)>, unit: Unit) -> String {
    let Some((median, least, most)) = spread else { return "–".to_owned() };
    let median = shown(median, unit);
    if least == most { median } else { format!("{median} ({}–{})", shown(least, unit), shown(most, unit)) }
}

/// A figure as it is written.
fn shown(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Count | Unit::Millis => grouped(value),
        Unit::Micros | Unit::Thousandths => format!("{}.{:03}", grouped(value / 1000), value % 1000),
        Unit::Bytes => format!("{}.{} MB", value / 1_000_000, value % 1_000_000 / 100_000),
    }
}

/// A number with commas between its thousands.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bench::record::Figures, shell::root};

    fn row(name: &str, rates: &[u64], failed: Option<&str>) -> Row {
        let runs = rates.iter().map(|rate| Figures::from([("per_second".to_owned(), *rate)])).collect();
        Row { name: name.into(), command: "purser bench".into(), runs, failed: failed.map(str::to_owned) }
    }

    #[test]
    fn the_page_of_the_tree_has_a_place_for_every_part() {
        let page = std::fs::read_to_string(root().join("docs/bench.md")).expect("the page can be read");
        written(&page, Some(""), &Records::new()).expect("every part has its place");
    }

    #[test]
    fn what_was_not_measured_stands_as_it_was() {
        let page = std::fs::read_to_string(root().join("docs/bench.md")).expect("the page can be read");
        let rows = vec![row(sections::stripe::MIX_64, &[2500], None)];
        let record = Record { commit: "c0ffee".into(), machine: "a machine".into(), seconds: 4, rows };
        let records = Records::from([("stripe".to_owned(), record)]);
        let after = written(&page, None, &records).expect("every part has its place");
        for part in ["machine", "http", "floors"] {
            assert_eq!(between(&after, part), between(&page, part), "{part}");
        }
        let table = between(&after, "stripe").expect("it has its place");
        assert!(table.contains("At c0ffee on a machine, one run of 4 s"), "{table}");
        let goals = |page: &str| between(page, "goals").expect("goals").lines().map(str::to_owned).collect::<Vec<_>>();
        let (before, now) = (goals(&page), goals(&after));
        assert!(now.iter().any(|line| line.contains("2,500/s | met")), "{now:?}");
        let others = |lines: &[String]| {
            lines.iter().filter(|line| !line.starts_with("| sandbox: ")).cloned().collect::<Vec<_>>()
        };
        assert!(others(&before).len() > 30, "{before:?}");
        assert_eq!(others(&before), others(&now), "the other goals stand, each with its own figure");
    }

    #[test]
    fn a_section_names_its_machine_unless_the_page_is_of_it() {
        let machine = "| | |\n|---|---|\n| commit | c0ffee of 2026-11-30 |\n| processor | Old, 2 cores |\n";
        let page = std::fs::read_to_string(root().join("docs/bench.md")).expect("the page can be read");
        let page = replaced(&page, "machine", machine).expect("the table has its place");
        for (commit, on, named) in [
            ("c0ffee", "Old, 2 cores, 2026-12-01 (load before: 0.1)", false),
            ("c0ffee", "New, 2 cores, 2026-12-01 (load before: 0.1)", true),
            ("decaf", "Old, 2 cores, 2026-12-01 (load before: 0.1)", true),
            ("decaf", "", false),
        ] {
            let record = Record { commit: commit.into(), machine: on.into(), seconds: 4, rows: Vec::new() };
            let after = written(&page, None, &Records::from([("http".to_owned(), record)])).expect("it has its place");
            let said = between(&after, "http").expect("it has its place").contains(&format!("At {commit} on {on}, "));
            assert_eq!(said, named, "{commit} on {on}");
        }
    }

    #[test]
    fn the_table_of_the_machine_is_of_all_sections_or_stands() {
        let record =
            |commit: &str| Record { commit: commit.into(), machine: "New, 2 cores, today".into(), ..Record::default() };
        let all = |section: &Section| (section.name.to_owned(), record("c0ffee"));
        let mut records: Records = sections::ALL.iter().map(all).collect();
        assert!(is_all_of(&records, "c0ffee", "New, 2 cores"));
        assert!(!is_all_of(&records, "c0ffee", "Old, 2 cores"));
        records.insert("http".to_owned(), record("decaf"));
        assert!(!is_all_of(&records, "c0ffee", "New, 2 cores"), "one is of another commit");
        records.remove("http");
        assert!(!is_all_of(&records, "c0ffee", "New, 2 cores"), "one stands as it was");
    }

    #[test]
    fn what_people_wrote_stays() {
        let page = "# Bench\n<!-- generated: goals -->\nold\n<!-- end: goals -->\nA profile by hand.\n";
        let page = replaced(page, "goals", "new\n").expect("the place is there");
        assert_eq!(page, "# Bench\n<!-- generated: goals -->\n\nnew\n\n<!-- end: goals -->\nA profile by hand.\n");
        assert!(replaced(&page, "floors", "").is_err());
    }

    #[test]
    fn a_table_has_medians_and_what_failed() {
        let rows = vec![row("quick", &[1000, 900, 45_123], None), row("broken", &[5], Some("no | such\nthing"))];
        let record = Record { commit: "c0ffee".into(), machine: String::new(), seconds: 10, rows };
        let section = sections::ALL.iter().find(|section| section.name == "floors").expect("there are floors");
        let text = table(section, &record, "");
        assert!(
            text.contains("At c0ffee, medians of 3 runs of 10 s (least–most).\n\n| | per second |\n|---|---:|\n"),
            "{text}"
        );
        assert!(text.contains("| quick | 1,000 (900–45,123) |\n| broken | failed: no \\| such |\n"), "{text}");
    }

    #[test]
    fn figures_are_written_in_their_units() {
        assert_eq!(shown(1_234_567, Unit::Count), "1,234,567");
        assert_eq!(shown(25_007, Unit::Micros), "25.007");
        assert_eq!(shown(41_960_000, Unit::Bytes), "41.9 MB");
        assert_eq!(shown(7, Unit::Thousandths), "0.007");
    }
}
