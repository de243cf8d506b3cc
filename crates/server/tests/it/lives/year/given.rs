//! What paid months gave, by Stripe's invoices and what came back of their payments.

use super::bought::Back;
use purser_rules::{
    Time,
    subscription::{PaidLine, keyed},
};
use purser_stripe::{
    Client,
    calls::{PageOf, invoices},
    objects::{Invoice, InvoiceLine, InvoiceStatus},
};
use std::collections::BTreeMap;

/// A month that was paid for, in millionths.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    pub credits: i64,
    /// Of them, what it keeps after refunds and disputes.
    pub kept: i64,
}

/// What the paid months of `price` gave a Stripe customer, `credits` each, by the source of the grant.
pub async fn given(client: &Client, payer: &str, price: &str, credits: i64) -> BTreeMap<String, Given> {
    let which = invoices::Invoices {
        customer: Some(payer.to_owned()),
        status: Some(InvoiceStatus::Paid),
        page: PageOf::full(),
        ..Default::default()
    };
    let mut all = BTreeMap::new();
    for invoice in client.pages(&invoices::list(&which)).all().await.unwrap() {
        let lines = invoices::lines(invoice.id.as_deref().unwrap(), &PageOf::full());
        for line in client.pages(&lines).all().await.unwrap() {
            if !is_of(&line, price) {
                continue;
            }
            let kept = kept(client, &invoice, credits).await;
            let before = all.insert(source(&line), Given { credits, kept });
            assert!(before.is_none(), "a month is paid for once: {line:?}");
        }
    }
    all
}

/// Whether a line bills a month of `price`.
fn is_of(line: &InvoiceLine, price: &str) -> bool {
    let details = line.pricing.as_ref().and_then(|pricing| pricing.price_details.as_ref());
    let is_of = details.is_some_and(|details| details.price.id() == price);
    assert!(!is_of || !line.is_proration(), "this plan is not changed: {line:?}");
    is_of && line.bills_subscription() && !line.gives_back()
}

/// The source of the grant of a line.
fn source(line: &InvoiceLine) -> String {
    let at = |second: i64| Time::from_micros(second * 1_000_000);
    let (start, end) = (at(line.period.start), at(line.period.end));
    keyed(&PaidLine { group: "base", start, end, from: start, trial_end: None }).remove(0).key
}

/// What is kept of the credits of an invoice.
async fn kept(client: &Client, invoice: &Invoice, credits: i64) -> i64 {
    let which = invoices::InvoicePayments { invoice: invoice.id.clone(), ..Default::default() };
    let payments = client.read(&invoices::payments(&which)).await.unwrap().value.data;
    let paid = payments.into_iter().filter(|one| one.status == "paid");
    let intents: Vec<_> = paid.filter_map(|one| one.payment.payment_intent).collect();
    match intents.as_slice() {
        [] => credits,
        [intent] => Back::of(client, Some(intent.id().to_owned())).await.kept(credits, invoice.amount_paid),
        _ => panic!("an invoice is paid at once: {intents:?}"),
    }
}
