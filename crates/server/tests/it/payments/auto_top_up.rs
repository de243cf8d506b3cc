//! Auto top-up: what buys a pack and what does not, once, within its limits, and never in debt or dispute.

use super::{Shop, text};
use crate::{
    inbox::number,
    notify::notices_of,
    world::{ADMIN, BOTH, Kind},
};
use futures_util::future::{join, join_all};
use purser::features::{credits, payments};
use purser_stripe::calls::{catalog, customers, invoices};
use serde_json::{Value, json};

const ROUTE: &str = "/api/v1/customers/acme/auto_top_up";
const DAY: i64 = 86_400_000_000;

/// A shop whose `acme` has saved `method` and agreed: below 10 a pack of 50 is bought, unless `more` says otherwise.
pub async fn agreed(kind: Kind, method: &str, more: &Value) -> Shop {
    let shop = Shop::open(kind).await;
    shop.pack("pack-50", 50, 500).await;
    save(&shop, method).await;
    shop.world.admin("PUT", ROUTE, &wish(more).to_string()).await;
    shop
}

/// What `acme` agrees to.
fn wish(more: &Value) -> Value {
    let mut wish = json!({ "threshold": 10, "top_up_plan": "pack-50", "most_a_day": 5, "most_a_month": 5000 });
    for (name, value) in more.as_object().unwrap() {
        wish[name] = value.clone();
    }
    wish
}

/// Saves a payment method for `acme`, and makes it the one that pays.
pub async fn save(shop: &Shop, method: &str) {
    // A checkout makes Stripe's customer.
    shop.checkout_of(&json!({ "customer_id": "acme", "purpose": "setup" })).await;
    let customer = shop.world.admin("GET", "/api/v1/customers/acme", "").await;
    let customer = text(&customer["stripe_customer_id"]).to_owned();
    let method = shop.write(&customers::attach(method, &customer)).await.id;
    let invoice_settings = Some(customers::InvoiceSettings { default_payment_method: Some(method) });
    let fields = customers::CustomerFields { invoice_settings, ..Default::default() };
    shop.write(&customers::update(&customer, &fields)).await;
}

/// Gives `acme` credits; the grant.
pub async fn give(shop: &Shop, amount: i64, source: &str) -> Value {
    let body = json!({ "amount": amount, "source_id": source });
    shop.world.admin("POST", "/api/v1/customers/acme/grants", &body.to_string()).await
}

/// Lets the worker do what is due; how much that was.
pub async fn work(shop: &Shop) -> usize {
    payments::work_off_auto_top_up(&shop.world.app).await.unwrap()
}

/// How many wait for the worker because a spend left too little.
pub async fn wanted(shop: &Shop) -> i64 {
    number(&shop.world, "SELECT COUNT(*) AS n FROM auto_top_up_wants").await
}

/// What `acme` agreed to, as it stands.
pub async fn shown(shop: &Shop) -> Value {
    shop.world.admin("GET", ROUTE, "").await
}

/// What the audit trail says of `action`, newest first.
pub async fn trail(shop: &Shop, action: &str) -> Vec<Value> {
    let list = shop.world.admin("GET", &format!("/api/v1/admin/audit?action={action}&limit=100"), "").await;
    list["data"].as_array().unwrap().clone()
}

async fn post(shop: &Shop, path: &str, body: &Value) -> u16 {
    shop.world.ask(ADMIN, "POST", &format!("/api/v1{path}"), body.to_string()).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spend_that_leaves_too_little_buys_one_pack() {
    for kind in BOTH {
        let shop = agreed(kind, "pm_card_visa", &json!({})).await;
        give(&shop, 20, "start").await;
        assert_eq!(shop.spend(10).await, 200);
        assert_eq!((wanted(&shop).await, work(&shop).await), (0, 0), "{kind:?}: 10 is not less than 10");
        assert_eq!((shop.spend(1).await, shop.spend(1).await), (200, 200));
        assert_eq!(wanted(&shop).await, 1, "{kind:?}: one row, however many spends");
        assert_eq!(work(&shop).await, 1, "{kind:?}");
        assert_eq!((wanted(&shop).await, shop.balance().await), (0, [58.0, 0.0, 0.0]), "{kind:?}");
        let purchase = shop.purchases().await.remove(0);
        let is = ["session_id", "state", "amount", "credits", "unit"].map(|name| purchase[name].clone());
        assert_eq!(is, [Value::Null, json!("paid"), json!(500), json!(50), json!("credits")], "{kind:?}");
        let last = shown(&shop).await["last_attempt"].clone();
        assert_eq!((&last["outcome"], &last["error_code"]), (&json!("succeeded"), &Value::Null), "{kind:?}");
        assert_eq!(
            (&last["purchase_id"], &last["payment_intent"]),
            (&purchase["id"], &purchase["payment_intent"]),
            "{kind:?}"
        );
        // The webhook finds it done.
        let mut events = shop.undelivered().await;
        events.retain(|event| event["type"] == "payment_intent.succeeded");
        shop.deliver().await;
        assert_eq!(shop.states(&events).await, [2], "{kind:?}");
        assert_eq!((work(&shop).await, shop.balance().await), (0, [58.0, 0.0, 0.0]), "{kind:?}");
        assert_eq!(shop.purchases().await.len(), 1, "{kind:?}");
        let paid = notices_of(&shop.world, "acme", "purchase_paid").await;
        assert_eq!((paid.len(), &paid[0]["data"]["purchase_id"]), (1, &purchase["id"]), "{kind:?}");
        for action in ["auto_top_up.begun", "auto_top_up.succeeded"] {
            let lines = trail(&shop, action).await;
            assert_eq!(lines.len(), 1, "{kind:?} {action}");
            assert_eq!((&lines[0]["subject"], &lines[0]["actor_id"]), (&last["id"], &json!("auto-top-up")));
        }
        shop.proved().await;
    }
}

/// A hold, a capture, a refusal and an app that takes by `adjust` do; and so does the refusal of each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_takes_credits_buys() {
    let hold =
        |amount: i64| json!({ "customer_id": "acme", "amount": amount, "expires_in": 600, "idempotency_key": "hold" });
    let adjust = |amount: i64| json!({ "amount": amount, "idempotency_key": "adjust" });
    let spend = |amount: i64| json!({ "customer_id": "acme", "amount": amount, "idempotency_key": "spend" });
    for kind in BOTH {
        for (given, path, body, status, left) in [
            (20, "/holds", hold(12), 200, 58.0),
            (20, "/customers/acme/adjust", adjust(-12), 200, 58.0),
            (5, "/holds", hold(6), 402, 55.0),
            (5, "/customers/acme/adjust", adjust(-6), 402, 55.0),
            (5, "/consume", spend(6), 402, 55.0),
        ] {
            let shop = agreed(kind, "pm_card_visa", &json!({})).await;
            give(&shop, given, "start").await;
            assert_eq!(work(&shop).await, 0, "{kind:?} {path}: to be given little is no reason");
            assert_eq!(post(&shop, path, &body).await, status, "{kind:?} {path}");
            assert_eq!(work(&shop).await, 1, "{kind:?} {path} {status}");
            assert_eq!(shop.balance().await[0], left, "{kind:?} {path} {status}");
            shop.proved().await;
        }
        // A capture of more than its hold.
        let shop = agreed(kind, "pm_card_visa", &json!({})).await;
        give(&shop, 20, "start").await;
        let held = shop.world.admin("POST", "/api/v1/holds", &hold(5).to_string()).await;
        assert_eq!(work(&shop).await, 0, "{kind:?}");
        let path = format!("/holds/{}/capture", text(&held["id"]));
        assert_eq!(post(&shop, &path, &json!({ "amount": 12 })).await, 200, "{kind:?}");
        assert_eq!((work(&shop).await, shop.balance().await[0]), (1, 58.0), "{kind:?}");
    }
}

/// Nobody is charged while away: not by an expiry, not by a day that begins, not by what is taken back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_idle_at_midnight_buys_nothing() {
    for kind in BOTH {
        let shop = agreed(kind, "pm_card_visa", &json!({})).await;
        let grant = give(&shop, 20, "start").await;
        assert_eq!(shop.spend(5).await, 200);
        let revoke = format!("/api/v1/grants/{}/revoke", text(&grant["id"]));
        shop.world.admin("POST", &revoke, r#"{"amount": 10, "idempotency_key": "revoke-1"}"#).await;
        assert_eq!((shop.balance().await[0], wanted(&shop).await), (5.0, 0), "{kind:?}: revoked");
        let expires_at = shop.world.clock.now().plus_seconds(3600).to_string();
        let body = json!({ "amount": 30, "source_id": "daily", "priority": 1, "expires_at": expires_at });
        shop.world.admin("POST", "/api/v1/customers/acme/grants", &body.to_string()).await;
        assert_eq!(shop.spend(1).await, 200);
        shop.world.clock.advance(2 * DAY);
        let swept = credits::expire_grants(shop.world.app.db(), shop.world.clock.now()).await.unwrap();
        assert_eq!((swept.wallets, shop.balance().await[0]), (1, 5.0), "{kind:?}: it expired");
        assert_eq!((wanted(&shop).await, work(&shop).await), (0, 0), "{kind:?}");
        assert_eq!(shop.purchases().await.len(), 0, "{kind:?}");
        // Who comes back is a reason.
        assert_eq!((shop.spend(1).await, work(&shop).await), (200, 1), "{kind:?}");
        assert_eq!(shop.balance().await[0], 54.0, "{kind:?}");
    }
}

/// Yesterday's credits end, and the reset job gives today's, which are less than the threshold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daily_allowance_that_comes_buys_nothing() {
    for kind in BOTH {
        let shop = agreed(kind, "pm_card_visa", &json!({})).await;
        let free = json!({ "family": "free", "is_default": true, "credits": { "amount": 5, "period": "day" } });
        shop.world.admin("POST", "/api/v1/admin/subscription-plans", &free.to_string()).await;
        let expires_at = shop.world.clock.now().plus_seconds(3600).to_string();
        let gift = json!({ "amount": 20, "source_id": "gift", "expires_at": expires_at });
        shop.world.admin("POST", "/api/v1/customers/acme/grants", &gift.to_string()).await;
        assert_eq!((shop.spend(1).await, work(&shop).await), (200, 0), "{kind:?}");
        assert_eq!(shop.balance().await[0], 24.0, "{kind:?}");
        shop.world.clock.advance(DAY);
        let (app, now) = (&shop.world.app, shop.world.clock.now());
        let reset = credits::run_sweep(app.db(), app.random(), "reset-credits", now).await.unwrap();
        assert_eq!(reset.allowances.granted, 1, "{kind:?}");
        assert_eq!((wanted(&shop).await, work(&shop).await), (0, 0), "{kind:?}");
        assert_eq!((shop.purchases().await.len(), shop.balance().await[0]), (0, 5.0), "{kind:?}");
        // Who comes back is a reason.
        assert_eq!((shop.spend(1).await, work(&shop).await), (200, 1), "{kind:?}");
        assert_eq!(shop.balance().await[0], 54.0, "{kind:?}");
        shop.proved().await;
    }
}

/// 64 spends cross the threshold together while workers look again and again: one pack.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_spends_buy_one_pack() {
    for kind in BOTH {
        let shop = agreed(kind, "pm_card_visa", &json!({ "threshold": 30 })).await;
        give(&shop, 74, "start").await;
        let workers = join_all((0..8).map(|_| work(&shop)));
        let (spent, _) = join(join_all((0..64).map(|_| shop.spend(1))), workers).await;
        assert!(spent.iter().all(|status| *status == 200), "{kind:?} {spent:?}");
        join_all((0..4).map(|_| work(&shop))).await;
        assert_eq!((shop.purchases().await.len(), shop.balance().await[0]), (1, 60.0), "{kind:?}");
        assert_eq!(trail(&shop, "auto_top_up.begun").await.len(), 1, "{kind:?}");
        shop.proved().await;
    }
}

/// Spends that would use up many packs a day: as many are bought as were allowed, by the day and by the month.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_of_the_day_and_the_month_hold_under_a_race() {
    for kind in BOTH {
        let most = json!({ "threshold": 40, "most_a_day": 2, "most_a_month": 2000 });
        let shop = agreed(kind, "pm_card_visa", &most).await;
        let day = async || {
            for _ in 0..3 {
                let workers = join_all((0..4).map(|_| work(&shop)));
                join(join_all((0..64).map(|_| shop.spend(1))), workers).await;
                work(&shop).await;
            }
            shop.purchases().await.len()
        };
        assert_eq!(day().await, 2, "{kind:?}");
        let why = trail(&shop, "auto_top_up.not_made").await;
        let whys: Vec<_> = why.iter().map(|line| text(&line["after"]["why"])).collect();
        assert_eq!(whys, ["day_limit"], "{kind:?}: said once");
        // The clock begins on the 21st of a month.
        for (days, bought) in [(1, 4), (1, 4), (15, 6)] {
            shop.world.clock.advance(days * DAY);
            assert_eq!(day().await, bought, "{kind:?}");
        }
        let why = trail(&shop, "auto_top_up.not_made").await;
        assert!(why.iter().any(|line| line["after"]["why"] == "month_limit"), "{kind:?}: {why:?}");
        shop.proved().await;
    }
}

/// Yen do not count as cents, nor does a second limit begin with them: the month is over for another currency.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_in_another_currency_waits_for_the_next_month() {
    for kind in BOTH {
        let shop = agreed(kind, "pm_card_visa", &json!({})).await;
        give(&shop, 10, "start").await;
        assert_eq!((shop.spend(1).await, work(&shop).await, shop.balance().await[0]), (200, 1, 59.0), "{kind:?}");
        let product = catalog::ProductFields { name: Some("A pack".into()), ..Default::default() };
        let price = catalog::NewPrice {
            currency: "jpy".into(),
            product: shop.write(&catalog::create_product(&product)).await.id,
            unit_amount: Some(800),
            ..Default::default()
        };
        let price = shop.write(&catalog::create_price(&price)).await.id;
        let price = json!({ "stripe_price_id": price, "currency": "jpy", "unit_amount": 800 });
        let pack = json!({ "family": "pack-yen", "credits": 50, "price": price });
        shop.world.admin("POST", "/api/v1/admin/top-up-plans", &pack.to_string()).await;
        let yen = wish(&json!({ "top_up_plan": "pack-yen", "most_a_month": 100_000 }));
        shop.world.admin("PUT", ROUTE, &yen.to_string()).await;
        // The clock begins on the 21st of a month: it is the last day of it, then the first of the next.
        shop.world.clock.advance(9 * DAY);
        assert_eq!((shop.spend(50).await, work(&shop).await), (200, 1), "{kind:?}: it was looked at");
        assert_eq!((shop.purchases().await.len(), shop.balance().await[0]), (1, 9.0), "{kind:?}");
        let why = trail(&shop, "auto_top_up.not_made").await;
        assert_eq!((why.len(), &why[0]["after"]["why"]), (1, &json!("month_limit")), "{kind:?}");
        shop.world.clock.advance(DAY);
        assert_eq!((shop.spend(1).await, work(&shop).await), (200, 1), "{kind:?}: the month is over");
        assert_eq!((shop.purchases().await.len(), shop.balance().await[0]), (2, 58.0), "{kind:?}");
        let last = shown(&shop).await["last_attempt"].clone();
        let is = ["outcome", "price", "currency"].map(|name| last[name].clone());
        assert_eq!(is, [json!("succeeded"), json!(800), json!("jpy")], "{kind:?}");
        shop.proved().await;
    }
}

/// Has `acme` buy a plan that gives 2 credits a day; what paid for it.
async fn subscribes(shop: &Shop) -> Value {
    let price = shop.plan("daily", 1, &json!({ "credits": { "amount": 2, "period": "day" } })).await;
    let plan = json!({ "customer_id": "acme", "purpose": "subscription", "price": price });
    let checkout = shop.checkout_of(&plan).await;
    shop.pay(&checkout, "pm_card_visa").await;
    shop.deliver().await;
    let invoice = shop.session(text(&checkout["session_id"])).await.invoice.unwrap().id().to_owned();
    let which = invoices::InvoicePayments { invoice: Some(invoice), ..Default::default() };
    let paid = shop.read(&invoices::payments(&which)).await.data.remove(0);
    json!({ "payment_intent": paid.payment.payment_intent.unwrap().id() })
}

/// Has `acme` buy 50 tokens, which no top-up gives, and spend 45 of them; the purchase.
async fn spends_tokens(shop: &Shop) -> Value {
    let price = shop.price(300, &[]).await;
    let price = json!({ "stripe_price_id": price, "currency": "usd", "unit_amount": 300 });
    let pack = json!({ "family": "pack-tokens", "credits": 50, "unit": "tokens", "price": price });
    shop.world.admin("POST", "/api/v1/admin/top-up-plans", &pack.to_string()).await;
    let bought = shop.buys("pack-tokens", "pm_card_visa").await;
    let spend = json!({ "customer_id": "acme", "amount": 45, "unit": "tokens", "idempotency_key": "tokens" });
    assert_eq!(post(shop, "/consume", &spend).await, 200);
    bought
}

/// A dispute counts also of what gave no grant: a plan whose credits come by the day. Debt counts in whichever unit,
/// until it is paid, be it by an allowance that nobody has written yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_debt_or_an_open_dispute_nothing_is_bought() {
    for kind in BOTH {
        for (what, expected, left) in [
            ("refund", "debt", None),
            ("tokens", "debt", Some(54.0)),
            ("dispute", "disputed", Some(54.0)),
            ("plan", "disputed", Some(56.0)),
        ] {
            let shop = agreed(kind, "pm_card_visa", &json!({})).await;
            let bought = shop.buys("pack-50", "pm_card_visa").await;
            let paid = match what {
                "plan" => subscribes(&shop).await,
                "tokens" => spends_tokens(&shop).await,
                _ => bought,
            };
            let before = shop.purchases().await.len();
            assert_eq!((shop.spend(45).await, wanted(&shop).await), (200, 1), "{kind:?} {what}");
            // It happens between the spend and the worker.
            if expected == "debt" {
                shop.refund(&paid, None).await;
            } else {
                shop.dispute(&paid).await;
            }
            shop.deliver().await;
            assert_eq!(work(&shop).await, 1, "{kind:?} {what}: it was looked at");
            assert_eq!(shop.purchases().await.len(), before, "{kind:?} {what}");
            let why = trail(&shop, "auto_top_up.not_made").await;
            assert_eq!((why.len(), &why[0]["after"]["why"]), (1, &json!(expected)), "{kind:?} {what}");
            if let Some(left) = left {
                if what == "tokens" {
                    let credits = json!({ "amount": 45, "period": "day", "unit": "tokens" });
                    let free = json!({ "family": "free", "is_default": true, "credits": credits });
                    shop.world.admin("POST", "/api/v1/admin/subscription-plans", &free.to_string()).await;
                } else {
                    shop.decide(&paid, "win").await;
                    shop.deliver().await;
                }
                assert_eq!((shop.spend(1).await, work(&shop).await), (200, 1), "{kind:?} {what}: it is over");
                assert_eq!(shop.balance().await, [left, 0.0, 0.0], "{kind:?} {what}");
            }
            shop.proved().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_agreed_to_is_refused_by_name() {
    for kind in BOTH {
        let shop = Shop::open(kind).await;
        shop.pack("pack-50", 50, 500).await;
        let put = async |more: &Value| {
            let answer = shop.world.ask(ADMIN, "PUT", ROUTE, wish(more).to_string()).await;
            if answer.status == 200 { (String::new(), None) } else { answer.error() }
        };
        let about = |code: &str, param: &str| (code.to_owned(), Some(param.to_owned()));
        assert_eq!(put(&json!({})).await, about("no_payment_method", "customer_id"), "{kind:?}");
        let off = json!({ "enabled": false });
        assert_eq!(put(&off).await.0, "", "{kind:?}: what is off needs none");
        assert_eq!(shown(&shop).await["state"], "off");
        save(&shop, "pm_card_visa").await;
        let free = json!({ "family": "pack-free", "credits": 50 });
        shop.world.admin("POST", "/api/v1/admin/top-up-plans", &free.to_string()).await;
        for (more, code, param) in [
            (json!({ "threshold": 50 }), "pack_too_small", "threshold"),
            (json!({ "threshold": 0 }), "amount_not_positive", "threshold"),
            (json!({ "top_up_plan": "pack-free" }), "not_for_sale", "top_up_plan"),
            (json!({ "top_up_plan": "nothing" }), "unknown_top_up_plan", "top_up_plan"),
            (json!({ "most_a_month": 499 }), "invalid_field", "most_a_month"),
            (json!({ "most_a_day": 0 }), "invalid_field", "most_a_day"),
            (json!({ "unit": "tokens" }), "invalid_field", "unit"),
        ] {
            assert_eq!(put(&more).await, about(code, param), "{kind:?} {more}");
        }
        assert_eq!(put(&json!({ "unit": "credits" })).await.0, "", "{kind:?}");
        let agreed = shown(&shop).await;
        let is = ["state", "threshold", "price", "currency", "most_a_day"].map(|name| agreed[name].clone());
        assert_eq!(is, [json!("on"), json!(10), json!(500), json!("usd"), json!(5)], "{kind:?}");
        let removed = shop.world.admin("DELETE", ROUTE, "").await;
        assert_eq!(removed["state"], "off", "{kind:?}");
        let gone = shop.world.ask(ADMIN, "GET", ROUTE, "").await;
        assert_eq!(gone.error(), about("unknown_auto_top_up", "customer_id"), "{kind:?}");
        give(&shop, 20, "start").await;
        assert_eq!((shop.spend(15).await, wanted(&shop).await), (200, 0), "{kind:?}: nobody asks any more");
    }
}
