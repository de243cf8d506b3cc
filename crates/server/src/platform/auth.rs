//! Who is calling: roles, and the extractor that lets a handler run only for a key that may.

use super::{
    App,
    db::{Batch, Column, DbError, Load, Row, Table, Tx, Type, Value},
    error::{Code, Error, Kind},
    http::RequestInfo,
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use purser_rules::{
    Time,
    credit::{Cause, CauseKind},
    ids::{KeyId, RequestId},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashMap},
    marker::PhantomData,
    net::IpAddr,
    time::Duration,
};

/// How long an answer of `rate_limited` is held back.
const PAUSE: Duration = Duration::from_millis(200);

/// What a key may do; each role may do all that those below it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Read,
    /// What an app does: customers, spends, grants.
    Service,
    /// Everything.
    Admin,
}

impl Role {
    /// As it stands in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Service => "service",
            Self::Admin => "admin",
        }
    }

    /// The role named `text`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Service, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

/// A least role, as a type: [`Admin`], [`Service`] or [`Reader`].
pub trait AtLeast: Send + Sync {
    /// The role.
    const ROLE: Role;
}

/// Only admin keys.
#[derive(Clone, Copy, Debug)]
pub struct Admin;
/// Service and admin keys.
#[derive(Clone, Copy, Debug)]
pub struct Service;
/// Any key.
#[derive(Clone, Copy, Debug)]
pub struct Reader;

impl AtLeast for Admin {
    const ROLE: Role = Role::Admin;
}
impl AtLeast for Service {
    const ROLE: Role = Role::Service;
}
impl AtLeast for Reader {
    const ROLE: Role = Role::Read;
}

/// Who causes a write: recorded in the ledger and the audit trail. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What kind of cause.
    pub kind: CauseKind,
    /// Which: a key's id, `bootstrap`, a job's name.
    pub id: String,
    /// The request, when there is one.
    pub request: Option<RequestId>,
}

impl Actor {
    /// The cause as the ledger records it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        Cause { kind: self.kind, id: self.id.clone(), request: self.request }
    }

    /// Stripe: `id` is the event that told of something, or what looked at it there.
    #[must_use]
    pub fn stripe(id: &str) -> Self {
        Self { kind: CauseKind::Stripe, id: id.to_owned(), request: None }
    }

    /// A job of ours named `name`.
    #[must_use]
    pub fn job(name: &str) -> Self {
        Self { kind: CauseKind::Job, id: name.to_owned(), request: None }
    }
}

/// The caller of a handler, whose key has at least the role `R`. Take it before the body.
#[derive(Clone, Debug)]
pub struct Caller<R: AtLeast> {
    /// Who it is, for the ledger and the audit trail.
    pub actor: Actor,
    /// The key's role.
    pub role: Role,
    /// The key; none for the bootstrap key.
    pub key: Option<KeyId>,
    /// The request's id, as answered in `Request-Id`.
    pub request: RequestId,
    at_least: PhantomData<R>,
}

/// A key as the database knows it.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// Its id.
    pub id: KeyId,
    /// What it may do.
    pub role: Role,
    /// When it ends, if ever.
    pub expires_at: Option<Time>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Time>,
    /// When it was last seen, to the minute.
    pub last_used_at: Option<Time>,
}

/// Keys as they are looked up by.
static KEYS: Table = Table { name: "api_keys", key: &[("secret_hash", Type::Bytes)], columns: &[] };
const ROW: &[Column] = &[
    ("secret_hash", Type::Bytes),
    ("id", Type::Id),
    ("role", Type::Text),
    ("expires_at", Type::Ts),
    ("revoked_at", Type::Ts),
    ("last_used_at", Type::Ts),
];

/// Keys asked for by their SHA-256. Requests that come together share one look, which begins after the last of
/// them came: so a key that was revoked counts no more at once, on every node, and looking costs a fraction of a
/// read each.
#[derive(Clone, Copy, Debug)]
pub struct KeyLookups;

impl Batch for KeyLookups {
    const NAME: &'static str = "keys";
    type Item = [u8; 32];
    type Answer = Option<StoredKey>;

    fn run(&self, tx: &mut Tx<'_>, items: &[[u8; 32]]) -> Result<Vec<Option<StoredKey>>, DbError> {
        let asked: BTreeSet<_> = items.iter().collect();
        let keys = asked.into_iter().map(|hash| vec![Value::Bytes(hash.to_vec())]).collect();
        let load = Load::Many { table: &KEYS, by: KEYS.key, columns: ROW, keys, lock: false };
        let rows = tx.load(vec![load])?.pop().unwrap_or_default();
        let found: HashMap<_, _> =
            rows.iter().map(|row| Ok((row.bytes(0)?, stored(row)?))).collect::<Result<_, DbError>>()?;
        Ok(items.iter().map(|hash| found.get(hash.as_slice()).cloned()).collect())
    }

    fn lane(_: &[u8; 32]) -> u8 {
        0
    }
}

/// A key from a row of [`ROW`].
fn stored(row: &Row) -> Result<StoredKey, DbError> {
    let role = Role::parse(row.text(2)?).ok_or_else(|| DbError::Bug("a key has an unknown role".to_owned()))?;
    Ok(StoredKey {
        id: KeyId(row.id(1)?),
        role,
        expires_at: row.opt_ts(3)?,
        revoked_at: row.opt_ts(4)?,
        last_used_at: row.opt_ts(5)?,
    })
}

/// The SHA-256 by which a secret is stored and found.
#[must_use]
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// What stands after `Bearer ` in the header `Authorization`.
///
/// # Errors
/// `missing_api_key` when there is none, or more than one.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let one = given.next().filter(|_| given.next().is_none());
    one.and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim())
        .filter(|secret| !secret.is_empty())
        .ok_or_else(|| {
            Error::new(Code::MissingApiKey, "Send an API key, as the header Authorization: Bearer KEY.")
                .about("Authorization")
        })
}

/// Whether two hashes are equal, in a time that does not depend on where they differ.
#[must_use]
pub fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

/// What is said to a key that does not count, whatever the reason.
fn invalid() -> Error {
    Error::new(Code::InvalidApiKey, "The API key is unknown, revoked or expired. Use another.").about("Authorization")
}

/// The key of the request whose secret has the SHA-256 `hash`, and its role; none for the bootstrap key.
async fn known(app: &App, hash: [u8; 32]) -> Result<(Option<KeyId>, Role), Error> {
    if app.bootstrap_hash().is_some_and(|bootstrap| same(bootstrap, &hash)) {
        return Ok((None, Role::Admin));
    }
    let stored = app.keys().submit(hash).await?.ok_or_else(invalid)?;
    let now = app.clock().now();
    if stored.revoked_at.is_some() || stored.expires_at.is_some_and(|at| at <= now) {
        return Err(invalid());
    }
    app.uses().note(app.db(), stored.id, stored.last_used_at, now);
    Ok((Some(stored.id), stored.role))
}

/// The key of a request and its role, counted against its limit.
async fn admitted(app: &App, headers: &HeaderMap) -> Result<(Option<KeyId>, Role), Error> {
    let hash = hash(bearer(headers)?);
    app.limits().still_over(&hash)?;
    let (key, role) = known(app, hash).await?;
    app.limits().key(key, hash)?;
    Ok((key, role))
}

/// What a request that is not admitted is told, and when: whoever asks too much waits for each answer, so that a flood
/// is no faster than its connections are many, and leaves the processors to others.
async fn refused(app: &App, error: Error, address: Option<IpAddr>) -> Error {
    let failed = error.code.kind() == Kind::Authentication;
    let limited = if failed { app.limits().failure(address).err() } else { None };
    let error = limited.unwrap_or(error);
    if error.code == Code::RateLimited {
        tokio::time::sleep(PAUSE).await;
    }
    error
}

impl<R: AtLeast> FromRequestParts<App> for Caller<R> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let info = parts.extensions.get::<RequestInfo>().cloned();
        let info = info.ok_or_else(|| Error::new(Code::Internal, "The request has no id."))?;
        let (key, role) = match admitted(app, &parts.headers).await {
            Ok(known) => known,
            Err(error) => return Err(refused(app, error, info.address()).await),
        };
        let id = key.map_or_else(|| "bootstrap".to_owned(), |key| key.to_string());
        info.set_key(&id);
        if role < R::ROLE {
            let (has, needs) = (role.as_str(), R::ROLE.as_str());
            return Err(Error::new(
                Code::RoleNotAllowed,
                format!("The key's role is {has}; this needs {needs}. Use another key."),
            ));
        }
        let actor = Actor { kind: CauseKind::Api, id, request: Some(info.id()) };
        Ok(Self { actor, role, key, request: info.id(), at_least: PhantomData })
    }
}
