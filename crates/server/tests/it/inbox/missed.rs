//! Events that no webhook brought are found in a real sandbox's list, and only those.

use super::{SECRET, execute, number, send, states, work_off};
use crate::{
    subscriptions::fault_at,
    world::{BOTH, Kind, World},
};
use purser::{
    app,
    config::Secret,
    features::inbox,
    platform::{
        App,
        clock::Clock,
        db::{DbError, Value as Sql},
        ids::Random,
        stripe,
    },
};
use purser_rules::Time;
use purser_stripe::{
    Client, Key, Limits,
    calls::{PageOf, customers, events, meters},
};
use purser_stripe_sim::{Clock as SandboxClock, Sandbox, Settings};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::net::TcpListener;

/// A sandbox whose clock is that of `clock`; answers where it is.
#[expect(clippy::disallowed_methods, reason = "it ends with its test")]
async fn sandbox(clock: Clock) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let going = SandboxClock::Going(Box::new(move || clock.now().micros().div_euclid(1_000_000)));
    let settings = Settings { seed: 1, clock: going, load: None, record: None };
    let sandbox = Sandbox::new(settings, &base).unwrap();
    drop(tokio::task::spawn(sandbox.serve(listener)));
    base
}

/// The world's app, with a client of the sandbox at `base`.
fn with_stripe(world: &World, base: &str) -> (App, Client) {
    let mut config = world.app.config().clone();
    config.stripe_secret_key = Some(Secret::new("sk_test_missed"));
    config.stripe_webhook_secret = Some(Secret::new(SECRET));
    config.stripe_api_base = base.to_owned();
    let random = Random::seeded(9);
    let limits = Limits {
        total: Duration::from_secs(5),
        first_pause: Duration::from_millis(10),
        per_second: std::num::NonZeroU32::new(100_000).unwrap(),
        ..Limits::default()
    };
    let client = stripe::client(&config, &random, limits).unwrap().unwrap();
    let (db, clock) = (world.app.db().clone(), world.clock.clone());
    (app::build_acting(db, clock, random, config, Some(client.clone()), |_| true), client)
}

/// Makes `count` customers, each of which is told by an event.
async fn customers(client: &Client, world: &World, from: u32, count: u32) {
    let now = world.clock.now().micros().div_euclid(1_000_000);
    for n in from..from + count {
        let key = Key { text: format!("customer-{n}"), first_sent: now };
        let fields = customers::CustomerFields { name: Some(format!("Customer {n}")), ..Default::default() };
        client.write(&customers::create(&fields), &key, now).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_webhook_brought_is_found_once() {
    for kind in BOTH {
        let world = super::world(kind).await;
        let base = sandbox(world.clock.clone()).await;
        let (app, client) = with_stripe(&world, &base);
        // More than two pages.
        customers(&client, &world, 0, 230).await;
        let first = inbox::find_missed(&app).await.unwrap();
        assert_eq!((first.found, first.complete, first.skipped), (230, true, None), "{kind:?}");
        let again = inbox::find_missed(&app).await.unwrap();
        assert_eq!((again.found, again.complete), (0, true), "{kind:?}: {again:?}");
        assert_eq!(states(&world).await.len(), 230, "{kind:?}");
        // What was found is acted on as what came by itself.
        assert_eq!(work_off(&world).await, 230, "{kind:?}");
        assert!(states(&world).await.values().all(|state| *state == (2, 1)), "{kind:?}");
        // Some come by webhook, some do not.
        customers(&client, &world, 230, 3).await;
        let newest = PageOf { limit: Some(1), ..PageOf::default() };
        let which = events::Events { page: newest, ..events::Events::default() };
        let answer = client.read(&events::list(&which)).await.unwrap();
        let page: Value = serde_json::from_slice(&answer.json).unwrap();
        send(&world, &page["data"][0].to_string()).await;
        let listed = inbox::find_missed(&app).await.unwrap();
        assert_eq!(listed.found, 2, "{kind:?}");
        assert_eq!((states(&world).await.len(), work_off(&world).await), (233, 3), "{kind:?}");
        let missed = inbox::find_missed_thin(&app).await.unwrap();
        assert_eq!((missed.found, missed.complete), (0, true), "{kind:?}: nothing is told thin here");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_listed_is_stored_as_it_would_have_come() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let base = sandbox(world.clock.clone()).await;
        let (app, client) = with_stripe(&world, &base);
        customers(&client, &world, 0, 1).await;
        inbox::find_missed(&app).await.unwrap();
        let page = world.admin("GET", "/api/v1/admin/stripe-events", "").await;
        let event = &page["data"][0];
        assert_eq!(event["kind"], "customer.created", "{kind:?}");
        assert_eq!(event["object_kind"], "customer", "{kind:?}");
        let subject = format!("customer:{}", event["object_id"].as_str().unwrap());
        assert_eq!(event["subject"], subject, "{kind:?}");
        let shown = super::shown(&world, event["id"].as_str().unwrap()).await;
        let payload: Value = serde_json::from_str(shown["payload"].as_str().unwrap()).unwrap();
        assert_eq!(payload["id"], event["id"], "{kind:?}");
        assert_eq!(payload["data"]["object"]["name"], "Customer 0", "{kind:?}");
    }
}

#[tokio::test]
async fn a_look_goes_on_where_the_last_one_ended_and_reaches_back_a_little() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let base = sandbox(world.clock.clone()).await;
        let (app, client) = with_stripe(&world, &base);
        assert_eq!(inbox::find_missed(&app).await.unwrap().found, 0, "{kind:?}");
        // Nobody looks for two days: more than one stretch.
        customers(&client, &world, 0, 2).await;
        world.clock.advance(2 * 86_400 * 1_000_000);
        customers(&client, &world, 2, 2).await;
        let found = inbox::find_missed(&app).await.unwrap();
        assert_eq!((found.found, found.complete), (4, true), "{kind:?}: {found:?}");
        let sql = "SELECT at FROM stripe_cursors WHERE name = 'events'";
        let at: Result<Time, DbError> = world.app.db().read(move |tx| tx.query(sql, vec![])?[0].ts(0)).await;
        assert_eq!(at, Ok(world.clock.now()), "{kind:?}");
    }
}

/// More was missed than a run has time to list: each goes on behind the last page of the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_ends_in_the_middle_of_a_stretch_is_gone_on_with() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let base = sandbox(world.clock.clone()).await;
        let (app, client) = with_stripe(&world, &base);
        // Five pages, which together take longer than a run may. On a machine with much to do a run comes less far.
        customers(&client, &world, 0, 430).await;
        let address = base.trim_start_matches("http://");
        let slow = json!({ "kind": "slow", "ms": 300, "method": "GET", "path": "/v1/events", "times": 1000 });
        fault_at(address, Some(&slow)).await;
        for run in 1..=50 {
            let missed = inbox::find_missed_within(&app, Duration::from_secs(1)).await.unwrap();
            let found = states(&world).await.len();
            assert!(run > 1 || !missed.complete && found < 430, "{kind:?}: {found} in the first run: {missed:?}");
            if found == 430 {
                break;
            }
        }
        assert_eq!(states(&world).await.len(), 430, "{kind:?}");
        fault_at(address, None).await;
        let last = inbox::find_missed(&app).await.unwrap();
        assert_eq!((last.found, last.complete), (0, true), "{kind:?}: {last:?}");
        let ended = "SELECT COUNT(*) FROM stripe_cursors WHERE name = 'events' AND id = ''";
        assert_eq!(number(&world, ended).await, 1, "{kind:?}: no place is left in the middle of anything");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_stripe_does_not_know_the_place_any_more_the_stretch_is_listed_anew() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let base = sandbox(world.clock.clone()).await;
        let (app, client) = with_stripe(&world, &base);
        inbox::find_missed(&app).await.unwrap();
        customers(&client, &world, 0, 3).await;
        let place = format!("{}:evt_gone", world.clock.now().micros());
        let put = "UPDATE stripe_cursors SET id = $1 WHERE name = 'events'";
        assert_eq!(execute(&world, put, vec![Sql::Text(place)]).await, 1, "{kind:?}");
        let found = inbox::find_missed(&app).await.unwrap();
        assert_eq!((found.found, found.complete), (3, true), "{kind:?}: {found:?}");
    }
}

/// Has three thin events told, one after the other; answers their ids and when they happened, the last first.
async fn three_thin(client: &Client, world: &World) -> Vec<(String, String)> {
    let second = || world.clock.now().micros().div_euclid(1_000_000);
    let meter = meters::NewMeter {
        display_name: "Calls".into(),
        event_name: "calls".into(),
        default_aggregation: meters::Aggregation { formula: "sum" },
    };
    let key = Key { text: "meter".into(), first_sent: second() };
    client.write(&meters::create(&meter), &key, second()).await.unwrap();
    for n in 0..3 {
        // Usage of somebody who is not there is told of within 15 seconds.
        let usage = meters::NewMeterEvent {
            event_name: "calls".into(),
            payload: BTreeMap::from([("stripe_customer_id".into(), "cus_nobody".into()), ("value".into(), "1".into())]),
            identifier: format!("usage-{n}"),
            timestamp: second(),
        };
        let key = Key { text: usage.identifier.clone(), first_sent: second() };
        client.write(&meters::send(&usage), &key, second()).await.unwrap();
        world.clock.advance(20 * 1_000_000);
    }
    let told = client.pages(&events::list_thin(&events::ThinEvents::default())).all().await.unwrap();
    told.into_iter().map(|told| (told.event.id, told.event.created)).collect()
}

/// Thin events are not listed from one of them on, but up to the second of the last that was kept, and with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thin_list_is_gone_on_with_at_the_second_to_which_it_was_read() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let base = sandbox(world.clock.clone()).await;
        let (app, client) = with_stripe(&world, &base);
        inbox::find_missed_thin(&app).await.unwrap();
        let told = three_thin(&client, &world).await;
        assert_eq!(told.len(), 3, "{kind:?}: {told:?}");
        let place = format!("{}:{}", world.clock.now().micros(), told[1].1);
        let put = "UPDATE stripe_cursors SET id = $1 WHERE name = 'thin-events'";
        assert_eq!(execute(&world, put, vec![Sql::Text(place)]).await, 1, "{kind:?}");
        let found = inbox::find_missed_thin(&app).await.unwrap();
        assert_eq!((found.listed, found.found, found.complete), (2, 2, true), "{kind:?}: {found:?}");
        let kept: BTreeSet<String> = states(&world).await.into_keys().collect();
        assert_eq!(kept, BTreeSet::from([told[1].0.clone(), told[2].0.clone()]), "{kind:?}: {told:?}");
        let ended = "SELECT COUNT(*) FROM stripe_cursors WHERE name = 'thin-events' AND id = ''";
        assert_eq!(number(&world, ended).await, 1, "{kind:?}: no place is left in the middle of anything");
    }
}

#[tokio::test]
async fn without_a_key_it_says_that_it_skipped_and_while_stripe_is_away_it_fails() {
    let world = World::on(Kind::Sqlite).await;
    let skipped = inbox::find_missed(&world.app).await.unwrap();
    assert_eq!((skipped.skipped, skipped.complete), (Some("STRIPE_SECRET_KEY is not set"), false));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (app, _) = with_stripe(&world, &nobody);
    let error = inbox::find_missed(&app).await.unwrap_err();
    assert_eq!(error.code.as_str(), "stripe_unavailable", "{}", error.message);
    assert_eq!(super::number(&world, "SELECT COUNT(*) FROM stripe_cursors").await, 0, "nothing counts as seen");
}
