//! The way from how a subscription stands to how it is to stand, write by write.

use super::super::look::Stretch;
use super::*;

fn line(id: &str, price: &str, quantity: Option<u64>, period_end: Seconds) -> Line {
    Line {
        id: id.to_owned(),
        price: price.to_owned(),
        product: "prod_1".to_owned(),
        quantity,
        metered: quantity.is_none(),
        interval: "month".to_owned(),
        interval_count: 1,
        period_end,
        beside: Beside::default(),
        metadata: Metadata::new(),
    }
}

/// A seat price and a metered one, for a period that ends at 1000.
pub(in super::super) fn seen() -> Seen {
    Seen {
        id: "sub_1".to_owned(),
        over: false,
        trial: false,
        live: true,
        classic: false,
        currency: "usd".to_owned(),
        ending: Ending::Never,
        beside: Beside::default(),
        items: vec![line("si_1", "price_max", Some(3), 1000), line("si_2", "price_calls", None, 1000)],
        schedule: None,
    }
}

/// A price and how many of it.
type Sold<'a> = (&'a str, Option<u64>);

fn scheduled(stretches: &[(Seconds, &[Sold<'_>])]) -> Option<Schedule> {
    let stretches = stretches.iter().map(|(start, items)| Stretch {
        start: *start,
        items: items.iter().map(|(price, quantity)| ((*price).to_owned(), *quantity)).collect(),
    });
    Some(Schedule { id: "sub_sched_1".to_owned(), stretches: stretches.collect() })
}

fn to(price: &str, quantity: u64) -> Vec<Swap> {
    vec![Swap { item: "si_1".to_owned(), price: Some(price.to_owned()), quantity: Some(quantity) }]
}

fn later() -> Wish {
    let items = swapped(&seen().items, &to("price_pro", 3));
    Wish::Later { items, at: 1000, interval: "month".to_owned(), interval_count: 1 }
}

fn cancel(now: bool) -> Wish {
    Wish::Cancel { now, feedback: Some("unused".to_owned()), comment: None }
}

/// The path and the form of the next write.
fn next(wish: &Wish, seen: &Seen) -> Option<(String, String)> {
    let step = wish.next(seen)?;
    let form = readable(&step.request.body);
    Some((step.request.path, form))
}

/// A form as one reads it.
fn readable(form: &str) -> String {
    form.replace("%5B", "[").replace("%5D", "]")
}

#[test]
fn failure_35_a_change_names_its_item_and_all_others_stay() {
    let wish = Wish::Now { swaps: to("price_ultra", 3), proration_date: Some(500) };
    let (path, form) = next(&wish, &seen()).expect("a write");
    assert_eq!(path, "/v1/subscriptions/sub_1");
    for part in [
        "items[0][id]=si_1",
        "items[0][price]=price_ultra",
        "items[0][quantity]=3",
        "proration_behavior=always_invoice",
        "payment_behavior=error_if_incomplete",
        "proration_date=500",
    ] {
        assert!(form.split('&').any(|field| field == part), "{part} in {form}");
    }
    assert!(!form.contains("items[1]") && !form.contains("pending_if_incomplete"), "{form}");
    let stands = Seen { items: vec![line("si_1", "price_ultra", Some(3), 1000)], ..seen() };
    assert_eq!(next(&wish, &stands), None, "it is done");
}

#[test]
fn a_change_at_once_is_paid_for_before_it_takes_an_agreed_one_back() {
    let agreed = scheduled(&[(0, &[("price_max", Some(3))]), (1000, &[("price_pro", Some(3))])]);
    let wish = Wish::Now { swaps: to("price_ultra", 3), proration_date: None };
    let before = Seen { schedule: agreed, ..seen() };
    let (path, _) = next(&wish, &before).expect("a write");
    assert_eq!(path, "/v1/subscriptions/sub_1");
    let paid = Seen { items: vec![line("si_1", "price_ultra", Some(3), 1000)], ..before };
    let (path, _) = next(&wish, &paid).expect("a write");
    assert_eq!(path, "/v1/subscription_schedules/sub_sched_1/release");
    assert_eq!(next(&wish, &Seen { schedule: None, ..paid }), None, "it is done");
}

#[test]
fn a_change_for_later_is_a_schedule_with_two_phases() {
    let wish = later();
    let (path, form) = next(&wish, &seen()).expect("a write");
    assert_eq!((path.as_str(), form.as_str()), ("/v1/subscription_schedules", "from_subscription=sub_1"));
    // It is there, with the present state as its first phase.
    let made = Seen { schedule: scheduled(&[(0, &[("price_max", Some(3)), ("price_calls", None)])]), ..seen() };
    let (path, form) = next(&wish, &made).expect("a write");
    assert_eq!(path, "/v1/subscription_schedules/sub_sched_1");
    for part in [
        "end_behavior=release",
        "phases[0][start_date]=0",
        "phases[0][end_date]=1000",
        "phases[0][items][0][price]=price_max",
        "phases[0][items][1][price]=price_calls",
        "phases[1][start_date]=1000",
        "phases[1][items][0][price]=price_pro",
        "phases[1][items][0][quantity]=3",
        "phases[1][items][1][price]=price_calls",
        "phases[1][duration][interval]=month",
    ] {
        assert!(form.split('&').any(|field| field == part), "{part} in {form}");
    }
    assert!(!form.contains("phases[1][items][1][quantity]"), "a metered price has none: {form}");
    let then: &[(&str, Option<u64>)] = &[("price_calls", None), ("price_pro", Some(3))];
    let now: &[(&str, Option<u64>)] = &[("price_max", Some(3)), ("price_calls", None)];
    let agreed = Seen { schedule: scheduled(&[(0, now), (1000, then)]), ..seen() };
    assert_eq!(next(&wish, &agreed), None, "it is agreed on");
    // The period is over, and it is in effect.
    let items = vec![line("si_3", "price_pro", Some(3), 2000), line("si_4", "price_calls", None, 2000)];
    assert_eq!(next(&wish, &Seen { items, ..seen() }), None, "it is done");
}

/// A subscription with a coupon and a tax, of whose seat price there is another coupon and tax.
fn discounted() -> Seen {
    let beside = |discount: &str, tax_rate: &str| Beside {
        discounts: vec![discount.to_owned()],
        tax_rates: vec![tax_rate.to_owned()],
    };
    let seats = Line { beside: beside("di_seats", "txr_seats"), ..line("si_1", "price_max", Some(3), 1000) };
    let items = vec![seats, line("si_2", "price_calls", None, 1000)];
    Seen { beside: beside("di_all", "txr_all"), items, ..seen() }
}

#[test]
fn discounts_and_taxes_stand_in_both_phases_of_what_is_agreed_on() {
    let made = scheduled(&[(0, &[("price_max", Some(3)), ("price_calls", None)])]);
    let before = Seen { schedule: made.clone(), ..discounted() };
    let items = swapped(&before.items, &to("price_pro", 3));
    let wish = Wish::Later { items, at: 1000, interval: "month".to_owned(), interval_count: 1 };
    let (path, form) = next(&wish, &before).expect("a write");
    assert_eq!(path, "/v1/subscription_schedules/sub_sched_1");
    for (phase, price) in [(0, "price_max"), (1, "price_pro")] {
        for part in [
            format!("phases[{phase}][discounts][0][discount]=di_all"),
            format!("phases[{phase}][default_tax_rates][0]=txr_all"),
            format!("phases[{phase}][items][0][price]={price}"),
            format!("phases[{phase}][items][0][discounts][0][discount]=di_seats"),
            format!("phases[{phase}][items][0][tax_rates][0]=txr_seats"),
        ] {
            assert!(form.split('&').any(|field| field == part), "{part} in {form}");
        }
        for part in ["discounts", "tax_rates"] {
            let none = format!("phases[{phase}][items][1][{part}]");
            assert!(!form.contains(&none), "the meter has none of its own: {none} in {form}");
        }
    }
    assert!(!form.contains("coupon"), "a coupon would begin anew: {form}");
    // Who has neither is asked for as ever: nothing is said of them.
    let (_, plain) = next(&later(), &Seen { schedule: made, ..seen() }).expect("a write");
    assert!(!plain.contains("discounts") && !plain.contains("tax_rates"), "{plain}");
    let said = |field: &&str| !field.contains("discounts") && !field.contains("tax_rates");
    assert_eq!(form.split('&').filter(said).collect::<Vec<_>>().join("&"), plain);
}

/// The item keeps its id, and with that what was not named of it.
#[test]
fn a_change_at_once_names_no_discounts_or_taxes_and_adds_no_item() {
    let wish = Wish::Now { swaps: to("price_ultra", 3), proration_date: None };
    let changed = next(&wish, &discounted()).expect("a write");
    assert_eq!(Some(&changed), next(&wish, &seen()).as_ref());
    let (_, form) = changed;
    assert!(form.contains("items[0][id]=si_1") && !form.contains("deleted"), "{form}");
}

#[test]
fn a_wish_keeps_what_its_items_have_and_one_of_before_has_nothing() {
    let keeps = |items: &[Line]| {
        let items = swapped(items, &to("price_pro", 3));
        let wish = Wish::Later { items, at: 1000, interval: "month".to_owned(), interval_count: 1 };
        let kept = serde_json::to_string(&wish).expect("JSON");
        let read: Wish = serde_json::from_str(&kept).expect("a wish");
        assert_eq!(read, wish);
        kept
    };
    let kept = keeps(&discounted().items);
    assert!(kept.contains("di_seats") && kept.contains("txr_seats"), "{kept}");
    // Written as before this was kept, and read.
    assert!(!keeps(&seen().items).contains("beside"));
}

#[test]
fn an_end_with_the_period_is_said_once_and_an_end_at_once_bills_what_was_used() {
    let (path, form) = next(&cancel(false), &seen()).expect("a write");
    assert_eq!(path, "/v1/subscriptions/sub_1");
    assert!(form.contains("cancel_at_period_end=true") && form.contains("cancellation_details[feedback]=unused"));
    for ending in [Ending::WithPeriod, Ending::ByDate] {
        assert_eq!(next(&cancel(false), &Seen { ending, ..seen() }), None);
    }
    let (path, _) = next(&cancel(true), &Seen { ending: Ending::WithPeriod, ..seen() }).expect("a write");
    assert!(path.starts_with("/v1/subscriptions/sub_1?") && path.contains("invoice_now=true"), "{path}");
    for now in [true, false] {
        assert_eq!(next(&cancel(now), &Seen { over: true, ..seen() }), None);
    }
}

/// A date after the next renewals is no end with the period: nobody who asks for that is to pay once more.
#[test]
fn an_end_with_the_period_comes_before_a_later_date() {
    let later = Seen { ending: Ending::Later, ..seen() };
    let (path, form) = next(&cancel(false), &later).expect("a write");
    assert_eq!(path, "/v1/subscriptions/sub_1");
    assert!(form.contains("cancel_at_period_end=true"), "{form}");
    let (_, form) = next(&Wish::Resume, &later).expect("a write");
    assert_eq!(form, "cancel_at=");
}

#[test]
fn items_with_periods_of_their_own_are_all_kept_until_the_last_of_them_ends() {
    let items = vec![line("si_1", "price_year", Some(1), 9000), line("si_2", "price_calls", None, 1000)];
    let (_, form) = next(&cancel(false), &Seen { items, ..seen() }).expect("a write");
    assert!(form.contains("cancel_at=max_period_end") && !form.contains("cancel_at_period_end"), "{form}");
}

#[test]
fn going_on_takes_back_the_end_in_the_way_it_was_said_and_an_agreed_change() {
    assert_eq!(next(&Wish::Resume, &seen()), None);
    let (_, form) = next(&Wish::Resume, &Seen { ending: Ending::WithPeriod, ..seen() }).expect("a write");
    assert_eq!(form, "cancel_at_period_end=false");
    let (_, form) = next(&Wish::Resume, &Seen { ending: Ending::ByDate, ..seen() }).expect("a write");
    assert_eq!(form, "cancel_at=");
    let agreed = scheduled(&[(0, &[("price_max", Some(3))])]);
    let (path, _) = next(&Wish::Resume, &Seen { schedule: agreed, ..seen() }).expect("a write");
    assert_eq!(path, "/v1/subscription_schedules/sub_sched_1/release");
}

#[test]
fn an_item_that_goes_stands_when_it_is_gone() {
    let gone = vec![Swap { item: "si_2".to_owned(), price: None, quantity: None }];
    assert!(!stands(&seen().items, &gone));
    assert!(stands(&seen().items[..1], &gone));
    assert_eq!(swapped(&seen().items, &gone).len(), 1);
    assert_eq!(changes(&gone)[0].deleted, Some(true));
}
