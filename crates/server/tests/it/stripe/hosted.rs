//! Checkout, portal, and invoices made by hand.

use super::pair::Pair;
use purser_stripe::{
    calls::{PageOf, checkout, invoices, portal},
    objects::SessionMode,
};

pub async fn checkout_and_portal() -> Pair {
    let mut pair = Pair::new("checkout_and_portal").await;
    let (customer, price) = (pair.customer().await, pair.price(2000).await);
    let new = checkout::NewSession {
        mode: SessionMode::Subscription,
        customer: Some(customer.clone()),
        client_reference_id: Some("order-1".into()),
        success_url: Some("https://example.com/done?session={CHECKOUT_SESSION_ID}".into()),
        line_items: Some(vec![checkout::NewSessionItem { price, quantity: Some(1) }]),
        ..Default::default()
    };
    let session = pair.write(&checkout::create(&new)).await;
    assert_eq!((session.amount_total, session.url.is_some()), (Some(2000), true));
    pair.read(&checkout::retrieve_whole(&session.id)).await;
    assert_eq!(pair.read(&checkout::line_items(&session.id, &PageOf::full())).await.data.len(), 1);
    let which = checkout::Sessions { customer: Some(customer.clone()), ..Default::default() };
    assert_eq!(pair.read(&checkout::list(&which)).await.data.len(), 1);
    pair.write(&checkout::expire(&session.id)).await;
    assert!(pair.read(&checkout::retrieve(&session.id)).await.url.is_none());
    let fields = portal::ConfigurationFields {
        features: Some(portal::Features {
            invoice_history: Some(portal::Enabled { enabled: true }),
            subscription_cancel: Some(portal::Cancelling { enabled: true, mode: Some("at_period_end") }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let configuration = pair.write(&portal::create_configuration(&fields)).await;
    pair.read(&portal::configuration(&configuration.id)).await;
    pair.read(&portal::configurations(&PageOf::full())).await;
    let change =
        portal::ConfigurationFields { default_return_url: Some("https://example.com".into()), ..Default::default() };
    pair.write(&portal::update_configuration(&configuration.id, &change)).await;
    let visit = portal::NewPortalSession { customer: customer.clone(), ..Default::default() };
    assert!(pair.write(&portal::create_session(&visit)).await.url.starts_with("http://127.0.0.1"));
    pair
}

pub async fn invoices_by_hand() -> Pair {
    let mut pair = Pair::new("invoices_by_hand").await;
    let customer = pair.customer().await;
    let invoice =
        pair.write(&invoices::create(&invoices::NewInvoice { customer: customer.clone(), ..Default::default() })).await;
    let id = invoice.id.expect("an id");
    let item = invoices::NewInvoiceItem {
        customer: customer.clone(),
        amount: Some(700),
        currency: Some("usd".into()),
        invoice: Some(id.clone()),
        ..Default::default()
    };
    pair.write(&invoices::create_item(&item)).await;
    let which = invoices::InvoiceItems { invoice: Some(id.clone()), ..Default::default() };
    assert_eq!(pair.read(&invoices::items(&which)).await.data[0].amount, 700);
    let change = invoices::InvoiceChange { auto_advance: Some(false), ..Default::default() };
    pair.write(&invoices::update(&id, &change)).await;
    assert_eq!(pair.write(&invoices::finalize(&id)).await.amount_due, 700);
    assert_eq!(pair.write(&invoices::pay(&id, &Default::default())).await.amount_paid, 700);
    for given_up in [false, true] {
        let new = invoices::NewInvoice { customer: customer.clone(), ..Default::default() };
        let id = pair.write(&invoices::create(&new)).await.id.expect("an id");
        pair.write(&invoices::create_item(&invoices::NewInvoiceItem { invoice: Some(id.clone()), ..item.clone() }))
            .await;
        pair.write(&invoices::finalize(&id)).await;
        let call = if given_up { invoices::mark_uncollectible(&id) } else { invoices::void(&id) };
        pair.write(&call).await;
    }
    pair
}
