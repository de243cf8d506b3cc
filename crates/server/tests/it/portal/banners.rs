//! What an overview says a customer must know: where each of its links leads, and that it can be mended there.

use super::{get, visit};
use crate::{
    payments::{Shop, text},
    world::BOTH,
};
use purser_stripe::calls::{customers, subscriptions as calls};
use serde_json::json;

/// Microseconds in a day.
pub const DAY: i64 = 86_400_000_000;

/// What is said of debt: how it begins, where its link leads, what that is called, and what stands there.
const DEBT: [&str; 4] = ["You owe 50 credits after a refund", "/billing/topup", "Top up", "Buy pack-50 for $5.00"];

/// The banners of a page: what each says, where its link leads, and what that is called.
fn banners(page: &str) -> Vec<[String; 3]> {
    let read = |rest: &str| {
        let (says, rest) = rest.split_once(r#" <a href=""#).expect("a link");
        let (path, rest) = rest.split_once(r#"">"#).expect("its address");
        let link = rest.split('<').next().expect("its name");
        [says, path, link].map(str::to_owned)
    };
    page.split(r#"<p class="banner" role="status">"#).skip(1).map(read).collect()
}

/// Wants these banners of `acme` and no others, each as [`DEBT`].
async fn says(shop: &Shop, expected: &[[&str; 4]]) {
    let cookie = visit(&shop.world, "acme").await;
    let page = get(&shop.world, &cookie, "/billing").await.text;
    let found = banners(&page);
    assert_eq!(found.len(), expected.len(), "{page}");
    for ([says, to, called], [begins, path, link, there]) in found.iter().zip(expected) {
        assert!(says.starts_with(*begins), "{says}");
        assert_eq!((to.as_str(), called.as_str()), (*path, *link), "{says}");
        let led = get(&shop.world, &cookie, to).await;
        assert!(led.status == 200 && led.text.contains(*there), "{says}: {}", led.text);
    }
}

/// Lets `payer` pay by `card` from now on.
pub async fn pays_by(shop: &Shop, payer: &str, card: &str) {
    let method = shop.write(&customers::attach(card, payer)).await;
    let settings = customers::InvoiceSettings { default_payment_method: Some(method.id) };
    let fields = customers::CustomerFields { invoice_settings: Some(settings), ..Default::default() };
    shop.write(&customers::update(payer, &fields)).await;
}

/// Asks for something of the subscription of `acme`.
async fn asks(shop: &Shop, what: &str, body: &str) {
    shop.world.admin("POST", &format!("/api/v1/customers/acme/subscription/{what}"), body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_banner_leads_to_where_it_is_mended() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        let pack = shop.pack("pack-50", 50, 500).await;
        shop.plan("basic", 1, &json!({})).await;
        let price = shop.plan("team", 2, &json!({})).await;
        let payer = shop.write(&customers::create(&customers::CustomerFields::default())).await.id;
        pays_by(&shop, &payer, "pm_card_visa").await;
        let bound = json!({ "stripe_customer_id": payer }).to_string();
        shop.world.admin("PUT", "/api/v1/customers/acme", &bound).await;
        let items = vec![calls::NewItem { price, quantity: Some(1), ..Default::default() }];
        let new = calls::NewSubscription { customer: payer.clone(), items, ..Default::default() };
        shop.write(&calls::create(&new)).await;
        shop.deliver().await;
        says(&shop, &[]).await;

        asks(&shop, "change", r#"{"plan":"basic"}"#).await;
        says(&shop, &[["Your plan will change. From ", "/billing/plans", "Keep your plan", "Keep team"]]).await;
        asks(&shop, "resume", "{}").await;
        says(&shop, &[]).await;

        asks(&shop, "cancel", "{}").await;
        let ends = ["Your plan is cancelled and stays as it is", "/billing/cancel", "Keep your plan", "Keep my plan"];
        says(&shop, &[ends]).await;
        let purchase = shop.buys(text(&pack["id"]), "pm_card_visa").await;
        assert_eq!(shop.spend(50).await, 200, "{kind:?}");
        shop.refund(&purchase, None).await;
        shop.deliver().await;
        says(&shop, &[ends, DEBT]).await;
        asks(&shop, "resume", "{}").await;
        says(&shop, &[DEBT]).await;

        pays_by(&shop, &payer, "pm_card_chargeCustomerFail").await;
        shop.world.clock.advance(32 * DAY);
        shop.deliver().await;
        let due = "Your last payment failed. Without another one your plan ends on ";
        says(&shop, &[[due, "/billing/manage", "See how you pay", "Plan, payment and invoices"], DEBT]).await;
    }
}
