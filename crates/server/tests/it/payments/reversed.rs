//! Refunds and disputes take credits back, in whatever order their events come.

use super::{Shop, text};
use crate::{
    inbox::{shown, thin},
    subscriptions::of_kind,
    world::BOTH,
};
use purser_stripe::calls::payments::{self, AutomaticMethods, NewPayment};
use serde_json::{Value, json};

/// Failures 17 and 20: what was refunded stays spendable; what was spent makes a balance nobody allowed for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_17_and_20_refunds_take_credits_back_and_what_was_spent_is_owed() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let purchase = shop.buys("pack-50", "pm_card_visa").await;
        assert_eq!(shop.spend(30).await, 200);
        shop.refund(&purchase, Some(100)).await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [10.0, 0.0, 0.0], "{kind:?}: a fifth of 50");
        let shown = shop.purchases().await.remove(0);
        assert_eq!((&shown["state"], &shown["amount_refunded"]), (&json!("paid"), &json!(100)), "{kind:?}");
        shop.refund(&purchase, None).await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [0.0, 0.0, 30.0], "{kind:?}: what was spent is owed");
        let shown = shop.purchases().await.remove(0);
        assert_eq!((&shown["state"], &shown["amount_refunded"]), (&json!("refunded"), &json!(500)), "{kind:?}");
        assert_eq!(shop.spend(1).await, 402, "{kind:?}");
        shop.buys("pack-50", "pm_card_visa").await;
        assert_eq!(shop.balance().await, [20.0, 0.0, 0.0], "{kind:?}: new credits pay it first");
        let trail = shop.world.admin("GET", "/api/v1/admin/audit?action=purchase.refunded", "").await;
        assert_eq!(trail["data"].as_array().unwrap().len(), 1, "{kind:?}: said once, however many events told of it");
        let line = &trail["data"][0];
        assert_eq!((&line["actor_kind"], &line["subject"]), (&json!("stripe"), &purchase["id"]));
        shop.proved().await;
    }
}

/// The events of a refund come before those of the purchase, after it, in part, and again: the end is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_may_pass_the_purchase() {
    let orders: [&[&[&str]]; 4] = [
        &[&["checkout.session."], &["refund.", "charge.refunded"]],
        &[&["charge.refunded"], &["checkout.session."], &["refund."]],
        &[&["refund."], &["charge.refunded"], &["checkout.session."]],
        &[&["refund.", "checkout.session.", "charge.refunded"]],
    ];
    for kind in BOTH {
        for order in orders {
            let shop = Shop::open(kind).await;
            shop.pack("pack-50", 50, 500).await;
            let checkout = shop.checkout("pack-50").await;
            shop.pay(&checkout, "pm_card_visa").await;
            let intent = shop.session(text(&checkout["session_id"])).await.payment_intent.unwrap().id().to_owned();
            shop.refund(&json!({ "payment_intent": intent }), Some(200)).await;
            for kinds in order {
                assert!(shop.deliver_kinds(kinds).await > 0, "{order:?}");
            }
            assert_eq!(shop.balance().await, [30.0, 0.0, 0.0], "{kind:?} {order:?}");
            let purchase = shop.purchases().await.remove(0);
            let shown = json!([purchase["state"], purchase["amount_refunded"]]);
            assert_eq!(shown, json!(["paid", 200]), "{kind:?} {order:?}");
            assert_eq!(shop.verify(&checkout).await["state"], "done");
            shop.proved().await;
        }
    }
}

/// Failure 18: credits are taken when a dispute opens, and none come back when it is won.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_18_a_dispute_freezes_and_a_won_one_frees() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let purchase = shop.buys("pack-50", "pm_card_visa").await;
        assert_eq!(shop.spend(20).await, 200);
        shop.dispute(&purchase).await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [0.0, 30.0, 0.0], "{kind:?}: what is left is frozen");
        assert_eq!(shop.purchases().await[0]["state"], "disputed", "{kind:?}");
        assert_eq!(shop.spend(1).await, 402, "{kind:?}");
        shop.decide(&purchase, "win").await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [30.0, 0.0, 0.0], "{kind:?}");
        assert_eq!(shop.purchases().await[0]["state"], "paid", "{kind:?}");
        shop.proved().await;
    }
}

/// An appeal undoes no loss, also while debt of it is owed or was paid; won, it is as if there had been no dispute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_under_appeal_stands_until_it_is_won() {
    for kind in BOTH {
        // The 30 of the second pack; and what was left of the first, with what was paid of its debt.
        for (how, state, left) in [("win", "paid", 30.0 + 30.0 + 20.0), ("lose", "disputed", 30.0)] {
            let shop = Shop::open(kind).await;
            shop.pack("pack-50", 50, 500).await;
            let purchase = shop.buys("pack-50", "pm_card_visa").await;
            assert_eq!(shop.spend(20).await, 200);
            shop.dispute(&purchase).await;
            shop.decide(&purchase, "lose").await;
            shop.deliver().await;
            assert_eq!(shop.balance().await, [0.0, 0.0, 20.0], "{kind:?} {how}");
            // Another pack pays the debt: what an appeal gave again for that would be free.
            let second = shop.buys("pack-50", "pm_card_visa").await;
            assert_eq!(shop.balance().await, [30.0, 0.0, 0.0], "{kind:?} {how}");
            shop.decide(&purchase, "appeal").await;
            assert_eq!(shop.deliver_kinds(&["charge.dispute.updated"]).await, 1, "{kind:?} {how}");
            assert_eq!(shop.balance().await, [30.0, 0.0, 0.0], "{kind:?} {how}: under appeal");
            let states = async || {
                let all = shop.purchases().await;
                let of =
                    |one: &Value| all.iter().find(|purchase| purchase["id"] == one["id"]).unwrap()["state"].clone();
                [of(&purchase), of(&second)]
            };
            assert_eq!(states().await, [json!("disputed"), json!("paid")], "{kind:?} {how}");
            shop.decide(&purchase, how).await;
            shop.deliver().await;
            assert_eq!(shop.balance().await, [left, 0.0, 0.0], "{kind:?} {how}");
            assert_eq!(states().await, [json!(state), json!("paid")], "{kind:?} {how}");
            shop.proved().await;
        }
    }
}

/// What is first heard of under appeal freezes as any open dispute does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_that_is_under_appeal_when_it_is_first_heard_of_freezes() {
    for kind in BOTH {
        for (how, expected) in [("win", [30.0, 0.0, 0.0]), ("lose", [0.0, 0.0, 20.0])] {
            let shop = Shop::open(kind).await;
            shop.pack("pack-50", 50, 500).await;
            let purchase = shop.buys("pack-50", "pm_card_visa").await;
            assert_eq!(shop.spend(20).await, 200);
            shop.dispute(&purchase).await;
            shop.decide(&purchase, "lose").await;
            shop.decide(&purchase, "appeal").await;
            shop.deliver().await;
            assert_eq!(shop.balance().await, [0.0, 30.0, 0.0], "{kind:?} {how}");
            shop.decide(&purchase, how).await;
            shop.deliver().await;
            assert_eq!(shop.balance().await, expected, "{kind:?} {how}");
            shop.proved().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_dispute_takes_what_is_left_and_the_rest_is_owed() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let purchase = shop.buys("pack-50", "pm_card_createDispute").await;
        // It was disputed at once: nothing of it was ever to be spent.
        assert_eq!(shop.balance().await, [0.0, 50.0, 0.0], "{kind:?}");
        shop.decide(&purchase, "lose").await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [0.0, 0.0, 0.0], "{kind:?}");
        assert_eq!(shop.purchases().await[0]["state"], "disputed", "{kind:?}");
        let second = shop.buys("pack-50", "pm_card_visa").await;
        assert_eq!(shop.spend(20).await, 200);
        shop.dispute(&second).await;
        shop.decide(&second, "lose").await;
        // The whole story at once, the last event first.
        let mut events = shop.undelivered().await;
        events.reverse();
        shop.deliver_these(&events).await;
        assert_eq!(shop.balance().await, [0.0, 0.0, 20.0], "{kind:?}");
        shop.proved().await;
    }
}

/// Failure 19: after a dispute that was won, a later refund takes what it would have taken without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_19_a_refund_after_a_won_dispute_takes_its_whole_share() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let purchase = shop.buys("pack-50", "pm_card_createDispute").await;
        shop.decide(&purchase, "win").await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?}");
        shop.refund(&purchase, Some(250)).await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [25.0, 0.0, 0.0], "{kind:?}");
        shop.refund(&purchase, None).await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [0.0, 0.0, 0.0], "{kind:?}");
        shop.proved().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_freezes_nothing_until_it_is_more() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let purchase = shop.buys("pack-50", "pm_card_createDisputeInquiry").await;
        assert_eq!((&purchase["state"], shop.balance().await), (&json!("paid"), [50.0, 0.0, 0.0]), "{kind:?}");
        shop.decide(&purchase, "escalate").await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [0.0, 50.0, 0.0], "{kind:?}");
        shop.proved().await;
    }
}

/// What is refunded of something that was not bought here is ignored, and kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_of_what_is_no_purchase_of_ours_is_ignored() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let payment = NewPayment {
            amount: 700,
            currency: "usd".into(),
            payment_method: Some("pm_card_visa".into()),
            confirm: Some(true),
            automatic_payment_methods: Some(AutomaticMethods { enabled: true, allow_redirects: Some("never") }),
            ..Default::default()
        };
        let payment = shop.write(&payments::create(&payment)).await;
        shop.refund(&json!({ "payment_intent": payment.id }), None).await;
        let mut events = shop.undelivered().await;
        events.retain(|event| text(&event["type"]).contains("refund"));
        assert!(events.len() >= 2, "{events:?}");
        shop.deliver_these(&events).await;
        assert!(shop.states(&events).await.iter().all(|state| *state == 3), "{kind:?}");
        // So is a thin event of it, and one of what Stripe does not have.
        let mut unknown = thin(&events[0]);
        unknown["id"] = json!("evt_unknown");
        unknown["related_object"] = json!({ "id": "re_unknown", "type": "refund", "url": "/" });
        let named = [thin(&events[0]), unknown];
        shop.deliver_these(&named).await;
        assert_eq!(shop.states(&named).await, [3, 3], "{kind:?}");
    }
}

/// A thin event names a refund, a charge or a dispute alone: it is done among the events of their payment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thin_event_of_money_does_what_a_whole_one_does() {
    for kind in BOTH {
        for (told, expected) in [
            ("refund.created", [40.0, 0.0, 0.0]),
            ("charge.refunded", [40.0, 0.0, 0.0]),
            ("charge.dispute.created", [0.0, 50.0, 0.0]),
        ] {
            let shop = Shop::open(kind).await;
            shop.pack("pack-50", 50, 500).await;
            let purchase = shop.buys("pack-50", "pm_card_visa").await;
            if told == "charge.dispute.created" {
                shop.dispute(&purchase).await;
            } else {
                shop.refund(&purchase, Some(100)).await;
            }
            let whole = of_kind(&shop.undelivered().await, told);
            assert_eq!(whole.len(), 1, "{kind:?} {told}");
            let named = [thin(&whole[0])];
            shop.deliver_these(&named).await;
            assert_eq!(shop.balance().await, expected, "{kind:?} {told}");
            assert_eq!(shop.states(&named).await, [2], "{kind:?} {told}");
            let event = shown(&shop.world, text(&named[0]["id"])).await;
            let subject = format!("payment_intent:{}", text(&purchase["payment_intent"]));
            assert_eq!((&event["subject"], &event["attempts"]), (&json!(subject), &json!(1)), "{kind:?} {told}");
            // The whole ones find it done.
            shop.deliver().await;
            assert_eq!(shop.balance().await, expected, "{kind:?} {told}");
            shop.proved().await;
        }
    }
}

/// The payer's bank sends a refund back: the money is the seller's again, and the credits the customer's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_fails_gives_its_credits_back() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let purchase = shop.buys("pack-50", "pm_card_refundFail").await;
        shop.refund(&purchase, None).await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [0.0, 0.0, 0.0], "{kind:?}");
        assert_eq!(shop.purchases().await[0]["state"], "refunded", "{kind:?}");
        shop.pass(11 * 86_400).await;
        assert_eq!(shop.deliver_kinds(&["refund.failed"]).await, 1, "{kind:?}");
        for _ in 0..2 {
            assert_eq!(shop.balance().await, [50.0, 0.0, 0.0], "{kind:?}");
            let purchase = shop.purchases().await.remove(0);
            let is = json!([purchase["state"], purchase["amount_refunded"]]);
            assert_eq!(is, json!(["paid", 0]), "{kind:?}");
            // The other events of it change nothing.
            shop.deliver().await;
        }
        shop.proved().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_comes_back_after_a_loss_cuts_the_debt_and_gives_the_rest_again() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let purchase = shop.buys("pack-50", "pm_card_visa").await;
        assert_eq!(shop.spend(20).await, 200);
        shop.dispute(&purchase).await;
        shop.decide(&purchase, "lose").await;
        shop.deliver().await;
        assert_eq!(shop.balance().await, [0.0, 0.0, 20.0], "{kind:?}");
        assert_eq!(shop.purchases().await[0]["state"], "disputed", "{kind:?}");
        shop.decide(&purchase, "reinstate").await;
        assert_eq!(shop.deliver_kinds(&["charge.dispute.funds_reinstated"]).await, 1, "{kind:?}");
        assert_eq!(shop.balance().await, [30.0, 0.0, 0.0], "{kind:?}");
        assert_eq!(shop.purchases().await[0]["state"], "paid", "{kind:?}");
        shop.proved().await;
    }
}

/// The wallets of an archived customer take no more writes: its refund changes the purchase alone, and is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_of_an_archived_customer_is_put_down_all_the_same() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let purchase = shop.buys("pack-50", "pm_card_visa").await;
        shop.world.admin("DELETE", "/api/v1/customers/acme", "").await;
        shop.refund(&purchase, None).await;
        let events = shop.undelivered().await;
        shop.deliver_these(&events).await;
        assert!(shop.states(&events).await.iter().all(|state| [2, 3].contains(state)), "{kind:?}");
        assert_eq!(shop.purchases().await[0]["state"], "refunded", "{kind:?}");
        shop.proved().await;
    }
}
