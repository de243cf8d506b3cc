//! API keys: wrong, missing, revoked, expired, of the wrong role; and no secret is ever shown.

use crate::{
    client::{Answer, Client},
    server::{ADMIN, Server, Start, said, until},
    store::{Kind, Store, on_both},
};
use serde_json::json;

on_both!(keys_open_what_their_role_allows, no_secret_is_logged);

/// What an answer says about a key.
fn verdict(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

/// A balance read and a spend with one key.
fn tries(client: &Client, key: Option<&str>) -> [(u16, String); 3] {
    let client = client.with_key(key);
    [
        verdict(&client.get("/customers/acme/balance")),
        verdict(&client.post("/consume", &json!({"customer_id": "acme", "amount": 1, "idempotency_key": "k"}))),
        verdict(&client.get("/admin/keys")),
    ]
}

/// Makes a key by the command line; answers its id and secret.
fn create(start: &Start, role: &str, more: &[&str]) -> (String, String) {
    let mut words = vec!["keys", "create", "--role", role, "--name", "a-test"];
    words.extend(more);
    let output = start.run(&words);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    let word = |prefix: &str| text.split_whitespace().find(|word| word.starts_with(prefix)).map(str::to_owned);
    let id = word("key_").unwrap_or_else(|| panic!("no id in {text}"));
    let secret = word("pk_").unwrap_or_else(|| panic!("no secret in {text}"));
    (id, secret)
}

/// Makes an admin key that ends soon, and waits until it has.
fn expired(start: &Start, client: &Client) -> (String, String) {
    let now = client.post("/admin/keys", &json!({"name": "probe", "role": "read"})).expect(200);
    let now: jiff::Timestamp = now["created_at"].as_str().expect("an instant").parse().expect("RFC 3339");
    let soon = (now + jiff::SignedDuration::from_secs(2)).to_string();
    let key = create(start, "admin", &["--expires-at", &soon]);
    until("the key expires", || client.with_key(Some(&key.1)).get("/admin/keys").status == 401);
    key
}

fn keys_open_what_their_role_allows(kind: Kind) {
    let store = Store::new(kind);
    let start = Start::on(&store);
    let mut servers = vec![start.serve()];
    if kind == Kind::Postgres {
        servers.push(start.serve());
    }
    let clients: Vec<Client> = servers.iter().map(Server::client).collect();
    clients[0].grant("acme", 100, "first");
    let ok = || (200, String::new());
    let no = |code: &str| (401, code.to_owned());
    let role = || (403, "role_not_allowed".to_owned());
    let (_, read) = create(&start, "read", &[]);
    let (id, service) = create(&start, "service", &[]);
    let (_, expired) = expired(&start, &clients[0]);
    for client in &clients {
        assert_eq!(tries(client, Some(ADMIN)), [ok(), ok(), ok()]);
        assert_eq!(tries(client, Some(&service)), [ok(), ok(), role()]);
        assert_eq!(tries(client, Some(&read)), [ok(), role(), role()]);
        assert_eq!(tries(client, None), [(); 3].map(|()| no("missing_api_key")));
        for wrong in ["", "x", &service[..service.len() - 1], &format!("{service}0"), &expired, &ADMIN.to_uppercase()] {
            for answer in tries(client, Some(wrong)) {
                assert!(
                    answer == no("invalid_api_key") || (wrong.is_empty() && answer.0 == 401),
                    "{wrong}: {answer:?}"
                );
            }
        }
    }
    // Revoked on one node: the next request on each is refused.
    let answer = clients[0].post(&format!("/admin/keys/{id}/revoke"), &json!({}));
    assert_eq!(answer.status, 200, "{answer:?}");
    for client in &clients {
        assert_eq!(tries(client, Some(&service)), [(); 3].map(|()| no("invalid_api_key")));
    }
}

fn no_secret_is_logged(kind: Kind) {
    let store = Store::new(kind);
    let canaries = ["canary-signing-0123456789abcdef0123456789", "canary-cron-0123456789abcdef0123456789ab"];
    let start =
        Start::on(&store).env("RUST_LOG", "trace").env("PURSER_SECRET", canaries[0]).env("CRON_SECRET", canaries[1]);
    let (_, service) = create(&start, "service", &[]);
    let mut server = start.serve();
    let client = server.client();
    client.grant("acme", 100, "first");
    tries(&client, Some(&service));
    let wrong = "pk_canary-wrong-key-0123456789abcdef";
    tries(&client, Some(wrong));
    let cron = client.with_key(Some(canaries[1])).post_root("/api/cron/expire-grants");
    assert_eq!(cron.status, 200, "{cron:?}");
    let doctor = said(&start.run(&["doctor"]));
    assert!(server.terminate().success());
    let log = server.log();
    assert!(log.contains("listening"), "there is a log to look into: {log}");
    for secret in canaries.iter().copied().chain([ADMIN, &service, wrong]) {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!doctor.contains(secret), "doctor shows {secret}");
    }
    let stored = store.ask("SELECT id, name, role, secret_hash, hint FROM api_keys");
    assert!(!stored.contains(&service), "the key stands in the database in clear");
}
