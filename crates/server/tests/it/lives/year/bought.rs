//! What was bought once, by Stripe's sessions, refunds and disputes, in the words of Purser's API.

use super::truth;
use crate::payments::text;
use purser_rules::Amount;
use purser_stripe::{
    Client,
    calls::{PageOf, checkout, payments},
    objects::{
        CheckoutSession, Dispute, DisputeStatus, PaymentIntentStatus, PaymentStatus, Refund, RefundStatus, SessionMode,
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
    /// As Purser shows it, with its session's id.
    pub fn shown(purchase: &Value) -> (String, Self) {
        let number = |name: &str| purchase[name].as_i64().unwrap();
        let bought = Self {
            state: text(&purchase["state"]).to_owned(),
            amount: number("amount"),
            refunded: number("amount_refunded"),
            credits: truth::micros(&purchase["credits"]),
            kept: 0,
        };
        (text(&purchase["session_id"]).to_owned(), bought)
    }

    /// What Stripe's session, refunds and disputes come to (rules 1.8 and 3.3).
    fn of(session: &CheckoutSession, refunds: &[Refund], disputes: &[Dispute]) -> Self {
        let amount = session.amount_total.unwrap();
        let credits = Amount::parse(&session.metadata.as_ref().unwrap()["credits"]).unwrap().micros();
        let came = session.payment_status == PaymentStatus::Paid;
        if !came {
            let intent = session.payment_intent.as_ref().and_then(|intent| intent.object()).unwrap();
            let over = [PaymentIntentStatus::RequiresPaymentMethod, PaymentIntentStatus::Canceled];
            let state = if over.contains(&intent.status) { "failed" } else { "pending" };
            return Self { state: state.to_owned(), amount, refunded: 0, credits, kept: 0 };
        }
        let stands = |refund: &&Refund| !matches!(refund.status, Some(RefundStatus::Failed | RefundStatus::Canceled));
        let refunded: i64 = refunds.iter().filter(stands).map(|refund| refund.amount).sum();
        let of_status = |wanted: &[DisputeStatus]| -> i64 {
            disputes.iter().filter(|one| wanted.contains(&one.status)).map(|one| one.amount).sum()
        };
        let open = of_status(&[DisputeStatus::NeedsResponse, DisputeStatus::UnderReview]);
        let lost = of_status(&[DisputeStatus::Lost]);
        let state = match (open + lost, refunded) {
            (1.., _) => "disputed",
            (_, refunded) if refunded >= amount => "refunded",
            _ => "paid",
        };
        let gone = i128::from((refunded + lost).min(amount));
        let taken = i128::from(credits) * gone / i128::from(amount);
        let kept = credits - i64::try_from(taken).unwrap();
        Self { state: state.to_owned(), amount, refunded, credits, kept }
    }
}

/// What a Stripe customer bought once, by the session.
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
        let of = payments::OfPayment { payment_intent: intent, page: PageOf::full(), ..Default::default() };
        let refunds = client.pages(&payments::refunds(&of)).all().await.unwrap();
        let disputes = client.pages(&payments::disputes(&of)).all().await.unwrap();
        all.insert(session.id.clone(), Bought::of(&session, &refunds, &disputes));
    }
    all
}
