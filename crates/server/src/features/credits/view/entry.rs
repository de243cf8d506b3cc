//! Ledger entries as the API shows them, in JSON and CSV.

use crate::platform::{
    db::DbError,
    http::{
        Decimal, Instant,
        fields::{CauseKindName, EntryKindName, EntryRef, GrantRef},
    },
};
use purser_rules::credit::Entry;
use serde::Serialize;
use std::fmt::Write as _;
use utoipa::ToSchema;

/// One immutable line of the ledger.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntryView {
    /// Always `entry`.
    #[schema(value_type = String, pattern = "^entry$")]
    pub object: &'static str,
    /// Its id.
    #[schema(value_type = EntryRef)]
    pub id: String,
    /// Its number in its wallet, from 1.
    pub seq: u64,
    /// When it took effect.
    pub at: Instant,
    /// What it did.
    #[schema(value_type = EntryKindName)]
    pub kind: &'static str,
    /// How much.
    pub amount: Decimal,
    /// The grant it moved; null for debt and overage.
    #[schema(value_type = Option<GrantRef>, required)]
    pub grant_id: Option<String>,
    /// What it belongs to: a consumption, hold, grant or payment.
    pub subject: String,
    /// What kind of cause it has: `api`, `stripe`, `job` or `operator`.
    #[schema(value_type = CauseKindName)]
    pub cause_kind: &'static str,
    /// Which: a key, an event, a job, a person.
    pub cause_id: String,
    /// The request it came with, as answered in `Request-Id`; null for jobs.
    #[schema(pattern = "^req_[0-9a-f]{32}$", required)]
    pub request_id: Option<String>,
    /// The digest of a new grant's terms, SHA-256 in hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$", required)]
    pub terms_digest: Option<String>,
    /// The salted digest of the user's id.
    #[schema(pattern = "^[0-9a-f]{64}$", required)]
    pub user_digest: Option<String>,
    /// The digest of the metadata as received.
    #[schema(pattern = "^[0-9a-f]{64}$", required)]
    pub metadata_digest: Option<String>,
    /// The chain up to and with this entry: recompute it from these fields as docs/ledger-format.md says.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
}

/// The public shape of an entry.
#[must_use]
pub fn entry(entry: &Entry) -> EntryView {
    EntryView {
        object: "entry",
        id: entry.id().to_string(),
        seq: entry.seq,
        at: Instant(entry.at),
        kind: entry.kind.as_str(),
        amount: Decimal(entry.amount),
        grant_id: entry.grant.map(|id| id.to_string()),
        subject: entry.why.subject.clone(),
        cause_kind: entry.why.cause.kind.as_str(),
        cause_id: entry.why.cause.id.clone(),
        request_id: entry.why.cause.request.map(|id| id.to_string()),
        terms_digest: entry.terms.map(|digest| hex(&digest.0)),
        user_digest: entry.why.user.map(|digest| hex(&digest.0)),
        metadata_digest: entry.why.metadata.map(|digest| hex(&digest.0)),
        hash: hex(&entry.hash.0),
    }
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The columns of the ledger as CSV.
const CSV_COLUMNS: [&str; 14] = [
    "id",
    "seq",
    "at",
    "kind",
    "amount",
    "grant_id",
    "subject",
    "cause_kind",
    "cause_id",
    "request_id",
    "terms_digest",
    "user_digest",
    "metadata_digest",
    "hash",
];

/// Entries as CSV, with a header line if asked for.
///
/// # Errors
/// [`DbError::Bug`] when a line cannot be written, which does not happen in memory.
pub fn csv(entries: &[Entry], header: bool) -> Result<Vec<u8>, DbError> {
    let failed = |error: &dyn std::fmt::Display| DbError::Bug(format!("CSV: {error}"));
    let mut lines = csv::Writer::from_writer(Vec::new());
    if header {
        lines.write_record(CSV_COLUMNS).map_err(|error| failed(&error))?;
    }
    for line in entries.iter().map(entry) {
        let record: [String; CSV_COLUMNS.len()] = [
            line.id,
            line.seq.to_string(),
            line.at.0.to_string(),
            line.kind.to_owned(),
            line.amount.0.to_string(),
            line.grant_id.unwrap_or_default(),
            line.subject,
            line.cause_kind.to_owned(),
            line.cause_id,
            line.request_id.unwrap_or_default(),
            line.terms_digest.unwrap_or_default(),
            line.user_digest.unwrap_or_default(),
            line.metadata_digest.unwrap_or_default(),
            line.hash,
        ];
        lines.write_record(record).map_err(|error| failed(&error))?;
    }
    lines.into_inner().map_err(|error| failed(&error))
}
