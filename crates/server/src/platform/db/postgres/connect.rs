//! How a connection to PostgreSQL is made, and what is set on it.

use super::{conn::Conn, error::said, tls};
use crate::platform::db::DbError;
use std::{rc::Rc, time::Duration};
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_postgres::{Client, Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Longest a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// Where the database is. Its `Debug` is left out: it holds a password.
#[derive(Clone)]
pub(in crate::platform::db) struct Settings {
    config: Config,
    /// How TLS is spoken, where the URL asks for it.
    tls: Option<MakeRustlsConnect>,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::platform::db) enum Role {
    /// Reads at one moment.
    Read,
    /// Units of work.
    Write,
    /// Batches of a hot path.
    Lane,
    /// Migrations, and looking at the clock.
    Aside,
}

impl Role {
    /// What is set on the connection. Every wait ends by itself.
    ///
    /// The bulk verbs find rows by `(SELECT unnest(…)) JOIN t` (or `UPDATE … FROM`) on the whole key. At 50 analysed
    /// rows EXPLAIN shows what is chosen: a hash join over a sequential scan; with only sequential scans off, a hash or
    /// a merge join over the whole index; with any two off, the third; with all three off, a nested loop that looks
    /// each key up. At 50,000 rows it is that loop in any case. A plan once prepared stays until the table is analysed
    /// again, which may be a million rows later: so all three are off. At no rows, analysed, it is still the whole
    /// table against the keys; so plans are thrown away now and then (`Conn::plan_anew`).
    ///
    /// Since no other plan is wanted, statements are planned once: PostgreSQL prefers to plan those with short arrays
    /// each time, which took two thirds of the time of a single write.
    ///
    /// No plan is compiled (`jit`): that pays for queries of seconds and is done anew at each run. Before PostgreSQL 18
    /// a plan that needs what is off here is taken for such a query, since it counts 10^10 more.
    ///
    /// All this by `SET`, once the connection is made: poolers refuse parameters at start-up that they do not know.
    const fn setup(self) -> &'static str {
        match self {
            Self::Read => {
                "SET default_transaction_read_only = on; SET jit = off; SET plan_cache_mode = force_generic_plan; \
                 SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                 SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s'"
            }
            Self::Write | Self::Lane => {
                "SET synchronous_commit = on; SET jit = off; SET plan_cache_mode = force_generic_plan; \
                 SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                 SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
                 SET idle_in_transaction_session_timeout = '15s'"
            }
            Self::Aside => {
                "SET synchronous_commit = on; SET jit = off; SET statement_timeout = '10min'; \
                 SET lock_timeout = '60s'; SET idle_in_transaction_session_timeout = '10min'"
            }
        }
    }
}

impl Settings {
    /// Reads a URL.
    pub(in crate::platform::db) fn parse(url: &str) -> Result<Self, DbError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(DbError::Bug("the database's URL starts with neither `sqlite:` nor `postgres://`".into()));
        }
        let (url, roots) = tls::taken_from(url)?;
        let mut config: Config =
            url.parse().map_err(|error| DbError::Bug(format!("the database's URL cannot be read: {error}")))?;
        let tls = match config.get_ssl_mode() {
            SslMode::Require => Some(tls::connector(roots.as_deref())?),
            _ => None,
        };
        config.application_name("purser").connect_timeout(CONNECT);
        config.keepalives(true).keepalives_idle(Duration::from_secs(15)).tcp_user_timeout(Duration::from_secs(20));
        Ok(Self { config, tls })
    }

    /// Connects.
    pub(super) fn connect(&self, runtime: &Rc<Runtime>, role: Role) -> Result<Conn, DbError> {
        let connected = runtime.block_on(async {
            let work = async {
                let (client, driver) = self.dial(runtime).await?;
                client.batch_execute(role.setup()).await.map_err(|error| said(&error).error)?;
                Ok((client, driver))
            };
            let late = || DbError::Unavailable("the database took too long to answer".into());
            tokio::time::timeout(CONNECT * 2, work).await.unwrap_or_else(|_| Err(late()))
        });
        let (client, driver) = connected?;
        Ok(Conn::new(runtime.clone(), client, driver, role))
    }

    /// Opens the socket; the connection is driven whenever `runtime` runs.
    async fn dial(&self, runtime: &Runtime) -> Result<(Client, JoinHandle<()>), DbError> {
        let error = |error| said(&error).error;
        if let Some(tls) = &self.tls {
            let (client, connection) = self.config.connect(tls.clone()).await.map_err(error)?;
            return Ok((client, runtime.spawn(async move { drop(connection.await) })));
        }
        let (client, connection) = self.config.connect(NoTls).await.map_err(error)?;
        Ok((client, runtime.spawn(async move { drop(connection.await) })))
    }
}
