//! API keys: roles, expiry, revocation at once, and that secrets are stored only as hashes.

use crate::world::{ADMIN, BOTH, CRON, Kind, World};
use purser::platform::db::{DbError, Value};

#[tokio::test]
async fn a_key_counts_until_it_is_revoked_and_not_a_request_longer() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let (id, secret) = world.key("service").await;
        let path = "/api/v1/customers/acme";
        assert_eq!(world.ask(&secret, "PUT", path, "{}").await.status, 200);
        world.admin("POST", &format!("/api/v1/admin/keys/{id}/revoke"), "").await;
        let refused = world.ask(&secret, "GET", path, "").await;
        assert_eq!((refused.status, refused.error().0.as_str()), (401, "invalid_api_key"));
        assert_eq!(refused.headers["www-authenticate"], "Bearer realm=\"purser\"");
        // Revoking again answers the same and writes nothing.
        world.admin("POST", &format!("/api/v1/admin/keys/{id}/revoke"), "").await;
        let trail = world.admin("GET", &format!("/api/v1/admin/audit?subject={id}"), "").await;
        assert_eq!(trail["data"].as_array().unwrap().len(), 2);
    }
}

/// Until its wait is over it is not even looked up: that it was revoked meanwhile does not show yet.
#[tokio::test]
async fn a_key_over_its_limit_is_refused_without_a_look() {
    for kind in BOTH {
        let world = World::with(kind, |config| config.requests_per_key = 2).await;
        let (id, secret) = world.key("read").await;
        let ask = async || world.ask(&secret, "GET", "/api/v1/customers", "").await.status;
        assert_eq!((ask().await, ask().await, ask().await), (200, 200, 429));
        world.admin("POST", &format!("/api/v1/admin/keys/{id}/revoke"), "").await;
        let began = std::time::Instant::now();
        assert_eq!(ask().await, 429);
        assert!(began.elapsed().as_millis() >= 50, "a refusal is held back, so that a flood is slowed");
    }
}

#[tokio::test]
async fn an_expired_key_does_not_count() {
    let world = World::on(Kind::Sqlite).await;
    let body = r#"{"name":"short","role":"read","expires_at":"2026-11-21T04:01:00Z"}"#;
    let made = world.admin("POST", "/api/v1/admin/keys", body).await;
    let secret = made["secret"].as_str().unwrap();
    let path = "/api/v1/customers";
    world.clock.advance(59_999_999);
    assert_eq!(world.ask(secret, "GET", path, "").await.status, 200);
    world.clock.advance(1);
    assert_eq!(world.ask(secret, "GET", path, "").await.error().0, "invalid_api_key");
    let past = world.ask(ADMIN, "POST", "/api/v1/admin/keys", body).await;
    assert_eq!(past.error(), ("invalid_field".into(), Some("expires_at".into())));
}

#[tokio::test]
async fn every_role_may_do_what_is_its_own_and_no_more() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let (_, read) = world.key("read").await;
        let (_, service) = world.key("service").await;
        let (_, admin) = world.key("admin").await;
        for (method, path, body, least) in [
            ("GET", "/api/v1/customers", "", 0),
            ("PUT", "/api/v1/customers/acme", "{}", 1),
            ("DELETE", "/api/v1/customers/gone", "", 1),
            ("POST", "/api/v1/consume", "{}", 1),
            ("GET", "/api/v1/admin/keys", "", 2),
            ("GET", "/api/v1/admin/audit", "", 2),
            ("POST", "/api/v1/admin/keys", "{}", 2),
            ("POST", "/api/v1/customers/acme/debt/forgive", "{}", 2),
        ] {
            for (rank, key) in [&read, &service, &admin].into_iter().enumerate() {
                let answer = world.ask(key, method, path, body).await;
                assert_eq!(answer.status == 403, rank < least, "{method} {path} as {rank}: {}", answer.text);
            }
            let none = world.ask("", method, path, body).await;
            assert_eq!((none.status, none.error().0.as_str()), (401, "missing_api_key"));
            let wrong = world.ask("pk_wrong", method, path, body).await;
            assert_eq!((wrong.status, wrong.error().0.as_str()), (401, "invalid_api_key"));
        }
    }
}

#[tokio::test]
async fn only_the_hash_of_a_secret_is_stored_and_found_by() {
    for kind in BOTH {
        let world = World::on(kind).await;
        let (_, secret) = world.key("read").await;
        let expected = purser::platform::auth::hash(&secret).to_vec();
        let stored = world.app.db().read(|tx| tx.query("SELECT secret_hash, hint, name FROM api_keys", vec![])).await;
        let rows = stored.map_err(|error: DbError| error).unwrap();
        assert_eq!(rows[0].0[0], Value::Bytes(expected));
        assert!(secret.ends_with(rows[0].text(1).unwrap()));
        let listed = world.ask(ADMIN, "GET", "/api/v1/admin/keys", "").await;
        assert!(!listed.text.contains(&secret) && !listed.text.contains("\"secret\""));
        // A secret's own hash is no key.
        let hash: String = purser::platform::auth::hash(&secret).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(world.ask(&hash, "GET", "/api/v1/customers", "").await.status, 401);
    }
}

#[tokio::test]
async fn cron_takes_its_secret_and_nothing_else() {
    for kind in BOTH {
        let world = World::on(kind).await;
        for method in ["GET", "POST"] {
            for job in ["expire-grants", "reset-credits", "sync-balances"] {
                let path = format!("/api/cron/{job}");
                let done = world.ask(CRON, method, &path, "").await;
                assert_eq!(done.status, 200, "{}", done.text);
                assert_eq!(done.json()["job"], job);
                assert_eq!(world.ask(ADMIN, method, &path, "").await.status, 401);
                assert_eq!(world.ask("", method, &path, "").await.status, 401);
            }
        }
        assert_eq!(world.ask(CRON, "POST", "/api/cron/nothing", "").await.status, 404);
    }
}

#[tokio::test]
async fn when_a_key_was_last_used_is_known_to_the_minute() {
    let world = World::on(Kind::Sqlite).await;
    let (_, secret) = world.key("read").await;
    assert_eq!(world.ask(&secret, "GET", "/api/v1/customers", "").await.status, 200);
    world.app.uses().settled().await;
    let listed = world.admin("GET", "/api/v1/admin/keys", "").await;
    assert_eq!(listed["data"][0]["last_used_at"], "2026-11-21T04:00:00Z");
}
