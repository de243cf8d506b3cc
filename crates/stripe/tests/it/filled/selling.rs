//! Customers, what is sold, checkout and portal.

use super::{created, metadata, page, request, text};
use purser_stripe::{
    Request,
    calls::{catalog, checkout, customers, portal, subscriptions},
    objects::{Interval, SessionMode, SessionStatus, UsageType},
};

/// All calls, with all parameters.
pub fn all() -> Vec<Request> {
    [sold(), bought(), checked_out(), visited()].concat()
}

fn sold() -> Vec<Request> {
    let product = catalog::ProductFields {
        id: text("prod_1"),
        name: text("Pro"),
        description: text("All of it"),
        active: Some(true),
        unit_label: text("seat"),
        metadata: metadata(),
    };
    let recurring = catalog::NewRecurring {
        interval: Interval::Month,
        interval_count: Some(3),
        usage_type: Some(UsageType::Metered),
        meter: text("mtr_1"),
    };
    let price = catalog::NewPrice {
        currency: "usd".into(),
        product: "prod_1".into(),
        unit_amount: Some(2000),
        unit_amount_decimal: text("0.05"),
        recurring: Some(recurring),
        lookup_key: text("pro"),
        nickname: text("Pro, monthly"),
        metadata: metadata(),
    };
    let change = catalog::PriceChange {
        active: Some(false),
        nickname: text("old"),
        lookup_key: text("pro"),
        metadata: metadata(),
    };
    let products = catalog::Products { active: Some(true), created: created(), page: page() };
    let prices = catalog::Prices {
        active: Some(true),
        product: text("prod_1"),
        lookup_keys: Some(vec!["pro".into(), "team".into()]),
        expand: Some(vec!["data.tiers"]),
        created: created(),
        page: page(),
    };
    let changed = catalog::ProductFields { id: None, ..product.clone() };
    vec![
        request(&catalog::create_product(&product)),
        request(&catalog::product("prod_1")),
        request(&catalog::update_product("prod_1", &changed)),
        request(&catalog::products(&products)),
        request(&catalog::create_price(&price)),
        request(&catalog::price("price_1")),
        request(&catalog::price_with_tiers("price_1")),
        request(&catalog::update_price("price_1", &change)),
        request(&catalog::prices(&prices)),
    ]
}

fn bought() -> Vec<Request> {
    let settings = customers::InvoiceSettings { default_payment_method: text("pm_1") };
    let fields = customers::CustomerFields {
        email: text("jenny@example.com"),
        name: text("Jenny Rosen"),
        description: text("Team 42"),
        balance: Some(-500),
        metadata: metadata(),
        invoice_settings: Some(settings),
        payment_method: text("pm_1"),
        test_clock: text("clock_1"),
    };
    let change = customers::CustomerFields { payment_method: None, test_clock: None, ..fields.clone() };
    let which = customers::Customers { email: text("jenny@example.com"), created: created(), page: page() };
    vec![
        request(&customers::create(&fields)),
        request(&customers::retrieve("cus_1")),
        request(&customers::update("cus_1", &change)),
        request(&customers::delete("cus_1")),
        request(&customers::list(&which)),
        request(&customers::payment_methods("cus_1", &page())),
        request(&customers::payment_method("pm_1")),
        request(&customers::attach("pm_1", "cus_1")),
        request(&customers::detach("pm_1")),
        request(&customers::entitlements("cus_1", &page())),
    ]
}

fn checked_out() -> Vec<Request> {
    let end_behavior = subscriptions::TrialEnd { missing_payment_method: "cancel".into() };
    let session = checkout::NewSession {
        mode: SessionMode::Subscription,
        customer: text("cus_1"),
        client_reference_id: text("order-1"),
        success_url: text("https://example.com/done?session={CHECKOUT_SESSION_ID}"),
        cancel_url: text("https://example.com/back"),
        line_items: Some(vec![checkout::NewSessionItem { price: "price_1".into(), quantity: Some(2) }]),
        metadata: metadata(),
        subscription_data: Some(checkout::SubscriptionData {
            metadata: metadata(),
            trial_period_days: Some(7),
            trial_settings: Some(subscriptions::TrialSettings { end_behavior }),
            description: text("Pro"),
        }),
        payment_intent_data: Some(checkout::PaymentIntentData {
            metadata: metadata(),
            setup_future_usage: Some("off_session"),
            description: text("Top-up"),
        }),
        setup_intent_data: Some(checkout::SetupIntentData { metadata: metadata() }),
        expires_at: Some(1_767_225_600),
        payment_method_collection: Some("if_required"),
        allow_promotion_codes: Some(true),
        currency: text("usd"),
    };
    let which = checkout::Sessions {
        customer: text("cus_1"),
        payment_intent: text("pi_1"),
        subscription: text("sub_1"),
        status: Some(SessionStatus::Open),
        created: created(),
        page: page(),
    };
    vec![
        request(&checkout::create(&session)),
        request(&checkout::retrieve("cs_1")),
        request(&checkout::retrieve_whole("cs_1")),
        request(&checkout::expire("cs_1")),
        request(&checkout::list(&which)),
        request(&checkout::line_items("cs_1", &page())),
    ]
}

fn visited() -> Vec<Request> {
    let of = || Some(portal::OfSubscription { subscription: "sub_1".into() });
    let visit = portal::NewPortalSession {
        customer: "cus_1".into(),
        configuration: text("bpc_1"),
        return_url: text("https://example.com"),
        flow_data: Some(portal::Flow {
            kind: "subscription_cancel".into(),
            subscription_cancel: of(),
            subscription_update: of(),
        }),
    };
    let on = || Some(portal::Enabled { enabled: true });
    let fields = portal::ConfigurationFields {
        features: Some(portal::Features {
            invoice_history: on(),
            payment_method_update: on(),
            subscription_cancel: Some(portal::Cancelling { enabled: true, mode: Some("at_period_end") }),
        }),
        default_return_url: text("https://example.com"),
        metadata: metadata(),
        active: None,
    };
    let change = portal::ConfigurationFields { active: Some(false), ..fields.clone() };
    vec![
        request(&portal::create_session(&visit)),
        request(&portal::create_configuration(&fields)),
        request(&portal::update_configuration("bpc_1", &change)),
        request(&portal::configuration("bpc_1")),
        request(&portal::configurations(&page())),
    ]
}
