//! `purser doctor`: the settings as they are, and what is wrong in words.

use crate::{
    app,
    config::{Config, SETTINGS},
    platform::db::Level,
    say::say,
};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use std::process::ExitCode;

/// Prints the settings with secrets masked and checks them and the database; exit code 1 when something is wrong.
pub(super) async fn run(config: &Config) -> Result<ExitCode, String> {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header(["setting", "variable", "value"]);
    for known in SETTINGS {
        table.add_row([known.key.to_owned(), known.variable.to_owned(), config.shown(known.key)]);
    }
    say(table);
    let mut faults = config.faults();
    if config.bootstrap_key.is_none() {
        say("Note: no PURSER_BOOTSTRAP_KEY; make the first key with `purser keys create`.");
    }
    if faults.is_empty() {
        faults = database(config).await;
    }
    for fault in &faults {
        say(format_args!("Wrong: {fault}"));
    }
    if faults.is_empty() {
        say("All is well.");
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}

/// What is wrong with the database.
async fn database(config: &Config) -> Vec<String> {
    let db = match app::open_db(config, config.clock()) {
        Ok(db) => db,
        Err(fault) => return vec![fault],
    };
    let mut faults = Vec::new();
    match db.check_settings().await {
        Ok(findings) => {
            for finding in findings {
                match finding.level {
                    Level::Fine => {}
                    Level::Warning => say(format_args!("Look: {}", finding.message)),
                    Level::Failure => faults.push(finding.message),
                }
            }
        }
        Err(error) => faults.push(app::sentence(config, &error)),
    }
    match db.pending_migrations().await {
        Ok(pending) if !pending.is_empty() => {
            say(format_args!(
                "Look: the tables are not up to date, {} is to be applied; `purser migrate` or `purser serve` does it.",
                pending.join(", ")
            ));
        }
        Ok(_) => {}
        Err(error) => faults.push(app::sentence(config, &error)),
    }
    db.close().await;
    faults
}
