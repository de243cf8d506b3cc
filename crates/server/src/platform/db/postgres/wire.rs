//! Values in PostgreSQL's binary form. Encoded before anything of a group is sent: a value that does not
//! fit its parameter must not leave a group with a hole in it and a COMMIT at its end.

use crate::platform::db::{DbError, Row, Value};
use bytes::{BufMut as _, BytesMut};
use purser_rules::Time;
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

/// 2000-01-01T00:00:00Z, where PostgreSQL's instants begin.
const EPOCH: i64 = 946_684_800_000_000;

/// A parameter, ready to be sent; `None` is NULL.
pub(super) struct Encoded(Option<Vec<u8>>);

impl std::fmt::Debug for Encoded {
    // The driver can log parameters; they may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Encoded {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(bytes) = &self.0 else { return Ok(IsNull::Yes) };
        out.put_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One value as a parameter of type `ty`.
pub(super) fn encode(ty: &Type, value: &Value) -> Result<Encoded, String> {
    if *value == Value::Null {
        return Ok(Encoded(None));
    }
    let mut out = Vec::new();
    put(ty, value, &mut out)?;
    fits(out)
}

/// Column `at` of `rows` as a parameter of the array type `ty`.
pub(super) fn encode_array(ty: &Type, rows: &[Vec<Value>], at: usize) -> Result<Encoded, String> {
    let Kind::Array(element) = ty.kind() else { return Err(format!("{ty} is no array")) };
    let count = i32::try_from(rows.len()).map_err(|_| "too many rows".to_owned())?;
    let nulls = rows.iter().any(|row| row[at] == Value::Null);
    let mut out = Vec::with_capacity(20 + rows.len() * 12);
    out.put_i32(1);
    out.put_i32(i32::from(nulls));
    out.put_u32(element.oid());
    out.put_i32(count);
    out.put_i32(1);
    for row in rows {
        if row[at] == Value::Null {
            out.put_i32(-1);
            continue;
        }
        let start = out.len();
        out.put_i32(0);
        put(element, &row[at], &mut out)?;
        let length = i32::try_from(out.len() - start - 4).map_err(|_| "a value over 2 GB".to_owned())?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
    fits(out)
}

/// Far below what a message can hold, so that sending cannot fail over it.
fn fits(out: Vec<u8>) -> Result<Encoded, String> {
    if out.len() > 256 << 20 { Err("a parameter over 256 MB".into()) } else { Ok(Encoded(Some(out))) }
}

fn put(ty: &Type, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let wrong = || format!("a parameter of type {ty} was given another kind of value");
    match value {
        Value::I64(value) if *ty == Type::INT8 => out.put_i64(*value),
        Value::I64(value) if *ty == Type::INT4 => out.put_i32(i32::try_from(*value).map_err(|_| wrong())?),
        Value::I64(value) if *ty == Type::INT2 => out.put_i16(i16::try_from(*value).map_err(|_| wrong())?),
        Value::Bool(value) if *ty == Type::BOOL => out.put_u8(u8::from(*value)),
        Value::Bytes(value) if *ty == Type::BYTEA => out.put_slice(value),
        Value::Id(value) if *ty == Type::UUID => out.put_u128(*value),
        Value::Ts(value) if *ty == Type::TIMESTAMPTZ => {
            out.put_i64(value.micros().checked_sub(EPOCH).ok_or_else(wrong)?);
        }
        Value::Text(value) | Value::Json(value) => match *ty {
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON => out.put_slice(value.as_bytes()),
            Type::JSONB => {
                out.put_u8(1);
                out.put_slice(value.as_bytes());
            }
            _ => return Err(wrong()),
        },
        _ => return Err(wrong()),
    }
    Ok(())
}

/// A row as it came.
pub(super) fn decode(row: &tokio_postgres::Row) -> Result<Row, DbError> {
    let column = |at| row.try_get::<usize, Decoded>(at).map(|decoded| decoded.0);
    let values = (0..row.len()).map(column).collect::<Result<_, _>>();
    values.map(Row).map_err(|error| {
        let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        DbError::Bug(format!("an answer cannot be read: {why}"))
    })
}

/// A value as it came.
struct Decoded(Value);

impl<'a> FromSql<'a> for Decoded {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT8 => Value::I64(i64::from_be_bytes(raw.try_into()?)),
            Type::INT4 => Value::I64(i32::from_be_bytes(raw.try_into()?).into()),
            Type::INT2 => Value::I64(i16::from_be_bytes(raw.try_into()?).into()),
            Type::NUMERIC => Value::I64(whole(raw).ok_or("a NUMERIC that is no 64-bit whole number")?),
            Type::BOOL => Value::Bool(raw == [1]),
            Type::BYTEA => Value::Bytes(raw.to_vec()),
            Type::UUID => Value::Id(u128::from_be_bytes(raw.try_into()?)),
            Type::TIMESTAMPTZ => {
                let since = i64::from_be_bytes(raw.try_into()?);
                Value::Ts(Time::from_micros(since.checked_add(EPOCH).ok_or("an infinite instant")?))
            }
            Type::JSONB => Value::Json(std::str::from_utf8(raw.get(1..).unwrap_or_default())?.to_owned()),
            Type::JSON => Value::Json(std::str::from_utf8(raw)?.to_owned()),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
                Value::Text(std::str::from_utf8(raw)?.to_owned())
            }
            Type::VOID => Value::Null,
            _ => return Err(format!("columns of type {ty} are not read; cast it").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A NUMERIC (what SUM of BIGINT answers) that is a whole number: digits of base 10,000, the first of
/// weight `weight`.
fn whole(raw: &[u8]) -> Option<i64> {
    let word = |at: usize| Some(i16::from_be_bytes(raw.get(at * 2..at * 2 + 2)?.try_into().ok()?));
    let (count, weight, sign) = (usize::try_from(word(0)?).ok()?, i32::from(word(1)?), word(2)?);
    let negative = match sign {
        0 => false,
        0x4000 => true,
        _ => return None,
    };
    let mut sum: i128 = 0;
    for at in 0..usize::try_from(weight + 1).unwrap_or(0) {
        let digit = if at < count { word(4 + at)? } else { 0 };
        sum = sum.checked_mul(10_000)?.checked_add(digit.into())?;
    }
    let fraction = usize::try_from(weight + 1).unwrap_or(0)..count;
    if fraction.into_iter().any(|at| word(4 + at) != Some(0)) {
        return None;
    }
    i64::try_from(if negative { -sum } else { sum }).ok()
}
