//! A run: goes through the lists page by page, asks again while Stripe does not answer, and keeps how far it came.

use super::{
    Asked, Kind, Tally,
    place::{self, Place},
    tally::{Seen, What},
};
use crate::{
    features::subscriptions::{Unrecorded, revisions},
    platform::{
        App,
        db::{DbError, Tx},
        error::{Code, Error},
        stripe,
    },
};
use purser_stripe::{Call, Client, Error as StripeError, List, calls::PageOf, objects::HasId};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, future::Future, time::Duration};

/// How often Stripe is asked again while it does not answer; with the pauses between, about four minutes.
const MOST_WAITS: u32 = 10;
/// How often a list is begun anew because its place is gone.
const MOST_REWINDS: u32 = 3;
/// How often the pause between two of them is doubled.
const MOST_DOUBLED: u32 = 5;

/// A run, and what it is given.
pub(super) struct Run<'a> {
    pub app: &'a App,
    pub client: &'a Client,
    pub asked: Asked,
    pub progress: &'a dyn Fn(Kind, &Tally),
}

/// A kind of object that a sync goes through.
pub(super) trait Object: DeserializeOwned + HasId {
    /// Which.
    const KIND: Kind;
    /// Whether it is mirrored: then a page is read again after the revisions of its objects were read, since what
    /// counts is what Stripe said after that.
    const MIRRORED: bool;

    /// A page of its list.
    fn list(page: PageOf) -> Call<List<Self>>;

    /// Puts one down. `seen` is its revision before it was listed; none for one that is not mirrored, or that came onto
    /// the page after the revisions were read.
    async fn take(run: &Run<'_>, object: &Self, seen: Option<i64>) -> Result<Seen, Error>;
}

/// Why a unit of work kept nothing.
pub(super) enum Unkept<T> {
    /// Nothing was to be kept: this is what would have come of it.
    Dry(Box<T>),
    /// It was written by another since it was looked at.
    Stale,
    /// Anything else.
    Failed(Error),
}

impl<T> From<Error> for Unkept<T> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<T> From<DbError> for Unkept<T> {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl<T> From<Unrecorded> for Unkept<T> {
    fn from(unrecorded: Unrecorded) -> Self {
        match unrecorded {
            Unrecorded::Stale => Self::Stale,
            Unrecorded::Failed(error) => Self::Failed(error),
        }
    }
}

impl Run<'_> {
    /// Goes through all objects of a kind, from where the run before was ended.
    pub(super) async fn all<T: Object>(&self) -> Result<Tally, Error> {
        let (mut place, mut rewinds) = (self.place(T::KIND).await?, 0);
        (self.progress)(T::KIND, &place.tally);
        while let Some(page) = place.page() {
            let call = T::list(page);
            let Some((shown, seen)) = self.shown::<T>(&call).await? else {
                rewinds += 1;
                if rewinds > MOST_REWINDS || !place.rewind() {
                    return Err(endless(T::KIND));
                }
                tracing::info!(kind = T::KIND.as_str(), "the list is read anew: where it was left is gone");
                continue;
            };
            for object in &shown.data {
                let seen = self.one(object, seen.get(object.id()).copied()).await?;
                place.tally.take(object.id(), seen);
            }
            let edge = |object: Option<&T>| object.map(|object| object.id().to_owned());
            let (newest, oldest) = (edge(shown.data.first()), edge(shown.data.last()));
            if !place.advance(newest.as_deref(), oldest.as_deref(), shown.has_more) {
                return Err(endless(T::KIND));
            }
            self.keep(T::KIND, &place).await?;
            (self.progress)(T::KIND, &place.tally);
        }
        Ok(place.tally)
    }

    /// A page, and the revisions of what is mirrored on it; none when Stripe does not know its place any more.
    async fn shown<T: Object>(&self, call: &Call<List<T>>) -> Result<Option<(List<T>, BTreeMap<String, i64>)>, Error> {
        let Some(first) = self.listed(call).await? else { return Ok(None) };
        if !T::MIRRORED {
            return Ok(Some((first, BTreeMap::new())));
        }
        let ids = first.data.iter().map(|object| object.id().to_owned()).collect();
        let seen = revisions(self.app, ids).await?;
        Ok(self.listed(call).await?.map(|again| (again, seen)))
    }

    /// Puts one object down. What is wrong with it alone is counted, and the run goes on.
    async fn one<T: Object>(&self, object: &T, seen: Option<i64>) -> Result<Seen, Error> {
        match self.patiently(|| T::take(self, object, seen)).await {
            Err(error) if is_of_the_object(error.code) => Ok(Seen::noted(What::Failed, error.message)),
            done => done,
        }
    }

    /// A page of a list; none when Stripe does not know the object any more that it is to begin at.
    async fn listed<T: DeserializeOwned>(&self, call: &Call<List<T>>) -> Result<Option<List<T>>, Error> {
        let client = self.client;
        self.patiently(move || async move {
            match client.read(call).await {
                Ok(answer) => Ok(Ok(Some(answer.value))),
                Err(StripeError::Refused(refused)) if refused.is_missing() => Ok(Ok(None)),
                // To `patiently` it is an answer, so that it does not ask again: no pause makes our key good, and
                // whoever runs this waits for it and can give another.
                Err(error) if stripe::is_of_our_key(&error) => Ok(Err(Error::from(error))),
                Err(error) => Err(Error::from(error)),
            }
        })
        .await?
    }

    /// Asks again, after longer and longer pauses, while Stripe does not answer.
    async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        for turn in 0..MOST_WAITS {
            match ask().await {
                Err(error) if error.code == Code::StripeUnavailable => {
                    tracing::debug!(why = error.message, "Stripe is asked again");
                    tokio::time::sleep(self.pause(turn)).await;
                }
                done => return done,
            }
        }
        ask().await
    }

    /// How long to wait after try `turn`, from 0: between half of the whole and the whole of it.
    fn pause(&self, turn: u32) -> Duration {
        let whole = self.asked.pause * 2_u32.pow(turn.min(MOST_DOUBLED));
        let share = u32::try_from(self.app.random().number() % 1_000).unwrap_or(0);
        whole / 2 + whole * share / 2_000
    }

    /// Does `unit` and keeps what it did, unless the run is dry. None when another wrote meanwhile.
    pub(super) async fn kept<T: Send + 'static>(
        &self,
        unit: impl Fn(&mut Tx<'_>) -> Result<T, Unkept<T>> + Send + Sync + 'static,
    ) -> Result<Option<T>, Error> {
        let dry = self.asked.dry_run;
        let kept = self.app.db().write(move |tx| {
            let done = unit(tx)?;
            if dry { Err(Unkept::Dry(Box::new(done))) } else { Ok(done) }
        });
        match kept.await {
            Ok(done) => Ok(Some(done)),
            Err(Unkept::Dry(done)) => Ok(Some(*done)),
            Err(Unkept::Stale) => Ok(None),
            Err(Unkept::Failed(error)) => Err(error),
        }
    }

    /// Where to go on.
    async fn place(&self, kind: Kind) -> Result<Place, DbError> {
        if self.asked.dry_run {
            return Ok(Place::default());
        }
        Ok(self.app.db().read(move |tx| place::find(tx, kind)).await?.unwrap_or_default())
    }

    /// Puts down how far it came.
    async fn keep(&self, kind: Kind, place: &Place) -> Result<(), DbError> {
        if self.asked.dry_run {
            return Ok(());
        }
        let place = place.clone();
        self.app.db().write(move |tx| place::put(tx, kind, &place)).await
    }
}

/// Whether what went wrong is a matter of one object, so that the next can be tried.
const fn is_of_the_object(code: Code) -> bool {
    use Code::{ClockSkewed, DatabaseFull, DatabaseUnavailable, Overloaded, StripeUnavailable};
    !matches!(code, ClockSkewed | DatabaseFull | DatabaseUnavailable | Overloaded | StripeUnavailable)
}

/// What is said of a list that could be read for ever.
fn endless(kind: Kind) -> Error {
    let message = format!("Stripe's list of {} leads nowhere. Run the sync again.", kind.as_str());
    Error::new(Code::StripeRefused, message)
}
