//! The Stripe client against the sandbox: every call it can make is one Stripe knows, and every answer is understood.

mod faults;
mod hosted;
mod money;
mod pair;
mod sold;
mod subscribed;
mod told;

use std::collections::{BTreeMap, BTreeSet};

/// Each is a life in a sandbox of its own; the lives together make every call.
macro_rules! lives {
    ($($place:ident::$name:ident,)+) => {
        $(#[tokio::test]
        async fn $name() {
            $place::$name().await;
        })+

        /// Every operation that was asked for, in any of the lives.
        async fn asked() -> BTreeSet<String> {
            let mut asked = BTreeSet::new();
            $(asked.extend($place::$name().await.asked);)+
            asked
        }
    };
}

lives! {
    sold::customers_and_what_is_sold,
    sold::usage_type_and_intervals_are_words_stripe_knows,
    subscribed::subscriptions_from_begin_to_end,
    subscribed::a_downgrade_by_schedule,
    subscribed::items_and_collection_one_by_one,
    money::payments_refunds_and_disputes,
    hosted::checkout_and_portal,
    hosted::invoices_by_hand,
    told::meters_and_events,
}

/// The calls of the client that the sandbox does not answer, and why.
const NOT_HERE: &[(&str, &str)] =
    &[("GET /v1/entitlements/active_entitlements", "the sandbox has no entitlements; a scripted server answers it")];

/// The sources of the calls: each names its operation in its description.
const CALLS: &[&str] = &[
    include_str!("../../../stripe/src/calls/catalog.rs"),
    include_str!("../../../stripe/src/calls/checkout.rs"),
    include_str!("../../../stripe/src/calls/customers.rs"),
    include_str!("../../../stripe/src/calls/events.rs"),
    include_str!("../../../stripe/src/calls/invoices.rs"),
    include_str!("../../../stripe/src/calls/meters.rs"),
    include_str!("../../../stripe/src/calls/payments.rs"),
    include_str!("../../../stripe/src/calls/portal.rs"),
    include_str!("../../../stripe/src/calls/schedules.rs"),
    include_str!("../../../stripe/src/calls/subscriptions.rs"),
];

/// The operations named in the descriptions of the calls.
fn described() -> BTreeSet<String> {
    let lines = CALLS.iter().flat_map(|source| source.lines()).filter_map(|line| line.strip_prefix("///"));
    let quoted = lines.flat_map(|line| line.split('`'));
    quoted.filter(|text| text.contains(" /v")).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_call_is_sent_and_each_is_an_operation_of_stripes() {
    let contract: serde_json::Value =
        serde_json::from_str(include_str!("../../../stripe_sim/contract/endive.json")).expect("the contract");
    let known: BTreeMap<String, &String> = contract["operations"]
        .as_object()
        .expect("operations")
        .keys()
        .map(|label| {
            (
                label
                    .split('/')
                    .map(|part| if part.starts_with('{') { "{id}" } else { part })
                    .collect::<Vec<_>>()
                    .join("/"),
                label,
            )
        })
        .collect();
    let (asked, described) = (asked().await, described());
    assert!(described.len() > 60, "{}", described.len());
    for operation in asked.union(&described) {
        assert!(known.contains_key(operation), "{operation} is none of Stripe's");
    }
    let not_here: BTreeSet<String> = NOT_HERE.iter().map(|(operation, _)| (*operation).to_owned()).collect();
    let never: Vec<_> = described.difference(&asked).filter(|operation| !not_here.contains(*operation)).collect();
    assert!(never.is_empty(), "no life asks for {never:?}");
    let undescribed: Vec<_> = asked.difference(&described).collect();
    assert!(undescribed.is_empty(), "no call says that it is {undescribed:?}");
}
