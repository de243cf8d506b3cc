//! Pages of lists: newest first, a place named by an object's id.

use crate::error::ApiError;
use serde::Deserialize;
use serde_json::Value;

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct PageAsked {
    /// How many; what is below 1 or above 100 counts as 1 or 100.
    pub limit: Option<i64>,
    /// The object before the first.
    pub starting_after: Option<String>,
    /// The object after the last.
    pub ending_before: Option<String>,
}

impl PageAsked {
    /// How many at most.
    pub fn most(&self) -> usize {
        usize::try_from(self.limit.unwrap_or(10).clamp(1, 100)).unwrap_or(10)
    }

    /// Sees that there is one place at most, and that it exists: `known` says so of an id. A deleted object, or one that a
    /// filter leaves out, can still be a place.
    ///
    /// # Errors
    /// Both places at once, or a place that does not exist.
    pub fn check(&self, noun: &str, known: impl Fn(&str) -> bool) -> Result<(), ApiError> {
        for (param, id) in [("starting_after", &self.starting_after), ("ending_before", &self.ending_before)] {
            if let Some(id) = id.as_deref().filter(|id| !known(id)) {
                return Err(ApiError::no_such(noun, id).at(param));
            }
        }
        if self.starting_after.is_some() && self.ending_before.is_some() {
            let message = "Received both starting_after and ending_before parameters. Please pass in only one.";
            return Err(ApiError::invalid(message));
        }
        Ok(())
    }
}

/// The page of `ids` that is asked for, and whether there is more in its direction; see [`PageAsked::check`] for `known`.
///
/// # Errors
/// Both places at once, or a place that does not exist.
pub(crate) fn page(
    ids: &[String],
    asked: &PageAsked,
    noun: &str,
    known: impl Fn(&str) -> bool,
) -> Result<(Vec<String>, bool), ApiError> {
    asked.check(noun, known)?;
    let limit = asked.most();
    let place = |id: &String| ids.iter().position(|other| other == id);
    match (&asked.starting_after, &asked.ending_before) {
        (_, Some(before)) => {
            let end = place(before).unwrap_or(0);
            let start = end.saturating_sub(limit);
            Ok((ids[start..end].to_vec(), start > 0))
        }
        (after, None) => {
            let start = after.as_ref().map_or(0, |after| place(after).map_or(ids.len(), |at| at + 1));
            let end = (start + limit).min(ids.len());
            Ok((ids[start..end].to_vec(), end < ids.len()))
        }
    }
}

/// Whether a time is in a range: `{gt, gte, lt, lte}` or the very second.
pub(crate) fn within(time: i64, range: Option<&Value>) -> bool {
    let Some(range) = range else { return true };
    if let Some(exact) = range.as_i64() {
        return time == exact;
    }
    let bound = |name: &str| range.get(name).and_then(Value::as_i64);
    bound("gt").is_none_or(|bound| time > bound)
        && bound("gte").is_none_or(|bound| time >= bound)
        && bound("lt").is_none_or(|bound| time < bound)
        && bound("lte").is_none_or(|bound| time <= bound)
}

#[cfg(test)]
mod tests {
    use super::{PageAsked, page};

    #[test]
    fn pages_in_both_directions() {
        let ids: Vec<String> = (0..25).rev().map(|n| format!("x_{n}")).collect();
        let ask = |limit: Option<i64>, after: Option<&str>, before: Option<&str>| {
            let asked =
                PageAsked { limit, starting_after: after.map(Into::into), ending_before: before.map(Into::into) };
            page(&ids, &asked, "x", |id| id.starts_with("x_"))
        };
        let first_last = |found: Result<(Vec<String>, bool), _>| {
            let (ids, more) = found.expect("a page");
            (ids.len(), ids.first().cloned().unwrap_or_default(), more)
        };
        assert_eq!(first_last(ask(None, None, None)), (10, "x_24".into(), true));
        assert_eq!(first_last(ask(Some(0), None, None)), (1, "x_24".into(), true));
        assert_eq!(first_last(ask(Some(500), None, None)), (25, "x_24".into(), false));
        assert_eq!(first_last(ask(Some(10), Some("x_15"), None)), (10, "x_14".into(), true));
        assert_eq!(first_last(ask(Some(10), Some("x_9"), None)), (9, "x_8".into(), false));
        assert_eq!(first_last(ask(Some(10), None, Some("x_4"))), (10, "x_14".into(), true));
        assert_eq!(first_last(ask(Some(10), None, Some("x_20"))), (4, "x_24".into(), false));
        let error = ask(None, Some("y_1"), Some("x_1")).expect_err("no such");
        assert_eq!((error.message.as_str(), error.param.as_deref()), ("No such x: 'y_1'", Some("starting_after")));
        assert!(ask(None, Some("x_1"), Some("x_2")).is_err());
    }
}
