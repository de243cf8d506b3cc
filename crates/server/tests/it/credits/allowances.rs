//! Allowances end to end: seen by a read before any write, given once, changed with the plan, reset for who came lately.

use crate::credits::world::{START, World, both, micros};
use futures_util::future::join_all;
use purser::{
    app,
    features::credits,
    platform::{auth::Actor, db::Kind, fault::FaultPlan},
};
use purser_rules::{
    Amount, Time,
    credit::{AllowanceTerms, Giving, Span},
    ids::{CustomerId, Unit},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

both! {
    a_read_shows_it_before_any_write_and_a_spend_puts_it_down
    days_nobody_came_are_never_written
    who_spends_first_in_a_period_raced_by_64_gives_it_once
    spends_raced_with_a_change_of_plan_add_up
    three_of_five_used_then_pro_leaves_seventeen_and_going_back_gains_nothing
    up_down_and_spends_in_every_order_of_days_gain_nothing
    access_ends_at_an_instant_and_what_it_took_comes_back_with_it
    what_is_used_up_counts_when_access_ends
    what_is_returned_after_a_change_to_less_is_no_more_than_that_gives
    what_is_returned_once_access_has_ended_is_no_more_than_the_default_plan_gives
    a_change_of_zone_gives_each_date_once
    a_missing_midnight_is_the_first_instant_of_its_date
    only_who_came_lately_is_reset
    an_archived_customer_is_given_nothing
}

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

fn time(text: &str) -> Time {
    Time::parse(text).expect(text)
}

/// A world whose customers have FREE, 5 a day; acme is one of them. It is 04:00 on 21 November.
async fn free(kind: Kind) -> World {
    let world = World::new(kind).await;
    app::install_price_book(&world.app).await;
    world.put("/customers/acme", &json!({})).await.ok();
    world
}

/// Moves the clock on to this instant.
pub(super) fn until(world: &World, text: &str) {
    world.advance((time(text).micros() - world.now().micros()) / 1_000_000);
}

/// Says that a customer has bought these plans of the group `base`, and no others: rank, amount a day, end of access.
async fn has(world: &World, customer: &str, plans: &[(i32, i64, Option<Time>)]) -> bool {
    let giving = |(rank, amount, until): &(i32, i64, Option<Time>)| {
        let terms = AllowanceTerms { amount: Amount::units(*amount), priority: 10, ..AllowanceTerms::nothing(*rank) };
        let span = Span { from: Time::MIN, until: *until, terms };
        Giving { group: "base".to_owned(), tier: format!("RANK_{rank}"), unit: Unit::credits(), span }
    };
    has_bought(world, customer, plans.iter().map(giving).collect()).await
}

/// Says that a customer has bought these plans and no others; answers whether that changed anything.
pub(super) async fn has_bought(world: &World, customer: &str, plans: Vec<Giving>) -> bool {
    let id = CustomerId::new(customer).expect("an id");
    let changed = world.app.db().write(move |tx| {
        let locked = credits::lock_plans(tx, &id, BTreeSet::new())?.expect("the customer is known");
        credits::set_plans(tx, &Actor::job("test"), &id, locked, (plans.clone(), plans.as_slice()))
    });
    changed.await.expect("the plans are written")
}

/// Runs a job; answers what it did.
pub(super) async fn run(world: &World, name: &str) -> Value {
    let job = app::JOBS.iter().find(|job| job.name == name).expect("a job");
    (job.run)(world.app.clone()).await.expect("it runs")
}

/// The sources of all grants of acme, by when they start.
async fn sources(world: &World) -> Vec<String> {
    let rows =
        world.rows("SELECT source_id FROM grants WHERE customer = 'acme' ORDER BY effective_at, source_id").await;
    rows.iter().map(|row| row.text(0).expect("a source").to_owned()).collect()
}

async fn a_read_shows_it_before_any_write_and_a_spend_puts_it_down(kind: Kind) {
    let world = free(kind).await;
    let before = world.counts().await;
    let balance = world.balance("acme").await;
    assert_eq!(micros(&balance["available"]), 5_000_000);
    assert_eq!(balance["renews_at"], time("2026-11-22T00:00:00Z").to_string());
    let shown = world.get("/customers/acme/grants").await.ok();
    assert_eq!(shown["data"].as_array().expect("grants").len(), 1);
    assert_eq!(shown["data"][0]["source_id"], "base:2026-11-21");
    let check = |amount: i64| json!({ "customer_id": "acme", "amount": amount });
    assert_eq!(world.post("/check", &check(5)).await.ok()["allowed"], true);
    assert_eq!(world.post("/check", &check(6)).await.ok()["allowed"], false);
    assert_eq!(world.counts().await, before, "reads write nothing");
    let spent = world.spend("acme", "3", "first").await.ok();
    assert_eq!(spent["grants"][0]["grant_id"], shown["data"][0]["id"], "it is the grant that was shown");
    assert_eq!(micros(&spent["balance"]["available"]), 2_000_000);
    assert_eq!(spent["balance"]["renews_at"], balance["renews_at"]);
    let again = world.spend("acme", "3", "first").await.ok();
    assert_eq!(again["balance"], spent["balance"], "also of the answer given again");
    let stored = world.get("/customers/acme/grants").await.ok();
    let ids = |list: &Value| list["data"].as_array().expect("grants").iter().map(|one| one["id"].clone()).collect();
    let (shown, stored): (Vec<Value>, Vec<Value>) = (ids(&shown), ids(&stored));
    assert_eq!(shown, stored);
    let held = json!({ "customer_id": "globex", "amount": 4, "idempotency_key": "held" });
    let held = world.post("/holds", &held).await.ok();
    assert_eq!(micros(&held["balance"]["available"]), 1_000_000, "a hold puts it down too, of who was unknown");
    world.proved().await;
}

async fn days_nobody_came_are_never_written(kind: Kind) {
    let world = free(kind).await;
    world.spend("acme", "1", "first").await.ok();
    world.advance(10 * DAY);
    assert_eq!(world.available("acme").await, 5_000_000);
    world.spend("acme", "1", "second").await.ok();
    assert_eq!(sources(&world).await, ["base:2026-11-21", "base:2026-12-01"]);
    // Each day's grant and spend, and what ended of the first.
    assert_eq!(world.proved().await.entries, 5);
}

/// Spends one credit of acme's; answers whether it was there.
async fn one(world: &World, key: String) -> bool {
    let answer = world.spend("acme", "1", &key).await;
    if answer.status != 200 {
        answer.refused(402, "insufficient_credits");
    }
    answer.status == 200
}

async fn who_spends_first_in_a_period_raced_by_64_gives_it_once(kind: Kind) {
    let world = free(kind).await;
    // SQLite has one node.
    let other = matches!(kind, Kind::Postgres).then(|| world.node(FaultPlan::default()));
    for day in ["first", "second"] {
        let nodes = [&world, other.as_ref().unwrap_or(&world)];
        let raced = join_all((0..64).map(|caller| one(nodes[caller % 2], format!("{day}-{caller}")))).await;
        assert_eq!(raced.iter().filter(|there| **there).count(), 5, "{day}");
        until(&world, "2026-11-22T00:00:00Z");
    }
    assert_eq!(sources(&world).await, ["base:2026-11-21", "base:2026-11-22"]);
    world.proved().await;
}

async fn spends_raced_with_a_change_of_plan_add_up(kind: Kind) {
    let world = free(kind).await;
    let pro = [(10, 20, None)];
    let spends = join_all((0..64).map(|caller| one(&world, format!("raced-{caller}"))));
    // The wallet is made by the first spend, before the change or at the same moment.
    let (spent, changed) = tokio::join!(spends, has(&world, "acme", &pro));
    assert!(changed);
    let spent = spent.into_iter().map(i64::from).sum::<i64>();
    assert!((5..=20).contains(&spent), "{spent}");
    assert_eq!(world.available("acme").await, (20 - spent) * 1_000_000, "{spent} of 20 were used");
    assert!(has(&world, "acme", &[]).await);
    assert_eq!(world.available("acme").await, 0);
    assert!(has(&world, "acme", &pro).await);
    assert_eq!(world.available("acme").await, 0, "20 were given for the day");
    world.proved().await;
}

async fn three_of_five_used_then_pro_leaves_seventeen_and_going_back_gains_nothing(kind: Kind) {
    let world = free(kind).await;
    world.spend("acme", "3", "a").await.ok();
    let pro = [(10, 20, None)];
    assert!(has(&world, "acme", &pro).await);
    assert!(!has(&world, "acme", &pro).await, "the same again changes nothing");
    assert_eq!(world.available("acme").await, 17_000_000);
    world.spend("acme", "10", "b").await.ok();
    assert!(has(&world, "acme", &[]).await);
    assert_eq!(world.available("acme").await, 0, "13 were used, FREE gives 5");
    assert!(has(&world, "acme", &pro).await);
    assert_eq!(world.available("acme").await, 0, "20 were given for the day");
    until(&world, "2026-11-22T00:00:00Z");
    assert_eq!(world.available("acme").await, 20_000_000);
    let nothing = [(20, 0, None)];
    assert!(has(&world, "acme", &nothing).await, "a plan without an allowance");
    assert_eq!(world.available("acme").await, 20_000_000, "a higher one takes nothing of the running day");
    until(&world, "2026-11-23T00:00:00Z");
    assert_eq!(world.available("acme").await, 0, "and stands in the place of FREE");
    assert_eq!(sources(&world).await.len(), 3, "FREE's, what PRO has above it, and a day of PRO's");
    world.proved().await;
}

/// What is done on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Up,
    Down,
    Spend,
}

/// What a customer of FREE with 5 a day and PRO with 20 is to have, by rules 1.11 and 1.12.
#[derive(Clone, Copy, Debug)]
struct Day {
    amount: i64,
    /// The most that was given for the day.
    most: i64,
    used: i64,
    available: i64,
}

impl Day {
    fn begin(self) -> Self {
        Self { most: self.amount, used: 0, available: self.amount, ..self }
    }

    fn after(mut self, act: Act) -> Self {
        match act {
            Act::Up => {
                self.available += (20 - self.most).max(0);
                (self.amount, self.most) = (20, 20);
            }
            Act::Down => {
                self.available = self.available.min((5 - self.used).max(0));
                self.amount = 5;
            }
            Act::Spend if self.available >= 4 => {
                self.available -= 4;
                self.used += 4;
            }
            Act::Spend => {}
        }
        self
    }
}

/// Four acts in each of their 81 orders, each by a customer of its own, and midnight between them or not.
async fn up_down_and_spends_in_every_order_of_days_gain_nothing(kind: Kind) {
    let acts = [Act::Up, Act::Down, Act::Spend];
    let nth = |order: usize, at: u32| acts[order / 3_usize.pow(at) % 3];
    for midnights in 0..8_u32 {
        let world = &free(kind).await;
        let first = |order: usize| async move { world.spend(&format!("team-{order}"), "1", "first").await.ok() };
        join_all((0..81).map(first)).await;
        let mut days = vec![Day { amount: 5, most: 5, used: 1, available: 4 }; 81];
        for at in 0..4 {
            let done = days.iter().enumerate().map(|(order, day)| async move {
                let (customer, act) = (format!("team-{order}"), nth(order, at));
                match act {
                    Act::Up => {
                        has(world, &customer, &[(10, 20, None)]).await;
                    }
                    Act::Down => {
                        has(world, &customer, &[]).await;
                    }
                    Act::Spend => {
                        let expected = if day.available >= 4 { 200 } else { 402 };
                        let answer = world.spend(&customer, "4", &format!("spend-{at}")).await;
                        assert_eq!(answer.status, expected, "{midnights:03b} {customer} {at}: {day:?}");
                    }
                }
                let (seen, day) = (world.available(&customer).await, day.after(act));
                assert_eq!(seen, day.available * 1_000_000, "{midnights:03b} {customer} {at} {act:?}: {day:?}");
                day
            });
            days = join_all(done).await;
            if (midnights >> at) & 1 == 1 {
                world.advance(DAY);
                days = days.into_iter().map(Day::begin).collect();
            }
        }
        world.proved().await;
    }
}

async fn access_ends_at_an_instant_and_what_it_took_comes_back_with_it(kind: Kind) {
    let world = free(kind).await;
    let end = START.plus_seconds(HOUR);
    assert!(has(&world, "acme", &[(10, 20, Some(end))]).await);
    world.spend("acme", "3", "a").await.ok();
    world.advance(HOUR - 1);
    assert_eq!(world.available("acme").await, 17_000_000);
    world.advance(1);
    let before = world.counts().await;
    assert_eq!(world.available("acme").await, 2_000_000, "no job has run");
    assert_eq!(world.counts().await, before);
    world.spend("acme", "2", "b").await.ok();
    world.spend("acme", "1", "c").await.refused(402, "insufficient_credits");
    world.advance(HOUR);
    assert!(has(&world, "acme", &[(10, 20, None)]).await);
    assert_eq!(world.available("acme").await, 15_000_000, "5 of 20 were used");
    world.proved().await;
}

/// Grants that are used up have left the wallet: they are read again for the cut, by a read, a write and a change.
async fn what_is_used_up_counts_when_access_ends(kind: Kind) {
    let world = free(kind).await;
    world.spend("acme", "5", "a").await.ok();
    assert!(has(&world, "acme", &[(10, 20, Some(START.plus_seconds(HOUR)))]).await);
    assert_eq!(world.available("acme").await, 15_000_000);
    world.spend("acme", "10", "b").await.ok();
    world.advance(HOUR);
    assert_eq!(world.available("acme").await, 0, "15 were used, FREE gives 5");
    world.spend("acme", "1", "c").await.refused(402, "insufficient_credits");
    world.proved().await;
    assert!(has(&world, "acme", &[(20, 50, None)]).await);
    assert_eq!(world.available("acme").await, 35_000_000, "30 above the most given, and the 5 that were taken");
    world.spend("acme", "35", "d").await.ok();
    assert!(has(&world, "acme", &[]).await);
    assert_eq!(world.available("acme").await, 0);
    world.proved().await;
}

/// Returns all of a spend; answers what is available then.
async fn returned(world: &World, spent: &Value, key: &str) -> i64 {
    let path = format!("/consumptions/{}/return", spent["id"].as_str().expect("an id"));
    let back = world.post(&path, &json!({ "idempotency_key": key })).await.ok();
    micros(&back["balance"]["available"])
}

/// The first grant of the day has left the wallet, and so has the second: each is read again for the other's return.
async fn what_is_returned_after_a_change_to_less_is_no_more_than_that_gives(kind: Kind) {
    let world = free(kind).await;
    let pro = [(10, 20, None)];
    let first = world.spend("acme", "5", "a").await.ok();
    assert!(has(&world, "acme", &pro).await);
    let second = world.spend("acme", "15", "b").await.ok();
    assert!(has(&world, "acme", &[]).await);
    assert_eq!(returned(&world, &first, "back-a").await, 0, "15 are used, FREE gives 5");
    assert_eq!(returned(&world, &second, "back-b").await, 5_000_000);
    assert_eq!(world.available("acme").await, 5_000_000);
    assert_eq!(world.number("SELECT COUNT(*) FROM ledger WHERE kind = 19").await, 2, "revoked as it came back");
    world.proved().await;
    let third = world.spend("acme", "5", "c").await.ok();
    assert_eq!(returned(&world, &third, "back-c").await, 5_000_000, "whole, since FREE gives as much");
    // And whole it is for who has the larger plan again by then.
    world.put("/customers/globex", &json!({})).await.ok();
    assert!(has(&world, "globex", &pro).await);
    let all = world.spend("globex", "20", "d").await.ok();
    assert!(has(&world, "globex", &[]).await);
    assert!(has(&world, "globex", &pro).await);
    assert_eq!(world.available("globex").await, 0, "20 were given for the day");
    assert_eq!(returned(&world, &all, "back-d").await, 20_000_000);
    world.proved().await;
}

/// The return itself is the first to see that access has ended.
async fn what_is_returned_once_access_has_ended_is_no_more_than_the_default_plan_gives(kind: Kind) {
    let world = free(kind).await;
    assert!(has(&world, "acme", &[(10, 20, Some(START.plus_seconds(HOUR)))]).await);
    let all = world.spend("acme", "20", "a").await.ok();
    world.advance(HOUR);
    assert_eq!(returned(&world, &all, "back").await, 5_000_000);
    world.proved().await;
    until(&world, "2026-11-22T00:00:00Z");
    assert_eq!(world.available("acme").await, 5_000_000);
    world.proved().await;
}

async fn a_change_of_zone_gives_each_date_once(kind: Kind) {
    let world = free(kind).await;
    let zone = |name: &str| json!({ "time_zone": name });
    // In Tokyo it is 13:00, and was so from the beginning for who is made there.
    world.put("/customers/tokyo", &zone("Asia/Tokyo")).await.ok();
    assert_eq!(world.balance("tokyo").await["renews_at"], time("2026-11-21T15:00:00Z").to_string());
    world.put("/customers/acme", &zone("Asia/Tokyo")).await.ok();
    assert_eq!(world.balance("acme").await["renews_at"], time("2026-11-22T00:00:00Z").to_string(), "the day goes on");
    world.put("/customers/acme", &zone("UTC")).await.ok();
    world.spend("tokyo", "5", "a").await.ok();
    world.put("/customers/tokyo", &zone("UTC")).await.ok();
    for (at, available) in [
        ("2026-11-21T14:59:59Z", 0),
        ("2026-11-21T15:00:00Z", 5_000_000),
        ("2026-11-22T00:00:00Z", 5_000_000),
        ("2026-11-22T23:59:59Z", 5_000_000),
    ] {
        until(&world, at);
        assert_eq!(world.available("tokyo").await, available, "{at}");
    }
    world.spend("tokyo", "5", "b").await.ok();
    until(&world, "2026-11-23T00:00:00Z");
    world.spend("tokyo", "5", "c").await.ok();
    let rows = world.rows("SELECT source_id FROM grants WHERE customer = 'tokyo' ORDER BY effective_at").await;
    let labels: Vec<&str> = rows.iter().map(|row| row.text(0).expect("a source")).collect();
    assert_eq!(labels, ["base:2026-11-21", "base:2026-11-22", "base:2026-11-23"]);
    world.proved().await;
}

/// On 28 March 2027 the clocks of Beirut go from 00:00 to 01:00.
async fn a_missing_midnight_is_the_first_instant_of_its_date(kind: Kind) {
    let world = free(kind).await;
    world.put("/customers/beirut", &json!({ "time_zone": "Asia/Beirut" })).await.ok();
    until(&world, "2027-03-27T21:59:59Z");
    world.spend("beirut", "5", "a").await.ok();
    until(&world, "2027-03-27T22:00:00Z");
    assert_eq!(world.balance("beirut").await["renews_at"], time("2027-03-28T21:00:00Z").to_string());
    world.spend("beirut", "5", "b").await.ok();
    let rows = world.rows("SELECT source_id FROM grants WHERE customer = 'beirut' ORDER BY effective_at").await;
    let labels: Vec<&str> = rows.iter().map(|row| row.text(0).expect("a source")).collect();
    assert_eq!(labels, ["base:2027-03-27", "base:2027-03-28"]);
    world.proved().await;
}

async fn only_who_came_lately_is_reset(kind: Kind) {
    let world = free(kind).await;
    // One has something left, one has used all, one never came, and one has no plan in its unit.
    world.spend("acme", "1", "a").await.ok();
    world.spend("globex", "5", "b").await.ok();
    world.put("/customers/initech", &json!({})).await.ok();
    let tokens = json!({ "amount": 1, "source_id": "tokens", "unit": "tokens", "expires_at": "2026-11-22T00:00:00Z" });
    world.post("/customers/acme/grants", &tokens).await.ok();
    let mut entries = Vec::new();
    for day in 1..=10 {
        let next = START.plus_seconds(day * DAY - 4 * HOUR);
        world.advance((next.micros() - world.now().micros()) / 1_000_000);
        let done = run(&world, if day % 2 == 0 { "expire-grants" } else { "reset-credits" }).await;
        assert_eq!(done["failed"], 0, "{day}");
        let again = run(&world, "reset-credits").await;
        assert_eq!((&again["wallets"], &again["allowances"]["due"]), (&json!(0), &json!(0)), "{day}: once");
        entries.push(world.number("SELECT COUNT(*) FROM ledger").await);
    }
    let rows = world.rows("SELECT due, granted, job FROM allowance_runs ORDER BY at").await;
    let runs: Vec<(i64, i64, &str)> = rows
        .iter()
        .map(|row| (row.i64(0).expect("due"), row.i64(1).expect("granted"), row.text(2).expect("a job")))
        .collect();
    let job = |day: i64| if day % 2 == 0 { "expire-grants" } else { "reset-credits" };
    // For a week after the last spend, then once more to end what is there.
    let expected: Vec<_> = (1..=8).map(|day| (2, if day < 8 { 2 } else { 0 }, job(day))).collect();
    assert_eq!(runs, expected);
    let skipped = world.rows("SELECT skipped FROM allowance_runs ORDER BY at").await;
    let skipped: Vec<Value> =
        skipped.iter().map(|row| serde_json::from_str(row.text(0).expect("a text")).expect("JSON")).collect();
    assert_eq!((&skipped[0], &skipped[7]), (&json!({}), &json!({ "not_lately": 2 })));
    let given = world.rows("SELECT credits FROM allowance_runs ORDER BY at LIMIT 1").await;
    let given: Value = serde_json::from_str(given[0].text(0).expect("a text")).expect("JSON");
    assert_eq!(micros(&given["FREE"]["credits"]), 10_000_000);
    assert!(entries.is_sorted() && entries[6] < entries[7], "{entries:?}");
    assert_eq!((entries[7], entries[8]), (entries[8], entries[9]), "then nobody is written any more: {entries:?}");
    assert_eq!(world.number("SELECT COUNT(*) FROM wallets_due").await, 0);
    for customer in ["acme", "globex", "initech"] {
        assert_eq!(world.available(customer).await, 5_000_000, "{customer} has it all the same");
    }
    world.spend("acme", "5", "back").await.ok();
    world.proved().await;
}

async fn an_archived_customer_is_given_nothing(kind: Kind) {
    let world = free(kind).await;
    world.spend("acme", "1", "a").await.ok();
    world.send(world.request("DELETE", "/customers/acme", String::new())).await.ok();
    until(&world, "2026-11-22T00:00:00Z");
    assert_eq!(world.available("acme").await, 0);
    let done = run(&world, "reset-credits").await;
    assert_eq!(done["allowances"]["skipped"], json!({ "archived": 1 }));
    assert_eq!(done["allowances"]["granted"], 0);
    assert!(!has(&world, "acme", &[(10, 20, None)]).await, "its plans stay");
    world.proved().await;
}
