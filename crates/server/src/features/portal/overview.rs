//! What a customer has now: its plan, what must be done about it, and its credits.

use super::{
    cancel, plans,
    reply::{self, Frame},
    shown,
    trouble::Trouble,
    visitor::Visitor,
};
use crate::{
    features::{
        credits::{Ask, Lanes},
        payments::changes::{self, Later},
        subscriptions::{self, Lives, Standing},
    },
    platform::{App, error::Error},
};
use askama::Template;
use axum::{extract::State, response::Response};
use purser_rules::{
    Amount,
    credit::{Balance, BalanceGrant, SourceKind},
    ids::Unit,
    subscription::Status,
};

/// The page.
#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    /// The plan it has.
    plan: Option<String>,
    status: &'static str,
    /// When it is renewed, or ends; a sentence.
    next: Option<String>,
    banners: Vec<Banner>,
    available: String,
    /// What is set aside; a sentence.
    held: Option<String>,
    /// When the first of what can be spent expires; a sentence.
    expires: Option<String>,
    /// Where what can be spent came from, and how much of it.
    sources: Vec<(&'static str, String)>,
    grants: Vec<Grant>,
    /// Whether there are more than are listed.
    more: bool,
}

/// What a customer must know, and where it can be mended.
struct Banner {
    text: String,
    path: &'static str,
    link: &'static str,
}

/// A grant in the list.
struct Grant {
    source: &'static str,
    left: String,
    of: String,
    expires: String,
}

/// `/billing`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let standing = standing(&app, &visitor).await?;
    let bought = bought(&app, &standing).await?;
    let later = later(&app, bought.as_ref()).await?;
    let ask = Ask { customer: visitor.id().clone(), unit: Unit::credits(), spend: None };
    let balance = app.part::<Lanes>().asks.submit(ask).await??.balance;
    Ok(reply::page(&page(&visitor, standing, (bought.as_ref(), later.as_ref()), &balance)))
}

/// What the visitor's subscriptions come to now.
pub(super) async fn standing(app: &App, visitor: &Visitor) -> Result<Standing, Trouble> {
    let (grace_days, now, of) = (app.config().grace_days, app.clock().now(), visitor.id().clone());
    Ok(app.db().read(move |tx| subscriptions::current(tx, &of, grace_days, now)).await?)
}

/// The same by the subscription of the plan that is paid for; none when no plan is.
pub(super) async fn bought(app: &App, standing: &Standing) -> Result<Option<Standing>, Trouble> {
    Ok(bought_and_lives(app, standing).await?.0)
}

/// That, and the live subscriptions among which it was found.
pub(super) async fn bought_and_lives(app: &App, standing: &Standing) -> Result<(Option<Standing>, Lives), Trouble> {
    let of = standing.clone();
    let found = app.db().read(move |tx| {
        let lives = subscriptions::lives(tx, &of.customer)?;
        let bought = plans::bought(tx, of, &lives)?;
        Ok::<_, Error>((bought, lives))
    });
    Ok(found.await?)
}

/// What the plan that is `bought` is agreed to become, unless it ends.
pub(super) async fn later(app: &App, bought: Option<&Standing>) -> Result<Option<Later>, Trouble> {
    let Some(bought) = bought.filter(|bought| bought.ends_at.is_none()) else { return Ok(None) };
    let found = bought.subscription.as_ref().filter(|one| one.plan_id.is_some()).cloned();
    let Some(found) = found else { return Ok(None) };
    let (now, of) = (app.clock().now(), bought.customer.clone());
    Ok(app.db().read(move |tx| changes::later(tx, &of, &found, now)).await?)
}

/// `bought` is the same by the subscription of the plan, and what that becomes.
fn page(
    visitor: &Visitor,
    standing: Standing,
    (bought, later): (Option<&Standing>, Option<&Later>),
    balance: &Balance,
) -> Page {
    let zone = visitor.customer.time_zone.as_str();
    let unit = Unit::credits();
    let source = |(kind, amount): &(SourceKind, Amount)| (shown::source(*kind), shown::number(*amount));
    let mut banners = banners(&standing, bought, zone);
    if let Some(later) = later {
        let text = format!("Your plan will change. {}", shown::later(later, bought.and_then(cancel::paid_for), zone));
        banners.push(Banner { text, path: "/billing/plans", link: "Keep your plan" });
    }
    if balance.debt.is_positive() {
        let debt = shown::amount(balance.debt, &unit);
        let text = format!("You owe {debt} after a refund or a dispute. New credits pay that off first.");
        banners.push(Banner { text, path: "/billing/topup", link: "Top up" });
    }
    Page {
        frame: Frame::of(visitor, "/billing"),
        status: shown::status(standing.status),
        next: next(&standing, zone),
        plan: standing.plan.map(|plan| plan.public_name),
        banners,
        available: shown::amount(balance.available, &unit),
        held: balance.held.is_positive().then(|| held(balance.held)),
        expires: balance.next_expiry.map(|at| format!("Next expiry: {}.", shown::minute(at, zone))),
        sources: balance.by_source.iter().map(source).collect(),
        grants: balance.grants.iter().map(|grant| row(grant, zone)).collect(),
        more: balance.more_grants,
    }
}

/// What holds and disputes keep from being spent.
fn held(amount: Amount) -> String {
    format!("{} more {} set aside.", shown::number(amount), shown::are(amount))
}

fn row(grant: &BalanceGrant, zone: &str) -> Grant {
    Grant {
        source: shown::source(grant.source_kind),
        left: shown::number(grant.remaining),
        of: shown::number(grant.granted),
        expires: grant.expires_at.map_or_else(|| "Never".to_owned(), |at| shown::minute(at, zone)),
    }
}

/// When the subscription is renewed or ends.
pub(super) fn next(standing: &Standing, zone: &str) -> Option<String> {
    if let Some(at) = standing.ends_at {
        return Some(format!("Ends on {}.", shown::day(at, zone)));
    }
    let item = standing.item.as_ref().filter(|_| standing.status.is_live())?;
    let verb = if standing.status == Status::Trial { "The trial ends on" } else { "Renews on" };
    Some(format!("{verb} {}.", shown::day(item.period_end, zone)))
}

/// What a customer must know of its subscription, and of that of the plan that is `bought`, the most urgent first.
fn banners(standing: &Standing, bought: Option<&Standing>, zone: &str) -> Vec<Banner> {
    let mut banners = Vec::new();
    let mut say = |text, path, link| banners.push(Banner { text, path, link });
    if standing.status == Status::PastDue {
        let text = match (standing.access.allowed, standing.access.until) {
            (true, Some(until)) => {
                format!(
                    "Your last payment failed. Without another one your plan ends on {}.",
                    shown::minute(until, zone)
                )
            }
            (true, None) => "Your last payment failed. Look at how you pay.".to_owned(),
            (false, _) if owes_the_newest(standing) => {
                "Your plan is on hold until its newest invoice is paid. Ask the seller for it.".to_owned()
            }
            (false, _) => "Your last payment failed, and your plan is on hold until it is paid.".to_owned(),
        };
        say(text, "/billing/manage", "See how you pay");
    }
    if let Some(at) = bought.and_then(|bought| bought.ends_at) {
        let day = shown::day(at, zone);
        let text = format!("Your plan is cancelled and stays as it is until {day}.");
        say(text, "/billing/cancel", "Keep your plan");
    }
    banners
}

/// Whether Stripe asks for nothing any more, and what had failed was paid or taken back since: then the newest invoice, a
/// draft, brings the plan back.
fn owes_the_newest(standing: &Standing) -> bool {
    standing.subscription.as_ref().is_some_and(|one| one.status == "unpaid" && one.first_failure_at.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use purser_rules::{Time, ids::CustomerId, subscription::Access};

    fn standing(status: Status, access: Access, ends_at: Option<Time>) -> Standing {
        let customer = CustomerId::new("acme").expect("an id");
        Standing { customer, status, access, plan: None, subscription: None, item: None, ends_at }
    }

    #[test]
    fn what_is_urgent_is_said_first() {
        let at = Time::parse("2026-02-01T12:00:00Z");
        let (yes, no) = (Access { allowed: true, until: None }, Access { allowed: false, until: None });
        let said = |standing: &Standing| {
            banners(standing, Some(standing), "UTC")
                .into_iter()
                .map(|banner| banner.text)
                .collect::<Vec<_>>()
                .join(" | ")
        };
        assert_eq!(said(&standing(Status::Active, yes, None)), "");
        let grace = standing(Status::PastDue, Access { allowed: true, until: at }, at);
        assert_eq!(
            said(&grace),
            "Your last payment failed. Without another one your plan ends on 1 February 2026, 12:00 UTC. | Your plan is \
             cancelled and stays as it is until 1 February 2026."
        );
        assert!(said(&standing(Status::PastDue, no, None)).contains("on hold"));
        assert!(said(&standing(Status::PastDue, yes, None)).contains("how you pay"));
        assert_eq!(next(&grace, "UTC").as_deref(), Some("Ends on 1 February 2026."));
        assert_eq!(next(&standing(Status::Active, yes, None), "UTC"), None, "no period is known");
    }
}
