//! What one unit costs, as it is asked for: one amount, one for each tier, or one that the payer chooses.

use super::{inside, only_one_of, read};
use crate::{error::ApiError, objects::decimal::Decimal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A stretch of a quantity that has its own price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tier {
    /// The last unit of it; `None` for the tier without an end.
    pub up_to: Option<i64>,
    /// Minor units for each unit.
    pub unit_amount: Option<Decimal>,
    /// Minor units for the whole tier.
    pub flat_amount: Option<Decimal>,
}

impl Tier {
    /// As Stripe shows it.
    pub fn view(&self) -> Value {
        json!({
            "flat_amount": self.flat_amount.and_then(Decimal::whole),
            "flat_amount_decimal": self.flat_amount,
            "unit_amount": self.unit_amount.and_then(Decimal::whole),
            "unit_amount_decimal": self.unit_amount,
            "up_to": self.up_to,
        })
    }
}

/// What one unit costs, in one currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Amounts {
    /// Minor units for one unit.
    pub unit: Option<Decimal>,
    /// The bounds within which the payer chooses.
    pub custom: Option<Value>,
    pub tiers: Vec<Tier>,
}

#[derive(Deserialize)]
struct AmountsAsked {
    custom_unit_amount: Option<CustomAsked>,
    tiers: Option<Vec<TierAsked>>,
    unit_amount: Option<i64>,
    unit_amount_decimal: Option<String>,
}

#[derive(Deserialize)]
struct CustomAsked {
    enabled: bool,
    maximum: Option<i64>,
    minimum: Option<i64>,
    preset: Option<i64>,
}

#[derive(Deserialize)]
struct TierAsked {
    flat_amount: Option<i64>,
    flat_amount_decimal: Option<String>,
    unit_amount: Option<i64>,
    unit_amount_decimal: Option<String>,
    up_to: Value,
}

impl Amounts {
    /// Reads the amounts among `params`, which are the parameter `at`.
    ///
    /// # Errors
    /// Two amounts that say the same, one below zero or with too many places, or tiers out of order.
    pub fn read(params: &Value, at: &str) -> Result<Self, ApiError> {
        let asked: AmountsAsked = read(params)?;
        let unit = amount(asked.unit_amount, asked.unit_amount_decimal.as_deref(), "unit_amount", at)?;
        let custom = asked
            .custom_unit_amount
            .filter(|custom| custom.enabled)
            .map(|custom| json!({ "maximum": custom.maximum, "minimum": custom.minimum, "preset": custom.preset }));
        let tiers = tiers(&asked.tiers.unwrap_or_default(), &inside(at, "tiers"))?;
        Ok(Self { unit, custom, tiers })
    }

    /// As `currency_options` show it for one currency.
    pub fn as_option(&self, tax_behavior: &str) -> Value {
        let mut option = json!({
            "custom_unit_amount": self.custom,
            "tax_behavior": tax_behavior,
            "unit_amount": self.unit.and_then(Decimal::whole),
            "unit_amount_decimal": self.unit,
        });
        if !self.tiers.is_empty() {
            option["tiers"] = self.tiers.iter().map(Tier::view).collect();
        }
        option
    }
}

/// The amount `name`, given as a whole number or as `{name}_decimal`.
fn amount(whole: Option<i64>, decimal: Option<&str>, name: &str, at: &str) -> Result<Option<Decimal>, ApiError> {
    let decimal_name = format!("{name}_decimal");
    match (whole, decimal) {
        (Some(_), Some(_)) => Err(only_one_of(at, name, &decimal_name)),
        (Some(whole), None) if whole < 0 => Err(ApiError::wrong("Invalid non-negative integer", &inside(at, name))),
        (whole, None) => Ok(whole.map(Decimal::from)),
        (None, Some(text)) => not_negative(text, &inside(at, &decimal_name)).map(Some),
    }
}

fn not_negative(text: &str, param: &str) -> Result<Decimal, ApiError> {
    let value = text.parse::<Decimal>().map_err(|_| ApiError::wrong(&format!("Invalid decimal: {text}"), param))?;
    if value < Decimal::ZERO {
        let message = format!("This value must be greater than or equal to 0 (it currently is '{text}').");
        return Err(ApiError::wrong(&message, param));
    }
    Ok(value)
}

/// Tiers, each ending beyond the one before it, the last without an end.
fn tiers(asked: &[TierAsked], at: &str) -> Result<Vec<Tier>, ApiError> {
    let mut read: Vec<Tier> = Vec::with_capacity(asked.len());
    let mut before = 0;
    for (place, tier) in asked.iter().enumerate() {
        let at = inside(at, &place.to_string());
        let up_to = end(&tier.up_to, before, place + 1 == asked.len(), &inside(&at, "up_to"))?;
        before = up_to.unwrap_or(before);
        let unit_amount = amount(tier.unit_amount, tier.unit_amount_decimal.as_deref(), "unit_amount", &at)?;
        let flat_amount = amount(tier.flat_amount, tier.flat_amount_decimal.as_deref(), "flat_amount", &at)?;
        if unit_amount.is_none() && flat_amount.is_none() {
            return Err(ApiError::wrong("Each tier needs a `unit_amount` or a `flat_amount`.", &at));
        }
        read.push(Tier { up_to, unit_amount, flat_amount });
    }
    Ok(read)
}

/// The last unit of a tier that begins after `before`.
fn end(up_to: &Value, before: i64, is_last: bool, param: &str) -> Result<Option<i64>, ApiError> {
    match (up_to.as_i64(), is_last) {
        (None, true) if up_to == "inf" => Ok(None),
        (None, false) if up_to == "inf" => Err(ApiError::wrong("Only the last tier can have `up_to=inf`.", param)),
        (None, _) => Err(ApiError::invalid_integer(&up_to.to_string(), param)),
        (Some(_), true) => Err(ApiError::wrong("The last tier must have `up_to=inf`.", param)),
        (Some(end), false) if end <= before => {
            Err(ApiError::wrong("Each tier must end beyond the one before it.", param))
        }
        (Some(end), false) => Ok(Some(end)),
    }
}

/// The amounts in other currencies, as `currency_options` show them; one that is null is taken away.
///
/// # Errors
/// A currency that there is not or that is not in small letters, or a wrong amount.
pub(super) fn options(kept: &Map<String, Value>, given: &Value, at: &str) -> Result<Map<String, Value>, ApiError> {
    let mut options = kept.clone();
    for (currency, option) in given.as_object().into_iter().flatten() {
        let param = inside(at, currency);
        let small = super::currency::currency(currency, at)?;
        if small != *currency {
            let message = format!(
                "Currencies must be lowercase when used as keys in a map. Use `{small}` instead of `{currency}`."
            );
            return Err(ApiError::wrong(&message, at));
        }
        if option.is_null() {
            options.remove(currency);
            continue;
        }
        let tax_behavior = option["tax_behavior"].as_str().unwrap_or("unspecified");
        options.insert(small, Amounts::read(option, &param)?.as_option(tax_behavior));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::{Amounts, options};
    use serde_json::{Map, Value, json};

    #[test]
    fn amounts_are_read_whole_or_as_decimals() {
        let unit = |params: &Value| Amounts::read(params, "").map(|amounts| amounts.unit.map(|unit| unit.to_string()));
        for (params, expected) in [
            (json!({}), None),
            (json!({ "unit_amount": 5 }), Some("5")),
            (json!({ "unit_amount": 0 }), Some("0")),
            (json!({ "unit_amount_decimal": "105.5" }), Some("105.5")),
            (json!({ "unit_amount_decimal": "5.000" }), Some("5")),
        ] {
            assert_eq!(unit(&params), Ok(expected.map(str::to_owned)), "{params}");
        }
        for (params, param) in [
            (json!({ "unit_amount": -1 }), "unit_amount"),
            (json!({ "unit_amount": 1, "unit_amount_decimal": "1" }), "unit_amount"),
            (json!({ "unit_amount_decimal": "-0.5" }), "unit_amount_decimal"),
            (json!({ "unit_amount_decimal": "0.0000000000001" }), "unit_amount_decimal"),
            (json!({ "unit_amount_decimal": "ten" }), "unit_amount_decimal"),
        ] {
            assert_eq!(unit(&params).expect_err("wrong").param.as_deref(), Some(param), "{params}");
        }
    }

    #[test]
    fn tiers_follow_each_other_and_end_nowhere() {
        let good = json!({ "tiers": [
            { "up_to": 5, "unit_amount": 700 },
            { "up_to": 10, "flat_amount_decimal": "0.5" },
            { "up_to": "inf", "unit_amount_decimal": "0.05", "flat_amount": 3 },
        ] });
        let read = Amounts::read(&good, "").expect("tiers");
        let shown: Vec<_> = read.tiers.iter().map(super::Tier::view).collect();
        let tier = |up_to: Option<i64>, flat: (Option<i64>, Option<&str>), unit: (Option<i64>, Option<&str>)| {
            json!({
                "flat_amount": flat.0,
                "flat_amount_decimal": flat.1,
                "unit_amount": unit.0,
                "unit_amount_decimal": unit.1,
                "up_to": up_to,
            })
        };
        assert_eq!(
            shown,
            [
                tier(Some(5), (None, None), (Some(700), Some("700"))),
                tier(Some(10), (None, Some("0.5")), (None, None)),
                tier(None, (Some(3), Some("3")), (None, Some("0.05"))),
            ]
        );
        let inf = json!({ "up_to": "inf", "unit_amount": 1 });
        let five = json!({ "up_to": 5, "unit_amount": 1 });
        for (tiers, param) in [
            (json!([five]), "tiers[0][up_to]"),
            (json!([inf, inf]), "tiers[0][up_to]"),
            (json!([{ "up_to": 0, "unit_amount": 1 }, inf]), "tiers[0][up_to]"),
            (json!([five, five, inf]), "tiers[1][up_to]"),
            (json!([{ "up_to": 5.5, "unit_amount": 1 }, inf]), "tiers[0][up_to]"),
            (json!([{ "up_to": 5 }, inf]), "tiers[0]"),
            (json!([{ "up_to": "inf", "unit_amount": -1 }]), "tiers[0][unit_amount]"),
        ] {
            let error = Amounts::read(&json!({ "tiers": tiers }), "").expect_err("wrong tiers");
            assert_eq!(error.param.as_deref(), Some(param), "{tiers}");
        }
    }

    #[test]
    fn other_currencies_are_merged() {
        let given = json!({ "eur": { "unit_amount": 900 }, "gbp": { "unit_amount_decimal": "0.5" } });
        let kept = options(&Map::new(), &given, "currency_options").expect("options");
        assert_eq!(kept["eur"]["unit_amount_decimal"], "900");
        assert!(kept["gbp"]["unit_amount"].is_null());
        let left = options(&kept, &json!({ "eur": null }), "currency_options").expect("options");
        assert_eq!(left.keys().collect::<Vec<_>>(), ["gbp"]);
        let error = options(&kept, &json!({ "EUR": {} }), "currency_options").expect_err("in capitals");
        assert!(error.message.contains("Use `eur` instead of `EUR`"), "{}", error.message);
        let error = options(&kept, &json!({ "eur": { "unit_amount": -1 } }), "currency_options").expect_err("wrong");
        assert_eq!(error.param.as_deref(), Some("currency_options[eur][unit_amount]"));
    }
}
