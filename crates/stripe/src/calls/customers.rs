//! Calls about customers and how they pay.

use super::{Call, Created, Metadata, PageOf, params::Nothing};
use crate::{
    List,
    objects::{Customer, Deleted, Entitlement, OrDeleted, PaymentMethod},
};
use serde::Serialize;

/// A customer to be, or what changes of one. What is `None` stays.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CustomerFields {
    /// Where receipts go.
    pub email: Option<String>,
    /// The full name, or that of the business.
    pub name: Option<String>,
    /// For the people in the dashboard.
    pub description: Option<String>,
    /// What Stripe owes the customer (below zero) or is owed, in minor units; goes into the next invoice.
    pub balance: Option<i64>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
    /// How invoices are paid.
    pub invoice_settings: Option<InvoiceSettings>,
    /// A payment method to attach (at creation).
    pub payment_method: Option<String>,
    /// The test clock the customer lives by (at creation, in test mode).
    pub test_clock: Option<String>,
}

/// How a customer's invoices are paid.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InvoiceSettings {
    /// Charged for subscriptions and invoices that name no other. It must be attached.
    pub default_payment_method: Option<String>,
}

/// Which customers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Customers {
    /// With exactly this address (case matters).
    pub email: Option<String>,
    /// Created then.
    pub created: Option<Created>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageOf,
}

/// Creates a customer. `POST /v1/customers`
#[must_use]
pub fn create(fields: &CustomerFields) -> Call<Customer> {
    Call::post(&["v1", "customers"], fields)
}

/// Reads a customer, or what is left of one that was deleted. `GET /v1/customers/{id}`
#[must_use]
pub fn retrieve(id: &str) -> Call<OrDeleted<Customer>> {
    Call::get(&["v1", "customers", id], &Nothing {})
}

/// Changes a customer. `POST /v1/customers/{id}`
#[must_use]
pub fn update(id: &str, fields: &CustomerFields) -> Call<Customer> {
    Call::post(&["v1", "customers", id], fields).of(Some(id))
}

/// Deletes a customer for good, and cancels its subscriptions at once. `DELETE /v1/customers/{id}`
#[must_use]
pub fn delete(id: &str) -> Call<Deleted> {
    Call::delete(&["v1", "customers", id], &Nothing {})
}

/// Lists customers, newest first. `GET /v1/customers`
#[must_use]
pub fn list(which: &Customers) -> Call<List<Customer>> {
    Call::get(&["v1", "customers"], which)
}

/// Lists what a customer can pay with. `GET /v1/payment_methods`
#[must_use]
pub fn payment_methods(customer: &str, page: &PageOf) -> Call<List<PaymentMethod>> {
    #[derive(Serialize)]
    struct Which<'a> {
        customer: &'a str,
        #[serde(flatten)]
        page: &'a PageOf,
    }
    Call::get(&["v1", "payment_methods"], &Which { customer, page })
}

/// Reads a payment method. `GET /v1/payment_methods/{id}`
#[must_use]
pub fn payment_method(id: &str) -> Call<PaymentMethod> {
    Call::get(&["v1", "payment_methods", id], &Nothing {})
}

/// Attaches a payment method to a customer. `POST /v1/payment_methods/{id}/attach`
#[must_use]
pub fn attach(payment_method: &str, customer: &str) -> Call<PaymentMethod> {
    #[derive(Serialize)]
    struct To<'a> {
        customer: &'a str,
    }
    Call::post(&["v1", "payment_methods", payment_method, "attach"], &To { customer }).of(Some(customer))
}

/// Takes a payment method from its customer; it can never be used again. `POST /v1/payment_methods/{id}/detach`
#[must_use]
pub fn detach(payment_method: &str) -> Call<PaymentMethod> {
    Call::post(&["v1", "payment_methods", payment_method, "detach"], &Nothing {}).of(Some(payment_method))
}

/// Lists what a customer is entitled to. `GET /v1/entitlements/active_entitlements`
#[must_use]
pub fn entitlements(customer: &str, page: &PageOf) -> Call<List<Entitlement>> {
    #[derive(Serialize)]
    struct Which<'a> {
        customer: &'a str,
        #[serde(flatten)]
        page: &'a PageOf,
    }
    Call::get(&["v1", "entitlements", "active_entitlements"], &Which { customer, page })
}
