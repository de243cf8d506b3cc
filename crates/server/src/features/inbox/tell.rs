//! How much waits, as gauges.

use crate::platform::{
    App,
    db::{DbError, Row, Tx, Value},
    metrics::seconds,
    work::Tasks,
};
use metrics::gauge;
use std::time::Duration;

/// How often it is counted.
const EVERY: Duration = Duration::from_secs(15);

/// Counts what waits, again and again, until `tasks` stop. On every node: that nobody works must show, too.
pub fn start(app: &App, tasks: &Tasks) {
    let (app, inner) = (app.clone(), tasks.clone());
    tasks.spawn("inbox gauges", async move {
        loop {
            if let Err(error) = tell(&app).await {
                tracing::debug!(%error, "what waits cannot be counted");
            }
            tokio::select! {
                () = inner.stopping() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    });
}

/// Counts what waits and what is dead, for the metrics.
///
/// # Errors
/// What the database says.
pub async fn tell(app: &App) -> Result<(), DbError> {
    let now = app.clock().now();
    let (subjects, oldest, dead) = app.db().read(counted).await?;
    gauge!("purser_inbox_waiting_subjects").set(subjects as f64);
    let waited = oldest.map_or(0, |oldest| now.micros().saturating_sub(oldest.micros()).max(0));
    gauge!("purser_inbox_oldest_seconds").set(seconds(waited));
    gauge!("purser_inbox_dead_events").set(dead as f64);
    Ok(())
}

/// Subjects in the queue, when the event that waits longest came, and dead events.
fn counted(tx: &mut Tx<'_>) -> Result<(i64, Option<purser_rules::Time>, i64), DbError> {
    let number = |row: Option<Row>| row.map_or(Ok(0), |row| row.i64(0));
    let none: Vec<Value> = Vec::new();
    let subjects = number(tx.first("SELECT COUNT(*) AS n FROM stripe_inbox", none.clone())?)?;
    let sql = "SELECT received_at FROM stripe_events WHERE state = 1 ORDER BY received_at, id LIMIT 1";
    let oldest = tx.first(sql, none.clone())?.map(|row| row.ts(0)).transpose()?;
    let dead = number(tx.first("SELECT COUNT(*) AS n FROM stripe_events WHERE state = 4", none)?)?;
    Ok((subjects, oldest, dead))
}
