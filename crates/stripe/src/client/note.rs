//! What is told of a call: one line in the log, one count, its time.
//!
//! The query and the bodies may hold what belongs in no log, so they do not get there.

use super::Reply;
use crate::{Error, Request};
use tokio::time::Instant;

/// Tells of a call when it ends; also of one that nobody waits for any more.
pub(super) struct Note<'a> {
    request: &'a Request,
    /// When it began.
    pub started: Instant,
    /// Times it was sent so far.
    pub attempts: u32,
    told: bool,
}

impl<'a> Note<'a> {
    /// Of a call that begins now.
    pub(super) fn of(request: &'a Request) -> Self {
        Self { request, started: Instant::now(), attempts: 0, told: false }
    }

    /// It went well.
    pub(super) fn answered(mut self, reply: &Reply) {
        let took_ms = self.count("ok");
        let Reply { status, request_id, replayed, .. } = reply;
        let (method, path, attempts) = (self.request.method.name(), self.request.route(), self.attempts);
        tracing::info!(method, path, status, attempts, took_ms, request_id, replayed, "Stripe answered");
    }

    /// It did not.
    pub(super) fn failed(mut self, error: &Error) {
        let took_ms = self.count(error.kind());
        let (method, path, attempts) = (self.request.method.name(), self.request.route(), self.attempts);
        let (outcome, request_id) = (error.kind(), error.request_id());
        let status = match error {
            Error::Refused(refused) => Some(refused.status),
            Error::RateLimited { .. } => Some(429),
            _ => None,
        };
        tracing::warn!(method, path, status, outcome, attempts, took_ms, request_id, %error, "Stripe did not do it");
    }

    /// Counts the call and its time; answers the time in milliseconds.
    fn count(&mut self, outcome: &'static str) -> u64 {
        self.told = true;
        let took = self.started.elapsed();
        let (method, route) = (self.request.method.name(), self.request.label());
        metrics::histogram!("purser_stripe_call_seconds", "method" => method, "route" => route.clone())
            .record(took.as_secs_f64());
        metrics::counter!("purser_stripe_calls_total", "method" => method, "route" => route, "outcome" => outcome)
            .increment(1);
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        if !self.told {
            let took_ms = self.count("dropped");
            let (method, path, attempts) = (self.request.method.name(), self.request.route(), self.attempts);
            tracing::warn!(method, path, outcome = "dropped", attempts, took_ms, "nobody waits for Stripe's answer");
        }
    }
}
