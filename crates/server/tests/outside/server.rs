//! One running `purser serve`: started on a free port, waited for, killed or stopped, started again.

use crate::{client::Client, store::Store};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{File, OpenOptions},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

/// The admin key every server of the tests accepts from the start.
pub const ADMIN: &str = "an-admin-key-for-tests-0123456789abcdef";

/// How long anything may take before a test gives up: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Killed when dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

/// How a server is started.
pub struct Start {
    database: String,
    folder: PathBuf,
    env: Vec<(String, String)>,
}

impl Start {
    /// On the database of `store`, in its folder.
    pub fn on(store: &Store) -> Self {
        Self::at(&store.url, store.folder.path())
    }

    /// On the database at `url`, in `folder`.
    pub fn at(url: &str, folder: &Path) -> Self {
        Self { database: url.to_owned(), folder: folder.to_owned(), env: Vec::new() }
    }

    /// The same, with an environment variable.
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    /// The command `purser ARGS` with these settings.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_purser"));
        command.args(args).current_dir(&self.folder).stdin(Stdio::null());
        command.env("PURSER_DATABASE_URL", &self.database).env("PURSER_BOOTSTRAP_KEY", ADMIN);
        // Without the default book nobody has an allowance: what a test gives is all there is.
        command.env("PURSER_DEFAULT_PRICE_BOOK", "false");
        command.env("RUST_LOG", "info").envs(self.env.iter().cloned());
        command
    }

    /// Runs `purser ARGS` to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("purser runs")
    }

    /// `purser verify`, which must prove the ledger.
    pub fn verify(&self) {
        let output = self.run(&["verify"]);
        assert!(output.status.success(), "verify: {}", said(&output));
    }

    /// Starts the server and waits until it is ready.
    pub fn serve(&self) -> Server {
        self.serve_as(&["serve"])
    }

    /// The same by `purser ARGS`.
    pub fn serve_as(&self, args: &[&str]) -> Server {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut server = self.spawn_as(args);
            match server.until_ready() {
                Ok(()) => return server,
                // Somebody else took the port between our look and the server's.
                Err(why) if tries < 4 && why.contains("in use") => {}
                Err(why) => panic!("the server did not get ready: {why}"),
            }
        }
    }

    /// The same with one more environment variable.
    pub fn serve_with(&self, name: &str, value: impl ToString) -> Server {
        self.with(name, value).serve()
    }

    /// Starts a server that crashes at `point:turn`, and does not wait. It does no work in the background, so
    /// that a turn is the same write each time.
    pub fn spawn_to_crash(&self, at: impl ToString) -> Server {
        self.with("PURSER_CRASH_AT", at).spawn_as(&["serve", "--role", "web"])
    }

    fn with(&self, name: &str, value: impl ToString) -> Self {
        Self { database: self.database.clone(), folder: self.folder.clone(), env: self.env.clone() }.env(name, value)
    }

    /// Starts the server and waits until it listens, ready to write or not.
    pub fn spawn_until_alive(&self) -> Server {
        let server = self.spawn();
        until("the server listens", || server.client().get_root("/healthz").is_ok());
        server
    }

    /// Starts `purser demo` and waits until it is ready.
    pub fn demo(&self) -> Server {
        let mut server = self.spawn_as(&["demo"]);
        server.until_ready().unwrap_or_else(|why| panic!("the demo did not get ready: {why}"));
        server
    }

    /// Starts the server and does not wait.
    pub fn spawn(&self) -> Server {
        self.spawn_as(&["serve"])
    }

    fn spawn_as(&self, args: &[&str]) -> Server {
        let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("a free port");
        let log = self.folder.join(format!("server-{}.log", address.port()));
        let file = OpenOptions::new().create(true).append(true).open(&log).expect("a log file");
        let child = self
            .command(args)
            .env("PURSER_LISTEN", address.to_string())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .expect("purser starts");
        Server { child, log, url: format!("http://{address}") }
    }
}

impl Server {
    /// A client with the admin key.
    pub fn client(&self) -> Client {
        Client::new(&self.url, ADMIN)
    }

    /// Waits until `/readyz` says yes.
    pub fn until_ready(&mut self) -> Result<(), String> {
        let client = self.client();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if client.get_root("/readyz").is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().expect("its state is known") {
                return Err(format!("it ended with {status}\n{}", self.log()));
            }
            if Instant::now() > deadline {
                return Err(format!("not after {PATIENCE:?}\n{}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it has ended by itself; answers how.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("its state is known") {
                return status;
            }
            assert!(Instant::now() < deadline, "still there after {PATIENCE:?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// kill -9, as a power cut for this process.
    pub fn kill_9(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is gone");
    }

    /// SIGTERM, and what it ended with.
    pub fn terminate(&mut self) -> ExitStatus {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), Signal::SIGTERM).expect("it can be told");
        self.ended()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        let read = File::open(&self.log).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_or_else(|error| error.to_string(), |_| String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a finished command printed, both ways.
pub fn said(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    format!("{} {out}{err}", output.status)
}

/// Waits until `condition` holds; fails the test when it does not come true in time.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Compiles a C file of these tests into a library in `folder` that is put before the C library with `LD_PRELOAD`.
pub fn preload(source: &str, folder: &Path) -> PathBuf {
    let library = folder.join("layer.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside").join(source);
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compiler.status().expect("a C compiler runs").success(), "the layer compiles");
    library
}
