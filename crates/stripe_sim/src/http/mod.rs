//! From requests to operations and back.

mod answer;
pub(crate) mod faults;
pub(crate) mod form;
mod operation;
mod routes;
pub(crate) mod serve;
mod unsimulated;

pub(crate) use answer::{Reply, Request, answer, kept_trouble};
pub(crate) use operation::{Answer, Asked};
pub(crate) use routes::{ROUTES, Route};
