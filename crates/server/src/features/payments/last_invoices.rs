//! The last invoice of a subscription that ended with its period: Stripe leaves it a draft that nobody collects, so
//! what was used in the end is asked for only if somebody says so. A draft that asks for time after the end is left
//! alone: whether to ask for that is a person's to say.

use super::{
    bucket, claims, instant,
    operations::{self, Kind, Operation, Sent, State},
    stripe, text,
};
use crate::platform::{
    App,
    db::{DbError, Row, Tx, Value},
    error::{Code, Error},
};
use purser_rules::{Time, ids::CustomerId};
use purser_stripe::{
    Client,
    calls::{
        PageOf,
        invoices::{self, InvoiceChange, Invoices},
        subscriptions,
    },
    objects::{InvoiceLine, InvoiceStatus},
};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How many subscriptions of a bucket are looked at in one run; the next goes on.
const SLICE: i64 = 100;
/// After so long a run begins with none of them any more: other jobs wait for it. The next goes on.
const LONGEST: Duration = Duration::from_secs(20);
/// From how many seconds after its end a subscription is looked at: each is looked at once, and its last invoice must be
/// there by then.
const SETTLED: i64 = 600;
/// For how many seconds after its end it is looked at, should Stripe refuse: a week.
const PATIENCE: i64 = 7 * 86_400;
/// How many seconds before the end its last invoice may have been made, and by how many its lines may go beyond it.
const NEAR: i64 = 3_600;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Subscriptions that were looked at, each once.
    pub subscriptions: u64,
    /// Invoices that are collected from now on.
    pub invoices: u64,
    /// Subscriptions that could not be looked at; the log says why, and the next run tries again.
    pub failed: u64,
}

/// A subscription that has ended.
#[derive(Clone, Debug)]
struct Ended {
    id: String,
    customer: CustomerId,
    at: Time,
}

/// What a write answers that is kept.
#[derive(Deserialize)]
struct Made {
    id: String,
}

/// Lets Stripe collect the last invoices of subscriptions that have ended. Running it again does nothing more.
///
/// # Errors
/// What the database says, and that Stripe does not answer; what was done until then stays done.
pub async fn collect(app: &App) -> Result<Collected, Error> {
    let (began, mut done) = (Instant::now(), Collected::default());
    let Ok(client) = stripe(app) else { return Ok(done) };
    let now = app.clock().now();
    let within = (now.plus_seconds(-PATIENCE), now.plus_seconds(-SETTLED));
    // It begins anywhere, so that what Stripe refuses each time is not what each run is spent on.
    let [first, ..] = app.random().bytes();
    for of in (0..=u8::MAX).map(|bucket| first.wrapping_add(bucket)) {
        for found in app.db().read(move |tx| ended(tx, of.into(), within)).await? {
            if began.elapsed() >= LONGEST {
                return Ok(done);
            }
            match one(app, client, &found).await {
                Ok(invoices) => {
                    done.subscriptions += 1;
                    done.invoices += invoices;
                }
                Err(error) if error.code == Code::StripeRefused => {
                    tracing::warn!(subscription = found.id, error = error.message, "its last invoice is not collected");
                    done.failed += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(done)
}

/// The subscriptions of a bucket that ended after `since`, and not after `until`, and were not looked at yet.
fn ended(tx: &mut Tx<'_>, of: i64, (since, until): (Time, Time)) -> Result<Vec<Ended>, DbError> {
    let sql = "SELECT s.id, s.customer, s.ended_at FROM subscriptions s WHERE s.bucket = $1 AND s.ended_at > $2 \
        AND s.ended_at <= $3 AND s.customer IS NOT NULL AND NOT EXISTS (SELECT 1 AS one FROM last_invoices l \
        WHERE l.subscription = s.id AND l.bucket = s.bucket) ORDER BY s.ended_at LIMIT $4";
    let rows = tx.query(sql, vec![Value::I64(of), Value::Ts(since), Value::Ts(until), Value::I64(SLICE)])?;
    let read = |row: &Row| {
        Ok::<_, DbError>(Ended {
            id: row.text(0)?.to_owned(),
            customer: claims::customer(row.text(1)?)?,
            at: row.ts(2)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Lets the last invoice of a subscription be collected, if there is one; answers how many there were.
async fn one(app: &App, client: &Client, ended: &Ended) -> Result<u64, Error> {
    let mut collected = 0;
    for invoice in drafts(client, ended).await? {
        advance(app, client, ended, invoice).await?;
        collected += 1;
    }
    let of = ended.clone();
    app.db().write(move |tx| note(tx, &of)).await?;
    Ok(collected)
}

/// The drafts that were made by the end of the subscription. Older ones are of periods that were never paid. One that
/// bills time after the end is of a renewal a moment before it: nobody who ended it wants to pay that. And whoever
/// paused collection wants drafts.
async fn drafts(client: &Client, ended: &Ended) -> Result<Vec<String>, Error> {
    if client.read(&subscriptions::retrieve(&ended.id)).await?.value.pause_collection.is_some() {
        return Ok(Vec::new());
    }
    let which = Invoices {
        subscription: Some(ended.id.clone()),
        status: Some(InvoiceStatus::Draft),
        page: PageOf::full(),
        ..Invoices::default()
    };
    let found = client.read(&invoices::list(&which)).await?.value.data;
    let mut last = Vec::new();
    for invoice in found {
        let near = instant(invoice.created) >= ended.at.plus_seconds(-NEAR);
        let Some(id) = invoice.id.filter(|_| near && invoice.auto_advance != Some(true)) else { continue };
        let lines = client.whole(invoice.lines).await?;
        if lines.iter().all(|line| is_of_the_end(line, ended.at)) {
            last.push(id);
        }
    }
    Ok(last)
}

/// Whether a line asks for nothing after the end at `at`. One that gives money back may be for the time after it: that
/// was paid, and is not had.
fn is_of_the_end(line: &InvoiceLine, at: Time) -> bool {
    line.amount <= 0 || instant(line.period.end) <= at.plus_seconds(NEAR)
}

/// Lets Stripe finalise and collect an invoice. When its key is too old, the next run looks, and asks anew.
async fn advance(app: &App, client: &Client, ended: &Ended, invoice: String) -> Result<(), Error> {
    let change = InvoiceChange { auto_advance: Some(true), ..InvoiceChange::default() };
    let request = invoices::update(&invoice, &change).request().clone();
    let (random, customer) = (app.random().clone(), ended.customer.clone());
    let begun = app.db().write(move |tx| {
        let found = operations::begin(tx, &random, &customer, (Kind::InvoiceAdvance, &invoice), &request)?;
        match found.state {
            // It is still a draft: it does the same however often it is done.
            State::Indeterminate => operations::begin_anew(tx, &random, &found, &request),
            State::Sent | State::Answered | State::Refused => Ok(found),
        }
    });
    let operation: Operation = begun.await?;
    match operations::send::<Made>(app, client, &operation).await? {
        Sent::Answered(made) => {
            operations::keep(app, &operation, State::Answered, Some(made.id)).await?;
            Ok(())
        }
        Sent::Indeterminate => {
            operations::keep(app, &operation, State::Indeterminate, None).await?;
            Err(Error::new(Code::StripeRefused, "Whether it was done is not known. The next run looks again."))
        }
        Sent::Refused(error) => {
            operations::keep(app, &operation, State::Refused, None).await?;
            Err(error)
        }
    }
}

/// Puts down that a subscription was looked at.
fn note(tx: &mut Tx<'_>, ended: &Ended) -> Result<(), DbError> {
    let now = tx.now();
    let sql = "INSERT INTO last_invoices (subscription, bucket, looked_at) VALUES ($1, $2, $3) \
        ON CONFLICT (subscription, bucket) DO NOTHING";
    tx.execute(sql, vec![text(&ended.id), bucket(&ended.customer), Value::Ts(now)]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{InvoiceLine, NEAR, instant, is_of_the_end};
    use serde_json::{from_str, json};

    /// When the subscription ended.
    const END: i64 = 1_000_000;

    /// A line as Stripe tells it.
    fn line(amount: i64, end: i64) -> InvoiceLine {
        let line = json!({
            "id": "il_1", "amount": amount, "currency": "usd", "description": null, "parent": null, "pricing": null,
            "period": { "start": END - 86_400, "end": end }, "quantity": null, "metadata": {},
        });
        from_str(&line.to_string()).expect("a line")
    }

    #[test]
    fn a_line_after_the_end_may_give_back_and_not_ask() {
        let table = [
            (500, END, true),
            (500, END + NEAR, true),
            (500, END + NEAR + 1, false),
            (-1500, END + 20 * 86_400, true),
            (0, END + 20 * 86_400, true),
            (1, END + 20 * 86_400, false),
        ];
        for (amount, end, expected) in table {
            assert_eq!(is_of_the_end(&line(amount, end), instant(END)), expected, "{amount} until {end}");
        }
    }
}
