//! Flows: the one thing that a visit to the portal is for.

use super::{Configuration, changes};
use crate::{error::ApiError, objects::subscriptions::Subscription, world::Cx};
use serde_json::{Value, json};

/// A flow as it is asked for, checked, and as it is shown.
///
/// # Errors
/// The configuration does not offer it, something is missing, or the subscription is not the customer's or cannot be
/// changed that way.
pub(super) fn checked(
    cx: &Cx<'_>,
    mut flow: Value,
    customer: &str,
    configuration: &Configuration,
) -> Result<Value, ApiError> {
    let kind = flow["type"].as_str().unwrap_or_default().to_owned();
    let feature = match kind.as_str() {
        "customer_update" | "payment_method_update" | "subscription_cancel" | "subscription_update" => kind.as_str(),
        "subscription_update_confirm" => "subscription_update",
        other => return Err(ApiError::not_simulated(&format!("portal flows of the type {other}"))),
    };
    if !configuration.offers(feature) {
        return Err(not_offered(&kind, feature));
    }
    if kind.starts_with("subscription_") {
        let found = subscription(cx, &flow, &kind, customer)?;
        if feature == "subscription_update" {
            changes::must_be_changeable(&found)?;
        }
        if kind == "subscription_update_confirm" {
            confirmation(cx, &flow["subscription_update_confirm"], &found, configuration)?;
        }
    }
    end(&mut flow)?;
    Ok(flow)
}

/// How it ends: back at the portal's first page, unless it says otherwise.
fn end(flow: &mut Value) -> Result<(), ApiError> {
    if flow["after_completion"].is_null() {
        flow["after_completion"] = json!({ "type": "portal_homepage" });
    }
    let end = &flow["after_completion"];
    if end["type"] == "redirect" && end["redirect"].is_null() {
        return Err(ApiError::missing("flow_data[after_completion][redirect]"));
    }
    Ok(())
}

/// The customer's subscription that a flow is about.
fn subscription(cx: &Cx<'_>, flow: &Value, kind: &str, customer: &str) -> Result<Subscription, ApiError> {
    let param = format!("flow_data[{kind}][subscription]");
    let id = flow[kind]["subscription"].as_str().ok_or_else(|| ApiError::missing(&format!("flow_data[{kind}]")))?;
    let found: Subscription = cx.given(id, &param)?;
    if found.customer != customer {
        return Err(ApiError::no_such("subscription", id).at(&param));
    }
    if found.is_over() {
        // The words are ours, as all that follow.
        return Err(ApiError::wrong(&format!("The subscription `{id}` is canceled."), &param));
    }
    Ok(found)
}

/// Checks a change that only waits for the customer's consent.
fn confirmation(
    cx: &Cx<'_>,
    asked: &Value,
    found: &Subscription,
    configuration: &Configuration,
) -> Result<(), ApiError> {
    let param = "flow_data[subscription_update_confirm][items]";
    let wish = changes::Wish::of_flow(asked).ok_or_else(|| ApiError::missing(param))?;
    let item = asked["items"][0]["id"].as_str().unwrap_or_default();
    if found.items.first().is_none_or(|own| own != item) {
        let message = format!("The subscription `{}` has no item `{item}`.", found.id);
        return Err(ApiError::wrong(&message, &format!("{param}[0][id]")));
    }
    changes::checked(cx.world, configuration, found, &wish).map(drop).map_err(|error| error.at(param))
}

fn not_offered(kind: &str, feature: &str) -> ApiError {
    let message = format!(
        "The flow `{kind}` is not possible because the feature `{feature}` of the portal configuration is disabled."
    );
    ApiError::wrong(&message, "flow_data[type]")
}
