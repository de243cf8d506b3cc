//! Lists are read to the end, and not for ever.

use crate::{
    asking_again::CUSTOMER,
    scripted::{Act, Scripted},
};
use purser_stripe::{Error, List, calls::PageOf, calls::customers, calls::events, objects::Customer};

fn page(from: usize, to: usize, more: bool) -> Act {
    let items: Vec<_> = (from..to).map(|n| CUSTOMER.replace("cus_1", &format!("cus_{n}"))).collect();
    let items = items.join(",");
    Act::reply(200, &format!(r#"{{"object":"list","data":[{items}],"has_more":{more},"url":"/v1/customers"}}"#))
}

fn ids(customers: &[Customer]) -> Vec<String> {
    customers.iter().map(|customer| customer.id.clone()).collect()
}

#[tokio::test]
async fn ten_thousand_objects_come_whole_and_in_order() {
    let pages = (0..100).map(|n| page(n * 100, n * 100 + 100, n < 99));
    let server = Scripted::new(pages).await;
    let call = customers::list(&customers::Customers { page: PageOf::full(), ..Default::default() });
    let all = server.client().pages(&call).all().await.expect("all pages");
    assert_eq!(ids(&all), (0..10_000).map(|n| format!("cus_{n}")).collect::<Vec<_>>());
    let sent = server.sent();
    assert_eq!(sent.len(), 100);
    assert_eq!(sent[0].line, "GET /v1/customers?limit=100");
    assert_eq!(sent[1].line, "GET /v1/customers?limit=100&starting_after=cus_99");
    assert_eq!(sent[99].line, "GET /v1/customers?limit=100&starting_after=cus_9899");
}

#[tokio::test]
async fn a_list_that_begins_backwards_goes_on_backwards() {
    let server = Scripted::new([page(5, 8, true), page(2, 5, false)]).await;
    let place = PageOf { ending_before: Some("cus_8".into()), ..PageOf::default() };
    let call =
        customers::list(&customers::Customers { email: Some("a b@x".into()), page: place, ..Default::default() });
    let all = server.client().pages(&call).all().await.expect("all pages");
    assert_eq!(all.len(), 6);
    let lines: Vec<_> = server.sent().into_iter().map(|sent| sent.line).collect();
    let expected =
        ["GET /v1/customers?email=a+b%40x&ending_before=cus_8", "GET /v1/customers?email=a+b%40x&ending_before=cus_5"];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_list_that_leads_nowhere_or_in_a_circle_is_an_error() {
    let long_circle = vec![page(0, 3, true), page(3, 6, true), page(0, 3, true), page(3, 6, true)];
    let circle = vec![page(0, 3, true); 3];
    for (name, pages) in [("empty", vec![page(0, 0, true)]), ("circle", circle), ("long circle", long_circle)] {
        let server = Scripted::new(pages).await;
        let call = customers::list(&customers::Customers::default());
        let error = server.client().pages(&call).all().await.expect_err(name);
        assert!(matches!(error, Error::NotUnderstood { .. }), "{name}: {error}");
    }
}

#[tokio::test]
async fn what_an_object_shows_of_a_list_is_followed_to_its_end() {
    let server = Scripted::new([page(2, 4, true), page(4, 5, false)]).await;
    let first: Vec<Customer> = (0..2)
        .map(|n| serde_json::from_str(&CUSTOMER.replace("cus_1", &format!("cus_{n}"))).expect("a customer"))
        .collect();
    let shown = List { data: first, has_more: true, url: "/v1/customers?email=x".into() };
    let all = server.client().whole(shown).await.expect("the rest");
    assert_eq!(ids(&all), ["cus_0", "cus_1", "cus_2", "cus_3", "cus_4"]);
    let lines: Vec<_> = server.sent().into_iter().map(|sent| sent.line).collect();
    let expected = [
        "GET /v1/customers?email=x&limit=100&starting_after=cus_1",
        "GET /v1/customers?email=x&limit=100&starting_after=cus_3",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_list_at_somebody_elses_address_is_not_read() {
    let server = Scripted::new([]).await;
    let data = vec![serde_json::from_str(CUSTOMER).expect("a customer")];
    let shown: List<Customer> = List { data, has_more: true, url: "https://example.com/v1/customers".into() };
    assert!(matches!(server.client().whole(shown).await, Err(Error::NotUnderstood { .. })));
    assert_eq!(server.sent().len(), 0);
}

#[tokio::test]
async fn a_list_of_version_two_goes_on_where_it_says() {
    let page = |n: u32, next: &str| {
        let event = format!(
            r#"{{"id":"evt_{n}","object":"v2.core.event","type":"v1.billing.meter.no_meter_found",
            "created":"2026-11-21T10:00:00.000Z","livemode":false,"data":{{"n":{n}}}}}"#
        );
        Act::reply(200, &format!(r#"{{"data":[{event}],"next_page_url":{next},"previous_page_url":null}}"#))
    };
    let server = Scripted::new([page(1, r#""/v2/core/events?limit=1&page=p2""#), page(2, "null")]).await;
    let which = events::ThinEvents {
        types: Some(vec!["v1.billing.meter.no_meter_found".into(), "v1.billing.meter.error_report_triggered".into()]),
        created: Some(events::ThinCreated { gte: Some("2026-11-01T00:00:00Z".into()), lt: None }),
        limit: Some(1),
        ..Default::default()
    };
    let all = server.client().pages(&events::list_thin(&which)).all().await.expect("both pages");
    assert_eq!(all.iter().map(|event| event.event.id.as_str()).collect::<Vec<_>>(), ["evt_1", "evt_2"]);
    let lines: Vec<_> = server.sent().into_iter().map(|sent| sent.line).collect();
    assert_eq!(lines[1], "GET /v2/core/events?limit=1&page=p2");
    for next in [r#""https://example.com/v2/core/events?page=p2""#, r#""/v2/core/events?page=p2""#] {
        // Away, or for ever the same.
        let server = Scripted::new(vec![page(1, next); 3]).await;
        let error = server.client().pages(&events::list_thin(&which)).all().await.expect_err(next);
        assert!(matches!(error, Error::NotUnderstood { .. }), "{error}");
    }
    // A page that does not say whether it is the last is not taken for the last.
    let server = Scripted::new([Act::reply(200, r#"{"data":[]}"#)]).await;
    let error = server.client().pages(&events::list_thin(&which)).all().await.expect_err("no end");
    assert!(error.to_string().contains("missing field `next_page_url`"), "{error}");
}

#[tokio::test]
async fn after_an_error_the_same_page_is_read_again() {
    let server =
        Scripted::new([page(0, 2, true), Act::error(400, "invalid_request_error", "x"), page(2, 3, false)]).await;
    let mut pages = server.client().pages(&customers::list(&customers::Customers::default()));
    assert_eq!(pages.next().await.expect("a page").expect("not the end").len(), 2);
    pages.next().await.expect_err("refused");
    assert_eq!(ids(&pages.next().await.expect("a page").expect("not the end")), ["cus_2"]);
    assert!(pages.next().await.expect("the end").is_none());
    let lines: Vec<_> = server.sent().into_iter().map(|sent| sent.line).collect();
    assert_eq!(lines[1], "GET /v1/customers?starting_after=cus_1");
    assert_eq!(lines[1], lines[2]);
}

#[tokio::test]
async fn all_that_a_customer_is_entitled_to_is_listed() {
    let page = |from: u32, more: bool| {
        let one = |n: u32| format!(r#"{{"id":"ent_{n}","feature":"feat_1","lookup_key":"seats","livemode":false}}"#);
        let url = "/v1/entitlements/active_entitlements";
        let data = [one(from), one(from + 1)].join(",");
        Act::reply(200, &format!(r#"{{"object":"list","data":[{data}],"has_more":{more},"url":"{url}"}}"#))
    };
    let server = Scripted::new([page(0, true), page(2, false)]).await;
    let all = server.client().pages(&customers::entitlements("cus_1", &PageOf::full())).all().await.expect("all");
    assert_eq!(all.len(), 4);
    let lines: Vec<_> = server.sent().into_iter().map(|sent| sent.line).collect();
    assert_eq!(lines[1], "GET /v1/entitlements/active_entitlements?customer=cus_1&limit=100&starting_after=ent_1");
}
