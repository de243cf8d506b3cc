//! `purser demo`: a server, a Stripe sandbox and sample data in one process, on one clock; and what to click.

mod sample;
mod stripe;

use super::serve::until_stopped;
use crate::{
    app,
    config::{Config, Secret},
    features::portal,
    platform::{App, clock::Clock, http, ids::Random, schedule},
    say::say,
};
use purser_rules::ids::CustomerId;
use purser_stripe::Limits;
use std::{path::Path, process::ExitCode};
use tracing::{instrument::WithSubscriber, subscriber::NoSubscriber};

/// Where the demo keeps what it needs, beside its database.
const FOLDER: &str = "purser-data";
/// The sample customer that is shown first.
const FIRST: &str = "acme";
/// How long the printed link serves, in seconds: as long as somebody may look back at what was printed.
const LINK: i64 = 30 * 86_400;

/// Starts the demo and serves until it is told to stop.
pub(super) async fn run(config: &mut Config) -> Result<ExitCode, String> {
    if config.stripe_is_live() == Some(true) {
        return Err(
            "STRIPE_SECRET_KEY is a live key: the demo does not start beside it. Unset it, or use `purser serve`."
                .to_owned(),
        );
    }
    let listener = http::bind(&config.listen).await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let folder = Path::new(FOLDER);
    if config.bootstrap_key.is_none() {
        config.bootstrap_key = Some(made_once(&folder.join("demo-key"), "pk_")?);
    }
    if config.secret.is_none() {
        config.secret = Some(made_once(&folder.join("demo-secret"), "")?);
    }
    let key = config.bootstrap_key.clone().ok_or("The demo has no key.")?;
    let stripe::Started { sandbox, socket, base } = stripe::start(folder).await?;
    let state = sandbox.state();
    let hook = format!("http://{}/api/webhooks/stripe", super::sandbox::reached(address));
    // Whatever is set of Stripe: the demo speaks with its own sandbox alone.
    config.stripe_webhook_secret = Some(stripe::webhooks(&state, folder, &hook)?);
    config.stripe_secret_key = Some(Secret::new("sk_test_demo"));
    config.stripe_api_base = base.clone();
    let app = super::open_at(config.clone(), Clock::Ahead(state.ahead()), Limits::default()).await?;
    let work = async {
        // Quietly: what it prints must not drown in the log of its own calls and first jobs.
        prepare(&app, &state, folder, &key).with_subscriber(NoSubscriber::default()).await?;
        let first = CustomerId::new(FIRST).map_err(|error| error.to_string())?;
        // A sample customer that somebody archived has no pages.
        let link = portal::link(&app, &first, LINK).await.ok();
        let url = app.config().public_url();
        until_stopped(app, Some(listener), None, true, || invite(&url, &base, link.as_ref(), &key)).await;
        Ok::<(), String>(())
    };
    tokio::select! {
        done = work => done?,
        served = sandbox.serve(socket) => {
            let why = served.err().map_or_else(|| "nobody knows why".to_owned(), |error| error.to_string());
            return Err(format!("The demo's sandbox stopped: {why}. Start the demo again."));
        }
        () = stripe::keep(&state, folder) => {}
    }
    stripe::save(&state, folder)?;
    Ok(ExitCode::SUCCESS)
}

/// The price book, which the sandbox sells; sample data; and the jobs that are due at the first start.
async fn prepare(app: &App, state: &purser_stripe_sim::State, folder: &Path, key: &Secret) -> Result<(), String> {
    app::install_price_book(app).await;
    stripe::stock(app, state, folder).await?;
    sample::fill(app, key).await?;
    for job in app::JOBS {
        // One that fails is tried again by itself.
        if let Err(error) = schedule::run_if_due(app, job).await {
            tracing::warn!(job = job.name, error = error.message, "a job failed");
        }
    }
    Ok(())
}

/// What the person who started it needs.
fn invite(url: &str, sandbox: &str, link: Option<&portal::Link>, key: &Secret) {
    say(format_args!("Purser's demo listens at {url}, with a Stripe sandbox beside it. No money moves."));
    say("Buy a plan, with the card 4242 4242 4242 4242:");
    if let Some(link) = link {
        say(format_args!("  Billing page       {}", link.url));
    }
    say("See the webhooks, move a month on, let a card fail (Purser's clock goes with the sandbox's):");
    say(format_args!("  Sandbox            {sandbox}/"));
    say("Read on:");
    say(format_args!("  Guide              {url}/docs/guide/demo"));
    say(format_args!("  API documentation  {url}/docs"));
    say(format_args!("  Error codes        {url}/docs/errors"));
    say(format_args!("  API key            {}", key.reveal()));
    say("Spend a credit:");
    say(format_args!(
        "  curl -s {url}/api/v1/consume -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' \
         -H \"Idempotency-Key: $(date +%s%N)\" -d '{{\"customer_id\":\"{FIRST}\",\"amount\":1}}'",
        key.reveal()
    ));
    say(format_args!("Ctrl-C ends it; what you did is kept in {FOLDER}. Remove that folder to begin anew."));
}

/// A secret of the demo: made once, and kept in a file.
fn made_once(file: &Path, prefix: &str) -> Result<Secret, String> {
    use std::fmt::Write as _;
    match std::fs::read_to_string(file) {
        Ok(text) if text.trim().len() >= 32 => return Ok(Secret::new(text.trim())),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(not_written(file, &error)),
    }
    let mut text = prefix.to_owned();
    for byte in Random::secure().bytes() {
        let _into_a_string = write!(text, "{byte:02x}");
    }
    keep_secret(file, &text)?;
    Ok(Secret::new(text))
}

/// Writes a file that only its owner may read, in place of the one there may be.
fn keep_secret(file: &Path, text: &str) -> Result<(), String> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt};
    let fault = |error: std::io::Error| not_written(file, &error);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(fault)?;
    }
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fault(error)),
        _ => {}
    }
    let mut open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(fault)?;
    open.write_all(text.as_bytes()).map_err(fault)
}

fn not_written(file: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be written: {error}. Start the demo in a folder you may write to.", file.display())
}
