//! `purser keys`: make, list and revoke API keys.

use crate::{
    config::Config,
    features::operators::{self, NewKey},
    platform::{
        auth::{Actor, Role},
        db::DbError,
        error::Error,
    },
    say::{say, tell},
};
use clap::{Subcommand, ValueEnum};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use purser_rules::{Time, credit::CauseKind, ids::KeyId};
use std::process::ExitCode;

/// What is done with keys.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a key and prints its secret, this once.
    Create {
        /// What it may do.
        #[arg(long, value_enum)]
        role: RoleName,
        /// What it is for.
        #[arg(long)]
        name: String,
        /// When it ends, in RFC 3339; never unless given.
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
    },
    /// Shows the keys, newest first.
    List,
    /// Revokes a key at once and for good.
    Revoke {
        /// The key's id: `key_…`.
        id: String,
    },
}

/// A role on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RoleName {
    /// Everything.
    Admin,
    /// What an app does.
    Service,
    /// Reads.
    Read,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Admin => Self::Admin,
            RoleName::Service => Self::Service,
            RoleName::Read => Self::Read,
        }
    }
}

/// How many keys are read at a time.
const PAGE: i64 = 100;

/// Runs `command`.
pub(super) async fn run(config: Config, command: Command) -> Result<ExitCode, String> {
    let app = super::open(config).await?;
    let actor = Actor { kind: CauseKind::Operator, id: "command-line".to_owned(), request: None };
    let random = app.random().clone();
    match command {
        Command::Create { role, name, expires_at } => {
            if !(1..=100).contains(&name.chars().count()) || name.contains('\0') {
                return Err("The name must have 1 to 100 characters.".to_owned());
            }
            let expires_at = match expires_at {
                Some(text) => {
                    Some(Time::parse(&text).ok_or("--expires-at must be a time such as 2027-01-01T00:00:00Z.")?)
                }
                None => None,
            };
            let new = NewKey { name, role: role.into(), expires_at };
            let made = app.db().write(move |tx| operators::create_key(tx, &random, &actor, &new)).await;
            let (key, secret) = made.map_err(|error: Error| error.message)?;
            tell(format_args!("Made {} with the role {}. Its secret is shown this once:", key.id, key.role.as_str()));
            say(secret.reveal());
        }
        Command::List => {
            let mut table = Table::new();
            table.load_preset(UTF8_HORIZONTAL_ONLY);
            table.set_header(["id", "name", "role", "secret", "created", "expires", "revoked", "last used"]);
            let mut after = None;
            loop {
                let read = app.db().read(move |tx| operators::list_keys(tx, after, PAGE)).await;
                let keys = read.map_err(|error: DbError| Error::from(error).message)?;
                let time = |at: Option<Time>| at.map_or_else(|| "–".to_owned(), |at| at.to_string());
                for key in &keys {
                    table.add_row([
                        key.id.to_string(),
                        key.name.clone(),
                        key.role.as_str().to_owned(),
                        format!("…{}", key.hint),
                        key.created_at.to_string(),
                        time(key.expires_at),
                        time(key.revoked_at),
                        time(key.last_used_at),
                    ]);
                }
                after = keys.last().map(|key| key.id);
                if i64::try_from(keys.len()).unwrap_or(0) < PAGE {
                    break;
                }
            }
            say(table);
        }
        Command::Revoke { id } => {
            let id: KeyId =
                id.parse().map_err(|_| "A key's id looks like key_ and 32 digits of 0-9 a-f.".to_owned())?;
            let revoked = app.db().write(move |tx| operators::revoke_key(tx, &random, &actor, id)).await;
            let key = revoked.map_err(|error: Error| error.message)?;
            say(format_args!("{} is revoked: the next request with it is refused.", key.id));
        }
    }
    app.db().close().await;
    Ok(ExitCode::SUCCESS)
}
