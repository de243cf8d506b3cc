//! What a change would cost and give, asked of Stripe before anything is changed.

use super::{
    asks::{Action, Asked, At},
    decide::{self, Decided},
    drive,
    look::{self, Seen},
    wish::{changes, stands},
};
use crate::{
    features::{
        payments::{instant, seconds, stripe},
        pricebook::Plan,
        subscriptions,
    },
    platform::{
        App,
        db::Tx,
        error::{Code, Error},
    },
};
use purser_rules::{Time, ids::CustomerId};
use purser_stripe::{
    Client, Error as StripeError, Key, Seconds,
    calls::invoices::{self, PreviewChange},
    objects::{Invoice, ProrationBehavior},
};

/// What a change would cost and give.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Whose.
    pub customer: CustomerId,
    /// `sub_…`
    pub subscription: String,
    /// When it takes effect.
    pub at: At,
    /// The instant of that.
    pub effective_at: Time,
    /// As of when it is billed; `None` when nothing is billed at once.
    pub proration_date: Option<Time>,
    /// Three small letters.
    pub currency: String,
    /// Minor units that are paid at once.
    pub due_now: i64,
    /// What that is made up of; at most ten.
    pub lines: Vec<PreviewLine>,
    /// Minor units of a whole period; `None` when nothing comes any more.
    pub renewal_amount: Option<i64>,
    /// When they are due next.
    pub renews_at: Option<Time>,
    /// The plan now.
    pub from: Option<Plan>,
    /// The plan then.
    pub to: Option<Plan>,
}

/// A line of what is due.
#[derive(Clone, Debug)]
pub struct PreviewLine {
    /// What the customer reads.
    pub description: Option<String>,
    /// Minor units; below zero is given back.
    pub amount: i64,
    /// Whether it is a part of a period.
    pub proration: bool,
}

/// What the change that is asked for would cost and give. Nothing is written, here or at Stripe.
///
/// # Errors
/// Those of the change itself, but for what only its payment can say.
pub async fn preview(app: &App, asked: &Asked) -> Result<Preview, Error> {
    let client = stripe(app)?;
    let (of, grace_days, now) = (asked.clone(), app.config().grace_days, app.clock().now());
    let id = app.db().read(move |tx| drive::which(tx, &of, grace_days, now).map(|found| found.id)).await?;
    let seen = look::subscription(client, &id).await?;
    let (of, then) = (asked.clone(), seen.clone());
    let decided = app.db().read(move |tx| decide(tx, &of, &then)).await?;
    let given = match &asked.action {
        Action::Change(target) => target.proration_date,
        Action::Cancel { .. } | Action::Resume => None,
    };
    let bills = decided.at == At::Now && !stands(&seen.items, &decided.swaps);
    let date = bills.then(|| given.unwrap_or_else(|| seconds(now)));
    let due = match date {
        Some(date) => shown(app, client, &at_once(&seen, &decided, date)).await?,
        None => None,
    };
    let renewal = shown(app, client, &renewal(&seen, &decided)).await?;
    let effective_at = match decided.at {
        At::Now => now,
        At::PeriodEnd => instant(decided.period_end),
    };
    let renews_at = match decided.at {
        At::PeriodEnd => Some(effective_at),
        At::Now => renewal.as_ref().and_then(begins),
    };
    Ok(Preview {
        customer: asked.customer.clone(),
        subscription: seen.id,
        at: decided.at,
        effective_at,
        proration_date: date.map(instant),
        currency: seen.currency,
        due_now: due.as_ref().map_or(0, |invoice| invoice.amount_due),
        lines: due.map(|invoice| invoice.lines.data.into_iter().map(line).collect()).unwrap_or_default(),
        renews_at: renews_at.filter(|_| renewal.is_some()),
        renewal_amount: renewal.map(|invoice| invoice.total),
        from: decided.from,
        to: decided.to,
    })
}

/// What the change comes to.
fn decide(tx: &mut Tx<'_>, asked: &Asked, seen: &Seen) -> Result<Decided, Error> {
    let none = || Error::new(Code::NoSubscription, "The customer has no such subscription.");
    let mirrored = subscriptions::find(tx, &asked.customer, &seen.id)?.ok_or_else(none)?;
    match &asked.action {
        Action::Change(target) => decide::change(tx, target, &mirrored, seen),
        Action::Cancel { .. } | Action::Resume => {
            Err(Error::new(Code::InvalidField, "Only a change has a preview.").about("action"))
        }
    }
}

/// The invoice that the change makes at once.
fn at_once(seen: &Seen, decided: &Decided, date: Seconds) -> invoices::Preview {
    let change = PreviewChange {
        items: Some(changes(&decided.swaps)),
        proration_behavior: Some(ProrationBehavior::AlwaysInvoice),
        proration_date: Some(date),
        ..PreviewChange::default()
    };
    invoices::Preview {
        subscription: Some(seen.id.clone()),
        subscription_details: Some(change),
        ..invoices::Preview::default()
    }
}

/// The invoice of a whole period after the change.
fn renewal(seen: &Seen, decided: &Decided) -> invoices::Preview {
    let change = PreviewChange {
        items: Some(changes(&decided.swaps)),
        proration_behavior: Some(ProrationBehavior::None),
        ..PreviewChange::default()
    };
    invoices::Preview {
        subscription: Some(seen.id.clone()),
        subscription_details: Some(change),
        preview_mode: Some("recurring"),
        ..invoices::Preview::default()
    }
}

/// An invoice as it would be; `None` when there would be none.
async fn shown(app: &App, client: &Client, preview: &invoices::Preview) -> Result<Option<Invoice>, Error> {
    // It changes nothing, however often it is asked: the key is not kept.
    let now = seconds(app.clock().now());
    let key = Key { text: format!("purser-{:032x}", app.random().number()), first_sent: now };
    match client.write(&invoices::preview(preview), &key, now).await {
        Ok(answer) => Ok(Some(answer.value)),
        Err(StripeError::Refused(refused)) if refused.code.as_deref() == Some("invoice_upcoming_none") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// When the period that an invoice asks for begins.
fn begins(invoice: &Invoice) -> Option<Time> {
    invoice.lines.data.iter().map(|line| line.period.start).max().map(instant)
}

fn line(line: purser_stripe::objects::InvoiceLine) -> PreviewLine {
    PreviewLine { proration: line.is_proration(), amount: line.amount, description: line.description }
}
