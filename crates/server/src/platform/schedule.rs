//! Jobs that run by themselves and by outside schedulers; a due run is claimed once in the cluster.

use super::{
    App,
    auth::{bearer, hash, same},
    db::{DbError, Tx, Value},
    error::{Code, Error},
    http::{ReadErrors, RequestInfo},
    metrics,
    work::Tasks,
};
use ::metrics::{counter, gauge, histogram};
use axum::{
    Extension, Json,
    extract::{RawPathParams, State},
    http::HeaderMap,
};
use futures_util::future::BoxFuture;
use purser_rules::{
    Time,
    ids::{Bucket, JobId},
};
use serde::Serialize;
use serde_json::{Value as Answer, json};
use std::{
    net::IpAddr,
    time::{Duration, Instant},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How often a node looks whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A job.
#[derive(Clone, Copy)]
pub struct Job {
    /// Its name: in `/api/cron/{name}`, in the schedule and in the ledger's causes.
    pub name: &'static str,
    /// How many seconds lie between two runs of its own.
    pub every_seconds: i64,
    /// What it does; idempotent. Answers what it did.
    pub run: fn(App) -> BoxFuture<'static, Result<Answer, Error>>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({})", self.name)
    }
}

/// Starts looking for due runs of `jobs` until `tasks` stop.
pub fn start(app: &App, tasks: &Tasks, jobs: &'static [Job]) {
    let (app, inner) = (app.clone(), tasks.clone());
    jobs.iter().for_each(announce);
    tasks.spawn("schedule", async move {
        loop {
            for job in jobs {
                if let Err(error) = run_if_due(&app, job).await {
                    tracing::warn!(job = job.name, error = error.message, "a scheduled job failed");
                }
            }
            if let Err(error) = tell_last_runs(&app, jobs).await {
                tracing::debug!(%error, "when jobs last ran cannot be read");
            }
            tokio::select! {
                () = inner.stopping() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    });
}

/// Puts the metrics of `job` there before its first run.
fn announce(job: &Job) {
    gauge!("purser_job_interval_seconds", "name" => job.name).set(job.every_seconds as f64);
    for outcome in ["done", "failed"] {
        drop(counter!("purser_job_runs_total", "name" => job.name, "outcome" => outcome));
    }
    drop(histogram!("purser_job_seconds", "name" => job.name));
}

/// Says in the metrics when each job last began, on whichever node.
async fn tell_last_runs(app: &App, jobs: &'static [Job]) -> Result<(), DbError> {
    let rows = app.db().read(|tx| tx.query("SELECT name, last_at FROM schedules", vec![])).await?;
    for row in rows {
        let (name, at) = (row.text(0)?, row.ts(1)?);
        if let Some(job) = jobs.iter().find(|job| job.name == name) {
            gauge!("purser_job_last_run_timestamp_seconds", "name" => job.name).set(metrics::seconds(at.micros()));
        }
    }
    Ok(())
}

/// Runs `job` if it is due and no other node took the run; answers what it did if it ran.
///
/// # Errors
/// What the job, or the database, says.
pub async fn run_if_due(app: &App, job: &Job) -> Result<Option<Answer>, Error> {
    let (name, every) = (job.name, job.every_seconds);
    let claimed = app.db().write(move |tx| claim(tx, name, every)).await?;
    if claimed { run(app, job).await.map(Some) } else { Ok(None) }
}

/// Takes the run of `name` that is due, if one is: the row moves on in the same statement, so one node gets it.
fn claim(tx: &mut Tx<'_>, name: &str, every: i64) -> Result<bool, DbError> {
    let now = tx.now();
    let next = now.plus_seconds(every);
    let taken = tx.execute(
        "UPDATE schedules SET next_at = $1, last_at = $2 WHERE name = $3 AND next_at <= $4",
        vec![Value::Ts(next), Value::Ts(now), Value::Text(name.to_owned()), Value::Ts(now)],
    )?;
    if taken == 1 {
        return Ok(true);
    }
    let begun = tx.execute(
        "INSERT INTO schedules (name, next_at, last_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        vec![Value::Text(name.to_owned()), Value::Ts(next), Value::Ts(now)],
    )?;
    Ok(begun == 1)
}

/// Runs `job` now and records the run.
///
/// # Errors
/// What the job, or the database, says.
pub async fn run(app: &App, job: &Job) -> Result<Answer, Error> {
    let (began, started) = (app.clock().now(), Instant::now());
    let done = (job.run)(app.clone()).await;
    histogram!("purser_job_seconds", "name" => job.name).record(started.elapsed().as_secs_f64());
    let outcome = if done.is_ok() { "done" } else { "failed" };
    counter!("purser_job_runs_total", "name" => job.name, "outcome" => outcome).increment(1);
    let id = JobId::new(began, app.random().number(), Bucket(0));
    let told = match &done {
        Ok(answer) => answer.clone(),
        Err(error) => json!({ "error": error.code.as_str() }),
    };
    tracing::info!(job = job.name, result = %told, "a job ran");
    let (name, text) = (job.name, told.to_string());
    app.db().write(move |tx| record(tx, id, name, began, &text)).await?;
    done
}

/// Puts a run down.
fn record(tx: &mut Tx<'_>, id: JobId, name: &str, began: Time, result: &str) -> Result<(), DbError> {
    let now = tx.now();
    tx.execute(
        "INSERT INTO job_runs (id, job, started_at, finished_at, result) VALUES ($1, $2, $3, $4, $5)",
        vec![
            Value::Id(id.0),
            Value::Text(name.to_owned()),
            Value::Ts(began),
            Value::Ts(now),
            Value::Json(result.to_owned()),
        ],
    )
    .map(|_| ())
}

/// `/api/cron/{job}` for outside schedulers: POST, and GET too, since some send it.
pub fn routes(jobs: &'static [Job]) -> OpenApiRouter<App> {
    let routes = OpenApiRouter::default().routes(routes!(run_job, run_job_by_get));
    routes.layer(Extension(jobs))
}

/// What a job did.
#[derive(Debug, Serialize, ToSchema)]
struct JobRun {
    /// Always `job_run`.
    #[schema(value_type = String, pattern = "^job_run$")]
    object: &'static str,
    /// Which job.
    job: &'static str,
    /// What it did, in its own words.
    #[schema(value_type = Object)]
    result: Answer,
}

/// Run a job now: for outside schedulers. Idempotent; each job also runs by itself.
#[utoipa::path(post, path = "/api/cron/{job}", tag = "cron",
    params(("job" = String, Path, description = "A job's name, such as `sync-balances`; an unknown one is answered with all names.",
        example = "expire-grants")),
    responses((status = 200, description = "What it did.", body = JobRun), ReadErrors))]
async fn run_job(
    State(app): State<App>,
    Extension(jobs): Extension<&'static [Job]>,
    Extension(info): Extension<RequestInfo>,
    params: RawPathParams,
    headers: HeaderMap,
) -> Result<Json<JobRun>, Error> {
    allowed(&app, &headers, info.address())?;
    let name = params.iter().next().map(|(_, name)| name.to_owned()).unwrap_or_default();
    let job = jobs.iter().find(|job| job.name == name).ok_or_else(|| {
        let names: Vec<&str> = jobs.iter().map(|job| job.name).collect();
        Error::new(Code::UnknownRoute, format!("There is no such job. There are: {}.", names.join(", ")))
    })?;
    Ok(Json(JobRun { object: "job_run", job: job.name, result: run(&app, job).await? }))
}

/// Run a job now, for schedulers that can only send GET.
#[utoipa::path(get, path = "/api/cron/{job}", tag = "cron",
    params(("job" = String, Path, description = "As with POST.", example = "expire-grants")),
    responses((status = 200, description = "What it did.", body = JobRun), ReadErrors))]
async fn run_job_by_get(
    app: State<App>,
    jobs: Extension<&'static [Job]>,
    info: Extension<RequestInfo>,
    params: RawPathParams,
    headers: HeaderMap,
) -> Result<Json<JobRun>, Error> {
    run_job(app, jobs, info, params, headers).await
}

/// Whether the caller sent the cron secret, compared by hash.
fn allowed(app: &App, headers: &HeaderMap, address: Option<IpAddr>) -> Result<(), Error> {
    let sent = hash(bearer(headers)?);
    let fits = app.config().cron_secret.as_ref().is_some_and(|secret| same(&hash(secret.reveal()), &sent));
    if fits {
        return Ok(());
    }
    app.limits().failure(address)?;
    Err(Error::new(Code::InvalidApiKey, "This is not the cron secret. Set CRON_SECRET, and send it as Bearer.")
        .about("Authorization"))
}
