//! What Stripe sends is taken for Stripe's only when it is signed with a secret of ours, and not long ago.

use purser_stripe::{
    Secret,
    webhook::{BadSignature, Notification, read, sign, verify},
};

/// Stripe's libraries for Node and Python agree on this one.
const BODY: &str = "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"invoice.paid\",\"note\":\"héllo \\u2028\"}";
const AT: i64 = 1_700_000_000;
const TAG: &str = "ac15813d70f1e07a5dc30c01147c7c0e2f9171db0a098043861f81972643545f";

const SNAPSHOT: &str = r#"{"id":"evt_1","object":"event","type":"invoice.paid","created":5,"api_version":"2026-10-28.endive",
    "livemode":false,"pending_webhooks":1,"request":null,"data":{"object":{"id":"in_1","object":"invoice"}}}"#;
const THIN: &str = r#"{"id":"evt_2","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered",
    "created":"2026-11-21T10:00:00.000Z","livemode":false,"context":null,
    "related_object":{"id":"mtr_1","type":"billing.meter","url":"/v1/billing/meters/mtr_1"}}"#;

fn secrets(texts: &[&str]) -> Vec<Secret> {
    texts.iter().filter_map(|text| Secret::new(text)).collect()
}

#[test]
fn the_official_libraries_vector_is_verified() {
    let ours = secrets(&["whsec_test_abc"]);
    assert_eq!(verify(Some(&format!("t={AT},v1={TAG}")), BODY.as_bytes(), &ours, AT), Ok(AT));
}

#[test]
fn a_snapshot_and_a_thin_event_are_verified_by_any_of_several_secrets_and_then_read() {
    let (old, new, thin) = ("whsec_old", "whsec_new", "whsec_thin");
    let ours = secrets(&[old, new, thin]);
    for (body, signed_with) in [(SNAPSHOT, &[old][..]), (SNAPSHOT, &[old, new]), (SNAPSHOT, &[new]), (THIN, &[thin])] {
        let header = sign(body.as_bytes(), &secrets(signed_with), AT);
        assert_eq!(verify(Some(&header), body.as_bytes(), &ours, AT), Ok(AT), "{signed_with:?}");
        let read = read(body.as_bytes()).expect("an event");
        assert_eq!(matches!(read, Notification::Thin(_)), body == THIN);
        // One that was rolled away lets nobody in any more, unless the header has another's signature too.
        let left = secrets(&[new, thin]);
        let passes = verify(Some(&header), body.as_bytes(), &left, AT).is_ok();
        assert_eq!(passes, signed_with != [old], "{signed_with:?}");
    }
}

#[test]
fn five_minutes_are_tolerated_both_ways_and_no_second_more() {
    let ours = secrets(&["whsec_1"]);
    let header = sign(SNAPSHOT.as_bytes(), &ours, AT);
    for (now, expected) in [
        (AT + 300, Ok(AT)),
        (AT + 301, Err(BadSignature::TooOld)),
        (AT - 300, Ok(AT)),
        (AT - 301, Err(BadSignature::TooNew)),
        (i64::MAX, Err(BadSignature::TooOld)),
        (i64::MIN, Err(BadSignature::TooNew)),
    ] {
        assert_eq!(verify(Some(&header), SNAPSHOT.as_bytes(), &ours, now), expected, "{now}");
    }
}

#[test]
fn another_scheme_or_another_way_to_write_it_is_refused() {
    let ours = secrets(&["whsec_test_abc"]);
    let (upper, short, other) = (TAG.to_uppercase(), &TAG[1..], "0".repeat(64));
    for (header, expected) in [
        (format!("t={AT},v0={TAG}"), BadSignature::Malformed),
        (format!("t={AT},v1={upper}"), BadSignature::Malformed),
        (format!("t={AT}, v1={TAG}"), BadSignature::Malformed),
        (format!("t={AT},v1={short}"), BadSignature::Malformed),
        (format!("t={AT},v1=é{}", &TAG[2..]), BadSignature::Malformed),
        (format!("v1={TAG}"), BadSignature::Malformed),
        (format!("t=,v1={TAG}"), BadSignature::Malformed),
        (format!("t=-{AT},v1={TAG}"), BadSignature::Malformed),
        (format!("t=99999999999999999999,v1={TAG}"), BadSignature::Malformed),
        (String::new(), BadSignature::Malformed),
        (format!("t={AT},v1={other}"), BadSignature::NoMatch),
        (format!("t=0{AT},v1={TAG}"), BadSignature::NoMatch),
        // The first time counts: it is the one that was signed, or nothing was.
        (format!("t={},t={AT},v1={TAG}", AT + 1), BadSignature::NoMatch),
        // Eight signatures are looked at, and no ninth.
        (format!("t={AT}{},v1={TAG}", format!(",v1={other}").repeat(8)), BadSignature::NoMatch),
    ] {
        assert_eq!(verify(Some(&header), BODY.as_bytes(), &ours, AT), Err(expected), "{header}");
    }
    let eighth = format!("t={AT}{},v1={TAG}", format!(",v1={other}").repeat(7));
    assert_eq!(verify(Some(&eighth), BODY.as_bytes(), &ours, AT), Ok(AT));
    assert_eq!(verify(None, BODY.as_bytes(), &ours, AT), Err(BadSignature::Missing));
}

#[test]
fn no_bit_of_the_body_can_be_changed() {
    let ours = secrets(&["whsec_1"]);
    let header = sign(SNAPSHOT.as_bytes(), &ours, AT);
    for at in 0..SNAPSHOT.len() {
        let mut changed = SNAPSHOT.as_bytes().to_vec();
        changed[at] ^= 1;
        assert_eq!(verify(Some(&header), &changed, &ours, AT), Err(BadSignature::NoMatch), "byte {at}");
    }
}

#[test]
fn a_blank_secret_lets_nobody_sign() {
    for blank in ["", " ", "\t\r\n", "\u{2003}"] {
        assert_eq!(Secret::new(blank), None, "{blank:?}");
    }
    let header = sign(BODY.as_bytes(), &secrets(&["whsec_1"]), AT);
    assert_eq!(verify(Some(&header), BODY.as_bytes(), &secrets(&["", " "]), AT), Err(BadSignature::NoMatch));
    let ours = secrets(&[" whsec_1\n"]);
    assert_eq!(verify(Some(&header), BODY.as_bytes(), &ours, AT), Ok(AT), "white space around is none of it");
    assert!(!format!("{ours:?}").contains("whsec_1"));
}
