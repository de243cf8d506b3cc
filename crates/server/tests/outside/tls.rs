//! PostgreSQL over TLS: verified whenever it is asked for, and no password shown on the way.

use crate::{
    postgres::Postgres,
    server::{Start, said},
};
use serde_json::json;
use std::{fs, net::TcpListener};

/// In every URL here, and never to be seen again.
const PASSWORD: &str = "canary-in-the-url";

/// What `openssl` makes the certificate from: for one name, signed by itself.
const REQUEST: &str = "[req]\ndistinguished_name=who\nx509_extensions=what\nprompt=no\n[who]\nCN=localhost\n\
    [what]\nsubjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\n";

#[test]
fn tls_is_verified_whenever_it_is_asked_for() {
    let (cluster, port) = cluster_with_a_certificate();
    let database = format!("postgres:///postgres?host={}&port={port}&user=postgres", cluster.dir.display());
    cluster.psql(&database, "CREATE DATABASE mine");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let own = format!("sslrootcert={}", cluster.dir.join("server.crt").display().to_string().replace('/', "%2F"));
    let at = |host: &str, query: &str| {
        let url = format!("postgres://postgres:{PASSWORD}@{host}:{port}/mine?{query}");
        Start::at(&url, folder.path()).env("RUST_LOG", "trace")
    };

    for mode in ["require", "verify-ca", "verify-full"] {
        let start = at("localhost", &format!("sslmode={mode}&{own}"));
        let server = start.serve();
        server.client().grant("acme", 100, mode);
        let spend = json!({"customer_id": "acme", "amount": 1, "idempotency_key": mode});
        server.client().post("/consume", &spend).expect(200);
        let sql = "SELECT bool_and(ssl), count(*) > 5 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE application_name = 'purser'";
        assert_eq!(cluster.psql(&database, sql), "t|t", "{mode}: every connection is encrypted");
        assert!(!server.log().contains(PASSWORD), "{mode}: the log shows the password");

        // Nobody the web trusts signed it, and it is for another name.
        for (host, query) in [("localhost", format!("sslmode={mode}")), ("127.0.0.1", format!("sslmode={mode}&{own}"))]
        {
            is_refused(&at(host, &query), "certificate");
        }
    }
    let none = "sslmode=require&sslrootcert=/nowhere/to/be/found.crt";
    is_refused(&at("localhost", none), "/nowhere/to/be/found.crt");
    is_refused(
        &at("localhost", &format!("sslmode=require&sslrootcert={}", cluster.dir.join("empty").display())),
        "none",
    );
    is_refused(&at("localhost", "sslmode=allow"), "cannot be read");

    // Without asking there is none, as the guide says.
    let server = at("localhost", "sslmode=disable").serve();
    let sql = "SELECT bool_or(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
               WHERE application_name = 'purser'";
    assert_eq!(cluster.psql(&database, sql), "f");
    assert!(!server.log().contains(PASSWORD), "the log shows the password");
}

/// Neither `migrate` nor `doctor` goes on; both say why, without the password.
fn is_refused(start: &Start, why: &str) {
    for command in ["migrate", "doctor"] {
        let output = start.run(&[command]);
        let said = said(&output);
        assert!(!output.status.success() && said.contains(why), "{command}: {said}");
        assert!(!said.contains(PASSWORD), "{command} shows the password: {said}");
    }
}

/// A running cluster that listens on a port of its own with a certificate signed by itself; and the port.
fn cluster_with_a_certificate() -> (Postgres, u16) {
    let cluster = Postgres::make(&[]);
    let at = |name: &str| cluster.dir.join(name).display().to_string();
    fs::write(at("request"), REQUEST).expect("a file");
    fs::write(at("empty"), "").expect("a file");
    // Run as the user of the cluster, so that the key is that user's alone.
    let mut openssl = cluster.command("/usr/bin/env");
    openssl.args(["openssl", "req", "-x509", "-days", "2", "-nodes", "-newkey", "ec"]);
    openssl.args(["-pkeyopt", "ec_paramgen_curve:P-256", "-config", &at("request")]);
    openssl.args(["-keyout", &at("server.key"), "-out", &at("server.crt")]);
    let made = openssl.output().expect("openssl runs");
    assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("a free port").port();
    let (key, certificate) =
        (format!("ssl_key_file={}", at("server.key")), format!("ssl_cert_file={}", at("server.crt")));
    cluster.up_with(&["listen_addresses=127.0.0.1", "ssl=on", &key, &certificate], &[("PGPORT", port.to_string())]);
    (cluster, port)
}
