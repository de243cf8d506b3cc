//! Which customer of ours a customer of Stripe's is: what says so, and what is asked for where nothing does.

use super::{counts, of, payer, quick, synced};
use crate::{subscriptions::Stage, world::BOTH};
use purser::features::sync::{Asked, Kind, Naming};
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
