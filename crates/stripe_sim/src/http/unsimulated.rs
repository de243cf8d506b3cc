//! Parameters of Stripe's that would change an amount or a time, and that the sandbox does nothing with: they are refused
//! by name, since a test that passes because they were overlooked is worse than none.

use crate::error::ApiError;
use serde_json::Value;

/// Their names, wherever they stand.
const NAMES: &[&str] = &[
    "application_fee_amount",
    "billing_schedules",
    "billing_thresholds",
    "coupon",
    "default_tax_rates",
    "discounts",
    "invoice_items",
    "optional_items",
    "pending_invoice_item_interval",
    "promotion_code",
    "schedule_details",
    "shipping_cost",
    "shipping_options",
    "tax_rates",
];

/// What holds names of the caller's own.
const FREE: &[&str] = &["metadata", "payload", "evidence"];

/// Sees that `params` ask for nothing of these. What asks for nothing, such as an empty list, is let through.
///
/// # Errors
/// 501 about the first.
pub(super) fn check(params: &Value) -> Result<(), ApiError> {
    match params {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| match name.as_str() {
            name if FREE.contains(&name) => Ok(()),
            name if NAMES.contains(&name) && says_something(value) => refused(name),
            "automatic_tax" if value["enabled"] == true => refused("automatic_tax"),
            _ => check(value),
        }),
        Value::Array(items) => items.iter().try_for_each(check),
        _ => Ok(()),
    }
}

fn refused(name: &str) -> Result<(), ApiError> {
    Err(ApiError::not_simulated(&format!("the parameter `{name}`")).at(name))
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(says_something),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use serde_json::json;

    #[test]
    fn what_is_not_done_is_refused_by_name_wherever_it_stands() {
        let table = [
            (json!({ "name": "x", "metadata": { "coupon": "x" } }), None),
            (json!({ "discounts": [], "default_tax_rates": null, "coupon": "" }), None),
            (json!({ "automatic_tax": { "enabled": false } }), None),
            (json!({ "automatic_tax": { "enabled": true } }), Some("automatic_tax")),
            (json!({ "discounts": [{ "coupon": "x" }] }), Some("discounts")),
            (json!({ "items": [{ "price": "x" }, { "tax_rates": ["txr_1"] }] }), Some("tax_rates")),
            (
                json!({ "subscription_details": { "billing_thresholds": { "amount_gte": 1 } } }),
                Some("billing_thresholds"),
            ),
        ];
        for (params, expected) in table {
            let refused = check(&params).err();
            assert_eq!(refused.as_ref().and_then(|error| error.param.as_deref()), expected, "{params}");
            assert!(refused.is_none_or(|error| error.status == 501), "{params}");
        }
    }
}
