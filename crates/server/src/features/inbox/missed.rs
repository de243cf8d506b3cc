//! Events that no webhook brought are found by listing Stripe's, from where the last look ended.

use super::{
    Inbox,
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
    Client,
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
/// How long a run may take: other jobs wait for it.
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

/// Lists Stripe's events since the last look, and takes in those no webhook brought. The first look
/// begins ten minutes ago.
///
/// # Errors
/// What Stripe or the database says; what was seen until then is not listed again.
pub async fn find_missed(app: &App) -> Result<Missed, Error> {
    find(app, Source::Snapshots).await
}

/// The same for thin events, which have a list of their own.
///
/// # Errors
/// As [`find_missed`].
pub async fn find_missed_thin(app: &App) -> Result<Missed, Error> {
    find(app, Source::Thin).await
}

async fn find(app: &App, source: Source) -> Result<Missed, Error> {
    let Some(client) = app.part::<Stripe>().client() else {
        return Ok(Missed { skipped: Some("STRIPE_SECRET_KEY is not set"), ..Missed::default() });
    };
    let mut missed = Missed::default();
    let done = tokio::time::timeout(LONGEST, look(app, client, source, &mut missed)).await;
    match done {
        Ok(Err(error)) => Err(error),
        // What was listed until then is kept; the next run goes on.
        Ok(Ok(())) | Err(_) => Ok(missed),
    }
}

/// Goes through stretch after stretch, up to now.
async fn look(app: &App, client: &Client, source: Source, missed: &mut Missed) -> Result<(), Error> {
    let now = app.clock().now();
    let began = app.db().read(move |tx| cursor(tx, source)).await?;
    let mut at = began.unwrap_or(now).max(now.plus_seconds(OVERLAP - KEPT));
    for _ in 0..MOST_STRETCHES {
        let (from, to) = (at.plus_seconds(-OVERLAP), at.plus_seconds(STRETCH).min(now));
        let arrivals = match source {
            Source::Snapshots => snapshots(app, client, from, to, missed).await?,
            Source::Thin => thin(app, client, from, to, missed).await?,
        };
        take_in(app, arrivals, missed).await?;
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

/// The events of a stretch. Those of a page are kept before the next page is read; answered are those of the last.
async fn snapshots(
    app: &App,
    client: &Client,
    from: Time,
    to: Time,
    missed: &mut Missed,
) -> Result<Vec<Arrival>, Error> {
    let created = Created { gte: Some(seconds(from)), lt: Some(seconds(to) + 1) };
    let mut page = PageOf::full();
    let mut arrivals = Vec::new();
    for _ in 0..MOST_PAGES {
        let which = calls::events::Events { created: Some(created.clone()), page: page.clone(), ..Default::default() };
        let answer = client.read(&calls::events::list(&which)).await?;
        let whole: Page = serde_json::from_slice(&answer.json).map_err(|error| DbError::Bug(error.to_string()))?;
        let now = app.clock().now();
        for event in whole.data {
            let payload = Bytes::from(String::from(Box::<str>::from(event)));
            // The client has read it already: it is an event.
            if let Ok(read) = webhook::read(&payload) {
                arrivals.extend(Arrival::of(&read, payload, now));
            }
        }
        match answer.value.data.last() {
            Some(last) if answer.value.has_more => page.starting_after = Some(last.id.clone()),
            _ => return Ok(arrivals),
        }
        take_in(app, std::mem::take(&mut arrivals), missed).await?;
    }
    Err(endless())
}

/// The thin events of a stretch, in the same way.
async fn thin(app: &App, client: &Client, from: Time, to: Time, missed: &mut Missed) -> Result<Vec<Arrival>, Error> {
    let whole = |at: Time| Time::from_micros(seconds(at) * 1_000_000).to_string();
    let created = calls::events::ThinCreated { gte: Some(whole(from)), lt: Some(whole(to.plus_seconds(1))) };
    let which = calls::events::ThinEvents { created: Some(created), limit: Some(100), ..Default::default() };
    let mut pages = client.pages(&calls::events::list_thin(&which));
    let mut arrivals = Vec::new();
    for _ in 0..MOST_PAGES {
        let Some(events) = pages.next().await? else { return Ok(arrivals) };
        take_in(app, std::mem::take(&mut arrivals), missed).await?;
        let now = app.clock().now();
        arrivals.extend(events.into_iter().filter_map(|event| as_sent(event, now)));
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
        found += u64::from(kept?);
    }
    if found > 0 {
        missed.found += found;
        counter!("purser_inbox_missed_total").increment(found);
        inbox.wake();
    }
    Ok(())
}

/// How far the last look came.
fn cursor(tx: &mut Tx<'_>, source: Source) -> Result<Option<Time>, DbError> {
    let row = tx.first("SELECT at FROM stripe_cursors WHERE name = $1", vec![text(source.cursor())])?;
    row.map(|row| row.ts(0)).transpose()
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
