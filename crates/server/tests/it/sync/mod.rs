//! The sync of an account on both databases, against a real sandbox: many pages, ended midway, raced, limited.

mod account;
mod ended;
mod named;

use crate::subscriptions::Stage;
use purser::features::sync::{self, Asked, Kind, Synced, Tally};
use purser_stripe::calls::{catalog, customers};
use serde_json::json;
use std::time::Duration;

/// How many customers an account of many pages has; a third of them each: named by their metadata, known by their id at
/// Stripe, and nobody's.
const CUSTOMERS: u64 = 120;
/// How many prices it has that sell nothing.
const UNMAPPED: u64 = 103;

/// A sync whose pauses are short.
fn quick() -> Asked {
    Asked { pause: Duration::from_millis(5), ..Asked::default() }
}

/// A sync from where the one before was ended.
async fn synced(stage: &Stage, asked: Asked) -> Synced {
    sync::run(&stage.app, asked, &|_, _| ()).await.unwrap()
}

/// What was found of a kind.
fn of(done: &Synced, kind: Kind) -> &Tally {
    done.kinds.iter().find(|(one, _)| *one == kind).map(|(_, tally)| tally).unwrap()
}

/// How many were read, and how many of them were new, changed, unchanged, nobody's, failed.
fn counts(tally: &Tally) -> [u64; 6] {
    [tally.read, tally.new, tally.changed, tally.unchanged, tally.nobodys, tally.failed]
}

/// A customer of Stripe's with these texts, who pays by a good card.
async fn payer(stage: &Stage, metadata: &[(&str, &str)]) -> String {
    let texts = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let fields = customers::CustomerFields {
        name: Some("Jenny Rosen".into()),
        email: Some("jenny@example.com".into()),
        metadata: (!metadata.is_empty()).then(|| texts.collect()),
        ..Default::default()
    };
    let customer = stage.write(&customers::create(&fields)).await.id;
    stage.pays_by(&customer, "pm_card_visa").await;
    customer
}

/// A price that is paid once, for a pack of credits.
async fn pack(stage: &Stage) -> String {
    let product = catalog::ProductFields { name: Some("Pack".into()), ..Default::default() };
    let metadata = [("credits", "100"), ("planFamily", "pack")];
    let price = catalog::NewPrice {
        currency: "usd".into(),
        product: stage.write(&catalog::create_product(&product)).await.id,
        unit_amount: Some(900),
        metadata: Some(metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()),
        ..Default::default()
    };
    stage.write(&catalog::create_price(&price)).await.id
}

/// An account of several pages of everything; answers the subscriptions of the first of each third.
async fn account(stage: &Stage) -> Vec<String> {
    for n in 0..UNMAPPED {
        stage.price(i64::try_from(n).unwrap() + 100).await;
    }
    pack(stage).await;
    let gold = stage.price_with(2000, &[("credits", "500"), ("planFamily", "gold")]).await;
    let mut first = Vec::new();
    for n in 0..CUSTOMERS {
        let customer = match n % 3 {
            0 => payer(stage, &[("purser_customer_id", format!("team-{n}").as_str())]).await,
            _ => payer(stage, &[]).await,
        };
        if n % 3 == 1 {
            stage.is(&format!("known-{n}"), &customer).await;
        }
        let made = stage.subscribe(&customer, &[&gold]).await;
        if n < 3 {
            first.push(made.id);
        }
    }
    first
}

/// Sees that all of the account stands in the mirror.
async fn is_whole(stage: &Stage, subscriptions: &[String]) {
    for (customer, subscription) in ["team-0", "known-1"].iter().zip(subscriptions) {
        let current = stage.current(customer).await;
        assert_eq!((&current["plan"]["family"], &current["access"]), (&json!("gold"), &json!(true)), "{current}");
        assert_eq!(current["subscription_id"], subscription.as_str());
        let invoices = stage.invoices(customer).await;
        assert_eq!(invoices.len(), 1, "{invoices:?}");
        assert_eq!((&invoices[0]["status"], &invoices[0]["amount_paid"]), (&json!("paid"), &json!(2000)));
    }
    let world = &stage.world;
    let bound = "SELECT COUNT(*) FROM subscriptions WHERE customer IS NOT NULL AND plan_id IS NOT NULL";
    let third = i64::try_from(CUSTOMERS / 3).unwrap();
    assert_eq!(crate::inbox::number(world, bound).await, 2 * third);
    assert_eq!(crate::inbox::number(world, "SELECT COUNT(*) FROM subscriptions").await, 3 * third);
    assert_eq!(crate::inbox::number(world, "SELECT COUNT(*) FROM subscription_changes").await, 3 * third);
    assert_eq!(crate::inbox::number(world, "SELECT COUNT(*) FROM invoices").await, 3 * third);
    assert_eq!(crate::inbox::number(world, "SELECT COUNT(*) FROM customers").await, 2 * third);
    // What was paid before is a matter of import: nobody was given anything twice, whatever is given at all.
    let twice = "SELECT COUNT(*) FROM (SELECT customer FROM grants GROUP BY customer, source_kind, source_id \
        HAVING COUNT(*) > 1) g";
    assert_eq!(crate::inbox::number(world, twice).await, 0);
}
