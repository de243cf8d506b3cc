//! Examples that Stripe's documentation works out. They are one table, by what they are about; each is run by requests
//! alone and must come out as its page says.
//!
//! The page `tests/documented.md` shows the table to people.

mod cancellations;
mod cycles;
mod dunning;
mod meters;
mod money;
mod prices;
mod prorations;
mod schedules;
mod story;
mod trials;

use super::life::Life;
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// An example from the documentation.
struct Example {
    name: &'static str,
    /// What happens, in our words, with the page's figures.
    says: &'static str,
    /// Where the page is.
    source: &'static str,
    /// Lets it happen, and checks that it comes out so.
    run: fn(&mut Life),
}

/// All of them.
const EXAMPLES: &[(&str, &[Example])] = &[
    ("Proration", prorations::EXAMPLES),
    ("Billing periods and backdating", cycles::EXAMPLES),
    ("Trials", trials::EXAMPLES),
    ("Schedules", schedules::EXAMPLES),
    ("Cancellation", cancellations::EXAMPLES),
    ("Payment and dunning", dunning::EXAMPLES),
    ("Balance, refunds and disputes", money::EXAMPLES),
    ("Prices", prices::EXAMPLES),
    ("Meters", meters::EXAMPLES),
];

fn all() -> impl Iterator<Item = &'static Example> {
    EXAMPLES.iter().flat_map(|(_, examples)| examples.iter())
}

#[test]
fn every_example_comes_out_as_documented() {
    let fails = |example: &&Example| catch_unwind(AssertUnwindSafe(|| (example.run)(&mut Life::new()))).is_err();
    let failed: Vec<String> =
        all().filter(fails).map(|example| format!("{} ({})", example.name, example.source)).collect();
    assert!(failed.is_empty(), "{} came out otherwise:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn the_table_is_long_and_every_row_has_a_name_and_an_address_of_its_own() {
    assert!(all().count() >= 45, "{} examples", all().count());
    let names: BTreeSet<&str> = all().map(|example| example.name).collect();
    assert_eq!(names.len(), all().count(), "two rows have one name");
    for example in all() {
        let stripe = ["https://docs.stripe.com/", "https://support.stripe.com/"];
        assert!(stripe.iter().any(|host| example.source.starts_with(host)), "{}: {}", example.name, example.source);
        assert!(example.says.ends_with('.'), "{}: a sentence ends with a dot", example.name);
    }
}

/// The table as a page.
fn page() -> String {
    let count = all().count();
    let mut page = format!(
        "# Examples from Stripe's documentation\n\nThe sandbox comes out the same in each of these {count}. \
         `src/tests/documented` runs them; this page is made from there by\n`WRITE_PAGE=1 cargo test -p \
         purser-stripe-sim documented`. Figures after `here` are ours, by the page's\nrule; all are dollars, where the pages have several currencies.\n"
    );
    for (topic, examples) in EXAMPLES {
        let _ = write!(page, "\n## {topic}\n\n| example | what the page says | page |\n|---|---|---|\n");
        for Example { name, says, source, .. } in *examples {
            let _ = writeln!(page, "| {name} | {says} | <{source}> |");
        }
    }
    page
}

#[test]
fn the_page_shows_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/documented.md");
    if std::env::var_os("WRITE_PAGE").is_some() {
        std::fs::write(path, page()).expect("the page can be written");
    }
    let found = std::fs::read_to_string(path).expect("the page is there");
    assert!(found == page(), "it is old: WRITE_PAGE=1 cargo test -p purser-stripe-sim documented");
}
