//! A ledger that was changed behind the server's back: `purser verify` says which wallet and which entry.

use crate::{
    postgres as cluster,
    server::{Start, said},
    store::{Kind, Store, ask_sqlite, on_both},
};
use serde_json::json;

on_both!(a_changed_ledger_is_found);

/// What is done to the ledger of `acme`, and the entry that must be named: where a row is gone, the one that does
/// not follow on what is before it.
const CHANGES: &[(&str, &str, u32)] = &[
    ("one bit of an amount", "UPDATE ledger SET amount = amount + 1 WHERE customer = 'acme' AND seq = 3", 3),
    ("one bit of an instant", TIME, 4),
    ("one bit of a cause", "UPDATE ledger SET cause_id = cause_id || 'x' WHERE customer = 'acme' AND seq = 2", 2),
    ("one row removed", "DELETE FROM ledger WHERE customer = 'acme' AND seq = 3", 4),
    ("the tail cut", "DELETE FROM ledger WHERE customer = 'acme' AND seq > 4", 5),
];

/// Only where the index follows its table; elsewhere a number cannot be given twice.
const TWICE: (&str, &str, u32) = (
    "a number given twice",
    "INSERT INTO ledger SELECT (SELECT MAX(position) + 1 FROM ledger), customer, unit, seq, bucket, at, kind, grant_id, \
     amount, terms_digest, cause_kind, cause_id, request_id, subject, user_digest, metadata_digest, hash \
     FROM ledger WHERE customer = 'acme' AND seq = 3",
    3,
);

/// A microsecond later; `{us}` is one microsecond in each database's own type.
const TIME: &str = "UPDATE ledger SET at = at + {us} WHERE customer = 'acme' AND seq = 4";

fn a_changed_ledger_is_found(kind: Kind) {
    let store = Store::new(kind);
    let mut server = Start::on(&store).serve();
    let client = server.client();
    for customer in ["acme", "globex"] {
        client.grant(customer, 100, "first");
        for step in 0..5 {
            let body = json!({"customer_id": customer, "amount": 2, "idempotency_key": format!("k{step}")});
            client.post("/consume", &body).expect(200);
        }
    }
    assert!(server.terminate().success());
    Start::on(&store).verify();
    let twice = (kind == Kind::Sqlite).then_some(&TWICE);
    for (at, (what, sql, entry)) in CHANGES.iter().chain(twice).enumerate() {
        let url = changed_copy(&store, at, sql);
        let output = Start::at(&url, store.folder.path()).run(&["verify"]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{what}: {text}");
        assert!(text.contains("acme"), "{what}: the wallet is named: {text}");
        assert!(text.contains(&format!("entry {entry}")), "{what}: entry {entry} is named: {text}");
        assert!(!text.contains("globex"), "{what}: only the wallet that is wrong: {text}");
    }
    Start::on(&store).verify();
}

/// A copy of the database with `sql` done to it; answers its URL.
fn changed_copy(store: &Store, at: usize, sql: &str) -> String {
    match store.kind {
        Kind::Sqlite => {
            let copy = store.folder.path().join(format!("copy-{at}.db"));
            std::fs::copy(store.file(), &copy).expect("it can be copied");
            ask_sqlite(&copy, &sql.replace("{us}", "1"));
            format!("sqlite:{}", copy.display())
        }
        Kind::Postgres => {
            let cluster = cluster::shared();
            let name = store.url.trim_start_matches("postgres:///").split('?').next().expect("a name");
            let copy = format!("{name}_copy_{at}");
            cluster.psql(&cluster.url("postgres"), &format!("CREATE DATABASE {copy} TEMPLATE {name}"));
            let url = cluster.url(&copy);
            cluster.psql(&url, &sql.replace("{us}", "interval '1 microsecond'"));
            url
        }
    }
}
