//! Spends that are returned after a change of plan, or the end of one: what that took does not come back with them
//! (rules 1.9, 1.12).

use crate::world::{World, consumption, why};
use purser_rules::{
    Amount, Time,
    credit::{Allowance, AllowanceTerms, Consumption, EntryKind, Every, Mode, SourceKind, Span, Terms},
    ids::GrantId,
    pricebook::OnDelete,
    subscription::deleted,
};

const FREE: (i64, i32) = (5, 0);
const PRO: (i64, i32) = (20, 10);
const ENTERPRISE: (i64, i32) = (50, 20);

fn time(text: &str) -> Time {
    Time::parse(text).expect(text)
}

/// A plan of so much a day and such a rank, until access to it ends.
fn span((amount, rank): (i64, i32), until: Option<Time>) -> Span {
    let amount = Amount::units(amount);
    let terms = AllowanceTerms { every: Every::Day, amount, rank, priority: 10, rollover: None };
    Span { from: time("2026-11-01T00:00:00Z"), until, terms }
}

fn base(spans: &[Span]) -> Allowance<'_> {
    Allowance { group: "base", spans, zones: &[] }
}

/// A customer of one plan after another, and what it spent.
struct Customer {
    world: World,
    spans: Vec<Span>,
    now: Time,
    spends: Vec<Consumption>,
}

impl Customer {
    fn new(spans: Vec<Span>) -> Self {
        let (world, now) = (World::new(24), time("2026-11-21T10:00:00Z"));
        let mut customer = Self { world, spans, now, spends: Vec::new() };
        customer.look();
        customer
    }

    fn of(plan: (i64, i32)) -> Self {
        Self::new(vec![span(plan, None)])
    }

    fn look(&mut self) {
        self.world.allow(&base(&self.spans), self.now);
    }

    fn change(&mut self, plan: (i64, i32)) {
        let after = vec![span(plan, None)];
        self.world.change_plan(&base(&self.spans), &base(&after), self.now, Some(&after[0].terms));
        self.spans = after;
    }

    /// Its subscription is deleted: FREE is left.
    fn delete(&mut self, on_delete: OnDelete) {
        let after = vec![span(FREE, None)];
        self.world.lose_plan(&base(&self.spans), &base(&after), self.now, on_delete);
        self.spans = after;
    }

    fn spend(&mut self, units: i64) {
        let spent = self.world.spend(Amount::units(units), Mode::Reject, self.now).expect("enough");
        self.spends.push(consumption(&spent));
    }

    /// Returns so much of a spend.
    fn give_back(&mut self, place: usize, units: i64) {
        let amount = Amount::units(units);
        self.world.give_back(&mut self.spends[place], amount, &mut [], self.now).expect("it was spent");
    }

    fn next_day(&mut self) {
        self.now = self.now.plus_seconds(86_400);
        self.look();
    }

    fn left(&self) -> i64 {
        self.world.available(self.now).micros() / 1_000_000
    }

    /// What was revoked of all that was returned.
    fn revoked(&self) -> i64 {
        let revoked = self.world.entries.iter().filter(|entry| entry.kind == EntryKind::ReturnRevoked);
        revoked.map(|entry| entry.amount.micros()).sum::<i64>() / 1_000_000
    }
}

#[test]
fn what_is_returned_after_a_downgrade_comes_back_as_far_as_the_new_plan_gives_it() {
    for (used, returned, left) in [(20, 20, 5), (20, 17, 2), (20, 15, 0), (12, 3, 0), (12, 12, 5), (3, 3, 5), (3, 1, 3)]
    {
        let mut customer = Customer::of(PRO);
        customer.spend(used);
        customer.change(FREE);
        let before = customer.left();
        customer.give_back(0, returned);
        assert_eq!(customer.left(), left, "{returned} of {used} returned");
        assert_eq!(customer.revoked(), returned + before - left, "{returned} of {used} returned");
        assert_eq!(customer.spends[0].returnable(), Amount::units(used - returned));
        customer.change(PRO);
        assert_eq!(customer.left(), left, "{returned} of {used} returned, and back");
        customer.next_day();
        assert_eq!(customer.left(), 20);
    }
}

#[test]
fn what_is_returned_part_by_part_comes_to_the_same() {
    let mut customer = Customer::of(FREE);
    customer.spend(5);
    customer.change(PRO);
    customer.spend(15);
    customer.change(FREE);
    let lefts: Vec<i64> = [(0, 5), (1, 8), (1, 3), (1, 4)]
        .into_iter()
        .map(|(place, units)| {
            customer.give_back(place, units);
            customer.left()
        })
        .collect();
    assert_eq!(lefts, [0, 0, 1, 5], "15, 7, 4 and 0 are used");
    customer.spend(5);
    customer.give_back(2, 5);
    assert_eq!(customer.left(), 5, "what was spent under FREE comes back whole");
}

#[test]
fn a_return_is_whole_while_the_plan_gives_as_much() {
    // The same plan, another version of it, and a larger one.
    for (plan, left) in [(PRO, 20), ((10, 10), 20), (ENTERPRISE, 50)] {
        let mut customer = Customer::of(PRO);
        customer.spend(20);
        customer.change(plan);
        customer.give_back(0, 20);
        assert_eq!(customer.left(), left, "{plan:?}");
    }
    let mut customer = Customer::of(PRO);
    customer.spend(20);
    customer.change(FREE);
    customer.change(PRO);
    assert_eq!(customer.left(), 0, "20 were given for the day");
    customer.give_back(0, 20);
    assert_eq!(customer.left(), 20, "and none are used");
    assert_eq!(customer.revoked(), 0);
}

#[test]
fn what_is_returned_once_access_has_ended_is_no_more_than_the_default_plan_gives() {
    for (used, returned, left) in [(20, 20, 5), (20, 16, 1), (12, 2, 0)] {
        let end = time("2026-11-21T11:00:00Z");
        let mut customer = Customer::new(vec![span(FREE, None), span(PRO, Some(end))]);
        customer.spend(used);
        customer.now = end;
        customer.look();
        assert_eq!(customer.left(), 0);
        customer.give_back(0, returned);
        assert_eq!(customer.left(), left, "{returned} of {used} returned");
    }
    // Access is back before the return.
    let mut customer = Customer::new(vec![span(FREE, None), span(PRO, Some(time("2026-11-21T11:00:00Z")))]);
    customer.spend(20);
    customer.now = time("2026-11-21T12:00:00Z");
    customer.look();
    customer.change(PRO);
    customer.give_back(0, 20);
    assert_eq!(customer.left(), 20);
}

/// A deletion that leaves what is left leaves what is returned as well.
#[test]
fn what_is_returned_after_a_deletion_is_left_if_the_plan_leaves_it() {
    for (on_delete, left) in [(OnDelete::Revoke, 5), (OnDelete::Leave, 20)] {
        let mut customer = Customer::new(vec![span(FREE, None), span(PRO, None)]);
        customer.spend(12);
        customer.delete(on_delete);
        customer.look();
        customer.give_back(0, 12);
        assert_eq!(customer.left(), left, "{on_delete:?}");
        customer.next_day();
        assert_eq!(customer.left(), 5, "{on_delete:?}");
    }
}

/// Period credits, spent whole or in part when their subscription is deleted, and 20 of a top-up.
#[test]
fn what_is_returned_of_a_deleted_subscription_is_gone_with_it_or_left() {
    let now = time("2026-11-21T10:00:00Z");
    let terms = |id, source_kind: SourceKind, units, expires_at| Terms {
        id: GrantId(id),
        source_kind,
        source_id: format!("g{id}"),
        amount: Amount::units(units),
        priority: source_kind.default_priority(),
        effective_at: now,
        expires_at,
        rollover: None,
        metadata: None,
    };
    let until = time("2026-12-21T10:00:00Z");
    for spends in [[1000, 20], [400, 620]] {
        for (on_delete, left) in [(OnDelete::Revoke, 50), (OnDelete::Leave, 1050)] {
            let mut world = World::new(24);
            world.grant(&terms(1, SourceKind::Subscription, 1000, Some(until)), now).expect("a grant");
            world.grant(&terms(2, SourceKind::Topup, 50, None), now).expect("a grant");
            let [mut first, mut second] =
                spends.map(|units| consumption(&world.spend(Amount::units(units), Mode::Reject, now).expect("enough")));
            let mut turn = world.wide(&[GrantId(1)], now);
            turn.end_for_good(deleted(on_delete, &[GrantId(1)]), &why());
            let noted = !turn.clone().close().is_empty();
            assert_eq!(noted, on_delete == OnDelete::Revoke, "written though nothing was left to take");
            world.close(turn);
            assert_eq!(world.available(now), Amount::units(30));
            for (spent, units) in [(&mut first, spends[0]), (&mut second, spends[1])] {
                world.give_back(spent, Amount::units(units), &mut [], now).expect("it was spent");
            }
            assert_eq!(world.available(now), Amount::units(left), "{on_delete:?}");
            assert_eq!(world.wallet.body.ended.is_empty(), on_delete == OnDelete::Leave);
            world.settle(until);
            assert!(world.wallet.body.ended.is_empty(), "forgotten once it has expired");
            assert_eq!(world.available(until), Amount::units(50));
        }
    }
}

/// The same in few words: what is left, and what was given and used of the day.
struct Naive {
    plan: i64,
    most: i64,
    used: i64,
    left: i64,
    /// Of each spend, its day and what can still be returned.
    spends: Vec<(u32, i64)>,
    day: u32,
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

    fn spend(&mut self) -> i64 {
        let amount = self.left;
        self.spends.push((self.day, amount));
        self.used += amount;
        self.left = 0;
        amount
    }

    fn give_back(&mut self, place: usize, amount: i64) {
        let (day, left) = &mut self.spends[place];
        *left -= amount;
        if *day == self.day {
            self.used -= amount;
            self.left = (self.left + amount).min((self.plan - self.used).max(0));
        }
    }

    fn next_day(&mut self) {
        self.day += 1;
        (self.most, self.used, self.left) = (self.plan, 0, self.plan);
    }
}

/// Every sequence of five changes, spends of all there is, returns and days: what is left is the naive model's, and
/// with what was used of the day never more than the plan in force gives.
#[test]
fn returns_and_changes_of_plan_in_every_order_gain_nothing() {
    const STEPS: u32 = 5;
    const KINDS: usize = 7;
    let mut revoked = 0;
    for number in 0..KINDS.pow(STEPS) {
        let mut customer = Customer::of(PRO);
        let mut naive = Naive { plan: 20, most: 20, used: 0, left: 20, spends: Vec::new(), day: 0 };
        let mut rest = number;
        for _ in 0..STEPS {
            customer.now = customer.now.plus_seconds(60);
            let step = rest % KINDS;
            rest /= KINDS;
            let first = naive.spends.iter().position(|(_, left)| *left > 0);
            let last = naive.spends.iter().rposition(|(_, left)| *left > 0);
            match (step, first, last) {
                (0..=2, ..) => {
                    let plan = [FREE, PRO, ENTERPRISE][step];
                    customer.change(plan);
                    naive.change(plan.0);
                }
                (3, ..) if naive.left > 0 => customer.spend(naive.spend()),
                (4, Some(place), _) => {
                    let all = naive.spends[place].1;
                    customer.give_back(place, all);
                    naive.give_back(place, all);
                }
                (5, _, Some(place)) => {
                    let part = naive.spends[place].1.min(4);
                    customer.give_back(place, part);
                    naive.give_back(place, part);
                }
                (6, ..) => {
                    customer.next_day();
                    naive.next_day();
                }
                _ => {}
            }
            assert_eq!(customer.left(), naive.left, "sequence {number}");
            assert!(naive.left <= (naive.plan - naive.used).max(0), "sequence {number} gains");
        }
        revoked += customer.revoked();
    }
    assert!(revoked > 0, "some returned more than their plan gave");
}
