//! The tables of credits, as the bulk verbs need them.

use crate::platform::db::{LaggingIndex, Table, Type};

/// Wallets: one row per customer and unit.
pub(super) static WALLETS: Table = Table { name: "wallets", key: WALLET_KEY, columns: WALLET_COLUMNS };
/// What finds a wallet.
pub(super) const WALLET_KEY: &[(&str, Type)] = &[("customer", Type::Text), ("unit", Type::Text), ("bucket", Type::I64)];
pub(super) const WALLET_COLUMNS: &[(&str, Type)] = &[
    ("seq", Type::I64),
    ("head", Type::Bytes),
    ("last_at", Type::Ts),
    ("available", Type::I64),
    ("debt", Type::I64),
    ("body", Type::Bytes),
];
pub(super) const WALLET_ROW: &[(&str, Type)] = &[
    ("customer", Type::Text),
    ("unit", Type::Text),
    ("seq", Type::I64),
    ("head", Type::Bytes),
    ("last_at", Type::Ts),
    ("body", Type::Bytes),
];

pub(super) static WALLETS_DUE: Table = Table { name: "wallets_due", key: WALLET_KEY, columns: &[("due_at", Type::Ts)] };

/// The ledger.
pub(super) static LEDGER: Table = Table {
    name: "ledger",
    key: &[("customer", Type::Text), ("unit", Type::Text), ("seq", Type::I64), ("bucket", Type::I64)],
    columns: &[
        ("at", Type::Ts),
        ("kind", Type::I64),
        ("grant_id", Type::Id),
        ("amount", Type::I64),
        ("terms_digest", Type::Bytes),
        ("cause_kind", Type::I64),
        ("cause_id", Type::Text),
        ("request_id", Type::Id),
        ("subject", Type::Text),
        ("user_digest", Type::Bytes),
        ("metadata_digest", Type::Bytes),
        ("hash", Type::Bytes),
    ],
};

static LEDGER_PLACES: Table = Table { name: "ledger_places", key: LEDGER.key, columns: &[("position", Type::I64)] };

/// The ledger by wallet, as SQLite keeps it.
pub static LEDGER_BY_WALLET: LaggingIndex =
    LaggingIndex { table: "ledger", places: &LEDGER_PLACES, mark: "ledger_placed" };

pub(super) const BY_ID: &[(&str, Type)] = &[("id", Type::Id), ("bucket", Type::I64)];

pub(super) static GRANTS: Table = Table {
    name: "grants",
    key: BY_ID,
    columns: &[
        ("customer", Type::Text),
        ("unit", Type::Text),
        ("source_kind", Type::I64),
        ("source_id", Type::Text),
        ("priority", Type::I64),
        ("effective_at", Type::Ts),
        ("expires_at", Type::Ts),
        ("rollover_max", Type::I64),
        ("rollover_seconds", Type::I64),
        ("metadata", Type::Bytes),
        ("created_at", Type::Ts),
        ("state", Type::I64),
        ("granted", Type::I64),
        ("available", Type::I64),
        ("held", Type::I64),
        ("frozen", Type::I64),
        ("spent", Type::I64),
        ("expired", Type::I64),
        ("revoked", Type::I64),
        ("revoke_on_release", Type::I64),
        ("freeze_on_release", Type::I64),
    ],
};
/// A grant as the rules know it, then whose it is.
pub(super) const GRANT_ROW: &[(&str, Type)] = &[
    ("id", Type::Id),
    ("source_kind", Type::I64),
    ("priority", Type::I64),
    ("effective_at", Type::Ts),
    ("expires_at", Type::Ts),
    ("rollover_max", Type::I64),
    ("rollover_seconds", Type::I64),
    ("granted", Type::I64),
    ("available", Type::I64),
    ("held", Type::I64),
    ("frozen", Type::I64),
    ("spent", Type::I64),
    ("expired", Type::I64),
    ("revoked", Type::I64),
    ("revoke_on_release", Type::I64),
    ("freeze_on_release", Type::I64),
    ("customer", Type::Text),
    ("unit", Type::Text),
];
pub(super) const GRANT_FIGURES: &[(&str, Type)] = &[
    ("state", Type::I64),
    ("available", Type::I64),
    ("held", Type::I64),
    ("frozen", Type::I64),
    ("spent", Type::I64),
    ("expired", Type::I64),
    ("revoked", Type::I64),
    ("revoke_on_release", Type::I64),
    ("freeze_on_release", Type::I64),
];

pub(super) static HOLDS: Table = Table {
    name: "holds",
    key: BY_ID,
    columns: &[
        ("customer", Type::Text),
        ("unit", Type::Text),
        ("state", Type::I64),
        ("created_at", Type::Ts),
        ("expires_at", Type::Ts),
        ("amount", Type::I64),
        ("mode", Type::I64),
        ("captured", Type::I64),
        ("parts", Type::Json),
        ("user_id", Type::Text),
        ("metadata", Type::Bytes),
    ],
};
/// What finds the holds of a wallet that are in one state; grants likewise.
pub(super) const BY_STATE: &[(&str, Type)] =
    &[("customer", Type::Text), ("unit", Type::Text), ("state", Type::I64), ("bucket", Type::I64)];
pub(super) const BY_ID_AND_STATE: &[(&str, Type)] = &[("id", Type::Id), ("state", Type::I64), ("bucket", Type::I64)];
pub(super) const HOLD_ROW: &[(&str, Type)] = &[
    ("id", Type::Id),
    ("customer", Type::Text),
    ("unit", Type::Text),
    ("state", Type::I64),
    ("created_at", Type::Ts),
    ("expires_at", Type::Ts),
    ("amount", Type::I64),
    ("mode", Type::I64),
    ("captured", Type::I64),
    ("parts", Type::Json),
    ("user_id", Type::Text),
    ("metadata", Type::Bytes),
];
pub(super) const HOLD_STATE: &[(&str, Type)] = &[("state", Type::I64), ("captured", Type::I64)];

pub(super) static USAGE_DAYS: Table = Table {
    name: "usage_days",
    key: &[("customer", Type::Text), ("unit", Type::Text), ("day", Type::I64), ("bucket", Type::I64)],
    columns: &[("count", Type::I64), ("consumed", Type::I64), ("overflow", Type::I64)],
};

pub(super) static CROSSINGS: Table = Table {
    name: "threshold_crossings",
    key: &[
        ("customer", Type::Text),
        ("unit", Type::Text),
        ("period_start", Type::Ts),
        ("threshold", Type::I64),
        ("arming", Type::I64),
        ("bucket", Type::I64),
    ],
    columns: &[("used", Type::I64), ("limit_amount", Type::I64), ("at", Type::Ts)],
};
