//! What is compared: the figures with the naive model's, the rows of both databases with each other.

use crate::{
    credits::world::{World, micros},
    naive::Naive,
};
use purser::platform::db::Value as Sql;
use serde_json::{Value, json};

/// What both databases must hold the same, with the order of the rows.
pub const TABLES: &[&str] = &[
    "ledger_entries ORDER BY customer, unit, seq",
    "wallets ORDER BY customer, unit",
    "wallets_due ORDER BY customer, unit",
    "grants ORDER BY id",
    "holds ORDER BY id",
    "consumptions ORDER BY id",
    "idempotency_keys ORDER BY key",
    "usage_days ORDER BY customer, unit, day",
    "threshold_crossings ORDER BY customer, period_start, threshold, arming",
    "payments ORDER BY id",
    "audit ORDER BY id",
];

/// The balance is the model's.
pub async fn balance(world: &World, naive: &Naive) {
    let shown = world.balance("team-1").await;
    let mut now = naive.clone();
    now.settle(world.now().micros());
    let held: i64 = now.grants.iter().map(|grant| grant.held + grant.frozen).sum();
    let ours = ["available", "held", "debt"].map(|name| micros(&shown[name]));
    assert_eq!(ours, [now.available(world.now().micros()), held, now.debt()], "{shown}");
    let sources = shown["by_source"].as_object().expect("sources").values();
    assert_eq!(sources.map(micros).sum::<i64>(), ours[0], "the sources add up");
}

/// Every grant there ever was, page by page, has the model's figures.
pub async fn grants(world: &World, naive: &Naive) {
    let mut now = naive.clone();
    now.settle(world.now().micros());
    let mut shown = Vec::new();
    let mut path = "/customers/team-1/grants?limit=100".to_owned();
    loop {
        let page = world.get(&path).await.ok();
        let data = page["data"].as_array().expect("a page").clone();
        let last = data.last().map(|grant| grant["id"].as_str().expect("an id").to_owned());
        shown.extend(data);
        match (page["has_more"].as_bool(), last) {
            (Some(true), Some(last)) => path = format!("/customers/team-1/grants?limit=100&starting_after={last}"),
            _ => break,
        }
    }
    let mut ours: Vec<_> = shown
        .iter()
        .map(|grant| {
            let figures = ["granted", "remaining", "held", "spent", "expired", "revoked"];
            (grant["id"].as_str().expect("an id").to_owned(), figures.map(|name| micros(&grant[name])))
        })
        .collect();
    ours.sort();
    let mut theirs: Vec<_> = now
        .grants
        .iter()
        .map(|g| {
            let id = purser_rules::ids::GrantId(g.id).to_string();
            (id, [g.granted, g.available, g.held + g.frozen, g.spent, g.expired, g.revoked])
        })
        .collect();
    theirs.sort();
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
}

/// All rows of a table, in a form that is the same on both databases.
pub async fn dump(world: &World, table: &'static str) -> Vec<Value> {
    let sql = format!("SELECT * FROM {table}");
    let rows = world.app.db().read(move |tx| tx.query(&sql, Vec::new())).await.expect("a table");
    rows.iter().map(|row| row.0.iter().map(plain).collect()).collect()
}

/// A value without what differs between the databases.
fn plain(value: &Sql) -> Value {
    match value {
        Sql::Null => Value::Null,
        Sql::I64(number) => json!(number),
        Sql::Bool(flag) => json!(i64::from(*flag)),
        Sql::Ts(at) => json!(at.micros()),
        Sql::Id(id) => json!(format!("{id:032x}")),
        Sql::Bytes(bytes) => json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        Sql::Text(text) | Sql::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    }
}
