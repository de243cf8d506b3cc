//! Whatever the order in which events come, doubled or of one second: what stands at the end is what Stripe says.

use super::{Stage, again, of_kind, with_key, with_stripe};
use crate::{
    inbox::{CREATED, pass, send, shown as event_shown, states},
    lives::truth::{self, Families},
    world::{BOTH, Kind},
};
use purser::{
    features::inbox::{self, MOST_ATTEMPTS},
    reactions,
};
use purser_stripe::calls::subscriptions as calls;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Every order of the numbers below `n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else { return vec![vec![]] };
    let mut all = Vec::new();
    for shorter in orders(last) {
        for at in 0..n {
            let mut order = shorter.clone();
            order.insert(at, last);
            all.push(order);
        }
    }
    all
}

/// All that is shown of a customer.
async fn shown(stage: &Stage, customer: &str) -> Value {
    json!([stage.current(customer).await, stage.history(customer).await, stage.invoices(customer).await])
}

/// Sends the events of `told` in this order, all of one second or each a second after the one before.
async fn send_in_order(stage: &Stage, told: &[Value], order: &[usize], tied: bool, suffix: &str, from: i64) {
    for (n, at) in (0..).zip(order) {
        let mut event = again(&told[*at], suffix);
        event["created"] = json!(CREATED + if tied { 0 } else { from + n });
        send(&stage.world, &event.to_string()).await;
        // Those of one second are done in the order in which they come.
        stage.world.clock.advance(1_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_of_the_first_five_events_ends_in_what_stripe_says_on_sqlite() {
    every_order(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_of_the_first_five_events_ends_in_what_stripe_says_on_postgres() {
    every_order(Kind::Postgres).await;
}

async fn every_order(kind: Kind) {
    let stage = Stage::new(kind).await;
    let customer = stage.customer("acme").await;
    let price = stage.price(2000).await;
    stage.plan("pro", 10, &price).await;
    let made = stage.subscribe(&customer, &[&price]).await;
    let item = made.items.data[0].id.clone();
    stage.seats(&made.id, &item, 3).await;
    stage.seats(&made.id, &item, 2).await;
    let ends = calls::SubscriptionChange { cancel_at_period_end: Some(true), ..Default::default() };
    let said = stage.change(&made.id, ends).await;
    let mut told = stage.told(&made.id).await;
    told.retain(|event| event["type"] != "invoice.created");
    assert!(told.len() >= 5, "{kind:?}: {}", told.len());
    told.truncate(5);
    let families = Families::from([(price, (10, "pro".to_owned()))]);
    let mut first = None;
    for (doubled, tied) in [(false, false), (true, false), (false, true), (true, true)] {
        let what = format!("{kind:?}, doubled: {doubled}, tied: {tied}");
        for order in orders(5) {
            stage.forget().await;
            send_in_order(&stage, &told, &order, tied, "a", 0).await;
            if doubled {
                send_in_order(&stage, &told, &order, tied, "b", 5).await;
            }
            stage.act().await;
            let found = shown(&stage, "acme").await;
            let first = first.get_or_insert_with(|| found.clone());
            assert_eq!(found, *first, "{what}, {order:?}");
        }
        // Each order ended in the same, so that what one is compared with holds for all.
        let plan = truth::agrees(&stage.world, &stage.client, ("acme", customer.as_str()), &families, &what).await;
        assert_eq!(plan, Some(json!("pro")), "{what}");
    }
    let found = first.unwrap();
    assert_eq!((&found[0]["status"], &found[0]["access"]), (&json!("active"), &json!(true)), "{found}");
    assert_eq!((&found[0]["cancel_scheduled"], said.cancel_at_period_end), (&json!(true), true), "{found}");
    assert_eq!(found[0]["ends_at"], found[0]["current_period_end"], "{found}");
    assert_eq!((&found[1][0]["id"], &found[1][0]["items"][0]["quantity"]), (&json!(made.id), &json!(2)), "{found}");
    assert_eq!((&found[0]["plan"]["family"], &found[1][0]["stripe_status"]), (&json!("pro"), &json!("active")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_6_a_late_update_does_not_bring_a_canceled_subscription_back() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        stage.plan("pro", 10, &price).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        stage.seats(&made.id, &made.items.data[0].id, 3).await;
        stage.end(&made.id).await;
        let told = stage.told(&made.id).await;
        let deleted = of_kind(&told, "customer.subscription.deleted");
        let updated = of_kind(&told, "customer.subscription.updated");
        assert_eq!(updated[0]["data"]["object"]["status"], "active", "{kind:?}: the late one says so");
        stage.tell(&[deleted[0].clone(), updated[0].clone()]).await;
        let current = stage.current("acme").await;
        assert_eq!(
            (&current["status"], &current["access"]),
            (&json!("canceled"), &json!(false)),
            "{kind:?}: {current}"
        );
        assert_eq!(current["cancel_scheduled"], json!(false), "{kind:?}: it has ended");
    }
}

/// What Stripe does not have any more is known by its events alone: the one that says that it ended counts for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_6_also_when_stripe_has_forgotten_the_subscription() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        stage.end(&made.id).await;
        let told = stage.told(&made.id).await;
        let unknown = |kind: &str, suffix: &str| {
            let mut event = again(&of_kind(&told, kind)[0], suffix);
            event["data"]["object"]["id"] = json!("sub_forgotten");
            if kind.ends_with("created") {
                event["data"]["object"]["status"] = json!("active");
            }
            event
        };
        let created = unknown("customer.subscription.created", "1");
        stage.tell(std::slice::from_ref(&created)).await;
        assert_eq!(stage.current("acme").await["status"], "active", "{kind:?}: all that is known");
        stage.tell(&[unknown("customer.subscription.deleted", "2"), again(&created, "late")]).await;
        assert_eq!(stage.current("acme").await["status"], "canceled", "{kind:?}");
        assert_eq!(stage.history("acme").await.len(), 1, "{kind:?}");
    }
}

/// An endpoint may be sent the events of connected accounts: they are signed well, and nothing of them is ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_another_account_is_kept_and_not_believed() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let price = stage.price(2000).await;
        let plan = json!({
            "family": "pro", "rank": 10, "credits": { "amount": 100, "period": "billing" },
            "prices": [{ "stripe_price_id": price, "currency": "usd", "unit_amount": 2000, "interval": "month" }],
        });
        stage.world.admin("POST", "/api/v1/admin/subscription-plans", &plan.to_string()).await;
        let made = stage.subscribe(&customer, &[&price]).await;
        let told = stage.told(&made.id).await;
        let mut created = again(&of_kind(&told, "customer.subscription.created")[0], "theirs");
        created["account"] = json!("acct_1");
        created["data"]["object"]["id"] = json!("sub_theirs");
        created["data"]["object"]["status"] = json!("active");
        let id = created["id"].as_str().unwrap().to_owned();
        stage.tell(std::slice::from_ref(&created)).await;
        // Also when a person wants it to be acted on.
        for _ in 0..2 {
            assert_eq!(states(&stage.world).await[&id], (3, 1), "{kind:?}");
            assert_eq!(stage.current("acme").await["status"], "none", "{kind:?}");
            stage.world.admin("POST", &format!("/api/v1/admin/stripe-events/{id}/replay"), "").await;
            stage.act().await;
        }
        // A paid invoice that our account does not have gives nothing, though nothing says whose it is.
        let mut paid = again(&of_kind(&told, "invoice.paid")[0], "theirs");
        paid["data"]["object"]["id"] = json!("in_theirs");
        stage.tell(&[paid]).await;
        let balance =
            async || stage.world.admin("GET", "/api/v1/customers/acme/balance", "").await["available"].clone();
        assert_eq!(balance().await, json!(0), "{kind:?}");
        stage.tell_all(&made.id).await;
        assert_eq!(balance().await, json!(100), "{kind:?}: and ours gives once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_7_created_after_updated_leaves_nothing_incomplete() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        stage.seats(&made.id, &made.items.data[0].id, 3).await;
        let told = stage.told(&made.id).await;
        let mut created = of_kind(&told, "customer.subscription.created")[0].clone();
        created["data"]["object"]["status"] = json!("incomplete");
        stage.tell(&[of_kind(&told, "customer.subscription.updated")[0].clone(), created]).await;
        let history = stage.history("acme").await;
        let found = (&history[0]["status"], &history[0]["items"][0]["quantity"]);
        assert_eq!(found, (&json!("active"), &json!(3)), "{kind:?}: {history:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thin_event_does_what_a_whole_one_does() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        let thin = json!({
            "id": "evt_thin", "object": "v2.core.event", "type": "v1.customer.subscription.created", "context": null,
            "created": "2026-11-21T03:00:00.000Z", "livemode": false, "reason": null,
            "related_object": { "id": made.id, "type": "subscription", "url": format!("/v1/subscriptions/{}", made.id) },
        });
        send(&stage.world, &thin.to_string()).await;
        stage.act().await;
        assert_eq!(stage.current("acme").await["subscription_id"], json!(made.id), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_is_put_down_with_before_and_after_and_what_told_of_it() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        let created = of_kind(&stage.told(&made.id).await, "customer.subscription.created");
        stage.tell(&created).await;
        // Told again, nothing has changed.
        stage.tell(&[again(&created[0], "same")]).await;
        stage.seats(&made.id, &made.items.data[0].id, 3).await;
        let updated = of_kind(&stage.told(&made.id).await, "customer.subscription.updated");
        stage.tell(&updated[..1]).await;
        let sql = "SELECT before, after, cause FROM subscription_changes ORDER BY revision";
        let rows = stage.app.db().read(move |tx| tx.query(sql, vec![])).await;
        let rows = rows.map_err(|error: purser::platform::db::DbError| error).unwrap();
        assert_eq!(rows.len(), 2, "{kind:?}");
        let json = |row: usize, at: usize| {
            let text = rows[row].opt_text(at).unwrap();
            text.map(|text| serde_json::from_str::<Value>(text).unwrap())
        };
        let (none, first): (Option<Value>, Option<Value>) = (json(0, 0), json(0, 1));
        let (before, after): (Option<Value>, Option<Value>) = (json(1, 0), json(1, 1));
        assert_eq!((none, &before), (None, &first), "{kind:?}: each begins where the last one ended");
        let seats = |it: &Option<Value>| it.as_ref().unwrap()["items"][0]["quantity"].clone();
        assert_eq!((seats(&before), seats(&after)), (json!(1), json!(3)), "{kind:?}");
        assert_eq!(rows[0].text(2).unwrap(), created[0]["id"], "{kind:?}");
        assert_eq!(rows[1].text(2).unwrap(), updated[0]["id"], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_fetched_fails_by_name_and_is_done_when_stripe_is_back() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        let created = of_kind(&stage.told(&made.id).await, "customer.subscription.created");
        send(&stage.world, &created[0].to_string()).await;
        // An app without a key of Stripe's cannot ask: the event waits, and no attempt is counted.
        inbox::work_off(&stage.world.app, reactions::react).await.unwrap();
        let id = created[0]["id"].as_str().unwrap();
        assert_eq!(states(&stage.world).await[id], (1, 0), "{kind:?}");
        let why = event_shown(&stage.world, id).await["last_error"].as_str().unwrap().to_owned();
        assert!(why.starts_with("stripe_unavailable: "), "{kind:?}: {why}");
        pass(&stage.world).await;
        stage.act().await;
        assert_eq!(states(&stage.world).await[id], (2, 1), "{kind:?}");
        assert_eq!(stage.history("acme").await.len(), 1, "{kind:?}");
    }
}

/// A key that was revoked, or has expired, may stay so over a weekend: no event dies of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_stripe_does_not_take_the_key_events_wait_and_use_up_no_try() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        let created = of_kind(&stage.told(&made.id).await, "customer.subscription.created");
        send(&stage.world, &created[0].to_string()).await;
        let id = created[0]["id"].as_str().unwrap();
        // The sandbox takes keys of test mode alone.
        let (refused, _) = with_key(&stage.world, &stage.address, "sk_live_revoked");
        for _ in 0..3 * MOST_ATTEMPTS {
            assert_eq!(inbox::work_off(&refused, reactions::react).await.unwrap(), 1, "{kind:?}");
            pass(&stage.world).await;
        }
        assert_eq!(states(&stage.world).await[id], (1, 0), "{kind:?}");
        let why = event_shown(&stage.world, id).await["last_error"].as_str().unwrap().to_owned();
        assert!(why.starts_with("stripe_unavailable: Stripe does not take the key"), "{kind:?}: {why}");
        stage.act().await;
        assert_eq!(states(&stage.world).await[id], (2, 1), "{kind:?}");
        assert_eq!(stage.history("acme").await.len(), 1, "{kind:?}");
    }
}

/// Answers every request with `body`; answers where it listens.
#[expect(clippy::disallowed_methods, reason = "it ends with its test")]
async fn answering(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json";
    let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
    drop(tokio::task::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            // A read has no body, so its head is all there is.
            let mut asked = [0; 4096];
            let _head = socket.read(&mut asked).await;
            let _sent = socket.write_all(answer.as_bytes()).await;
        }
    }));
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_9_a_period_that_is_missing_fails_the_event_by_name_and_writes_nothing() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let customer = stage.customer("acme").await;
        let made = stage.subscribe(&customer, &[&stage.price(2000).await]).await;
        let created = of_kind(&stage.told(&made.id).await, "customer.subscription.created");
        // As Stripe answered before 2025: the periods are not on the items.
        let mut old = created[0]["data"]["object"].clone();
        let item = old["items"]["data"][0].as_object_mut().unwrap();
        assert!(item.remove("current_period_end").is_some());
        let (app, _) = with_stripe(&stage.world, &answering(old.to_string()).await);
        send(&stage.world, &created[0].to_string()).await;
        inbox::work_off(&app, reactions::react).await.unwrap();
        let id = created[0]["id"].as_str().unwrap();
        assert_eq!(states(&stage.world).await[id], (1, 1), "{kind:?}: it failed, and is tried again");
        let why = event_shown(&stage.world, id).await["last_error"].as_str().unwrap().to_owned();
        assert!(why.starts_with("stripe_refused: ") && why.contains("current_period_end"), "{kind:?}: {why}");
        assert_eq!(stage.history("acme").await.len(), 0, "{kind:?}");
    }
}
