//! The control page: what a developer sees of the sandbox, and does to it.

mod clock;
mod disputes;
mod endpoints;
mod events;
mod faults;
mod home;
mod kinds;
mod listing;
mod object;
mod objects;
mod operations;
mod requests;
mod settings;
mod state;

use super::{inbox, notice, sample, shown, visit::Visit};
use crate::{sandbox::Shared, world::World};
use axum::{body::Body, http::Response};
use std::sync::Arc;

/// The sections: their addresses below `/_sandbox/`, and what they are called.
const SECTIONS: &[(&str, &str)] = &[
    ("", "Overview"),
    ("clock", "Clock"),
    ("objects", "Objects"),
    ("events", "Events"),
    ("inbox", "Inbox"),
    ("endpoints", "Webhooks"),
    ("requests", "Requests"),
    ("faults", "Faults"),
    ("disputes", "Disputes"),
    ("settings", "Settings"),
    ("state", "State"),
    ("api", "API"),
];

/// What stands around every control page.
pub(super) struct Frame {
    pub now: String,
    /// Where the clock is being moved to.
    pub moving: Option<String>,
    section: &'static str,
}

/// A link to a section.
pub(super) struct Tab {
    pub href: String,
    pub name: &'static str,
    pub here: bool,
}

impl Frame {
    /// For a page of the section with this address.
    pub fn of(world: &World, section: &'static str) -> Self {
        let moving = (world.target > world.now).then(|| shown::when(world.target));
        Self { now: shown::when(world.now), moving, section }
    }

    /// Links to all sections.
    pub fn tabs(&self) -> Vec<Tab> {
        let tab = |&(address, name): &(&'static str, &'static str)| Tab {
            href: format!("/_sandbox/{address}"),
            name,
            here: address == self.section,
        };
        SECTIONS.iter().map(tab).collect()
    }
}

/// The address of the page of the object with this id.
pub(super) fn path_of(id: &str) -> String {
    kinds::path(id)
}

/// What leads back from a notice to the section `address`.
fn back(address: &'static str) -> (&'static str, &'static str) {
    (address, "Back")
}

/// `/`, `/_sandbox/` and what is below it, but for what payers see
pub(super) async fn answer(shared: &Arc<Shared>, visit: &Visit, rest: &[&str]) -> Response<Body> {
    if visit.posts() {
        return change(shared, visit, rest).await;
    }
    if !visit.reads() {
        return notice::not_that_way();
    }
    match rest {
        [] => home::show(shared),
        ["clock"] => clock::show(shared, visit),
        ["objects"] => objects::show(shared, visit),
        ["objects", kind] => objects::of_kind(shared, visit, kind),
        ["object"] => object::show(shared, visit),
        ["events"] => events::show(shared, visit),
        ["inbox"] => inbox::show(shared, visit),
        ["endpoints"] => endpoints::show(shared, visit),
        ["requests"] => requests::show(shared, visit),
        ["operations"] => operations::show(shared, visit),
        ["faults"] => faults::show(shared, visit),
        ["disputes"] => disputes::show(shared, visit),
        ["settings"] => settings::show(shared, visit),
        ["state"] => state::show(shared),
        ["state", "dump"] => state::dump(shared),
        _ => notice::nothing_here(&visit.path),
    }
}

async fn change(shared: &Arc<Shared>, visit: &Visit, rest: &[&str]) -> Response<Body> {
    match rest {
        ["clock"] => clock::change(shared, visit).await,
        ["sample"] => sample::make(shared).await,
        ["try", "checkout"] => sample::checkout(shared),
        ["try", "portal"] => sample::portal(shared, visit.form().given("customer")),
        ["inbox"] => inbox::take(shared, visit),
        ["deliveries", "resend"] => object::resend(shared, visit),
        ["endpoints"] => endpoints::create(shared, visit),
        ["endpoints", "inbox"] => endpoints::use_inbox(shared),
        ["endpoints", "roll"] => endpoints::roll(shared, visit),
        ["endpoints", "delete"] => endpoints::delete(shared, visit),
        ["faults", "requests"] => faults::plant(shared, visit),
        ["faults", "requests", "remove"] => faults::remove(shared, visit),
        ["faults", "deliveries"] => faults::plant_delivery(shared, visit),
        ["faults", "deliveries", "remove"] => faults::remove_delivery(shared, visit),
        ["faults", "drawn"] => faults::draw(shared, visit),
        ["disputes"] => disputes::open(shared, visit),
        ["disputes", "end"] => disputes::end(shared, visit),
        ["settings"] => settings::change(shared, visit),
        ["state", "load"] => state::load(shared, visit),
        ["state", "new"] => state::begin_anew(shared, visit),
        _ => notice::nothing_here(&visit.path),
    }
}
