//! Events, and how far their deliveries are.

use super::{
    Frame, kinds,
    listing::{Cell, Filter, Listing},
};
use crate::{
    deliver::{Delivery, deliveries::State},
    pages::{paging::Paged, shown, visit::Visit},
    sandbox::Shared,
    world::{Event, World},
};
use axum::{body::Body, http::Response};
use std::{collections::BTreeMap, sync::Arc};

/// `events`: with `type` those whose type begins so, with `about` those about an object
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    shared.with(|world| listing(world, visit)).page()
}

fn listing(world: &World, visit: &Visit) -> Listing {
    let (kind, about) = (visit.query.get("type"), visit.query.given("about"));
    let wanted = |event: &&Event| event.kind.starts_with(kind) && (about.is_none() || event.about() == about);
    let events = Paged::of(world.all::<Event>().rev().filter(wanted), visit, "page");
    let far = progress(world, &events.rows);
    let rows = events.rows.iter().map(|event| {
        let id = event.about().unwrap_or_default();
        let short = shown::short(id);
        let object =
            if kinds::of(world, id).is_some() { Cell::link(short, kinds::path(id)) } else { Cell::text(short) };
        vec![
            Cell::link(event.kind.as_str(), kinds::path(&event.id)),
            object,
            Cell::whole(shown::when(event.created)),
            Cell::whole(far.get(event.id.as_str()).cloned().unwrap_or_else(|| "no endpoint".to_owned())),
        ]
    });
    let intro = match about {
        Some(id) => format!("Events about {id}, the newest first."),
        None => "The newest first. Thin events are among the objects.".to_owned(),
    };
    let empty = "There is no such event. Events are made by requests to the API and by time that passes: make a \
                 customer, or move the clock.";
    Listing {
        frame: Frame::of(world, "events"),
        title: "Events".to_owned(),
        intro,
        head: vec!["Type", "About", "When", "Deliveries"],
        rows: Paged { rows: rows.collect(), pager: events.pager },
        empty: empty.to_owned(),
        filter: Some(Filter { name: "type", label: "Type begins with", value: kind.to_owned() }),
    }
}

/// How far the deliveries of these events are.
fn progress<'a>(world: &World, events: &[&'a Event]) -> BTreeMap<&'a str, String> {
    let mut of: BTreeMap<&str, Vec<&Delivery>> = events.iter().map(|event| (event.id.as_str(), Vec::new())).collect();
    for delivery in world.all::<Delivery>() {
        if let Some(deliveries) = of.get_mut(delivery.event.as_str()) {
            deliveries.push(delivery);
        }
    }
    let told = of.into_iter().filter(|(_, deliveries)| !deliveries.is_empty());
    told.map(|(event, deliveries)| (event, summary(&deliveries))).collect()
}

fn summary(deliveries: &[&Delivery]) -> String {
    let count = |wanted: &dyn Fn(State) -> bool| deliveries.iter().filter(|delivery| wanted(delivery.state)).count();
    let parts = [
        (count(&|state| state == State::Delivered), "delivered"),
        (count(&|state| matches!(state, State::Waiting | State::Held | State::Sending)), "to come"),
        (count(&|state| matches!(state, State::Failed | State::Stopped | State::Lost)), "failed"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}"));
    parts.collect::<Vec<_>>().join(", ")
}
