//! Changes of plan in mid-period: the rules' own examples, and every order of changes, spends and days.

use crate::world::World;
use purser_rules::{
    Amount, Time,
    credit::{Allowance, AllowanceTerms, CarryOver, Every, Mode, SourceKind, Span, Terms},
    ids::{GrantId, HoldId},
    pricebook::OnDelete,
    subscription::{Takes, deleted, takes_effect},
};

const FREE: (i64, i32) = (5, 0);
const PRO: (i64, i32) = (20, 10);
const ENTERPRISE: (i64, i32) = (50, 20);

fn time(text: &str) -> Time {
    Time::parse(text).expect(text)
}

fn terms(every: Every, (amount, rank): (i64, i32)) -> AllowanceTerms {
    AllowanceTerms { every, amount: Amount::units(amount), rank, priority: 10, rollover: None }
}

fn span(every: Every, plan: (i64, i32)) -> [Span; 1] {
    [Span { from: time("2026-11-01T00:00:00Z"), until: None, terms: terms(every, plan) }]
}

fn base(spans: &[Span]) -> Allowance<'_> {
    Allowance { group: "base", spans, zones: &[] }
}

/// A customer of one plan after another.
struct Customer {
    world: World,
    plan: [Span; 1],
    now: Time,
}

impl Customer {
    fn new(every: Every, plan: (i64, i32)) -> Self {
        let mut customer = Self { world: World::new(24), plan: span(every, plan), now: time("2026-11-21T10:00:00Z") };
        customer.world.allow(&base(&customer.plan), customer.now);
        customer
    }

    fn change(&mut self, every: Every, plan: (i64, i32)) {
        self.change_without(every, plan, &terms(every, plan));
    }

    /// The same while with all access that may return it would be `bought`.
    fn change_without(&mut self, every: Every, plan: (i64, i32), bought: &AllowanceTerms) {
        let after = span(every, plan);
        self.world.change_plan(&base(&self.plan), &base(&after), self.now, Some(bought));
        self.plan = after;
    }

    fn spend(&mut self, units: i64) -> bool {
        self.world.spend(Amount::units(units), Mode::Reject, self.now).is_ok()
    }

    fn next_day(&mut self) {
        self.now = self.now.plus_seconds(86_400);
        self.world.allow(&base(&self.plan), self.now);
    }

    fn left(&self) -> i64 {
        self.world.available(self.now).micros() / 1_000_000
    }
}

#[test]
fn three_of_five_used_then_pro_leaves_seventeen() {
    let mut customer = Customer::new(Every::Day, FREE);
    assert!(customer.spend(3));
    customer.change(Every::Day, PRO);
    assert_eq!(customer.left(), 17);
    customer.next_day();
    assert_eq!(customer.left(), 20);
}

#[test]
fn a_downgrade_in_effect_cuts_what_is_unused_above_the_new_less_the_used() {
    for (used, left) in [(0, 5), (3, 2), (5, 0), (12, 0)] {
        let mut customer = Customer::new(Every::Day, PRO);
        assert!(used == 0 || customer.spend(used));
        customer.change(Every::Day, FREE);
        assert_eq!(customer.left(), left, "{used} used");
        // Changing back gives nothing that was given before.
        customer.change(Every::Day, PRO);
        assert_eq!(customer.left(), left, "{used} used, and back");
        customer.next_day();
        assert_eq!(customer.left(), 20);
    }
}

/// ENTERPRISE is left by choice while access to PRO, which is paid for too, is lost.
#[test]
fn access_that_returns_brings_back_what_its_own_plan_gives_and_no_more() {
    for (used, without, with) in [(0, 5, 20), (3, 2, 17), (12, 0, 8), (30, 0, 0)] {
        let mut customer = Customer::new(Every::Day, ENTERPRISE);
        assert!(used == 0 || customer.spend(used));
        customer.change_without(Every::Day, FREE, &terms(Every::Day, PRO));
        assert_eq!(customer.left(), without, "{used} used");
        for plan in [PRO, ENTERPRISE] {
            customer.change(Every::Day, plan);
            assert_eq!(customer.left(), with, "{used} used, then {plan:?}");
        }
    }
    let mut customer = Customer::new(Every::Day, PRO);
    customer.change_without(Every::Day, FREE, &terms(Every::Month, PRO));
    customer.change(Every::Day, PRO);
    assert_eq!(customer.left(), 5, "what gives by the month brings back nothing of a day");
}

#[test]
fn what_is_held_counts_as_left_and_not_as_used() {
    let mut customer = Customer::new(Every::Day, PRO);
    let (now, until) = (customer.now, customer.now.plus_seconds(3_600));
    customer.world.hold(HoldId(1), Amount::units(15), Mode::Reject, until, now).expect("a hold");
    customer.change(Every::Day, FREE);
    assert_eq!(customer.left(), 0);
    customer.world.release(HoldId(1), now).expect("an open hold");
    assert_eq!(customer.left(), 5, "no more than FREE gives");
}

#[test]
fn another_cycle_adds_its_own_and_a_downgrade_cuts_the_other() {
    let mut customer = Customer::new(Every::Day, FREE);
    assert!(customer.spend(3));
    customer.change(Every::Month, (100, 10));
    assert_eq!(customer.left(), 102, "the month's, on top of what is left of the day");
    assert!(customer.spend(32));
    customer.next_day();
    assert_eq!(customer.left(), 70);
    customer.change(Every::Day, FREE);
    assert_eq!(customer.left(), 5, "the day's alone");
    customer.change(Every::Month, (100, 10));
    assert_eq!(customer.left(), 5, "the month was given");
    customer.next_day();
    assert_eq!(customer.left(), 0);
}

#[test]
fn another_version_of_the_same_plan_takes_nothing() {
    let mut customer = Customer::new(Every::Day, PRO);
    customer.change(Every::Day, (10, 10));
    assert_eq!(customer.left(), 20);
    customer.next_day();
    assert_eq!(customer.left(), 10);
    customer.change(Every::Day, (30, 10));
    assert_eq!(customer.left(), 30);
}

/// The same in few words: what is left, and what was given and used of the day.
struct Naive {
    plan: i64,
    most: i64,
    used: i64,
    left: i64,
}

impl Naive {
    fn change(&mut self, plan: i64) {
        if plan > self.plan {
            self.left += (plan - self.most).max(0);
        } else {
            self.left = self.left.min((plan - self.used).max(0));
        }
        self.most = self.most.max(plan);
        self.plan = plan;
    }

    fn spend(&mut self, amount: i64) -> bool {
        let enough = self.left >= amount;
        if enough {
            self.left -= amount;
            self.used += amount;
        }
        enough
    }

    fn next_day(&mut self) {
        (self.most, self.used, self.left) = (self.plan, 0, self.plan);
    }
}

/// Every sequence of six changes, spends and days: what is left is the naive model's, and with what was used
/// of the day it is never more than the plan in force gives, whatever the plans in between.
#[test]
fn upgrade_spend_downgrade_in_every_order_of_days_gains_nothing() {
    const STEPS: usize = 6;
    const KINDS: usize = 5;
    let mut over_plan = 0;
    for number in 0..KINDS.pow(STEPS as u32) {
        let mut customer = Customer::new(Every::Day, FREE);
        let mut naive = Naive { plan: 5, most: 5, used: 0, left: 5 };
        let mut rest = number;
        for _ in 0..STEPS {
            customer.now = customer.now.plus_seconds(60);
            let step = rest % KINDS;
            rest /= KINDS;
            match step {
                0..=2 => {
                    let plan = [FREE, PRO, ENTERPRISE][step];
                    customer.change(Every::Day, plan);
                    naive.change(plan.0);
                }
                3 => assert_eq!(customer.spend(4), naive.spend(4), "sequence {number}"),
                _ => {
                    customer.next_day();
                    naive.next_day();
                }
            }
            assert_eq!(customer.left(), naive.left, "sequence {number}");
            assert!(naive.left <= (naive.plan - naive.used).max(0), "sequence {number} gains");
            over_plan += usize::from(naive.used > naive.plan);
        }
    }
    assert!(over_plan > 0, "some have used more than the plan they went down to");
}

/// Every sequence of five losses and returns of access, spends, holds and days: without access there are never
/// more than FREE's 5 to spend, and used and left together a day never comes to more than PRO's 20.
#[test]
fn losing_access_and_getting_it_back_in_every_order_gains_nothing() {
    const KINDS: usize = 7;
    const STEPS: u32 = 5;
    let begin = time("2026-11-01T00:00:00Z");
    let span = |plan: (i64, i32), until: Option<Time>| Span { from: begin, until, terms: terms(Every::Day, plan) };
    let (mut spends, mut captures) = (0, 0);
    for number in 0..KINDS.pow(STEPS) {
        let mut world = World::new(24);
        let mut now = time("2026-11-21T10:00:00Z");
        let (mut lost, mut held, mut rest) = (None, None, number);
        world.allow(&base(&[span(FREE, None), span(PRO, lost)]), now);
        for step in 1..=STEPS {
            now = now.plus_seconds(60);
            let kind = rest % KINDS;
            rest /= KINDS;
            match kind {
                0 => lost = lost.or(Some(now)),
                1 => lost = None,
                2 => now = now.plus_seconds(86_400),
                _ => {}
            }
            world.allow(&base(&[span(FREE, None), span(PRO, lost)]), now);
            match (kind, held) {
                (3, _) => spends += usize::from(world.spend(Amount::units(4), Mode::Reject, now).is_ok()),
                (4, None) => {
                    let (id, until) = (HoldId(u128::from(step)), now.plus_seconds(864_000));
                    let answer = world.hold(id, Amount::units(6), Mode::Reject, until, now);
                    held = answer.is_ok().then_some(id);
                }
                (5, Some(id)) => {
                    world.capture(id, Amount::units(6), now).expect("an open hold");
                    (held, captures) = (None, captures + 1);
                }
                (6, Some(id)) => {
                    world.release(id, now).expect("an open hold");
                    held = None;
                }
                _ => {}
            }
            let today = world.grants().into_iter().filter(|grant| grant.expires_at.is_some_and(|at| at > now));
            let open = today.map(|grant| {
                let held = grant.held.micros() - grant.revoke_on_release.micros();
                grant.spent.micros() + grant.available.micros() + held
            });
            let total: i64 = open.sum();
            assert!(total <= Amount::units(20).micros(), "sequence {number}, step {step}: {total} millionths");
            let available = world.available(now);
            assert!(lost.is_none() || available <= Amount::units(5), "sequence {number}, step {step}: {available}");
        }
    }
    assert!(spends > 0 && captures > 0);
}

#[test]
fn up_at_once_and_down_at_the_periods_end() {
    assert_eq!(takes_effect(0, 10), Takes::AtOnce);
    assert_eq!(takes_effect(10, 10), Takes::AtOnce);
    assert_eq!(takes_effect(10, 0), Takes::AtPeriodEnd);
}

/// A grant of so many units with a priority, from `now` on.
fn grant(id: u128, source_kind: SourceKind, (units, priority): (i64, u16), now: Time) -> Terms {
    Terms {
        id: GrantId(id),
        source_kind,
        source_id: format!("g{id}"),
        amount: Amount::units(units),
        priority,
        effective_at: now,
        expires_at: None,
        rollover: None,
        metadata: None,
    }
}

#[test]
fn a_deletion_takes_what_is_left_or_leaves_it() {
    for (on_delete, left) in [(OnDelete::Revoke, 3), (OnDelete::Leave, 10)] {
        let mut world = World::new(24);
        let now = time("2026-11-21T10:00:00Z");
        world.grant(&grant(1, SourceKind::Subscription, (10, 10), now), now).expect("a grant");
        world.grant(&grant(2, SourceKind::Topup, (3, 30), now), now).expect("a grant");
        world.spend(Amount::units(1), Mode::Reject, now).expect("enough");
        world.hold(HoldId(1), Amount::units(2), Mode::Reject, now.plus_seconds(60), now).expect("enough");
        let mut turn = world.wide(&[], now);
        turn.cut(deleted(on_delete, &[GrantId(1)]), Amount::ZERO, &crate::world::why());
        world.close(turn);
        assert_eq!(world.available(now), Amount::units(left), "top-ups stay");
        world.release(HoldId(1), now).expect("an open hold");
        let released = if on_delete == OnDelete::Revoke { left } else { left + 2 };
        assert_eq!(world.available(now), Amount::units(released));
    }
}

/// What a dispute that was won gave again is of a kind whose marks become debt, and only money reversals may make any.
#[test]
fn a_deletion_makes_no_debt_of_what_is_held_of_credits_given_again() {
    for captured in [false, true] {
        let mut world = World::new(24);
        let now = time("2026-11-21T10:00:00Z");
        world.grant(&grant(1, SourceKind::Return, (10, 10), now), now).expect("a grant");
        world.grant(&grant(2, SourceKind::Topup, (50, 30), now), now).expect("a grant");
        world.hold(HoldId(1), Amount::units(6), Mode::Reject, now.plus_seconds(60), now).expect("enough");
        let mut turn = world.wide(&[], now);
        let cut = turn.cut(deleted(OnDelete::Revoke, &[GrantId(1)]), Amount::ZERO, &crate::world::why());
        world.close(turn);
        assert_eq!((cut, world.available(now)), (Amount::units(4), Amount::units(50)));
        if captured {
            world.capture(HoldId(1), Amount::units(6), now).expect("an open hold");
        } else {
            world.release(HoldId(1), now).expect("an open hold");
        }
        assert_eq!(world.wallet.body.debt.incurred, Amount::ZERO);
        assert_eq!(world.available(now), Amount::units(if captured { 50 } else { 56 }));
    }
}

/// The terms of a plan that rolls over: at most so much of each period, for so many.
fn rolling(terms: AllowanceTerms, max: i64, periods: u16) -> AllowanceTerms {
    AllowanceTerms { rollover: Some(CarryOver { max: Amount::units(max), periods }), ..terms }
}

/// 50 a month that live on for a year, until access ends.
fn rolling_until(until: Option<Time>) -> Span {
    Span { from: time("2026-11-01T00:00:00Z"), until, terms: rolling(terms(Every::Month, (50, 10)), 50, 12) }
}

#[test]
fn what_was_carried_over_goes_with_a_plan_that_is_lost_and_stays_with_one_that_is_left() {
    let free = span(Every::Month, FREE);
    let paid = [free[0].clone(), rolling_until(None)];
    let lesser = terms(Every::Month, (20, 5));
    let (chosen, paused) = (Some(&free[0].terms), Some(&paid[1].terms));
    let (free, paid) = (base(&free), base(&paid));
    let (december, january) = (time("2026-12-05T10:00:00Z"), time("2027-01-05T10:00:00Z"));
    for (bought, after, back) in [(chosen, 55, 55), (None, 5, 5), (Some(&lesser), 5, 70), (paused, 5, 100)] {
        let mut world = World::new(24);
        world.allow(&paid, time("2026-11-21T10:00:00Z"));
        world.allow(&paid, december);
        assert_eq!(world.available(december), Amount::units(100), "December's, and November's");
        world.change_plan(&paid, &free, december, bought);
        assert_eq!(world.available(december), Amount::units(after), "{bought:?}");
        let later = december.plus_seconds(60);
        world.change_plan(&free, &paid, later, paused);
        assert_eq!(world.available(later), Amount::units(back), "{bought:?}");
        if bought == paused {
            world.allow(&paid, january);
            assert_eq!(world.available(january), Amount::units(150), "as if nothing had been lost");
            // Lost once more, until the month after: what was carried over lives on, what was January's does not.
            world.change_plan(&paid, &free, january, paused);
            world.spend(Amount::units(5), Mode::Reject, january).expect("what FREE gives");
            assert_eq!(world.available(january), Amount::ZERO);
            let february = time("2027-02-05T10:00:00Z");
            world.change_plan(&free, &paid, february, paused);
            assert_eq!(world.available(february), Amount::units(50 + 100));
        }
    }
}

/// By the calendar too: until it expires, and nothing is given twice.
#[test]
fn a_deletion_takes_what_is_left_of_an_allowance_or_leaves_it() {
    let free = span(Every::Month, FREE);
    let paid = [free[0].clone(), rolling_until(None)];
    let again = Some(&paid[1].terms);
    let (free, paid) = (base(&free), base(&paid));
    let (december, january) = (time("2026-12-05T10:00:00Z"), time("2027-01-05T10:00:00Z"));
    // December's 47 and November's 50 are left; FREE gives 5 a month.
    for (on_delete, left, then) in [(OnDelete::Revoke, 2, 5 + 2), (OnDelete::Leave, 97, 5 + 97)] {
        let mut world = World::new(24);
        world.allow(&paid, time("2026-11-21T10:00:00Z"));
        world.allow(&paid, december);
        world.spend(Amount::units(3), Mode::Reject, december).expect("enough");
        world.lose_plan(&paid, &free, december, on_delete);
        assert_eq!(world.available(december), Amount::units(left), "{on_delete:?}");
        let later = december.plus_seconds(60);
        world.allow(&free, later);
        assert_eq!(world.available(later), Amount::units(left), "{on_delete:?}: looked at once more");
        world.change_plan(&free, &paid, later, again);
        assert_eq!(world.available(later), Amount::units(left), "{on_delete:?}: bought again");
        world.lose_plan(&paid, &free, later, on_delete);
        assert_eq!(world.available(later), Amount::units(left), "{on_delete:?}: and deleted again");
        world.allow(&free, january);
        assert_eq!(world.available(january), Amount::units(then), "{on_delete:?}: it rolls over as its plan says");
    }
}

/// Grace ends and is seen to, then the subscription does. Whether it ends within the month or in the next, who buys again
/// has nothing of what the end of grace took.
#[test]
fn what_access_took_is_gone_once_its_subscription_has_ended() {
    let (free, paid) = (span(Every::Month, FREE), rolling_until(None));
    let paused = Some(&paid.terms);
    let paid = [free[0].clone(), paid.clone()];
    let (free, paid) = (base(&free), base(&paid));
    let december = time("2026-12-05T10:00:00Z");
    for (end, left) in [("2026-12-06T10:00:00Z", 0), ("2027-01-06T10:00:00Z", 50)] {
        let mut world = World::new(24);
        world.allow(&paid, time("2026-11-21T10:00:00Z"));
        world.allow(&paid, december);
        world.change_plan(&paid, &free, december, paused);
        world.spend(Amount::units(5), Mode::Reject, december).expect("what FREE gives");
        assert!(world.wallet.has_lapsed(|group| group == "base"));
        world.change_plan(&free, &free, time(end), None);
        assert!(!world.wallet.has_lapsed(|group| group == "base"));
        let later = time(end).plus_seconds(60);
        world.change_plan(&free, &paid, later, paused);
        assert_eq!(world.available(later), Amount::units(left), "{end}");
    }
}

#[test]
fn a_plan_that_rolls_over_too_leaves_what_it_would_have_carried_over() {
    let begin = time("2026-11-21T00:00:00Z");
    let span = |terms: AllowanceTerms| Span { from: begin, until: None, terms };
    let free = [span(rolling(terms(Every::Day, FREE), 3, 2))];
    let paid = [free[0].clone(), span(rolling(terms(Every::Day, PRO), 10, 4))];
    let (free, paid) = (base(&free), base(&paid));
    let mut world = World::new(24);
    world.allow(&paid, begin);
    let now = begin.plus_seconds(3 * 86_400);
    world.allow(&paid, now);
    assert_eq!(world.available(now), Amount::units(20 + 3 * 10));
    world.change_plan(&paid, &free, now, None);
    assert_eq!(world.available(now), Amount::units(5 + 2 * 3));
}

/// Whenever the wallet is written, or never, access that ends takes what was carried over, and brings it back: also
/// when it ends with the period.
#[test]
fn access_that_ends_unseen_takes_what_was_carried_over() {
    let paid = [rolling_until(None)];
    let paid = base(&paid);
    let days = ["2026-11-21T10:00:00Z", "2026-12-02T10:00:00Z", "2026-12-06T10:00:00Z", "2026-12-15T10:00:00Z"];
    for end in ["2026-12-01T00:00:00Z", "2026-12-05T00:00:00Z"] {
        let grace = [rolling_until(Some(time(end)))];
        let grace = base(&grace);
        for written in 0..16_u32 {
            for back in ["2026-12-20T10:00:00Z", "2027-01-20T10:00:00Z"].map(time) {
                let mut world = World::new(24);
                for (_, day) in days.iter().enumerate().filter(|(place, _)| (written >> place) & 1 == 1) {
                    world.allow(&grace, time(day));
                }
                assert_eq!(world.shown(&grace, back).available(), Amount::ZERO, "{end} {written:b} {back}");
                world.change_plan(&grace, &paid, back, Some(&paid.spans[0].terms));
                // The running month's, and November's. December's has ended by January.
                assert_eq!(world.available(back), Amount::units(50 + 50), "{end} {written:b} {back}");
            }
        }
    }
    // The same of what an older version of the plan carried over, in the row or waiting: the present one carries nothing.
    let newer = |until| Span { terms: terms(Every::Month, (50, 10)), ..rolling_until(until) };
    let going = [newer(None)];
    let (going, bought) = (base(&going), Some(&going[0].terms));
    for (end, back) in
        [("2026-12-05T00:00:00Z", "2027-01-20T10:00:00Z"), ("2027-01-05T00:00:00Z", "2027-02-20T10:00:00Z")]
    {
        let (grace, back) = ([newer(Some(time(end)))], time(back));
        let grace = base(&grace);
        for limit in [24, 1] {
            let mut world = World::new(limit);
            world.allow(&paid, time(days[0]));
            world.change_plan(&paid, &going, time("2026-11-25T10:00:00Z"), bought);
            world.allow(&going, time(days[1]));
            assert_eq!(world.available(time(days[1])), Amount::units(50 + 50), "December's, and November's");
            assert_eq!(world.shown(&grace, back).available(), Amount::ZERO, "{end} {limit}");
            world.change_plan(&grace, &going, back, bought);
            assert_eq!(world.available(back), Amount::units(50 + 50), "{end} {limit}");
        }
    }
}
