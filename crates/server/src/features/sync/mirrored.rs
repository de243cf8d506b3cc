//! Subscriptions, invoices and open disputes of an account, by the same recording as of events.

use super::{
    Kind, actor,
    run::{Object, Run},
    tally::{Seen, What},
};
use crate::{
    features::subscriptions::{self, FetchedInvoice, Money, Recorded},
    platform::{error::Error, stripe::instant},
};
use purser_rules::{Time, credit::DisputeState};
use purser_stripe::{
    Call, List, Seconds,
    calls::{PageOf, invoices, payments, subscriptions as calls},
    objects::{Dispute, Invoice, InvoiceStatus, Subscription, SubscriptionStatus},
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
                run.kept(move |tx| Ok(subscriptions::record_and_compare(tx, &random, &actor(), &fetched)?)).await?;
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
                    let fetched = subscriptions::fetch_invoice_that_gives(run.app, id).await?;
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
                    Ok(subscriptions::record_invoice_and_compare(tx, &random, &actor(), failed_at, &fetched, of)?)
                })
                .await?;
            if let Some(recorded) = recorded {
                return Ok(counted(recorded));
            }
        }
        Ok(overtaken())
    }
}

impl Object for Dispute {
    const KIND: Kind = Kind::Disputes;
    const MIRRORED: bool = false;

    fn list(page: PageOf) -> Call<List<Self>> {
        payments::disputes(&payments::OfPayment { page, ..payments::OfPayment::default() })
    }

    async fn take(run: &Run<'_>, said: &Self, _seen: Option<i64>) -> Result<Seen, Error> {
        let nothing = || Ok(Seen::kept(What::Unchanged));
        let Some(intent) = said.payment_intent.as_ref().filter(|_| is_open(said)) else { return nothing() };
        let Some(invoice) = subscriptions::invoice_of(run.client, intent.id()).await? else { return nothing() };
        for _ in 0..MOST_TRIES {
            // With all that became of its money, as after an event of it. What it gives was given before, or is history.
            let Some(fetched) = subscriptions::fetch_invoice_and_money(run.app, &invoice).await? else {
                return nothing();
            };
            let Some(of) = fetched.subscription() else { return nothing() };
            let of = subscriptions::fetch(run.app, of, None).await?;
            let (random, fetched) = (run.app.random().clone(), fetched.of_before());
            let recorded = run
                .kept(move |tx| {
                    let of = of.as_ref();
                    Ok(subscriptions::record_invoice_and_compare(tx, &random, &actor(), None, &fetched, of)?)
                })
                .await?;
            if let Some(Recorded { changed, bound, .. }) = recorded {
                return Ok(Seen::kept(if changed { What::New } else { What::Unchanged }).bound(bound));
            }
        }
        Ok(overtaken())
    }
}

/// Whether a dispute is open: its end, if it had one, is history.
fn is_open(said: &Dispute) -> bool {
    let money = Money::of(&[], std::slice::from_ref(said), &said.currency);
    money.disputes.iter().any(|dispute| dispute.state == DisputeState::Open)
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
/// when. It was tried when the invoice became final, or within an hour of that. One that was sent fails when it is due.
fn failed_at(said: &Invoice) -> Option<Time> {
    let unpaid = matches!(said.status, Some(InvoiceStatus::Open | InvoiceStatus::Uncollectible));
    let of_subscription = unpaid && said.subscription().is_some();
    let tried = said.status_transitions.finalized_at.filter(|_| said.attempt_count > 0);
    said.due().or(tried).filter(|_| of_subscription).map(instant)
}

/// Whether a paid invoice bills time that runs `now`, or may: only its first lines are shown.
fn runs(said: &Invoice, now: Time) -> bool {
    let paid = matches!(said.status, Some(InvoiceStatus::Paid));
    let now_in = |start: Seconds, end: Seconds| instant(start) <= now && now < instant(end);
    paid && (said.lines.has_more || said.lines.data.iter().any(|line| now_in(line.period.start, line.period.end)))
}
