//! Sends calls: one connection pool, one rate limit and one circuit breaker for an account.

mod breaker;
mod bucket;
mod exchange;
mod http;
mod note;
mod order;
mod pages;
mod retry;
mod settings;

pub use pages::{Paged, Pages};
pub use settings::{Limits, NotStarted, Settings};

use crate::{BadShape, Call, Error, Method, Request, Seconds, Secret, shape};
use breaker::Breaker;
use bucket::Bucket;
use http::{Http, Reply};
use note::Note;
use order::Order;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// Sends calls to Stripe. Cheap to clone; clones share connections, limits and breaker.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: Http,
    limits: Limits,
    bucket: Bucket,
    breaker: Breaker,
    order: Order,
    key: Secret,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Inner {
    /// What must stand in no message of `request`: the key, and the values that are sent, the longest first. Values of
    /// one or two characters tell nobody anything.
    fn values(&self, request: &Request) -> Vec<String> {
        let mut values: Vec<String> = request.values().filter(|value| value.chars().count() > 2).collect();
        values.push(self.key.reveal().to_owned());
        values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
        values
    }
}

/// Whether a client can be pointed at `base` without sending the key in the open.
///
/// # Errors
/// [`NotStarted`], which says what is wrong with it.
pub fn check_base(base: &str) -> Result<(), NotStarted> {
    http::address(base).map(drop)
}

/// Names one write, so that sending it again does it once. Stored with the exact request.
///
/// A payment that was declined needs a new key for a real new attempt: Stripe answers the old key with the old decline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// 1–255 letters, digits and signs of ASCII; derived from what is to be done, such as an operation's id and its
    /// attempt.
    pub text: String,
    /// When it was sent first. Stripe forgets keys after 24 hours at the earliest.
    pub first_sent: Seconds,
}

/// For how long a key is used, in seconds: an hour less than Stripe promises to remember it.
///
/// Source: <https://docs.stripe.com/api/idempotent_requests>
const KEY_LIFE: Seconds = 23 * 3600;

impl Key {
    /// Whether Stripe takes such a key.
    fn fits(&self) -> bool {
        (1..=255).contains(&self.text.len()) && self.text.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

/// An answer.
#[derive(Clone)]
pub struct Answer<T> {
    /// What was answered.
    pub value: T,
    /// The same as it came.
    pub json: Vec<u8>,
    /// Stripe's id of the request.
    pub request_id: Option<String>,
    /// Whether it is the stored answer to an earlier request with the same key.
    pub replayed: bool,
}

/// The JSON is not shown: the secret of a new endpoint stands in it.
impl<T: std::fmt::Debug> std::fmt::Debug for Answer<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { value, request_id, replayed, .. } = self;
        let mut shown = out.debug_struct("Answer");
        shown.field("value", value).field("request_id", request_id).field("replayed", replayed);
        shown.finish_non_exhaustive()
    }
}

impl Client {
    /// A client for one account. Nothing is sent yet.
    ///
    /// # Errors
    /// [`NotStarted`] when the settings make no sense or would send the key in the open.
    pub fn new(settings: Settings) -> Result<Self, NotStarted> {
        let limits = settings.limits;
        let inner = Inner {
            bucket: Bucket::new(limits.per_second),
            breaker: Breaker::new(limits.breaker_failures, limits.breaker_pause),
            order: Order::default(),
            http: Http::new(&settings)?,
            limits,
            key: settings.key,
            random: settings.random,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Reads.
    ///
    /// # Errors
    /// [`Error`]; a read can always be tried again. [`Error::Unfit`] when the call is a write.
    pub async fn read<T: DeserializeOwned>(&self, call: &Call<T>) -> Result<Answer<T>, Error> {
        self.send(call.request(), None).await
    }

    /// Writes. The same call with the same key does nothing twice.
    ///
    /// Writes of one object are sent one after the other. A deletion has no key on the wire: sent again after it was
    /// done, Stripe says that the object is not there. Within one call that is [`Error::Gone`]; when the deletion
    /// itself is sent again later, it is [`Error::Refused`] with [`crate::Refused::is_missing`].
    ///
    /// When the future is dropped, the write may happen all the same, as after [`Error::Unanswered`].
    ///
    /// # Errors
    /// [`Error`]; [`Error::may_have_happened`] says whether it may be done all the same.
    pub async fn write<T: DeserializeOwned>(
        &self,
        call: &Call<T>,
        key: &Key,
        now: Seconds,
    ) -> Result<Answer<T>, Error> {
        self.send(call.request(), Some((key, now))).await
    }

    /// All pages of a list, one after the other.
    #[must_use]
    pub fn pages<P: Paged>(&self, call: &Call<P>) -> Pages<P> {
        Pages::new(self.clone(), call.request().clone())
    }

    /// All of a list of which an object shows the first few.
    ///
    /// # Errors
    /// [`Error`], as of a read.
    pub async fn whole<T>(&self, shown: crate::List<T>) -> Result<Vec<T>, Error>
    where
        T: DeserializeOwned + crate::objects::HasId,
    {
        pages::whole(self, shown).await
    }

    /// Whether Stripe is taken to be out of order: calls are refused without being sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.inner.breaker.is_open()
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: &Request,
        key: Option<(&Key, Seconds)>,
    ) -> Result<Answer<T>, Error> {
        let mut note = Note::of(request);
        let done = match fit(request, key) {
            Ok(key) => exchange::run(&self.inner, request, key, note.started, &mut note.attempts).await,
            Err(error) => Err(error),
        };
        let done = done.and_then(|reply| match understood(&reply) {
            Ok(value) => Ok((value, reply)),
            Err(shape) => Err(Error::NotUnderstood { shape, request_id: reply.request_id }),
        });
        match done {
            Ok((value, reply)) => {
                note.answered(&reply);
                Ok(Answer { value, json: reply.body, request_id: reply.request_id, replayed: reply.replayed })
            }
            Err(error) => {
                note.failed(&error);
                Err(error)
            }
        }
    }
}

/// The key to send `request` with, if it may be sent. A key has an effect on a POST alone.
fn fit<'a>(request: &Request, key: Option<(&'a Key, Seconds)>) -> Result<Option<&'a str>, Error> {
    if let Some(fault) = request.fault() {
        return Err(Error::Unfit(fault));
    }
    match (request.method, key) {
        (Method::Get, _) | (Method::Delete, Some(_)) => Ok(None),
        (_, None) => Err(Error::Unfit("a write needs an idempotency key")),
        (Method::Post, Some((key, _))) if !key.fits() => {
            Err(Error::Unfit("an idempotency key has 1 to 255 letters, digits and signs of ASCII"))
        }
        (Method::Post, Some((key, now))) if now.saturating_sub(key.first_sent) >= KEY_LIFE => Err(Error::KeyTooOld),
        (Method::Post, Some((key, _))) => Ok(Some(&key.text)),
    }
}

/// What a success says.
fn understood<T: DeserializeOwned>(reply: &Reply) -> Result<T, BadShape> {
    if reply.too_long {
        let why = format!("the answer is longer than the {} bytes that are read", reply.body.len());
        return Err(BadShape { at: ".".into(), why });
    }
    shape::read(&reply.body)
}
