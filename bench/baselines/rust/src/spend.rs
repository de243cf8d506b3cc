//! A spend as a team would write it in Rust: one transaction, a statement per step, all of them prepared.

use crate::Outcome;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use deadpool_postgres::{GenericClient, Manager, ManagerConfig, Pool, RecyclingMethod, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_postgres::{Error, NoTls, Row, error::SqlState};
use uuid::Uuid;

const FIND_KEY: &str = "SELECT amount, answer FROM idempotency_keys WHERE customer = $1 AND key = $2";
const LOCK_GRANTS: &str = "SELECT id, remaining FROM grants \
    WHERE customer = $1 AND remaining > 0 AND (expires_at IS NULL OR expires_at > now()) \
    ORDER BY priority, expires_at, id FOR UPDATE";
const TAKE: &str = "UPDATE grants SET remaining = remaining - $2 WHERE id = $1";
const ENTER: &str = "INSERT INTO ledger (consumption, customer, grant_id, amount, balance) VALUES ($1, $2, $3, $4, $5)";
const COUNT: &str = "INSERT INTO usage_days AS day (customer, day, count, consumed) VALUES ($1, current_date, 1, $2) \
    ON CONFLICT (customer, day) DO UPDATE SET count = day.count + 1, consumed = day.consumed + excluded.consumed";
const KEEP: &str = "INSERT INTO idempotency_keys (customer, key, amount, answer) VALUES ($1, $2, $3, $4)";

/// What the handler needs.
#[derive(Clone)]
struct Shop {
    pool: Pool,
    bearer: String,
}

/// A spend of whole credits.
#[derive(Deserialize)]
struct Asked {
    customer_id: String,
    amount: i64,
    idempotency_key: String,
}

/// What is answered, and whether there is anything to commit.
struct Answer {
    status: StatusCode,
    body: String,
    commit: bool,
}

/// Serves at `listen` until it is ended, with `pool` connections.
#[tokio::main]
pub async fn serve(database: &str, listen: &str, pool: &str, key: &str) -> Outcome {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(database.parse()?, NoTls, recycling);
    let pool = Pool::builder(manager).max_size(pool.parse()?).build()?;
    let shop = Shop { pool, bearer: format!("Bearer {key}") };
    let router = Router::new().route("/api/v1/consume", post(consume)).with_state(shop);
    axum::serve(tokio::net::TcpListener::bind(listen).await?, router).await?;
    Ok(())
}

async fn consume(State(shop): State<Shop>, headers: HeaderMap, Json(asked): Json<Asked>) -> Response {
    let answer = if headers.get(header::AUTHORIZATION).is_none_or(|given| given != shop.bearer.as_str()) {
        problem(StatusCode::UNAUTHORIZED, "invalid_api_key")
    } else if asked.amount <= 0 {
        problem(StatusCode::BAD_REQUEST, "invalid_field")
    } else {
        done(&shop.pool, &asked).await.unwrap_or_else(|why| problem(StatusCode::INTERNAL_SERVER_ERROR, &why))
    };
    (answer.status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response()
}

/// Runs the transaction; once more where another request with the same key was faster.
async fn done(pool: &Pool, asked: &Asked) -> Result<Answer, String> {
    let mut client = pool.get().await.map_err(|error| error.to_string())?;
    let mut again = false;
    loop {
        match attempt(&mut client, asked).await {
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) && !again => again = true,
            other => return other.map_err(|error| error.to_string()),
        }
    }
}

/// One transaction; dropped without a commit it is rolled back.
async fn attempt(client: &mut deadpool_postgres::Client, asked: &Asked) -> Result<Answer, Error> {
    let transaction = client.transaction().await?;
    let answer = spend(&transaction, asked).await?;
    if answer.commit {
        transaction.commit().await?;
    } else {
        transaction.rollback().await?;
    }
    Ok(answer)
}

/// Looks the key up, locks, decides, writes.
async fn spend(transaction: &Transaction<'_>, asked: &Asked) -> Result<Answer, Error> {
    let Asked { customer_id: customer, amount, idempotency_key: key } = asked;
    let find_key = transaction.prepare_cached(FIND_KEY).await?;
    if let Some(known) = transaction.query_opt(&find_key, &[customer, key]).await? {
        return Ok(replay(&known, *amount));
    }
    let lock_grants = transaction.prepare_cached(LOCK_GRANTS).await?;
    let rows = transaction.query(&lock_grants, &[customer]).await?;
    let grants: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let Some(parts) = decide(&grants, *amount) else {
        return Ok(problem(StatusCode::PAYMENT_REQUIRED, "insufficient_credits"));
    };
    let id = Uuid::new_v4();
    let mut balance: i64 = grants.iter().map(|(_, remaining)| remaining).sum();
    let (take, enter) = (transaction.prepare_cached(TAKE).await?, transaction.prepare_cached(ENTER).await?);
    for (grant, part) in &parts {
        balance -= part;
        transaction.execute(&take, &[grant, part]).await?;
        transaction.execute(&enter, &[&id, customer, grant, part, &balance]).await?;
    }
    let count = transaction.prepare_cached(COUNT).await?;
    transaction.execute(&count, &[customer, amount]).await?;
    let body = view(asked, id, &parts, balance).to_string();
    let keep = transaction.prepare_cached(KEEP).await?;
    transaction.execute(&keep, &[customer, key, amount, &body]).await?;
    Ok(Answer { status: StatusCode::OK, body, commit: true })
}

/// What is taken from which grant, in order; none where the grants do not cover `amount`.
fn decide(grants: &[(i64, i64)], amount: i64) -> Option<Vec<(i64, i64)>> {
    let mut left = amount;
    let mut parts = Vec::new();
    for (grant, remaining) in grants {
        let part = left.min(*remaining);
        parts.push((*grant, part));
        left -= part;
        if left == 0 {
            return Some(parts);
        }
    }
    None
}

/// The answer kept with the key.
fn replay(known: &Row, amount: i64) -> Answer {
    if known.get::<_, i64>(0) != amount {
        return problem(StatusCode::CONFLICT, "idempotency_mismatch");
    }
    let kept: &str = known.get(1);
    let body = kept.replace("\"replayed\":false", "\"replayed\":true");
    Answer { status: StatusCode::OK, body, commit: false }
}

/// The answer in the shape of Purser's.
fn view(asked: &Asked, id: Uuid, parts: &[(i64, i64)], balance: i64) -> Value {
    let parts: Vec<Value> =
        parts.iter().map(|(grant, amount)| json!({ "grant_id": grant, "amount": amount })).collect();
    json!({
        "object": "consumption", "id": format!("con_{}", id.simple()), "customer_id": asked.customer_id,
        "unit": "credits", "requested": asked.amount, "consumed": asked.amount, "overflow": 0, "hold_id": null,
        "late": false, "balance": { "object": "balance", "customer_id": asked.customer_id, "unit": "credits",
        "available": balance }, "grants": parts, "replayed": false,
    })
}

fn problem(status: StatusCode, code: &str) -> Answer {
    Answer { status, body: json!({ "error": { "code": code } }).to_string(), commit: false }
}
