//! Schedules: a due run is taken by one node, and not before its time.

use crate::world::{BOTH, Kind, World};
use futures_util::future::join_all;
use purser::platform::schedule::{Job, run_if_due};
use serde_json::json;

static JOB: Job = Job { name: "counted", every_seconds: 60, run: |_| Box::pin(async { Ok(json!({ "done": 1 })) }) };

#[tokio::test]
async fn a_due_run_is_taken_once_in_the_cluster() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let ran = join_all((0..8).map(|_| run_if_due(&world.app, &JOB))).await;
        let ran = ran.into_iter().filter(|run| matches!(run, Ok(Some(_)))).count();
        assert_eq!(ran, 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_run_comes_when_it_is_due() {
    let world = World::on(Kind::Sqlite).await;
    assert_eq!(run_if_due(&world.app, &JOB).await, Ok(Some(json!({ "done": 1 }))));
    world.clock.advance(59_999_999);
    assert_eq!(run_if_due(&world.app, &JOB).await, Ok(None));
    world.clock.advance(1);
    assert_eq!(run_if_due(&world.app, &JOB).await, Ok(Some(json!({ "done": 1 }))));
}
