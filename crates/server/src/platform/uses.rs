//! When keys were last used: noted in the background, at most once a minute each.

use super::{
    db::{Db, DbError, Value},
    work::Tasks,
};
use purser_rules::{Time, ids::KeyId};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How old a note must be before the next is made, in seconds.
const EVERY: i64 = 60;
/// The most keys remembered; beyond them all are forgotten, which costs a write each.
const MOST: usize = 10_000;

/// The notes of this node.
#[derive(Debug, Default)]
pub struct Uses {
    noted: Mutex<HashMap<KeyId, Time>>,
    tasks: Tasks,
}

impl Uses {
    /// Notes that `key`, last seen at `last`, is used at `now`.
    pub fn note(&self, db: &Db, key: KeyId, last: Option<Time>, now: Time) {
        let stale = |at: Time| at.plus_seconds(EVERY) <= now;
        if !last.is_none_or(stale) {
            return;
        }
        {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.get(&key).is_some_and(|at| !stale(*at)) {
                return;
            }
            if noted.len() >= MOST {
                noted.clear();
            }
            noted.insert(key, now);
        }
        let db = db.clone();
        self.tasks.spawn("key use", async move {
            let sql = "UPDATE api_keys SET last_used_at = $1 WHERE id = $2";
            let done = db.write(move |tx| tx.execute(sql, vec![Value::Ts(now), Value::Id(key.0)])).await;
            if let Err(error) = done.map_err(|error: DbError| error) {
                tracing::debug!(?error, "the use of a key was not noted");
            }
        });
    }

    /// Waits, up to ten seconds, until all notes are written.
    pub async fn settled(&self) {
        self.tasks.finished(Duration::from_secs(10)).await;
    }
}
