//! The billing portal: what a customer sees and does there.

mod cancel;
mod card;
mod details;
mod home;
mod plan;

use super::{act, notice, reply, visit::Visit};
use crate::{
    error::ApiError,
    objects::{
        catalog::{self, Price},
        decimal::Decimal,
        portal::{
            Configuration, Session,
            changes::Wish,
            sessions::{self, Next},
        },
        subscriptions::Subscription,
    },
    sandbox::Shared,
    world::{Cx, World},
};
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use std::sync::Arc;

/// A visit to the portal: whose it is, and what may be done.
struct Stay<'a> {
    shared: &'a Arc<Shared>,
    visit: &'a Visit,
    session: Session,
    configuration: Configuration,
}

/// `/p/session/{session}`, and what is below it
pub(super) fn answer(shared: &Arc<Shared>, visit: &Visit, id: &str, rest: &[&str]) -> Response<Body> {
    if !visit.reads() && !visit.posts() {
        return notice::not_that_way();
    }
    let found = shared.with(|world| {
        let mut cx = Cx::new(world, None);
        let session = sessions::enter(&mut cx, id)?;
        let configuration = cx.find::<Configuration>(&session.configuration)?.clone();
        Some((session, configuration))
    });
    let Some((session, configuration)) = found else {
        let message = "The address of a portal session can be opened within five minutes, and used until an hour has \
                       passed since it was used last. The seller can make a new one.";
        return notice::say(StatusCode::GONE, "This visit is over", message, ("/_sandbox/", "To the control page"));
    };
    let stay = Stay { shared, visit, session, configuration };
    match (visit.posts(), rest) {
        (false, []) => stay.first(),
        (false, ["home"]) => home::show(&stay),
        (false, ["done"]) => stay.done(),
        (_, ["card"]) => card::answer(&stay),
        (true, ["default"]) => card::make_default(&stay),
        (true, ["remove"]) => card::remove(&stay),
        (_, ["cancel", subscription]) => cancel::answer(&stay, subscription),
        (true, ["keep", subscription]) => cancel::keep(&stay, subscription),
        (false, ["change", subscription]) => plan::choose(&stay, subscription),
        (_, ["confirm", subscription]) => plan::confirm(&stay, subscription),
        (_, ["details"]) => details::answer(&stay),
        _ => notice::nothing_here(&visit.path),
    }
}

/// A payment method that was added was proven to be the holder's, or not.
pub(super) fn proven(shared: &Arc<Shared>, session: &str, well: bool) -> Response<Body> {
    if well {
        onward(shared, session, "payment_method_update")
    } else {
        reply::see(&format!("{}/card?failed=yes", path(session)))
    }
}

/// The address of a session, on this server.
fn path(session: &str) -> String {
    format!("/p/session/{session}")
}

/// Something was done: on to where the session's flow leads, or to the portal's first page.
fn onward(shared: &Arc<Shared>, session: &str, what: &str) -> Response<Body> {
    match act(shared, |cx| Ok(sessions::finish(cx, session, what))) {
        Ok(Some(Next::Away(url))) => reply::see(&url),
        Ok(Some(Next::Confirmation)) => reply::see(&format!("{}/done", path(session))),
        _ => reply::see(&format!("{}/home", path(session))),
    }
}

impl Stay<'_> {
    /// The address of a page of this visit, on this server.
    fn to(&self, page: &str) -> String {
        format!("{}/{page}", path(&self.session.id))
    }

    /// The page that the visit begins with: what it is for, or all there is.
    fn first(&self) -> Response<Body> {
        let Some(flow) = self.session.open_flow() else { return home::show(self) };
        let kind = flow["type"].as_str().unwrap_or_default();
        let asked = &flow[kind];
        let of = asked["subscription"].as_str().unwrap_or_default();
        match kind {
            "payment_method_update" => reply::see(&self.to("card")),
            "customer_update" => reply::see(&self.to("details")),
            "subscription_cancel" => reply::see(&self.to(&format!("cancel/{of}"))),
            "subscription_update" => reply::see(&self.to(&format!("change/{of}"))),
            "subscription_update_confirm" => {
                let wish = Wish::of_flow(asked).unwrap_or_default();
                reply::see(&self.to(&plan::confirm_path(of, &wish)))
            }
            _ => home::show(self),
        }
    }

    /// What the session was for is done.
    fn done(&self) -> Response<Body> {
        let custom = self
            .session
            .flow
            .as_ref()
            .and_then(|flow| flow["after_completion"]["hosted_confirmation"]["custom_message"].as_str());
        let message = custom.unwrap_or("Your change was made.");
        notice::say(StatusCode::OK, "Thank you", message, (self.to("home").as_str(), "To your account"))
    }

    /// The customer's subscription with this id, if it is not over.
    fn subscription(&self, id: &str) -> Option<Subscription> {
        let own = |found: &&Subscription| found.customer == self.session.customer && !found.is_over();
        self.shared.with(|world| world.get::<Subscription>(id).filter(own).cloned())
    }

    /// Something that may not be done, or is not there.
    fn not_offered(&self) -> Response<Body> {
        let message = "The seller does not offer this here, or it is not there any more.";
        notice::say(StatusCode::FORBIDDEN, "Not possible", message, (self.to("home").as_str(), "To your account"))
    }

    /// Something was refused.
    fn refused(&self, error: &ApiError) -> Response<Body> {
        notice::refused(error, (self.to("home").as_str(), "To your account"))
    }
}

/// What so many of a price are called: `2 × Pro (at $10.00 / month)`; without the `2 ×` where there is no quantity.
fn called(world: &World, price: &Price, quantity: Option<i64>) -> String {
    let lines = catalog::amount_for(price, Decimal::from(quantity.unwrap_or(1)));
    let called = lines.first().map(|line| catalog::describe(world, price, line)).unwrap_or_default();
    match called.strip_prefix("1 × ") {
        Some(bare) if quantity.is_none() => bare.to_owned(),
        _ => called,
    }
}
