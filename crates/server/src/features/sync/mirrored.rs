//! Subscriptions and invoices of an account, by the same recording as of events.

use super::{
    CAUSE, Kind,
    run::{Object, Run},
    tally::{Seen, What},
};
use crate::{
    features::subscriptions::{self, FetchedInvoice, Recorded},
    platform::{error::Error, stripe::instant},
};
use purser_rules::Time;
use purser_stripe::{
    Call, List, Seconds,
    calls::{PageOf, invoices, subscriptions as calls},
    objects::{Invoice, InvoiceStatus, Subscription, SubscriptionStatus},
};

/// How often an object is fetched again because others wrote it meanwhile.
const MOST_TRIES: usize = 20;

impl Object for Subscription {
    const KIND: Kind = Kind::Subscriptions;
    const MIRRORED: bool = true;

    fn list(page: PageOf) -> Call<List<Self>> {
        // Those that have ended are a customer's history.
        let status = Some(SubscriptionStatus::Other("all".to_owned()));
        calls::list(&calls::Subscriptions { status, page, ..calls::Subscriptions::default() })
    }

    async fn take(run: &Run<'_>, said: &Self, seen: Option<i64>) -> Result<Seen, Error> {
        let mut listed = match seen {
            Some(seen) => Some(subscriptions::listed(run.app, said.clone(), seen).await?),
            None => None,
        };
        for _ in 0..MOST_TRIES {
            let fetched = match listed.take() {
                Some(listed) => Some(listed),
                None => subscriptions::fetch(run.app, &said.id, None).await?,
            };
            let Some(fetched) = fetched else { return Ok(Seen::kept(What::Unchanged)) };
            let random = run.app.random().clone();
            let recorded =
                run.kept(move |tx| Ok(subscriptions::record_and_compare(tx, &random, CAUSE, &fetched)?)).await?;
            if let Some(recorded) = recorded {
                return Ok(counted(recorded));
            }
        }
        Ok(overtaken())
    }
}

impl Object for Invoice {
    const KIND: Kind = Kind::Invoices;
    const MIRRORED: bool = true;

    fn list(page: PageOf) -> Call<List<Self>> {
        invoices::list(&invoices::Invoices { page, ..invoices::Invoices::default() })
    }

    async fn take(run: &Run<'_>, said: &Self, seen: Option<i64>) -> Result<Seen, Error> {
        let Some(id) = &said.id else { return Ok(Seen::kept(What::Unchanged)) };
        if said.customer.is_none() {
            return Ok(Seen::nobody());
        }
        let failed_at = failed_at(said);
        // History is put down as it is listed. What is paid for now, and what decides on access, goes the way of an
        // event: fetched by itself, together with its subscription. What was taken back of it before is looked at too.
        let mut listed: Option<FetchedInvoice> = match seen {
            Some(seen) if failed_at.is_none() && !runs(said, run.app.clock().now()) => {
                subscriptions::listed_invoice(run.app, said.clone(), seen)
            }
            _ => None,
        };
        for _ in 0..MOST_TRIES {
            let (fetched, of) = match listed.take() {
                Some(listed) => (Some(listed), None),
                None => {
                    let fetched = subscriptions::fetch_invoice_and_money(run.app, id).await?;
                    let of = match fetched.as_ref().and_then(FetchedInvoice::subscription) {
                        Some(subscription) => subscriptions::fetch(run.app, subscription, None).await?,
                        None => None,
                    };
                    (fetched, of)
                }
            };
            let Some(fetched) = fetched else { return Ok(Seen::kept(What::Unchanged)) };
            let random = run.app.random().clone();
            let recorded = run
                .kept(move |tx| {
                    let of = of.as_ref();
                    Ok(subscriptions::record_invoice_and_compare(tx, &random, CAUSE, failed_at, &fetched, of)?)
                })
                .await?;
            if let Some(recorded) = recorded {
                return Ok(counted(recorded));
            }
        }
        Ok(overtaken())
    }
}

/// How an object is counted.
fn counted(recorded: Recorded) -> Seen {
    let what = match recorded {
        Recorded { known: false, .. } => What::New,
        Recorded { changed: true, .. } => What::Changed,
        Recorded { .. } => What::Unchanged,
    };
    Seen::kept(what).bound(recorded.bound)
}

fn overtaken() -> Seen {
    Seen::noted(What::Failed, "It was written by others each time it was fetched. Run the sync again.")
}

/// When the payment of an unpaid invoice first failed, as far as Stripe's objects tell: they tell that it failed, not
/// when. It was tried when the invoice became final, or within an hour of that.
fn failed_at(said: &Invoice) -> Option<Time> {
    let unpaid = matches!(said.status, Some(InvoiceStatus::Open | InvoiceStatus::Uncollectible));
    let failed = unpaid && said.attempt_count > 0 && said.subscription().is_some();
    said.status_transitions.finalized_at.filter(|_| failed).map(instant)
}

/// Whether a paid invoice bills time that runs `now`, or may: only its first lines are shown.
fn runs(said: &Invoice, now: Time) -> bool {
    let paid = matches!(said.status, Some(InvoiceStatus::Paid));
    let now_in = |start: Seconds, end: Seconds| instant(start) <= now && now < instant(end);
    paid && (said.lines.has_more || said.lines.data.iter().any(|line| now_in(line.period.start, line.period.end)))
}
