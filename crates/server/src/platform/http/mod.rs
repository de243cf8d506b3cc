//! HTTP: what handlers take and answer, and how the server listens.
//!
//! A handler looks like this (see `features/customers/api.rs`):
//! ```text
//! #[utoipa::path(post, path = "/consume", tag = "credits", request_body = Consume,
//!     responses((status = 200, description = "Spent", body = ConsumptionView), WriteErrors))]
//! async fn consume(State(app): State<App>, caller: Caller<Service>, Body(asked): Body<Consume>)
//!     -> Result<Json<ConsumptionView>, Error>
//! ```
//! Request structs derive `Deserialize` with `deny_unknown_fields` (never `flatten` or `untagged`) and
//! `ToSchema`; their fields are the types of [`fields`], which check themselves and describe themselves.

mod body;
mod docs;
pub mod fields;
mod guide;
mod limits;
mod openapi;
mod outer;
mod page;
pub mod path;
mod problem;
mod query;
mod request;
mod router;
mod serve;

pub use body::{Body, IdempotencyKey, MaybeBody, Object, parse, read as read_body};
pub use fields::{CustomerName, Decimal, Field, Instant, Metadata, Text, UnitName};
pub use limits::Limits;
pub use page::{Limit, PageOf};
pub use path::Path;
pub use problem::{ErrorView, Problem, ReadErrors, WriteErrors};
pub use query::Query;
pub use request::RequestInfo;
pub use router::{document, metrics_router, router};
pub use serve::{bind, serve};
