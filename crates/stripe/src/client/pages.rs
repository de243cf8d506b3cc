//! Lists, page after page to the end.

use super::Client;
use crate::{
    BadShape, Call, Error, List, Method, Request,
    objects::{HasId, V2Page},
};
use serde::de::DeserializeOwned;
use std::{collections::HashSet, marker::PhantomData};

/// A page that says where the next one is.
pub trait Paged: DeserializeOwned {
    /// What stands on it.
    type Item;

    /// What stands on it, and where the list goes on.
    fn split(self, backwards: bool) -> (Vec<Self::Item>, Next);
}

/// Where a list goes on.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Nowhere.
    End,
    /// Behind the object with this id.
    Behind(String),
    /// At this address.
    At(String),
    /// It says that there is more, and not where.
    Nowhere,
}

impl<T: DeserializeOwned + HasId> Paged for List<T> {
    type Item = T;

    fn split(self, backwards: bool) -> (Vec<T>, Next) {
        let edge = if backwards { self.data.first() } else { self.data.last() };
        let next = match edge {
            _ if !self.has_more => Next::End,
            Some(edge) => Next::Behind(edge.id().to_owned()),
            None => Next::Nowhere,
        };
        (self.data, next)
    }
}

impl<T: DeserializeOwned> Paged for V2Page<T> {
    type Item = T;

    fn split(self, _backwards: bool) -> (Vec<T>, Next) {
        (self.data, self.next_page_url.map_or(Next::End, Next::At))
    }
}

/// The pages of a list that are still to be read.
pub struct Pages<P> {
    client: Client,
    /// The list without a place in it.
    list: Request,
    /// Towards newer objects, for a list that began with `ending_before`.
    backwards: bool,
    next: Option<Request>,
    /// The places that were gone to, so that a circle of any length is seen.
    seen: HashSet<String>,
    of: PhantomData<fn() -> P>,
}

impl<P: Paged> Pages<P> {
    pub(super) fn new(client: Client, first: Request) -> Self {
        let backwards = parameters(&first).any(|(name, _)| name == "ending_before");
        Self {
            client,
            list: without_place(&first),
            backwards,
            next: Some(first),
            seen: HashSet::new(),
            of: PhantomData,
        }
    }

    /// Reads the next page; `None` behind the last. After an error the same page is read again.
    ///
    /// # Errors
    /// [`Error`], as of a read; [`Error::NotUnderstood`] when the list leads nowhere or in a circle.
    pub async fn next(&mut self) -> Result<Option<Vec<P::Item>>, Error> {
        let Some(request) = self.next.clone() else { return Ok(None) };
        let answer = self.client.read(&Call::<P>::again(request)).await?;
        let request_id = answer.request_id;
        let (items, next) = answer.value.split(self.backwards);
        self.next = self.follow(next).map_err(|why| {
            let shape = BadShape { at: "has_more".into(), why: why.into() };
            Error::NotUnderstood { shape, request_id }
        })?;
        Ok(Some(items))
    }

    /// Reads all that is left. For lists that are known to be short.
    ///
    /// # Errors
    /// As [`Pages::next`].
    pub async fn all(mut self) -> Result<Vec<P::Item>, Error> {
        let mut all = Vec::new();
        while let Some(page) = self.next().await? {
            all.extend(page);
        }
        Ok(all)
    }

    /// The request for what comes next.
    fn follow(&mut self, next: Next) -> Result<Option<Request>, &'static str> {
        let place = match &next {
            Next::End => return Ok(None),
            Next::Nowhere => return Err("there is more, and the page is empty"),
            Next::Behind(id) => id.clone(),
            Next::At(url) => url.clone(),
        };
        if !self.seen.insert(place) {
            return Err("the next page is one that was read before");
        }
        let mut request = self.list.clone();
        match next {
            Next::At(url) => request.path = ours(&url).ok_or("the next page is at an address of somebody else's")?,
            Next::Behind(id) => {
                add(&mut request, if self.backwards { "ending_before" } else { "starting_after" }, &id);
            }
            Next::End | Next::Nowhere => {}
        }
        Ok(Some(request))
    }
}

/// All of a list of which an object shows the first few.
pub(super) async fn whole<T>(client: &Client, shown: List<T>) -> Result<Vec<T>, Error>
where
    T: DeserializeOwned + HasId,
{
    if !shown.has_more {
        return Ok(shown.data);
    }
    let bad =
        |why: &str| Error::NotUnderstood { shape: BadShape { at: "url".into(), why: why.into() }, request_id: None };
    let path = ours(&shown.url).ok_or_else(|| bad("the list is at an address of somebody else's"))?;
    let mut list = Request { method: Method::Get, path, body: String::new(), object: None };
    add(&mut list, "limit", "100");
    let mut pages = Pages::<List<T>>::new(client.clone(), list);
    let mut all = shown.data;
    let last = all.last().ok_or_else(|| bad("there is more, and nothing is shown"))?;
    pages.next = pages.follow(Next::Behind(last.id().to_owned())).map_err(bad)?;
    all.extend(pages.all().await?);
    Ok(all)
}

/// A path of the API, if `url` is one: an answer must not send our key elsewhere.
fn ours(url: &str) -> Option<String> {
    let path = ["/v1/", "/v2/"].iter().any(|version| url.starts_with(version));
    path.then(|| url.to_owned())
}

/// The parameters in the query of `request`.
fn parameters(request: &Request) -> impl Iterator<Item = (String, String)> {
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).into_owned()
}

/// `request` without a place in its list.
fn without_place(request: &Request) -> Request {
    let mut bare = request.clone();
    request.route().clone_into(&mut bare.path);
    for (name, value) in parameters(request) {
        if !["starting_after", "ending_before", "page"].contains(&name.as_str()) {
            add(&mut bare, &name, &value);
        }
    }
    bare
}

/// Adds a parameter to the query of `request`.
fn add(request: &mut Request, name: &str, value: &str) {
    request.path.push(if request.path.contains('?') { '&' } else { '?' });
    let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    request.path.push_str(&pair);
}
