//! What Stripe says a customer is entitled to, by what it subscribes to: recorded whole, all pages of it.
//!
//! Nothing is decided by it. What a customer may do follows from its plans.

use super::{
    Unrecorded, fetch,
    mirror::{self, Kind, Mirror, Writing},
    react::{MOST_TRIES, overtaken, settled},
    store::text,
};
use crate::{
    features::inbox::{self, Delivery, Marked, Reacted},
    platform::{
        App,
        db::{DbError, Tx},
        error::{Code, Error},
    },
};
use futures_util::future::BoxFuture;
use purser_stripe::{
    Error as StripeError,
    calls::{PageOf, customers},
    objects::Entitlement,
    webhook::Notification,
};
use serde::Deserialize;
use serde_json::Value as Json;

/// Everything a customer of Stripe's is entitled to, and what the mirror said before Stripe was asked.
#[derive(Clone, Debug)]
struct Fetched {
    payer: String,
    all: Vec<Entitlement>,
    /// The revision of the mirror before.
    seen: i64,
}

/// Records what the customer of an event is entitled to now, whatever the event says of it.
pub fn changed(app: App, delivery: Delivery) -> BoxFuture<'static, Result<Reacted, Error>> {
    Box::pin(async move {
        let Some(payer) = payer(&delivery)? else { return Ok(Reacted::Ignored) };
        for _ in 0..MOST_TRIES {
            let fetched = fetched(&app, &payer).await?;
            let event = delivery.clone();
            let kept: Result<Marked, Unrecorded> = app
                .db()
                .write(move |tx| {
                    record(tx, &fetched)?;
                    Ok(inbox::done(tx, &event)?)
                })
                .await;
            if let Some(reacted) = settled(kept)? {
                return Ok(reacted);
            }
        }
        Err(overtaken(&payer))
    })
}

/// Whose entitlements an event is about, by Stripe's id. That never changes, so what was sent may be believed. A thin
/// event names nobody.
fn payer(delivery: &Delivery) -> Result<Option<String>, Error> {
    /// What is read of a summary, which has no id of its own.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Told {
        customer: Json,
    }
    let forgotten = |_| Error::new(Code::PayloadForgotten, "What the event said was forgotten after its time.");
    let Notification::Snapshot(event) = delivery.notification().map_err(forgotten)? else { return Ok(None) };
    let told: Told = event.object().unwrap_or_default();
    let whole = || told.customer.get("id").and_then(Json::as_str);
    Ok(told.customer.as_str().or_else(whole).map(str::to_owned))
}

/// Under which id the fence of a payer's entitlements stands.
fn fence(payer: &str) -> String {
    format!("entitlements:{payer}")
}

async fn fetched(app: &App, payer: &str) -> Result<Fetched, Error> {
    let client = fetch::client(app)?;
    let seen = fetch::revision(app, &fence(payer)).await?;
    let all = match client.pages(&customers::entitlements(payer, &PageOf::full())).all().await {
        Ok(all) => all,
        // Who is deleted is entitled to nothing.
        Err(StripeError::Refused(refused)) if refused.is_missing() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(Fetched { payer: payer.to_owned(), all, seen })
}

fn record(tx: &mut Tx<'_>, fetched: &Fetched) -> Result<(), Unrecorded> {
    let id = fence(&fetched.payer);
    let writing = Writing {
        kind: Kind::Entitlements,
        id: &id,
        stripe_customer_id: &fetched.payer,
        metadata: None,
        customer: None,
        payer: None,
        seen: fetched.seen,
    };
    let mirror = mirror::open(tx, &writing)?;
    Ok(put(tx, &mirror, &fetched.all)?)
}

/// Writes all that a payer is entitled to, in place of what stood there.
fn put(tx: &mut Tx<'_>, mirror: &Mirror, all: &[Entitlement]) -> Result<(), DbError> {
    let sql = "DELETE FROM active_entitlements WHERE stripe_customer_id = $1 AND bucket = $2";
    tx.execute(sql, vec![text(&mirror.stripe_customer_id), mirror.bucket()])?;
    let sql = "INSERT INTO active_entitlements (id, bucket, customer, stripe_customer_id, lookup_key) \
        VALUES ($1, $2, $3, $4, $5)";
    for entitlement in all {
        let params = vec![
            text(&entitlement.id),
            mirror.bucket(),
            mirror.customer(),
            text(&mirror.stripe_customer_id),
            text(&entitlement.lookup_key),
        ];
        tx.execute(sql, params)?;
    }
    Ok(())
}
