//! The audit trail is found by what it is asked for: exactly, and without being read as a whole.

use crate::world::{BOTH, Kind, World};
use purser::platform::db::{DbError, Value};
use purser_rules::{
    Time,
    ids::{AuditId, Bucket},
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// An instant after all that a test does: 2036-01-01T00:00:00Z.
const LATER: i64 = 2_082_758_400_000_000;

/// Puts a line down for each of `all`, as of so many microseconds after [`LATER`]; each has its own subject and actor.
async fn lines(world: &World, all: Vec<i64>) {
    let write = world.app.db().write(move |tx| {
        for (number, micros) in (1_u128..).zip(&all) {
            let at = Time::from_micros(LATER + micros);
            // The upper bits count: the lower ones of a number are not in its id.
            let id = AuditId::new(at, number << 96, Bucket(0));
            tx.later(
                "INSERT INTO audit (id, at, actor_kind, actor_id, action, subject) VALUES ($1, $2, $3, $4, $5, $6)",
                vec![
                    Value::Id(id.0),
                    Value::Ts(at),
                    Value::Text("api".into()),
                    Value::Text(format!("actor-{micros}")),
                    Value::Text(format!("action-{micros}")),
                    Value::Text(micros.to_string()),
                ],
            );
        }
        Ok::<_, DbError>(())
    });
    write.await.unwrap();
}

/// The microseconds of the lines that the trail has for `query`.
async fn found(world: &World, query: &str) -> BTreeSet<i64> {
    let page = world.admin("GET", &format!("/api/v1/admin/audit?limit=100&{query}"), "").await;
    page["data"].as_array().unwrap().iter().map(|line| line["subject"].as_str().unwrap().parse().unwrap()).collect()
}

/// Ids have milliseconds and `at` microseconds: what is looked up by ids is not rounded by them.
#[tokio::test]
async fn from_and_to_are_exact() {
    const ALL: [i64; 9] = [-1_001, -1_000, -1, 0, 1, 999, 1_000, 1_001, 2_000];
    for kind in BOTH {
        let world = World::on(kind).await;
        lines(&world, ALL.to_vec()).await;
        let text = |micros: i64| Time::from_micros(LATER + micros).to_string();
        for from in ALL {
            let expected = ALL.into_iter().filter(|micros| *micros >= from).collect::<BTreeSet<_>>();
            assert_eq!(found(&world, &format!("from={}", text(from))).await, expected, "{kind:?} from {from}");
            for to in ALL {
                let expected = ALL.into_iter().filter(|micros| (from..to).contains(micros)).collect::<BTreeSet<_>>();
                let query = format!("from={}&to={}", text(from), text(to));
                assert_eq!(found(&world, &query).await, expected, "{kind:?} from {from} to {to}");
                let one = format!("{query}&subject=999");
                let expected = expected.into_iter().filter(|micros| *micros == 999).collect::<BTreeSet<_>>();
                assert_eq!(found(&world, &one).await, expected, "{kind:?} {one}");
            }
        }
    }
}

/// How often PostgreSQL has looked by the index `name`.
async fn scans(world: &World, name: &'static str) -> i64 {
    let sql = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = $1";
    let read = world.app.db().read(move |tx| tx.first(sql, vec![Value::Text(name.to_owned())])?.unwrap().i64(0));
    let scans: Result<i64, DbError> = read.await;
    scans.unwrap()
}

/// SQLite's plans are seen beside the statement.
#[tokio::test]
async fn each_filter_has_its_index_on_postgresql() {
    let world = World::on(Kind::Postgres).await;
    lines(&world, (0..2_000).collect()).await;
    for (name, query) in [
        ("audit_by_subject", "subject=7"),
        ("audit_by_action", "action=action-7"),
        ("audit_by_actor", "actor_id=actor-7"),
    ] {
        let before = scans(&world, name).await;
        assert_eq!(found(&world, query).await, BTreeSet::from([7]), "{query}");
        // The server counts up to a second late.
        let began = Instant::now();
        while scans(&world, name).await == before {
            assert!(began.elapsed() < Duration::from_secs(20), "{query} is not looked up by {name}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
