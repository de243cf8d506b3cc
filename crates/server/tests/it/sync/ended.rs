//! A sync that is ended anywhere and run again, or runs beside webhooks, comes to the same end.

use super::{CUSTOMERS, UNMAPPED, account, counts, is_whole, of, payer, quick, synced};
use crate::{
    inbox::execute,
    subscriptions::Stage,
    world::{BOTH, Kind as Database},
};
use purser::{
    features::sync::{self, Asked, Kind, Synced, Tally},
    platform::db::Value as Sql,
};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

/// A run that is ended once it has told `most` times how far it is; what it said if it came to its end before.
async fn ended_after(stage: &Stage, asked: Asked, most: u32) -> Option<Synced> {
    let (told, enough) = (AtomicU32::new(0), Notify::new());
    let progress = |_: Kind, _: &Tally| {
        if told.fetch_add(1, Ordering::SeqCst) + 1 == most {
            enough.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = enough.notified() => None,
        done = sync::run(&stage.app, asked, &progress) => Some(done.unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_is_ended_page_after_page_reads_everything_once() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let first = account(&stage).await;
        let mut done = None;
        // One page more each time: what was read before is not read again.
        for most in 2..60 {
            done = ended_after(&stage, quick(), most).await;
            if done.is_some() {
                assert!(most > 6, "{kind:?}: it was ended some times before");
                break;
            }
        }
        let done = done.unwrap();
        assert!(done.resumed, "{kind:?}");
        let (all, third) = (CUSTOMERS, CUSTOMERS / 3);
        // What was put down just before an end is found unchanged by the next run.
        let told = |kind| {
            let [read, new, changed, unchanged, nobodys, failed] = counts(of(&done, kind));
            [read, new + changed + unchanged, nobodys, failed]
        };
        assert_eq!(told(Kind::Prices), [UNMAPPED + 2, 2, 0, 0], "{kind:?}");
        assert_eq!(told(Kind::Customers), [all, all, third, 0], "{kind:?}");
        assert_eq!(told(Kind::Subscriptions), [all, all, third, 0], "{kind:?}");
        assert_eq!(told(Kind::Invoices), [all, all, third, 0], "{kind:?}");
        is_whole(&stage, &first).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_while_a_sync_is_ended_is_read_too_and_a_restart_reads_all() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let price = stage.price(2000).await;
        for _ in 0..3 {
            let customer = payer(&stage, &[]).await;
            stage.subscribe(&customer, &[&price]).await;
        }
        // After its customers, before their subscriptions.
        let mut most = 2;
        while read_of(&stage, "customers").await != Some(3) {
            assert!(ended_after(&stage, quick(), most).await.is_none(), "{kind:?}");
            most += 1;
        }
        let customer = payer(&stage, &[("purser_customer_id", "late")]).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        let done = synced(&stage, quick()).await;
        assert!(done.resumed, "{kind:?}");
        assert_eq!(counts(of(&done, Kind::Subscriptions))[..2], [4, 4], "{kind:?}");
        // The customer itself came after its list was read up, or just before: its subscription is bound all the same.
        let again = synced(&stage, Asked { restart: true, ..quick() }).await;
        assert!(!again.resumed, "{kind:?}");
        assert_eq!(of(&again, Kind::Customers).read, 4, "{kind:?}");
        assert_eq!(stage.current("late").await["subscription_id"], made.id.as_str(), "{kind:?}");
        // A sync that is under way is forgotten by a restart.
        assert!(ended_after(&stage, quick(), 2).await.is_none(), "{kind:?}");
        let anew = synced(&stage, Asked { restart: true, ..quick() }).await;
        assert!(!anew.resumed && of(&anew, Kind::Prices).read == 1, "{kind:?}: {anew:?}");
    }
}

/// How many objects of a kind were read by the sync that is under way.
async fn read_of(stage: &Stage, kind: &'static str) -> Option<u64> {
    let read = stage.app.db().read(move |tx| {
        let sql = "SELECT place FROM stripe_syncs WHERE kind = $1";
        tx.first(sql, vec![Sql::Text(kind.to_owned())])?.map(|row| row.text(0).map(str::to_owned)).transpose()
    });
    let place = read.await.map_err(|error: purser::platform::db::DbError| error).unwrap()?;
    serde_json::from_str::<serde_json::Value>(&place).unwrap()["tally"]["read"].as_u64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_stripe_does_not_know_is_left() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        for _ in 0..3 {
            payer(&stage, &[]).await;
        }
        let place = json!({ "stage": "down", "newest": "cus_gone", "oldest": "cus_gone", "tally": Tally::default() });
        let now = stage.world.clock.now();
        let params = vec![Sql::Text("customers".into()), Sql::Json(place.to_string()), Sql::Ts(now)];
        let sql = "INSERT INTO stripe_syncs (kind, place, updated_at) VALUES ($1, $2, $3)";
        assert_eq!(execute(&stage.world, sql, params).await, 1);
        let done = synced(&stage, quick()).await;
        assert!(done.resumed, "{kind:?}");
        assert_eq!(of(&done, Kind::Customers).read, 3, "{kind:?}: from the beginning");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sync_beside_webhooks_ends_with_what_stripe_says() {
    for kind in BOTH {
        beside_webhooks(kind).await;
    }
}

async fn beside_webhooks(kind: Database) {
    let stage = Stage::new(kind).await;
    let price = stage.price_with(2000, &[("credits", "500"), ("planFamily", "gold")]).await;
    let mut made = Vec::new();
    for n in 0..24 {
        let customer = payer(&stage, &[("purser_customer_id", format!("team-{n}").as_str())]).await;
        made.push((n, stage.subscribe(&customer, &[&price]).await));
    }
    let tells = async {
        for (n, subscription) in &made {
            stage.seats(&subscription.id, &subscription.items.data[0].id, 2 + n % 5).await;
            stage.tell_all(&subscription.id).await;
        }
    };
    let (done, again, ()) = tokio::join!(synced(&stage, quick()), synced(&stage, quick()), tells);
    for done in [&done, &again] {
        assert_eq!(of(done, Kind::Subscriptions).failed, 0, "{kind:?}: {done:?}");
        assert_eq!(of(done, Kind::Invoices).failed, 0, "{kind:?}: {done:?}");
    }
    for (n, subscription) in &made {
        let history = stage.history(&format!("team-{n}")).await;
        assert_eq!(history.len(), 1, "{kind:?}");
        assert_eq!(history[0]["id"], subscription.id.as_str(), "{kind:?}");
        assert_eq!(history[0]["items"][0]["quantity"], json!(2 + n % 5), "{kind:?}");
        assert_eq!(stage.current(&format!("team-{n}")).await["plan"]["family"], "gold", "{kind:?}");
    }
}
