//! Lists of objects: the kinds there are, and the objects of a kind.

use super::{
    Frame, kinds,
    listing::{Cell, Listing},
};
use crate::{
    pages::{
        notice,
        paging::Paged,
        shown::{self, money},
        visit::Visit,
    },
    sandbox::Shared,
    world::World,
};
use axum::{body::Body, http::Response};
use serde_json::Value;
use std::sync::Arc;

/// `objects`: the kinds there are
pub(super) fn show(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let listing = shared.with(|world| {
        let rows = kinds::KINDS.iter().map(|kind| {
            let href = format!("/_sandbox/objects/{}", kind.schema);
            vec![Cell::link(kind.title, href), Cell::text(kind.schema), Cell::text((kind.count)(world).to_string())]
        });
        Listing {
            frame: Frame::of(world, "objects"),
            title: "Objects".to_owned(),
            intro: "Every object of the sandbox, by kind.".to_owned(),
            head: vec!["Kind", "In the API", "How many"],
            rows: Paged::of(rows, visit, "page"),
            empty: String::new(),
            filter: None,
        }
    });
    listing.page()
}

/// `objects/{kind}`: the objects of a kind
pub(super) fn of_kind(shared: &Arc<Shared>, visit: &Visit, schema: &str) -> Response<Body> {
    let Some(kind) = kinds::named(schema) else { return notice::nothing_here(&visit.path) };
    let listing = shared.with(|world| {
        let ids = Paged::of((kind.ids)(world).into_iter(), visit, "page");
        let rows = ids.rows.into_iter().map(|id| row(world, kind.schema, &id));
        Listing {
            frame: Frame::of(world, "objects"),
            title: kind.title.to_owned(),
            intro: "The newest first.".to_owned(),
            head: vec!["Id", "What it is", "Made"],
            rows: Paged { rows: rows.collect(), pager: ids.pager },
            empty: format!("There are no {} yet. They are made through the API.", kind.title.to_lowercase()),
            filter: None,
        }
    });
    listing.page()
}

fn row(world: &World, schema: &str, id: &str) -> Vec<Cell> {
    let object = world.shown(schema, id).unwrap_or_default();
    let made = match &object["created"] {
        Value::Number(at) => shown::when(at.as_i64().unwrap_or_default()),
        Value::String(at) => at.clone(),
        _ => String::new(),
    };
    vec![Cell::link(shown::short(id), kinds::path(id)), Cell::text(summary(&object)), Cell::whole(made)]
}

/// Fields that say what an object is, in the order in which they are shown.
const TELLING: &[&str] = &[
    "type",
    "name",
    "display_name",
    "nickname",
    "email",
    "description",
    "number",
    "status",
    "billing_reason",
    "url",
    "customer",
    "product",
];
/// Fields that hold an amount, the first of them that is there.
const AMOUNTS: &[&str] = &["total", "amount_total", "amount_requested", "amount", "unit_amount"];

/// What an object is, in a line.
fn summary(object: &Value) -> String {
    if object["deleted"] == true {
        return "deleted".to_owned();
    }
    let texts = TELLING.iter().filter_map(|name| object[*name].as_str()).map(shown::short);
    let amount = AMOUNTS.iter().find_map(|name| object[*name].as_i64());
    let amount = amount.map(|amount| money(amount, object["currency"].as_str().unwrap_or("usd")));
    texts.chain(amount).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::summary;
    use serde_json::json;

    #[test]
    fn an_object_is_summed_up_in_a_line() {
        let invoice =
            json!({ "object": "invoice", "status": "open", "number": "A-1", "total": 500, "currency": "eur" });
        assert_eq!(summary(&invoice), "A-1 · open · €5.00");
        assert_eq!(summary(&json!({ "id": "cus_1", "deleted": true })), "deleted");
        assert_eq!(summary(&json!(null)), "");
    }
}
