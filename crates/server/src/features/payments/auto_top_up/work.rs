//! The worker: customers that fell below their marks, and attempts whose outcome is not known, several at a time.

use super::{
    attempts::{self, Attempt, LEASE},
    consider, look, settle, worker,
};
use crate::{
    features::{
        credits,
        customers::{self, Customer},
        payments::{
            operations::{self, Kind, Operation},
            payers, stripe,
        },
    },
    platform::{
        App,
        db::{DbError, Tx},
        error::{Code, Error},
        stripe::Stripe,
        work::Tasks,
    },
};
use futures_util::{FutureExt as _, future::join_all};
use metrics::counter;
use purser_rules::ids::{CustomerId, TopUpAttemptId};
use purser_stripe::{Client, Error as StripeError, objects::PaymentIntent};
use std::{collections::BTreeSet, future::Future, panic::AssertUnwindSafe, time::Duration};

/// How many a node does at a time.
const AT_ONCE: i64 = 8;
/// How often in a row it looks for more before it looks whether to stop.
const MOST_ROUNDS: usize = 100;
/// How often a node looks whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Puts the metrics of auto top-up there before the first attempt.
pub(in super::super) fn announce() {
    for outcome in ["succeeded", "failed", "unanswered"] {
        drop(counter!("purser_auto_top_ups_total", "outcome" => outcome));
    }
}

/// Starts buying what is wanted until `tasks` stop. Without a key of Stripe's there is nothing to do.
pub fn start(app: &App, tasks: &Tasks) {
    if app.part::<Stripe>().client().is_none() {
        return;
    }
    let (app, inner) = (app.clone(), tasks.clone());
    tasks.spawn("auto top-up", async move {
        while !inner.is_stopping() {
            if let Err(error) = work_off(&app).await {
                tracing::warn!(%error, "what auto top-up waits for cannot be taken");
            }
            tokio::select! {
                () = inner.stopping() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    });
}

/// Does what is due; answers how much was taken. What fails is tried again later.
///
/// # Errors
/// What the database says.
pub async fn work_off(app: &App) -> Result<usize, DbError> {
    let (mut done, mut had) = (0, BTreeSet::new());
    for _ in 0..MOST_ROUNDS {
        let (wants, looks) = (take_wants(app, &mut had).await?, take_looks(app).await?);
        let taken = wants.len() + looks.len();
        if taken == 0 {
            break;
        }
        done += taken;
        join_all(wants.into_iter().map(|customer| guarded(customer.as_str().to_owned(), want(app, customer)))).await;
        join_all(looks.into_iter().map(|id| guarded(id.to_string(), look_again(app, id)))).await;
    }
    Ok(done)
}

/// Takes customers that fell below their marks, and none of those that were `had`: one that goes on spending at its
/// limit waits for the next look, or its wallet would be locked all the time. While there is none, nothing is written.
async fn take_wants(app: &App, had: &mut BTreeSet<CustomerId>) -> Result<Vec<CustomerId>, DbError> {
    let due = app.db().read(|tx| credits::due_wants(tx, AT_ONCE)).await?;
    let mut taken = Vec::new();
    for customer in due {
        if !had.insert(customer.clone()) {
            continue;
        }
        let (of, random) = (customer.clone(), app.random().clone());
        let took = app.db().write(move |tx| {
            // The lease, and up to as long again by chance.
            let chance = i64::try_from(random.number() % 120).unwrap_or(0);
            let until = tx.now().plus_seconds(LEASE + chance);
            credits::take_want(tx, &of, until)
        });
        if took.await? {
            taken.push(customer);
        }
    }
    Ok(taken)
}

/// Takes attempts that are to be looked for. While there is none, nothing is written.
async fn take_looks(app: &App) -> Result<Vec<TopUpAttemptId>, DbError> {
    let due = app.db().read(|tx| attempts::due(tx, AT_ONCE)).await?;
    let mut taken = Vec::new();
    for id in due {
        let random = app.random().clone();
        if app.db().write(move |tx| attempts::take(tx, &random, id)).await? {
            taken.push(id);
        }
    }
    Ok(taken)
}

/// Lets one of them go wrong alone: it is tried again when its time has come.
async fn guarded(subject: String, work: impl Future<Output = Result<(), Error>>) {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let code = error.code.as_str();
            tracing::warn!(subject, code, error = error.message, "an auto top-up is tried again later");
        }
        Err(_) => tracing::error!(subject, "an auto top-up panicked"),
    }
}

/// Decides whether a pack is bought for a customer, and buys it: look, put down, call, put down.
async fn want(app: &App, customer: CustomerId) -> Result<(), Error> {
    let client = stripe(app)?;
    let (random, of) = (app.random().clone(), customer.clone());
    let ready = app.db().write(move |tx| consider::consider(tx, &random, &of)).await?;
    let Some(ready) = ready else { return Ok(()) };
    let means = if ready.has_payer { look::means(app, client, &customer).await? } else { None };
    let random = app.random().clone();
    let begun = app.db().write(move |tx| consider::begin(tx, &random, &customer, means.as_ref())).await?;
    match begun {
        Some((attempt, Some(operation))) => pay(app, client, &attempt, &operation).await,
        Some((attempt, None)) => {
            settle::Settled { outcome: attempt.outcome, now: true }.count();
            Ok(())
        }
        None => Ok(()),
    }
}

/// Looks what became of an attempt that was not answered, or whose money is on its way. Nothing can be given to a
/// customer that was archived meanwhile, however often it is looked.
async fn look_again(app: &App, id: TopUpAttemptId) -> Result<(), Error> {
    match looked(app, id).await {
        Err(error) if error.code == Code::CustomerArchived => {
            app.db().write(move |tx| attempts::look_no_more(tx, id)).await?;
            tracing::error!(attempt = %id, "its customer is archived: if it was paid, the money is to be given back");
            Ok(())
        }
        done => done,
    }
}

async fn looked(app: &App, id: TopUpAttemptId) -> Result<(), Error> {
    let client = stripe(app)?;
    let Some(known) = app.db().read(move |tx| known(tx, id)).await? else { return Ok(()) };
    let (attempt, operation, customer) = known;
    let Some(intent) = &attempt.payment_intent else {
        return match customer.archived_at {
            Some(_) => look_for_archived(app, client, (&attempt, &operation), &customer).await,
            None => pay(app, client, &attempt, &operation).await,
        };
    };
    match look::payment(client, intent).await? {
        Some(seen) => record(app, seen).await,
        None => Ok(()),
    }
}

/// An attempt, its write at Stripe, and who it is for.
fn known(tx: &mut Tx<'_>, id: TopUpAttemptId) -> Result<Option<(Attempt, Operation, Customer)>, Error> {
    let Some(attempt) = attempts::find(tx, id)? else { return Ok(None) };
    let customer = customers::find(tx, &attempt.customer)?;
    let operation = operations::find(tx, &attempt.customer, Kind::AutoTopUp, &id.to_string())?;
    Ok(operation.map(|operation| (attempt, operation, customer)))
}

/// The customer was archived meanwhile: who gets nothing pays nothing, so nothing is sent again. What an earlier try
/// may have made is looked for; a person has to when that cannot be done, however often it is tried.
async fn look_for_archived(
    app: &App,
    client: &Client,
    (attempt, operation): (&Attempt, &Operation),
    customer: &Customer,
) -> Result<(), Error> {
    let Some(payer) = &customer.stripe_customer_id else { return Err(credits::archived(&attempt.customer)) };
    match look_for(app, client, (attempt, operation), payer).await {
        Err(error) if error.code == Code::StripeRefused => {
            tracing::warn!(attempt = %attempt.id, error = error.message, "its payment cannot be looked for");
            Err(credits::archived(&attempt.customer))
        }
        done => done,
    }
}

/// Sends the payment of an attempt as it stands, the first time or again, and puts down what came of it.
async fn pay(app: &App, client: &Client, attempt: &Attempt, operation: &Operation) -> Result<(), Error> {
    let error = match operations::ask::<PaymentIntent>(app, client, operation).await {
        Ok(intent) => return paid(app, client, intent).await,
        Err(error) => error,
    };
    match &error {
        StripeError::KeyTooOld => {
            let payer = payers::stripe_customer(app, client, &worker(), &attempt.customer).await?;
            look_for(app, client, (attempt, operation), &payer).await
        }
        StripeError::Refused(refused) if operations::is_refusal(&error) => {
            let why = refused.code.clone().or_else(|| refused.decline_code.clone());
            let why = why.unwrap_or_else(|| refused.kind.name().to_owned());
            refuse(app, attempt.id, why, refused.payment_intent.clone()).await
        }
        StripeError::Unfit(_) => refuse(app, attempt.id, "unfit".to_owned(), None).await,
        _ => {
            counter!("purser_auto_top_ups_total", "outcome" => "unanswered").increment(1);
            Err(error.clone().into())
        }
    }
}

/// It is not sent again: the payment that it may have made is looked for among those of `payer`.
async fn look_for(
    app: &App,
    client: &Client,
    (attempt, operation): (&Attempt, &Operation),
    payer: &str,
) -> Result<(), Error> {
    if let Some(intent) = look::looked_for(client, payer, attempt.id, operation.first_sent).await? {
        return paid(app, client, intent).await;
    }
    let (random, id) = (app.random().clone(), attempt.id);
    let settled = app.db().write(move |tx| settle::never_made(tx, &random, &worker(), id)).await?;
    settled.iter().for_each(settle::Settled::count);
    Ok(())
}

/// Puts down what became of a payment that was just read.
async fn paid(app: &App, client: &Client, intent: PaymentIntent) -> Result<(), Error> {
    match look::seen(client, intent).await? {
        Some(seen) => record(app, seen).await,
        None => Ok(()),
    }
}

async fn record(app: &App, seen: look::Seen) -> Result<(), Error> {
    let random = app.random().clone();
    let settled = app.db().write(move |tx| settle::settle(tx, &random, &worker(), &seen)).await?;
    settled.iter().for_each(settle::Settled::count);
    Ok(())
}

async fn refuse(app: &App, id: TopUpAttemptId, why: String, payment_intent: Option<String>) -> Result<(), Error> {
    let random = app.random().clone();
    let settled = app
        .db()
        .write(move |tx| settle::refused(tx, &random, &worker(), id, (why.as_str(), payment_intent.as_deref())))
        .await?;
    settled.iter().for_each(settle::Settled::count);
    Ok(())
}
