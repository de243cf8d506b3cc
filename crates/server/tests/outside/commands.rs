//! The command line as a person meets it: help, wrong words, and what `doctor` finds, each with its exit code.

use crate::{
    postgres::Postgres,
    server::{Start, said},
    store::{Kind, Store, ask_sqlite},
};
use std::path::Path;

/// Every command, and a word its help must hold.
const COMMANDS: &[(&[&str], &str)] = &[
    (&[], "doctor"),
    (&["demo"], "--listen"),
    (&["serve"], "--role"),
    (&["migrate"], "--database"),
    (&["doctor"], "--database"),
    (&["verify"], "--database"),
    (&["bench"], "PURSER_BENCH_KEY"),
    (&["sandbox"], "--at"),
    (&["keys"], "revoke"),
    (&["keys", "create"], "--expires-at"),
    (&["keys", "list"], "--database"),
    (&["keys", "revoke"], "ID"),
    (&["stripe"], "events"),
    (&["stripe", "events"], "replay"),
    (&["stripe", "events", "list"], "--state"),
    (&["stripe", "events", "replay"], "--dead"),
    (&["stripe", "sync"], "--rate"),
];

#[test]
fn every_command_has_help_and_refuses_unknown_words() {
    let store = Store::new(Kind::Sqlite);
    let start = Start::on(&store);
    for (words, word) in COMMANDS {
        let help = start.run(&[words, &["--help"][..]].concat());
        let text = said(&help);
        assert_eq!(help.status.code(), Some(0), "{words:?}: {text}");
        assert!(text.contains("Usage: purser") && text.contains(word), "{words:?}: {text}");
        let wrong = start.run(&[words, &["--nonsense"][..]].concat());
        let text = said(&wrong);
        assert_eq!(wrong.status.code(), Some(2), "{words:?}: {text}");
        assert!(text.contains("--nonsense") && text.contains("--help"), "{words:?}: {text}");
        assert!(!store.file().exists(), "{words:?} touched the database");
    }
    // Every command the help lists is in the list above.
    let text = said(&start.run(&["--help"]));
    let listed = text.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("a list");
    for name in listed.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        assert!(COMMANDS.iter().any(|(words, _)| words.first() == Some(&name)), "{name} is not tested");
    }
    for missing in [
        &["keys"][..],
        &["keys", "revoke"],
        &["keys", "create", "--role", "read"],
        &["stripe", "events"],
        &["stripe", "events", "replay"],
        &["nonsense"],
    ] {
        let output = start.run(missing);
        assert_eq!(output.status.code(), Some(2), "{missing:?}: {}", said(&output));
    }
}

#[test]
fn a_settings_file_that_is_not_there_is_named() {
    let store = Store::new(Kind::Sqlite);
    let output = Start::on(&store).run(&["serve", "--config", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("There is no file nowhere.toml"), "{}", said(&output));
}

/// `doctor` must end with `code` and say each of `words`.
pub fn doctor(start: &Start, code: i32, words: &[&str]) {
    let output = start.run(&["doctor"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(code), "{words:?}: {text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is said: {text}");
    }
    assert_eq!(text.contains("Wrong: "), code != 0, "{text}");
    assert_eq!(text.contains("All is well."), code == 0, "{text}");
}

#[test]
fn doctor_finds_wrong_settings() {
    let store = Store::new(Kind::Sqlite);
    for (name, value, word) in [
        ("PURSER_BOOTSTRAP_KEY", "short", "PURSER_BOOTSTRAP_KEY is shorter than 32 characters"),
        ("PURSER_SECRET", "short", "PURSER_SECRET is shorter than 32 characters"),
        ("CRON_SECRET", "short", "CRON_SECRET is shorter than 16 characters"),
        ("PURSER_DATABASE_URL", "mysql://x", "neither sqlite: nor postgres://"),
        ("PURSER_REQUEST_SECONDS", "601", "PURSER_REQUEST_SECONDS must be 1 to 600"),
        ("PURSER_PUBLIC_URL", "purser.example", "must begin with http:// or https://"),
        ("PURSER_READERS", "0", "PURSER_READERS must be at least 1"),
        ("PURSER_IDEMPOTENCY_DAYS", "34", "PURSER_IDEMPOTENCY_DAYS must be 35 to 36500"),
        ("PURSER_REQUESTS_PER_KEY", "0", "must be at least 1"),
        ("PURSER_CRASH_AT", "nowhere:1", "It is only for tests"),
    ] {
        let start = Start::on(&store).env(name, value);
        doctor(&start, 1, &[word]);
        let served = start.run(&["serve"]);
        assert_eq!(served.status.code(), Some(1), "nothing starts with it: {}", said(&served));
        assert!(said(&served).contains(word), "{}", said(&served));
    }
    let unread = Start::on(&store).env("PURSER_THREADS", "many").run(&["doctor"]);
    assert_eq!(unread.status.code(), Some(1));
    assert!(said(&unread).contains("PURSER_THREADS must be a whole number."), "{}", said(&unread));
}

#[test]
fn doctor_finds_what_is_wrong_with_a_sqlite_file() {
    let store = Store::new(Kind::Sqlite);
    let folder = store.folder.path();
    let start = Start::on(&store);
    doctor(&start, 0, &["not up to date", "0001_ledger", "purser migrate"]);
    let output = start.run(&["migrate"]);
    assert!(output.status.success() && said(&output).contains("Applied 0001_ledger."), "{}", said(&output));
    let well = start.run(&["doctor"]);
    assert!(!said(&well).contains("not up to date"), "{}", said(&well));
    doctor(&start, 0, &[]);

    let at = |path: &Path| Start::at(&format!("sqlite:{}", path.display()), folder);
    std::fs::write(folder.join("text"), "This is no database, however long it is.\n".repeat(200)).expect("a file");
    doctor(&at(&folder.join("text")), 1, &["file is not a database", "text"]);
    doctor(&at(&folder.join("text/purser.db")), 1, &["cannot be made", "text"]);
    doctor(&at(folder), 1, &["unable to open database file"]);
    doctor(&Start::at("sqlite:", folder), 1, &["names no file"]);

    // A page torn out of the middle, as a broken disk would.
    let broken = folder.join("broken.db");
    std::fs::copy(store.file(), &broken).expect("a copy");
    let bytes = std::fs::read(&broken).expect("its bytes");
    let root: usize =
        ask_sqlite(&broken, "SELECT rootpage FROM sqlite_master WHERE name = 'ledger'").parse().expect("a page");
    let torn: Vec<u8> =
        bytes.iter().enumerate().map(|(at, byte)| if at / 4096 == root - 1 { 0xff } else { *byte }).collect();
    std::fs::write(&broken, torn).expect("written");
    doctor(&at(&broken), 1, &["quick_check says"]);

    ask_sqlite(&store.file(), "INSERT INTO schema_migrations VALUES ('9999_later', '', 0)");
    doctor(&start, 1, &["9999_later", "run the newer version"]);
}

/// A mistyped path must not be proved.
#[test]
fn verify_proves_no_file_that_is_not_there() {
    let store = Store::new(Kind::Sqlite);
    let missing = store.folder.path().join("mistyped.db");
    let output = Start::at(&format!("sqlite:{}", missing.display()), store.folder.path()).run(&["verify"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("mistyped.db") && text.contains("--database") && !text.contains("Proved"), "{text}");
    assert!(!missing.exists(), "nothing is left behind");
}

#[test]
fn doctor_finds_what_is_wrong_with_postgres() {
    let cluster = Postgres::make(&[]);
    cluster.up_with::<&str>(&["fsync=off", "full_page_writes=off"], &[]);
    let store = Store::in_cluster(&cluster);
    let start = Start::on(&store);
    doctor(&start, 1, &["fsync is off; off loses what was answered", "full_page_writes is off", "not up to date"]);
    assert!(start.run(&["migrate"]).status.success());
    cluster.down();
    doctor(&start, 1, &["cannot be used", "Look whether it runs"]);
    cluster.up();
    doctor(&start, 0, &[]);
    for off in [600, -600] {
        doctor(&Start::on(&store).env("PURSER_TEST_CLOCK_OFFSET_MS", off), 1, &["500 ms off", "Set the clock."]);
    }
    doctor(&Start::at(&cluster.url("nowhere"), store.folder.path()), 1, &["\"nowhere\" does not exist"]);
    cluster.psql(&store.url, "INSERT INTO schema_migrations VALUES ('9999_later', '', now())");
    doctor(&start, 1, &["9999_later", "run the newer version"]);
}
