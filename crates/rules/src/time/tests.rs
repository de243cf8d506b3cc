//! Instants: tables of texts, and every day against jiff's calendar.

use super::{Date, Time, civil, days_since_epoch};
use alloc::string::ToString;
use proptest::prelude::*;

#[test]
fn texts_are_read_and_written_in_utc() {
    let table = [
        ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
        ("1970-01-01T00:00:00.000001Z", 1, "1970-01-01T00:00:00.000001Z"),
        ("1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"),
        ("2026-11-21T04:00:00Z", 1_795_233_600_000_000, "2026-11-21T04:00:00Z"),
        ("2026-11-21t04:00:00.50z", 1_795_233_600_500_000, "2026-11-21T04:00:00.5Z"),
        ("2026-11-21T05:30:00+01:30", 1_795_233_600_000_000, "2026-11-21T04:00:00Z"),
        ("2026-11-20T20:00:00-08:00", 1_795_233_600_000_000, "2026-11-21T04:00:00Z"),
        ("2026-11-21T04:00:00-00:00", 1_795_233_600_000_000, "2026-11-21T04:00:00Z"),
        ("2026-11-21T04:00:00.120000000Z", 1_795_233_600_120_000, "2026-11-21T04:00:00.12Z"),
        ("2024-02-29T23:59:59Z", 1_709_251_199_000_000, "2024-02-29T23:59:59Z"),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000, "2000-02-29T00:00:00Z"),
        ("0001-01-01T00:00:00Z", Time::MIN.micros(), "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", Time::MAX.micros(), "9999-12-31T23:59:59.999999Z"),
    ];
    for (text, micros, written) in table {
        let time = Time::parse(text).expect(text);
        assert_eq!((time.micros(), time.to_string().as_str()), (micros, written), "{text}");
    }
}

#[test]
fn what_is_no_instant_is_refused() {
    let table = [
        "",
        "2026-11-21",
        "2026-11-21T04:00:00",
        "2026-11-21T04:00Z",
        "2026-11-21 04:00:00Z",
        " 2026-11-21T04:00:00Z",
        "2026-11-21T04:00:00Z ",
        "2026-11-21T04:00:00Z\0",
        "20261121T040000Z",
        "2026-1-21T04:00:00Z",
        "26-11-21T04:00:00Z",
        "+2026-11-21T04:00:00Z",
        "-2026-11-21T04:00:00Z",
        "12026-11-21T04:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-12-31T23:59:60Z",
        "2016-12-31T23:59:60Z",
        "2026-01-01T00:00:61Z",
        "2026-11-21T04:00:00.Z",
        "2026-11-21T04:00:00,5Z",
        "2026-11-21T04:00:00.1234567Z",
        "2026-11-21T04:00:00.0000001Z",
        "2026-11-21T04:00:00+1:00",
        "2026-11-21T04:00:00+0100",
        "2026-11-21T04:00:00+24:00",
        "2026-11-21T04:00:00+01:60",
        "2026-11-21T04:00:00+01",
        "2026-11-21T04:00:00+01:00[Europe/Paris]",
        "2026-11-21T04:00:00ZZ",
        "2026-11-21T04:00:00+",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "1795233600",
        "now",
        "２026-11-21T04:00:00Z",
    ];
    for text in table {
        assert_eq!(Time::parse(text), None, "{text:?}");
    }
}

#[test]
fn adding_seconds_stays_within_the_years() {
    assert_eq!(Time::from_micros(5).plus_seconds(-1), Time::from_micros(-999_995));
    assert_eq!(Time::MAX.plus_seconds(1), Time::MAX);
    assert_eq!(Time::from_micros(0).plus_seconds(i64::MAX), Time::MAX);
    assert_eq!(Time::from_micros(0).plus_seconds(i64::MIN), Time::MIN);
}

#[test]
fn a_utc_day_begins_at_midnight() {
    assert_eq!(Time::from_micros(0).utc_day(), 0);
    assert_eq!(Time::from_micros(-1).utc_day(), -1);
    assert_eq!(Time::from_micros(86_400_000_000).utc_day(), 1);
    assert_eq!(Time::from_micros(i64::MAX).utc_day(), 106_751_991);
}

#[test]
fn a_utc_month_begins_on_its_first_day() {
    let table = [
        ("2026-11-21T04:00:00.5Z", "2026-11-01T00:00:00Z"),
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("2026-10-31T23:59:59.999999Z", "2026-10-01T00:00:00Z"),
        ("2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z"),
        ("1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z"),
        ("0001-01-31T00:00:00Z", "0001-01-01T00:00:00Z"),
    ];
    for (at, start) in table {
        let at = Time::parse(at).expect(at);
        assert_eq!(at.start_of_utc_month().to_string(), start);
    }
}

#[test]
fn every_day_of_the_calendar_is_jiffs() {
    let first = days_since_epoch(Date::constant(1, 1, 1));
    let mut date = Date::constant(1, 1, 1);
    for day in first.. {
        let (year, month, day_of_month) = civil(day);
        assert_eq!((year, month, day_of_month), (date.year().into(), date.month().into(), date.day().into()));
        match date.tomorrow() {
            Ok(next) => date = next,
            Err(_) => break,
        }
    }
    assert_eq!(date, Date::constant(9999, 12, 31));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(micros in Time::MIN.micros()..=Time::MAX.micros()) {
        let time = Time::from_micros(micros);
        prop_assert_eq!(Time::parse(&time.to_string()), Some(time));
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC{0,32}|[-+0-9T:.Z]{0,32}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[-+][0-9]{2}:[0-9]{2})") {
        if let Some(time) = Time::parse(&text) {
            prop_assert_eq!(Time::parse(&time.to_string()), Some(time));
        }
    }
}
