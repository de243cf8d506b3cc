//! The listener: connections are taken, bounded, given time limits, and let finish when the server stops.

use crate::{
    config::Config,
    platform::{metrics::Lasting, work::Tasks},
};
use axum::{Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tower::ServiceExt;

/// The most connections at once; more wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 16_384;
/// The longest a connection may take to send a request's head, sit idle between two, or leave an answer unread.
const LONGEST_PATIENCE: Duration = Duration::from_secs(30);
/// The most headers, and the most bytes of them.
const MOST_HEADERS: usize = 64;
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// Takes a place to listen at.
///
/// # Errors
/// A sentence that says why not and what to do.
pub async fn bind(listen: &str) -> Result<TcpListener, String> {
    TcpListener::bind(listen).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("The address {listen} is in use. Stop what uses it, or listen elsewhere with --listen.")
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("Listening on {listen} is not permitted. Use a port over 1023, or run with the right to.")
        }
        _ => format!("Cannot listen on {listen}: {error}. Give --listen an address and port, such as 127.0.0.1:8080."),
    })
}

/// Serves `router` on `listener` until `tasks` are asked to stop, then lets what is in hand finish, at most as long
/// as `config` gives it.
pub async fn serve(listener: TcpListener, router: Router, tasks: &Tasks, config: &Config) {
    // Where a request may take less, so may its parts.
    let patience = config.request_timeout().min(LONGEST_PATIENCE);
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, (stream, address)) = tokio::select! {
            biased;
            () = tasks.stopping() => break,
            (place, accepted) = next => match accepted {
                Ok(accepted) => (place, accepted),
                Err(error) => {
                    // Out of file descriptors, mostly: breathe, so that others can close.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let counted = Lasting::new(metrics::gauge!("purser_http_connections"));
        let connection = graceful.watch(connection(stream, address, router.clone(), patience));
        tasks.spawn("connection", async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop((place, counted));
        });
    }
    drop(listener);
    let grace = Duration::from_secs(config.grace_seconds);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
}

/// One connection, with its limits.
fn connection(
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    patience: Duration,
) -> http1::Connection<
    TokioIo<TcpStream>,
    impl hyper::service::HttpService<
        hyper::body::Incoming,
        ResBody = axum::body::Body,
        Error = std::convert::Infallible,
        Future: Send,
    >,
> {
    let _answers_leave_at_once = stream.set_nodelay(true);
    // Hyper waits for ever for a peer that does not read; the kernel need not.
    #[cfg(target_os = "linux")]
    let _unread_answers_end = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(patience));
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(address));
        request.map(axum::body::Body::new)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_headers(MOST_HEADERS)
        .max_buf_size(MOST_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
}
