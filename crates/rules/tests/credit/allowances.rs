//! Allowances by literal dates, and every way of coming or not coming to the same end.

use crate::world::World;
use purser_rules::{
    Amount, Time,
    credit::{
        Allowance, AllowanceTerms, CarryOver, DueAllowance, EntryKind, Every, Mode, Payment, SourceKind, Span, Terms,
        ZoneSince,
    },
    ids::{GrantId, HoldId},
    period::Zone,
};
use std::collections::BTreeSet;

fn time(text: &str) -> Time {
    Time::parse(text).expect(text)
}

fn units(units: i64) -> Amount {
    Amount::units(units)
}

fn daily(amount: i64, rank: i32) -> AllowanceTerms {
    AllowanceTerms { every: Every::Day, amount: units(amount), rank, priority: 10, rollover: None }
}

fn from(from: &str, terms: AllowanceTerms) -> Span {
    Span { from: time(from), until: None, terms }
}

fn base<'a>(spans: &'a [Span], zones: &'a [ZoneSince]) -> Allowance<'a> {
    Allowance { group: "base", spans, zones }
}

fn zone(since: &str, name: &str) -> ZoneSince {
    ZoneSince { since: time(since), zone: Zone::new(name).expect(name) }
}

/// What could be spent at `now`, as a read says it.
fn shown(world: &World, allowance: &Allowance<'_>, now: &str) -> Amount {
    world.shown(allowance, time(now)).available()
}

/// Puts down what is due and spends.
fn spend(world: &mut World, allowance: &Allowance<'_>, amount: i64, now: &str) {
    world.allow(allowance, time(now));
    world.spend(units(amount), Mode::Reject, time(now)).expect("there is enough");
}

/// The grants that are due, by source, start and end.
fn due(world: &World, allowance: &Allowance<'_>, now: &str) -> Vec<(String, String, String)> {
    let due = allowance.due(&world.wallet, time(now));
    let terms = due.iter().map(|due| match due {
        DueAllowance::Grant { terms, .. } => terms,
        DueAllowance::Cut { .. } | DueAllowance::Left { .. } => panic!("no grant: {due:?}"),
    });
    let text = |at: Option<Time>| at.map_or_else(String::new, |at| at.to_string());
    terms.map(|terms| (terms.source_id.clone(), text(Some(terms.effective_at)), text(terms.expires_at))).collect()
}

fn row(source: &str, from: &str, until: &str) -> (String, String, String) {
    (source.into(), from.into(), until.into())
}

#[test]
fn a_read_shows_it_at_once_and_the_next_write_puts_it_down() {
    let spans = [from("2026-11-01T00:00:00Z", daily(5, 0))];
    let free = base(&spans, &[]);
    let mut world = World::new(24);
    let morning = "2026-11-21T10:00:00Z";
    let expected = [row("base:2026-11-21", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z")];
    assert_eq!(due(&world, &free, morning), expected);
    assert_eq!(shown(&world, &free, morning), units(5));
    assert!(world.entries.is_empty(), "a read writes nothing");
    spend(&mut world, &free, 3, morning);
    let id = world.wallet.derive_grant(SourceKind::Allowance, "base:2026-11-21");
    assert_eq!(world.terms[&id].source_kind, SourceKind::Allowance);
    assert_eq!(world.entries[0].at, time("2026-11-21T00:00:00Z"), "due from the start of its period");
    assert!(due(&world, &free, "2026-11-21T23:59:59.999999Z").is_empty());
    assert_eq!(shown(&world, &free, "2026-11-21T23:59:59.999999Z"), units(2));
    assert_eq!(shown(&world, &free, "2026-11-22T00:00:00Z"), units(5));
    spend(&mut world, &free, 2, "2026-11-21T11:00:00Z");
    assert!(due(&world, &free, "2026-11-21T12:00:00Z").is_empty(), "used up is not given again");
    assert_eq!(shown(&world, &free, "2026-11-21T12:00:00Z"), Amount::ZERO);
    // Ten days later: the days between are not written.
    let before = world.entries.len();
    spend(&mut world, &free, 1, "2026-12-01T10:00:00Z");
    let kinds: Vec<EntryKind> = world.entries[before..].iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Grant, EntryKind::Spend]);
}

#[test]
fn it_begins_with_access_and_not_before() {
    let spans = [from("2026-11-21T10:00:00Z", daily(5, 0))];
    let free = base(&spans, &[]);
    let world = World::new(24);
    assert!(due(&world, &free, "2026-11-21T09:59:59.999999Z").is_empty());
    let expected = [row("base:2026-11-21", "2026-11-21T10:00:00Z", "2026-11-22T00:00:00Z")];
    assert_eq!(due(&world, &free, "2026-11-21T10:00:00Z"), expected);
    let nothing = [from("2026-11-01T00:00:00Z", daily(0, 0))];
    assert!(due(&world, &base(&nothing, &[]), "2026-11-21T10:00:00Z").is_empty());
    assert!(due(&world, &base(&[], &[]), "2026-11-21T10:00:00Z").is_empty());
}

#[test]
fn local_dates_a_missing_midnight_and_a_change_of_zone() {
    let spans = [from("2018-01-01T00:00:00Z", daily(5, 0))];
    let brazil = [zone("2018-01-01T00:00:00Z", "America/Sao_Paulo")];
    let expected = [row("base:2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z")];
    assert_eq!(due(&World::new(24), &base(&spans, &brazil), "2018-11-04T12:00:00Z"), expected);

    let tokyo = zone("2018-01-01T00:00:00Z", "Asia/Tokyo");
    let before = [tokyo.clone()];
    let after = [tokyo, zone("2026-11-21T03:00:00Z", "UTC")];
    let mut world = World::new(24);
    spend(&mut world, &base(&spans, &before), 5, "2026-11-21T02:00:00Z");
    let moved = base(&spans, &after);
    assert_eq!(shown(&world, &moved, "2026-11-21T14:59:59Z"), Amount::ZERO, "the running period goes on");
    let expected = [row("base:2026-11-22", "2026-11-21T15:00:00Z", "2026-11-23T00:00:00Z")];
    assert_eq!(due(&world, &moved, "2026-11-21T15:00:00Z"), expected);
    spend(&mut world, &moved, 5, "2026-11-21T15:00:00Z");
    assert_eq!(shown(&world, &moved, "2026-11-22T23:59:59Z"), Amount::ZERO, "each date is granted once");
    assert_eq!(shown(&world, &moved, "2026-11-23T00:00:00Z"), units(5));
    // Zones that were forgotten grant no date again either: what the wallet remembers runs to its end.
    let forgotten = [zone("2026-11-21T15:00:00Z", "Pacific/Kiritimati")];
    let sudden = base(&spans, &forgotten);
    assert!(due(&world, &sudden, "2026-11-22T23:00:00Z").is_empty());
    assert_eq!(shown(&world, &sudden, "2026-11-23T00:00:00Z"), units(5));
}

#[test]
fn months_are_the_calendars() {
    let monthly = AllowanceTerms { every: Every::Month, ..daily(100, 0) };
    let spans = [from("2026-01-31T12:00:00Z", monthly)];
    let plan = base(&spans, &[]);
    let world = World::new(24);
    for (now, expected) in [
        ("2026-01-31T13:00:00Z", row("base:2026-01", "2026-01-31T12:00:00Z", "2026-02-01T00:00:00Z")),
        ("2026-02-28T13:00:00Z", row("base:2026-02", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z")),
        ("2026-03-31T13:00:00Z", row("base:2026-03", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")),
    ] {
        assert_eq!(due(&world, &plan, now), [expected]);
    }
    let weekly = AllowanceTerms { every: Every::Week, ..daily(100, 0) };
    let spans = [from("2026-01-31T12:00:00Z", weekly)];
    let expected = [row("base:2026-W47", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z")];
    assert_eq!(due(&world, &base(&spans, &[]), "2026-11-21T10:00:00Z"), expected);
}

#[test]
fn what_rolls_over_is_computed_for_periods_nobody_wrote_in() {
    let rollover = Some(CarryOver { max: units(3), periods: 2 });
    let spans = [from("2026-11-01T00:00:00Z", AllowanceTerms { rollover, ..daily(5, 0) })];
    let plan = base(&spans, &[]);
    let mut world = World::new(24);
    spend(&mut world, &plan, 4, "2026-11-01T10:00:00Z");
    // 1 is left of the 1st.
    assert_eq!(shown(&world, &plan, "2026-11-02T00:00:00Z"), units(5 + 1));
    // 3 of the 2nd, 1 of the 1st.
    assert_eq!(shown(&world, &plan, "2026-11-03T00:00:00Z"), units(5 + 3 + 1));
    // 3 of the 3rd, 3 of the 2nd; what was left of the 1st has had its two periods.
    assert_eq!(shown(&world, &plan, "2026-11-04T00:00:00Z"), units(5 + 3 + 3));
    assert_eq!(shown(&world, &plan, "2026-11-30T00:00:00Z"), units(5 + 3 + 3));
    let before = world.entries.len();
    spend(&mut world, &plan, 11, "2026-11-30T10:00:00Z");
    let grants = world.entries[before..].iter().filter(|entry| entry.kind == EntryKind::Grant).count();
    // What was left of the 1st rolled over and expired; then today's and what two untouched days left.
    assert_eq!(grants, 4);
    assert_eq!(shown(&world, &plan, "2026-11-30T11:00:00Z"), Amount::ZERO, "used up is not given again");
    assert_eq!(shown(&world, &plan, "2026-12-01T00:00:00Z"), units(5), "and nothing of it is left to carry over");
}

/// What a wallet comes to: grants with something left, and debt.
fn outcome(world: &World) -> (BTreeSet<(GrantId, Amount, Option<Time>)>, Amount) {
    let left = world.grants().into_iter().filter(|grant| grant.available.is_positive());
    let left = left.map(|grant| (grant.id, grant.available, grant.expires_at)).collect();
    (left, world.wallet.body.debt.outstanding())
}

/// Every choice of days on which the wallet is written, out of eight, ends with the same grants and debt.
fn every_way_of_coming(terms: &AllowanceTerms, prepare: impl Fn(&mut World, &Allowance<'_>)) -> Amount {
    let spans = [from("2026-11-01T00:00:00Z", terms.clone())];
    let plan = base(&spans, &[]);
    let start = time("2026-11-21T10:00:00Z");
    let mut expected = None;
    for days in 0..256_u32 {
        let mut world = World::new(24);
        world.allow(&plan, start);
        prepare(&mut world, &plan);
        for day in (0..8_u32).filter(|day| (days >> *day) & 1 == 1) {
            world.allow(&plan, start.plus_seconds(86_400 * (i64::from(day) + 1)));
        }
        let end = start.plus_seconds(86_400 * 9);
        let read = world.shown(&plan, end).available();
        world.allow(&plan, end);
        assert_eq!(world.available(end), read, "a read says what the write puts down");
        let outcome = outcome(&world);
        let expected = expected.get_or_insert_with(|| outcome.clone());
        assert_eq!(outcome, *expected, "days {days:b}");
    }
    let (left, _) = expected.expect("an outcome");
    let sum = left.iter().map(|(_, amount, _)| amount.micros()).sum();
    Amount::from_micros(sum).expect("an amount")
}

/// A pack of 12 is bought, spent with all there is, and refunded: 12 are owed.
fn owe_12(world: &mut World, _plan: &Allowance<'_>) {
    let now = time("2026-11-21T10:00:00Z");
    let terms = Terms {
        id: GrantId(1),
        source_kind: SourceKind::Topup,
        source_id: "pack".into(),
        amount: units(12),
        priority: 30,
        effective_at: now,
        expires_at: None,
        rollover: None,
        metadata: None,
    };
    world.grant(&terms, now).expect("a grant");
    let all = world.available(now);
    world.spend(all, Mode::Reject, now).expect("all there is");
    let mut payment = Payment::new("pi_1".into(), 100, vec![GrantId(1)], units(12), true);
    payment.refunded = 100;
    world.reverse(&mut payment, now).expect("a refund");
    assert_eq!(world.wallet.body.debt.outstanding(), units(12));
}

#[test]
fn who_comes_daily_and_who_comes_once_end_alike() {
    let rollover = Some(CarryOver { max: units(3), periods: 3 });
    assert_eq!(every_way_of_coming(&daily(5, 0), |_, _| {}), units(5));
    let rolls = AllowanceTerms { rollover, ..daily(5, 0) };
    assert_eq!(every_way_of_coming(&rolls, |_, _| {}), units(5 + 3 * 3));
    // Untouched days pay debt as if they had been written: 22nd 5, 23rd 5, 24th 2.
    assert_eq!(every_way_of_coming(&daily(5, 0), owe_12), units(5));
    assert_eq!(every_way_of_coming(&rolls, owe_12), units(5 + 3 * 3));
    let long = AllowanceTerms { rollover: Some(CarryOver { max: units(1), periods: 12 }), ..daily(5, 0) };
    // 1 of each of the days from the 24th, of which 3 were left, to the 29th.
    assert_eq!(every_way_of_coming(&long, owe_12), units(5 + 6));
}

#[test]
fn lost_access_is_an_instant_and_what_it_took_comes_back_with_it() {
    let free = from("2026-11-01T00:00:00Z", daily(5, 0));
    let pro = from("2026-11-10T00:00:00Z", daily(20, 10));
    let grace = [free.clone(), Span { until: Some(time("2026-11-21T10:00:00Z")), ..pro.clone() }];
    let paid = [free, pro];
    let (grace, paid) = (base(&grace, &[]), base(&paid, &[]));
    let mut world = World::new(24);
    spend(&mut world, &grace, 3, "2026-11-21T08:00:00Z");
    assert_eq!(shown(&world, &grace, "2026-11-21T09:59:59.999999Z"), units(17));
    assert_eq!(shown(&world, &grace, "2026-11-21T10:00:00Z"), units(2), "5 of FREE, 3 used");
    spend(&mut world, &grace, 2, "2026-11-21T11:00:00Z");
    assert_eq!(shown(&world, &grace, "2026-11-21T12:00:00Z"), Amount::ZERO);
    world.allow(&paid, time("2026-11-21T13:00:00Z"));
    assert_eq!(world.available(time("2026-11-21T13:00:00Z")), units(15), "20 of PRO, 5 used");
    spend(&mut world, &paid, 15, "2026-11-21T14:00:00Z");
    // Lost and back again: nothing more.
    assert_eq!(shown(&world, &grace, "2026-11-21T15:00:00Z"), Amount::ZERO);
    world.allow(&grace, time("2026-11-21T15:00:00Z"));
    assert_eq!(shown(&world, &paid, "2026-11-21T16:00:00Z"), Amount::ZERO);
    assert_eq!(shown(&world, &paid, "2026-11-22T00:00:00Z"), units(20));
    assert_eq!(shown(&world, &grace, "2026-11-22T00:00:00Z"), units(5));
    // First seen after access was lost: FREE from the beginning.
    assert_eq!(shown(&World::new(24), &grace, "2026-11-21T10:00:00Z"), units(5));
}

#[test]
fn what_is_held_when_access_is_lost_stays_with_its_hold_alone() {
    let spans = [
        from("2026-11-01T00:00:00Z", daily(5, 0)),
        Span { until: Some(time("2026-11-21T10:00:00Z")), ..from("2026-11-10T00:00:00Z", daily(20, 10)) },
    ];
    let back = [from("2026-11-01T00:00:00Z", daily(5, 0)), from("2026-11-10T00:00:00Z", daily(20, 10))];
    let (plan, back) = (base(&spans, &[]), base(&back, &[]));
    for captured in [0, 15] {
        let mut world = World::new(24);
        let (eight, eleven, noon) =
            (time("2026-11-21T08:00:00Z"), time("2026-11-21T11:00:00Z"), time("2026-11-21T12:00:00Z"));
        world.allow(&plan, eight);
        world.hold(HoldId(1), units(15), Mode::Reject, noon.plus_seconds(3_600), eight).expect("a hold");
        world.allow(&plan, eleven);
        assert_eq!(world.available(eleven), Amount::ZERO, "the 5 that are FREE's are held");
        if captured == 0 {
            world.release(HoldId(1), noon).expect("an open hold");
            assert_eq!(world.available(noon), units(5));
        } else {
            world.capture(HoldId(1), units(captured), noon).expect("an open hold");
            assert_eq!(world.available(noon), Amount::ZERO);
        }
        // Access is back: the 5 that were revoked are given again; what was marked was captured, or is gone.
        world.allow(&back, noon.plus_seconds(60));
        assert_eq!(world.available(noon.plus_seconds(60)), units(if captured == 0 { 10 } else { 5 }));
    }
}
