//! A sandbox that runs as long as a test needs it, and writes down what it is asked, if that is wanted.

use purser::platform::clock::Clock;
use purser_stripe_sim::{Clock as SandboxClock, Sandbox, Settings};
use std::{net::SocketAddr, path::PathBuf};
use tokio::{net::TcpListener, task::AbortHandle};

/// A sandbox that ends when this is dropped.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    task: AbortHandle,
}

impl Running {
    /// Starts one of `seed`, whose clock is `clock`; what it is asked is written to `record`.
    #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
    pub async fn start(seed: u64, clock: Clock, record: Option<PathBuf>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let going = SandboxClock::Going(Box::new(move || clock.now().micros().div_euclid(1_000_000)));
        let settings = Settings { seed, clock: going, load: None, record };
        let sandbox = Sandbox::new(settings, &format!("http://{address}")).unwrap();
        let task = tokio::task::spawn(sandbox.serve(listener)).abort_handle();
        Self { address, task }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
