//! Events with their deliveries.

use crate::{
    deliver::Delivery,
    pages::visit::Fields,
    world::{Event, World},
};
use serde_json::{Value, json};

/// How many are answered, unless it is said otherwise, and at most.
const USUAL: i64 = 50;
const MOST: i64 = 100;

/// Events, the newest first: those that the query asks for.
pub(super) fn list(world: &World, query: &Fields) -> Value {
    let (kind, about) = (query.get("type"), query.given("about"));
    let limit = usize::try_from(query.number("limit").unwrap_or(USUAL).clamp(1, MOST)).unwrap_or(1);
    let wanted = |event: &&Event| event.kind.starts_with(kind) && (about.is_none() || event.about() == about);
    let mut events = world.all::<Event>().rev();
    if let Some(after) = query.given("starting_after") {
        events.by_ref().take_while(|event| event.id != after).for_each(drop);
    }
    let mut events = events.filter(wanted);
    let data: Vec<Value> = events.by_ref().take(limit).map(|event| with_deliveries(world, event)).collect();
    json!({ "object": "list", "data": data, "has_more": events.next().is_some() })
}

fn with_deliveries(world: &World, event: &Event) -> Value {
    let of = world.all::<Delivery>().filter(|delivery| delivery.event == event.id);
    let mut shown = world.wire(event);
    shown["deliveries"] = of.map(delivered).collect();
    shown
}

fn delivered(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "endpoint": delivery.endpoint,
        "state": delivery.state,
        "due": delivery.due.map(|turn| turn.at),
        "attempts": delivery.attempts,
        "again": delivery.again,
    })
}

#[cfg(test)]
mod tests {
    use super::list;
    use crate::{
        objects::{
            customers,
            testing::{asked, value},
        },
        pages::visit::Fields,
        world::{Cx, World},
    };
    use serde_json::{Value, json};

    #[test]
    fn events_are_listed_in_pages() {
        let mut world = World::new(1, 1000);
        let mut cx = Cx::new(&mut world, None);
        let ids: Vec<String> = (0..3)
            .map(|_| {
                value(customers::create(&mut cx, &asked(&[], json!({}))))["id"].as_str().expect("an id").to_owned()
            })
            .collect();
        let about = |found: &Value| -> Vec<String> {
            let data = found["data"].as_array().expect("a list");
            data.iter().map(|event| event["data"]["object"]["id"].as_str().unwrap_or_default().to_owned()).collect()
        };
        let first = list(&world, &Fields::read(b"limit=2"));
        assert_eq!((about(&first), &first["has_more"]), (vec![ids[2].clone(), ids[1].clone()], &json!(true)));
        let last = first["data"][1]["id"].as_str().expect("an id");
        let rest = list(&world, &Fields::read(format!("limit=2&starting_after={last}").as_bytes()));
        assert_eq!((about(&rest), &rest["has_more"]), (vec![ids[0].clone()], &json!(false)));
        let one = list(&world, &Fields::read(format!("type=customer.&about={}", ids[1]).as_bytes()));
        assert_eq!(about(&one), [ids[1].clone()]);
        assert_eq!(one["data"][0]["deliveries"], json!([]));
        assert!(about(&list(&world, &Fields::read(b"type=invoice."))).is_empty());
    }
}
