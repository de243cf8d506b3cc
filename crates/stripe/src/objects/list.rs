//! A page of a list.

use serde::Deserialize;

/// A page of a list, or the first ten of what stands in an object.
#[derive(Clone, Debug, Deserialize)]
pub struct List<T> {
    /// What stands on it, newest first unless said otherwise.
    pub data: Vec<T>,
    /// Whether there is more behind it.
    pub has_more: bool,
    /// Where the whole list is read, such as `/v1/subscription_items?subscription=sub_1`.
    pub url: String,
}

/// A page of a list below `/v2`.
#[derive(Clone, Debug, Deserialize)]
pub struct V2Page<T> {
    /// What stands on it.
    pub data: Vec<T>,
    /// Where the next page is read, if there is one.
    #[serde(deserialize_with = "super::nullable")]
    pub next_page_url: Option<String>,
}
