//! Periods: tables of zones that skip and repeat midnights, and periods that tile time.

use super::{Cycle, Period, Zone};
use crate::Time;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

fn time(text: &str) -> Time {
    Time::parse(text).expect(text)
}

fn zone(name: &str) -> Zone {
    Zone::new(name).expect(name)
}

/// The periods from the one `at` lies in, as label and start.
fn walk(cycle: Cycle, zone: &Zone, at: &str, count: usize) -> Vec<(String, String)> {
    let mut periods: Vec<Period> = Vec::new();
    for _ in 0..count {
        let at = periods.last().map_or_else(|| time(at), |period| period.end);
        periods.push(cycle.period_at(zone, at));
    }
    periods.into_iter().map(|period| (period.label, period.start.to_string())).collect()
}

fn check(cycle: Cycle, name: &str, expected: &[(&str, &str)]) {
    let found = walk(cycle, &zone(name), expected[0].1, expected.len());
    let expected: Vec<_> = expected.iter().map(|(label, start)| ((*label).to_string(), (*start).to_string())).collect();
    assert_eq!(found, expected, "{name}");
}

#[test]
fn a_missing_midnight_is_the_first_instant_of_the_date() {
    // 00:00 became 01:00.
    check(
        Cycle::Day,
        "America/Sao_Paulo",
        &[
            ("2018-11-03", "2018-11-03T03:00:00Z"),
            ("2018-11-04", "2018-11-04T03:00:00Z"),
            ("2018-11-05", "2018-11-05T02:00:00Z"),
        ],
    );
    check(
        Cycle::Day,
        "Africa/Cairo",
        &[
            ("2023-04-27", "2023-04-26T22:00:00Z"),
            ("2023-04-28", "2023-04-27T22:00:00Z"),
            ("2023-04-29", "2023-04-28T21:00:00Z"),
        ],
    );
    check(
        Cycle::Day,
        "Asia/Beirut",
        &[
            ("2026-03-28", "2026-03-27T22:00:00Z"),
            ("2026-03-29", "2026-03-28T22:00:00Z"),
            ("2026-03-30", "2026-03-29T21:00:00Z"),
        ],
    );
}

#[test]
fn a_repeated_hour_belongs_to_one_date() {
    // 00:00 became 23:00: the 17th has 25 hours.
    check(
        Cycle::Day,
        "America/Sao_Paulo",
        &[("2018-02-17", "2018-02-17T02:00:00Z"), ("2018-02-18", "2018-02-18T03:00:00Z")],
    );
    check(Cycle::Day, "Asia/Beirut", &[("2026-10-24", "2026-10-23T21:00:00Z"), ("2026-10-25", "2026-10-24T22:00:00Z")]);
    // 00:01 became 23:01: the 7th begins twice and is granted at the first beginning.
    check(
        Cycle::Day,
        "America/St_Johns",
        &[
            ("2010-11-06", "2010-11-06T02:30:00Z"),
            ("2010-11-07", "2010-11-07T02:30:00Z"),
            ("2010-11-08", "2010-11-08T03:30:00Z"),
        ],
    );
    let in_second_evening = Cycle::Day.period_at(&zone("America/St_Johns"), time("2010-11-07T02:45:00Z"));
    assert_eq!(in_second_evening.label, "2010-11-07");
    // 1969-10-01T00:00+11 became 1969-09-30T01:00-12: one period of 47 hours.
    check(
        Cycle::Day,
        "Pacific/Kwajalein",
        &[("1969-09-30", "1969-09-29T13:00:00Z"), ("1969-10-01", "1969-10-01T12:00:00Z")],
    );
}

#[test]
fn a_skipped_date_is_no_period() {
    check(
        Cycle::Day,
        "Pacific/Kwajalein",
        &[("1993-08-20", "1993-08-20T12:00:00Z"), ("1993-08-22", "1993-08-21T12:00:00Z")],
    );
    check(
        Cycle::Day,
        "Pacific/Apia",
        &[
            ("2011-12-29", "2011-12-29T10:00:00Z"),
            ("2011-12-31", "2011-12-30T10:00:00Z"),
            ("2012-01-01", "2011-12-31T10:00:00Z"),
        ],
    );
    check(Cycle::Week, "Pacific/Apia", &[("2011-W52", "2011-12-26T10:00:00Z"), ("2012-W01", "2012-01-01T10:00:00Z")]);
}

#[test]
fn weeks_and_months_are_local() {
    check(
        Cycle::Week,
        "UTC",
        &[
            ("2026-W53", "2026-12-28T00:00:00Z"),
            ("2027-W01", "2027-01-04T00:00:00Z"),
            ("2027-W02", "2027-01-11T00:00:00Z"),
        ],
    );
    check(Cycle::Week, "Europe/Berlin", &[("2026-W13", "2026-03-22T23:00:00Z"), ("2026-W14", "2026-03-29T22:00:00Z")]);
    check(
        Cycle::Month,
        "Asia/Tokyo",
        &[
            ("2026-11", "2026-10-31T15:00:00Z"),
            ("2026-12", "2026-11-30T15:00:00Z"),
            ("2027-01", "2026-12-31T15:00:00Z"),
        ],
    );
    check(Cycle::Month, "Africa/Cairo", &[("2026-10", "2026-09-30T21:00:00Z"), ("2026-11", "2026-10-31T22:00:00Z")]);
    let week = Cycle::Week.period_at(&Zone::utc(), time("2026-11-21T04:00:00Z"));
    assert_eq!(
        (week.label.as_str(), week.start, week.end),
        ("2026-W47", time("2026-11-16T00:00:00Z"), time("2026-11-23T00:00:00Z"))
    );
}

#[test]
fn billing_months_clamp_from_their_anchor() {
    let anchor = time("2026-01-31T10:30:00Z");
    check(
        Cycle::Billing { anchor },
        "Asia/Tokyo",
        &[
            ("2025-11-30/P1M", "2025-11-30T10:30:00Z"),
            ("2025-12-31/P1M", "2025-12-31T10:30:00Z"),
            ("2026-01-31/P1M", "2026-01-31T10:30:00Z"),
            ("2026-02-28/P1M", "2026-02-28T10:30:00Z"),
            ("2026-03-31/P1M", "2026-03-31T10:30:00Z"),
            ("2026-04-30/P1M", "2026-04-30T10:30:00Z"),
            ("2026-05-31/P1M", "2026-05-31T10:30:00Z"),
        ],
    );
    let leap = time("2024-02-29T00:00:00Z");
    let cycle = Cycle::Billing { anchor: leap };
    assert_eq!(cycle.period_at(&Zone::utc(), time("2025-02-28T00:00:00Z")).label, "2025-02-28/P1M");
    assert_eq!(cycle.period_at(&Zone::utc(), time("2025-02-27T23:59:59.999999Z")).label, "2025-01-29/P1M");
    assert_eq!(cycle.period_at(&Zone::utc(), time("2028-02-29T00:00:00Z")).label, "2028-02-29/P1M");
}

#[test]
fn zones_are_known_by_their_iana_names() {
    for (text, name) in
        [("UTC", "UTC"), ("utc", "UTC"), ("europe/berlin", "Europe/Berlin"), ("Asia/Kolkata", "Asia/Kolkata")]
    {
        assert_eq!(zone(text).name(), name);
    }
    assert_eq!(Zone::utc(), zone("UTC"));
    for text in [
        "",
        " ",
        "Mars/Olympus",
        "Europe",
        "Etc/Unknown",
        "+01:00",
        "UTC+1",
        "EST5EDT,M3.2.0,M11.1.0",
        "Europe/Berlin\0",
        "../UTC",
        "local",
    ] {
        assert!(Zone::new(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_ends_of_time_are_in_periods_too() {
    let far = time("9999-12-31T23:59:59.999999Z");
    for name in ["UTC", "Pacific/Apia", "Pacific/Honolulu"] {
        for cycle in [
            Cycle::Day,
            Cycle::Week,
            Cycle::Month,
            Cycle::Billing { anchor: far },
            Cycle::Billing { anchor: Time::MIN },
        ] {
            for at in [Time::MIN, far] {
                let period = cycle.period_at(&zone(name), at);
                assert!(period.start <= at && at <= period.end, "{name} {cycle:?} {at}: {period:?}");
            }
        }
    }
}

/// The day before, at and after every change of clocks from 1970 to 2040, in every zone there is.
#[test]
fn no_change_of_clocks_tears_the_days_apart() {
    let (first, last) = (Time::from_micros(0), time("2040-01-01T00:00:00Z"));
    let instant = |at: Time| jiff::Timestamp::from_microsecond(at.micros()).expect("within jiff's years");
    let mut jumps = 0;
    for name in TimeZoneDatabase::bundled().available() {
        let Ok(zone) = Zone::new(name.as_str()) else { continue };
        for jump in zone.0.following(instant(first)).take_while(|jump| jump.timestamp() < instant(last)) {
            let jump = Time::from_micros(jump.timestamp().as_microsecond());
            let mut period = Cycle::Day.period_at(&zone, jump.plus_seconds(-86_400));
            while period.start <= jump {
                let next = Cycle::Day.period_at(&zone, period.end);
                assert!(period.start < period.end, "{}: {period:?}", zone.name());
                assert!(next.start == period.end && next.label > period.label, "{}: {period:?}, {next:?}", zone.name());
                assert_eq!(Cycle::Day.period_at(&zone, period.start), period, "{}", zone.name());
                period = next;
            }
            jumps += 1;
        }
    }
    assert!(jumps > 10_000, "only {jumps} changes of clocks: is the zone data there?");
}

fn any_zone() -> impl Strategy<Value = Zone> {
    let names: Vec<_> = TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect();
    proptest::sample::select(names).prop_filter_map("a zone with a name", |name| Zone::new(&name).ok())
}

/// Microseconds from 1900 to 2200, often near a midnight.
fn any_time() -> impl Strategy<Value = Time> {
    let hours = -613_608_i64..2_016_216;
    (hours, prop_oneof![Just(0), Just(-1), 0..3_600_000_000_i64])
        .prop_map(|(hour, micros)| Time::from_micros(hour * 3_600_000_000 + micros))
}

fn any_cycle() -> impl Strategy<Value = Cycle> {
    let billing = any_time().prop_map(|anchor| Cycle::Billing { anchor });
    prop_oneof![Just(Cycle::Day), Just(Cycle::Week), Just(Cycle::Month), billing]
}

proptest! {
    #[test]
    fn periods_tile_time(cycle in any_cycle(), zone in any_zone(), at in any_time()) {
        let period = cycle.period_at(&zone, at);
        prop_assert!(period.start <= at && at < period.end, "{:?}", period);
        let last = Time::from_micros(period.end.micros() - 1);
        prop_assert_eq!(&cycle.period_at(&zone, period.start), &period);
        prop_assert_eq!(&cycle.period_at(&zone, last), &period);
        let next = cycle.period_at(&zone, period.end);
        prop_assert_eq!(next.start, period.end);
        prop_assert!(next.label > period.label);
        let before = cycle.period_at(&zone, Time::from_micros(period.start.micros() - 1));
        prop_assert_eq!(before.end, period.start);
        prop_assert!(before.label < period.label);
    }

    #[test]
    fn billing_months_begin_on_the_anchors_day_or_the_months_last(anchor in any_time(), at in any_time()) {
        let period = Cycle::Billing { anchor }.period_at(&Zone::utc(), at);
        let (start, anchor) = (period.start.to_string(), anchor.to_string());
        prop_assert_eq!(&start[10..], &anchor[10..]);
        let day_after = period.start.plus_seconds(86_400).to_string();
        prop_assert!(start[8..10] == anchor[8..10] || (start[8..10] < anchor[8..10] && &day_after[8..10] == "01"));
    }
}
