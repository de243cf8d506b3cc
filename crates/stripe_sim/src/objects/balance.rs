//! Balance transactions: what comes into and goes out of the seller's balance.
//!
//! The contract knows only their ids; their other fields follow
//! <https://docs.stripe.com/api/balance_transactions/object>.

use crate::world::{Cx, Resource, World};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A movement of the seller's balance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BalanceTransaction {
    pub id: String,
    pub created: i64,
    /// What moves, in minor units; below zero it goes out.
    pub amount: i64,
    /// What Stripe takes for it, in minor units.
    pub fee: i64,
    pub currency: String,
    pub description: Option<String>,
    /// The charge, refund or dispute that moves it.
    pub source: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub reporting_category: String,
    /// From when it can be paid out.
    pub available_on: i64,
}

/// What moves.
pub(crate) struct Movement<'a> {
    pub amount: i64,
    pub currency: &'a str,
    pub description: Option<String>,
    pub source: &'a str,
    pub kind: Kind,
}

/// Why it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Charge,
    /// A bank debit.
    Payment,
    Refund,
    RefundFailed,
    Dispute,
    DisputeReversed,
}

/// When the money of a charge can be paid out: two business days in the United States, here two days.
const AVAILABLE_AFTER: i64 = 2 * 24 * 3600;

/// What a dispute costs, in minor units; it is not given back. Recorded by others.
pub(crate) const DISPUTE_FEE: i64 = 1500;

impl Kind {
    /// Its type, and the category of reports it belongs to.
    /// Source: <https://docs.stripe.com/reports/balance-transaction-types>
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Charge => ("charge", "charge"),
            Self::Payment => ("payment", "charge"),
            Self::Refund => ("refund", "refund"),
            Self::RefundFailed => ("refund_failure", "refund_failure"),
            Self::Dispute => ("adjustment", "dispute"),
            Self::DisputeReversed => ("adjustment", "dispute_reversal"),
        }
    }

    /// What Stripe takes for `amount`, in minor units: the list price in the United States, 2.9 % and 30 for a card,
    /// 0.8 % and at most 500 for a bank debit.
    fn fee(self, amount: i64) -> i64 {
        match self {
            Self::Charge => (amount.saturating_mul(29) + 500) / 1000 + 30,
            Self::Payment => ((amount.saturating_mul(8) + 500) / 1000).min(500),
            Self::Dispute => DISPUTE_FEE,
            Self::Refund | Self::RefundFailed | Self::DisputeReversed => 0,
        }
    }
}

/// Moves the balance; answers the id of the movement.
pub(crate) fn book(cx: &mut Cx<'_>, movement: Movement<'_>) -> String {
    let id = cx.new_id("txn");
    let created = cx.now();
    let (kind, category) = movement.kind.names();
    let later = matches!(movement.kind, Kind::Charge | Kind::Payment);
    cx.put(BalanceTransaction {
        id: id.clone(),
        created,
        amount: movement.amount,
        fee: movement.kind.fee(movement.amount),
        currency: movement.currency.to_owned(),
        description: movement.description,
        source: movement.source.to_owned(),
        kind: kind.to_owned(),
        reporting_category: category.to_owned(),
        available_on: if later { created + AVAILABLE_AFTER } else { created },
    });
    id
}

impl Resource for BalanceTransaction {
    const SCHEMA: &'static str = "balance_transaction";

    fn id(&self) -> &str {
        &self.id
    }

    fn view(&self, world: &World) -> Value {
        let name = if self.reporting_category == "dispute" { "Dispute fee" } else { "Stripe processing fees" };
        let fees = if self.fee == 0 {
            json!([])
        } else {
            json!([{
                "amount": self.fee,
                "application": null,
                "currency": self.currency,
                "description": name,
                "type": "stripe_fee",
            }])
        };
        json!({
            "id": self.id,
            "object": "balance_transaction",
            "amount": self.amount,
            "available_on": self.available_on,
            "balance_type": "payments",
            "created": self.created,
            "currency": self.currency,
            "description": self.description,
            "exchange_rate": null,
            "fee": self.fee,
            "fee_details": fees,
            "net": self.amount - self.fee,
            "reporting_category": self.reporting_category,
            "source": self.source,
            "status": if world.now < self.available_on { "pending" } else { "available" },
            "type": self.kind,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{BalanceTransaction, Kind, Movement, book};
    use crate::world::{Cx, World};

    #[test]
    fn what_is_taken() {
        let table = [
            (Kind::Charge, 1000, 59),
            (Kind::Charge, 50, 31),
            (Kind::Payment, 1000, 8),
            (Kind::Payment, 1_000_000, 500),
            (Kind::Refund, -1000, 0),
            (Kind::Dispute, -1000, 1500),
            (Kind::DisputeReversed, 1000, 0),
        ];
        for (kind, amount, fee) in table {
            assert_eq!(kind.fee(amount), fee, "{kind:?} {amount}");
        }
    }

    #[test]
    fn a_dispute_takes_the_amount_and_a_fee() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let movement = Movement {
            amount: -851,
            currency: "usd",
            description: Some("Chargeback withdrawal for ch_1".to_owned()),
            source: "du_1",
            kind: Kind::Dispute,
        };
        let id = book(&mut cx, movement);
        let shown = cx.world.shown("balance_transaction", &id).unwrap_or_default();
        assert_eq!((shown["amount"].as_i64(), shown["net"].as_i64()), (Some(-851), Some(-2351)));
        assert_eq!(shown["fee_details"][0]["description"], "Dispute fee");
        assert_eq!((shown["status"].as_str(), shown["type"].as_str()), (Some("available"), Some("adjustment")));
        assert!(cx.world.get::<BalanceTransaction>(&id).is_some_and(|found| found.fee == 1500));
    }
}
