//! Sends calls: one connection pool, one rate limit and one circuit breaker for an account.

mod breaker;
mod exchange;
mod http;
mod order;
mod pages;
mod retry;
mod settings;

pub use pages::{Paged, Pages};
pub use settings::{Limits, NotStarted, Settings};

use crate::{Call, Error, Method, Request, Seconds, shape};
use breaker::Breaker;
use http::{Http, Reply};
use order::Order;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use settings::Bucket;
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
    random: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// Names one write, so that sending it again does it once. Stored with the exact request.
///
/// A payment that was declined needs a new key for a real new attempt: Stripe answers the old key with the old decline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// At most 255 characters; derived from what is to be done, such as an operation's id and its attempt.
    pub text: String,
    /// When it was sent first. Stripe forgets keys after 24 hours at the earliest.
    pub first_sent: Seconds,
}

/// For how long a key is used, in seconds: an hour less than Stripe promises to remember it.
///
/// Source: <https://docs.stripe.com/api/idempotent_requests>
const KEY_LIFE: Seconds = 23 * 3600;

/// An answer.
#[derive(Clone, Debug)]
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
            random: settings.random,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Reads.
    ///
    /// # Errors
    /// [`Error`]; a read can always be tried again.
    pub async fn read<T: DeserializeOwned>(&self, call: &Call<T>) -> Result<Answer<T>, Error> {
        self.send(call.request(), None).await
    }

    /// Writes. The same call with the same key does nothing twice.
    ///
    /// Writes of one object are sent one after the other.
    ///
    /// # Errors
    /// [`Error`]; [`Error::may_have_happened`] says whether it may be done all the same.
    pub async fn write<T: DeserializeOwned>(
        &self,
        call: &Call<T>,
        key: &Key,
        now: Seconds,
    ) -> Result<Answer<T>, Error> {
        if now.saturating_sub(key.first_sent) >= KEY_LIFE {
            return Err(Error::KeyTooOld);
        }
        self.send(call.request(), Some(&key.text)).await
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

    async fn send<T: DeserializeOwned>(&self, request: &Request, key: Option<&str>) -> Result<Answer<T>, Error> {
        // A key has an effect on a POST alone; a DELETE done twice is done once by its nature.
        let key = key.filter(|_| request.method == Method::Post);
        let Reply { body, request_id, replayed, .. } = exchange::run(&self.inner, request, key).await?;
        match shape::read(&body) {
            Ok(value) => Ok(Answer { value, json: body, request_id, replayed }),
            Err(shape) => {
                metrics::counter!("purser_stripe_not_understood_total", "route" => request.label()).increment(1);
                Err(Error::NotUnderstood { shape, request_id })
            }
        }
    }
}
