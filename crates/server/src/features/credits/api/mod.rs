//! The routes of credits: what they take, who may call them, what they answer.

mod debt;
mod grants;
mod holds;
mod ledger;
mod spend;

pub use debt::{__path_forgive, forgive};
pub use grants::{__path_adjust, __path_grant, __path_list, __path_revoke, adjust, grant, list, revoke};
pub use holds::{__path_capture, __path_get, __path_hold, __path_release, capture, get, hold, release};
pub use ledger::{__path_balance, __path_check, __path_ledger, balance, check, ledger};
pub use spend::{__path_consume, __path_consume_batch, __path_give_back, consume, consume_batch, give_back};

use super::write::Answered;
use crate::platform::{
    error::{Code, Error},
    http::fields::text_fields,
};
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use purser_rules::credit::Mode;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::ToSchema;

text_fields! {
    /// An idempotency key in a body.
    KeyText = 1..=255, "A key of your own for this write: sent again, it gets the first answer again.";
    /// Why an operator did something.
    Reason = 1..=500, "Why, in words; kept in the audit trail.";
}

/// What to do when there is not enough.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModeName {
    /// All or nothing.
    #[default]
    Reject,
    /// Take what there is; taking nothing is refused.
    Partial,
    /// Take what there is and count the rest as billable overage, if that is allowed for the customer.
    Overflow,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Reject => Self::Reject,
            ModeName::Partial => Self::Partial,
            ModeName::Overflow => Self::Overflow,
        }
    }
}

impl IntoResponse for Answered {
    /// The stored body with `replayed` put in as its last field.
    fn into_response(self) -> Response {
        let mut body = self.body;
        body.pop();
        body.extend_from_slice(if self.replayed { b",\"replayed\":true}" } else { b",\"replayed\":false}" });
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
    }
}

/// An id in a path; one that is not even of the right form is unknown too.
fn id<T: FromStr>(text: &str, code: Code, what: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::new(code, format!("No {what} has this id.")).about("id"))
}
