//! Balances of customers, refunds and disputes.

use super::{
    super::life::{DAY, HOUR, Life, id},
    Example,
    story::{begin, list, newest, number, subscribed, switch, text, until},
};
use serde_json::Value;

const BALANCE: &str = "https://docs.stripe.com/billing/customer/balance";
const REFUNDS: &str = "https://docs.stripe.com/refunds";
const DISPUTES: &str = "https://docs.stripe.com/disputes/how-disputes-work";

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        name: "credit for the next invoice",
        says: "A balance below zero is credit: -5.00 takes 5.00 off what is due of the next invoice that becomes final.",
        source: BALANCE,
        run: |life| assert_eq!(renewed_with(life, "-500"), (2000, 1500, 0)),
    },
    Example {
        name: "a debt on the next invoice",
        says: "A balance above zero is a debt: 5.00 is added to what is due of the next invoice.",
        source: BALANCE,
        run: |life| assert_eq!(renewed_with(life, "500"), (2000, 2500, 0)),
    },
    Example {
        name: "an adjustment undone",
        says: "A transaction cannot be deleted, only undone by its opposite: a credit of 10 and a debit of 10 cancel out; \
               both are of the type `adjustment`.",
        source: BALANCE,
        run: |life| {
            let customer = life.customer("pm_card_visa");
            adjust(life, &customer, "-1000");
            adjust(life, &customer, "1000");
            assert_eq!(balance(life, &customer), 0);
            let found = changes(life, &customer);
            assert_eq!(found, [("adjustment".into(), 1000), ("adjustment".into(), -1000)]);
        },
    },
    Example {
        name: "too little to charge",
        says: "An invoice below the least that can be charged is paid, and what it asks for moves to the balance \
               (`invoice_too_small`) and onto the next invoice.",
        source: BALANCE,
        run: |life| {
            let (customer, subscription) = subscribed(life, "30", "month");
            let invoice = life.invoice(&subscription);
            assert_eq!((text(&invoice, "status"), number(&invoice, "amount_due")), ("paid", 0));
            assert_eq!(
                (balance(life, &customer), changes(life, &customer)),
                (30, vec![("invoice_too_small".into(), 30)])
            );
            until(life, "2026-02-02");
            assert_eq!((number(&life.invoice(&subscription), "amount_due"), balance(life, &customer)), (60, 0));
        },
    },
    Example {
        name: "a downgrade's credit",
        says: "The credit of a downgrade that is invoiced at once goes to the balance (nothing is refunded by itself) and \
               pays the next invoice.",
        source: BALANCE,
        run: |life| {
            begin(life, "2026-04-01");
            let (customer, subscription) = subscribed(life, "3000", "month");
            let cheaper = life.price("1000", "month");
            until(life, "2026-04-16");
            switch(life, &subscription, &cheaper, &[("proration_behavior", "always_invoice")]);
            assert_eq!((newest(life, &subscription), balance(life, &customer)), (vec![-1500, 500], -1000));
            until(life, "2026-05-02");
            let invoice = life.invoice(&subscription);
            assert_eq!((number(&invoice, "total"), number(&invoice, "amount_due")), (1000, 0));
            assert_eq!(changes(life, &customer)[0], ("applied_to_invoice".into(), 1000));
        },
    },
    Example {
        name: "credit of an invoice that is taken back",
        says: "Voiding an invoice gives the credit that was applied to it back (`unapplied_from_invoice`).",
        source: BALANCE,
        run: |life| {
            let (customer, subscription) = subscribed(life, "2000", "month");
            adjust(life, &customer, "-500");
            super::story::break_card(life, &customer);
            until(life, "2026-02-02");
            assert_eq!(balance(life, &customer), 0);
            let invoice = id(&life.invoice(&subscription));
            life.post(&format!("/v1/invoices/{invoice}/void"), &[]);
            assert_eq!(
                (balance(life, &customer), changes(life, &customer)[0].0.as_str()),
                (-500, "unapplied_from_invoice")
            );
        },
    },
    Example {
        name: "refunds in parts",
        says: "A charge can be refunded in several parts, but by no more than its amount.",
        source: REFUNDS,
        run: |life| {
            let charge = charged(life, "pm_card_visa");
            for (amount, refunded, whole) in [("500", 500, false), ("1500", 2000, true)] {
                life.post("/v1/refunds", &[("charge", &charge), ("amount", amount)]);
                let found = life.get(&format!("/v1/charges/{charge}"));
                assert_eq!((number(&found, "amount_refunded"), found["refunded"].as_bool()), (refunded, Some(whole)));
            }
            assert_eq!(life.refused("/v1/refunds", &[("charge", &charge), ("amount", "1")]).0, 400);
        },
    },
    Example {
        name: "what tells of a refund",
        says: "`refund.created` is sent for each refund, and `charge.refunded` also when only a part is refunded.",
        source: REFUNDS,
        run: |life| {
            let charge = charged(life, "pm_card_visa");
            let seen = life.seen();
            life.post("/v1/refunds", &[("charge", &charge), ("amount", "500")]);
            let told = life.events(&seen);
            assert!(
                ["refund.created", "charge.refunded"].iter().all(|event| told.contains(&(*event).into())),
                "{told:?}"
            );
        },
    },
    Example {
        name: "a dispute",
        says: "A dispute takes the disputed amount and a fee from the seller's balance when it opens, and the payment \
               cannot be refunded meanwhile.",
        source: DISPUTES,
        run: |life| {
            let charge = charged(life, "pm_card_createDispute");
            let dispute = disputed(life, &charge);
            assert_eq!((number(&dispute, "amount"), text(&dispute, "status")), (2000, "needs_response"));
            let taken = &dispute["balance_transactions"][0];
            assert_eq!(number(taken, "amount"), -2000);
            assert!(number(taken, "fee") > 0);
            assert!(life.events("").contains(&"charge.dispute.funds_withdrawn".into()));
            assert_eq!(life.refused("/v1/refunds", &[("charge", &charge)]).0, 400);
        },
    },
    Example {
        name: "a dispute won",
        says: "When the issuer decides for the seller the amount comes back, the fee does not.",
        source: DISPUTES,
        run: |life| {
            let dispute = decided(life, "winning_evidence");
            assert_eq!(text(&dispute, "status"), "won");
            let moved = dispute["balance_transactions"].as_array().expect("transactions");
            let sum = |field: &str| moved.iter().map(|transaction| number(transaction, field)).sum::<i64>();
            assert_eq!((moved.len(), sum("amount")), (2, 0));
            assert!(sum("fee") > 0);
            assert!(life.events("").contains(&"charge.dispute.funds_reinstated".into()));
        },
    },
    Example {
        name: "a dispute lost",
        says: "When the issuer decides for the payer no more money moves.",
        source: DISPUTES,
        run: |life| {
            let dispute = decided(life, "losing_evidence");
            assert_eq!(text(&dispute, "status"), "lost");
            assert_eq!(dispute["balance_transactions"].as_array().map(Vec::len), Some(1));
        },
    },
    Example {
        name: "an inquiry nobody escalates",
        says: "An inquiry moves no money, and after 120 days without a chargeback it is closed.",
        source: DISPUTES,
        run: |life| {
            let charge = charged(life, "pm_card_createDisputeInquiry");
            let dispute = disputed(life, &charge);
            assert_eq!(
                (text(&dispute, "status"), dispute["balance_transactions"].as_array().map(Vec::len)),
                ("warning_needs_response", Some(0))
            );
            life.pass(120 * DAY - 1);
            assert_eq!(disputed(life, &charge)["status"], "warning_needs_response");
            life.pass(1);
            assert_eq!(disputed(life, &charge)["status"], "warning_closed");
        },
    },
    Example {
        name: "an inquiry settled by a refund",
        says: "A full refund settles an inquiry without a dispute.",
        source: DISPUTES,
        run: |life| {
            let charge = charged(life, "pm_card_createDisputeInquiry");
            life.post("/v1/refunds", &[("charge", &charge)]);
            assert_eq!(disputed(life, &charge)["status"], "warning_closed");
        },
    },
];

fn adjust(life: &mut Life, customer: &str, amount: &str) {
    let params = [("amount", amount), ("currency", "usd")];
    life.post(&format!("/v1/customers/{customer}/balance_transactions"), &params);
}

fn balance(life: &mut Life, customer: &str) -> i64 {
    number(&life.get(&format!("/v1/customers/{customer}")), "balance")
}

/// What changed a customer's balance, newest first.
fn changes(life: &mut Life, customer: &str) -> Vec<(String, i64)> {
    let found = list(life, &format!("/v1/customers/{customer}/balance_transactions"), &[]);
    found.iter().map(|change| (text(change, "type").to_owned(), number(change, "amount"))).collect()
}

/// Total and amount due of a renewal of 20.00 with this balance, and the balance after it.
fn renewed_with(life: &mut Life, amount: &str) -> (i64, i64, i64) {
    let (customer, subscription) = subscribed(life, "2000", "month");
    adjust(life, &customer, amount);
    until(life, "2026-02-02");
    let invoice = life.invoice(&subscription);
    (number(&invoice, "total"), number(&invoice, "amount_due"), balance(life, &customer))
}

/// The charge of a subscription of 20.00 that begins.
fn charged(life: &mut Life, card: &str) -> String {
    let price = life.price("2000", "month");
    let customer = life.customer(card);
    life.subscribe(&customer, &price, &[]);
    id(&list(life, "/v1/charges", &[("customer", &customer)])[0])
}

/// The dispute about a charge.
fn disputed(life: &mut Life, charge: &str) -> Value {
    list(life, "/v1/disputes", &[("charge", charge)])[0].clone()
}

/// A dispute that was decided by its evidence.
fn decided(life: &mut Life, evidence: &str) -> Value {
    let charge = charged(life, "pm_card_createDispute");
    let dispute = id(&disputed(life, &charge));
    let params = [("evidence[uncategorized_text]", evidence), ("submit", "true")];
    life.post(&format!("/v1/disputes/{dispute}"), &params);
    life.pass(HOUR);
    disputed(life, &charge)
}
