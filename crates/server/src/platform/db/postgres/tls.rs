//! TLS to PostgreSQL: asked for in the URL as elsewhere, and the server's certificate and name always verified.

use crate::platform::db::DbError;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use std::{path::Path, sync::Arc};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Takes what is about TLS, and unknown to the driver, out of a URL: `verify-ca` and `verify-full` become `require`,
/// which asks for no less here; answers the URL and the file of `sslrootcert`.
pub(super) fn taken_from(url: &str) -> Result<(String, Option<String>), DbError> {
    let Some((address, query)) = url.split_once('?') else { return Ok((url.to_owned(), None)) };
    let mut roots = None;
    let mut kept = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", "verify-ca" | "verify-full")) => kept.push("sslmode=require".to_owned()),
            Some(("sslrootcert", path)) => roots = Some(decoded(path)?),
            _ => kept.push(pair.to_owned()),
        }
    }
    Ok((format!("{address}?{}", kept.join("&")), roots))
}

/// A value of a URL with its `%XX` resolved.
fn decoded(value: &str) -> Result<String, DbError> {
    let wrong = || DbError::Bug("sslrootcert in the database's URL cannot be read: it must be a path".into());
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.as_bytes());
        let hex = after.get(..2).ok_or_else(wrong)?;
        bytes.push(u8::from_str_radix(hex, 16).map_err(|_| wrong())?);
        rest = &after[2..];
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// TLS that trusts the certificates in the PEM file `roots`, or without one the web's certificate authorities.
pub(super) fn connector(roots: Option<&str>) -> Result<MakeRustlsConnect, DbError> {
    let trusted = match roots {
        Some(path) => own(Path::new(path))?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DbError::Bug(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// The certificates in a PEM file.
fn own(path: &Path) -> Result<RootCertStore, DbError> {
    let wrong = |why: String| DbError::Bug(format!("the certificates of sslrootcert, {}, {why}", path.display()));
    let mut trusted = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        trusted.add(certificate).map_err(|error| wrong(format!("cannot be used: {error}")))?;
    }
    if trusted.is_empty() { Err(wrong("hold none".into())) } else { Ok(trusted) }
}
