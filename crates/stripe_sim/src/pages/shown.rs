//! How pages write amounts, times and waits.

use crate::objects::payment_intents::amounts;
use jiff::Timestamp;
use serde_json::Value;

/// An amount in minor units, such as `$1,234.50` or `-$5.00`.
pub(super) fn money(amount: i64, currency: &str) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}", amounts::shown(amount.saturating_abs(), currency))
}

/// A second, such as `05 Nov 2026, 14:03:20 UTC`.
pub(super) fn when(at: i64) -> String {
    written(at, "%d %b %Y, %H:%M:%S UTC")
}

/// The day of a second, such as `05 Nov 2026`.
pub(super) fn day(at: i64) -> String {
    written(at, "%d %b %Y")
}

/// A second as programs write it, such as `2026-11-05T14:03:20Z`.
pub(super) fn instant(at: i64) -> String {
    written(at, "%Y-%m-%dT%H:%M:%SZ")
}

fn written(at: i64, pattern: &str) -> String {
    // A second the calendar does not have is written as a number.
    Timestamp::from_second(at).map_or_else(|_| at.to_string(), |at| at.strftime(pattern).to_string())
}

/// The second that a person or a program means: seconds since 1970, `2026-11-05`, `2026-11-05T14:03` or
/// `2026-11-05T14:03:20Z`. What names no zone is UTC.
pub(super) fn second(text: &str) -> Option<i64> {
    if let Ok(second) = text.parse::<i64>() {
        return Some(second);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_second());
    }
    let time = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ => format!("{text}Z"),
    };
    time.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// How long it is until something, in the largest unit that fits: `3 days`, `1 hour`, `now`.
pub(super) fn wait(seconds: i64) -> String {
    let units = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];
    let fitting = units.iter().find(|(_, length)| seconds >= *length);
    match fitting {
        Some((name, length)) if seconds / length == 1 => format!("1 {name}"),
        Some((name, length)) => format!("{} {name}s", seconds / length),
        None => "now".to_owned(),
    }
}

/// A word of the API for people: `past_due` is `past due`.
pub(super) fn word(word: &str) -> String {
    word.replace('_', " ")
}

/// The same at the beginning of a line: `too_expensive` is `Too expensive`.
pub(super) fn heading(text: &str) -> String {
    let words = word(text);
    let (first, rest) = words.split_at_checked(1).unwrap_or(("", &words));
    format!("{}{rest}", first.to_ascii_uppercase())
}

/// The longest text that a table shows whole, in characters; ids but those of sessions are shorter.
const LONGEST: usize = 48;

/// A text with its middle left out, if it is long: the ids of sessions, for instance.
pub(super) fn short(text: &str) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let start: String = text.chars().take(20).collect();
    let end: String = text.chars().skip(count - 6).collect();
    format!("{start}…{end}")
}

/// The word that a value of the API is.
pub(super) fn name(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A text as a part of a query.
pub(super) fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::{escaped, instant, money, second, short, wait, when, word};

    #[test]
    fn amounts_times_and_waits() {
        assert_eq!([money(123_450, "usd"), money(-500, "usd"), money(7, "jpy")], ["$1,234.50", "-$5.00", "¥7"]);
        assert_eq!(when(1_767_225_600), "01 Jan 2026, 00:00:00 UTC");
        assert_eq!(instant(1_767_225_661), "2026-01-01T00:01:01Z");
        let waits = [0, 1, 59, 60, 3600, 7200, 86_400, 259_199].map(wait);
        assert_eq!(waits, ["now", "1 second", "59 seconds", "1 minute", "1 hour", "2 hours", "1 day", "2 days"]);
        assert_eq!((word("past_due"), escaped("a b&c")), ("past due".to_owned(), "a+b%26c".to_owned()));
    }

    #[test]
    fn a_long_text_loses_its_middle() {
        let id = "cs_test_yJZoJQ8TEEjwCA8NosAUFHhyFVlHJH8yw1x96ljHnJbtAlqNHECFay2kvP";
        assert_eq!((short(id).as_str(), short("in_1").as_str()), ("cs_test_yJZoJQ8TEEjw…ay2kvP", "in_1"));
    }

    #[test]
    fn a_second_can_be_written_in_many_ways() {
        for text in [
            "1767225660",
            "2026-01-01T00:01:00Z",
            "2026-01-01T00:01",
            "2026-01-01T00:01:00",
            "2026-01-01T01:01:00+01:00",
        ] {
            assert_eq!(second(text), Some(1_767_225_660), "{text}");
        }
        assert_eq!(second("2026-01-01"), Some(1_767_225_600));
        for text in ["", "tomorrow", "2026-13-01", "ä026-01-01"] {
            assert_eq!(second(text), None, "{text}");
        }
    }
}
