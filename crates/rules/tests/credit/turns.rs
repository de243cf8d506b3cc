//! What a turn promises to the storage: what it needs, what it writes, and what a recomputation finds wrong.

use crate::world::{World, consumption, why};
use purser_rules::{
    Amount, Time,
    credit::{
        CauseKind, Dispute, DisputeState, DueAllowance, Entry, EntryKind, Figures, Grant, GrantState, INLINE, Loaded,
        Mode, Needs, Payment, Rollover, SourceKind, Terms, Turn, invariant::Replay,
    },
    ids::{GrantId, HoldId},
};

fn at(seconds: i64) -> Time {
    Time::from_micros((1_795_233_600 + seconds) * 1_000_000)
}

fn terms(id: u128, units: i64) -> Terms {
    Terms {
        id: GrantId(id),
        source_kind: SourceKind::Manual,
        source_id: id.to_string(),
        amount: Amount::units(units),
        priority: 30,
        effective_at: at(0),
        expires_at: None,
        rollover: None,
        metadata: None,
    }
}

#[test]
fn a_spend_writes_the_wallet_row_alone_however_many_grants_there_are() {
    let mut world = World::new(INLINE);
    for id in 1..=500 {
        world.grant(&terms(id, 2), at(0)).expect("a grant");
    }
    assert_eq!(world.wallet.body.grants.len(), INLINE);
    assert_eq!(world.wallet.body.waiting.count, 476);
    assert_eq!(Turn::needs(&world.wallet, Amount::units(40), at(1)), Needs::default());
    world.spend(Amount::units(1), Mode::Reject, at(1)).expect("there is enough");
    assert_eq!(world.rows_written, 0);
    world.spend(Amount::units(3), Mode::Reject, at(1)).expect("there is enough");
    assert_eq!(world.rows_written, 2, "the grants used up");
    let needs = Needs { waiting: true, holds: false };
    assert_eq!(Turn::needs(&world.wallet, Amount::units(45), at(1)), needs);
    world.spend(Amount::units(45), Mode::Reject, at(1)).expect("there is enough");
    assert_eq!(world.wallet.body.grants.len(), INLINE, "those that come next moved into the row");
    assert_eq!(world.available(at(1)), Amount::units(1000 - 49));
    world.spend(Amount::units(951), Mode::Reject, at(1)).expect("the last of it");
    assert!(world.rows.values().all(|(_, state)| *state == GrantState::Closed));
}

#[test]
fn what_is_merely_held_does_not_crowd_the_row() {
    let mut world = World::new(2);
    for id in 1..=3 {
        world.grant(&Terms { expires_at: Some(at(10)), ..terms(id, 2) }, at(0)).expect("a grant");
    }
    world.hold(HoldId(1), Amount::units(6), Mode::Reject, at(1000), at(1)).expect("a hold");
    for id in 4..=5 {
        world.grant(&terms(id, 2), at(1)).expect("a grant");
    }
    world.settle(at(20));
    assert_eq!(Turn::needs(&world.wallet, Amount::units(4), at(20)), Needs::default());
    let row: Vec<GrantId> = world.wallet.body.grants.iter().map(|grant| grant.id).collect();
    assert_eq!(row, [GrantId(4), GrantId(5)]);
}

#[test]
fn allowances_due_are_put_down_in_order_and_named() {
    let mut world = World::new(INLINE);
    world.grant(&terms(1, 1), at(0)).expect("a grant");
    let allowance = |id, from: i64| {
        let rollover = Some(Rollover { max: Amount::units(2), seconds: 10 });
        let (effective_at, expires_at) = (at(from), Some(at(from + 10)));
        let source_kind = SourceKind::Allowance;
        let terms = Terms { source_kind, effective_at, expires_at, rollover, ..terms(id, 5) };
        DueAllowance::Grant { terms, given: None }
    };
    let due = vec![allowance(12, 20), allowance(11, 10), allowance(13, 30)];
    let turn = Turn::open(world.wallet.clone(), Loaded::default(), due.clone(), at(25));
    world.close(turn);
    let written: Vec<_> = world.entries[1..].iter().map(|entry| (entry.kind, entry.amount, entry.at)).collect();
    let [two, three, five] = [2, 3, 5].map(Amount::units);
    assert_eq!(
        written,
        [
            (EntryKind::Grant, five, at(10)),
            (EntryKind::Rollover, two, at(20)),
            (EntryKind::Expire, three, at(20)),
            (EntryKind::Grant, two, at(20)),
            (EntryKind::Grant, five, at(20)),
        ]
    );
    assert!(
        world.entries[1..].iter().all(|entry| entry.why.cause.kind == CauseKind::Job && entry.why.cause.id == "settle")
    );
    let subject = &world.entries.last().expect("entries").why.subject;
    assert_eq!(*subject, GrantId(12).to_string());
    assert_eq!(world.available(at(25)), Amount::units(8));
    let again = Turn::open(world.wallet.clone(), Loaded::default(), vec![due[0].clone()], at(25)).close();
    assert_eq!(again.entries, [], "an allowance in the wallet is not put down twice");
}

#[test]
fn a_grant_ended_early_rolls_over_once_and_keeps_its_holds() {
    let mut world = World::new(INLINE);
    let rollover = Some(Rollover { max: Amount::units(3), seconds: 50 });
    world.grant(&Terms { expires_at: Some(at(100)), rollover, ..terms(1, 10) }, at(0)).expect("a grant");
    world.hold(HoldId(2), Amount::units(4), Mode::Reject, at(60), at(1)).expect("enough");
    let mut turn = world.wide(&[], at(10));
    assert_eq!(turn.end_early(GrantId(1)), Amount::units(6));
    assert_eq!(turn.end_early(GrantId(1)), Amount::ZERO, "it has ended");
    assert_eq!(turn.end_early(GrantId(9)), Amount::ZERO, "there is none");
    world.close(turn);
    assert_eq!(world.available(at(10)), Amount::units(3));
    world.capture(HoldId(2), Amount::units(3), at(20)).expect("an open hold");
    assert_eq!(world.available(at(20)), Amount::units(4), "what the hold left");
    world.settle(at(100));
    assert_eq!(world.available(at(100)), Amount::units(3), "is gone with the grant's own end");
    assert_eq!(world.available(at(150)), Amount::ZERO);
}

/// It comes back to a row that has the rollover it was given with.
#[test]
fn what_is_returned_to_a_grant_that_was_ended_early_does_not_roll_over_again() {
    for carried_is_spent in [false, true] {
        for ended_again in [false, true] {
            let mut world = World::new(INLINE);
            let rollover = Some(Rollover { max: Amount::units(40), seconds: 50 });
            world.grant(&Terms { expires_at: Some(at(100)), rollover, ..terms(1, 100) }, at(0)).expect("a grant");
            let spent = world.spend(Amount::units(30), Mode::Reject, at(1)).expect("enough");
            assert_eq!(world.end_early(GrantId(1), at(10)), Amount::units(70));
            let carried = if carried_is_spent {
                world.spend(Amount::units(40), Mode::Reject, at(11)).expect("what was carried over");
                Amount::ZERO
            } else {
                Amount::units(40)
            };
            assert_eq!(world.available(at(11)), carried);
            world.give_back(&mut consumption(&spent), Amount::units(30), &mut [], at(20)).expect("a return");
            assert_eq!(world.available(at(20)).micros() - carried.micros(), Amount::units(30).micros());
            if ended_again {
                assert_eq!(world.end_early(GrantId(1), at(30)), Amount::units(30));
                assert_eq!(world.available(at(30)), carried, "it ends with what comes next");
            }
            world.settle(at(100));
            assert_eq!(world.available(at(100)), carried, "it is gone with the grant's own end");
            world.settle(at(150));
            assert_eq!(world.available(at(150)), Amount::ZERO);
        }
    }
}

/// The grant waits in its own row meanwhile, since nothing of it can be spent and another takes its place.
#[test]
fn what_a_hold_leaves_of_a_grant_that_was_ended_early_does_not_roll_over_again() {
    let mut world = World::new(1);
    let rollover = Some(Rollover { max: Amount::units(3), seconds: 50 });
    world.grant(&Terms { expires_at: Some(at(100)), rollover, ..terms(1, 10) }, at(0)).expect("a grant");
    world.hold(HoldId(2), Amount::units(4), Mode::Reject, at(60), at(1)).expect("enough");
    assert_eq!(world.end_early(GrantId(1), at(10)), Amount::units(6));
    assert_eq!(world.rows[&GrantId(1)].1, GrantState::Waiting);
    world.release(HoldId(2), at(20)).expect("an open hold");
    assert_eq!(world.available(at(20)), Amount::units(7));
    world.settle(at(100));
    assert_eq!(world.available(at(100)), Amount::units(3), "what was carried over");
    world.settle(at(150));
    assert_eq!(world.available(at(150)), Amount::ZERO);
}

/// As it was stored by a version that forgot, once the return was written, that it had been ended early.
#[test]
fn a_grant_that_was_ended_early_before_does_not_roll_over_again() {
    let mut world = World::new(INLINE);
    let rollover = Some(Rollover { max: Amount::units(40), seconds: 50 });
    world.grant(&Terms { expires_at: Some(at(100)), rollover, ..terms(1, 100) }, at(0)).expect("a grant");
    let spent = world.spend(Amount::units(30), Mode::Reject, at(1)).expect("enough");
    world.end_early(GrantId(1), at(10));
    world.give_back(&mut consumption(&spent), Amount::units(30), &mut [], at(20)).expect("a return");
    let grant = world.wallet.body.grants.iter_mut().find(|grant| grant.id == GrantId(1)).expect("it is open again");
    grant.rollover = rollover;
    world.settle(at(100));
    assert_eq!(world.available(at(100)), Amount::units(40));
}

/// Something of it runs out at its end already when the hold does, and that is no early end.
#[test]
fn a_grant_rolls_over_though_a_hold_on_it_runs_out_with_it() {
    let mut world = World::new(INLINE);
    let rollover = Some(Rollover { max: Amount::units(3), seconds: 50 });
    world.grant(&Terms { expires_at: Some(at(100)), rollover, ..terms(1, 10) }, at(0)).expect("a grant");
    world.hold(HoldId(2), Amount::units(4), Mode::Reject, at(100), at(1)).expect("enough");
    world.settle(at(100));
    assert_eq!(world.available(at(100)), Amount::units(3));
}

#[test]
fn time_does_not_go_back() {
    let mut world = World::new(INLINE);
    world.grant(&Terms { expires_at: Some(at(5)), ..terms(1, 3) }, at(0)).expect("a grant");
    world.settle(at(10));
    world.grant(&terms(2, 3), at(4)).expect("a grant");
    assert_eq!(world.entries.last().map(|entry| entry.at), Some(at(10)));
    assert_eq!(world.wallet.last_at, at(10));
    assert_eq!(world.available(at(4)), Amount::units(3), "what expired stays so");
}

#[test]
fn days_that_end_leave_the_wallet() {
    let mut world = World::new(INLINE);
    let day = 86_400;
    world.grant(&terms(1, 100), at(0)).expect("a grant");
    world.spend(Amount::units(3), Mode::Reject, at(1)).expect("enough");
    world.spend(Amount::units(98), Mode::Overflow, at(2)).expect("overage is sold");
    assert!(world.days.is_empty());
    world.settle(at(day));
    world.settle(at(3 * day));
    let [ended] = world.days.as_slice() else { panic!("one day was used, not {:?}", world.days) };
    assert_eq!((ended.day, ended.count), (20_778, 2));
    assert_eq!((ended.consumed, ended.overflow), (Amount::units(100), Amount::units(1)));
    assert_eq!(world.wallet.body.today.day, 20_781);
}

/// A wallet with some life in it.
fn lived() -> World {
    let mut world = World::new(INLINE);
    world.grant(&terms(1, 5), at(0)).expect("a grant");
    world.grant(&terms(2, 5), at(0)).expect("a grant");
    world.spend(Amount::units(6), Mode::Reject, at(1)).expect("enough");
    world.hold(HoldId(3), Amount::units(2), Mode::Reject, at(100), at(2)).expect("enough");
    world.revoke(GrantId(2), None, at(3)).expect("what is left");
    world
}

#[test]
fn a_recomputation_names_the_entry_that_was_changed() {
    let world = lived();
    let changes: [fn(&mut Entry); 3] = [
        |entry| entry.amount = entry.amount.checked_add(Amount::units(1)).expect("an amount"),
        |entry| entry.hash.0[31] ^= 1,
        |entry| entry.why.subject.push('x'),
    ];
    for change in changes {
        for number in 0..world.entries.len() {
            let mut entries = world.entries.clone();
            change(&mut entries[number]);
            let mut replay = Replay::new(world.wallet.customer.clone(), world.wallet.unit.clone());
            let found = entries.iter().find_map(|entry| replay.take(entry).err());
            assert_eq!(found.expect("it is wrong").entry, Some(entries[number].seq));
        }
    }
}

#[test]
fn a_recomputation_names_a_missing_entry_a_cut_tail_and_a_wrong_figure() {
    let world = lived();
    let new = || Replay::new(world.wallet.customer.clone(), world.wallet.unit.clone());
    let stored = || world.grants().into_iter().map(|grant| (grant.id, Figures::of(&grant))).collect::<Vec<_>>();
    let mut replay = new();
    let mut entries = world.entries.clone();
    entries.remove(2);
    let found = entries.iter().find_map(|entry| replay.take(entry).err());
    assert_eq!(found.expect("a gap").entry, Some(4), "the entry after the gap");
    let mut replay = new();
    for entry in &world.entries[..world.entries.len() - 1] {
        replay.take(entry).expect("the rest is right");
    }
    let cut = replay.matches(&world.wallet, stored()).expect_err("the tail is cut");
    assert_eq!(cut.rule, "the wallet counts its entries");
    let mut changed = stored();
    changed[1].1.spent = Amount::units(2);
    let wrong = world.replay.matches(&world.wallet, changed).expect_err("a figure is wrong");
    assert_eq!(wrong.grant, Some(GrantId(2)));
    let lost = world.replay.matches(&world.wallet, stored()[..1].to_vec()).expect_err("a grant is lost");
    assert_eq!(lost.grant, Some(GrantId(2)));
}

#[test]
#[should_panic(expected = "the waiting grants are needed and not loaded")]
fn a_spend_never_answers_without_what_it_needs() {
    let mut world = World::new(1);
    world.grant(&terms(1, 1), at(0)).expect("a grant");
    world.grant(&terms(2, 1), at(0)).expect("a grant");
    let mut turn = Turn::open(world.wallet.clone(), Loaded::default(), Vec::new(), at(1));
    let why = why();
    let spend = purser_rules::credit::Spend {
        amount: Amount::units(2),
        mode: Mode::Reject,
        overage_sold: false,
        thresholds: &[],
        why: &why,
    };
    let answer = turn.spend(&spend);
    panic!("answered {answer:?}");
}

#[test]
fn the_same_terms_are_the_same_grant() {
    let first = terms(1, 5);
    assert_eq!(Terms { id: GrantId(9), ..first.clone() }.differs_from(&first), None);
    let other = Terms { amount: Amount::units(6), priority: 10, ..first.clone() };
    assert_eq!(other.differs_from(&first), Some("amount"));
    assert_eq!(Terms { expires_at: Some(at(9)), ..first.clone() }.differs_from(&first), Some("expires_at"));
}

/// Half of it is disputed and all of it frozen for want of access when it expires; then the dispute ends.
#[test]
fn a_dispute_that_ends_without_access_gives_no_more_than_its_share_again() {
    for (state, resumed, expected) in [
        (DisputeState::Won, false, [0, 5, 0]),
        (DisputeState::Won, true, [5, 0, 0]),
        (DisputeState::Lost, false, [0, 0, 5]),
        (DisputeState::Lost, true, [0, 0, 5]),
    ] {
        let mut world = World::new(INLINE);
        let first = Terms { source_kind: SourceKind::Subscription, expires_at: Some(at(10)), ..terms(1, 10) };
        world.grant(&first, at(0)).expect("a grant");
        let mut payment = Payment::new("in_1".into(), 20, vec![GrantId(1)], Amount::units(10), false);
        let disputes = |state| vec![Dispute { id: "du_1".into(), amount: 10, state, opened_at: at(1) }];
        payment.say(0, disputes(DisputeState::Open));
        payment.suspend(at(2));
        world.reverse(&mut payment, at(2)).expect("a dispute");
        let before = payment.clone();
        payment.say(0, disputes(state));
        if !resumed {
            payment.suspend(at(20));
        }
        let mut turn = world.wide(&payment.grants, at(20));
        turn.reverse_since(&before, &mut payment, &why()).expect("the end of it");
        world.close(turn);
        let sum = |figure: fn(&Grant) -> Amount| world.grants().iter().map(|grant| figure(grant).micros()).sum::<i64>();
        let found = [sum(|grant| grant.available), sum(|grant| grant.frozen), sum(|grant| grant.revoked)];
        assert_eq!(found, expected.map(|units| Amount::units(units).micros()), "{state:?} {resumed}");
    }
}
