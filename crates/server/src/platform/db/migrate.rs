//! Migrations: ordered, checksummed texts, each applied in a transaction of its own.

use super::{DbError, Kind, text};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// One step of the schema. Once released its text never changes.
pub(super) struct Migration {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// All steps, in order.
pub(super) const ALL: &[Migration] = &[
    Migration { name: "0001_ledger", text: include_str!("../../../migrations/0001_ledger.sql") },
    Migration { name: "0002_inbox", text: include_str!("../../../migrations/0002_inbox.sql") },
    Migration { name: "0003_pricebook", text: include_str!("../../../migrations/0003_pricebook.sql") },
    Migration { name: "0004_payments", text: include_str!("../../../migrations/0004_payments.sql") },
    Migration { name: "0005_subscriptions", text: include_str!("../../../migrations/0005_subscriptions.sql") },
    Migration { name: "0006_allowances", text: include_str!("../../../migrations/0006_allowances.sql") },
    Migration { name: "0007_period_credits", text: include_str!("../../../migrations/0007_period_credits.sql") },
    Migration { name: "0008_notices", text: include_str!("../../../migrations/0008_notices.sql") },
    Migration { name: "0009_changes", text: include_str!("../../../migrations/0009_changes.sql") },
    Migration { name: "0010_auto_top_up", text: include_str!("../../../migrations/0010_auto_top_up.sql") },
    Migration { name: "0011_stripe_sync", text: include_str!("../../../migrations/0011_stripe_sync.sql") },
    Migration { name: "0012_audit_indexes", text: include_str!("../../../migrations/0012_audit_indexes.sql") },
    Migration { name: "0013_inbox_indexes", text: include_str!("../../../migrations/0013_inbox_indexes.sql") },
    Migration { name: "0014_carried_over", text: include_str!("../../../migrations/0014_carried_over.sql") },
    Migration { name: "0015_open_disputes", text: include_str!("../../../migrations/0015_open_disputes.sql") },
    Migration { name: "0016_schedules", text: include_str!("../../../migrations/0016_schedules.sql") },
    Migration { name: "0017_lowered", text: include_str!("../../../migrations/0017_lowered.sql") },
    Migration { name: "0018_unmapped_items", text: include_str!("../../../migrations/0018_unmapped_items.sql") },
    Migration { name: "0019_pending_purchases", text: include_str!("../../../migrations/0019_pending_purchases.sql") },
];

/// Where applied steps are recorded; made when it is missing.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (\
    name {text} NOT NULL PRIMARY KEY, checksum {text} NOT NULL, applied_at {ts} NOT NULL) {strict}";

/// Records a step.
pub(super) const RECORD: &str = "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ($1, $2, $3)";

/// What was recorded.
pub(super) const APPLIED: &str = "SELECT name, checksum FROM schema_migrations ORDER BY name";

impl Migration {
    /// SHA-256 of the text, in hexadecimal.
    pub(super) fn checksum(&self) -> String {
        let digest = Sha256::digest(self.text.as_bytes());
        digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// The text for one database.
    pub(super) fn rendered(&self, kind: Kind) -> Result<String, DbError> {
        text::render(self.text, kind).map_err(|error| DbError::Bug(format!("migration {}: {error}", self.name)))
    }
}

/// The steps still to apply, given the names and checksums of those applied.
///
/// # Errors
/// [`DbError::Schema`] when an applied step is unknown here or has another text.
pub(super) fn pending<'a>(all: &'a [Migration], applied: &[(String, String)]) -> Result<&'a [Migration], DbError> {
    for (at, (name, checksum)) in applied.iter().enumerate() {
        let Some(known) = all.iter().find(|known| known.name == name) else {
            return Err(DbError::Schema(format!(
                "it has migration {name}, which this version of purser does not know: run the newer version"
            )));
        };
        if known.checksum() != *checksum {
            return Err(DbError::Schema(format!(
                "migration {name} was applied with another text: run the version of purser that applied it"
            )));
        }
        if all[at].name != name {
            return Err(DbError::Schema(format!("migration {} is missing before {name}", all[at].name)));
        }
    }
    Ok(&all[applied.len()..])
}
