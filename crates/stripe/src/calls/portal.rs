//! Calls about Stripe's billing portal.

use super::{Call, Metadata, PageOf, params::Nothing};
use crate::{
    List,
    objects::{PortalConfiguration, PortalSession},
};
use serde::Serialize;

/// A visit to the portal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewPortalSession {
    /// Whose.
    pub customer: String,
    /// What it offers; `None` is the account's default.
    pub configuration: Option<String>,
    /// Where the visitor goes afterwards.
    pub return_url: Option<String>,
    /// Leads straight to one thing.
    pub flow_data: Option<Flow>,
}

/// Where in the portal a visit begins, and ends.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Flow {
    /// `payment_method_update`, `subscription_cancel`, `subscription_update`, `subscription_update_confirm`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which subscription is cancelled.
    pub subscription_cancel: Option<OfSubscription>,
    /// Which subscription is changed.
    pub subscription_update: Option<OfSubscription>,
}

/// Of one subscription.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OfSubscription {
    /// Its id.
    pub subscription: String,
}

/// What the portal offers. What is `None` stays.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConfigurationFields {
    /// What visitors may do; needed at creation.
    pub features: Option<Features>,
    /// Where visitors go afterwards.
    pub default_return_url: Option<String>,
    /// Names and texts.
    pub metadata: Option<Metadata>,
    /// Whether it can be used (in a change).
    pub active: Option<bool>,
}

/// What visitors of the portal may do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Features {
    /// Read their invoices.
    pub invoice_history: Option<Enabled>,
    /// Change how they pay.
    pub payment_method_update: Option<Enabled>,
    /// Cancel.
    pub subscription_cancel: Option<Cancelling>,
}

/// On or off.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Enabled {
    /// On.
    pub enabled: bool,
}

/// How visitors may cancel.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Cancelling {
    /// On.
    pub enabled: bool,
    /// `at_period_end` or `immediately`.
    pub mode: Option<&'static str>,
}

/// Opens a visit: its address serves for five minutes. `POST /v1/billing_portal/sessions`
///
/// Source: the declarations of `stripe@23.1.0` of npm.
#[must_use]
pub fn create_session(session: &NewPortalSession) -> Call<PortalSession> {
    Call::post(&["v1", "billing_portal", "sessions"], session)
}

/// Creates a configuration. `POST /v1/billing_portal/configurations`
#[must_use]
pub fn create_configuration(fields: &ConfigurationFields) -> Call<PortalConfiguration> {
    Call::post(&["v1", "billing_portal", "configurations"], fields)
}

/// Changes a configuration. `POST /v1/billing_portal/configurations/{id}`
#[must_use]
pub fn update_configuration(id: &str, fields: &ConfigurationFields) -> Call<PortalConfiguration> {
    Call::post(&["v1", "billing_portal", "configurations", id], fields).of(Some(id))
}

/// Reads a configuration. `GET /v1/billing_portal/configurations/{id}`
#[must_use]
pub fn configuration(id: &str) -> Call<PortalConfiguration> {
    Call::get(&["v1", "billing_portal", "configurations", id], &Nothing {})
}

/// Lists configurations, newest first. `GET /v1/billing_portal/configurations`
#[must_use]
pub fn configurations(page: &PageOf) -> Call<List<PortalConfiguration>> {
    Call::get(&["v1", "billing_portal", "configurations"], page)
}
