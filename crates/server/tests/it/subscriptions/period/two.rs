//! Two subscriptions of one group whose months begin on one day: one gives for it, and the other when that one ends.

use super::{balance, bought, form, payment, proved, spend, tell_kinds};
use crate::{subscriptions::again, world::BOTH};
use purser::features::subscriptions;
use purser_stripe::calls::payments;
use serde_json::json;

/// The second is told while the first is there, or before one hears that the first ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_paid_for_one_month_is_there_when_the_one_that_gave_ends() {
    for kind in BOTH {
        for ended_before in [false, true] {
            let (stage, customer, price, first) = bought(kind, 1000, json!({})).await;
            spend(&stage, 300).await;
            if ended_before {
                stage.end(&first.id).await;
            }
            let second = stage.subscribe(&customer, &[&price]).await;
            stage.tell_all(&second.id).await;
            assert_eq!(balance(&stage).await, [700.0, 0.0, 0.0], "{kind:?} {ended_before}: a month is given once");
            if !ended_before {
                stage.end(&first.id).await;
            }
            stage.tell_all(&first.id).await;
            let checked = subscriptions::check_due(&stage.app).await.unwrap();
            assert_eq!((checked.checked, checked.failed), (1, 0), "{kind:?} {ended_before}: the second's invoice");
            assert_eq!(balance(&stage).await, [700.0, 0.0, 0.0], "{kind:?} {ended_before}: 300 of the month were used");
            for made in [&first, &second] {
                let told: Vec<_> = stage.told(&made.id).await.iter().map(|event| again(event, "late")).collect();
                stage.tell(&told).await;
                assert_eq!(balance(&stage).await, [700.0, 0.0, 0.0], "{kind:?} {ended_before}: nothing is given twice");
            }
            stage.end(&second.id).await;
            stage.tell_all(&second.id).await;
            assert_eq!(subscriptions::check_due(&stage.app).await.unwrap().checked, 0, "{kind:?}: no other is there");
            assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?} {ended_before}");
            proved(&stage).await;
        }
    }
}

/// What the first one gave is disputed when it ends: it is taken back once that is decided, and only then is it out of the
/// way of the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_paid_for_one_month_is_there_when_the_dispute_of_the_one_that_gave_is_decided() {
    for kind in BOTH {
        let (stage, customer, price, first) = bought(kind, 1000, json!({})).await;
        let paid = payment(&stage, &first.id).await;
        let second = stage.subscribe(&customer, &[&price]).await;
        stage.tell_all(&second.id).await;
        let intent = stage.client.read(&payments::retrieve(&paid)).await.unwrap().value;
        let charge = intent.latest_charge.unwrap().id().to_owned();
        form(&stage, "/_sandbox/disputes", &format!("charge={charge}")).await;
        tell_kinds(&stage, &["charge.dispute."]).await;
        assert_eq!(balance(&stage).await, [0.0, 1000.0, 0.0], "{kind:?}");
        stage.end(&first.id).await;
        stage.tell_all(&first.id).await;
        let checked = subscriptions::check_due(&stage.app).await.unwrap();
        assert_eq!((checked.checked, checked.failed), (1, 0), "{kind:?}: the second's invoice");
        assert_eq!(balance(&stage).await[0], 0.0, "{kind:?}: it is not decided");
        let which = payments::OfPayment { payment_intent: Some(paid), ..Default::default() };
        let dispute = stage.client.read(&payments::disputes(&which)).await.unwrap().value.data.remove(0).id;
        form(&stage, "/_sandbox/disputes/end", &format!("id={dispute}&how=win")).await;
        tell_kinds(&stage, &["charge.dispute."]).await;
        assert_eq!(balance(&stage).await, [0.0, 0.0, 0.0], "{kind:?}: the first one has ended");
        let checked = subscriptions::check_due(&stage.app).await.unwrap();
        assert_eq!((checked.checked, checked.failed), (1, 0), "{kind:?}: the second's invoice again");
        assert_eq!(balance(&stage).await, [1000.0, 0.0, 0.0], "{kind:?}");
        proved(&stage).await;
    }
}
