//! Heads: a cut tail shows even when the wallet was cut with it, and so does a changed file.
#![expect(clippy::unwrap_used, reason = "a test says what it needs")]

use super::*;
use crate::{
    features::credits::{GrantRequest, grant, verify},
    platform::{auth::Actor, clock::Clock, db::DbConfig, ids::Random},
};
use purser_rules::{Amount, credit::SourceKind, ids::GrantId};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";

async fn give(db: &Db, random: &Random, source: &str) {
    let customer = CustomerId::new("acme").unwrap();
    let request = GrantRequest {
        id: GrantId::new(Time::from_micros(0), random.number(), customer.bucket()),
        customer,
        unit: Unit::credits(),
        amount: Amount::units(5),
        source_kind: SourceKind::Manual,
        source_id: Some(source.to_owned()),
        priority: None,
        effective_at: None,
        expires_at: None,
        metadata: None,
        key: None,
        actor: Actor::job("test"),
    };
    let random = random.clone();
    db.write(move |tx| grant(tx, &request, true, &random)).await.unwrap();
}

/// Takes everything back to before the last grant, as someone with the database in hand could.
async fn cut(db: &Db) {
    let cut = |tx: &mut Tx<'_>| -> Result<(), DbError> {
        tx.execute("DELETE FROM wallets", Vec::new())?;
        tx.execute("DELETE FROM grants", Vec::new())?;
        tx.execute("DELETE FROM ledger", Vec::new())?;
        Ok(())
    };
    db.write(cut).await.unwrap();
}

#[tokio::test]
async fn a_cut_tail_and_a_changed_file_show() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, random) = (Clock::manual(Time::parse("2026-11-21T04:00:00Z").unwrap()), Random::seeded(7));
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    let db = Db::open(DbConfig { url, ..DbConfig::default() }, clock.clone()).unwrap();
    db.migrate().await.unwrap();
    let heads = folder.path().join("heads");

    let none = write_heads(&db, &heads, SECRET, clock.now()).await.unwrap();
    assert_eq!((none.wallets, none.file), (0, None), "nothing to write yet");
    give(&db, &random, "a").await;
    give(&db, &random, "b").await;
    clock.advance(2 * 3_600_000_000);
    let written = write_heads(&db, &heads, SECRET, clock.now()).await.unwrap();
    assert_eq!(written.wallets, 1);
    assert_eq!(check_heads(&db, &heads, SECRET).await.unwrap(), Vec::new());

    clock.advance(86_400_000_000);
    let again = write_heads(&db, &heads, SECRET, clock.now()).await.unwrap();
    assert_eq!(again.wallets, 0, "no wallet changed since");

    cut(&db).await;
    give(&db, &random, "a").await;
    assert!(verify(&db, |_, _| ()).await.unwrap().flaws.is_empty(), "the cut database agrees with itself");
    let flaws = check_heads(&db, &heads, SECRET).await.unwrap();
    assert_eq!((flaws[0].customer_id.as_str(), flaws[0].entry), ("acme", Some(2)));
    assert!(flaws[0].what.ends_with("is gone"), "{}", flaws[0].what);

    let path = written.file.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"seq\":2", "\"seq\":1")).unwrap();
    let flaws = check_heads(&db, &heads, SECRET).await.unwrap();
    assert!(flaws[0].what.contains("was changed"), "{}", flaws[0].what);
    let other = check_heads(&db, &heads, b"another secret of thirty-two bytes").await.unwrap();
    assert!(other[0].what.contains("not signed"), "{}", other[0].what);
}
