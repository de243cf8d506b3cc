//! What a turn changed, as rows: one statement a table, whatever the number of turns.

use super::{
    holds::{HoldExtra, StoredPart},
    tables::{
        CROSSINGS, GRANT_FIGURES, GRANTS, HOLD_STATE, HOLDS, LEDGER, USAGE_DAYS, WALLET_COLUMNS, WALLETS, WALLETS_DUE,
    },
    values::{bucket, micros, number, text},
    wallet_key, wallet_values,
};
use crate::platform::db::{Tx, Value};
use purser_rules::{
    Time,
    credit::{Changes, Crossing, Entry, Grant, GrantState, Hold, Rollup, Terms, Wallet},
    ids::{GrantId, HoldId},
};

/// What a turn's rows hold beside what the rules know.
#[derive(Debug, Default)]
pub struct Extra {
    /// Of the hold made in this turn.
    pub hold: Option<(HoldId, HoldExtra)>,
    /// The metadata bytes of grants made in this turn.
    pub grant_metadata: Vec<(GrantId, Vec<u8>)>,
}

/// Keeps everything one turn changed for the transaction's last round trip. `due_before` is the
/// wallet's next due instant as it was loaded.
pub fn write(tx: &mut Tx<'_>, rows: &mut Rows, changes: Changes, due_before: Option<Time>, extra: &Extra) {
    let Changes { wallet, entries, new_grants, grants, holds, days, crossings, noted: _ } = changes;
    rows.ledger.extend(entries.iter().map(|entry| entry_row(&wallet, entry)));
    rows.new_grants
        .extend(new_grants.iter().map(|(terms, grant, state)| grant_row(&wallet, terms, grant, *state, extra)));
    rows.grants.extend(grants.iter().map(|(grant, state)| grant_figures(grant, *state)));
    for hold in &holds {
        match &extra.hold {
            Some((id, more)) if *id == hold.id => rows.new_holds.push(new_hold_row(&wallet, hold, more)),
            _ => rows.holds.push(vec![
                Value::Id(hold.id.0),
                Value::I64(hold.id.bucket().0.into()),
                Value::I64(hold.state as i64),
                micros(hold.captured),
            ]),
        }
    }
    rows.days.extend(days.iter().map(|day| day_row(&wallet, day)));
    rows.crossings.extend(crossings.iter().map(|crossing| crossing_row(&wallet, crossing)));
    let due = wallet.due_at();
    if due != due_before {
        write_due(tx, rows, &wallet, due);
    }
    let mut row = wallet_key(&wallet.customer, &wallet.unit);
    row.extend(wallet_values(&wallet));
    rows.wallets.push(row);
}

/// Records the next due instant for the sweep.
fn write_due(tx: &mut Tx<'_>, rows: &mut Rows, wallet: &Wallet, due: Option<Time>) {
    let mut key = wallet_key(&wallet.customer, &wallet.unit);
    if let Some(at) = due {
        key.push(Value::Ts(at));
        rows.due.push(key);
    } else {
        tx.later("DELETE FROM wallets_due WHERE customer = $1 AND unit = $2 AND bucket = $3", key);
    }
}

/// Rows gathered from all turns of a transaction, written with one statement a table.
#[derive(Debug, Default)]
pub struct Rows {
    wallets: Vec<Vec<Value>>,
    ledger: Vec<Vec<Value>>,
    new_grants: Vec<Vec<Value>>,
    grants: Vec<Vec<Value>>,
    new_holds: Vec<Vec<Value>>,
    holds: Vec<Vec<Value>>,
    days: Vec<Vec<Value>>,
    crossings: Vec<Vec<Value>>,
    due: Vec<Vec<Value>>,
}

impl Rows {
    /// Hands them to the transaction.
    pub fn write(self, tx: &mut Tx<'_>) {
        tx.update_later(&WALLETS, WALLET_COLUMNS, self.wallets);
        tx.insert_later(&LEDGER, self.ledger);
        tx.insert_later(&GRANTS, self.new_grants);
        tx.update_later(&GRANTS, GRANT_FIGURES, self.grants);
        tx.insert_later(&HOLDS, self.new_holds);
        tx.update_later(&HOLDS, HOLD_STATE, self.holds);
        tx.put_later(&USAGE_DAYS, self.days);
        tx.insert_later(&CROSSINGS, self.crossings);
        tx.put_later(&WALLETS_DUE, self.due);
    }
}

/// A ledger row.
fn entry_row(wallet: &Wallet, entry: &Entry) -> Vec<Value> {
    vec![
        text(wallet.customer.as_str()),
        text(wallet.unit.as_str()),
        number(entry.seq),
        bucket(&wallet.customer),
        Value::Ts(entry.at),
        Value::I64(entry.kind as i64),
        entry.grant.map_or(Value::Null, |id| Value::Id(id.0)),
        micros(entry.amount),
        entry.terms.map_or(Value::Null, |digest| Value::Bytes(digest.0.to_vec())),
        Value::I64(entry.why.cause.kind as i64),
        text(&entry.why.cause.id),
        entry.why.cause.request.map_or(Value::Null, |id| Value::Id(id.0)),
        text(&entry.why.subject),
        entry.why.user.map_or(Value::Null, |digest| Value::Bytes(digest.0.to_vec())),
        entry.why.metadata.map_or(Value::Null, |digest| Value::Bytes(digest.0.to_vec())),
        Value::Bytes(entry.hash.0.to_vec()),
    ]
}

/// A new grant's row.
fn grant_row(wallet: &Wallet, terms: &Terms, grant: &Grant, state: GrantState, extra: &Extra) -> Vec<Value> {
    let metadata = extra.grant_metadata.iter().find(|(id, _)| *id == terms.id);
    let mut row = vec![
        Value::Id(terms.id.0),
        Value::I64(terms.id.bucket().0.into()),
        text(wallet.customer.as_str()),
        text(wallet.unit.as_str()),
        Value::I64(terms.source_kind as i64),
        text(&terms.source_id),
        Value::I64(terms.priority.into()),
        Value::Ts(terms.effective_at),
        terms.expires_at.map_or(Value::Null, Value::Ts),
        terms.rollover.map_or(Value::Null, |rollover| micros(rollover.max)),
        terms.rollover.map_or(Value::Null, |rollover| Value::I64(rollover.seconds)),
        metadata.map_or(Value::Null, |(_, bytes)| Value::Bytes(bytes.clone())),
        Value::Ts(wallet.last_at),
        Value::I64(state as i64),
        micros(grant.granted),
    ];
    row.extend(figures(grant));
    row
}

/// The figures of an existing grant's row.
fn grant_figures(grant: &Grant, state: GrantState) -> Vec<Value> {
    let mut row = vec![Value::Id(grant.id.0), Value::I64(grant.id.bucket().0.into()), Value::I64(state as i64)];
    row.extend(figures(grant));
    row
}

fn figures(grant: &Grant) -> [Value; 8] {
    [
        micros(grant.available),
        micros(grant.held),
        micros(grant.frozen),
        micros(grant.spent),
        micros(grant.expired),
        micros(grant.revoked),
        micros(grant.revoke_on_release),
        micros(grant.freeze_on_release),
    ]
}

fn new_hold_row(wallet: &Wallet, hold: &Hold, extra: &HoldExtra) -> Vec<Value> {
    let parts: Vec<_> = hold
        .parts
        .iter()
        .map(|part| StoredPart { grant: part.grant.to_string(), micros: part.amount.micros() })
        .collect();
    vec![
        Value::Id(hold.id.0),
        Value::I64(hold.id.bucket().0.into()),
        text(wallet.customer.as_str()),
        text(wallet.unit.as_str()),
        Value::I64(hold.state as i64),
        Value::Ts(hold.created_at),
        Value::Ts(hold.expires_at),
        micros(hold.amount),
        Value::I64(hold.mode as i64),
        micros(hold.captured),
        Value::Json(serde_json::to_string(&parts).unwrap_or_default()),
        extra.user_id.as_deref().map_or(Value::Null, text),
        extra.metadata.clone().map_or(Value::Null, Value::Bytes),
    ]
}

fn day_row(wallet: &Wallet, day: &Rollup) -> Vec<Value> {
    vec![
        text(wallet.customer.as_str()),
        text(wallet.unit.as_str()),
        Value::I64(day.day.into()),
        bucket(&wallet.customer),
        number(day.count),
        micros(day.consumed),
        micros(day.overflow),
    ]
}

fn crossing_row(wallet: &Wallet, crossing: &Crossing) -> Vec<Value> {
    vec![
        text(wallet.customer.as_str()),
        text(wallet.unit.as_str()),
        Value::Ts(crossing.period_start),
        Value::I64(crossing.threshold.into()),
        Value::I64(crossing.arming.into()),
        bucket(&wallet.customer),
        micros(crossing.used),
        micros(crossing.limit),
        Value::Ts(crossing.at),
    ]
}
