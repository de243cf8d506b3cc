//! The list of operations: method, path, and what does it.

use super::{Answer, Asked};
use crate::{
    deliver::{destinations, endpoints, events, thin},
    error::ApiError,
    objects::{
        catalog, charges,
        checkout::{api as sessions, payment_pages},
        customers, customers_balance as balance, disputes,
        entitlements::api as entitlements,
        invoices::{api as invoices, preview},
        meters, payment_intents, payment_methods,
        portal::{configurations, sessions as portal_sessions},
        refunds,
        schedules::api as schedules,
        setup_intents,
        subscriptions::{api as subscriptions, items_api as items},
        test_clocks,
    },
    world::Cx,
};

/// What does an operation.
pub(crate) type Run = fn(&mut Cx<'_>, &Asked) -> Result<Answer, ApiError>;

/// One operation.
pub(crate) struct Route {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// The path, as in the contract.
    pub path: &'static str,
    /// What does it.
    pub run: Run,
}

impl Route {
    /// As in the contract, such as `GET /v1/customers/{id}`.
    pub fn label(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

const fn get(path: &'static str, run: Run) -> Route {
    Route { method: "GET", path, run }
}

const fn post(path: &'static str, run: Run) -> Route {
    Route { method: "POST", path, run }
}

const fn delete(path: &'static str, run: Run) -> Route {
    Route { method: "DELETE", path, run }
}

/// All operations.
pub(crate) const ROUTES: &[Route] = &[
    post("/v1/customers", customers::create),
    get("/v1/customers", customers::list),
    get("/v1/customers/{id}", customers::retrieve),
    post("/v1/customers/{id}", customers::update),
    delete("/v1/customers/{id}", customers::delete),
    post("/v1/customers/{id}/balance_transactions", balance::create),
    get("/v1/customers/{id}/balance_transactions", balance::list),
    get("/v1/customers/{customerId}/balance_transactions/{id}", balance::retrieve),
    get("/v1/customers/{id}/payment_methods", payment_methods::list_of_customer),
    get("/v1/customers/{customerId}/payment_methods/{id}", payment_methods::retrieve_of_customer),
    post("/v1/payment_methods", payment_methods::create),
    get("/v1/payment_methods", payment_methods::list),
    get("/v1/payment_methods/{id}", payment_methods::retrieve),
    post("/v1/payment_methods/{id}", payment_methods::update),
    post("/v1/payment_methods/{id}/attach", payment_methods::attach),
    post("/v1/payment_methods/{id}/detach", payment_methods::detach),
    post("/v1/products", catalog::create_product),
    get("/v1/products", catalog::list_products),
    get("/v1/products/{id}", catalog::retrieve_product),
    post("/v1/products/{id}", catalog::update_product),
    delete("/v1/products/{id}", catalog::delete_product),
    post("/v1/products/{id}/features", entitlements::attach),
    get("/v1/products/{id}/features", entitlements::list_of_product),
    get("/v1/products/{productId}/features/{id}", entitlements::retrieve_of_product),
    delete("/v1/products/{productId}/features/{id}", entitlements::detach),
    post("/v1/entitlements/features", entitlements::create),
    get("/v1/entitlements/features", entitlements::list),
    get("/v1/entitlements/features/{id}", entitlements::retrieve),
    post("/v1/entitlements/features/{id}", entitlements::update),
    get("/v1/entitlements/active_entitlements", entitlements::list_active),
    get("/v1/entitlements/active_entitlements/{id}", entitlements::retrieve_active),
    post("/v1/prices", catalog::create_price),
    get("/v1/prices", catalog::list_prices),
    get("/v1/prices/{id}", catalog::retrieve_price),
    post("/v1/prices/{id}", catalog::update_price),
    post("/v1/payment_intents", payment_intents::create),
    get("/v1/payment_intents", payment_intents::list),
    get("/v1/payment_intents/{id}", payment_intents::retrieve),
    post("/v1/payment_intents/{id}", payment_intents::update),
    post("/v1/payment_intents/{id}/confirm", payment_intents::confirm),
    post("/v1/payment_intents/{id}/cancel", payment_intents::cancel_asked),
    post("/v1/payment_intents/{id}/capture", payment_intents::capture),
    post("/v1/setup_intents", setup_intents::create),
    get("/v1/setup_intents", setup_intents::list),
    get("/v1/setup_intents/{id}", setup_intents::retrieve),
    post("/v1/setup_intents/{id}", setup_intents::update),
    post("/v1/setup_intents/{id}/confirm", setup_intents::confirm),
    post("/v1/setup_intents/{id}/cancel", setup_intents::cancel),
    post("/v1/charges", charges::create),
    get("/v1/charges", charges::list),
    get("/v1/charges/{id}", charges::retrieve),
    post("/v1/charges/{id}", charges::update),
    post("/v1/charges/{id}/capture", charges::capture),
    post("/v1/refunds", refunds::create),
    get("/v1/refunds", refunds::list),
    get("/v1/refunds/{id}", refunds::retrieve),
    post("/v1/refunds/{id}", refunds::update),
    post("/v1/refunds/{id}/cancel", refunds::cancel),
    get("/v1/disputes", disputes::list),
    get("/v1/disputes/{id}", disputes::retrieve),
    post("/v1/disputes/{id}", disputes::update),
    post("/v1/disputes/{id}/close", disputes::close),
    post("/v1/subscriptions", subscriptions::create),
    get("/v1/subscriptions", subscriptions::list),
    get("/v1/subscriptions/{id}", subscriptions::retrieve),
    post("/v1/subscriptions/{id}", subscriptions::update),
    delete("/v1/subscriptions/{id}", subscriptions::cancel_now),
    post("/v1/subscriptions/{id}/pause", subscriptions::pause_now),
    post("/v1/subscriptions/{id}/resume", subscriptions::resume),
    post("/v1/subscription_items", items::create),
    get("/v1/subscription_items", items::list),
    get("/v1/subscription_items/{id}", items::retrieve),
    post("/v1/subscription_items/{id}", items::update),
    delete("/v1/subscription_items/{id}", items::delete),
    post("/v1/subscription_schedules", schedules::create),
    get("/v1/subscription_schedules", schedules::list),
    get("/v1/subscription_schedules/{id}", schedules::retrieve),
    post("/v1/subscription_schedules/{id}", schedules::update),
    post("/v1/subscription_schedules/{id}/release", schedules::release),
    post("/v1/subscription_schedules/{id}/cancel", schedules::cancel),
    post("/v1/invoices", invoices::create),
    post("/v1/invoices/create_preview", preview::create),
    get("/v1/invoices", invoices::list),
    get("/v1/invoices/{id}", invoices::retrieve),
    post("/v1/invoices/{id}", invoices::update),
    delete("/v1/invoices/{id}", invoices::delete),
    get("/v1/invoices/{id}/lines", invoices::lines),
    post("/v1/invoices/{id}/finalize", invoices::finalize_now),
    post("/v1/invoices/{id}/pay", invoices::pay_now),
    post("/v1/invoices/{id}/void", invoices::void),
    post("/v1/invoices/{id}/mark_uncollectible", invoices::mark_uncollectible),
    post("/v1/invoices/{id}/send", invoices::send),
    get("/v1/invoice_payments", invoices::list_payments),
    get("/v1/invoice_payments/{id}", invoices::retrieve_payment),
    post("/v1/invoiceitems", invoices::create_item),
    get("/v1/invoiceitems", invoices::list_items),
    get("/v1/invoiceitems/{id}", invoices::retrieve_item),
    delete("/v1/invoiceitems/{id}", invoices::delete_item),
    post("/v1/checkout/sessions", sessions::create),
    get("/v1/checkout/sessions", sessions::list),
    get("/v1/checkout/sessions/{id}", sessions::retrieve),
    post("/v1/checkout/sessions/{id}", sessions::update),
    post("/v1/checkout/sessions/{id}/expire", sessions::expire_now),
    get("/v1/checkout/sessions/{id}/line_items", sessions::line_items),
    get("/v1/payment_pages/{id}", payment_pages::retrieve),
    post("/v1/payment_pages/{id}/confirm", payment_pages::confirm),
    post("/v1/billing_portal/configurations", configurations::create),
    get("/v1/billing_portal/configurations", configurations::list),
    get("/v1/billing_portal/configurations/{id}", configurations::retrieve),
    post("/v1/billing_portal/configurations/{id}", configurations::update),
    post("/v1/billing_portal/sessions", portal_sessions::create),
    post("/v1/billing/meters", meters::create),
    get("/v1/billing/meters", meters::list),
    get("/v1/billing/meters/{id}", meters::retrieve),
    post("/v1/billing/meters/{id}", meters::update),
    post("/v1/billing/meters/{id}/deactivate", meters::deactivate),
    post("/v1/billing/meters/{id}/reactivate", meters::reactivate),
    get("/v1/billing/meters/{id}/event_summaries", meters::summaries),
    post("/v1/billing/meter_events", meters::create_event),
    post("/v1/billing/meter_event_adjustments", meters::adjust),
    post("/v2/billing/meter_events", meters::create_event_v2),
    post("/v2/billing/meter_event_adjustments", meters::adjust_v2),
    post("/v2/billing/meter_event_session", meters::create_session),
    post("/v2/billing/meter_event_stream", meters::stream),
    post("/v1/test_helpers/test_clocks", test_clocks::create),
    get("/v1/test_helpers/test_clocks", test_clocks::list),
    get("/v1/test_helpers/test_clocks/{id}", test_clocks::retrieve),
    delete("/v1/test_helpers/test_clocks/{id}", test_clocks::delete),
    post("/v1/test_helpers/test_clocks/{id}/advance", test_clocks::advance),
    post("/v1/webhook_endpoints", endpoints::create),
    get("/v1/webhook_endpoints", endpoints::list),
    get("/v1/webhook_endpoints/{id}", endpoints::retrieve),
    post("/v1/webhook_endpoints/{id}", endpoints::update),
    delete("/v1/webhook_endpoints/{id}", endpoints::delete),
    get("/v1/events", events::list),
    get("/v1/events/{id}", events::retrieve),
    post("/v2/core/event_destinations", destinations::create),
    get("/v2/core/event_destinations", destinations::list),
    get("/v2/core/event_destinations/{id}", destinations::retrieve),
    post("/v2/core/event_destinations/{id}", destinations::update),
    delete("/v2/core/event_destinations/{id}", destinations::delete),
    post("/v2/core/event_destinations/{id}/disable", destinations::disable),
    post("/v2/core/event_destinations/{id}/enable", destinations::enable),
    post("/v2/core/event_destinations/{id}/ping", destinations::ping),
    get("/v2/core/events", thin::list),
    get("/v2/core/events/{id}", thin::retrieve),
];

#[cfg(test)]
mod tests {
    use super::ROUTES;
    use crate::contract::CONTRACT;

    #[test]
    fn every_operation_is_in_the_contract_once() {
        let mut labels: Vec<String> = ROUTES.iter().map(super::Route::label).collect();
        for label in &labels {
            assert!(CONTRACT.operations.contains_key(label), "{label}");
        }
        let count = labels.len();
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), count);
    }
}
