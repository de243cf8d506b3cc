//! The state as a whole: kept as a file, loaded from one, begun anew from a seed.

use super::{Frame, back};
use crate::{
    pages::{changing, notice, reply, shown, visit::Visit},
    sandbox::Shared,
};
use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use std::sync::Arc;

/// The page.
#[derive(Template)]
#[template(path = "control_state.html")]
struct Page {
    frame: Frame,
    /// The present time, as a field takes it.
    field: String,
}

/// `state`
pub(super) fn show(shared: &Arc<Shared>) -> Response<Body> {
    let page = shared.with(|world| Page {
        frame: Frame::of(world, "state"),
        field: shown::instant(world.now).chars().take(16).collect(),
    });
    reply::page(StatusCode::OK, &page)
}

/// `state/dump`: the state as a file
pub(super) fn dump(shared: &Arc<Shared>) -> Response<Body> {
    let now = shared.with(|world| shown::instant(world.now));
    reply::file(&format!("sandbox-{}.json", now.replace(':', "")), shared.dump())
}

/// `state/load`, posted: a file takes the place of the state
pub(super) fn load(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let text = file(&visit.kind, &visit.body).and_then(|file| std::str::from_utf8(file).ok());
    let done = match text {
        Some(text) if !text.is_empty() => shared.load(text).map_err(|error| error.to_string()),
        _ => Err("Choose a file first: one that was dumped.".to_owned()),
    };
    match done {
        Ok(()) => reply::see("/_sandbox/"),
        Err(message) => notice::say(StatusCode::BAD_REQUEST, "Nothing was loaded", &message, back("/_sandbox/state")),
    }
}

/// `state/new`, posted: an empty state, with its chance from a seed
pub(super) fn begin_anew(shared: &Arc<Shared>, visit: &Visit) -> Response<Body> {
    let form = visit.form();
    let seed = form.get("seed").parse::<u64>();
    let now = form.given("now").map(shown::second);
    match (seed, now) {
        (Ok(seed), None) => changing::begin_anew(shared, seed, None),
        (Ok(seed), Some(Some(now))) => changing::begin_anew(shared, seed, Some(now)),
        _ => {
            let message = "A seed is a whole number from 0 on, and a time is written as 2026-01-01T00:00 (UTC).";
            return notice::say(StatusCode::BAD_REQUEST, "Nothing was begun", message, back("/_sandbox/state"));
        }
    }
    reply::see("/_sandbox/")
}

/// The file in a form that carries one and nothing else.
fn file<'a>(kind: &str, body: &'a [u8]) -> Option<&'a [u8]> {
    if !kind.starts_with("multipart/form-data") {
        return None;
    }
    let boundary = kind.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    let end = format!("\r\n--{}--", boundary.trim_matches('"'));
    let begins = body.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let ends = body.windows(end.len()).rposition(|part| part == end.as_bytes())?;
    body.get(begins..ends)
}

#[cfg(test)]
mod tests {
    use super::file;

    #[test]
    fn a_file_is_taken_out_of_its_form() {
        let kind = "multipart/form-data; boundary=----x1";
        let head = "------x1\r\nContent-Disposition: form-data; name=\"state\"; filename=\"a.json\"\r\n\
                    Content-Type: application/json\r\n\r\n";
        let body = format!("{head}{{\"a\":\"\\r\\n\\r\\n\"}}\r\n------x1--\r\n");
        assert_eq!(file(kind, body.as_bytes()), Some(br#"{"a":"\r\n\r\n"}"#.as_slice()));
        assert_eq!(file("multipart/form-data; boundary=\"----x1\"", body.as_bytes()).map(<[u8]>::len), Some(16));
        let empty = format!("{head}\r\n------x1--\r\n");
        assert_eq!(file(kind, empty.as_bytes()), Some(b"".as_slice()));
        for (kind, body) in [("application/json", body.as_str()), (kind, ""), (kind, "{}"), ("multipart/form-data", "")]
        {
            assert_eq!(file(kind, body.as_bytes()), None, "{kind} {body}");
        }
    }
}
