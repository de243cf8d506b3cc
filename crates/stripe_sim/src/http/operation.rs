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
        /// All of them, or those of the page.
        ids: Vec<String>,
        /// Whether there are more, when these are those of the page.
        more: Option<bool>,
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
        Self::list_of(cx, None, which)
    }

    /// The same of those that belong to the object `owner`, if one is given: others are not looked at.
    ///
    /// No more is looked at than the page needs: it must not cost more when there are more objects.
    pub fn list_of<R: Resource>(cx: &Cx<'_>, owner: Option<&str>, which: impl Fn(&R) -> bool) -> Self {
        let table = R::table(&cx.world.tables);
        let fits = |place: &usize| table.at(*place).is_some_and(|row| !row.is_deleted() && which(row));
        let place = |id: &Option<String>| table.place(id.as_deref()?);
        let asked = cx.place.as_ref();
        let end = asked.and_then(|asked| place(&asked.starting_after)).unwrap_or(table.len());
        let start = asked.and_then(|asked| place(&asked.ending_before)).map_or(0, |before| before + 1);
        let (places, more) = match owner {
            None => window((start..end).filter(fits), asked),
            Some(owner) => {
                let own = table.places_of(owner).into_iter().filter(|place| (start..end).contains(place));
                window(own.filter(fits), asked)
            }
        };
        let ids = places.into_iter().filter_map(|place| table.at(place)).map(|row| row.id().to_owned()).collect();
        Self::List { schema: R::SCHEMA, noun: R::NOUN, ids, more }
    }

    /// The objects of a kind with these ids, in this order.
    pub fn listed<R: Resource>(ids: Vec<String>) -> Self {
        Self::List { schema: R::SCHEMA, noun: R::NOUN, ids, more: None }
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
    super::unsimulated::check(&params)?;
    let paths = params.as_object_mut().and_then(|params| params.remove("expand")).unwrap_or_default();
    let asked = Asked { path, url: url.to_owned(), params };
    cx.place = Some(asked.read()?);
    let answer = (route.run)(cx, &asked)?;
    let mut body = match answer {
        Answer::Value(value) => value,
        Answer::List { schema, noun, ids, more } => {
            let place: PageAsked = asked.read()?;
            let known = |id: &str| cx.world.has(schema, id);
            let (ids, more) = match more {
                Some(more) => place.check(noun, known).map(|()| (ids, more))?,
                None => page(&ids, &place, noun, known)?,
            };
            let data: Vec<Value> = ids.iter().filter_map(|id| cx.world.shown(schema, id)).collect();
            json!({ "object": "list", "data": data, "has_more": more, "url": asked.url })
        }
    };
    for path in paths.as_array().into_iter().flatten().filter_map(Value::as_str) {
        expand(cx.world, &operation.answer, &mut body, path)?;
    }
    Ok(body)
}

/// Of places, the oldest first, those of the page that is asked for, the newest first, and whether there are more in its
/// direction; all, when no page is asked for.
fn window(places: impl DoubleEndedIterator<Item = usize>, asked: Option<&PageAsked>) -> (Vec<usize>, Option<bool>) {
    let Some(asked) = asked else { return (places.rev().collect(), None) };
    let limit = asked.most();
    let one_more = limit + 1;
    let backwards = asked.ending_before.is_some();
    let mut found: Vec<usize> =
        if backwards { places.take(one_more).collect() } else { places.rev().take(one_more).collect() };
    let more = found.len() > limit;
    found.truncate(limit);
    if backwards {
        found.reverse();
    }
    (found, Some(more))
}
