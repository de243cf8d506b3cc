//! Operators' side: API keys, and the audit trail that records every write.

pub mod api;
mod audit;
mod keys;

pub use audit::{AuditFilter, AuditLine, audit, audit_as, list as list_audit};
pub use keys::{ApiKey, NewKey, create as create_key, list as list_keys, revoke as revoke_key};
