//! A transaction as features see it: plain synchronous calls, the same on both databases.

use super::{Column, DbError, Row, Table, Value, link::Link};
use crate::platform::clock::Clock;
use metrics::histogram;
use purser_rules::Time;
use std::{borrow::Cow, time::Instant};

/// A read that is sent together with others in one round trip.
#[derive(Debug)]
pub enum Load {
    /// One ordinary query.
    Query {
        /// Its text.
        sql: Cow<'static, str>,
        /// Its parameters.
        params: Vec<Value>,
    },
    /// The rows of `table` whose `by` columns equal one of `keys`, in no particular order.
    Many {
        /// The table.
        table: &'static Table,
        /// The columns looked up by; `bucket` is one of them.
        by: &'static [Column],
        /// The columns answered.
        columns: &'static [Column],
        /// What to look for: one value per `by` column each.
        keys: Vec<Vec<Value>>,
        /// Whether to lock the rows, in the order of `by` ascending (PostgreSQL: `FOR UPDATE`).
        lock: bool,
    },
}

/// One step of a transaction, as the databases are asked to do it.
#[derive(Debug)]
pub(super) enum Op {
    /// An ordinary statement.
    Query { sql: Cow<'static, str>, params: Vec<Value> },
    /// [`Load::Many`]
    Many { table: &'static Table, by: &'static [Column], columns: &'static [Column], keys: Vec<Vec<Value>>, lock: bool },
    /// Whole rows, `key` columns then `columns`.
    Insert { table: &'static Table, rows: Vec<Vec<Value>>, there: There },
    /// Existing rows, `key` columns then `columns`.
    Update { table: &'static Table, columns: &'static [Column], rows: Vec<Vec<Value>> },
}

/// What an insert does with a row whose key is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum There {
    /// A conflict.
    Conflict,
    /// Leaves it.
    Leave,
    /// Replaces its columns.
    Replace,
    /// Leaves it, and locks it as an update would.
    Lock,
}

/// What a step answered.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rows: Vec<Row>,
    pub(super) touched: u64,
}

/// A transaction, or a read of one moment.
///
/// Statements use `$1…$n`, each once and in order. `later` statements are kept and sent in one
/// round trip with the next read or with COMMIT: those of one table in the order they were given, rows of
/// statements that are alike together in one.
/// Once a statement has failed every further one answers the same error, and nothing is kept.
pub struct Tx<'a> {
    clock: &'a Clock,
    link: Link<'a>,
    later: Vec<Op>,
    failed: Option<DbError>,
    /// When its first round trip began and its last one ended.
    loaded: Option<(Instant, Instant)>,
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tx")
    }
}

#[expect(clippy::missing_errors_doc, reason = "all answer what the database says, as a `DbError`")]
impl<'a> Tx<'a> {
    /// A transaction over `link`.
    pub(super) fn new(clock: &'a Clock, link: Link<'a>) -> Self {
        Self { clock, link, later: Vec::new(), failed: None, loaded: None }
    }

    /// The instant it is: call it after taking locks.
    #[must_use]
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Rows of a query.
    pub fn query(&mut self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        Ok(self.last(Op::Query { sql: Cow::Owned(sql.to_owned()), params })?.rows)
    }

    /// The first row of a query, if there is one.
    pub fn first(&mut self, sql: &str, params: Vec<Value>) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// Runs a statement now; answers how many rows it touched.
    pub fn execute(&mut self, sql: &str, params: Vec<Value>) -> Result<u64, DbError> {
        Ok(self.last(Op::Query { sql: Cow::Owned(sql.to_owned()), params })?.touched)
    }

    /// Several reads in one round trip, answered in order.
    pub fn load(&mut self, loads: Vec<Load>) -> Result<Vec<Vec<Row>>, DbError> {
        let wanted = loads.len();
        let outcomes = self.run(loads.into_iter().map(Op::from).collect())?;
        let kept = outcomes.len() - wanted;
        Ok(outcomes.into_iter().skip(kept).map(|outcome| outcome.rows).collect())
    }

    /// Keeps a statement for the next round trip.
    pub fn later(&mut self, sql: &'static str, params: Vec<Value>) {
        self.later.push(Op::Query { sql: Cow::Borrowed(sql), params });
    }

    /// Keeps an insert of whole rows (`key` columns, then `columns`) for the next round trip.
    pub fn insert_later(&mut self, table: &'static Table, rows: Vec<Vec<Value>>) {
        self.keep(Op::Insert { table, rows, there: There::Conflict });
    }

    /// The same, doing nothing for rows whose key is there already.
    pub fn insert_missing_later(&mut self, table: &'static Table, rows: Vec<Vec<Value>>) {
        self.keep(Op::Insert { table, rows, there: There::Leave });
    }

    /// Keeps an insert that replaces all `columns` of rows whose key is there already.
    /// Of rows with one key the last counts.
    pub fn put_later(&mut self, table: &'static Table, rows: Vec<Vec<Value>>) {
        self.keep(Op::Insert { table, rows, there: There::Replace });
    }

    /// Keeps an insert that leaves rows whose key is there already as they are, and locks them: who deletes one at the
    /// same moment has done so before, and then the row is inserted, or does it after this transaction.
    pub fn insert_or_lock_later(&mut self, table: &'static Table, rows: Vec<Vec<Value>>) {
        self.keep(Op::Insert { table, rows, there: There::Lock });
    }

    /// Keeps an update of `columns` in existing rows; each row holds the key's values, then the columns'.
    /// Of rows with one key the last counts; a key that is not there changes nothing.
    pub fn update_later(&mut self, table: &'static Table, columns: &'static [Column], rows: Vec<Vec<Value>>) {
        self.keep(Op::Update { table, columns, rows });
    }

    /// Sends what was kept for later, now.
    pub fn flush(&mut self) -> Result<(), DbError> {
        if self.later.is_empty() { self.failed.clone().map_or(Ok(()), Err) } else { self.run(Vec::new()).map(drop) }
    }

    /// Keeps `op`; with the last one of its table, if the two are alike. An ordinary statement may be about any table.
    fn keep(&mut self, op: Op) {
        let same_table = |kept: &&mut Op| kept.table().is_none_or(|name| Some(name) == op.table());
        let last = self.later.iter_mut().rev().find(same_table);
        match last.filter(|last| last.is_like(&op)) {
            Some(Op::Insert { rows, .. } | Op::Update { rows, .. }) => rows.extend(op.into_rows()),
            _ => self.later.push(op),
        }
    }

    /// What is kept for later; a database that commits sends it along.
    pub(super) fn take_later(&mut self) -> Vec<Op> {
        let mut ops = std::mem::take(&mut self.later);
        for op in &mut ops {
            if let Op::Update { table, rows, .. } | Op::Insert { table, rows, there: There::Replace | There::Lock } = op
            {
                *rows = last_of_each_key(std::mem::take(rows), table.key.len());
            }
        }
        ops
    }

    /// Whether all that was asked was done, and without an error.
    pub(super) const fn is_settled(&self) -> bool {
        self.later.is_empty() && self.failed.is_none()
    }

    /// The first error a statement answered.
    pub(super) fn failure(&self) -> Option<DbError> {
        self.failed.clone()
    }

    /// When its first round trip began and its last one ended.
    pub(super) const fn loaded(&self) -> Option<(Instant, Instant)> {
        self.loaded
    }

    /// Runs `op` after what was kept for later.
    fn last(&mut self, op: Op) -> Result<Outcome, DbError> {
        let outcome = self.run(vec![op])?.pop();
        outcome.ok_or_else(|| DbError::Bug("a statement was not answered".into()))
    }

    /// Runs what was kept for later and then `ops` as one group.
    fn run(&mut self, ops: Vec<Op>) -> Result<Vec<Outcome>, DbError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let mut group = self.take_later();
        group.extend(ops);
        let began = Instant::now();
        let outcome = group.iter().try_for_each(check_op).and_then(|()| self.link.run(&group));
        let ended = Instant::now();
        self.loaded = Some((self.loaded.map_or(began, |(first, _)| first), ended));
        if self.link.waits_for_rows() && group.iter().any(Op::locks) {
            histogram!("purser_db_lock_seconds").record(ended.duration_since(began).as_secs_f64());
        }
        outcome.inspect_err(|error| self.failed = Some(error.clone()))
    }
}

impl Op {
    /// The table it writes whole rows or columns of; none for a read or an ordinary statement.
    const fn table(&self) -> Option<&'static str> {
        match self {
            Self::Insert { table, .. } | Self::Update { table, .. } => Some(table.name),
            Self::Query { .. } | Self::Many { .. } => None,
        }
    }

    /// Whether the rows of both can be written by one statement.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Insert { table, there, .. }, Self::Insert { table: table_2, there: there_2, .. }) => {
                table.name == table_2.name && there == there_2
            }
            (Self::Update { table, columns, .. }, Self::Update { table: table_2, columns: columns_2, .. }) => {
                table.name == table_2.name && columns == columns_2
            }
            _ => false,
        }
    }

    /// Its rows.
    fn into_rows(self) -> Vec<Vec<Value>> {
        match self {
            Self::Insert { rows, .. } | Self::Update { rows, .. } => rows,
            Self::Query { .. } | Self::Many { .. } => Vec::new(),
        }
    }

    /// Whether it waits for others to let go of rows.
    const fn locks(&self) -> bool {
        matches!(self, Self::Many { lock: true, .. })
    }
}

impl From<Load> for Op {
    fn from(load: Load) -> Self {
        match load {
            Load::Query { sql, params } => Self::Query { sql, params },
            Load::Many { table, by, columns, mut keys, lock } => {
                keys.sort_by(|a, b| Value::compare_all(a, b));
                keys.dedup();
                Self::Many { table, by, columns, keys, lock }
            }
        }
    }
}

/// Whether every row is as wide as its statement wants, and no text holds U+0000: PostgreSQL stores none.
pub(super) fn check_op(op: &Op) -> Result<(), DbError> {
    let (name, width, rows): (&str, usize, &[Vec<Value>]) = match op {
        Op::Query { sql, params } => (sql, params.len(), std::slice::from_ref(params)),
        Op::Many { table, by, keys, .. } => (table.name, by.len(), keys),
        Op::Insert { table, rows, .. } => (table.name, table.key.len() + table.columns.len(), rows),
        Op::Update { table, columns, rows } => (table.name, table.key.len() + columns.len(), rows),
    };
    for row in rows {
        if row.len() != width {
            return Err(DbError::Bug(format!("a row of {} values where {name} needs {width}", row.len())));
        }
        for value in row {
            if let Value::Text(text) | Value::Json(text) = value
                && text.contains('\0')
            {
                return Err(DbError::Bug(format!("a text with U+0000 cannot be stored: {name}")));
            }
        }
    }
    Ok(())
}

/// The rows without those whose key (the first `width` values) comes again, ordered by key.
/// Every statement of several rows goes in key order, so that two of them never wait for each other.
fn last_of_each_key(mut rows: Vec<Vec<Value>>, width: usize) -> Vec<Vec<Value>> {
    let key = |row: &[Value]| row.len().min(width);
    rows.sort_by(|a, b| Value::compare_all(&a[..key(a)], &b[..key(b)]));
    rows.reverse();
    rows.dedup_by(|a, b| a[..key(a)] == b[..key(b)]);
    rows.reverse();
    rows
}
