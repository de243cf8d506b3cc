//! What became of the money of a payment: its refunds and disputes as Stripe has them now. Pure.

use crate::platform::stripe::instant;
use purser_rules::credit::{Dispute, DisputeState};
use purser_stripe::objects::{Dispute as Disputed, DisputeStatus, Refund, RefundStatus};

/// Refunds and disputes of one payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Money {
    /// Given back by now, in minor units; what is on its way back counts.
    pub refunded: i64,
    /// Its disputes, but for inquiries: those move no money, and freeze nothing.
    pub disputes: Vec<Dispute>,
}

impl Money {
    /// What `refunds` and `disputes` of a payment in `currency` come to.
    pub fn of(refunds: &[Refund], disputes: &[Disputed], currency: &str) -> Self {
        let stands = |refund: &&Refund| !matches!(refund.status, Some(RefundStatus::Failed | RefundStatus::Canceled));
        let refunded = refunds.iter().filter(stands).map(|refund| refund.amount).fold(0, i64::saturating_add);
        let disputes = disputes.iter().filter_map(|dispute| read(dispute, currency)).collect();
        Self { refunded, disputes }
    }

    /// Whether nothing was ever taken back.
    pub fn is_untouched(&self) -> bool {
        self.refunded == 0 && self.disputes.is_empty()
    }

    /// Whether one of its disputes is open, or was lost.
    pub fn is_against(&self) -> bool {
        self.disputes.iter().any(|dispute| matches!(dispute.state, DisputeState::Open | DisputeState::Lost))
    }
}

/// A dispute as the rules know it; none for an inquiry. Words that decide nothing go by the money: while it is gone the
/// dispute is open, when none moved there is none.
fn read(dispute: &Disputed, currency: &str) -> Option<Dispute> {
    let state = match dispute.status {
        DisputeStatus::NeedsResponse
        | DisputeStatus::UnderReview
        | DisputeStatus::AppealNeedsResponse
        | DisputeStatus::AppealUnderReview => DisputeState::Open,
        DisputeStatus::Won => DisputeState::Won,
        DisputeStatus::Lost | DisputeStatus::Prevented | DisputeStatus::Other(_) if came_back(dispute) => {
            DisputeState::Reinstated
        }
        DisputeStatus::Lost => DisputeState::Lost,
        DisputeStatus::Prevented | DisputeStatus::Other(_) if moved(dispute) < 0 => DisputeState::Open,
        DisputeStatus::WarningNeedsResponse
        | DisputeStatus::WarningUnderReview
        | DisputeStatus::WarningClosed
        | DisputeStatus::Prevented
        | DisputeStatus::Other(_) => return None,
    };
    // Banks may dispute in a currency of their own; how much of the payment that is nobody says: all of it.
    let amount = if dispute.currency == currency { dispute.amount } else { i64::MAX };
    Some(Dispute { id: dispute.id.clone(), amount, state, opened_at: instant(dispute.created) })
}

/// Whether the money that was taken for a dispute was given back: what moved for it adds up to nothing.
fn came_back(dispute: &Disputed) -> bool {
    dispute.balance_transactions.iter().any(|moved| moved.amount < 0) && moved(dispute) >= 0
}

/// What moved for a dispute, in its own currency; less than nothing when it was taken.
fn moved(dispute: &Disputed) -> i128 {
    dispute.balance_transactions.iter().map(|moved| i128::from(moved.amount)).sum()
}

#[cfg(test)]
mod tests {
    use super::Money;
    use purser_rules::credit::DisputeState;
    use purser_stripe::objects::{Dispute, Refund};
    use serde_json::{from_str, json};

    fn refund(amount: i64, status: &str) -> Refund {
        let refund = json!({
            "id": format!("re_{amount}"), "created": 1_767_225_600, "amount": amount, "currency": "usd",
            "charge": "ch_1", "payment_intent": "pi_1", "status": status, "reason": null, "metadata": {},
        });
        from_str(&refund.to_string()).expect("a refund")
    }

    fn dispute(status: &str, currency: &str, moved: &[i64]) -> Dispute {
        let moved: Vec<_> = moved.iter().map(|amount| json!({ "amount": amount })).collect();
        let dispute = json!({
            "id": "du_1", "created": 1_767_225_600, "amount": 400, "currency": currency, "charge": "ch_1",
            "payment_intent": "pi_1", "status": status, "balance_transactions": moved, "reason": "fraudulent",
            "metadata": {}, "livemode": false,
        });
        from_str(&dispute.to_string()).expect("a dispute")
    }

    #[test]
    fn what_failed_or_was_given_up_is_no_refund() {
        let refunds = [refund(100, "succeeded"), refund(20, "pending"), refund(3, "failed"), refund(4, "canceled")];
        let money = Money::of(&refunds, &[], "usd");
        assert_eq!((money.refunded, money.is_untouched()), (120, false));
        assert!(Money::of(&[refund(3, "failed")], &[], "usd").is_untouched());
    }

    #[test]
    fn a_dispute_is_what_its_status_and_its_money_say() {
        let table: &[(&str, &[i64], Option<DisputeState>, bool)] = &[
            ("needs_response", &[-400], Some(DisputeState::Open), true),
            ("under_review", &[-400], Some(DisputeState::Open), true),
            ("won", &[-400, 400], Some(DisputeState::Won), false),
            ("lost", &[-400], Some(DisputeState::Lost), true),
            ("lost", &[], Some(DisputeState::Lost), true),
            ("lost", &[-400, 400], Some(DisputeState::Reinstated), false),
            ("warning_needs_response", &[], None, false),
            ("warning_under_review", &[], None, false),
            ("warning_closed", &[], None, false),
            ("appeal_needs_response", &[-400], Some(DisputeState::Open), true),
            ("appeal_under_review", &[-400], Some(DisputeState::Open), true),
            ("prevented", &[], None, false),
            ("prevented", &[-400], Some(DisputeState::Open), true),
            ("prevented", &[-400, 400], Some(DisputeState::Reinstated), false),
            ("something_new", &[], None, false),
            ("something_new", &[-400], Some(DisputeState::Open), true),
            ("something_new", &[-400, 400], Some(DisputeState::Reinstated), false),
        ];
        for (status, moved, expected, against) in table {
            let money = Money::of(&[], &[dispute(status, "usd", moved)], "usd");
            assert_eq!(money.disputes.first().map(|dispute| dispute.state), *expected, "{status} {moved:?}");
            assert_eq!(money.is_against(), *against, "{status} {moved:?}");
            assert!(money.disputes.iter().all(|dispute| dispute.amount == 400));
        }
        let foreign = Money::of(&[], &[dispute("lost", "eur", &[-400])], "usd");
        assert_eq!(foreign.disputes[0].amount, i64::MAX, "all of it");
    }
}
