//! Disputes: opened on a charge, won, lost, appealed, and made more of; and what was lost comes back.

use super::{Frame, back, kinds};
use crate::{
    error::ApiError,
    http::Asked,
    objects::{
        charges::{Charge, Status as ChargeStatus},
        disputes::{self, Dispute, Status},
    },
    pages::{
        act, notice,
        paging::Paged,
        reply,
        shown::{self, money},
        visit::Visit,
    },
    sandbox::Shared,
    world::{Cx, World},
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::json;
use std::sync::Arc;

/// The page.
#[derive(Template)]
#[template(path = "control_disputes.html")]
struct Page {
    frame: Frame,
    disputes: Paged<Row>,
    charges: Paged<Row>,
}

/// A dispute, or a charge that can be disputed.
struct Row {
    id: String,
    href: String,
    amount: String,
    when: String,
    status: String,
    /// Whether it can still be decided.
    open: bool,
    /// Whether it is only a question, which can become more.
    inquiry: bool,
    /// Whether its money can still come back though it was lost, by an appeal or by itself.
    lost: bool,
}

/// `disputes`
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let page = shared.with(|world| page(world, visit));
    reply::page(StatusCode::OK, &page)
}

fn page(world: &World, visit: &Visit) -> Page {
    let disputes = world.all::<Dispute>().rev().map(|found| {
        let status = serde_json::to_value(found.status).unwrap_or_default();
        Row {
            id: found.id.clone(),
            href: kinds::path(&found.id),
            amount: money(found.amount, &found.currency),
            when: shown::when(found.created),
            status: shown::word(&shown::name(&status)),
            open: !found.status.is_final(),
            inquiry: found.status.is_inquiry(),
            lost: found.status == Status::Lost && !found.came_back(),
        }
    });
    let stands = |found: &&Charge| {
        found.status == ChargeStatus::Succeeded && found.captured && !found.refunded && !found.disputed
    };
    let charges = world.all::<Charge>().rev().filter(stands).map(|found| Row {
        id: found.id.clone(),
        href: kinds::path(&found.id),
        amount: money(found.amount, &found.currency),
        when: shown::when(found.created),
        status: found.description.clone().unwrap_or_default(),
        open: true,
        inquiry: false,
        lost: false,
    });
    Page {
        frame: Frame::of(world, "disputes"),
        disputes: Paged::of(disputes, visit, "page"),
        charges: Paged::of(charges, visit, "charges"),
    }
}

fn after(done: Result<(), ApiError>) -> Response<Body> {
    match done {
        Ok(()) => reply::see("/_sandbox/disputes"),
        Err(error) => notice::refused(&error, back("/_sandbox/disputes")),
    }
}

/// `disputes`, posted: the payer of a charge takes it back
pub(super) fn open(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    after(act(shared, |cx| {
        let charge: Charge = cx.given(form.get("charge"), "charge")?;
        disputes::opens(cx, &charge.id);
        if cx.find::<Charge>(&charge.id).is_some_and(|charge| charge.disputed) {
            return Ok(());
        }
        Err(ApiError::invalid(
            "This charge cannot be disputed: it was disputed before, did not succeed, or was refunded.",
        ))
    }))
}

/// `disputes/end`, posted: it is decided at once; one that was lost is appealed, or its money comes back
pub(super) fn end(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let id = form.get("id");
    after(act(shared, |cx| match form.get("how") {
        "reinstate" => disputes::reinstate(cx, id),
        "appeal" => disputes::appeal(cx, id),
        "win" => decide(cx, id, "winning_evidence"),
        "escalate" => decide(cx, id, "escalate_inquiry_evidence"),
        _ => decide(cx, id, "losing_evidence"),
    }))
}

/// Gives the evidence that decides a dispute, and has it decided without the wait.
fn decide(cx: &mut Cx<'_>, id: &str, evidence: &str) -> Result<(), ApiError> {
    let params = json!({ "evidence": { "uncategorized_text": evidence }, "submit": true });
    disputes::update(cx, &Asked { path: vec![id.to_owned()], url: String::new(), params })?;
    let now = cx.now();
    cx.edit::<Dispute>(id, |dispute| dispute.ends_at = Some(now));
    disputes::ends(cx, id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::decide;
    use crate::{
        objects::{
            disputes::{self, Dispute},
            payment_intents::stage::{forget, kinds, pay, text},
        },
        world::{Cx, World},
    };

    #[test]
    fn a_dispute_is_decided_without_a_wait() {
        for (evidence, status) in [("winning_evidence", "won"), ("losing_evidence", "lost")] {
            let mut world = World::new(1, 1000);
            let mut cx = Cx::new(&mut world, None);
            let charge = text(&pay(&mut cx, "pm_card_visa", 1000), "latest_charge");
            disputes::opens(&mut cx, &charge);
            let id = cx.world.all::<Dispute>().next().map(|dispute| dispute.id.clone()).expect("a dispute");
            decide(&mut cx, &id, evidence).expect("decided");
            assert_eq!(cx.world.shown("dispute", &id).expect("a dispute")["status"], status);
            assert!(decide(&mut cx, &id, evidence).is_err(), "it is over");
        }
    }

    #[test]
    fn a_loss_is_appealed_and_decided_again() {
        for (evidence, status, moved) in [("winning_evidence", "won", 2), ("losing_evidence", "lost", 1)] {
            let mut world = World::new(1, 1000);
            let mut cx = Cx::new(&mut world, None);
            let charge = text(&pay(&mut cx, "pm_card_visa", 1000), "latest_charge");
            disputes::opens(&mut cx, &charge);
            let id = cx.world.all::<Dispute>().next().map(|dispute| dispute.id.clone()).expect("a dispute");
            assert!(disputes::appeal(&mut cx, &id).is_err(), "it is open");
            decide(&mut cx, &id, "losing_evidence").expect("decided");
            forget(&mut cx);
            disputes::appeal(&mut cx, &id).expect("it was lost");
            assert_eq!(kinds(&cx), ["charge.dispute.updated"], "{evidence}");
            assert_eq!(cx.world.shown("dispute", &id).expect("a dispute")["status"], "appeal_needs_response");
            decide(&mut cx, &id, evidence).expect("decided again");
            let shown = cx.world.shown("dispute", &id).expect("a dispute");
            assert_eq!(
                (shown["status"].as_str(), shown["balance_transactions"].as_array().map(Vec::len)),
                (Some(status), Some(moved))
            );
        }
    }

    #[test]
    fn the_money_of_a_lost_dispute_comes_back_once() {
        for (evidence, comes) in [("losing_evidence", true), ("winning_evidence", false)] {
            let mut world = World::new(1, 1000);
            let mut cx = Cx::new(&mut world, None);
            let charge = text(&pay(&mut cx, "pm_card_visa", 1000), "latest_charge");
            disputes::opens(&mut cx, &charge);
            let id = cx.world.all::<Dispute>().next().map(|dispute| dispute.id.clone()).expect("a dispute");
            assert!(disputes::reinstate(&mut cx, &id).is_err(), "it is open");
            decide(&mut cx, &id, evidence).expect("decided");
            forget(&mut cx);
            assert_eq!(disputes::reinstate(&mut cx, &id).is_ok(), comes, "{evidence}");
            let told: &[&str] = if comes { &["charge.dispute.funds_reinstated"] } else { &[] };
            assert_eq!(kinds(&cx), told, "{evidence}");
            let shown = cx.world.shown("dispute", &id).expect("a dispute");
            let moved = shown["balance_transactions"].as_array().expect("what moved");
            let amounts: Vec<_> = moved.iter().filter_map(|moved| moved["amount"].as_i64()).collect();
            assert_eq!(amounts, [-1000, 1000], "{evidence}");
            assert!(disputes::reinstate(&mut cx, &id).is_err(), "{evidence}: not twice");
        }
    }
}
