//! Events that no webhook brought are found by listing Stripe's, from where the last look ended.

use super::{
    Inbox,
    arrivals::Arrived,
    store::{Arrival, text},
};
use crate::platform::{
    App,
    db::{DbError, Tx, Value},
    error::Error,
    stripe::Stripe,
};
use bytes::Bytes;
use metrics::counter;
use purser_rules::Time;
use purser_stripe::{
    Client, Error as StripeError,
    calls::{self, Created, PageOf},
    webhook::{self, FullThinEvent, Notification},
};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use std::time::Duration;

/// How far a look reaches back before the end of the last one, in seconds: an event may be listed later than it happened.
const OVERLAP: i64 = 600;
/// How much time is listed at once, in seconds. A stretch counts as seen when all its pages were.
const STRETCH: i64 = 3_600;
/// How far back Stripe has events, in seconds: 30 days, and an hour less.
const KEPT: i64 = 30 * 86_400 - 3_600;
/// Most stretches of one run; the next goes on.
const MOST_STRETCHES: usize = 100;
/// Most pages of one stretch: 100 events each.
const MOST_PAGES: usize = 500;
/// How long a run may take: other jobs wait for it. The next goes on behind the last page.
const LONGEST: Duration = Duration::from_secs(20);

/// What a run found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// Events listed.
    pub listed: u64,
    /// Of them, those no webhook had brought: they are kept now, and will be acted on.
    pub found: u64,
    /// Whether all was listed up to now; if not, the next run goes on.
    pub complete: bool,
    /// Why nothing was listed, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<&'static str>,
}

/// Which list of Stripe's.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Events with their objects.
    Snapshots,
    /// Events that name their objects.
    Thin,
}

impl Source {
    /// The name of its cursor.
    const fn cursor(self) -> &'static str {
        match self {
            Self::Snapshots => "events",
            Self::Thin => "thin-events",
        }
    }
}

/// A part of a list: what was created from ten minutes before `at` up to `to`, newest first.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    source: Source,
    at: Time,
    to: Time,
}

impl Stretch {
    /// When the first of it was created.
    const fn begins(self) -> Time {
        self.at.plus_seconds(-OVERLAP)
    }
}

/// Where a run was ended in the middle of a stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// Where the stretch ends.
    to: Time,
    /// The last of it that was kept: an event's id; of thin events, which are not listed from one on, when it happened.
    behind: String,
}

impl Place {
    /// The place stored as `text`; none when it was not in the middle of a stretch.
    fn stored(text: &str) -> Option<Self> {
        let (to, behind) = text.split_once(':')?;
        Some(Self { to: Time::from_micros(to.parse().ok()?), behind: behind.to_owned() })
    }

    /// As it is stored.
    fn text(&self) -> String {
        format!("{}:{}", self.to.micros(), self.behind)
    }
}

/// Lists Stripe's events since the last look, and takes in those no webhook brought. The first look
/// begins ten minutes ago.
///
/// # Errors
/// What Stripe or the database says; what was seen until then is not listed again.
pub async fn find_missed(app: &App) -> Result<Missed, Error> {
    find_missed_within(app, LONGEST).await
}

/// The same, in a run that may take this long.
///
/// # Errors
/// As [`find_missed`].
pub async fn find_missed_within(app: &App, longest: Duration) -> Result<Missed, Error> {
    find(app, Source::Snapshots, longest).await
}

/// The same for thin events, which have a list of their own.
///
/// # Errors
/// As [`find_missed`].
pub async fn find_missed_thin(app: &App) -> Result<Missed, Error> {
    find(app, Source::Thin, LONGEST).await
}

async fn find(app: &App, source: Source, longest: Duration) -> Result<Missed, Error> {
    let Some(client) = app.part::<Stripe>().client() else {
        return Ok(Missed { skipped: Some("STRIPE_SECRET_KEY is not set"), ..Missed::default() });
    };
    let mut missed = Missed::default();
    let done = tokio::time::timeout(longest, look(app, client, source, &mut missed)).await;
    match done {
        Ok(Err(error)) => Err(error),
        // What was listed until then is kept; the next run goes on.
        Ok(Ok(())) | Err(_) => Ok(missed),
    }
}

/// Goes through stretch after stretch, up to now; first to the end of the one in which the run before was ended.
async fn look(app: &App, client: &Client, source: Source, missed: &mut Missed) -> Result<(), Error> {
    let now = app.clock().now();
    let (began, place) = app.db().read(move |tx| cursor(tx, source)).await?.unwrap_or((now, None));
    let mut at = began.max(now.plus_seconds(OVERLAP - KEPT));
    // What Stripe has forgotten meanwhile is not gone on with.
    let mut place = place.filter(|place| place.to >= at);
    for _ in 0..MOST_STRETCHES {
        let to = place.as_ref().map_or_else(|| at.plus_seconds(STRETCH).min(now), |place| place.to);
        let (stretch, behind) = (Stretch { source, at, to }, place.take().map(|place| place.behind));
        match source {
            Source::Snapshots => snapshots(app, client, stretch, behind, missed).await?,
            Source::Thin => thin(app, client, stretch, behind, missed).await?,
        }
        app.db().write(move |tx| advance(tx, source, to)).await?;
        at = to;
        if to >= now {
            missed.complete = true;
            break;
        }
    }
    Ok(())
}

/// Whole seconds since 1970.
fn seconds(at: Time) -> i64 {
    at.micros().div_euclid(1_000_000)
}

/// A page as it came, each event in its own words.
#[derive(Deserialize)]
struct Page {
    data: Vec<Box<RawValue>>,
}

/// Takes in the events of a stretch, from `behind` one of them on. Those of a page are kept before the next is read.
async fn snapshots(
    app: &App,
    client: &Client,
    stretch: Stretch,
    behind: Option<String>,
    missed: &mut Missed,
) -> Result<(), Error> {
    let created = Created { gte: Some(seconds(stretch.begins())), lt: Some(seconds(stretch.to) + 1) };
    let mut page = PageOf { starting_after: behind, ..PageOf::full() };
    for _ in 0..MOST_PAGES {
        let which = calls::events::Events { created: Some(created.clone()), page: page.clone(), ..Default::default() };
        let answer = match client.read(&calls::events::list(&which)).await {
            // The event is gone that the run before came to: the stretch is listed anew.
            Err(StripeError::Refused(refused)) if refused.is_missing() && page.starting_after.is_some() => {
                page.starting_after = None;
                continue;
            }
            answer => answer?,
        };
        let whole: Page = serde_json::from_slice(&answer.json).map_err(|error| DbError::Bug(error.to_string()))?;
        let now = app.clock().now();
        let mut arrivals = Vec::with_capacity(whole.data.len());
        for event in whole.data {
            let payload = Bytes::from(String::from(Box::<str>::from(event)));
            // The client has read it already: it is an event.
            if let Ok(read) = webhook::read(&payload) {
                arrivals.extend(Arrival::of(&read, payload, now));
            }
        }
        take_in(app, arrivals, missed).await?;
        let Some(last) = answer.value.data.last().filter(|_| answer.value.has_more) else { return Ok(()) };
        put_place(app, stretch, last.id.clone()).await?;
        page.starting_after = Some(last.id.clone());
    }
    Err(endless())
}

/// Takes in the thin events of a stretch, in the same way. They are not listed from one of them on, but up to when one
/// of them happened.
async fn thin(
    app: &App,
    client: &Client,
    stretch: Stretch,
    behind: Option<String>,
    missed: &mut Missed,
) -> Result<(), Error> {
    let whole = |at: Time| Time::from_micros(seconds(at) * 1_000_000).to_string();
    let until = behind.and_then(|at| Time::parse(&at)).unwrap_or(stretch.to);
    let created =
        calls::events::ThinCreated { gte: Some(whole(stretch.begins())), lt: Some(whole(until.plus_seconds(1))) };
    let which = calls::events::ThinEvents { created: Some(created), limit: Some(100), ..Default::default() };
    let mut pages = client.pages(&calls::events::list_thin(&which));
    for _ in 0..MOST_PAGES {
        let Some(events) = pages.next().await? else { return Ok(()) };
        let last = events.last().map(|last| last.event.created.clone());
        let now = app.clock().now();
        take_in(app, events.into_iter().filter_map(|event| as_sent(event, now)).collect(), missed).await?;
        if let Some(last) = last {
            put_place(app, stretch, last).await?;
        }
    }
    Err(endless())
}

/// A stretch whose pages do not end must not count as seen.
fn endless() -> Error {
    DbError::Bug(format!("Stripe lists more than {MOST_PAGES} pages of events within {STRETCH} s")).into()
}

/// A listed thin event as it would have been sent: without its data.
fn as_sent(event: FullThinEvent, now: Time) -> Option<Arrival> {
    let event = event.event;
    let related = event.related_object.as_ref();
    let related = related.map(|related| json!({ "id": related.id, "type": related.kind, "url": related.url }));
    let sent = json!({
        "id": event.id,
        "object": "v2.core.event",
        "type": event.kind,
        "created": event.created,
        "livemode": event.livemode,
        "related_object": related,
    });
    Arrival::of(&Notification::Thin(event), Bytes::from(sent.to_string()), now)
}

/// Keeps what is new of `arrivals`, by the way of all events.
async fn take_in(app: &App, arrivals: Vec<Arrival>, missed: &mut Missed) -> Result<(), Error> {
    let inbox = app.part::<Inbox>();
    missed.listed += u64::try_from(arrivals.len()).unwrap_or(0);
    let mut found = 0;
    for kept in inbox.arrivals.submit_all(arrivals).await {
        found += u64::from(kept? != Arrived::Duplicate);
    }
    if found > 0 {
        missed.found += found;
        counter!("purser_inbox_missed_total").increment(found);
        inbox.wake();
    }
    Ok(())
}

/// How far the last look came: before when all was seen, and where it was ended in the stretch from there on.
fn cursor(tx: &mut Tx<'_>, source: Source) -> Result<Option<(Time, Option<Place>)>, DbError> {
    let row = tx.first("SELECT at, id FROM stripe_cursors WHERE name = $1", vec![text(source.cursor())])?;
    row.map(|row| Ok((row.ts(0)?, Place::stored(row.text(1)?)))).transpose()
}

/// Puts down how far a stretch was listed; before its `at` all was seen, as before.
async fn put_place(app: &App, stretch: Stretch, behind: String) -> Result<(), DbError> {
    let place = Place { to: stretch.to, behind }.text();
    app.db().write(move |tx| put_cursor(tx, stretch.source.cursor(), stretch.at, &place)).await
}

/// Puts down that all before `at` was seen.
fn advance(tx: &mut Tx<'_>, source: Source, at: Time) -> Result<(), DbError> {
    put_cursor(tx, source.cursor(), at, "")
}

/// Puts a cursor down.
pub(super) fn put_cursor(tx: &mut Tx<'_>, name: &str, at: Time, id: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO stripe_cursors (name, at, id) VALUES ($1, $2, $3) \
        ON CONFLICT (name) DO UPDATE SET at = excluded.at, id = excluded.id";
    tx.execute(sql, vec![text(name), Value::Ts(at), text(id)]).map(drop)
}
