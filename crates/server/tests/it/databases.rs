//! Databases of tests: the tables are made once in this process and then copied, since making them takes longer than most
//! tests do.

use crate::{
    postgres::Postgres,
    world::{Kind, clock},
};
use purser::platform::db::{Db, DbConfig};
use std::{
    ffi::OsString,
    fs,
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::OnceCell;

/// How the cluster of these tests differs: no test here takes its power away, and its databases, one for each test, are not
/// there long enough to be cleaned up.
const SETTINGS: &[&str] = &["fsync=off", "full_page_writes=off", "autovacuum_naptime=10min"];

/// A database as it stood when it was closed.
#[derive(Debug)]
pub enum Template {
    /// SQLite's files, by their names.
    Files(Vec<(OsString, Vec<u8>)>),
    /// The name of a database in the cluster.
    Database(String),
}

/// The cluster of all tests of this process.
pub fn cluster() -> &'static Postgres {
    static CLUSTER: OnceLock<Postgres> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let cluster = Postgres::make(&[]);
        cluster.up_with::<&str>(SETTINGS, &[]);
        cluster
    })
}

/// A database of its own with all tables; its URL. One of SQLite goes into `folder`.
pub async fn fresh(kind: Kind, folder: &Path) -> String {
    static SQLITE: OnceCell<Template> = OnceCell::const_new();
    static POSTGRES: OnceCell<Template> = OnceCell::const_new();
    let template = match kind {
        Kind::Sqlite => &SQLITE,
        Kind::Postgres => &POSTGRES,
    };
    template.get_or_init(|| migrated(kind)).await.copy(folder).await
}

/// A database with all tables, closed.
async fn migrated(kind: Kind) -> Template {
    let folder = tempfile::tempdir().unwrap();
    let url = match kind {
        Kind::Sqlite => sqlite(folder.path()),
        Kind::Postgres => tokio::task::spawn_blocking(|| cluster().database()).await.unwrap(),
    };
    let db = Db::open(DbConfig { url: url.clone(), ..DbConfig::default() }, clock()).unwrap();
    db.migrate().await.unwrap();
    db.close().await;
    Template::of(&url, folder.path())
}

/// The URL of the SQLite file in `folder`.
fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("purser.db").display())
}

/// The name of a database in the cluster by its URL; none for one of SQLite.
fn name(url: &str) -> Option<&str> {
    url.strip_prefix("postgres:///")?.split('?').next()
}

/// Has the cluster do this.
async fn cluster_does(sql: String) {
    let done = tokio::task::spawn_blocking(move || cluster().psql(&cluster().url("postgres"), &sql));
    assert_eq!(done.await.unwrap(), "");
}

/// Takes the database of this URL away, if it is in the cluster: a folder goes with its test.
pub async fn take_away(url: &str) {
    if let Some(name) = name(url) {
        cluster_does(format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}

impl Template {
    /// What stands under this URL, or in `folder` if it is of SQLite. Nobody may have it open.
    pub fn of(url: &str, folder: &Path) -> Self {
        if let Some(name) = name(url) {
            return Self::Database(name.to_owned());
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            // The index of the log is made anew from the log.
            if name.starts_with("purser.db") && !name.ends_with("-shm") {
                files.push((entry.file_name(), fs::read(entry.path()).unwrap()));
            }
        }
        Self::Files(files)
    }

    /// A copy of it, which goes into `folder` if it is of SQLite; its URL.
    pub async fn copy(&self, folder: &Path) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        match self {
            Self::Files(files) => {
                for (name, bytes) in files {
                    fs::write(folder.join(name), bytes).unwrap();
                }
                sqlite(folder)
            }
            Self::Database(template) => {
                let name = format!("copy{}", COUNT.fetch_add(1, Ordering::SeqCst));
                cluster_does(format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                cluster().url(&name)
            }
        }
    }
}
