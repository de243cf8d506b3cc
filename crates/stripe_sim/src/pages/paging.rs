//! Long lists, in pages.

use super::visit::Visit;

/// Rows on a page.
pub(super) const PAGE: usize = 50;

/// A page of a list.
pub(super) struct Paged<T> {
    pub rows: Vec<T>,
    /// Where the other pages are; `None` when there is but this one.
    pub pager: Option<Pager>,
}

/// Where the other pages of a list are.
pub(super) struct Pager {
    pub number: usize,
    pub before: Option<String>,
    pub after: Option<String>,
}

impl<T> Paged<T> {
    /// The page that the query's number under `name` asks for, the first if there is none.
    pub fn of(all: impl Iterator<Item = T>, visit: &Visit, name: &str) -> Self {
        let asked = visit.query.number(name).and_then(|number| usize::try_from(number).ok());
        let number = asked.unwrap_or(1).max(1);
        let mut rows: Vec<T> = all.skip((number - 1).saturating_mul(PAGE)).take(PAGE + 1).collect();
        let more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let link = |number: usize| format!("{}?{}", visit.path, visit.query.with(name, &number.to_string()));
        let pager =
            Pager { number, before: (number > 1).then(|| link(number - 1)), after: more.then(|| link(number + 1)) };
        Self { rows, pager: Some(pager).filter(|pager| pager.before.is_some() || pager.after.is_some()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Paged, Visit};
    use crate::pages::visit::Fields;
    use axum::{body::Bytes, http::Method};

    #[test]
    fn pages_know_their_neighbours() {
        for (count, query, rows, before, after) in [
            (0, "", 0, None, None),
            (50, "", 50, None, None),
            (51, "", 50, None, Some("/x?page=2")),
            (51, "page=2", 1, Some("/x?page=1"), None),
            (120, "a=b&page=2", 50, Some("/x?a=b&page=1"), Some("/x?a=b&page=3")),
            (1, "page=9", 0, Some("/x?page=8"), None),
            (1, "page=-1", 1, None, None),
        ] {
            let visit = Visit {
                method: Method::GET,
                path: "/x".into(),
                query: Fields::read(query.as_bytes()),
                body: Bytes::new(),
                kind: String::new(),
                signature: String::new(),
            };
            let found = Paged::of(0..count, &visit, "page");
            let links = found.pager.map(|pager| (pager.before, pager.after)).unwrap_or_default();
            let expected = (before.map(str::to_owned), after.map(str::to_owned));
            assert_eq!((found.rows.len(), links), (rows, expected), "{count} {query}");
        }
    }
}
