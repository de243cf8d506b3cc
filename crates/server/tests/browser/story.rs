//! What a customer of the demo does over some months, and what stands on its pages meanwhile.

use crate::{
    demo::Demo,
    driver::{Browser, until},
    id,
    person::Person,
};
use serde_json::Value;

const TAB: char = '\u{E004}';
const DAY: i64 = 86_400;
/// A card that can be charged, and one that can be kept and not charged.
const GOOD: &str = "4242424242424242";
const BAD: &str = "4000000000000341";

/// A customer with its browser.
struct Customer<'a> {
    demo: &'a Demo,
    browser: &'a Browser,
    person: Person<'a>,
}

/// All of it, one after the other.
pub fn lived(demo: &Demo, browser: &Browser) {
    let customer = Customer { demo, browser, person: Person::at(browser) };
    customer.comes();
    customer.buys_pro();
    customer.tops_up();
    customer.spends();
    customer.upgrades();
    customer.is_renewed();
    customer.card_fails();
    customer.card_recovers();
    customer.is_refunded();
    customer.cancels();
    customer.ends();
}

impl Customer<'_> {
    /// Opens the link: it has no plan that it pays for.
    fn comes(&self) {
        self.person.opens(&self.demo.link(), "Overview");
        self.person.reads("Hooli");
        self.person.reads("Free");
        self.person.reads("No subscription");
    }

    fn buys_pro(&self) {
        self.person.presses("See the plans");
        self.person.is_at("Plans");
        self.person.presses("Buy Pro for $20.00 a month");
        self.pays("Subscribe and pay $20.00");
        self.person.is_at("Thank you");
        self.person.reads("Your plan is active.");
        self.webhook_came("checkout.session.completed");
        self.person.presses("See what you have");
        self.person.is_at("Overview");
        self.shows("/billing", &["Pro", "Active", "Renews on", "20 credits"]);
        self.has("20");
        // Nobody buys a second plan by mistake.
        self.person.opens(&self.page("/billing/plans"), "Plans");
        self.person.reads("your plan");
        self.person.reads("You pay for a plan already");
        self.person.does_not_read("Buy");
    }

    fn tops_up(&self) {
        self.person.opens(&self.page("/billing/topup"), "Top up");
        self.person.presses("Buy 50 credits for $5.00");
        self.pays("Pay $5.00");
        self.person.is_at("Thank you");
        self.person.reads("50 credits are yours, for $5.00.");
        self.shows("/billing", &["70 credits", "Top-up"]);
        self.has("70");
    }

    fn spends(&self) {
        self.demo.spend(10, "browser-1");
        self.has("60");
        self.shows("/billing", &["60 credits"]);
    }

    /// The present day keeps what was used: 10 of 50 are gone.
    fn upgrades(&self) {
        self.enters_portal();
        self.person.presses("Change plan");
        self.person.is_at("Change your plan");
        self.person.chooses("Pro (at $20.00 / month)", "Enterprise (at $100.00 / month)");
        self.person.presses("Continue");
        self.person.is_at("Confirm your change");
        self.person.presses("Confirm");
        self.person.is_at("Your account");
        self.leaves_portal();
        self.demo.sees("the upgrade", SUBSCRIPTION, |now| now["plan"]["internal_id"] == "ENTERPRISE");
        self.shows("/billing", &["Enterprise", "Active", "90 credits"]);
        self.has("90");
    }

    /// Forty days pass: another month is paid, and each day brought its credits.
    fn is_renewed(&self) {
        let before = paid(&self.demo.get(INVOICES));
        let ended = self.demo.get(SUBSCRIPTION)["current_period_end"].clone();
        self.demo.pass(40 * DAY);
        self.demo.sees("the renewal is paid", INVOICES, |now| paid(now) > before);
        self.demo.sees("the next period", SUBSCRIPTION, |now| {
            now["status"] == "active" && now["current_period_end"].as_str() > ended.as_str()
        });
        self.webhook_came("invoice.paid");
        // The visit is not over: it is counted on the visitor's own clock.
        self.shows("/billing", &["Enterprise", "Active", "100 credits"]);
        self.has("100");
    }

    /// The card is another one from now on, and the next renewal fails.
    fn card_fails(&self) {
        self.pays_from_now_on_with(BAD);
        let found = self.demo.get(SUBSCRIPTION);
        let subscription = found["subscription_id"].as_str().expect("a subscription");
        let at_stripe = self.demo.stripe("GET", &format!("subscriptions/{subscription}"), "");
        let ends = at_stripe["items"]["data"][0]["current_period_end"].as_i64().expect("an end");
        // An hour after its period began the invoice is final and charged.
        self.demo.pass_to(ends + 2 * 3_600);
        let found = self.demo.sees("the failed payment", SUBSCRIPTION, |now| now["status"] == "past_due");
        assert_eq!(found["access"], true, "within grace: {found}");
        self.shows("/billing", &["Payment due", "Your last payment failed. Without another one your plan ends on"]);
    }

    /// With a good card the next try succeeds.
    fn card_recovers(&self) {
        self.pays_from_now_on_with(GOOD);
        self.demo.pass(4 * DAY);
        self.demo.sees("the payment", SUBSCRIPTION, |now| now["status"] == "active" && now["access"] == true);
        self.shows("/billing", &["Enterprise", "Active"]);
        self.person.opens(&self.page("/billing"), "Overview");
        self.person.does_not_read("failed");
    }

    /// Half of the top-up's money comes back, and half of its credits go.
    fn is_refunded(&self) {
        let bought = self.demo.get(PURCHASES)["data"][0].clone();
        let payment = bought["payment_intent"].as_str().expect("a payment");
        self.demo.stripe("POST", "refunds", &format!("payment_intent={payment}&amount=250"));
        self.demo.sees("the refund", PURCHASES, |now| now["data"][0]["amount_refunded"] == 250);
        self.demo.sees("its credits go", BALANCE, |now| now["by_source"]["topup"] == 25);
        self.shows("/billing/manage", &["50 credits", "$5.00", "Paid, partly refunded"]);
    }

    fn cancels(&self) {
        self.enters_portal();
        self.person.presses("Cancel plan");
        self.person.is_at("Cancel your plan");
        self.person.presses("Cancel plan");
        self.person.is_at("Your account");
        self.person.reads("Ends on");
        self.leaves_portal();
        self.demo.sees("the end is agreed on", SUBSCRIPTION, |now| now["cancel_scheduled"] == true);
        self.shows("/billing", &["Enterprise", "Ends on", "Your plan is cancelled and stays as it is until"]);
    }

    /// The plan ends; what was bought stays.
    fn ends(&self) {
        self.demo.pass(40 * DAY);
        self.demo
            .sees("the end", SUBSCRIPTION, |now| now["status"] == "canceled" && now["plan"]["internal_id"] == "FREE");
        self.demo.sees("what was bought", BALANCE, |now| now["by_source"]["topup"] == 25);
        self.has("30");
        self.shows("/billing", &["Free", "Top-up", "30 credits"]);
    }

    /// Pays on Stripe's page with a good card.
    fn pays(&self, button: &str) {
        self.person.is_at("Checkout");
        self.types_card(GOOD);
        self.person.presses(button);
    }

    fn types_card(&self, number: &str) {
        self.person.fills("Card number", number);
        self.person.fills("Expiry", "1239");
        self.person.fills("Security code", "123");
    }

    /// Adds a card in Stripe's portal, and removes the one before it.
    fn pays_from_now_on_with(&self, card: &str) {
        self.enters_portal();
        self.person.presses("Add a payment method");
        self.person.is_at("Add a payment method");
        self.types_card(card);
        self.person.presses("Add");
        self.person.is_at("Your account");
        // The new one is the default; beside each other one stand two buttons.
        self.person.goes_to("Make it the default");
        self.browser.press([TAB]);
        assert_eq!(self.person.focused()["name"], "Remove");
        self.person.enters();
        self.person.is_at("Your account");
        self.leaves_portal();
    }

    fn enters_portal(&self) {
        self.person.opens(&self.page("/billing/manage"), "Billing");
        self.person.presses("Plan, payment and invoices");
        self.person.is_at("Your account");
    }

    fn leaves_portal(&self) {
        self.person.presses("Back to the seller");
        self.person.is_at("Billing");
    }

    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.demo.url)
    }

    /// Waits until the page says all of this, looking again as one does who presses F5.
    fn shows(&self, path: &str, texts: &[&str]) {
        let all = || {
            self.browser.open(&self.page(path));
            let shown = self.person.text();
            texts.iter().all(|text| shown.contains(*text)).then_some(())
        };
        until(|| format!("{path} shows {texts:?}:\n{}", self.person.text()), all);
        assert_eq!(self.browser.run(crate::CHECKS), serde_json::json!([]), "{path}");
    }

    /// Waits until the customer can spend so much.
    fn has(&self, available: &str) {
        let what = format!("{available} credits");
        let expected: serde_json::Value = serde_json::from_str(available).expect("a number");
        self.demo.sees(&what, BALANCE, |now| now["available"] == expected);
    }

    /// The server was told by webhook, and acted on it.
    fn webhook_came(&self, kind: &str) {
        let path = format!("/admin/stripe-events?kind={kind}&limit=1");
        let came = self.demo.sees(kind, &path, |now| now["data"][0]["state"] == "done");
        assert!(id(&came["data"][0]).starts_with("evt_"), "{came}");
    }
}

const SUBSCRIPTION: &str = "/customers/hooli/subscription";
const INVOICES: &str = "/customers/hooli/invoices";
const PURCHASES: &str = "/customers/hooli/purchases";
const BALANCE: &str = "/customers/hooli/balance";

/// How many invoices are paid.
fn paid(invoices: &Value) -> usize {
    let all = invoices["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|invoice| invoice["status"] == "paid").count()
}
