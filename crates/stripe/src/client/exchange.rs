//! All tries of one call: turn, breaker, rate limit, try, pause, and what came of it.

use super::{
    Inner,
    http::Reply,
    retry::{self, Seen},
};
use crate::{Error, Method, Request, error};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How far a call came before it was given up.
#[derive(Default)]
struct Last {
    why: String,
    attempts: u32,
    request_id: Option<String>,
}

/// Sends `request` until it is answered with success.
///
/// # Errors
/// [`Error`]
pub(super) async fn run(inner: &Inner, request: &Request, key: Option<&str>) -> Result<Reply, Error> {
    let started = Instant::now();
    let mut attempts = 0;
    let done = answered(inner, request, key, started + inner.limits.total, &mut attempts).await;
    note(request, &done, attempts, started.elapsed());
    done
}

async fn answered(
    inner: &Inner,
    request: &Request,
    key: Option<&str>,
    deadline: Instant,
    attempts: &mut u32,
) -> Result<Reply, Error> {
    let _turn = match request.object.as_deref().filter(|_| request.method != Method::Get) {
        Some(object) => Some(inner.order.turn(object, deadline).await.ok_or(Error::Busy)?),
        None => None,
    };
    let mut last = Last::default();
    while last.attempts < inner.limits.tries {
        if last.attempts > 0 && !rest(inner, last.attempts, deadline).await {
            break;
        }
        let permit = match inner.breaker.admit(Instant::now()) {
            Ok(permit) => permit,
            Err(retry_after) if last.attempts == 0 => return Err(Error::BreakerOpen { retry_after }),
            Err(_) => break,
        };
        if !inner.bucket.turn(deadline).await {
            drop(permit);
            if last.attempts == 0 {
                return Err(Error::Busy);
            }
            break;
        }
        last.attempts += 1;
        *attempts = last.attempts;
        let tried = inner.http.try_once(request, key, deadline.saturating_duration_since(Instant::now())).await;
        permit.done(tried.as_ref().is_ok_and(|reply| reply.status < 500), Instant::now());
        match settled(tried, &mut last) {
            Some(done) => return done,
            None => tracing::debug!(route = request.label(), attempt = last.attempts, why = last.why, "Stripe: again"),
        }
    }
    let Last { why, attempts, request_id } = last;
    Err(Error::Unanswered { why, attempts, request_id })
}

/// Waits before the next try; says whether there is time for one.
async fn rest(inner: &Inner, tried: u32, deadline: Instant) -> bool {
    let pause = retry::pause(tried, inner.limits.first_pause, inner.limits.longest_pause, (inner.random)());
    if Instant::now() + pause >= deadline {
        return false;
    }
    sleep(pause).await;
    true
}

/// What a try settles; `None` when the request is to be sent again.
fn settled(tried: Result<Reply, String>, last: &mut Last) -> Option<Result<Reply, Error>> {
    let reply = match tried {
        Ok(reply) => reply,
        Err(why) => {
            last.why = why;
            return None;
        }
    };
    if (200..300).contains(&reply.status) {
        return Some(Ok(reply));
    }
    let refused = error::refused(reply.status, &reply.body, reply.request_id.clone(), reply.replayed);
    let seen = Seen { status: reply.status, should_retry: reply.should_retry, code: refused.code.as_deref() };
    if retry::again(seen) || reply.status >= 500 {
        last.why = refused.to_string();
        last.request_id = reply.request_id;
        // Stripe may say that asking again is no use; then it stays unknown what became of it.
        let give_up = !retry::again(seen);
        return give_up.then(|| {
            let Last { why, attempts, request_id } = std::mem::take(last);
            Err(Error::Unanswered { why, attempts, request_id })
        });
    }
    if reply.status == 429 {
        return Some(Err(Error::RateLimited { reason: reply.limited, request_id: reply.request_id }));
    }
    Some(Err(Error::Refused(Box::new(refused))))
}

/// Counts and logs the call. The query and the bodies may hold what belongs in no log, so they do not get there.
fn note(request: &Request, done: &Result<Reply, Error>, attempts: u32, took: Duration) {
    let method = request.method.name();
    let route = request.label();
    let outcome = done.as_ref().err().map_or("ok", Error::kind);
    metrics::counter!("purser_stripe_calls_total", "method" => method, "route" => route.clone(), "outcome" => outcome)
        .increment(1);
    metrics::histogram!("purser_stripe_call_seconds", "method" => method, "route" => route).record(took.as_secs_f64());
    let path = request.route();
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match done {
        Ok(Reply { status, request_id, replayed, .. }) => {
            tracing::info!(method, path, status, attempts, took_ms, request_id, replayed, "Stripe answered");
        }
        Err(error) => tracing::warn!(method, path, attempts, took_ms, %error, "Stripe did not do it"),
    }
}
