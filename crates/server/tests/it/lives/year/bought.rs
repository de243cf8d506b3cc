//! What was bought once, by Stripe's sessions, payments, refunds and disputes, in the words of Purser's API.

use super::truth;
use crate::payments::text;
use purser_rules::Amount;
use purser_stripe::{
    Client,
    calls::{Metadata, PageOf, checkout, payments},
    objects::{
        CheckoutSession, DisputeStatus, PaymentIntentStatus, PaymentStatus, Refund, RefundStatus, SessionMode,
        SessionStatus,
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A pack that was paid for, or is being paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    pub state: String,
    pub amount: i64,
    pub refunded: i64,
    /// In millionths.
    pub credits: i64,
    /// Of them, what it keeps after refunds and disputes.
    pub kept: i64,
}

impl Bought {
    /// As Purser shows it, with the id of its session, or of its payment when there was none.
    pub fn shown(purchase: &Value) -> (String, Self) {
        let number = |name: &str| purchase[name].as_i64().unwrap();
        let bought = Self {
            state: text(&purchase["state"]).to_owned(),
            amount: number("amount"),
            refunded: number("amount_refunded"),
            credits: truth::micros(&purchase["credits"]),
            kept: 0,
        };
        let by = if purchase["session_id"].is_null() { "payment_intent" } else { "session_id" };
        (text(&purchase[by]).to_owned(), bought)
    }

    /// What Stripe's session comes to, and what came back of it (rules 1.8 and 3.3).
    fn of(session: &CheckoutSession, back: &Back) -> Self {
        let amount = session.amount_total.unwrap();
        let credits = credits(session.metadata.as_ref().unwrap());
        if session.payment_status == PaymentStatus::Paid {
            return Self::paid(amount, credits, back);
        }
        let intent = session.payment_intent.as_ref().and_then(|intent| intent.object()).unwrap();
        let over = [PaymentIntentStatus::RequiresPaymentMethod, PaymentIntentStatus::Canceled];
        let state = if over.contains(&intent.status) { "failed" } else { "pending" };
        Self { state: state.to_owned(), amount, refunded: 0, credits, kept: 0 }
    }

    fn paid(amount: i64, credits: i64, back: &Back) -> Self {
        let state = match (back.open + back.lost, back.refunded) {
            (1.., _) => "disputed",
            (_, refunded) if refunded >= amount => "refunded",
            _ => "paid",
        };
        Self { state: state.to_owned(), amount, refunded: back.refunded, credits, kept: back.kept(credits, amount) }
    }
}

/// How many credits Purser's marks at Stripe name, in millionths.
fn credits(marks: &Metadata) -> i64 {
    Amount::parse(&marks["credits"]).unwrap().micros()
}

/// What came back of a payment, in cents.
#[derive(Clone, Copy, Debug)]
pub struct Back {
    refunded: i64,
    /// In disputes that are open.
    open: i64,
    /// In those that were lost.
    lost: i64,
}

impl Back {
    /// What came back of the payment `intent`.
    pub async fn of(client: &Client, intent: Option<String>) -> Self {
        let of = payments::OfPayment { payment_intent: intent, page: PageOf::full(), ..Default::default() };
        let refunds = client.pages(&payments::refunds(&of)).all().await.unwrap();
        let disputes = client.pages(&payments::disputes(&of)).all().await.unwrap();
        let stands = |refund: &&Refund| !matches!(refund.status, Some(RefundStatus::Failed | RefundStatus::Canceled));
        let of_status = |wanted: &[DisputeStatus]| -> i64 {
            disputes.iter().filter(|one| wanted.contains(&one.status)).map(|one| one.amount).sum()
        };
        Self {
            refunded: refunds.iter().filter(stands).map(|refund| refund.amount).sum(),
            open: of_status(&[DisputeStatus::NeedsResponse, DisputeStatus::UnderReview]),
            lost: of_status(&[DisputeStatus::Lost]),
        }
    }

    /// What is kept of `credits` for which `paid` cents were paid.
    pub fn kept(self, credits: i64, paid: i64) -> i64 {
        let gone = i128::from((self.refunded + self.lost).min(paid));
        let taken = i128::from(credits) * gone / i128::from(paid);
        credits - i64::try_from(taken).unwrap()
    }
}

/// What a Stripe customer bought once, by the session; by the payment when there was none.
pub async fn bought(client: &Client, payer: &str) -> BTreeMap<String, Bought> {
    let which = checkout::Sessions {
        customer: Some(payer.to_owned()),
        status: Some(SessionStatus::Complete),
        page: PageOf::full(),
        ..Default::default()
    };
    let mut all = BTreeMap::new();
    for session in client.pages(&checkout::list(&which)).all().await.unwrap() {
        if session.mode != SessionMode::Payment {
            continue;
        }
        let session = client.read(&checkout::retrieve_whole(&session.id)).await.unwrap().value;
        let intent = session.payment_intent.as_ref().map(|intent| intent.id().to_owned());
        let back = Back::of(client, intent).await;
        all.insert(session.id.clone(), Bought::of(&session, &back));
    }
    // One that was declined is no purchase.
    let which = payments::Payments { customer: Some(payer.to_owned()), page: PageOf::full(), ..Default::default() };
    for intent in client.pages(&payments::list(&which)).all().await.unwrap() {
        let is_paid = intent.status == PaymentIntentStatus::Succeeded;
        if is_paid && intent.metadata.contains_key("purser_auto_top_up") {
            let back = Back::of(client, Some(intent.id.clone())).await;
            all.insert(intent.id.clone(), Bought::paid(intent.amount, credits(&intent.metadata), &back));
        }
    }
    all
}
