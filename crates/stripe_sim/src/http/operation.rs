//! What an operation is given, and what it answers.

use crate::{
    contract::CONTRACT,
    error::ApiError,
    http::{Route, form::Given},
    world::{Cx, PageAsked, Resource, expand, page},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What an operation is given.
pub(crate) struct Asked {
    /// The ids in the path, in order.
    pub path: Vec<String>,
    /// The path itself.
    pub url: String,
    /// The parameters, read by the contract: a field that is to be unset is null.
    pub params: Value,
}

impl Asked {
    /// The first id in the path.
    pub fn id(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// The parameters as a `T`.
    ///
    /// # Errors
    /// When the contract let something through that the operation cannot read: a fault of the sandbox.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        T::deserialize(&self.params).map_err(|error| ApiError::trouble(500).with("sandbox", error.to_string()))
    }
}

/// What an operation answers.
pub(crate) enum Answer {
    /// This.
    Value(Value),
    /// Of these objects, newest first, the page that is asked for.
    List {
        /// Their name in the contract.
        schema: &'static str,
        /// Their name in errors.
        noun: &'static str,
        /// All of them.
        ids: Vec<String>,
    },
}

impl Answer {
    /// The object with this id.
    pub fn object<R: Resource>(cx: &Cx<'_>, id: &str) -> Result<Self, ApiError> {
        let shown = cx.world.shown(R::SCHEMA, id).ok_or_else(|| ApiError::no_such(R::NOUN, id).status(404))?;
        Ok(Self::Value(shown))
    }

    /// Those objects of a kind that `which` lets through, newest first.
    pub fn list<R: Resource>(cx: &Cx<'_>, which: impl Fn(&R) -> bool) -> Self {
        let rows = cx.world.all::<R>().rev().filter(|row| !row.is_deleted() && which(row));
        Self::List { schema: R::SCHEMA, noun: R::NOUN, ids: rows.map(|row| row.id().to_owned()).collect() }
    }

    /// What is left of an object that was deleted.
    pub fn deleted(object: &str, id: &str) -> Self {
        Self::Value(json!({ "id": id, "object": object, "deleted": true }))
    }
}

/// Does the operation of `route` and answers its body.
///
/// # Errors
/// Why it is refused; then nothing was changed.
pub(crate) fn perform(
    cx: &mut Cx<'_>,
    route: &Route,
    path: Vec<String>,
    url: &str,
    given: &BTreeMap<String, Given>,
) -> Result<Value, ApiError> {
    let label = route.label();
    let operation = CONTRACT.operations.get(&label).ok_or_else(|| ApiError::not_simulated(&label))?;
    let mut params = crate::contract::read(operation, given)?;
    let paths = params.as_object_mut().and_then(|params| params.remove("expand")).unwrap_or_default();
    let asked = Asked { path, url: url.to_owned(), params };
    let answer = (route.run)(cx, &asked)?;
    let mut body = match answer {
        Answer::Value(value) => value,
        Answer::List { schema, noun, ids } => listed(cx, &asked, schema, noun, &ids)?,
    };
    for path in paths.as_array().into_iter().flatten().filter_map(Value::as_str) {
        expand(cx.world, &operation.answer, &mut body, path)?;
    }
    Ok(body)
}

fn listed(cx: &Cx<'_>, asked: &Asked, schema: &str, noun: &str, ids: &[String]) -> Result<Value, ApiError> {
    let place: PageAsked = asked.read()?;
    let (ids, more) = page(ids, &place, noun, |id| cx.world.shown(schema, id).is_some())?;
    let data: Vec<Value> = ids.iter().filter_map(|id| cx.world.shown(schema, id)).collect();
    Ok(json!({ "object": "list", "data": data, "has_more": more, "url": asked.url }))
}
