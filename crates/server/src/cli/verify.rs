//! `purser verify`: proves the ledger and says what is wrong.

use crate::{config::Config, features::credits, platform::error::Error, say::say};
use indicatif::{ProgressBar, ProgressStyle};
use std::{path::Path, process::ExitCode};

/// Proves every wallet; exit code 1 and the wallets named where something is wrong.
pub(super) async fn run(config: Config) -> Result<ExitCode, String> {
    // Opening makes a file that is not there, and a new file has nothing wrong in it.
    if let Some(path) = config.database_url.reveal().strip_prefix("sqlite:").filter(|path| !Path::new(path).exists()) {
        return Err(format!("There is no database {path}. Give --database the one to prove."));
    }
    let app = super::open(config).await?;
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    let progress = |wallets: u64, entries: u64| {
        bar.set_message(format!("{wallets} wallets, {entries} entries"));
        bar.tick();
    };
    let mut verified = credits::verify(app.db(), progress).await.map_err(|error| Error::from(error).message)?;
    if let Some(secret) = &app.config().secret {
        let folder = Path::new(&app.config().heads_dir);
        let heads = credits::check_heads(app.db(), folder, secret.reveal().as_bytes());
        verified.flaws.extend(heads.await.map_err(|error| error.message)?);
    }
    bar.finish_and_clear();
    app.db().close().await;
    for flaw in &verified.flaws {
        let entry = flaw.entry.map_or_else(String::new, |entry| format!(" entry {entry}"));
        let grant = flaw.grant_id.as_ref().map_or_else(String::new, |grant| format!(" grant {grant}"));
        say(format_args!("Wrong: wallet {} {}{entry}{grant}: {}", flaw.customer_id, flaw.unit, flaw.what));
    }
    let (wallets, entries) = (verified.wallets, verified.entries);
    if verified.flaws.is_empty() {
        say(format_args!("Proved: {wallets} wallets, {entries} entries."));
        Ok(ExitCode::SUCCESS)
    } else {
        say(format_args!("{} found wrong in {wallets} wallets ({entries} entries read).", verified.flaws.len()));
        Ok(ExitCode::FAILURE)
    }
}
