//! What is changed behind Purser's back is found: one bit of any column, a row gone, a tail cut, a figure moved.

use super::world::{World, both};
use purser::platform::db::{Kind, Value as Sql};
use purser_rules::{
    Amount,
    credit::{Body, Rollup},
};
use serde_json::json;

both! {
    one_bit_of_each_column_of_an_entry
    a_row_gone_or_a_tail_cut
    a_grants_terms_and_figures
    the_wallets_row
    a_days_usage_and_a_hold
}

/// A wallet with every kind of row, and another that must not be blamed.
async fn lived(kind: Kind) -> World {
    let world = World::new(kind).await;
    world.give("other", "5", &json!({})).await;
    world.spend("other", "1", "k").await.ok();
    let more =
        json!({ "source_id": "a", "priority": 1, "metadata": { "order": 1 }, "expires_at": "2030-01-01T00:00:00Z" });
    world.give("team", "10", &more).await;
    world.give("team", "10", &json!({ "source_id": "b" })).await;
    world.give("team", "10", &json!({ "source_id": "waits", "effective_at": "2029-01-01T00:00:00Z" })).await;
    let body = json!({ "customer_id": "team", "amount": 12, "idempotency_key": "s", "user_id": "u", "metadata": {} });
    world.post("/consume", &body).await.ok();
    world.advance(86_400);
    world.post("/holds", &json!({ "customer_id": "team", "amount": 2, "idempotency_key": "h" })).await.ok();
    world.spend("team", "1", "t").await.ok();
    world.proved().await;
    world
}

/// Asserts that `team`'s wallet, and only it, is found wrong; at this entry if one is named.
async fn found(world: &World, what: &str, entry: Option<u64>) {
    let flaws = world.verify().await.flaws;
    assert!(!flaws.is_empty(), "{what} is not found");
    assert!(flaws.iter().all(|flaw| flaw.customer_id == "team" || what.starts_with("the name")), "{what}: {flaws:?}");
    if entry.is_some() {
        assert!(flaws.iter().any(|flaw| flaw.entry == entry), "{what}: {flaws:?}");
    }
}

/// The same value with one bit changed; `None` for NULL.
fn flipped(value: &Sql) -> Option<Sql> {
    let one_char = |text: &str| {
        let (head, last) = text.split_at(text.len() - 1);
        format!("{head}{}", char::from(last.as_bytes()[0] ^ 1))
    };
    match value {
        Sql::I64(number) => Some(Sql::I64(number ^ 1)),
        Sql::Ts(at) => Some(Sql::Ts(purser_rules::Time::from_micros(at.micros() ^ 1))),
        Sql::Id(id) => Some(Sql::Id(id ^ (1 << 100))),
        Sql::Text(text) => Some(Sql::Text(one_char(text))),
        Sql::Bytes(bytes) => {
            let mut bytes = bytes.clone();
            *bytes.last_mut()? ^= 1;
            Some(Sql::Bytes(bytes))
        }
        Sql::Bool(_) | Sql::Json(_) | Sql::Null => None,
    }
}

/// The column of team's entry `seq`.
async fn entry_column(world: &World, column: &str, seq: i64) -> Sql {
    let sql = format!("SELECT {column} FROM ledger WHERE customer = 'team' AND seq = {seq}");
    let rows = world.app.db().read(move |tx| tx.query(&sql, Vec::new())).await.expect("a query");
    rows[0].0[0].clone()
}

async fn one_bit_of_each_column_of_an_entry(kind: Kind) {
    let world = lived(kind).await;
    let columns = [
        "customer",
        "unit",
        "seq",
        "bucket",
        "at",
        "kind",
        "grant_id",
        "amount",
        "terms_digest",
        "cause_kind",
        "cause_id",
        "request_id",
        "subject",
        "user_digest",
        "metadata_digest",
        "hash",
    ];
    let entries = world.number("SELECT COUNT(*) FROM ledger WHERE customer = 'team'").await;
    let mut changed = 0;
    for column in columns {
        for seq in 1..=entries {
            let before = entry_column(&world, column, seq).await;
            let Some(after) = flipped(&before) else { continue };
            // The number of one entry cannot be another's: the database itself refuses that.
            let after = if column == "seq" { Sql::I64(seq + 1000) } else { after };
            let rowid = entry_column(&world, "hash", seq).await;
            let set = format!("UPDATE ledger SET {column} = $1 WHERE hash = $2");
            assert_eq!(world.execute(&set, vec![after.clone(), rowid.clone()]).await, 1);
            // An entry that goes by another name is missed at the one after it, or at the ledger's end.
            let hidden = ["customer", "unit", "seq", "bucket"].contains(&column) && seq < entries;
            let named = match column {
                "seq" if seq == entries => seq + 1000,
                _ if hidden => seq + 1,
                _ => seq,
            };
            let named = u64::try_from(named).ok();
            found(&world, &format!("the name or {column} of entry {seq}"), named).await;
            let rowid = if column == "hash" { after } else { rowid };
            assert_eq!(world.execute(&set, vec![before, rowid]).await, 1);
            changed += 1;
        }
        world.proved().await;
    }
    assert!(changed > 80, "{changed} bits were changed");
}

async fn a_row_gone_or_a_tail_cut(kind: Kind) {
    let entries = i64::try_from(lived(kind).await.verify().await.entries).expect("small") - 2;
    for (what, from, to) in
        [("the first", 1, 1), ("a middle", 4, 4), ("the last", entries, entries), ("the tail", 5, 99)]
    {
        let world = lived(kind).await;
        let sql = format!("DELETE FROM ledger WHERE customer = 'team' AND seq >= {from} AND seq <= {to}");
        assert!(world.execute(&sql, Vec::new()).await > 0);
        let missing = world.verify().await.flaws;
        assert_eq!(missing.len(), 1, "{missing:?}");
        let flaw = &missing[0];
        assert_eq!(flaw.customer_id, "team");
        // The gap shows at the first entry after it, or where the ledger ends too soon.
        let named = flaw.entry.and_then(|entry| i64::try_from(entry).ok()).expect("an entry");
        assert!(named == from || named == to + 1, "{what} entry gone: {flaw:?}");
    }
    let world = lived(kind).await;
    world.execute("DELETE FROM wallets WHERE customer = 'team'", Vec::new()).await;
    found(&world, "a wallet gone", Some(1)).await;
}

async fn a_grants_terms_and_figures(kind: Kind) {
    let world = lived(kind).await;
    let terms = ["source_kind", "source_id", "priority", "effective_at", "expires_at", "metadata", "granted", "state"];
    let figures =
        ["available", "held", "frozen", "spent", "expired", "revoked", "revoke_on_release", "freeze_on_release"];
    let sources = ["a", "b", "waits"];
    for (source, columns) in
        sources.iter().map(|source| (source, &terms[..])).chain([(&"waits", &figures[..]), (&"a", &figures[..])])
    {
        for column in columns {
            let select = format!("SELECT {column}, id FROM grants WHERE customer = 'team' AND source_id = $1");
            let named = vec![Sql::Text((*source).into())];
            let row = world.app.db().read(move |tx| tx.query(&select, named)).await.expect("a query").remove(0);
            let Some(after) = flipped(&row.0[0]) else { continue };
            let after = if *column == "state" { Sql::I64(row.i64(0).expect("a state") % 3 + 1) } else { after };
            let set = format!("UPDATE grants SET {column} = $1 WHERE id = $2");
            assert_eq!(world.execute(&set, vec![after, row.0[1].clone()]).await, 1);
            found(&world, &format!("{column} of the grant {source}"), None).await;
            world.execute(&set, vec![row.0[0].clone(), row.0[1].clone()]).await;
        }
    }
    world.proved().await;
    world.execute("DELETE FROM grants WHERE customer = 'team' AND source_id = 'a'", Vec::new()).await;
    found(&world, "a used up grant gone", None).await;
}

/// Changes the body of team's wallet.
async fn rewrite(world: &World, change: impl FnOnce(&mut Body)) -> Vec<u8> {
    let stored =
        world.rows("SELECT body FROM wallets WHERE customer = 'team'").await[0].bytes(0).expect("bytes").to_vec();
    let mut body: Body = postcard::from_bytes(&stored[1..]).expect("a body");
    change(&mut body);
    let changed = postcard::to_extend(&body, vec![stored[0]]).expect("a body");
    assert_ne!(changed, stored);
    world.execute("UPDATE wallets SET body = $1 WHERE customer = 'team'", vec![Sql::Bytes(changed)]).await;
    stored
}

async fn the_wallets_row(kind: Kind) {
    let world = lived(kind).await;
    let one = Amount::from_micros(1).expect("an amount");
    let more = |amount: &mut Amount| *amount = amount.checked_add(one).expect("small");
    type Change<'a> = &'a dyn Fn(&mut Body);
    let changes: [(&str, Change<'_>); 12] = [
        ("available", &|body| more(&mut body.grants[0].available)),
        ("available and granted", &|body| {
            more(&mut body.grants[0].available);
            more(&mut body.grants[0].granted);
        }),
        ("a grant's expiry", &|body| {
            body.grants[0].expires_at = Some(purser_rules::Time::from_micros(1_900_000_000_000_000))
        }),
        ("a grant's priority", &|body| body.grants[0].priority += 1),
        ("a grant gone", &|body| body.grants.truncate(0)),
        ("what waits", &|body| body.waiting.count += 1),
        ("what is available of it", &|body| more(&mut body.waiting.available)),
        ("the holds", &|body| body.holds.open += 1),
        ("the debt", &|body| more(&mut body.debt.incurred)),
        ("the overage", &|body| more(&mut body.overflow)),
        ("today's usage", &|body| more(&mut body.today.consumed)),
        ("today gone", &|body| body.today = Rollup::default()),
    ];
    for (what, change) in changes {
        let stored = rewrite(&world, change).await;
        found(&world, what, None).await;
        world.execute("UPDATE wallets SET body = $1 WHERE customer = 'team'", vec![Sql::Bytes(stored)]).await;
        world.proved().await;
    }
    for column in ["seq", "head", "available", "debt"] {
        let row = world.app.db();
        let select = format!("SELECT {column} FROM wallets WHERE customer = 'team'");
        let before = row.read(move |tx| tx.query(&select, Vec::new())).await.expect("a query")[0].0[0].clone();
        let after = flipped(&before).expect("not NULL");
        let set = format!("UPDATE wallets SET {column} = $1 WHERE customer = 'team'");
        world.execute(&set, vec![after]).await;
        found(&world, column, None).await;
        world.execute(&set, vec![before]).await;
    }
    let unreadable = vec![Sql::Bytes(vec![1, 255, 255, 255])];
    world.execute("UPDATE wallets SET body = $1 WHERE customer = 'team'", unreadable).await;
    found(&world, "a body of nonsense", None).await;
}

async fn a_days_usage_and_a_hold(kind: Kind) {
    for (what, sql) in [
        ("a day's usage", "UPDATE usage_days SET consumed = consumed + 1 WHERE customer = 'team'"),
        ("a day's overage", "UPDATE usage_days SET overflow = overflow + 1 WHERE customer = 'team'"),
        ("a day gone", "DELETE FROM usage_days WHERE customer = 'team'"),
        ("a hold closed", "UPDATE holds SET state = 3 WHERE customer = 'team'"),
        ("a hold gone", "DELETE FROM holds WHERE customer = 'team'"),
        ("the next due instant", "DELETE FROM wallets_due WHERE customer = 'team'"),
    ] {
        let world = lived(kind).await;
        assert_eq!(world.execute(sql, Vec::new()).await, 1, "{what}");
        found(&world, what, None).await;
    }
}
