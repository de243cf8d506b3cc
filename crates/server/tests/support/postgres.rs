//! A private PostgreSQL for tests: made in a temporary folder, gone when the test process ends.
//!
//! Tests that need it fail, saying how to install it, when it is not there; they never skip.

use std::{
    ffi::OsStr,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// Runs the server, and ends it and removes its folder once the test process closes our end of the pipe,
/// however that process ends.
const KEEPER: &str = r#"
"$@" >"$PURSER_PG_DIR/log" 2>&1 &
server=$!
word=$(cat)
kill -INT $server 2>/dev/null
wait $server
[ "$word" = keep ] || rm -rf "$PURSER_PG_DIR"
"#;

/// A cluster of its own. Dropped, it stops and its folder goes.
pub struct Postgres {
    /// Its folder: `data`, the socket and the log.
    pub dir: PathBuf,
    bin: PathBuf,
    keeper: Mutex<Option<Child>>,
}

/// The cluster shared by all tests of this process.
pub fn shared() -> &'static Postgres {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    SHARED.get_or_init(Postgres::start)
}

impl Postgres {
    /// Makes a cluster and starts it.
    pub fn start() -> Self {
        let cluster = Self::make(&[]);
        cluster.up();
        cluster
    }

    /// Makes a cluster, with more arguments for `initdb`; `up` starts it.
    pub fn make(initdb: &[&str]) -> Self {
        let bin = binaries();
        let dir = tempfile::Builder::new().prefix("purser-pg").tempdir().expect("a temporary folder").keep();
        if root() {
            let done = Command::new("chown").arg("postgres").arg(&dir).status().expect("chown runs");
            assert!(done.success(), "the folder can be given to the user postgres");
        }
        let cluster = Self { dir, bin, keeper: Mutex::new(None) };
        let made = cluster
            .command("initdb")
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(cluster.dir.join("data"))
            .args(initdb)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        cluster
    }

    /// A new, empty database; answers its URL.
    pub fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::SeqCst));
        self.psql(&self.url("postgres"), &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of database `name`.
    pub fn url(&self, name: &str) -> String {
        format!("postgres:///{name}?host={}&user=postgres", self.dir.display())
    }

    /// Runs `sql` by psql in the database of `url`; answers what it prints, unaligned.
    pub fn psql(&self, url: &str, sql: &str) -> String {
        let out = self.command("psql").args(["-X", "-A", "-t", "-q", "-c", sql, url]).output().expect("psql runs");
        assert!(out.status.success(), "psql: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    /// Starts the server of this cluster (again) and waits until it answers.
    pub fn up(&self) {
        self.up_with::<&str>(&[], &[]);
    }

    /// The same with more settings, and with environment variables.
    pub fn up_with<T: AsRef<OsStr>>(&self, settings: &[&str], env: &[(&str, T)]) {
        let env = || env.iter().map(|(name, value)| (name, value));
        let mut keeper = self.keeper.lock().expect("not poisoned");
        assert!(keeper.is_none(), "the server runs already");
        let mut server = vec!["-D".to_owned(), self.dir.join("data").display().to_string()];
        server.extend(["-k".to_owned(), self.dir.display().to_string()]);
        let usual = ["listen_addresses=", "fsync=on", "max_connections=200", "shared_buffers=256MB"];
        for setting in usual.iter().chain(settings) {
            server.extend(["-c".to_owned(), (*setting).to_owned()]);
        }
        let command = self.command("postgres");
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(KEEPER).arg("keeper").arg(command.get_program()).args(command.get_args()).args(server);
        shell.env("PURSER_PG_DIR", &self.dir).stdin(Stdio::piped()).current_dir("/");
        shell.envs(env());
        *keeper = Some(shell.spawn().expect("sh runs"));
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let mut look = self.command("pg_isready");
            let ready = look.arg("-q").arg("-h").arg(&self.dir).envs(env()).status().expect("pg_isready runs");
            if ready.success() {
                return;
            }
            assert!(Instant::now() < until, "PostgreSQL did not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server as an operator would (running statements are ended); `up` starts it again.
    pub fn down(&self) {
        if let Some(mut child) = self.keeper.lock().expect("not poisoned").take() {
            if let Some(mut pipe) = child.stdin.take() {
                pipe.write_all(b"keep").expect("the keeper listens");
            }
            child.wait().expect("the keeper ends");
        }
    }

    /// What the server logged.
    fn log(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = std::fs::File::open(self.dir.join("log")) {
            let _ = file.read_to_string(&mut text);
        }
        text
    }

    /// A PostgreSQL program, or another by its whole path, run as `postgres` when we are root (it refuses to run as root).
    pub fn command(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        let mut command = if root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir("/");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.down();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Whether we are root.
fn root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// The folder of PostgreSQL's programs: the newest of Debian's, else that of `PATH`.
fn binaries() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    if let Some((_, bin)) = found.pop() {
        return bin;
    }
    let path = Command::new("sh").args(["-c", "command -v initdb"]).output().expect("sh runs");
    let path = String::from_utf8_lossy(&path.stdout).trim().to_owned();
    let parent = Path::new(&path).parent().filter(|_| !path.is_empty());
    parent
        .expect("these tests need PostgreSQL 15 or newer: run `cargo xtask setup`, or `apt-get install postgresql`")
        .to_path_buf()
}
