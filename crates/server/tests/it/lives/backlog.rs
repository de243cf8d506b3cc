//! Nobody works for a while, and a thousand events wait: they are done once each, and all stands as Stripe says.

use super::{
    clock,
    dice::Dice,
    feed::{Feed, twin},
    pass,
    running::Running,
    sold,
    truth::{self, Families},
};
use crate::{
    inbox::{number, pass as leases_run_out, send, states},
    payments::{Shop, text},
    world::{BOTH, Kind},
};
use futures_util::{StreamExt as _, future::join_all, stream};
use purser_stripe::{calls::subscriptions as calls, objects::Interval};
use serde_json::{Value, json};

/// How many events wait at least.
const WAITING: usize = 1_000;
/// How many customers they are about.
const CUSTOMERS: u64 = 20;
/// How many are sent at a time.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_events_that_waited_are_done_once_each() {
    for kind in BOTH {
        drains(kind).await;
    }
}

async fn drains(kind: Kind) {
    let clock = clock();
    let sandbox = Running::start(1, clock.clone(), None).await;
    let shop = Shop::beside(kind, clock.clone(), sandbox.address).await;
    let more = json!({ "credits": { "amount": 100, "period": "billing" } });
    let price = shop.plan_for(("pro", 10), (2000, Interval::Month), &more).await;
    let families = Families::from([(price.clone(), (10, "pro".to_owned()))]);
    let mut lives = Vec::new();
    for n in 0..CUSTOMERS {
        let customer = format!("team-{n}");
        let payer = sold::payer(&shop, &customer).await;
        lives.push((customer, payer.clone(), sold::subscribe(&shop, &payer, &price).await));
    }
    let (mut feed, mut dice) = (Feed::default(), Dice::new(1));
    let mut events = feed.news(shop.client()).await;
    events.retain(|event| is_acted_on(text(&event["type"])));
    // Seats come and go, and every event is told twice.
    let mut seats = 1;
    while 2 * events.len() < WAITING {
        seats += 1;
        for (_, _, subscription) in &lives {
            let change = calls::LoneItemChange { quantity: Some(seats), ..Default::default() };
            shop.write(&calls::update_item(&subscription.id, &subscription.items.data[0].id, &change)).await;
        }
        pass(&clock, 1);
        let news = feed.news(shop.client()).await;
        events.extend(news.into_iter().filter(|event| is_acted_on(text(&event["type"]))));
        assert!(seats < 100, "{kind:?}: {} events", events.len());
    }
    let twins: Vec<Value> = events.iter().map(twin).collect();
    events.extend(twins);
    dice.shuffle(&mut events);
    stream::iter(&events)
        .for_each_concurrent(AT_ONCE, |event| {
            let (world, body) = (&shop.world, event.to_string());
            async move { send(world, &body).await }
        })
        .await;
    let waiting = number(&shop.world, "SELECT COUNT(*) FROM stripe_events WHERE state = 1 AND attempts = 0").await;
    assert_eq!(usize::try_from(waiting).unwrap(), events.len(), "{kind:?}: all wait, nobody has tried");
    // Several begin at once, as the workers of two nodes would.
    join_all((0..4).map(|_| shop.work_off())).await;
    for _ in 0..5 {
        leases_run_out(&shop.world).await;
        shop.work_off().await;
    }
    let states = states(&shop.world).await;
    for event in &events {
        assert_eq!(states[text(&event["id"])].0, 2, "{kind:?}: {} is done", event["type"]);
    }
    assert_eq!(number(&shop.world, "SELECT COUNT(*) FROM stripe_inbox").await, 0, "{kind:?}");
    for (customer, payer, _) in &lives {
        let what = format!("{kind:?} {customer}");
        truth::agrees(&shop.world, shop.client(), (customer.as_str(), payer.as_str()), &families, &what).await;
        let balance = shop.world.admin("GET", &format!("/api/v1/customers/{customer}/balance"), "").await;
        assert_eq!(truth::micros(&balance["available"]), 100_000_000, "{what}: a month's credits, once");
    }
    shop.proved().await;
}

/// Whether something acts on events of this kind here.
fn is_acted_on(kind: &str) -> bool {
    let of_subscription = ["created", "updated", "deleted"].map(|word| format!("customer.subscription.{word}"));
    of_subscription.iter().any(|known| kind == known) || ["invoice.paid", "invoice.finalized"].contains(&kind)
}
