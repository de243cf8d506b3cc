//! Up at once and down with the period's end, year for month, ends and their taking back, items beside the base.

use super::{DAY, Sold, item, metered, plan, price, subscribe};
use crate::world::BOTH;
use purser_stripe::{calls::subscriptions as calls, objects::Interval};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_is_at_once_and_costs_what_its_preview_said() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let date = sold.tenth_day().await;
        let mut wanted = json!({ "plan": "max", "proration_date": date });
        let preview = sold.done("preview", &wanted).await;
        assert_eq!((&preview["takes_effect"], &preview["currency"]), (&json!("now"), &json!("usd")), "{kind:?}");
        assert_eq!(preview["proration_date"], date, "{kind:?}");
        assert_eq!((&preview["renewal_amount"], preview["renews_at"].is_string()), (&json!(5000), true), "{kind:?}");
        let plans = (&preview["plan"]["internal_id"], &preview["new_plan"]["internal_id"]);
        assert_eq!(plans, (&json!("pro"), &json!("max")), "{kind:?}");
        let credits = (&preview["plan"]["credits"]["amount"], &preview["new_plan"]["credits"]["amount"]);
        assert_eq!(credits, (&json!(100), &json!(300)), "{kind:?}");
        let due = preview["due_now"].as_i64().unwrap();
        assert!((1..3000).contains(&due), "{kind:?}: a part of the period is over: {due}");
        let lines = preview["lines"].as_array().unwrap();
        let total: i64 = lines.iter().map(|line| line["amount"].as_i64().unwrap()).sum();
        assert_eq!((total, lines.iter().all(|line| line["proration"] == true)), (due, true), "{kind:?}: {lines:?}");
        // Asking has changed nothing.
        assert_eq!(
            (sold.invoices().await.len(), sold.items().await),
            (1, vec![(sold.pro.clone(), Some(1))]),
            "{kind:?}"
        );
        wanted["proration_date"] = preview["proration_date"].clone();
        let done = sold.done("change", &wanted).await;
        assert_eq!((&done["action"], &done["takes_effect"]), (&json!("change"), &json!("now")), "{kind:?}");
        assert_eq!(done["subscription"]["items"][0]["stripe_price_id"], json!(sold.max), "{kind:?}: as it stands now");
        let bills = sold.invoices().await;
        assert_eq!((bills.len(), bills[0].amount_paid), (2, due), "{kind:?}");
        assert_eq!(sold.items().await, [(sold.max.clone(), Some(1))], "{kind:?}");
        // Before any webhook came.
        assert_eq!(sold.family().await, "max", "{kind:?}");
        sold.shop.deliver().await;
        assert_eq!(sold.family().await, "max", "{kind:?}");
        let trail = sold.shop.world.admin("GET", "/api/v1/admin/audit?action=subscription.changed", "").await;
        assert_eq!(trail["data"].as_array().map(Vec::len), Some(1), "{kind:?}");
        assert_eq!(trail["data"][0]["after"]["plan"], json!("max"), "{kind:?}");
    }
}

/// Half of a period of 30 days is left: half of what `max` gives more than `pro`, by the invoice that the change made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_gives_its_part_of_the_credits_once() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        assert_eq!(sold.shop.balance().await, [100.0, 0.0, 0.0], "{kind:?}");
        sold.shop.world.clock.advance(15 * DAY * 1_000_000);
        sold.done("change", &json!({ "plan": "max" })).await;
        let events = sold.shop.undelivered().await;
        for _ in 0..2 {
            sold.shop.deliver_these(&events).await;
            assert_eq!(sold.shop.balance().await, [200.0, 0.0, 0.0], "{kind:?}");
        }
        sold.shop.proved().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_22_a_downgrade_waits_for_the_period_and_gives_nothing_back() {
    for kind in BOTH {
        let sold = Sold::open(kind, true).await;
        let end = sold.at_stripe().await.items.data[0].current_period_end;
        let at = json!(purser_rules::Time::from_micros(end * 1_000_000).to_string());
        let preview = sold.done("preview", &json!({ "plan": "pro" })).await;
        assert_eq!((&preview["takes_effect"], &preview["due_now"]), (&json!("period_end"), &json!(0)), "{kind:?}");
        assert_eq!((&preview["effective_at"], &preview["renewal_amount"]), (&at, &json!(2000)), "{kind:?}");
        let done = sold.done("change", &json!({ "plan": "pro" })).await;
        assert_eq!((&done["takes_effect"], &done["effective_at"]), (&json!("period_end"), &at), "{kind:?}");
        assert_eq!(sold.items().await, [(sold.max.clone(), Some(1))], "{kind:?}");
        // Asked again, it is agreed on already.
        let again = sold.done("change", &json!({ "plan": "pro" })).await;
        assert_eq!(again["effective_at"], at, "{kind:?}");
        sold.shop.deliver().await;
        assert_eq!((sold.family().await.as_str(), sold.invoices().await.len()), ("max", 1), "{kind:?}");
        sold.shop.pass(32 * DAY).await;
        sold.shop.deliver().await;
        assert_eq!(sold.items().await, [(sold.pro.clone(), Some(1))], "{kind:?}");
        let bills = sold.invoices().await;
        assert_eq!((bills.len(), bills[0].total), (2, 2000), "{kind:?}: nothing is prorated");
        assert_eq!(sold.family().await, "pro", "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agreed_downgrade_can_be_taken_back_and_an_upgrade_takes_it_back() {
    for kind in BOTH {
        let sold = Sold::open(kind, true).await;
        sold.done("change", &json!({ "plan": "pro" })).await;
        assert!(sold.at_stripe().await.schedule.is_some(), "{kind:?}");
        let agreed = sold.agreed().await;
        let items = json!([{ "stripe_price_id": sold.pro, "quantity": 1, "plan_id": agreed["items"][0]["plan_id"] }]);
        assert_eq!((&agreed["items"], agreed["effective_at"].is_string()), (&items, true), "{kind:?}");
        assert!(agreed["items"][0]["plan_id"].is_string(), "{kind:?}");
        sold.done("resume", &json!({})).await;
        assert!(sold.at_stripe().await.schedule.is_none(), "{kind:?}");
        let agreed = sold.agreed().await;
        assert_eq!((&agreed["id"], &agreed["items"]), (&Value::Null, &json!([])), "{kind:?}");
        sold.done("change", &json!({ "plan": "pro" })).await;
        let more = sold.done("change", &json!({ "quantity": 2 })).await;
        assert_eq!(more["takes_effect"], "now", "{kind:?}");
        assert!(sold.at_stripe().await.schedule.is_none(), "{kind:?}");
        sold.shop.pass(32 * DAY).await;
        sold.shop.deliver().await;
        assert_eq!(sold.items().await, [(sold.max.clone(), Some(2))], "{kind:?}");
        // Fewer seats are less too.
        let fewer = sold.done("change", &json!({ "quantity": 1 })).await;
        assert_eq!(fewer["takes_effect"], "period_end", "{kind:?}");
    }
}

/// The portal's default makes a change from month to year free until the year ends. Ours never is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_from_month_to_year_is_paid_at_once_and_back_waits() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let mut wanted = json!({ "interval": "year" });
        let preview = sold.done("preview", &wanted).await;
        assert_eq!((&preview["takes_effect"], &preview["renewal_amount"]), (&json!("now"), &json!(20_000)), "{kind:?}");
        let due = preview["due_now"].as_i64().unwrap();
        assert!((17_000..20_000).contains(&due), "{kind:?}: a year less a month: {due}");
        wanted["proration_date"] = preview["proration_date"].clone();
        sold.done("change", &wanted).await;
        assert_eq!(sold.items().await, [(sold.pro_year.clone(), Some(1))], "{kind:?}");
        let bills = sold.invoices().await;
        assert_eq!((bills.len(), bills[0].amount_paid), (2, due), "{kind:?}");
        assert_eq!(sold.current().await["billing_cycle"]["interval"], "year", "{kind:?}");
        let back = sold.done("change", &json!({ "interval": "month" })).await;
        assert_eq!(back["takes_effect"], "period_end", "{kind:?}");
        assert_eq!((sold.items().await, sold.invoices().await.len()), (vec![(sold.pro_year.clone(), Some(1))], 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_with_the_period_can_be_taken_back_until_then() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        assert_eq!(sold.refused("resume", &json!({})).await, (409, "nothing_to_resume".into()), "{kind:?}");
        let why = json!({ "feedback": "too_expensive", "comment": "we are small" });
        let done = sold.done("cancel", &why).await;
        assert_eq!((&done["action"], &done["takes_effect"]), (&json!("cancel"), &json!("period_end")), "{kind:?}");
        let current = sold.current().await;
        assert_eq!((&current["cancel_scheduled"], &current["access"]), (&json!(true), &json!(true)), "{kind:?}");
        assert_eq!(current["ends_at"], done["effective_at"], "{kind:?}");
        let told = sold.shop.client().read(&calls::retrieve(&sold.subscription)).await.unwrap();
        let told: Value = serde_json::from_slice(&told.json).unwrap();
        let details = &told["cancellation_details"];
        assert_eq!((&details["feedback"], &details["comment"]), (&json!("too_expensive"), &json!("we are small")));
        let change = json!({ "plan": "max" });
        assert_eq!(sold.refused("change", &change).await, (409, "subscription_ending".into()), "{kind:?}");
        sold.done("resume", &json!({})).await;
        assert_eq!(sold.current().await["cancel_scheduled"], false, "{kind:?}");
        sold.done("cancel", &json!({})).await;
        sold.shop.pass(32 * DAY).await;
        sold.shop.deliver().await;
        let current = sold.current().await;
        assert_eq!((&current["status"], &current["access"]), (&json!("canceled"), &json!(false)), "{kind:?}");
        for (what, body) in [("change", change), ("cancel", json!({})), ("resume", json!({}))] {
            assert_eq!(sold.refused(what, &body).await, (409, "subscription_ended".into()), "{kind:?} {what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_at_once_is_at_once_and_an_agreed_downgrade_is_no_hindrance() {
    for kind in BOTH {
        for agreed in [false, true] {
            let sold = Sold::open(kind, true).await;
            if agreed {
                sold.done("change", &json!({ "plan": "pro" })).await;
            }
            let done = sold.done("cancel", &json!({ "at": "now" })).await;
            assert_eq!((&done["takes_effect"], &done["subscription"]["status"]), (&json!("now"), &json!("canceled")));
            assert_eq!(done["effective_at"], done["subscription"]["ended_at"], "{kind:?}");
            assert_eq!(sold.current().await["access"], false, "{kind:?}");
        }
    }
}

/// Failure 35: a change without the item's id adds a second plan. And items that are not of the plan stay as they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_35_items_beside_the_base_stay_and_the_metered_one_of_the_plan_goes_along() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let (basic, better) =
            (price(&sold.shop, 1000, Interval::Month).await, price(&sold.shop, 3000, Interval::Month).await);
        let (calls_of_basic, calls_of_better) = (metered(&sold.shop, "one").await, metered(&sold.shop, "two").await);
        let extra = price(&sold.shop, 700, Interval::Month).await;
        for (family, rank, fixed, counted) in
            [("basic", 5, &basic, &calls_of_basic), ("better", 6, &better, &calls_of_better)]
        {
            let made = plan(&sold.shop, family, rank, &Value::Null, &[(fixed, 1000, "month")]).await;
            let counted =
                json!({ "stripe_price_id": counted, "currency": "usd", "interval": "month", "kind": "metered" });
            let fixed =
                json!({ "stripe_price_id": fixed, "currency": "usd", "unit_amount": 1000, "interval": "month" });
            let path = format!("/api/v1/admin/subscription-plans/{}", made["id"].as_str().unwrap());
            sold.shop.world.admin("PATCH", &path, &json!({ "prices": [fixed, counted] }).to_string()).await;
        }
        let items = vec![item(&calls_of_basic, None), item(&extra, Some(2)), item(&basic, Some(3))];
        let made = subscribe(&sold.shop, &sold.payer, items).await;
        sold.shop.deliver().await;
        let ids: Vec<String> = made.items.data.iter().map(|item| item.id.clone()).collect();
        sold.done("change", &json!({ "plan": "better", "subscription_id": made.id })).await;
        let found = sold.shop.read(&calls::retrieve(&made.id)).await;
        let mut now: Vec<_> =
            found.items.data.into_iter().map(|item| (item.id, item.price.id, item.quantity)).collect();
        let mut expected = vec![
            (ids[0].clone(), calls_of_better.clone(), None),
            (ids[1].clone(), extra.clone(), Some(2)),
            (ids[2].clone(), better.clone(), Some(3)),
        ];
        now.sort();
        expected.sort();
        assert_eq!(now, expected, "{kind:?}");
        // An item that was named is the one that is changed.
        let body = json!({ "item": ids[1], "quantity": 5, "subscription_id": made.id });
        assert_eq!(sold.done("change", &body).await["takes_effect"], "now", "{kind:?}");
        let found = sold.shop.read(&calls::retrieve(&made.id)).await;
        let named = found.items.data.iter().find(|item| item.id == ids[1]).unwrap();
        assert_eq!((named.quantity, found.items.data.len()), (Some(5), 3), "{kind:?}");
    }
}

/// Three seats are three times the price only where the price counts seats; also once that went over to another version
/// of the plan than the customer has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_are_not_carried_over_to_a_price_that_does_not_count_them() {
    for kind in BOTH {
        let sold = Sold::open(kind, false).await;
        let team = price(&sold.shop, 1000, Interval::Month).await;
        let per_seat = json!([{ "stripe_price_id": team, "currency": "usd", "unit_amount": 1000, "interval": "month",
            "kind": "per_seat" }]);
        let made = plan(&sold.shop, "team", 5, &Value::Null, &[(&team, 1000, "month")]).await;
        let path = format!("/api/v1/admin/subscription-plans/{}", made["id"].as_str().unwrap());
        let mut newest = sold.shop.world.admin("PATCH", &path, &json!({ "prices": per_seat }).to_string()).await;
        for (quantity, gives, expected) in [(None, None, 1), (None, Some(5), 1), (Some(2), Some(6), 2)] {
            let made = subscribe(&sold.shop, &sold.payer, vec![item(&team, Some(3))]).await;
            sold.shop.deliver().await;
            if let Some(gives) = gives {
                let path = format!("/api/v1/admin/subscription-plans/{}", newest["id"].as_str().unwrap());
                let change = json!({ "credits": { "amount": gives, "period": "billing" } }).to_string();
                let next = sold.shop.world.admin("PATCH", &path, &change).await;
                assert_ne!(next["id"], newest["id"], "{kind:?}: it was had, so this is the next version");
                newest = next;
            }
            let mut wanted = json!({ "plan": "max", "subscription_id": made.id });
            if let Some(quantity) = quantity {
                wanted["quantity"] = json!(quantity);
            }
            assert_eq!(sold.done("change", &wanted).await["takes_effect"], "now", "{kind:?}");
            let found = sold.shop.read(&calls::retrieve(&made.id)).await;
            let items: Vec<_> = found.items.data.into_iter().map(|item| (item.price.id, item.quantity)).collect();
            assert_eq!(items, [(sold.max.clone(), Some(expected))], "{kind:?} {quantity:?} {gives:?}");
        }
    }
}
