//! The floor of HTTP: a handler that reads a spend and answers as if it were done, with no database behind it.

use crate::Outcome;
use axum::{
    Json, Router,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

/// The part of a spend that the answer says.
#[derive(Deserialize)]
struct Asked {
    amount: u64,
    idempotency_key: String,
}

/// Hashes of the keys that were answered: the generator sends some again and wants them marked.
#[derive(Clone, Default)]
struct Answered {
    hasher: RandomState,
    keys: Arc<Mutex<HashSet<u64>>>,
}

/// Serves at `listen` until it is ended.
#[tokio::main]
pub async fn serve(listen: &str) -> Outcome {
    let router = Router::new().route("/api/v1/consume", post(consume)).with_state(Answered::default());
    axum::serve(tokio::net::TcpListener::bind(listen).await?, router).await?;
    Ok(())
}

/// The key is the id, so that a replay has the id of the first answer.
async fn consume(State(answered): State<Answered>, Json(asked): Json<Asked>) -> Response {
    let Asked { amount, idempotency_key: key } = asked;
    let hash = answered.hasher.hash_one(&key);
    let replayed = !answered.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(hash);
    let body = format!(
        r#"{{"object":"consumption","id":"{key}","requested":{amount},"consumed":{amount},"replayed":{replayed}}}"#
    );
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
