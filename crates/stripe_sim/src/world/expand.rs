//! Expansion: an id in an answer becomes the object itself.

use super::World;
use crate::{
    contract::{CONTRACT, Shape},
    error::ApiError,
};
use serde_json::Value;

/// Deepest expansion, as Stripe allows it.
const DEEPEST: usize = 4;

/// Expands `path`, such as `latest_invoice.payment_intent` or `data.customer`, in `answer`, which is a `shape`.
///
/// # Errors
/// What cannot be expanded, or is too deep.
pub(crate) fn expand(world: &World, shape: &Shape, answer: &mut Value, path: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = path.split('.').collect();
    if parts.len() > DEEPEST {
        let message = format!("You cannot expand more than {DEEPEST} levels of a property. Property: {path}");
        return Err(ApiError::invalid(message).code("property_expansion_max_depth"));
    }
    if !can(shape, &parts) {
        let bad = format!("This property cannot be expanded ({path}).");
        let in_list = ["data"].iter().chain(&parts).copied().collect::<Vec<_>>();
        let hint = if parts[0] != "data" && can(shape, &in_list) {
            format!(" You may want to try expanding 'data.{path}' instead.")
        } else {
            String::new()
        };
        return Err(ApiError::invalid(bad + &hint));
    }
    put(world, shape, answer, &parts);
    Ok(())
}

/// Whether `path` leads to something that may be an object instead of an id.
fn can(shape: &Shape, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    match shape {
        Shape::Ref(name) => CONTRACT.schemas.get(name).is_some_and(|shape| can(shape, path)),
        Shape::Nullable(of) | Shape::List(of) => can(of, path),
        Shape::OneOf(several) => several.iter().any(|shape| can(shape, path)),
        Shape::Object { fields, required } => fields.get(*first).is_some_and(|field| {
            let leads = !rest.is_empty() && can(field, rest);
            // What is not promised is shown when it is asked for: `invoice.payments`, `charge.refunds`.
            leads
                || rest.is_empty()
                    && (object_of(field).is_some() || *first == "data" || !required.iter().any(|name| name == first))
        }),
        _ => false,
    }
}

/// The object that stands in `shape` in place of an id.
fn object_of(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Nullable(of) | Shape::List(of) => object_of(of),
        Shape::OneOf(several) if several.contains(&Shape::Text) => several.iter().rev().find_map(|shape| match shape {
            Shape::Ref(name) if !name.starts_with("deleted_") => Some(name.as_str()),
            _ => None,
        }),
        _ => None,
    }
}

fn put(world: &World, shape: &Shape, value: &mut Value, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else { return };
    match shape {
        Shape::Nullable(of) => put(world, of, value, path),
        Shape::List(of) => {
            if let Value::Array(items) = value {
                items.iter_mut().for_each(|item| put(world, of, item, path));
            }
        }
        Shape::Ref(name) => {
            if let Some(shape) = CONTRACT.schemas.get(name) {
                put(world, shape, value, path);
            }
        }
        Shape::OneOf(several) => {
            several.iter().filter(|shape| can(shape, path)).for_each(|shape| put(world, shape, value, path))
        }
        Shape::Object { fields, .. } => {
            let (Some(field), Value::Object(object)) = (fields.get(*first), value) else { return };
            if !object.contains_key(*first)
                && let Some(shown) = world.on_demand(object, first)
            {
                object.insert((*first).to_owned(), shown);
            }
            let Some(inner) = object.get_mut(*first) else { return };
            if let Some(name) = object_of(field) {
                replace(world, name, inner);
            }
            put(world, field, inner, rest);
        }
        _ => {}
    }
}

/// Puts objects named `schema` in place of their ids.
fn replace(world: &World, schema: &str, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(world, schema, item)),
        Value::String(id) => {
            if let Some(object) = world.shown(schema, id) {
                *value = object;
            }
        }
        _ => {}
    }
}
