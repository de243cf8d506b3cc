//! API keys: made with a secret that is shown once and kept only as its SHA-256.

use super::audit;
use crate::{
    config::Secret,
    platform::{
        auth::{self, Actor, Role},
        db::{DbError, Row, Tx, Value},
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    Time,
    ids::{Bucket, KeyId},
};
use serde_json::json;

/// A key as operators see it; its secret is known to nobody any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// What it is for, in its maker's words.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The last four characters of its secret.
    pub hint: String,
    /// When it was made.
    pub created_at: Time,
    /// When it ends, if ever.
    pub expires_at: Option<Time>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Time>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Time>,
}

/// What a key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is for: 1–100 characters.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it ends, if ever; later than now.
    pub expires_at: Option<Time>,
}

const COLUMNS: &str = "id, name, role, hint, created_at, expires_at, revoked_at, last_used_at";

/// Makes a key; answers it with its secret, which is told this once.
///
/// # Errors
/// `invalid_field` when it would have ended already; what the database says.
pub fn create(tx: &mut Tx<'_>, random: &Random, actor: &Actor, new: &NewKey) -> Result<(ApiKey, Secret), Error> {
    let now = tx.now();
    if new.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::new(Code::InvalidField, "It must be later than now.").about("expires_at"));
    }
    let secret = secret(random);
    let key = ApiKey {
        id: KeyId::new(now, random.number(), Bucket(0)),
        name: new.name.clone(),
        role: new.role,
        hint: secret[secret.len() - 4..].to_owned(),
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    tx.execute(
        "INSERT INTO api_keys (id, name, role, secret_hash, hint, created_at, expires_at, revoked_at, last_used_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, NULL)",
        vec![
            Value::Id(key.id.0),
            Value::Text(key.name.clone()),
            Value::Text(key.role.as_str().to_owned()),
            Value::Bytes(auth::hash(&secret).to_vec()),
            Value::Text(key.hint.clone()),
            Value::Ts(now),
            key.expires_at.map_or(Value::Null, Value::Ts),
        ],
    )?;
    audit(tx, random, actor, "key.created", &key.id.to_string(), (None, Some(told(&key))));
    Ok((key, Secret::new(secret)))
}

/// 32 random bytes as text.
fn secret(random: &Random) -> String {
    use std::fmt::Write;
    let mut text = "pk_".to_owned();
    for byte in random.bytes() {
        let _into_a_string = write!(text, "{byte:02x}");
    }
    text
}

/// A key as the audit trail tells it.
fn told(key: &ApiKey) -> serde_json::Value {
    let time = |at: Option<Time>| at.map(|at| at.to_string());
    json!({
        "name": key.name,
        "role": key.role.as_str(),
        "expires_at": time(key.expires_at),
        "revoked_at": time(key.revoked_at),
    })
}

/// Up to `most` keys made before `after` (all, when there is none), newest first.
///
/// # Errors
/// What the database says.
pub fn list(tx: &mut Tx<'_>, after: Option<KeyId>, most: i64) -> Result<Vec<ApiKey>, DbError> {
    let rows = match after {
        Some(id) => tx.query(
            &format!("SELECT {COLUMNS} FROM api_keys WHERE id < $1 ORDER BY id DESC LIMIT $2"),
            vec![Value::Id(id.0), Value::I64(most)],
        )?,
        None => {
            tx.query(&format!("SELECT {COLUMNS} FROM api_keys ORDER BY id DESC LIMIT $1"), vec![Value::I64(most)])?
        }
    };
    rows.iter().map(read).collect()
}

/// Revokes a key, for good; a key that was revoked stays as it was.
///
/// # Errors
/// `unknown_key` when there is none of this id; what the database says.
pub fn revoke(tx: &mut Tx<'_>, random: &Random, actor: &Actor, id: KeyId) -> Result<ApiKey, Error> {
    let now = tx.now();
    let changed = tx.execute(
        "UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL",
        vec![Value::Ts(now), Value::Id(id.0)],
    )?;
    let row = tx.first(&format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1"), vec![Value::Id(id.0)])?;
    let row = row.ok_or_else(|| Error::new(Code::UnknownKey, format!("There is no API key {id}.")).about("id"))?;
    let key = read(&row)?;
    if changed == 1 {
        let before = told(&ApiKey { revoked_at: None, ..key.clone() });
        audit(tx, random, actor, "key.revoked", &id.to_string(), (Some(before), Some(told(&key))));
    }
    Ok(key)
}

fn read(row: &Row) -> Result<ApiKey, DbError> {
    Ok(ApiKey {
        id: KeyId(row.id(0)?),
        name: row.text(1)?.to_owned(),
        role: Role::parse(row.text(2)?).ok_or_else(|| DbError::Bug("a key has an unknown role".to_owned()))?,
        hint: row.text(3)?.to_owned(),
        created_at: row.ts(4)?,
        expires_at: row.opt_ts(5)?,
        revoked_at: row.opt_ts(6)?,
        last_used_at: row.opt_ts(7)?,
    })
}
