//! Which customer of ours a customer of Stripe's is: what says so, and what is asked for where nothing does.

use super::{counts, of, payer, quick, synced};
use crate::{
    subscriptions::{Stage, fault},
    world::{self, BOTH},
};
use purser::features::{
    subscriptions,
    sync::{Asked, Kind, Naming},
};
use purser_stripe::calls::{PageOf, invoices};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_bound_by_what_says_who_it_is() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let [named, there, other, twice, wrong, gone] = [
            payer(&stage, &[("purser_customer_id", "named")]).await,
            payer(&stage, &[("purser_customer_id", "there")]).await,
            payer(&stage, &[("purser_customer_id", "other")]).await,
            payer(&stage, &[("purser_customer_id", "one")]).await,
            payer(&stage, &[("purser_customer_id", "no id!")]).await,
            payer(&stage, &[("purser_customer_id", "gone")]).await,
        ];
        stage.world.admin("PUT", "/api/v1/customers/there", r#"{"name": "Its own"}"#).await;
        stage.is("other", "cus_another").await;
        stage.is("one", &twice).await;
        stage.is("two", &twice).await;
        stage.world.admin("PUT", "/api/v1/customers/gone", "{}").await;
        stage.world.admin("DELETE", "/api/v1/customers/gone", "").await;
        let done = synced(&stage, quick()).await;
        let customers = of(&done, Kind::Customers);
        assert_eq!(counts(customers), [6, 1, 1, 0, 3, 4], "{kind:?}: {customers:?}");
        let noted = |id: &str| customers.notes.iter().find(|note| note.id == id).map_or("", |note| note.why.as_str());
        assert!(noted(&other).contains("cus_another"), "{kind:?}: {customers:?}");
        assert!(noted(&twice).contains("Two customers say"), "{kind:?}: {customers:?}");
        assert!(noted(&wrong).contains("no id"), "{kind:?}: {customers:?}");
        assert!(noted(&gone).contains("archived"), "{kind:?}: {customers:?}");
        let made = stage.world.admin("GET", "/api/v1/customers/named", "").await;
        assert_eq!(made["stripe_customer_id"], named.as_str(), "{kind:?}");
        assert_eq!((&made["name"], &made["email"]), (&json!("Jenny Rosen"), &json!("jenny@example.com")), "{kind:?}");
        let bound = stage.world.admin("GET", "/api/v1/customers/there", "").await;
        assert_eq!(bound["stripe_customer_id"], there.as_str(), "{kind:?}");
        assert_eq!(bound["name"], "Its own", "{kind:?}: what was said here stays");
        // Who was archived since is left as it is.
        stage.world.admin("DELETE", "/api/v1/customers/named", "").await;
        let again = synced(&stage, quick()).await;
        assert_eq!(counts(of(&again, Kind::Customers)), [6, 0, 0, 2, 3, 4], "{kind:?}: {again:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_of_nobody_are_named_as_was_asked_for() {
    for kind in BOTH {
        let stage = Stage::new(kind).await;
        let price = stage.price(2000).await;
        let (team, plain) = (payer(&stage, &[("team", "blue")]).await, payer(&stage, &[]).await);
        let made = stage.subscribe(&team, &[&price]).await;
        let nobody = synced(&stage, quick()).await;
        assert_eq!(counts(of(&nobody, Kind::Customers)), [2, 0, 0, 2, 2, 0], "{kind:?}");
        assert_eq!(counts(of(&nobody, Kind::Subscriptions)), [1, 1, 0, 0, 1, 0], "{kind:?}");

        let by_key = Asked { naming: Naming::Metadata("team".into()), ..quick() };
        let done = synced(&stage, by_key).await;
        assert_eq!(counts(of(&done, Kind::Customers)), [2, 1, 0, 1, 1, 0], "{kind:?}");
        // What is theirs is bound to them now.
        assert_eq!(counts(of(&done, Kind::Subscriptions)), [1, 0, 1, 0, 0, 0], "{kind:?}");
        assert_eq!(stage.current("blue").await["subscription_id"], made.id.as_str(), "{kind:?}");
        assert_eq!(stage.invoices("blue").await.len(), 1, "{kind:?}");

        let done = synced(&stage, Asked { naming: Naming::StripeId, ..quick() }).await;
        assert_eq!(counts(of(&done, Kind::Customers)), [2, 1, 0, 1, 0, 0], "{kind:?}");
        let own = stage.world.admin("GET", &format!("/api/v1/customers/{plain}"), "").await;
        assert_eq!(own["stripe_customer_id"], plain.as_str(), "{kind:?}");
    }
}

/// Months that are over give nothing any more: they are not read again, one by one, once their customer is known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_of_somebody_new_costs_no_reads_of_what_is_over() {
    // Time has to pass, so the clock must be ours.
    let stage = Stage::new(world::Kind::Sqlite).await;
    let price = stage.price(2000).await;
    let plan = json!({
        "family": "pro", "rank": 10, "credits": { "amount": 1000, "period": "billing" },
        "prices": [{ "stripe_price_id": price, "currency": "usd", "unit_amount": 2000, "interval": "month" }],
    });
    stage.world.admin("POST", "/api/v1/admin/subscription-plans", &plan.to_string()).await;
    let customer = payer(&stage, &[]).await;
    let made = stage.subscribe(&customer, &[&price]).await;
    stage.world.clock.advance(340 * 86_400 * 1_000_000);
    // Asked to move on, the sandbox answers when all is done that was due.
    stage.pass(1).await;
    let done = synced(&stage, quick()).await;
    assert_eq!((of(&done, Kind::Invoices).read, of(&done, Kind::Invoices).failed), (12, 0));
    let which = invoices::Invoices { subscription: Some(made.id), page: PageOf::full(), ..Default::default() };
    let paid = stage.client.read(&invoices::list(&which)).await.unwrap().value.data;
    assert_eq!(paid.len(), 12);
    for over in &paid[1..] {
        let path = format!("/v1/invoices/{}", over.id.as_deref().unwrap());
        let away = json!({ "kind": "trouble", "status": 500, "method": "GET", "path": path, "times": 1000 });
        fault(&stage, &away).await;
    }
    stage.is("acme", &customer).await;
    subscriptions::bind_known(&stage.app).await.unwrap();
    let checked = subscriptions::check_due(&stage.app).await.unwrap();
    assert_eq!((checked.checked, checked.failed), (13, 0), "its invoices and itself, the old ones unread");
    let balance = stage.world.admin("GET", "/api/v1/customers/acme/balance", "").await;
    assert_eq!(balance["available"], json!(1000), "the month that runs is given: {balance}");
}
