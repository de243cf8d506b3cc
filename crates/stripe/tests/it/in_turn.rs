//! Writes of one object one after the other, those of others side by side, and no more a second than allowed.

use crate::{
    asking_again::CUSTOMER,
    scripted::{Act, Scripted, hurried, key},
};
use purser_stripe::{Call, Error, Limits, calls::customers, calls::subscriptions, objects::Customer};
use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Barrier, time::timeout};

/// A change of the customer `id`.
fn change(id: &str) -> Call<Customer> {
    let fields = customers::CustomerFields { email: Some("1@example.com".into()), ..Default::default() };
    customers::update(id, &fields)
}

#[tokio::test]
async fn writes_of_one_object_never_overlap_and_keep_their_order() {
    // The first is asked again twice, and the others wait until it is settled.
    let slow = || Act::reply(200, CUSTOMER).after(Duration::from_millis(15));
    let script = [Act::error(500, "api_error", ""), Act::CutInBody, slow(), slow(), slow()];
    let server = Scripted::new(script).await;
    let client = server.client();
    let call = change("cus_1");
    let (one, two, three) = (key("op-1"), key("op-2"), key("op-3"));
    let (one, two, three) = tokio::join!(
        client.write(&call, &one, 1000),
        client.write(&call, &two, 1000),
        client.write(&call, &three, 1000)
    );
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!(server.keys(), ["op-1", "op-1", "op-1", "op-2", "op-3"]);
    assert_eq!(server.most_at_once(), 1);
}

#[tokio::test]
async fn writes_of_different_objects_and_reads_go_side_by_side() {
    // Each is answered only when all three are under way.
    let barrier = Arc::new(Barrier::new(3));
    let meet = Act::Meet(barrier, Box::new(Act::reply(200, CUSTOMER)));
    let server = Scripted::new(vec![meet; 3]).await;
    let client = server.client();
    let (one, two, read) = (change("cus_1"), change("cus_2"), customers::retrieve("cus_1"));
    let (first, second) = (key("op-1"), key("op-2"));
    let all =
        async { tokio::join!(client.write(&one, &first, 1000), client.write(&two, &second, 1000), client.read(&read)) };
    let (one, two, read) = timeout(Duration::from_secs(20), all).await.expect("side by side");
    assert!(one.is_ok() && two.is_ok() && read.is_ok());
    assert_eq!(server.most_at_once(), 3);
}

#[tokio::test]
async fn who_goes_away_from_the_line_sends_nothing_and_holds_nobody_up() {
    let slow = Act::reply(200, CUSTOMER).after(Duration::from_millis(200));
    let server = Scripted::new([slow, Act::reply(200, CUSTOMER)]).await;
    let client = server.client();
    let call = change("cus_1");
    let (first, second, third) = (key("op-1"), key("op-2"), key("op-3"));
    let gone = async {
        server.until_sent(1).await;
        timeout(Duration::from_millis(20), client.write(&call, &second, 1000)).await
    };
    let last = async {
        server.until_sent(1).await;
        client.write(&call, &third, 1000).await
    };
    let (one, gone, last) = tokio::join!(client.write(&call, &first, 1000), gone, last);
    assert!(one.is_ok() && gone.is_err() && last.is_ok());
    assert_eq!(server.keys(), ["op-1", "op-3"]);
}

#[tokio::test]
async fn a_write_that_is_dropped_gives_its_turn_back() {
    let server = Scripted::new([Act::Drip, Act::reply(200, CUSTOMER)]).await;
    let client = server.client();
    let call = change("cus_1");
    let (first, second) = (key("op-1"), key("op-2"));
    let dropped = timeout(Duration::from_millis(50), client.write(&call, &first, 1000)).await;
    assert!(dropped.is_err(), "it was under way");
    let next = timeout(Duration::from_secs(20), client.write(&call, &second, 1000)).await;
    next.expect("the turn is free").expect("answered");
    assert_eq!(server.keys(), ["op-1", "op-2"]);
}

#[tokio::test]
async fn an_item_is_written_in_turn_with_its_subscription() {
    let seats = subscriptions::LoneItemChange { quantity: Some(3), ..Default::default() };
    let item = subscriptions::update_item("sub_1", "si_1", &seats);
    let gone = subscriptions::delete_item("sub_1", "si_1", None);
    let whole = subscriptions::update("sub_1", &Default::default());
    let objects = [&item.request().object, &gone.request().object, &whole.request().object];
    assert!(objects.iter().all(|object| object.as_deref() == Some("sub_1")), "{objects:?}");
}

#[tokio::test]
async fn no_more_is_sent_in_a_second_than_allowed() {
    let server = Scripted::new(vec![Act::reply(200, CUSTOMER); 40]).await;
    let per_second = NonZeroU32::new(50).expect("not zero");
    let client = server.client_with(Limits { per_second, ..hurried() });
    let read = customers::retrieve("cus_1");
    let began = Instant::now();
    for _ in 0..40 {
        client.read(&read).await.expect("read");
    }
    // Ten at once, and thirty at 20 ms each.
    assert!(began.elapsed() >= Duration::from_millis(590), "{:?}", began.elapsed());
    let slow =
        server.client_with(Limits { per_second: NonZeroU32::MIN, total: Duration::from_millis(500), ..hurried() });
    server.then([Act::reply(200, CUSTOMER)]);
    slow.read(&read).await.expect("the first");
    let began = Instant::now();
    assert!(matches!(slow.read(&read).await, Err(Error::Busy)), "the second has no time to wait");
    assert!(began.elapsed() < Duration::from_millis(400), "and is told at once: {:?}", began.elapsed());
    assert_eq!(server.sent().len(), 41);
}
