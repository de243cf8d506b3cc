//! What `doctor` asks the database: whether its settings keep what was answered.

use super::{Db, DbError, Kind};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Fine,
    /// Works, but a person should look.
    Warning,
    /// Answers may be lost or wrong.
    Failure,
}

/// One setting and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The setting.
    pub name: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it is, and what to do.
    pub message: String,
}

impl Finding {
    fn new(name: &'static str, fine: bool, message: String) -> Self {
        Self { name, level: if fine { Level::Fine } else { Level::Failure }, message }
    }
}

impl Db {
    /// Looks at the settings durability rests on.
    ///
    /// # Errors
    /// What the database says.
    pub async fn check_settings(&self) -> Result<Vec<Finding>, DbError> {
        match self.kind() {
            Kind::Sqlite => self.check_sqlite().await,
            Kind::Postgres => self.check_postgres().await,
        }
    }

    async fn check_sqlite(&self) -> Result<Vec<Finding>, DbError> {
        let one = |tx: &mut super::Tx<'_>, sql: &str| tx.first(sql, Vec::new());
        let (journal, synchronous, integrity) = self
            .write(move |tx| {
                let journal = one(tx, "PRAGMA journal_mode")?.map(|row| row.text(0).map(str::to_owned)).transpose()?;
                let synchronous = one(tx, "PRAGMA synchronous")?.map(|row| row.i64(0)).transpose()?;
                let checked =
                    one(tx, "PRAGMA quick_check(1)")?.map(|row| row.text(0).map(str::to_owned)).transpose()?;
                Ok::<_, DbError>((journal.unwrap_or_default(), synchronous.unwrap_or(0), checked.unwrap_or_default()))
            })
            .await?;
        Ok(vec![
            Finding::new("journal_mode", journal == "wal", format!("journal_mode is {journal}; it must be wal")),
            Finding::new("synchronous", synchronous >= 2, format!("synchronous is {synchronous}; it must be 2 (FULL)")),
            Finding::new("quick_check", integrity == "ok", format!("quick_check says: {integrity}")),
        ])
    }

    async fn check_postgres(&self) -> Result<Vec<Finding>, DbError> {
        let (version, fsync, full_page_writes, synchronous) = self
            .write(|tx| {
                let mut setting = |sql: &str| match tx.first(sql, Vec::new())? {
                    Some(row) => row.text(0).map(str::to_owned),
                    None => Err(DbError::Bug("a setting has no value".into())),
                };
                Ok::<_, DbError>((
                    setting("SELECT current_setting('server_version_num')")?,
                    setting("SELECT current_setting('fsync')")?,
                    setting("SELECT current_setting('full_page_writes')")?,
                    setting("SELECT current_setting('synchronous_commit')")?,
                ))
            })
            .await?;
        let new_enough = version.parse::<u32>().is_ok_and(|version| version >= 150_000);
        let skew = self.clock_skew_micros();
        let durable = synchronous != "off" && synchronous != "local";
        Ok(vec![
            Finding::new("version", new_enough, format!("version {version}; it must be 15 (150000) or newer")),
            Finding::new("fsync", fsync == "on", format!("fsync is {fsync}; off loses what was answered")),
            Finding::new(
                "full_page_writes",
                full_page_writes == "on",
                format!("full_page_writes is {full_page_writes}; off can break pages at a power loss"),
            ),
            Finding::new("synchronous_commit", durable, format!("synchronous_commit is {synchronous}")),
            Finding::new(
                "clock",
                skew.abs() <= super::shell::MOST_SKEW,
                format!("this node's clock is {} ms off the database's; at most 500 ms is allowed", skew / 1000),
            ),
        ])
    }
}
