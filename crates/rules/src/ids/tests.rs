//! Names and ids: what they refuse, how they read, and that buckets and derived ids never change.

use super::{Bucket, ConsumptionId, CustomerId, EntryId, GrantId, HoldId, Unit};
use crate::Time;
use alloc::{format, string::ToString};
use proptest::prelude::*;

#[test]
fn a_customer_is_named_by_what_an_app_would_use() {
    let longest = "a".repeat(128);
    for text in ["a", "42", "org_2x.Y:z@host-1", "-", longest.as_str()] {
        assert_eq!(CustomerId::new(text).expect(text).as_str(), text);
    }
    let too_long = "a".repeat(129);
    for text in [
        "",
        " ",
        "a b",
        "a/b",
        "a\0",
        "\0",
        "a\n",
        "é",
        "ａ",
        "a\u{200b}",
        "\u{202e}a",
        "a+b",
        "a%20",
        "💳",
        too_long.as_str(),
    ] {
        assert!(CustomerId::new(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_unit_is_a_small_word() {
    let longest = format!("u{}", "9".repeat(63));
    for text in ["credits", "tokens_2", "a", longest.as_str()] {
        assert_eq!(Unit::new(text).expect(text).as_str(), text);
    }
    assert_eq!(Unit::credits(), Unit::new("credits").expect("the default"));
    let too_long = format!("u{}", "9".repeat(64));
    for text in ["", "_a", "1a", "Credits", "a-b", "a b", "a.b", "a\0", "é", "ａ", too_long.as_str()] {
        assert!(Unit::new(text).is_err(), "{text:?}");
    }
}

#[test]
fn every_byte_is_either_allowed_or_refused() {
    for byte in 0..=127_u8 {
        let text = format!("a{}", char::from(byte));
        let in_customer = byte.is_ascii_alphanumeric() || b"_.:@-".contains(&byte);
        let in_unit = byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert_eq!(CustomerId::new(&text).is_ok(), in_customer, "{text:?}");
        assert_eq!(Unit::new(&text).is_ok(), in_unit, "{text:?}");
    }
}

/// Rows are stored under these: if this test fails, the code is wrong, never the test.
#[test]
fn buckets_and_derived_ids_never_change() {
    let bucket = |text: &str| CustomerId::new(text).expect(text).bucket();
    assert_eq!([bucket("team_1"), bucket("42"), bucket("a")], [Bucket(124), Bucket(115), Bucket(202)]);
    let derived = GrantId::derive(&["team_1", "credits", "base", "2026-11-21"], Bucket(7));
    assert_eq!(derived.to_string(), "grt_6072d34d10b4baf2829cc35e2190ea07");
}

#[test]
fn derived_ids_tell_their_texts_apart() {
    let lists: [&[&str]; 6] = [&[], &[""], &["", ""], &["a", "bc"], &["ab", "c"], &["abc"]];
    let ids = lists.map(|texts| GrantId::derive(texts, Bucket(3)));
    for (at, id) in ids.iter().enumerate() {
        assert!(!ids[..at].contains(id), "{:?}", lists[at]);
        assert_eq!(id.bucket(), Bucket(3));
    }
    assert_ne!(GrantId::derive(&["a"], Bucket(3)), GrantId::derive(&["a"], Bucket(4)));
}

#[test]
fn new_ids_carry_time_version_and_bucket() {
    let at = Time::parse("2026-11-21T04:00:00.123456Z").expect("an instant");
    let id = HoldId::new(at, u128::MAX, Bucket(0x5a));
    assert_eq!(id.to_string(), "hold_01a1fc42d27b7fffbfffffffffffff5a");
    assert_eq!(HoldId::new(Time::MIN, 0, Bucket(0)).to_string(), "hold_00000000000070008000000000000000");
    let last = format!("{:012x}", Time::MAX.micros() / 1000);
    assert!(HoldId::new(Time::MAX, 0, Bucket(0)).to_string().contains(&last));
}

#[test]
fn ids_are_read_only_as_they_are_written() {
    let id = EntryId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    assert_eq!("ent_0123456789abcdef0123456789abcdef".parse(), Ok(id));
    for text in [
        "",
        "ent_",
        "0123456789abcdef0123456789abcdef",
        "grt_0123456789abcdef0123456789abcdef",
        "ent_0123456789ABCDEF0123456789ABCDEF",
        "ent_0123456789abcdef0123456789abcde",
        "ent_0123456789abcdef0123456789abcdef0",
        "ent_+123456789abcdef0123456789abcdef",
        "ent_0123456789abcdef 123456789abcdef",
        "ENT_0123456789abcdef0123456789abcdef",
        "ent_0123456789abcdef0123456789abcdef\0",
        " ent_0123456789abcdef0123456789abcdef",
        "ent_01234567-89ab-cdef-0123-456789abcdef",
        "ent_0123456789abcdef0123456789abcdeé",
    ] {
        assert!(text.parse::<EntryId>().is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn ids_round_trip_and_keep_their_order(
        early in 0_i64..=Time::MAX.micros() / 2, later in 1_000_i64..1_000_000_000, random: [u128; 2], buckets: [u8; 2],
    ) {
        let one = ConsumptionId::new(Time::from_micros(early), random[0], Bucket(buckets[0]));
        let two = ConsumptionId::new(Time::from_micros(early + later), random[1], Bucket(buckets[1]));
        prop_assert!(one < two);
        prop_assert!(one.to_string() < two.to_string());
        prop_assert_eq!((one.bucket(), two.bucket()), (Bucket(buckets[0]), Bucket(buckets[1])));
        prop_assert_eq!(one.to_string().parse(), Ok(one));
    }

    #[test]
    fn no_text_breaks_them(text in "\\PC{0,40}|(ent|grt)_[0-9a-f]{30,34}") {
        if let Ok(id) = text.parse::<EntryId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
