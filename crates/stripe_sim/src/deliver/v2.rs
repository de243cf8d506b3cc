//! What is peculiar to v2: times, pages and refusals.

use crate::{
    error::ApiError,
    http::{Answer, Asked},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// How many a page holds that does not say.
const USUAL: i64 = 20;
/// How many a page holds at most.
const MOST: i64 = 100;

/// A time in seconds as v2 writes it: `2024-10-22T16:20:09.000Z`.
pub(crate) fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map(|time| format!("{time:.3}")).unwrap_or_default()
}

/// A range of times such as `{"gte": "2024-10-22T16:20:09.931Z"}`, in milliseconds.
///
/// # Errors
/// When one of them is no time.
pub(crate) fn range(asked: Option<&Value>) -> Result<Option<Value>, ApiError> {
    let Some(bounds) = asked.and_then(Value::as_object) else { return Ok(None) };
    let mut range = Map::new();
    for (name, bound) in bounds {
        let text = bound.as_str().unwrap_or_default();
        let time: Timestamp = text.parse().map_err(|_| {
            let message = format!("Invalid timestamp: {text}. It must be an RFC 3339 timestamp.");
            ApiError::wrong(&message, &format!("created[{name}]"))
        })?;
        range.insert(name.clone(), json!(time.as_millisecond()));
    }
    Ok(Some(Value::Object(range)))
}

/// The page of `ids`, newest first, that `asked` asks for by `limit` and `page`. A page is named by the object it comes
/// after or before, so that what is new does not move it.
///
/// # Errors
/// When `page` is of no answer of the sandbox, or names an object that is no more.
pub(crate) fn page(asked: &Asked, ids: &[String], shown: impl Fn(&str) -> Option<Value>) -> Result<Answer, ApiError> {
    let limit = asked.params.get("limit").and_then(Value::as_i64).unwrap_or(USUAL).clamp(1, MOST);
    let limit = usize::try_from(limit).unwrap_or(1);
    let (start, end) = match asked.params.get("page").and_then(Value::as_str) {
        None => (0, limit.min(ids.len())),
        Some(page) => stretch(page, ids, limit).ok_or_else(|| ApiError::wrong("Invalid page token", "page"))?,
    };
    let data: Vec<Value> = ids[start..end].iter().filter_map(|id| shown(id)).collect();
    let next = (end < ids.len()).then(|| end.checked_sub(1)).flatten().and_then(|last| ids.get(last));
    let previous = ids.get(start).filter(|_| start > 0);
    Ok(Answer::Value(json!({
        "data": data,
        "next_page_url": next.map(|id| url(asked, &format!("after_{id}"))),
        "previous_page_url": previous.map(|id| url(asked, &format!("before_{id}"))),
    })))
}

/// From where to where the page goes that is named `page`.
fn stretch(page: &str, ids: &[String], limit: usize) -> Option<(usize, usize)> {
    let place = |id: &str| ids.iter().position(|other| other == id);
    if let Some(id) = page.strip_prefix("after_") {
        let start = place(id)? + 1;
        return Some((start, (start + limit).min(ids.len())));
    }
    let end = place(page.strip_prefix("before_")?)?;
    Some((end.saturating_sub(limit), end))
}

/// The path of the page `page`, with all that was asked for at first.
fn url(asked: &Asked, page: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in asked.params.as_object().into_iter().flatten() {
        match value {
            _ if name == "page" => {}
            Value::Array(items) => items.iter().enumerate().for_each(|(place, item)| {
                query.append_pair(&format!("{name}[{place}]"), &plain(item));
            }),
            Value::Object(parts) => parts.iter().for_each(|(part, item)| {
                query.append_pair(&format!("{name}[{part}]"), &plain(item));
            }),
            value => {
                query.append_pair(name, &plain(value));
            }
        }
    }
    query.append_pair("page", page);
    format!("{}?{}", asked.url, query.finish())
}

/// A text without its quotes; anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The status and the body of `error` as v2 answers it.
pub(crate) fn refusal(error: &ApiError) -> (u16, Value) {
    let (status, code) = match (error.status, error.code.as_deref()) {
        _ if error.kind == "idempotency_error" => (409, "idempotency_error"),
        (_, Some("resource_missing")) | (404, None) => (404, "not_found"),
        (400, None | Some("url_invalid")) => (400, "invalid_fields"),
        (400, Some(code)) if code.starts_with("parameter_") => (400, "invalid_fields"),
        (status, code) => (status, code.unwrap_or(error.kind)),
    };
    (status, json!({ "error": { "code": code, "message": error.message } }))
}

#[cfg(test)]
mod tests {
    use super::{page, range, refusal, time};
    use crate::{
        error::ApiError,
        http::{Answer, Asked},
    };
    use serde_json::{Value, json};

    fn paged(ids: &[String], params: Value) -> Value {
        let asked = Asked { path: Vec::new(), url: "/v2/core/events".into(), params };
        match page(&asked, ids, |id| Some(json!(id))) {
            Ok(Answer::Value(value)) => value,
            Ok(Answer::List { .. }) => panic!("a list of v1"),
            Err(error) => json!(error.message),
        }
    }

    /// The parameters that the query of `url` gives.
    fn params(url: &Value) -> Value {
        let (path, query) = url.as_str().and_then(|url| url.split_once('?')).expect("a query");
        assert_eq!(path, "/v2/core/events");
        let pairs = form_urlencoded::parse(query.as_bytes());
        let read = pairs.map(|(name, value)| {
            let value = value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number));
            (name.into_owned(), value)
        });
        Value::Object(read.collect())
    }

    #[test]
    fn times_are_written_and_read_with_milliseconds() {
        assert_eq!(time(1_729_614_009), "2024-10-22T16:20:09.000Z");
        assert_eq!(range(None).expect("no range"), None);
        let asked = json!({ "gte": "2024-10-22T16:20:09.931Z", "lt": "2024-10-22T18:20:09+02:00" });
        let read = json!({ "gte": 1_729_614_009_931_i64, "lt": 1_729_614_009_000_i64 });
        assert_eq!(range(Some(&asked)).expect("a range"), Some(read));
        let error = range(Some(&json!({ "gt": "1729614009" }))).expect_err("no time");
        assert_eq!(error.param.as_deref(), Some("created[gt]"));
    }

    #[test]
    fn pages_lead_to_each_other() {
        let ids: Vec<String> = (0..7).rev().map(|number| format!("evt_{number}")).collect();
        let first = paged(&ids, json!({ "limit": 3, "object_id": "mtr_1" }));
        assert_eq!(first["data"], json!(["evt_6", "evt_5", "evt_4"]));
        assert_eq!(first["previous_page_url"], Value::Null);
        assert_eq!(first["next_page_url"], "/v2/core/events?limit=3&object_id=mtr_1&page=after_evt_4");
        let second = paged(&ids, params(&first["next_page_url"]));
        assert_eq!(second["data"], json!(["evt_3", "evt_2", "evt_1"]));
        let third = paged(&ids, params(&second["next_page_url"]));
        assert_eq!((&third["data"], &third["next_page_url"]), (&json!(["evt_0"]), &Value::Null));
        assert_eq!(paged(&ids, params(&third["previous_page_url"])), second);
        assert_eq!(paged(&ids, params(&second["previous_page_url"]))["data"], first["data"]);
    }

    #[test]
    fn filters_of_parts_stay_in_the_path() {
        let ids: Vec<String> = (0..2).map(|number| format!("evt_{number}")).collect();
        let asked = json!({ "created": { "gte": "2024-10-22T16:20:09Z" }, "limit": 1, "types": ["a", "b"] });
        let next = paged(&ids, asked)["next_page_url"].clone();
        let text = "/v2/core/events?created%5Bgte%5D=2024-10-22T16%3A20%3A09Z&limit=1&types%5B0%5D=a&types%5B1%5D=b";
        assert_eq!(next, format!("{text}&page=after_evt_0"));
    }

    #[test]
    fn empty_and_wrong_pages() {
        let nothing = json!({ "data": [], "next_page_url": null, "previous_page_url": null });
        assert_eq!(paged(&[], json!({})), nothing);
        for token in ["page_2", "after_evt_9", "before_", ""] {
            assert_eq!(paged(&["evt_1".into()], json!({ "page": token })), "Invalid page token", "{token}");
        }
    }

    #[test]
    fn refusals_in_the_words_of_v2() {
        let table = [
            (ApiError::no_such("event", "evt_x").status(404), 404, "not_found"),
            (ApiError::no_such("customer", "cus_x"), 404, "not_found"),
            (ApiError::missing("name"), 400, "invalid_fields"),
            (ApiError::wrong("Invalid page token", "page"), 400, "invalid_fields"),
            (ApiError::invalid("no").code("archived_meter"), 400, "archived_meter"),
            (ApiError { kind: "idempotency_error", ..ApiError::invalid("other") }, 409, "idempotency_error"),
            (ApiError::rate_limited(), 429, "rate_limit"),
            (ApiError::trouble(500), 500, "api_error"),
            (ApiError::no_key(), 401, "invalid_request_error"),
        ];
        for (error, status, code) in table {
            let body = json!({ "error": { "code": code, "message": error.message } });
            assert_eq!(refusal(&error), (status, body));
        }
    }
}
