//! Calendars: changes of zone by literal dates, and in full over a few days of every pair of zones.

use super::{Calendar, Every, ZoneSince};
use crate::{
    Time,
    period::{Period, Zone},
};
use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

fn time(text: &str) -> Time {
    Time::parse(text).expect(text)
}

fn zones(changes: &[(&str, &str)]) -> Vec<ZoneSince> {
    let change = |&(since, zone): &(&str, &str)| ZoneSince { since: time(since), zone: Zone::new(zone).expect(zone) };
    changes.iter().map(change).collect()
}

const EVER: &str = "2020-01-01T00:00:00Z";

/// The periods from the one `at` lies in, as label and start.
fn walk(calendar: &Calendar, at: &str, count: usize) -> Vec<(String, String)> {
    let mut periods: Vec<Period> = Vec::new();
    for _ in 0..count {
        let at = periods.last().map_or_else(|| time(at), |period| period.end);
        periods.push(calendar.period_at(at));
    }
    periods.into_iter().map(|period| (period.label, period.start.to_string())).collect()
}

fn check(every: Every, changes: &[(&str, &str)], expected: &[(&str, &str)]) {
    let calendar = Calendar::new(every, &zones(changes));
    let found = walk(&calendar, expected[0].1, expected.len());
    let expected: Vec<_> = expected.iter().map(|(label, start)| ((*label).to_string(), (*start).to_string())).collect();
    assert_eq!(found, expected, "{changes:?}");
}

#[test]
fn without_a_zone_it_is_utc_and_with_one_its_own() {
    check(Every::Day, &[], &[("2026-11-21", "2026-11-21T00:00:00Z"), ("2026-11-22", "2026-11-22T00:00:00Z")]);
    // A missing midnight: 00:00 became 01:00.
    check(
        Every::Day,
        &[(EVER, "America/Sao_Paulo")],
        &[("2018-11-04", "2018-11-04T03:00:00Z"), ("2018-11-05", "2018-11-05T02:00:00Z")],
    );
}

#[test]
fn eastward_the_next_date_is_cut_off_in_front() {
    check(
        Every::Day,
        &[(EVER, "UTC"), ("2026-11-21T03:00:00Z", "Asia/Tokyo")],
        &[
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-21", "2026-11-21T00:00:00Z"),
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("2026-11-23", "2026-11-22T15:00:00Z"),
            ("2026-11-24", "2026-11-23T15:00:00Z"),
        ],
    );
}

#[test]
fn westward_the_next_date_begins_early_and_none_comes_twice() {
    check(
        Every::Day,
        &[(EVER, "Asia/Tokyo"), ("2026-11-21T03:00:00Z", "UTC")],
        &[
            ("2026-11-20", "2026-11-19T15:00:00Z"),
            ("2026-11-21", "2026-11-20T15:00:00Z"),
            ("2026-11-22", "2026-11-21T15:00:00Z"),
            ("2026-11-23", "2026-11-23T00:00:00Z"),
        ],
    );
    // From the first zone of the world to its last, where it is the day before.
    check(
        Every::Day,
        &[(EVER, "Pacific/Kiritimati"), ("2026-11-21T03:00:00Z", "Etc/GMT+12")],
        &[
            ("2026-11-21", "2026-11-20T10:00:00Z"),
            ("2026-11-22", "2026-11-21T10:00:00Z"),
            ("2026-11-23", "2026-11-23T12:00:00Z"),
        ],
    );
}

#[test]
fn weeks_and_months_change_with_their_own_period() {
    check(
        Every::Month,
        &[(EVER, "Asia/Tokyo"), ("2026-11-21T03:00:00Z", "UTC")],
        &[
            ("2026-11", "2026-10-31T15:00:00Z"),
            ("2026-12", "2026-11-30T15:00:00Z"),
            ("2027-01", "2027-01-01T00:00:00Z"),
        ],
    );
    check(
        Every::Week,
        &[(EVER, "UTC"), ("2026-11-21T03:00:00Z", "Asia/Tokyo")],
        &[
            ("2026-W47", "2026-11-16T00:00:00Z"),
            ("2026-W48", "2026-11-23T00:00:00Z"),
            ("2026-W49", "2026-11-29T15:00:00Z"),
        ],
    );
}

#[test]
fn a_change_taken_back_before_it_applied_never_was() {
    let plain = Calendar::new(Every::Day, &zones(&[(EVER, "UTC")]));
    let (tokyo, back) = (("2026-11-21T03:00:00Z", "Asia/Tokyo"), ("2026-11-21T23:59:59Z", "UTC"));
    let taken_back = Calendar::new(Every::Day, &zones(&[(EVER, "UTC"), tokyo, back]));
    assert_eq!(walk(&taken_back, "2026-11-20T00:00:00Z", 5), walk(&plain, "2026-11-20T00:00:00Z", 5));
    // Once it applied it takes a period of its own to take it back.
    check(
        Every::Day,
        &[(EVER, "UTC"), tokyo, ("2026-11-22T00:00:00Z", "UTC")],
        &[
            ("2026-11-21", "2026-11-21T00:00:00Z"),
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("2026-11-23", "2026-11-22T15:00:00Z"),
            ("2026-11-24", "2026-11-24T00:00:00Z"),
        ],
    );
}

/// Every pair of changes among zones all round the world, at each third hour of three days: periods follow
/// each other, no label comes twice, and each period is found from any instant in it.
#[test]
fn no_change_of_zone_tears_the_periods_apart() {
    let names = ["Pacific/Kiritimati", "Asia/Tokyo", "UTC", "America/Sao_Paulo", "Etc/GMT+12"];
    let begin = time("2026-11-20T00:00:00Z");
    let mut count = 0;
    for first in names {
        for (second, third) in names.iter().flat_map(|second| names.iter().map(move |third| (*second, *third))) {
            for hours in (0..72).step_by(3) {
                let zone = |name: &str| Zone::new(name).expect("a zone");
                let at = begin.plus_seconds(hours * 3_600);
                let history = vec![
                    ZoneSince { since: Time::MIN, zone: zone(first) },
                    ZoneSince { since: begin.plus_seconds(7_200), zone: zone(second) },
                    ZoneSince { since: begin.plus_seconds(7_200).max(at), zone: zone(third) },
                ];
                let calendar = Calendar::new(Every::Day, &history);
                let mut period = calendar.period_at(begin.plus_seconds(-86_400));
                for _ in 0..7 {
                    let next = calendar.period_at(period.end);
                    assert!(next.start == period.end && next.label > period.label, "{history:?}: {period:?}, {next:?}");
                    assert!(next.start < next.end, "{history:?}: {next:?}");
                    assert_eq!(calendar.before(&next), period, "{history:?}");
                    let last = Time::from_micros(next.end.micros() - 1);
                    assert_eq!(calendar.period_at(last), next, "{history:?}");
                    period = next;
                }
                count += 1;
            }
        }
    }
    assert_eq!(count, 3_000);
}
