//! The ledger proved: every wallet recomputed from its entries and compared with what is stored (rules 1.10).

use super::{grant_rows, ledger, reads, store};
use crate::platform::db::{Db, DbError, Tx, Value};
use purser_rules::{
    Amount,
    credit::{
        Digest, Entry, EntryKind, Figures, Grant, Terms, Wallet,
        invariant::{self, Replay, Violation},
    },
    ids::{CustomerId, GrantId, Unit},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many entries are read at a time.
const STEP: i64 = 2_000;
/// How many grants are read at a time with their metadata.
const GRANTS_STEP: i64 = 200;

/// What is wrong with one wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// Whose wallet.
    pub customer_id: String,
    /// In which unit.
    pub unit: String,
    /// The number of the entry that is wrong, or after which entries are missing.
    pub entry: Option<u64>,
    /// The grant that is wrong.
    pub grant_id: Option<String>,
    /// What should hold, and what is there instead.
    pub what: String,
}

/// What was found of one wallet.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Entries read.
    pub entries: u64,
    /// What is wrong, if anything.
    pub flaw: Option<Flaw>,
}

/// What a whole run found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    /// Wallets proved or found wrong.
    pub wallets: u64,
    /// Entries read.
    pub entries: u64,
    /// What is wrong.
    pub flaws: Vec<Flaw>,
}

/// Proves every wallet, slice by slice; `progress` is told how many wallets and entries are done.
///
/// # Errors
/// What the database says.
pub async fn verify(db: &Db, progress: impl Fn(u64, u64)) -> Result<Verified, DbError> {
    let mut verified = Verified::default();
    let mut after = None;
    db.caught_up(&store::LEDGER_BY_WALLET).await;
    loop {
        let from = after.take();
        let names = db.read(move |tx| wallets_after(tx, None, from.as_ref(), 100)).await?;
        let Some(last) = names.last().cloned() else { break };
        for (customer, unit) in names {
            let checked = one(db, customer, unit).await?;
            verified.wallets += 1;
            verified.entries += checked.entries;
            verified.flaws.extend(checked.flaw);
            progress(verified.wallets, verified.entries);
        }
        after = Some(last);
    }
    verified.flaws.extend(db.read(orphans).await?);
    Ok(verified)
}

/// The names of wallets after `after`, of one customer or of all.
///
/// # Errors
/// What the database says.
pub fn wallets_after(
    tx: &mut Tx<'_>,
    customer: Option<&CustomerId>,
    after: Option<&(CustomerId, Unit)>,
    limit: i64,
) -> Result<Vec<(CustomerId, Unit)>, DbError> {
    let (from, unit) = after.map_or(("", ""), |(customer, unit)| (customer.as_str(), unit.as_str()));
    let mut params = vec![store::text(from), store::text(unit)];
    let mut sql = String::from("SELECT customer, unit FROM wallets WHERE (customer, unit) > ($1, $2)");
    if let Some(customer) = customer {
        sql.push_str(" AND customer = $3 AND bucket = $4 ORDER BY customer, unit LIMIT $5");
        params.extend([store::text(customer.as_str()), store::bucket(customer)]);
    } else {
        sql.push_str(" ORDER BY customer, unit LIMIT $3");
    }
    params.push(Value::I64(limit));
    tx.query(&sql, params)?.iter().map(|row| Ok((store::customer(row.text(0)?)?, store::unit(row.text(1)?)?))).collect()
}

/// Entries that no wallet counts: their wallet is not there, or their number is another entry's.
fn orphans(tx: &mut Tx<'_>) -> Result<Vec<Flaw>, DbError> {
    let lost = "SELECT customer, unit, 1 AS seq FROM ledger EXCEPT SELECT customer, unit, 1 FROM wallets LIMIT 100";
    let twice = "SELECT customer, unit, seq FROM ledger_strays LIMIT 100";
    let mut flaws = Vec::new();
    for (sql, what) in [
        (lost, "the ledger has entries, but the wallet is not there"),
        (twice, "the entry was put here, or renamed, behind the index"),
    ] {
        for row in tx.query(sql, Vec::new())? {
            flaws.push(Flaw {
                customer_id: row.text(0)?.to_owned(),
                unit: row.text(1)?.to_owned(),
                entry: u64::try_from(row.i64(2)?).ok(),
                grant_id: None,
                what: what.to_owned(),
            });
        }
    }
    Ok(flaws)
}

/// Proves one wallet in a read of its own. Rows that cannot be read at all are a flaw of that wallet, and end
/// nothing else.
///
/// # Errors
/// What the database says of itself.
pub async fn one(db: &Db, customer: CustomerId, unit: Unit) -> Result<Checked, DbError> {
    let (of, its) = (customer.clone(), unit.clone());
    match db.read(move |tx| wallet(tx, &of, &its)).await {
        Err(DbError::Bug(found)) => {
            let rule = "what is stored of the wallet can be read";
            let violation = Violation { rule, entry: None, grant: None, found };
            Ok(Checked { entries: 0, flaw: Some(flaw(&customer, &unit, &violation)) })
        }
        checked => checked,
    }
}

/// Proves one wallet: chain, invariants, and every figure from the entries.
///
/// # Errors
/// What the database says.
pub fn wallet(tx: &mut Tx<'_>, customer: &CustomerId, unit: &Unit) -> Result<Checked, DbError> {
    let wallet = match reads::wallet(tx, customer, unit) {
        Ok(Some(wallet)) => wallet,
        Ok(None) => return Ok(Checked { entries: 0, flaw: None }),
        Err(DbError::Bug(what)) => {
            let violation = Violation { rule: "the wallet can be read", entry: None, grant: None, found: what };
            return Ok(Checked { entries: 0, flaw: Some(flaw(customer, unit, &violation)) });
        }
        Err(error) => return Err(error),
    };
    let mut replay = Replay::new(customer.clone(), unit.clone());
    let mut sums = Sums::default();
    let found = match entries(tx, &wallet, &mut replay, &mut sums)? {
        Ok(()) => snapshot(tx, &wallet, &replay, &sums)?,
        wrong => wrong,
    };
    Ok(Checked { entries: sums.entries, flaw: found.err().map(|violation| flaw(customer, unit, &violation)) })
}

fn flaw(customer: &CustomerId, unit: &Unit, violation: &Violation) -> Flaw {
    Flaw {
        customer_id: customer.as_str().to_owned(),
        unit: unit.as_str().to_owned(),
        entry: violation.entry,
        grant_id: violation.grant.map(|id| id.to_string()),
        what: format!("{} ({})", violation.rule, violation.found),
    }
}

/// What the entries come to beside the figures of grants.
#[derive(Default)]
struct Sums {
    entries: u64,
    consumed: i64,
    overflow: i64,
    terms: BTreeMap<GrantId, (u64, Option<Digest>)>,
}

impl Sums {
    fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        match entry.kind {
            EntryKind::Spend | EntryKind::Capture => self.consumed += entry.amount.micros(),
            EntryKind::Overflow => self.overflow += entry.amount.micros(),
            EntryKind::Grant => {
                self.terms.extend(entry.grant.map(|id| (id, (entry.seq, entry.terms))));
            }
            _ => {}
        }
    }
}

/// Replays all entries.
fn entries(
    tx: &mut Tx<'_>,
    wallet: &Wallet,
    replay: &mut Replay,
    sums: &mut Sums,
) -> Result<Result<(), Violation>, DbError> {
    let (mut last, mut limit) = (0, STEP);
    loop {
        let step = match ledger::after(tx, &wallet.customer, &wallet.unit, last, limit) {
            Ok(step) => step,
            // One of them cannot be read: one by one, to say which.
            Err(DbError::Bug(_)) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(DbError::Bug(what)) => return Ok(Err(unreadable(last + 1, what))),
            Err(error) => return Err(error),
        };
        for entry in &step {
            if let Err(violation) = replay.take(entry) {
                return Ok(Err(violation));
            }
            sums.add(entry);
            last = entry.seq;
        }
        if i64::try_from(step.len()).is_ok_and(|read| read < limit) {
            break;
        }
    }
    if wallet.seq != last {
        let found = format!("the wallet counts {}, the ledger ends at {last}", wallet.seq);
        let rule = "the ledger has all the entries its wallet counts";
        return Ok(Err(Violation { rule, entry: Some(last.min(wallet.seq) + 1), grant: None, found }));
    }
    if wallet.head != *replay.head() {
        let found = "the wallet's head is another".to_owned();
        return Ok(Err(Violation {
            rule: "the wallet's head is its last entry's hash",
            entry: Some(last),
            grant: None,
            found,
        }));
    }
    Ok(Ok(()))
}

fn unreadable(entry: u64, what: String) -> Violation {
    Violation { rule: "the entries from here on can be read", entry: Some(entry), grant: None, found: what }
}

/// Compares the stored snapshot with what the entries come to.
fn snapshot(tx: &mut Tx<'_>, wallet: &Wallet, replay: &Replay, sums: &Sums) -> Result<Result<(), Violation>, DbError> {
    let loaded = store::load(tx, wallet, purser_rules::credit::Needs { waiting: true, holds: true })?;
    let (waiting, holds) = (loaded.waiting.unwrap_or_default(), loaded.holds.unwrap_or_default());
    if let Err(violation) = invariant::check(wallet, &waiting, &holds) {
        return Ok(Err(violation));
    }
    let mut figures: Vec<(GrantId, Figures)> =
        wallet.body.grants.iter().chain(&waiting).map(|grant| (grant.id, Figures::of(grant))).collect();
    let closed = store::closed_of(tx, wallet)?;
    figures.extend(closed.iter().map(|grant| (grant.id, Figures::of(grant))));
    if let Err(violation) = replay.matches(wallet, figures) {
        return Ok(Err(violation));
    }
    if let Err(violation) = terms(tx, wallet, sums)? {
        return Ok(Err(violation));
    }
    if let Err(violation) = beside(tx, wallet)? {
        return Ok(Err(violation));
    }
    usage(tx, wallet, sums)
}

/// Whether what is kept beside the wallet's body for people and sweeps says the same as the body.
fn beside(tx: &mut Tx<'_>, wallet: &Wallet) -> Result<Result<(), Violation>, DbError> {
    let key = || store::wallet_key(&wallet.customer, &wallet.unit);
    let sql = "SELECT available, debt FROM wallets WHERE customer = $1 AND unit = $2 AND bucket = $3";
    let row = tx.first(sql, key())?;
    let kept = row.map(|row| Ok::<_, DbError>((row.i64(0)?, row.i64(1)?))).transpose()?;
    let body = (wallet.available().micros(), wallet.body.debt.outstanding().micros());
    if kept != Some(body) {
        let found = format!("{kept:?} beside {body:?}, in millionths");
        let rule = "what is available and owed stands beside the wallet's body too";
        return Ok(Err(Violation { rule, entry: None, grant: None, found }));
    }
    let sql = "SELECT due_at FROM wallets_due WHERE customer = $1 AND unit = $2 AND bucket = $3";
    let kept = tx.first(sql, key())?.map(|row| row.ts(0)).transpose()?;
    let due = wallet.due_at();
    if kept != due {
        let found = format!("{kept:?} is written, {due:?} is due");
        return Ok(Err(Violation { rule: "sweeps know when the wallet is due", entry: None, grant: None, found }));
    }
    Ok(Ok(()))
}

/// Whether each grant's stored terms are those its entry was chained with.
fn terms(tx: &mut Tx<'_>, wallet: &Wallet, sums: &Sums) -> Result<Result<(), Violation>, DbError> {
    let inline: BTreeMap<GrantId, &Grant> = wallet.body.grants.iter().map(|grant| (grant.id, grant)).collect();
    let mut after = None;
    loop {
        let rows = grant_rows::after(tx, &wallet.customer, &wallet.unit, after, GRANTS_STEP)?;
        let Some(last) = rows.last() else { return Ok(Ok(())) };
        after = Some(last.grant.id);
        for row in rows {
            let stored = terms_of(&row);
            let same_in_wallet = inline.get(&row.grant.id).is_none_or(|grant| {
                (grant.priority, grant.effective_at, grant.expires_at)
                    == (stored.priority, stored.effective_at, stored.expires_at)
            });
            let chained = sums.terms.get(&row.grant.id);
            if !same_in_wallet || chained.is_none_or(|(_, digest)| *digest != Some(stored.digest())) {
                return Ok(Err(Violation {
                    rule: "a grant's terms are those it was given with",
                    entry: chained.map(|(seq, _)| *seq),
                    grant: Some(row.grant.id),
                    found: "other terms".to_owned(),
                }));
            }
        }
    }
}

fn terms_of(row: &grant_rows::GrantRow) -> Terms {
    Terms {
        id: row.grant.id,
        source_kind: row.grant.source_kind,
        source_id: row.source_id.clone(),
        amount: row.grant.granted,
        priority: row.grant.priority,
        effective_at: row.grant.effective_at,
        expires_at: row.grant.expires_at,
        rollover: row.grant.rollover,
        metadata: row.metadata.as_deref().map(Digest::of),
    }
}

/// Whether the days' usage adds up to what the entries spent.
fn usage(tx: &mut Tx<'_>, wallet: &Wallet, sums: &Sums) -> Result<Result<(), Violation>, DbError> {
    let sql = "SELECT consumed, overflow FROM usage_days WHERE customer = $1 AND unit = $2 AND bucket = $3";
    let today = wallet.body.today;
    let mut days = (today.consumed.micros(), today.overflow.micros());
    for row in tx.query(sql, store::wallet_key(&wallet.customer, &wallet.unit))? {
        days = (days.0 + row.i64(0)?, days.1 + row.i64(1)?);
    }
    let spent = (sums.consumed, sums.overflow);
    if days == spent {
        return Ok(Ok(()));
    }
    let show =
        |micros: i64| Amount::from_micros(micros).map_or_else(|| micros.to_string(), |amount| amount.to_string());
    let found =
        format!("{} and {} by day, {} and {} by entry", show(days.0), show(days.1), show(spent.0), show(spent.1));
    Ok(Err(Violation { rule: "the days' usage is what was spent", entry: None, grant: None, found }))
}
