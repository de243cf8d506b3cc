//! `purser doctor`: the settings as they are, and what is wrong in words.

use crate::{
    app,
    config::{Config, SETTINGS},
    platform::{db::Level, ids::Random, stripe},
    say::say,
};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use purser_stripe::{Error, Limits, calls::PageOf, calls::catalog};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// Prints the settings with secrets masked and checks them, the database and Stripe; exit code 1 when something is
/// wrong.
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
    if config.stripe_secret_key.is_some() && config.stripe_webhook_secret.is_none() {
        say("Note: no STRIPE_WEBHOOK_SECRET; what Stripe sends is refused.");
    }
    if config.secret.is_none() {
        say("Note: no PURSER_SECRET; there are no billing pages, and no signed heads of the ledger.");
    }
    if faults.is_empty() {
        faults = database(config).await;
        faults.extend(ask_stripe(config).await.err());
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

/// Asks Stripe for one product, if there is a key.
async fn ask_stripe(config: &Config) -> Result<(), String> {
    let base = &config.stripe_api_base;
    let limits =
        Limits { one_try: Duration::from_secs(5), total: Duration::from_secs(10), tries: 2, ..Limits::default() };
    let Some(client) = stripe::client(config, &Random::secure(), limits)? else {
        say("Note: no STRIPE_SECRET_KEY; Stripe is not asked.");
        return Ok(());
    };
    let mode = mode(config.stripe_secret_key.as_ref().map_or("", |key| key.reveal()))?;
    let which = catalog::Products { page: PageOf { limit: Some(1), ..PageOf::default() }, ..Default::default() };
    let began = Instant::now();
    match client.read(&catalog::products(&which)).await {
        Ok(_) => {
            say(format_args!("Stripe answers in {} mode at {base}, in {} ms.", mode, began.elapsed().as_millis()));
            Ok(())
        }
        Err(error) => Err(not_answered(base, &error)),
    }
}

/// Which of an account's two sets of data a key is for.
fn mode(key: &str) -> Result<&'static str, String> {
    let is = |kinds: [&str; 2]| kinds.iter().any(|kind| key.trim().starts_with(kind));
    match () {
        () if is(["sk_test_", "rk_test_"]) => Ok("test"),
        () if is(["sk_live_", "rk_live_"]) => Ok("live"),
        () => Err("STRIPE_SECRET_KEY is no secret or restricted key: those begin with sk_ or rk_ and test_ or live_. \
             Copy one from Stripe's dashboard, under Developers, API keys."
            .to_owned()),
    }
}

/// What to do about Stripe not answering.
fn not_answered(base: &str, error: &Error) -> String {
    match error {
        Error::Refused(refused) if refused.status == 401 => format!(
            "Stripe at {base} does not know the key in STRIPE_SECRET_KEY. Copy it again from Stripe's dashboard, under \
             Developers, API keys; it may have been rolled. ({error})"
        ),
        Error::Refused(refused) if refused.status == 403 => format!(
            "The key in STRIPE_SECRET_KEY may not read products. Give the restricted key that right in Stripe's \
             dashboard, or use a secret key. ({error})"
        ),
        Error::Unanswered { why, .. } => format!(
            "Stripe at {base} does not answer: {why}. Look whether STRIPE_API_BASE is right and whether this machine \
             reaches it."
        ),
        Error::NotUnderstood { .. } => {
            format!("What answers at {base} is not Stripe: look at STRIPE_API_BASE. ({error})")
        }
        _ => format!("Stripe at {base}: {error}."),
    }
}
