//! The form in which a payer says what is paid with: a card, or a bank account. What was typed stays in it.

mod samples;

use super::visit::Fields;
use crate::{
    error::ApiError,
    objects::{
        customers::Customer,
        payment_intents,
        payment_methods::{Given, PaymentMethod},
    },
    world::World,
};
use samples::Sample;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Something that is asked for.
struct Question {
    /// Its name in the form.
    name: &'static str,
    label: &'static str,
    /// What browsers may fill in. Nothing about cards: those they know are real ones.
    autocomplete: &'static str,
    /// Which keys a phone shows.
    inputmode: &'static str,
}

const fn question(
    name: &'static str,
    label: &'static str,
    autocomplete: &'static str,
    inputmode: &'static str,
) -> Question {
    Question { name, label, autocomplete, inputmode }
}

/// Who pays.
const PAYER: &[Question] =
    &[question("email", "Email", "email", "email"), question("name", "Name on card or account", "name", "text")];

/// What is asked of each type of payment method: the type, its name, and the questions.
const KINDS: &[(&str, &str, &[Question])] = &[
    (
        "card",
        "Card",
        &[
            question("number", "Card number", "off", "numeric"),
            question("expiry", "Expiry (MM / YY)", "off", "numeric"),
            question("cvc", "Security code (CVC)", "off", "numeric"),
        ],
    ),
    (
        "us_bank_account",
        "US bank account",
        &[
            question("routing", "Routing number", "off", "numeric"),
            question("account", "Account number", "off", "numeric"),
        ],
    ),
    ("sepa_debit", "SEPA debit", &[question("iban", "IBAN", "off", "text")]),
];

fn questions() -> impl Iterator<Item = &'static Question> {
    PAYER.iter().chain(KINDS.iter().flat_map(|(_, _, questions)| questions.iter()))
}

/// What a payer typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    kind: String,
    texts: BTreeMap<&'static str, String>,
}

/// What is wrong with what was typed, or with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The name of the field; empty when it is none in particular.
    field: &'static str,
    message: String,
}

/// A form that was sent.
pub(super) enum Sent {
    /// It is to be shown again: with a sample filled in, or with a problem.
    Again(Typed, Option<Problem>),
    /// What is paid with.
    Method(Typed, Box<Given>),
}

/// Reads a form that was sent.
pub(super) fn read(form: &Fields) -> Sent {
    let texts = questions().map(|question| (question.name, form.get(question.name).to_owned())).collect();
    let typed = Typed { kind: form.get("method").to_owned(), texts };
    if let Some(sample) = form.given("fill") {
        return Sent::Again(typed.filled(sample), None);
    }
    match typed.given() {
        Ok(given) => Sent::Method(typed, Box::new(given)),
        Err(problem) => Sent::Again(typed, Some(problem)),
    }
}

impl Typed {
    /// What is known of a customer, before anything is typed.
    pub fn known(email: Option<&str>, name: Option<&str>) -> Self {
        let known = [("email", email), ("name", name)];
        let texts = known.into_iter().filter_map(|(field, text)| Some((field, text?.to_owned()))).collect();
        Self { kind: String::new(), texts }
    }

    /// What is known of a customer.
    pub fn of_customer(world: &World, customer: &str) -> Self {
        let found = world.get::<Customer>(customer);
        let kept = |name: &str| found.and_then(|found| found.kept.get(name)).and_then(Value::as_str);
        Self::known(kept("email"), kept("name"))
    }

    /// The text in a field.
    pub fn text(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    /// The same with a text of its own for a field.
    fn with(mut self, name: &'static str, text: &str) -> Self {
        self.texts.insert(name, text.to_owned());
        self
    }

    /// The same with a sample filled in, and with what the payer left empty.
    fn filled(self, sample: &str) -> Self {
        let Some((kind, number)) = sample.split_once(':') else { return self };
        let mut filled = match kind {
            "us_bank_account" => self.with("routing", "110000000").with("account", number),
            "sepa_debit" => self.with("iban", number),
            _ => self.with("number", number).with("expiry", "12 / 50").with("cvc", "123"),
        };
        filled.kind = kind.to_owned();
        for (name, text) in [("email", "jenny@example.com"), ("name", "Jenny Rosen")] {
            if filled.text(name).is_empty() {
                filled = filled.with(name, text);
            }
        }
        filled
    }

    /// The questions of the type that was chosen; the card's, when none was.
    fn asked(&self) -> (&'static str, &'static [Question]) {
        let chosen = KINDS.iter().find(|(kind, ..)| *kind == self.kind).unwrap_or(&KINDS[0]);
        (chosen.0, chosen.2)
    }

    /// What is paid with, as the API takes it.
    fn given(&self) -> Result<Given, Problem> {
        let (kind, questions) = self.asked();
        let empty = |question: &&Question| self.text(question.name).is_empty();
        let needed = if kind == "card" { &PAYER[..1] } else { PAYER };
        if let Some(question) = needed.iter().chain(questions).find(empty) {
            return Err(Problem::new(question.name, format!("Please fill in: {}.", question.label)));
        }
        if !self.text("email").contains('@') {
            return Err(Problem::new("email", "This is no email address."));
        }
        let part = match kind {
            "us_bank_account" => {
                json!({ "account_number": self.text("account"), "routing_number": self.text("routing") })
            }
            "sepa_debit" => json!({ "iban": self.text("iban") }),
            _ => {
                let (month, year) = expiry(self.text("expiry"))?;
                let (number, cvc) = (self.text("number"), self.text("cvc"));
                json!({ "number": number, "exp_month": month, "exp_year": year, "cvc": cvc })
            }
        };
        let name = Some(self.text("name")).filter(|name| !name.is_empty());
        let billing = json!({ "email": self.text("email"), "name": name });
        let given = json!({ "type": kind, kind: part, "billing_details": billing });
        Given::deserialize(given).map_err(|error| Problem::new("", error.to_string()))
    }
}

/// Month and year of `12 / 34`, `12/2034` or `1234`.
fn expiry(text: &str) -> Result<(i64, i64), Problem> {
    let parts = match text.split_once('/') {
        Some((month, year)) => Some((month.trim(), year.trim())),
        None => text.split_at_checked(2),
    };
    let read = parts.and_then(|(month, year)| Some((month.parse().ok()?, year.parse::<i64>().ok()?)));
    // A year of two digits is one of this century.
    let whole = read.map(|(month, year)| (month, if year < 100 { 2000 + year } else { year }));
    whole.ok_or_else(|| Problem::new("expiry", "Your card's expiration date is incomplete."))
}

impl Problem {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }

    /// Something that went wrong before.
    pub fn said(message: &str) -> Self {
        Self::new("", message)
    }

    /// Why the API refused what was typed.
    pub fn of(error: &ApiError) -> Self {
        let field = match error.param.as_deref().unwrap_or_default() {
            "number" | "card[number]" => "number",
            "exp_month" | "exp_year" => "expiry",
            "cvc" => "cvc",
            "sepa_debit[iban]" => "iban",
            "billing_details[email]" | "email" => "email",
            "billing_details[name]" => "name",
            param if param.starts_with("us_bank_account") => "account",
            _ => "",
        };
        Self::new(field, error.message.clone())
    }
}

/// The form as it is shown.
pub(super) struct MethodForm {
    pub problem: Option<String>,
    pub payer: Vec<Field>,
    pub choices: Vec<Choice>,
    pub groups: Vec<Group>,
    pub samples: Vec<Sample>,
}

/// A field of the form.
pub(super) struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub autocomplete: &'static str,
    pub inputmode: &'static str,
    pub value: String,
    pub wrong: bool,
    /// Whether it cannot be changed.
    pub fixed: bool,
}

/// A type of payment method to choose.
pub(super) struct Choice {
    pub kind: &'static str,
    pub label: &'static str,
    pub chosen: bool,
}

/// What is asked of one type.
pub(super) struct Group {
    pub kind: &'static str,
    pub label: &'static str,
    pub fields: Vec<Field>,
}

impl MethodForm {
    /// The form for payments in `currency`, with what was typed. `fixed` says that the email address is known.
    pub fn new(currency: &str, typed: &Typed, fixed: bool, problem: Option<Problem>) -> Self {
        let types = payment_intents::types(currency);
        let offered: Vec<_> = KINDS.iter().filter(|(kind, ..)| types.iter().any(|taken| taken == kind)).collect();
        let wrong = problem.as_ref().map_or("", |problem| problem.field);
        let field = |question: &Question| Field {
            name: question.name,
            label: question.label,
            autocomplete: question.autocomplete,
            inputmode: question.inputmode,
            value: typed.text(question.name).to_owned(),
            wrong: question.name == wrong,
            fixed: fixed && question.name == "email",
        };
        let (chosen, _) = typed.asked();
        let choices = offered.iter().map(|&&(kind, label, _)| Choice { kind, label, chosen: kind == chosen });
        let groups = offered.iter().map(|&&(kind, label, questions)| Group {
            kind,
            label,
            fields: questions.iter().map(field).collect(),
        });
        Self {
            choices: choices.collect(),
            groups: groups.collect(),
            payer: PAYER.iter().map(field).collect(),
            samples: samples::of(&types),
            problem: problem.map(|problem| problem.message),
        }
    }
}

/// What a payment method is called: `Visa ending in 4242, expires 12 / 2050`.
pub(super) fn called(method: &PaymentMethod) -> String {
    let last4 = method.details["last4"].as_str().unwrap_or_default();
    match method.kind.as_str() {
        "card" => {
            let brand = method.details["brand"].as_str().unwrap_or("card");
            let (month, year) = (&method.details["exp_month"], &method.details["exp_year"]);
            let (first, rest) = brand.split_at_checked(1).unwrap_or(("", brand));
            format!("{}{rest} ending in {last4}, expires {month} / {year}", first.to_ascii_uppercase())
        }
        "us_bank_account" => format!("US bank account ending in {last4}"),
        "sepa_debit" => format!("SEPA account ending in {last4}"),
        other => format!("{other} ending in {last4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, MethodForm, Problem, Sent, Typed, expiry, read};

    fn sent(form: &str) -> Result<serde_json::Value, (&'static str, String)> {
        match read(&Fields::read(form.as_bytes())) {
            Sent::Method(_, given) => Ok(serde_json::json!({
                "kind": given.kind,
                "billing": given.billing_details,
                "number": given.card.as_ref().and_then(|card| card.number.clone()),
                "account": given.us_bank_account.as_ref().and_then(|account| account.account_number.clone()),
                "iban": given.sepa_debit.as_ref().map(|account| account.iban.clone()),
            })),
            Sent::Again(_, problem) => Err(problem.map_or(("", String::new()), |found| (found.field, found.message))),
        }
    }

    #[test]
    fn what_was_typed_becomes_a_payment_method() {
        let card = "method=card&email=a%40x.example&number=4242&expiry=12+%2F+34&cvc=123";
        let found = sent(card).expect("a card");
        assert_eq!((found["kind"].as_str(), found["number"].as_str()), (Some("card"), Some("4242")));
        assert!(found["billing"]["name"].is_null());
        let bank = "method=us_bank_account&email=a%40x.example&name=Ann&routing=110000000&account=000123456789";
        assert_eq!(sent(bank).expect("an account")["account"], "000123456789");
        let sepa = "method=sepa_debit&email=a%40x.example&name=Ann&iban=DE89";
        assert_eq!(sent(sepa).expect("an account")["iban"], "DE89");
        for (form, field) in [
            ("method=card&email=a%40x.example&number=4242&expiry=12", "cvc"),
            ("method=card&email=a%40x.example&number=4242&expiry=x&cvc=123", "expiry"),
            ("method=card&email=ann&number=4242&expiry=1234&cvc=123", "email"),
            ("method=sepa_debit&email=a%40x.example&iban=DE89", "name"),
            ("", "email"),
        ] {
            assert_eq!(sent(form).expect_err("a problem").0, field, "{form}");
        }
    }

    #[test]
    fn an_expiry_is_read_as_people_write_it() {
        for text in ["12 / 34", "12/34", "1234", "12 /34"] {
            assert_eq!(expiry(text), Ok((12, 2034)), "{text}");
        }
        assert_eq!(expiry("1/2034"), Ok((1, 2034)));
        for text in ["", "1", "12", "/", "ä1234"] {
            assert!(expiry(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_sample_is_filled_in_and_what_was_typed_stays() {
        let form = Fields::read(b"email=ann%40x.example&fill=us_bank_account%3A000123456789");
        let Sent::Again(typed, None) = read(&form) else { panic!("it is shown again") };
        assert_eq!((typed.text("account"), typed.text("routing")), ("000123456789", "110000000"));
        assert_eq!((typed.text("email"), typed.text("name")), ("ann@x.example", "Jenny Rosen"));
        let shown = MethodForm::new("usd", &typed, false, Some(Problem::new("account", "No.")));
        let chosen: Vec<&str> = shown.choices.iter().filter(|choice| choice.chosen).map(|choice| choice.kind).collect();
        assert_eq!(chosen, ["us_bank_account"]);
        let wrong = shown.groups.iter().flat_map(|group| &group.fields).filter(|field| field.wrong);
        assert_eq!(wrong.map(|field| field.name).collect::<Vec<_>>(), ["account"]);
        let shown = MethodForm::new("gbp", &Typed::default(), true, None);
        assert_eq!(shown.choices.len(), 1);
        assert!(shown.payer[0].fixed && !shown.payer[1].fixed);
    }
}
