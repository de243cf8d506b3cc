//! Another plan in the place of the one that is paid for: what it costs is shown first, then it is changed.

use super::{
    plans,
    reply::{self, Frame},
    shown,
    trouble::Trouble,
    visitor::{Form, Visitor},
};
use crate::{
    features::payments::changes::{self, Action, Asked, At, Preview, Target},
    platform::{App, db::DbError, stripe::seconds},
};
use askama::Template;
use axum::{
    extract::{Request, State},
    response::Response,
};
use purser_rules::Time;
use serde::Deserialize;

/// For how long what was shown can be agreed to, in seconds. As of another instant one would pay for less.
const SHOWN_FOR: i64 = 600;

/// The page.
#[derive(Template)]
#[template(path = "change.html")]
struct Page {
    frame: Frame,
    /// The plan now, and the plan then.
    what: String,
    /// When it takes effect; a sentence.
    when: String,
    /// What is paid at once, if anything is billed, and what that is made up of.
    due: Option<String>,
    lines: Vec<(String, String)>,
    /// What is paid later; a sentence.
    later: Option<String>,
    /// What the form carries.
    price: String,
    as_of: String,
}

/// What is read of the answer.
#[derive(Deserialize)]
struct Done {
    takes_effect: String,
    effective_at: String,
}

/// `/billing/change`, posted: what the plan of a `price` costs; if that was `agreed` to, it is done
pub(super) async fn step(State(app): State<App>, visitor: Visitor, request: Request) -> Result<Response, Trouble> {
    let Form(fields) = Form::of(&app, &visitor, request).await?;
    let price = match fields.get("price") {
        "" => return Err(Trouble::NoPage),
        price => price.to_owned(),
    };
    let Some(place) = plans::must_offer(&app, &visitor, &price).await? else { return Ok(has_none()) };
    let (now, said) = (seconds(app.clock().now()), fields.get("as_of"));
    let as_of = said.parse::<i64>().ok().filter(|at| (now - SHOWN_FOR..=now).contains(at));
    let agreed = !fields.get("agreed").is_empty() && (said.is_empty() || as_of.is_some());
    let target = Target { price: Some(price.clone()), item: place.item, proration_date: as_of, ..Target::default() };
    let (customer, action) = (visitor.id().clone(), Action::Change(target));
    let asked = Asked { customer, subscription: Some(place.subscription), action, key: None };
    if !agreed {
        let preview = changes::preview(&app, &asked).await?;
        return Ok(reply::page(&page(&visitor, price, &preview)));
    }
    let answered = changes::ask(&app, &visitor.actor, &asked).await?;
    let done: Done = serde_json::from_slice(&answered.body).map_err(|error| DbError::Bug(error.to_string()))?;
    let later = Time::parse(&done.effective_at).filter(|_| done.takes_effect == At::PeriodEnd.as_str());
    let home = Some(("/billing", "To your billing page"));
    Ok(match later {
        Some(at) => {
            let day = shown::day(at, &visitor.customer.time_zone);
            reply::notice("Your plan will change", &format!("On {day}. Until then it stays as it is."), home)
        }
        None => reply::notice("Your plan is changed", "What comes with it is there, or will be in a moment.", home),
    })
}

/// What is said to who has no plan that this one could take the place of.
fn has_none() -> Response {
    let message = "There is nothing to change, so nothing was done. Buy the plan you want.";
    reply::notice("You pay for no such plan", message, Some(("/billing/plans", "See the plans")))
}

fn page(visitor: &Visitor, price: String, preview: &Preview) -> Page {
    let zone = visitor.customer.time_zone.as_str();
    let money = |amount: i64| shown::money(amount, &preview.currency);
    let says = |description: Option<&String>| description.cloned().unwrap_or_else(|| "Other".to_owned());
    let renewal = preview.renewal_amount.zip(preview.renews_at);
    Page {
        frame: Frame::of(visitor, "/billing/plans"),
        when: match preview.at {
            At::Now => "It takes effect at once.".to_owned(),
            At::PeriodEnd => {
                let day = shown::day(preview.effective_at, zone);
                format!("It takes effect on {day}. Until then your plan stays as it is.")
            }
        },
        due: preview.proration_date.map(|_| money(preview.due_now)),
        lines: preview.lines.iter().map(|one| (says(one.description.as_ref()), money(one.amount))).collect(),
        later: renewal.map(|(amount, at)| {
            format!("From {} on it is {} each time it renews.", shown::day(at, zone), money(amount))
        }),
        as_of: preview.proration_date.map(|at| seconds(at).to_string()).unwrap_or_default(),
        what: what(
            preview.from.as_ref().map(|plan| plan.public_name.as_str()),
            preview.to.as_ref().map(|plan| plan.public_name.as_str()),
        ),
        price,
    }
}

/// The plan now, and the plan then: `Pro, then Enterprise`.
fn what(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from == to => format!("{to}, for another billing period"),
        (Some(from), Some(to)) => format!("{from}, then {to}"),
        (None, Some(to)) => to.to_owned(),
        (_, None) => "Another plan".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::what;

    #[test]
    fn a_change_is_named_by_what_differs() {
        assert_eq!(what(Some("Pro"), Some("Enterprise")), "Pro, then Enterprise");
        assert_eq!(what(Some("Pro"), Some("Pro")), "Pro, for another billing period");
        assert_eq!(what(None, Some("Pro")), "Pro");
        assert_eq!(what(Some("Pro"), None), "Another plan");
    }
}
