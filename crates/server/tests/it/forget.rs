//! Idempotency keys are remembered for their time and forgotten after it; what they did stays.

use crate::world::{ADMIN, BOTH, World};
use purser::features::credits::{forget_keys, verify};
use serde_json::Value;

#[tokio::test]
async fn keys_are_forgotten_after_their_time_and_not_before() {
    for kind in BOTH {
        let world = World::on(kind).await;
        world.admin("POST", "/api/v1/customers/acme/grants", r#"{"amount": 10, "source_id": "start"}"#).await;
        for n in 0..1_500 {
            let body = format!(r#"{{"customer_id": "acme", "amount": 0.001, "idempotency_key": "key-{n}"}}"#);
            assert_eq!(spend(&world, &body).await["replayed"], false, "{kind:?}");
        }
        let body = r#"{"customer_id": "acme", "amount": 0.001, "idempotency_key": "key-7"}"#;
        // The grant's source is a key too.
        let (db, now) = (world.app.db(), world.clock.now());

        let kept = forget_keys(db, now.plus_seconds(-3_600)).await.unwrap();
        assert_eq!((kept.keys, kept.dropped), (1_501, 0), "{kind:?}");
        assert_eq!(spend(&world, body).await["replayed"], true, "{kind:?}");

        let gone = forget_keys(db, now.plus_seconds(1)).await.unwrap();
        assert_eq!((gone.keys, gone.dropped), (1_501, 1_501), "{kind:?}");
        let anew = spend(&world, body).await;
        assert_eq!(
            (&anew["replayed"], &anew["balance"]["available"]),
            (&Value::from(false), &Value::from(8.499)),
            "{kind:?}"
        );
        assert!(verify(db, |_, _| ()).await.unwrap().flaws.is_empty(), "{kind:?}");
    }
}

async fn spend(world: &World, body: &str) -> Value {
    let answer = world.ask(ADMIN, "POST", "/api/v1/consume", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}
