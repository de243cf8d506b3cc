//! `purser serve`: listens, works, and stops in order.

use super::Role;
use crate::{
    app,
    config::Config,
    platform::{App, http, memory, metrics, work::Tasks},
};
use std::{process::ExitCode, time::Duration};
use tokio::net::TcpListener;

/// How long a stop waits for the last traces to be sent.
const LAST_TRACES: Duration = Duration::from_secs(3);

/// Serves until it is told to stop.
pub(super) async fn run(config: Config, role: Role) -> Result<ExitCode, String> {
    // The port first: a second server must not touch the database before it finds the port taken.
    let listener = if role == Role::Worker { None } else { Some(http::bind(&config.listen).await?) };
    let metrics = match &config.metrics_listen {
        Some(listen) => Some(http::bind(listen).await?),
        None => None,
    };
    let app = super::open(config).await?;
    app::install_price_book(&app).await;
    until_stopped(app, listener, metrics, role != Role::Web, || {}).await;
    Ok(ExitCode::SUCCESS)
}

/// Serves `app` until SIGTERM or SIGINT, then finishes what is in hand; calls `started` once it serves.
pub(super) async fn until_stopped(
    app: App,
    listener: Option<TcpListener>,
    metrics: Option<TcpListener>,
    works: bool,
    started: impl FnOnce(),
) {
    let tasks = Tasks::default();
    let grace = Duration::from_secs(app.config().grace_seconds);
    for (listener, router) in [
        listener.map(|listener| (listener, app::router(app.clone()))),
        metrics.map(|listener| (listener, http::metrics_router(app.clone()))),
    ]
    .into_iter()
    .flatten()
    {
        let (inner, config) = (tasks.clone(), app.config().clone());
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "listening");
        }
        tasks.spawn("listener", async move { http::serve(listener, router, &inner, &config).await });
    }
    metrics::keep_up(&app, &tasks);
    memory::give_back(&tasks);
    app::start_telling(&app, &tasks);
    if let Err(why) = app.start_traces() {
        tracing::error!(why, "there are no traces: see the variables OTEL_*");
    }
    if works {
        app::start_work(&app, &tasks);
    }
    started();
    asked_to_stop().await;
    tracing::info!("stopping: what is in hand is finished");
    tasks.stop();
    if !tasks.finished(grace + Duration::from_secs(2)).await {
        tracing::warn!(running = tasks.running(), "some work did not finish in time");
    }
    if let Some(traces) = app.traces() {
        traces.finish(LAST_TRACES).await;
    }
    app.uses().settled().await;
    app.db().close().await;
    tracing::info!("stopped");
}

/// Waits for SIGTERM or SIGINT.
async fn asked_to_stop() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be heard; SIGINT can");
            let _heard = tokio::signal::ctrl_c().await;
            return;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
