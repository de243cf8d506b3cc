//! The notices themselves: put down once, listed, read.

use super::notices;
use crate::world::{ADMIN, BOTH, World};
use futures_util::future::join_all;
use purser::{
    features::notify::{self, Kind, Notice},
    platform::db::DbError,
};
use purser_rules::ids::CustomerId;
use serde_json::{Value, json};

/// Tells `customer` that the subscription `key` ended; whether that is new.
async fn put(world: &World, customer: &str, key: &str) -> bool {
    let (customer, key, random) = (CustomerId::new(customer).unwrap(), key.to_owned(), world.app.random().clone());
    let put = world.app.db().write(move |tx| {
        let data = json!({ "subscription_id": key, "ended_at": null });
        notify::enqueue(tx, &random, &Notice::new(&customer, Kind::SubscriptionEnded, key.clone(), data))
    });
    let put: Result<bool, DbError> = put.await;
    put.unwrap()
}

/// A page of what acme is told.
async fn page(world: &World, more: &str) -> (Vec<Value>, bool) {
    let list = world.admin("GET", &format!("/api/v1/notifications?customer_id=acme{more}"), "").await;
    (list["data"].as_array().unwrap().clone(), list["has_more"].as_bool().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_notice_is_put_down_once_however_many_do_it_at_once() {
    for kind in BOTH {
        let world = World::on(kind).await;
        for round in 0..3 {
            let key = format!("sub_{round}");
            let new = join_all((0..16).map(|_| put(&world, "acme", &key))).await;
            assert_eq!(new.iter().filter(|new| **new).count(), 1, "{kind:?} {round}");
            assert_eq!(notices(&world, "acme").await.len(), round + 1, "{kind:?}");
        }
        assert!(put(&world, "other", "sub_0").await, "{kind:?}: another customer is told too");
        assert_eq!((notices(&world, "acme").await.len(), notices(&world, "other").await.len()), (3, 1), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_are_listed_newest_first_a_page_at_a_time_and_read_once() {
    for kind in BOTH {
        let world = World::on(kind).await;
        for n in 0..5 {
            put(&world, "acme", &format!("sub_{n}")).await;
        }
        put(&world, "other", "sub_0").await;
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let (data, more) = page(&world, &format!("&limit=2{after}")).await;
            assert!(data.len() <= 2, "{kind:?}");
            seen.extend(data.iter().map(|notice| notice["id"].as_str().unwrap().to_owned()));
            after = format!("&starting_after={}", seen.last().unwrap());
            if !more {
                break;
            }
        }
        assert_eq!(seen.len(), 5, "{kind:?}: {seen:?}");
        assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "{kind:?}: {seen:?}");
        let path = format!("/api/v1/notifications/{}/read", seen[1]);
        let read = world.admin("POST", &path, "").await;
        assert!(read["read_at"].is_string(), "{kind:?}");
        world.clock.advance(5_000_000);
        assert_eq!(world.admin("POST", &path, "").await, read, "{kind:?}: the first time counts");
        assert_eq!((page(&world, "").await.0.len(), page(&world, "&unread=true").await.0.len()), (5, 4), "{kind:?}");
        let trail = world.admin("GET", "/api/v1/admin/audit?action=notification.read", "").await;
        assert_eq!(trail["data"].as_array().unwrap().len(), 1, "{kind:?}");
        assert_eq!(trail["data"][0]["subject"], json!(seen[1]), "{kind:?}");
        assert!(notices(&world, "nobody").await.is_empty(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_wrongly_is_refused_by_name() {
    for kind in BOTH {
        let world = World::on(kind).await;
        put(&world, "acme", "sub_0").await;
        let id = notices(&world, "acme").await[0]["id"].as_str().unwrap().to_owned();
        let unknown = format!("/api/v1/notifications/ntf_{}/read", "0".repeat(32));
        let (_, reader) = world.key("read").await;
        let (reader, read) = (reader.as_str(), format!("/api/v1/notifications/{id}/read"));
        let cases = [
            (ADMIN, "GET", "/api/v1/notifications", 400, "missing_field"),
            (ADMIN, "GET", "/api/v1/notifications?customer_id=a%20b", 400, "invalid_field"),
            (ADMIN, "GET", "/api/v1/notifications?customer_id=acme&unread=1", 400, "invalid_field"),
            (ADMIN, "GET", "/api/v1/notifications?customer_id=acme&starting_after=x", 400, "invalid_field"),
            (ADMIN, "POST", "/api/v1/notifications/x/read", 400, "invalid_field"),
            (ADMIN, "POST", unknown.as_str(), 404, "unknown_notification"),
            (reader, "POST", read.as_str(), 403, "role_not_allowed"),
        ];
        for (key, method, path, status, code) in cases {
            let answer = world.ask(key, method, path, "").await;
            assert_eq!((answer.status, answer.error().0.as_str()), (status, code), "{kind:?} {method} {path}");
        }
        let seen = world.ask(reader, "GET", "/api/v1/notifications?customer_id=acme&unread=true", "").await;
        assert_eq!((seen.status, seen.json()["data"][0]["read_at"].clone()), (200, Value::Null), "{kind:?}");
    }
}
