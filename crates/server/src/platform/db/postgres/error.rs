//! What an error of PostgreSQL means to us.

use crate::platform::db::DbError;
use tokio_postgres::{Error, error::SqlState};

/// An error, and what is to be done about it.
pub(super) struct Said {
    pub(super) error: DbError,
    /// The connection is of no more use.
    pub(super) lost: bool,
    /// Nothing was kept and the same unit may well succeed now: a deadlock, a plan out of date.
    pub(super) again: bool,
}

/// Sorts an error. Only its message is kept, never its detail, which quotes what stands in rows.
pub(super) fn said(error: &Error) -> Said {
    let Some(db) = error.as_db_error() else {
        let why =
            std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        return Said { error: DbError::Unavailable(why), lost: true, again: false };
    };
    let (code, message) = (db.code(), db.message());
    let kept = |error| Said { error, lost: false, again: false };
    if *code == SqlState::UNIQUE_VIOLATION {
        return kept(DbError::Conflict(db.constraint().unwrap_or(message).to_owned()));
    }
    if *code == SqlState::DISK_FULL {
        return kept(DbError::Full);
    }
    let text = format!("{message} ({})", code.code());
    let stale = *code == SqlState::FEATURE_NOT_SUPPORTED && message.contains("cached plan");
    if stale || *code == SqlState::T_R_DEADLOCK_DETECTED || *code == SqlState::T_R_SERIALIZATION_FAILURE {
        return Said { error: DbError::Unavailable(text), lost: stale, again: true };
    }
    // Connections, operator's intervention, resources, locks and timeouts, a standby, the machine.
    let class = &code.code()[..2];
    let passing = matches!(class, "08" | "57" | "53" | "55" | "58" | "XX" | "28")
        || matches!(code.code(), "25006" | "25P03" | "3D000");
    let ended = matches!(code.code(), "57P01" | "57P02" | "57P03" | "25P03" | "25006") || class == "08";
    let error = if passing { DbError::Unavailable(text) } else { DbError::Bug(text) };
    Said { error, lost: ended, again: false }
}
