//! All tries of one call: turn, breaker, rate limit, try, pause, and what came of it.

use super::{
    Inner,
    breaker::Permit,
    http::{Failed, How, Reply},
    order::Turn,
    retry::{self, Seen},
};
use crate::{Error, Method, Refused, Request, error};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What was seen of a call so far.
#[derive(Default)]
struct Last {
    /// What the last try came to, in words.
    why: String,
    /// The last refusal, while every try was refused: nothing was done then.
    refusal: Option<Error>,
    /// Whether any try may have been done though it was not answered.
    doubt: bool,
    /// Stripe's id of the last request that was answered at all.
    request_id: Option<String>,
    /// Tries that count.
    spent: u32,
    /// Whether a closed connection was already passed over.
    closed: bool,
}

/// What is to be done after a try.
enum Next {
    /// Nothing: this is what came of the call.
    Done(Result<Reply, Error>),
    /// Ask again at once.
    AtOnce,
    /// Ask again after a pause, of so long at least.
    Again(Option<Duration>),
}

/// Sends `request` until it is answered with success; counts the times into `attempts`.
///
/// # Errors
/// [`Error`]
pub(super) async fn run(
    inner: &Inner,
    request: &Request,
    key: Option<&str>,
    started: Instant,
    attempts: &mut u32,
) -> Result<Reply, Error> {
    let deadline = started + inner.limits.total;
    let _turn = turn(inner, request, deadline).await?;
    let mut last = Last::default();
    loop {
        let permit = match leave(inner, deadline).await {
            Ok(permit) => permit,
            Err(why_not) if *attempts == 0 => return Err(why_not),
            Err(_) => return Err(last.given_up(*attempts)),
        };
        *attempts += 1;
        let left = deadline.saturating_duration_since(Instant::now());
        let tried = inner.http.try_once(request, key, left).await;
        count(&tried);
        let next = last.judge(inner, request, tried, *attempts, permit);
        let longest = match next {
            Next::Done(done) => return done,
            Next::AtOnce => continue,
            Next::Again(longest) => longest,
        };
        tracing::debug!(path = request.route(), attempt = *attempts, why = last.why, "Stripe is asked again");
        last.spent += 1;
        if last.spent >= inner.limits.tries || !rest(inner, last.spent, longest, deadline).await {
            return Err(last.given_up(*attempts));
        }
    }
}

/// The turn to write the object that `request` is of.
async fn turn<'a>(inner: &'a Inner, request: &'a Request, deadline: Instant) -> Result<Option<Turn<'a>>, Error> {
    let Some(object) = request.object.as_deref().filter(|_| request.method != Method::Get) else { return Ok(None) };
    let since = Instant::now();
    let turn = inner.order.turn(object, deadline).await;
    waited("turn", since);
    turn.map(Some).ok_or(Error::Busy)
}

/// Leave to send one request, by the breaker and the rate limit.
async fn leave(inner: &Inner, deadline: Instant) -> Result<Permit<'_>, Error> {
    let open = |retry_after| Error::BreakerOpen { retry_after };
    // Who would be refused does not wait for it, and takes no token.
    inner.breaker.look(Instant::now()).map_err(open)?;
    let since = Instant::now();
    let had = inner.bucket.turn(deadline).await;
    waited("rate", since);
    if !had {
        return Err(Error::Busy);
    }
    // It may have opened meanwhile; and a probe is begun by nobody who still has to wait.
    inner.breaker.admit(Instant::now()).map_err(open)
}

/// Waits before the next try; says whether there is time for one.
async fn rest(inner: &Inner, spent: u32, asked: Option<Duration>, deadline: Instant) -> bool {
    let pause = retry::pause(spent, inner.limits.first_pause, inner.limits.longest_pause, (inner.random)());
    let pause = pause.max(asked.unwrap_or_default());
    if Instant::now().checked_add(pause).is_none_or(|at| at >= deadline) {
        return false;
    }
    sleep(pause).await;
    true
}

impl Last {
    /// What a try came to, told to the breaker too.
    fn judge(
        &mut self,
        inner: &Inner,
        request: &Request,
        tried: Result<Reply, Failed>,
        attempts: u32,
        permit: Permit<'_>,
    ) -> Next {
        let reply = match tried {
            Ok(reply) => reply,
            Err(Failed { why, how }) => {
                self.why = why;
                self.doubt = true;
                if how == How::Closed && !std::mem::replace(&mut self.closed, true) {
                    return Next::AtOnce;
                }
                if how != How::OurTime {
                    permit.done(false, Instant::now());
                }
                return Next::Again(None);
            }
        };
        let strange = (300..400).contains(&reply.status);
        permit.done(reply.status < 500 && !strange, Instant::now());
        if (200..300).contains(&reply.status) {
            return Next::Done(Ok(reply));
        }
        if strange {
            self.doubt = true;
            self.why = format!("{} is a redirect, which Stripe never sends: is something between?", reply.status);
            return Next::Done(Err(std::mem::take(self).given_up(attempts)));
        }
        self.refused(request, reply, inner, attempts)
    }

    /// What an answer came to that is no success.
    fn refused(&mut self, request: &Request, reply: Reply, inner: &Inner, attempts: u32) -> Next {
        let Reply { status, retry_after, .. } = reply;
        let sent = inner.values(request);
        let refused = error::refused(status, &reply.body, reply.request_id.clone(), &sent);
        let refused = Refused { replayed: reply.replayed, ..refused };
        let seen = Seen { status, should_retry: reply.should_retry, code: refused.code.as_deref() };
        let again = retry::again(seen);
        // A key that is in use is that of a request which is still being done.
        let in_use = status == 409 && (again || seen.code == Some("idempotency_key_in_use"));
        let doubtful = status >= 500 || in_use;
        // Before it looks for the key, Stripe looks at who asks and how often. Without a key nothing tells of before.
        let blind = matches!(status, 401 | 403 | 429) || request.method == Method::Delete;
        let before = self.doubt && request.method != Method::Get;
        if before && request.method == Method::Delete && refused.is_missing() {
            return Next::Done(Err(Error::Gone { request_id: reply.request_id }));
        }
        self.doubt |= doubtful;
        self.why = refused.to_string();
        self.request_id.clone_from(&reply.request_id);
        let refusal = match status {
            429 => Error::RateLimited {
                reason: reply.limited.or_else(|| refused.code.clone()),
                retry_after,
                request_id: reply.request_id,
            },
            _ => Error::Refused(Box::new(refused)),
        };
        if again {
            self.refusal = Some(refusal);
            return Next::Again(retry_after);
        }
        if doubtful || before && blind {
            return Next::Done(Err(std::mem::take(self).given_up(attempts)));
        }
        Next::Done(Err(refusal))
    }

    /// What the call came to after its last try: the refusal, when there was never anything else.
    fn given_up(self, attempts: u32) -> Error {
        match self.refusal {
            Some(refusal) if !self.doubt => refusal,
            _ => Error::Unanswered { why: self.why, attempts, request_id: self.request_id },
        }
    }
}

/// Counts a try by the status it was answered with.
fn count(tried: &Result<Reply, Failed>) {
    let status = tried.as_ref().map_or_else(|_| "none".into(), |reply| reply.status.to_string());
    metrics::counter!("purser_stripe_tries_total", "status" => status).increment(1);
}

/// Counts how long a call waited for something.
fn waited(what: &'static str, since: Instant) {
    metrics::histogram!("purser_stripe_wait_seconds", "what" => what).record(since.elapsed().as_secs_f64());
}
