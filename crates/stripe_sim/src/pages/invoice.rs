//! The page of an invoice: what it asks for, what became of it, and a form to pay it with.

use super::{
    act, challenge,
    method::{self, MethodForm, Problem, Sent, Typed},
    notice, reply,
    shown::{self, money},
    visit::Visit,
};
use crate::{
    error::ApiError,
    objects::{
        customers::Customer,
        invoices::{Invoice, Status, pay},
        payment_intents::{Outcome, PaymentIntent},
        payment_methods::{self, Given},
    },
    sandbox::Shared,
    world::{Cx, World},
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::Value;
use std::sync::Arc;

/// `/_sandbox/invoice/{id}`, and what is below it
pub(super) fn answer(shared: &Arc<Shared>, visit: &Visit, id: &str, rest: &[&str]) -> Response<Body> {
    match rest {
        [] if visit.posts() => post(shared, visit, id),
        [] if visit.reads() => show(shared, visit, id, None),
        ["pdf"] if visit.reads() => plain(shared, visit, id),
        _ => notice::nothing_here(&visit.path),
    }
}

/// The address of an invoice's page, on this server.
pub(super) fn path(id: &str) -> String {
    format!("/_sandbox/invoice/{id}")
}

/// An invoice as people read it.
struct Bill {
    number: String,
    status: String,
    customer: String,
    created: String,
    due: String,
    lines: Vec<Line>,
    sums: Vec<(&'static str, String)>,
}

/// A line of it.
struct Line {
    description: String,
    period: String,
    quantity: String,
    amount: String,
}

impl Bill {
    fn of(world: &World, found: &Invoice) -> Self {
        let customer = world.get::<Customer>(&found.customer);
        let kept = |name: &str| customer.and_then(|customer| customer.kept.get(name)).and_then(Value::as_str);
        let line = |line: &crate::objects::invoices::Line| Line {
            description: line.description.clone().unwrap_or_default(),
            period: format!("{} to {}", shown::day(line.period.start), shown::day(line.period.end)),
            quantity: line.quantity.map(|quantity| quantity.to_string()).unwrap_or_default(),
            amount: money(line.amount, &line.currency),
        };
        let status = serde_json::to_value(found.status).unwrap_or_default();
        Self {
            number: found.number.clone().unwrap_or_else(|| "Draft".to_owned()),
            status: shown::name(&status),
            customer: kept("name").or_else(|| kept("email")).unwrap_or(&found.customer).to_owned(),
            created: shown::day(found.created),
            due: found.due_date.map(shown::day).unwrap_or_default(),
            lines: found.lines_of(world).map(line).collect(),
            sums: sums(world, found),
        }
    }
}

/// What the lines come to. A draft takes the customer's balance up only when it becomes final.
fn sums(world: &World, found: &Invoice) -> Vec<(&'static str, String)> {
    let amount = |amount: i64| money(amount, &found.currency);
    let total = found.total(world);
    let mut sums = vec![("Total", amount(total))];
    if found.is_draft() {
        return sums;
    }
    if found.amount_due != total {
        sums.push(("Applied balance", amount(found.amount_due - total)));
    }
    sums.push(("Amount due", amount(found.amount_due)));
    sums.push(("Paid", amount(found.amount_paid)));
    sums
}

/// The page.
#[derive(Template)]
#[template(path = "invoice.html")]
struct Page {
    bill: Bill,
    pdf: String,
    /// The form, if it is to be paid.
    form: Option<MethodForm>,
    button: String,
}

fn show(shared: &Arc<Shared>, visit: &Visit, id: &str, typed: Option<(Typed, Option<Problem>)>) -> Response<Body> {
    let page = shared.with(|world| {
        let found = world.get::<Invoice>(id)?;
        let payable = matches!(found.status, Status::Open | Status::Uncollectible) && found.remaining() > 0;
        let problem = typed.as_ref().is_some_and(|(_, problem)| problem.is_some());
        let form = payable.then(|| {
            let (typed, problem) = typed.unwrap_or_else(|| {
                let problem = last_decline(world, found).map(|message| Problem::said(&message));
                (Typed::of_customer(world, &found.customer), problem)
            });
            MethodForm::new(&found.currency, &typed, false, problem)
        });
        let status = if problem { StatusCode::PAYMENT_REQUIRED } else { StatusCode::OK };
        let button = format!("Pay {}", money(found.remaining(), &found.currency));
        Some((status, Page { bill: Bill::of(world, found), pdf: format!("{}/pdf", path(id)), form, button }))
    });
    match page {
        Some((status, page)) => reply::page_leading_away(status, &page),
        None => notice::nothing_here(&visit.path),
    }
}

/// Why the last attempt failed.
fn last_decline(world: &World, found: &Invoice) -> Option<String> {
    let intent = world.get::<PaymentIntent>(found.payment_intent.as_ref()?)?;
    intent.last_payment_error.as_ref()?["message"].as_str().map(str::to_owned)
}

fn post(shared: &Arc<Shared>, visit: &Visit, id: &str) -> Response<Body> {
    let (typed, given) = match method::read(&visit.form()) {
        Sent::Again(typed, problem) => return show(shared, visit, id, Some((typed, problem))),
        Sent::Method(typed, given) => (typed, given),
    };
    match act(shared, |cx| paid(cx, id, &given)) {
        Ok(None) => reply::see(&path(id)),
        Ok(Some(intent)) => reply::see(&challenge::path(&intent)),
        Err(error) => show(shared, visit, id, Some((typed, Some(Problem::of(&error))))),
    }
}

/// Pays an invoice with something that is not kept. Answers the intent whose holder is challenged, if that is so.
///
/// # Errors
/// It is not to be paid, or the payment is declined; that stands.
fn paid(cx: &mut Cx<'_>, id: &str, given: &Given) -> Result<Option<String>, ApiError> {
    let found: Invoice = cx.of_path(id)?;
    if !matches!(found.status, Status::Open | Status::Uncollectible) {
        return Err(ApiError::invalid("This invoice is not to be paid."));
    }
    let method = payment_methods::from_params(cx, given)?;
    let back = format!("{}{}", cx.world.settings.base, path(id));
    if let Some(intent) = &found.payment_intent {
        cx.edit::<PaymentIntent>(intent, |intent| {
            intent.return_url.get_or_insert(back);
        });
    }
    let before = cx.before::<Invoice>(id);
    let outcome = pay::collect(cx, id, Some(&method), pay::By::Payer)?;
    cx.tell_change::<Invoice>("invoice.updated", id, before);
    pay::tell(cx, id, &outcome, false);
    match outcome {
        Outcome::Declined(error) => Err((*error).kept()),
        Outcome::RequiresAction => Ok(cx.find::<Invoice>(id).and_then(|invoice| invoice.payment_intent.clone())),
        Outcome::Succeeded | Outcome::Processing => Ok(None),
    }
}

/// The invoice as a plain text, where Stripe has a PDF.
fn plain(shared: &Arc<Shared>, visit: &Visit, id: &str) -> Response<Body> {
    let bill = shared.with(|world| world.get::<Invoice>(id).map(|found| Bill::of(world, found)));
    let Some(bill) = bill else { return notice::nothing_here(&visit.path) };
    let mut text = format!(
        "INVOICE {} ({})\nSandbox: no money moves.\n\nTo {}\nOf {}\n",
        bill.number, bill.status, bill.customer, bill.created
    );
    if !bill.due.is_empty() {
        text.push_str(&format!("Due {}\n", bill.due));
    }
    text.push('\n');
    for line in &bill.lines {
        text.push_str(&format!("{:<72} {:>14}\n    {}\n", line.description, line.amount, line.period));
    }
    text.push('\n');
    for (name, amount) in &bill.sums {
        text.push_str(&format!("{name:<72} {amount:>14}\n"));
    }
    reply::text(StatusCode::OK, text)
}
