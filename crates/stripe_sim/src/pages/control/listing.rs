//! A control page that is a table.

use super::Frame;
use crate::pages::{paging::Paged, reply};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};

/// A control page that is a table.
#[derive(Template)]
#[template(path = "control_list.html")]
pub(super) struct Listing {
    pub frame: Frame,
    pub title: String,
    pub intro: String,
    pub head: Vec<&'static str>,
    pub rows: Paged<Vec<Cell>>,
    /// What is said, and what to do next, when there is no row.
    pub empty: String,
    pub filter: Option<Filter>,
}

/// A cell of the table.
pub(super) struct Cell {
    pub text: String,
    pub href: Option<String>,
    /// Whether it stays on one line.
    pub whole: bool,
}

/// A field by which the table is filtered.
pub(super) struct Filter {
    pub name: &'static str,
    pub label: &'static str,
    pub value: String,
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), href: None, whole: false }
    }

    /// A link, which stays on one line.
    pub fn link(text: impl Into<String>, href: String) -> Self {
        Self { text: text.into(), href: Some(href), whole: true }
    }

    /// A time, or another text that stays on one line.
    pub fn whole(text: impl Into<String>) -> Self {
        Self { text: text.into(), href: None, whole: true }
    }
}

impl Listing {
    /// As a page.
    pub fn page(&self) -> Response<Body> {
        reply::page(StatusCode::OK, self)
    }
}
