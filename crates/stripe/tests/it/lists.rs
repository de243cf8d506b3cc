//! Lists are read to the end, and not for ever.

use crate::{
    asking_again::CUSTOMER,
    scripted::{Act, Scripted},
};
use purser_stripe::{Error, List, calls::PageOf, calls::customers, objects::Customer};

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
    for (name, pages) in [("empty", vec![page(0, 0, true)]), ("circle", vec![page(0, 3, true); 3])] {
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
