//! Payment methods are made: from names everyone shares, from tokens, from card and account numbers.

use super::PaymentMethod;
use crate::{
    error::ApiError,
    objects::{
        cards::{self, Behaviour, by_account, by_bank_name, by_card_name, by_iban, by_number, fingerprint, last4},
        metadata::{Metadata, merged},
    },
    world::Cx,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is given with a new payment method.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Given {
    /// `card`, `us_bank_account` or `sepa_debit`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub card: Option<CardGiven>,
    pub us_bank_account: Option<AccountGiven>,
    pub sepa_debit: Option<IbanGiven>,
    pub billing_details: Option<Value>,
    pub allow_redisplay: Option<String>,
    pub metadata: Option<Value>,
}

/// A card: a token, or a number with what belongs to it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct CardGiven {
    pub token: Option<String>,
    pub number: Option<String>,
    pub exp_month: Option<i64>,
    pub exp_year: Option<i64>,
    pub cvc: Option<String>,
}

/// An account in the United States.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct AccountGiven {
    pub account_number: Option<String>,
    pub routing_number: Option<String>,
    pub account_holder_type: Option<String>,
    pub account_type: Option<String>,
}

/// An account in Europe.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct IbanGiven {
    pub iban: String,
}

/// The routing number of test accounts. Source: <https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment>
const TEST_ROUTING: &str = "110000000";

/// A payment method to be.
struct New {
    kind: &'static str,
    details: Value,
    behaviour: Behaviour,
    made_from: Option<String>,
}

/// Makes a payment method of a name everyone shares; `None` when nobody knows it.
pub(super) fn from_shared(cx: &mut Cx<'_>, name: &str) -> Option<String> {
    let made_from = Some(name.to_owned());
    let new = if let Some(card) = name.strip_prefix("pm_card_").and_then(by_card_name) {
        New { kind: "card", details: card.shown(None, true), behaviour: card.behaviour, made_from }
    } else {
        let (sepa, account) = by_bank_name(name)?;
        let behaviour = account.behaviour;
        if sepa {
            New { kind: "sepa_debit", details: sepa_details(account.number), behaviour, made_from }
        } else {
            let given = AccountGiven { account_number: Some(account.number.to_owned()), ..AccountGiven::default() };
            New { kind: "us_bank_account", details: ach_details(account.number, &given), behaviour, made_from }
        }
    };
    Some(put(cx, new, &Given::default(), Metadata::new()))
}

/// Makes a payment method of a card's token, such as `tok_visa`; answers its id.
///
/// # Errors
/// There is no such token.
pub(crate) fn from_token(cx: &mut Cx<'_>, token: &str) -> Result<String, ApiError> {
    let card = CardGiven { token: Some(token.to_owned()), ..CardGiven::default() };
    from_card(cx, &Given { kind: Some("card".to_owned()), card: Some(card), ..Given::default() })
}

/// Makes a payment method of what was given; answers its id.
///
/// # Errors
/// What is missing or wrong, and the decline of a card number that is none.
pub(crate) fn from_params(cx: &mut Cx<'_>, given: &Given) -> Result<String, ApiError> {
    match given.kind.as_deref() {
        Some("card") => from_card(cx, given),
        Some("us_bank_account") => from_account(cx, given),
        Some("sepa_debit") => from_iban(cx, given),
        Some(other) => Err(ApiError::not_simulated(&format!("payment methods of the type {other}"))),
        None => Err(ApiError::missing("type")),
    }
}

fn from_card(cx: &mut Cx<'_>, given: &Given) -> Result<String, ApiError> {
    let asked = given.card.clone().unwrap_or_default();
    if let Some(token) = &asked.token {
        let card = token.strip_prefix("tok_").and_then(by_card_name).ok_or_else(|| no_token(token))?;
        let new = New { kind: "card", details: card.shown(None, true), behaviour: card.behaviour, made_from: None };
        return put_given(cx, new, given);
    }
    let number = asked.number.as_deref().ok_or_else(|| ApiError::missing("card[number]"))?;
    let month = asked.exp_month.ok_or_else(|| ApiError::missing("card[exp_month]"))?;
    let year = asked.exp_year.ok_or_else(|| ApiError::missing("card[exp_year]"))?;
    let card = by_number(number).map_err(|decline| decline.setup_error())?;
    check_form(cx, (month, year), asked.cvc.as_deref(), card.brand)?;
    let details = card.shown(Some((month, year)), asked.cvc.is_some());
    put_given(cx, New { kind: "card", details, behaviour: card.behaviour, made_from: None }, given)
}

/// Seconds of a year of 365.2425 days.
const YEAR: i64 = 31_556_952;

/// Whether expiry and code have the form they must have. A year of two digits is one of this century.
fn check_form(cx: &Cx<'_>, expiry: (i64, i64), code: Option<&str>, brand: &str) -> Result<(), ApiError> {
    let wrong = |code: &str, param: &str, message: &str| {
        let refusal = ApiError::wrong(message, param).code(code).status(402);
        Err(ApiError { kind: "card_error", ..refusal })
    };
    let (month, year) = expiry;
    if !(1..=12).contains(&month) {
        return wrong("invalid_expiry_month", "exp_month", "Your card's expiration month is invalid.");
    }
    let this_year = 1970 + cx.now().div_euclid(YEAR);
    let year = if year < 100 { 2000 + year } else { year };
    if !(this_year..=this_year + 50).contains(&year) {
        return wrong("invalid_expiry_year", "exp_year", "Your card's expiration year is invalid.");
    }
    let length = if brand == "amex" { 3..=4 } else { 3..=3 };
    if code.is_some_and(|code| !length.contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_digit())) {
        return wrong("invalid_cvc", "cvc", "Your card's security code is invalid.");
    }
    Ok(())
}

fn from_account(cx: &mut Cx<'_>, given: &Given) -> Result<String, ApiError> {
    let asked = given.us_bank_account.clone().unwrap_or_default();
    let number = asked.account_number.as_deref().ok_or_else(|| ApiError::missing("us_bank_account[account_number]"))?;
    if asked.routing_number.is_none() {
        return Err(ApiError::missing("us_bank_account[routing_number]"));
    }
    must_be_billed(given, &["name"])?;
    let details = ach_details(number, &asked);
    put_given(cx, New { kind: "us_bank_account", details, behaviour: by_account(number), made_from: None }, given)
}

fn from_iban(cx: &mut Cx<'_>, given: &Given) -> Result<String, ApiError> {
    let iban = given.sepa_debit.as_ref().ok_or_else(|| ApiError::missing("sepa_debit[iban]"))?;
    let iban: String = iban.iban.chars().filter(|letter| *letter != ' ').collect();
    let iban = iban.to_ascii_uppercase();
    let behaviour = by_iban(&iban).ok_or_else(|| {
        ApiError::wrong("The IBAN you provided is invalid.", "sepa_debit[iban]").code("invalid_bank_account_iban")
    })?;
    must_be_billed(given, &["name", "email"])?;
    put_given(cx, New { kind: "sepa_debit", details: sepa_details(&iban), behaviour, made_from: None }, given)
}

/// Whether the billing details say what a bank wants to know.
fn must_be_billed(given: &Given, names: &[&str]) -> Result<(), ApiError> {
    let known = |name: &str| given.billing_details.as_ref().is_some_and(|billing| billing[name].is_string());
    match names.iter().copied().find(|&name| !known(name)) {
        Some(name) => Err(ApiError::missing(&format!("billing_details[{name}]"))),
        None => Ok(()),
    }
}

fn ach_details(number: &str, given: &AccountGiven) -> Value {
    json!({
        "account_holder_type": given.account_holder_type.as_deref().unwrap_or("individual"),
        "account_type": given.account_type.as_deref().unwrap_or("checking"),
        "bank_name": "STRIPE TEST BANK",
        "fingerprint": fingerprint(number),
        "last4": last4(number),
        "networks": { "preferred": "ach", "supported": ["ach"] },
        "routing_number": given.routing_number.as_deref().unwrap_or(TEST_ROUTING),
    })
}

fn sepa_details(iban: &str) -> Value {
    // Where the code of the bank stands in the IBANs of the table.
    let bank = match iban.get(..2) {
        Some("AT") => iban.get(4..9),
        Some("DE") => iban.get(4..12),
        _ => None,
    };
    json!({
        "bank_code": bank,
        "branch_code": "",
        "country": iban.get(..2),
        "fingerprint": fingerprint(iban),
        "generated_from": { "charge": null, "setup_attempt": null },
        "last4": last4(iban),
    })
}

fn no_token(token: &str) -> ApiError {
    if token.starts_with("tok_card_") {
        return ApiError::invalid("There is a part of the token that is not valid: 'card'.");
    }
    ApiError::wrong(&format!("Invalid token id: {token}"), "token")
}

fn put_given(cx: &mut Cx<'_>, new: New, given: &Given) -> Result<String, ApiError> {
    let metadata = merged(&Metadata::new(), given.metadata.as_ref())?;
    Ok(put(cx, new, given, metadata))
}

fn put(cx: &mut Cx<'_>, new: New, given: &Given, metadata: Metadata) -> String {
    let id = cx.new_id("pm");
    let created = cx.now();
    cx.put(PaymentMethod {
        id: id.clone(),
        created,
        kind: new.kind.to_owned(),
        customer: None,
        allow_redisplay: given.allow_redisplay.clone().unwrap_or_else(|| "unspecified".to_owned()),
        billing_details: billed(&json!({ "address": {} }), given.billing_details.as_ref()),
        metadata,
        details: new.details,
        behaviour: new.behaviour,
        made_from: new.made_from,
        set_up: new.behaviour.challenge == cards::Challenge::OnSession,
        spent: false,
    });
    id
}

/// Billing details after a change: what was not given stays.
pub(super) fn billed(kept: &Value, given: Option<&Value>) -> Value {
    let mut billing = kept.clone();
    for (name, value) in given.and_then(Value::as_object).into_iter().flatten() {
        let empty_address = name == "address" && value.is_null();
        billing[name.as_str()] = if empty_address { json!({}) } else { value.clone() };
    }
    billing
}
