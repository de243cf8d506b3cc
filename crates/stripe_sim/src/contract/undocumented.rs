//! Operations that no declaration names: Stripe's own checkout page asks them, and so do the triggers of its CLI.

use super::{Operation, Shape};
use std::collections::BTreeMap;

/// They, as the contract would have them. What they take was seen in what the CLI (`@stripe/cli` 1.52.0 of npm) sends; what
/// Stripe answers is known to nobody else, so the session answers.
pub(super) fn operations() -> [(String, Operation); 2] {
    let session = || Shape::Ref("checkout.session".to_owned());
    let asked = [("expected_amount", Shape::Integer), ("payment_method", Shape::Text)];
    let params: BTreeMap<String, Shape> = asked.into_iter().map(|(name, shape)| (name.to_owned(), shape)).collect();
    let required = params.keys().cloned().collect();
    let shown = Operation { params: BTreeMap::new(), required: Vec::new(), answer: session() };
    let confirmed = Operation { params, required, answer: session() };
    [("GET /v1/payment_pages/{id}".to_owned(), shown), ("POST /v1/payment_pages/{id}/confirm".to_owned(), confirmed)]
}
