//! Subscriptions are changed, ended and resumed: previewed to the cent, billed once, undone until they take effect.

mod asked;
mod faults;
mod last;
mod offered;
mod pages;
mod steps;

use super::{Shop, text};
use crate::world::{ADMIN, Answer, Kind};
use purser_stripe::{
    calls::{PageOf, catalog, customers, invoices, meters, subscriptions as calls},
    objects::{Interval, Invoice, Subscription, UsageType},
};
use serde_json::{Value, json};

/// Seconds in a day.
const DAY: i64 = 86_400;

/// A shop that sells two plans, `pro` for 20 and `max` for 50 dollars a month, and `pro` for 200 a year; and `acme`,
/// who has a subscription.
struct Sold {
    shop: Shop,
    /// Stripe's customer.
    payer: String,
    pro: String,
    pro_year: String,
    max: String,
    subscription: String,
}

impl Sold {
    /// `acme` has `pro`, or `max` if it is `better`.
    async fn open(kind: Kind, better: bool) -> Self {
        let shop = Shop::open(kind).await;
        let pro = price(&shop, 2000, Interval::Month).await;
        let pro_year = price(&shop, 20_000, Interval::Year).await;
        let max = price(&shop, 5000, Interval::Month).await;
        let credits = json!({ "amount": 100, "period": "billing", "per_seat": true });
        plan(&shop, "pro", 10, &credits, &[(&pro, 2000, "month"), (&pro_year, 20_000, "year")]).await;
        let credits = json!({ "amount": 300, "period": "billing" });
        plan(&shop, "max", 20, &credits, &[(&max, 5000, "month")]).await;
        let payer = payer(&shop).await;
        let items = vec![item(if better { &max } else { &pro }, Some(1))];
        let subscription = subscribe(&shop, &payer, items).await.id;
        shop.deliver().await;
        Self { shop, payer, pro, pro_year, max, subscription }
    }

    /// Asks for something of the subscription of `acme`.
    async fn ask(&self, what: &str, body: &Value) -> Answer {
        let path = format!("/api/v1/customers/acme/subscription/{what}");
        self.shop.world.ask(ADMIN, "POST", &path, body.to_string()).await
    }

    /// The same, and wants success.
    async fn done(&self, what: &str, body: &Value) -> Value {
        let answer = self.ask(what, body).await;
        assert_eq!(answer.status, 200, "{what} {body}: {}", answer.text);
        answer.json()
    }

    /// The same, and wants to be refused: the status and the code.
    async fn refused(&self, what: &str, body: &Value) -> (u16, String) {
        let answer = self.ask(what, body).await;
        (answer.status, answer.error().0)
    }

    /// The subscription at Stripe.
    async fn at_stripe(&self) -> Subscription {
        self.shop.read(&calls::retrieve(&self.subscription)).await
    }

    /// The prices of its items at Stripe, each with how many.
    async fn items(&self) -> Vec<(String, Option<u64>)> {
        let mut items: Vec<_> =
            self.at_stripe().await.items.data.into_iter().map(|item| (item.price.id, item.quantity)).collect();
        items.sort();
        items
    }

    /// Its invoices at Stripe, the newest first.
    async fn invoices(&self) -> Vec<Invoice> {
        let of = invoices::Invoices {
            subscription: Some(self.subscription.clone()),
            page: PageOf::full(),
            ..Default::default()
        };
        self.shop.read(&invoices::list(&of)).await.data
    }

    /// What `acme` has now.
    async fn current(&self) -> Value {
        self.shop.world.admin("GET", "/api/v1/customers/acme/subscription", "").await
    }

    /// What is agreed on for the end of the period.
    async fn agreed(&self) -> Value {
        self.shop.world.admin("GET", "/api/v1/customers/acme/subscription/agreed_change", "").await
    }

    /// The family of the plan that `acme` has now.
    async fn family(&self) -> String {
        text(&self.current().await["plan"]["family"]).to_owned()
    }

    /// Lets `acme` pay by `card` from now on.
    async fn pays_by(&self, card: &str) {
        pays_by(&self.shop, &self.payer, card).await;
    }

    /// Ten days into the running period, as the API takes it.
    async fn tenth_day(&self) -> Value {
        let start = self.at_stripe().await.items.data[0].current_period_start;
        json!(purser_rules::Time::from_micros((start + 10 * DAY) * 1_000_000).to_string())
    }
}

/// A price of a product of its own.
async fn price(shop: &Shop, cents: i64, interval: Interval) -> String {
    let new = catalog::NewPrice {
        currency: "usd".into(),
        product: product(shop).await,
        unit_amount: Some(cents),
        recurring: Some(catalog::NewRecurring { interval, ..Default::default() }),
        ..Default::default()
    };
    shop.write(&catalog::create_price(&new)).await.id
}

async fn product(shop: &Shop) -> String {
    let fields = catalog::ProductFields { name: Some("A plan".into()), ..Default::default() };
    shop.write(&catalog::create_product(&fields)).await.id
}

/// A monthly price by what a meter of this name counts.
async fn metered(shop: &Shop, event: &str) -> String {
    let meter = meters::NewMeter {
        display_name: "Calls".into(),
        event_name: event.into(),
        default_aggregation: meters::Aggregation { formula: "sum" },
    };
    let recurring = catalog::NewRecurring {
        interval: Interval::Month,
        usage_type: Some(UsageType::Metered),
        meter: Some(shop.write(&meters::create(&meter)).await.id),
        ..Default::default()
    };
    let new = catalog::NewPrice {
        currency: "usd".into(),
        product: product(shop).await,
        unit_amount_decimal: Some("0.05".into()),
        recurring: Some(recurring),
        ..Default::default()
    };
    shop.write(&catalog::create_price(&new)).await.id
}

/// A plan with these prices: the id at Stripe, the cents, the interval.
async fn plan(shop: &Shop, family: &str, rank: u32, credits: &Value, prices: &[(&str, i64, &str)]) -> Value {
    let prices: Vec<Value> = prices
        .iter()
        .map(|(id, cents, interval)| {
            json!({ "stripe_price_id": id, "currency": "usd", "unit_amount": cents, "interval": interval })
        })
        .collect();
    let body = json!({ "family": family, "rank": rank, "credits": credits, "prices": prices });
    shop.world.admin("POST", "/api/v1/admin/subscription-plans", &body.to_string()).await
}

/// A Stripe customer with a good card, who is `acme`.
async fn payer(shop: &Shop) -> String {
    let customer = shop.write(&customers::create(&customers::CustomerFields::default())).await.id;
    pays_by(shop, &customer, "pm_card_visa").await;
    let body = json!({ "stripe_customer_id": customer }).to_string();
    shop.world.admin("PUT", "/api/v1/customers/acme", &body).await;
    customer
}

async fn pays_by(shop: &Shop, customer: &str, card: &str) {
    let method = shop.write(&customers::attach(card, customer)).await;
    let settings = customers::InvoiceSettings { default_payment_method: Some(method.id) };
    let fields = customers::CustomerFields { invoice_settings: Some(settings), ..Default::default() };
    shop.write(&customers::update(customer, &fields)).await;
}

fn item(price: &str, quantity: Option<u64>) -> calls::NewItem {
    calls::NewItem { price: price.to_owned(), quantity, ..Default::default() }
}

async fn subscribe(shop: &Shop, customer: &str, items: Vec<calls::NewItem>) -> Subscription {
    let new = calls::NewSubscription { customer: customer.to_owned(), items, ..Default::default() };
    shop.write(&calls::create(&new)).await
}
