//! What goes into a statement and what comes out, the same for both databases.

use super::DbError;
use purser_rules::Time;
use std::cmp::Ordering;

/// One value of a parameter or a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// `{i64}`: BIGINT.
    I64(i64),
    /// `{bool}`: BOOLEAN / INTEGER 0 or 1.
    Bool(bool),
    /// `{text}`: TEXT, ordered by its bytes.
    Text(String),
    /// `{bytes}`: BYTEA / BLOB.
    Bytes(Vec<u8>),
    /// `{id}`: UUID / BLOB of 16 bytes, ordered the same.
    Id(u128),
    /// `{ts}`: TIMESTAMPTZ / INTEGER microseconds.
    Ts(Time),
    /// `{json}`: JSONB / TEXT.
    Json(String),
}

impl Value {
    /// An order of values of one type, as both databases order them.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::I64(a), Self::I64(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) | (Self::Json(a), Self::Json(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Id(a), Self::Id(b)) => a.cmp(b),
            (Self::Ts(a), Self::Ts(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    /// The order of rows of values, by the first that differs.
    pub(super) fn compare_all(a: &[Self], b: &[Self]) -> Ordering {
        let differing = a.iter().zip(b).map(|(a, b)| a.compare(b)).find(|order| order.is_ne());
        differing.unwrap_or_else(|| a.len().cmp(&b.len()))
    }

    /// Puts values of different types in some order.
    const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::I64(_) => 1,
            Self::Bool(_) => 2,
            Self::Text(_) => 3,
            Self::Bytes(_) => 4,
            Self::Id(_) => 5,
            Self::Ts(_) => 6,
            Self::Json(_) => 7,
        }
    }
}

/// The type of a column, so that a whole column of parameters can be sent as one array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// [`Value::I64`]
    I64,
    /// [`Value::Bool`]
    Bool,
    /// [`Value::Text`]
    Text,
    /// [`Value::Bytes`]
    Bytes,
    /// [`Value::Id`]
    Id,
    /// [`Value::Ts`]
    Ts,
    /// [`Value::Json`]
    Json,
}

/// A column by name and type.
pub type Column = (&'static str, Type);

/// A table as the bulk verbs need it: all columns they may name.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns of its primary key, `bucket` among them.
    pub key: &'static [Column],
    /// The other columns.
    pub columns: &'static [Column],
}

/// An index of a table that only grows, which SQLite keeps up in bulk, behind the rows as they arrive.
/// PostgreSQL has it at once.
#[derive(Debug)]
pub struct LaggingIndex {
    /// The table. On SQLite its rows are numbered in order of arrival by `position`, its INTEGER PRIMARY KEY.
    pub table: &'static str,
    /// The index, a table of its own: the key, then `position`.
    pub places: &'static Table,
    /// The table whose one row says up to which position (`upto`) the index has every row.
    pub mark: &'static str,
}

/// One row of an answer; columns by position.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<Value>);

#[expect(clippy::missing_errors_doc, reason = "all answer `DbError::Bug` when the column is of another type")]
impl Row {
    /// A BIGINT.
    pub fn i64(&self, at: usize) -> Result<i64, DbError> {
        match self.0.get(at) {
            Some(Value::I64(value)) => Ok(*value),
            other => Err(wrong(at, "BIGINT", other)),
        }
    }

    /// A BIGINT or NULL.
    pub fn opt_i64(&self, at: usize) -> Result<Option<i64>, DbError> {
        if self.is_null(at) { Ok(None) } else { self.i64(at).map(Some) }
    }

    /// A BOOLEAN.
    pub fn bool(&self, at: usize) -> Result<bool, DbError> {
        match self.0.get(at) {
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::I64(value)) => Ok(*value != 0),
            other => Err(wrong(at, "BOOLEAN", other)),
        }
    }

    /// A text (or JSON as text).
    pub fn text(&self, at: usize) -> Result<&str, DbError> {
        match self.0.get(at) {
            Some(Value::Text(value) | Value::Json(value)) => Ok(value),
            other => Err(wrong(at, "TEXT", other)),
        }
    }

    /// A text or NULL.
    pub fn opt_text(&self, at: usize) -> Result<Option<&str>, DbError> {
        if self.is_null(at) { Ok(None) } else { self.text(at).map(Some) }
    }

    /// Bytes.
    pub fn bytes(&self, at: usize) -> Result<&[u8], DbError> {
        match self.0.get(at) {
            Some(Value::Bytes(value)) => Ok(value),
            other => Err(wrong(at, "BYTES", other)),
        }
    }

    /// Bytes or NULL.
    pub fn opt_bytes(&self, at: usize) -> Result<Option<&[u8]>, DbError> {
        if self.is_null(at) { Ok(None) } else { self.bytes(at).map(Some) }
    }

    /// An id.
    pub fn id(&self, at: usize) -> Result<u128, DbError> {
        match self.0.get(at) {
            Some(Value::Id(value)) => Ok(*value),
            Some(Value::Bytes(value)) => {
                let bytes: [u8; 16] = value.as_slice().try_into().map_err(|_| wrong(at, "ID", None))?;
                Ok(u128::from_be_bytes(bytes))
            }
            other => Err(wrong(at, "ID", other)),
        }
    }

    /// An id or NULL.
    pub fn opt_id(&self, at: usize) -> Result<Option<u128>, DbError> {
        if self.is_null(at) { Ok(None) } else { self.id(at).map(Some) }
    }

    /// An instant.
    pub fn ts(&self, at: usize) -> Result<Time, DbError> {
        match self.0.get(at) {
            Some(Value::Ts(value)) => Ok(*value),
            Some(Value::I64(micros)) => Ok(Time::from_micros(*micros)),
            other => Err(wrong(at, "TS", other)),
        }
    }

    /// An instant or NULL.
    pub fn opt_ts(&self, at: usize) -> Result<Option<Time>, DbError> {
        if self.is_null(at) { Ok(None) } else { self.ts(at).map(Some) }
    }

    /// Whether the column is NULL.
    #[must_use]
    pub fn is_null(&self, at: usize) -> bool {
        matches!(self.0.get(at), Some(Value::Null))
    }
}

/// What a column should have been.
fn wrong(at: usize, want: &str, got: Option<&Value>) -> DbError {
    // Its type alone: what stands in it may be secret.
    let got = match got {
        None => "missing or of the wrong length",
        Some(Value::Null) => "NULL",
        Some(Value::I64(_)) => "BIGINT",
        Some(Value::Bool(_)) => "BOOLEAN",
        Some(Value::Text(_)) => "TEXT",
        Some(Value::Bytes(_)) => "BYTES",
        Some(Value::Id(_)) => "ID",
        Some(Value::Ts(_)) => "TS",
        Some(Value::Json(_)) => "JSON",
    };
    DbError::Bug(format!("column {at} should be {want}, is {got}"))
}
