//! What surrounds every request: its id, its time limit, its log line, and the shape of its errors.

use super::{problem, request::RequestInfo};
use crate::platform::{
    App,
    error::{Code, Error},
    metrics, traces,
};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use purser_rules::ids::{Bucket, RequestId};
use std::{net::SocketAddr, panic::AssertUnwindSafe, time::Instant};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Answers `request` through `next`, whatever happens.
pub async fn outer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let _counted = metrics::Lasting::new(::metrics::gauge!("purser_http_requests_in_flight"));
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let now = app.clock().now();
    let id = RequestId::new(now, app.random().number(), Bucket(0));
    let info = RequestInfo::new(id, address);
    request.extensions_mut().insert(info.clone());
    let method = request.method().clone();
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let theirs = request.headers().get(REQUEST_ID).and_then(sane);

    let traced = app.traces().map(|traces| (traces, traces.begin(request.headers(), now, began)));
    let timeline = traced.as_ref().map(|(_, traced)| traced.timeline.clone());
    let answering = async {
        match timeline {
            Some(timeline) => timeline.during(next.run(request)).await,
            None => next.run(request).await,
        }
    };
    let answered = tokio::time::timeout(app.config().request_timeout(), AssertUnwindSafe(answering).catch_unwind());
    let mut response = match answered.await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => {
            tracing::error!(request = %id, route, "a handler panicked");
            Error::new(Code::Internal, "Something went wrong on our side. Report the request id if it stays.")
                .into_response()
        }
        Err(_elapsed) => {
            Error::new(Code::TimedOut, "The request took too long. Try again with the same key.").into_response()
        }
    };
    let text = id.to_string();
    let code = problem::write(&mut response, &text, app.config());
    dress(response.headers_mut(), &text);
    let took = began.elapsed();
    let status = response.status().as_u16();
    metrics::answered(known(&method), &route, status, took);
    if let Some((traces, traced)) = traced {
        let (method, request, key) = (known(&method), text.as_str(), info.key());
        traces.end(&traced, &traces::Answer { method, route: &route, status, code, request, key });
    }
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let (key, theirs, code) = (info.key(), theirs.as_deref(), code.map(Code::as_str));
    tracing::info!(target: "access", method = known(&method), route, status, code, micros, request = text, key, theirs);
    response
}

/// A caller's own request id, if it is one that can stand in a log.
fn sane(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte));
    (plain && (1..=128).contains(&text.len())).then(|| text.to_owned())
}

/// The method, or `other`: what a caller makes up must not make up labels.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The headers every answer has.
fn dress(headers: &mut axum::http::HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
