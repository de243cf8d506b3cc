//! From requests to operations and back.

pub(crate) mod form;
mod operation;
mod routes;

pub(crate) use operation::{Answer, Asked};
pub(crate) use routes::{ROUTES, Route};
