//! The plan that is paid for ends, or goes on after all: what ends when is said before anybody agrees.

use super::{
    overview,
    reply::{self, Frame},
    shown,
    trouble::Trouble,
    visitor::{Form, Visitor},
};
use crate::{
    features::{
        payments::changes::{self, Action, Asked, At},
        pricebook::Plan,
        subscriptions::Standing,
    },
    platform::{
        App,
        error::{Code, Error},
    },
};
use askama::Template;
use axum::{
    extract::{Request, State},
    response::Response,
};
use purser_rules::pricebook::OnDelete;

/// The page.
#[derive(Template)]
#[template(path = "cancel.html")]
struct Page {
    frame: Frame,
    /// The plan that is paid for.
    plan: String,
    /// When it ends, or would end: `on 1 February 2026`.
    when: String,
    /// Whether that is agreed on.
    ends: bool,
    /// Whether a change of it is agreed on, which falls away.
    changes: bool,
    /// What becomes of the credits; a sentence.
    credits: &'static str,
}

/// `/billing/cancel`
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    let Some(bought) = bought(&app, &visitor).await? else {
        let on = Some(("/billing/plans", "See the plans"));
        return Ok(reply::notice("You pay for no plan", "There is nothing to cancel.", on));
    };
    let changes = overview::later(&app, Some(&bought)).await?.is_some();
    Ok(reply::page(&page(&visitor, &bought, changes)))
}

/// What the visitor has by the subscription of its plan, which these pages are about, looked up anew each time.
async fn bought(app: &App, visitor: &Visitor) -> Result<Option<Standing>, Trouble> {
    overview::bought(app, &overview::standing(app, visitor).await?).await
}

fn page(visitor: &Visitor, standing: &Standing, changes: bool) -> Page {
    let items = standing.subscription.as_ref().map(|subscription| subscription.items.as_slice()).unwrap_or_default();
    // Items whose periods differ all run until the last of them ends.
    let at = standing.ends_at.or_else(|| items.iter().map(|item| item.period_end).max());
    let day = at.map(|at| shown::day(at, &visitor.customer.time_zone));
    let plan = paid_for(standing);
    Page {
        frame: Frame::of(visitor, "/billing/plans"),
        plan: plan.map_or_else(|| "your plan".to_owned(), |plan| plan.public_name.clone()),
        when: day.map_or_else(|| "with its period".to_owned(), |day| format!("on {day}")),
        ends: standing.ends_at.is_some(),
        changes,
        credits: match plan.map(|plan| plan.terms.on_delete) {
            Some(OnDelete::Revoke) => "Credits that come with it end with it. Those of top-ups stay.",
            Some(OnDelete::Leave) => "No more credits come with it then. What is left stays until it expires.",
            None => "Credits of top-ups stay.",
        },
    }
}

/// The plan that is paid for; none while another one counts, because the last payment failed, or is in no price book.
pub(super) fn paid_for(standing: &Standing) -> Option<&Plan> {
    let bought = standing.subscription.as_ref()?.plan_id?;
    standing.plan.as_ref().filter(|plan| plan.id == bought)
}

/// `/billing/cancel`, posted: the plan ends with its period
pub(super) async fn cancel(State(app): State<App>, visitor: Visitor, request: Request) -> Result<Response, Trouble> {
    Form::of(&app, &visitor, request).await?;
    ask(&app, &visitor, Action::Cancel { at: At::PeriodEnd, feedback: None, comment: None }).await?;
    Ok(reply::see("/billing/cancel"))
}

/// `/billing/resume`, posted: the plan goes on, and stays what it is
pub(super) async fn resume(State(app): State<App>, visitor: Visitor, request: Request) -> Result<Response, Trouble> {
    Form::of(&app, &visitor, request).await?;
    let says = match ask(&app, &visitor, Action::Resume).await {
        // To cancel let an agreed change fall away, and to resume does not bring that back.
        Ok(before) if before.ends_at.is_some() => {
            "It renews as it is now. If you had chosen another plan for later, choose that again."
        }
        Ok(_) => "It renews as it is now. What was chosen for later is taken back.",
        // That was taken back before: by the same button, or by the seller.
        Err(Trouble::Failed(error)) if error.code == Code::NothingToResume => "It renews as it is now.",
        Err(trouble) => return Err(trouble),
    };
    Ok(reply::notice("Your plan goes on", says, Some(("/billing", "To your billing page"))))
}

/// Does this with the subscription of the visitor's plan; how that stood before.
async fn ask(app: &App, visitor: &Visitor, action: Action) -> Result<Standing, Trouble> {
    let none = || Error::new(Code::NoSubscription, "The customer pays for no plan.");
    let before = bought(app, visitor).await?.ok_or_else(none)?;
    let subscription = before.subscription.as_ref().map(|one| one.id.clone());
    let asked = Asked { customer: visitor.id().clone(), subscription, action, key: None };
    changes::ask(app, &visitor.actor, &asked).await?;
    Ok(before)
}
