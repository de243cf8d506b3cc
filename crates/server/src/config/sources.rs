//! Where settings come from, and what each is called there.

use super::{Config, Secret, is_live};
use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};
use std::{collections::BTreeMap, path::Path};

/// The kinds of setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text that may be shown.
    Text,
    /// A text that is never shown; may also stand in a file, named by the variable with `_FILE` added.
    Secret,
    /// A whole number.
    Number,
    /// A whole number that may be negative.
    Signed,
    /// `true` or `false`.
    Switch,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in `purser.toml`.
    pub key: &'static str,
    /// Its name in the environment.
    pub variable: &'static str,
    /// What it is.
    pub shape: Shape,
}

const fn setting(key: &'static str, variable: &'static str, shape: Shape) -> Setting {
    Setting { key, variable, shape }
}

/// Every setting, in the order `doctor` shows them.
pub const SETTINGS: &[Setting] = &[
    setting("database_url", "PURSER_DATABASE_URL", Shape::Secret),
    setting("listen", "PURSER_LISTEN", Shape::Text),
    setting("public_url", "PURSER_PUBLIC_URL", Shape::Text),
    setting("bootstrap_key", "PURSER_BOOTSTRAP_KEY", Shape::Secret),
    setting("secret", "PURSER_SECRET", Shape::Secret),
    setting("cron_secret", "CRON_SECRET", Shape::Secret),
    setting("heads_dir", "PURSER_HEADS_DIR", Shape::Text),
    setting("stripe_secret_key", "STRIPE_SECRET_KEY", Shape::Secret),
    setting("stripe_webhook_secret", "STRIPE_WEBHOOK_SECRET", Shape::Secret),
    setting("webhook_payload_days", "PURSER_WEBHOOK_PAYLOAD_DAYS", Shape::Number),
    setting("grace_days", "PURSER_GRACE_DAYS", Shape::Number),
    setting("stripe_api_base", "STRIPE_API_BASE", Shape::Text),
    setting("metrics_listen", "PURSER_METRICS_LISTEN", Shape::Text),
    setting("otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", Shape::Text),
    setting("threads", "PURSER_THREADS", Shape::Number),
    setting("request_seconds", "PURSER_REQUEST_SECONDS", Shape::Number),
    setting("grace_seconds", "PURSER_GRACE_SECONDS", Shape::Number),
    setting("create_unknown_customers", "PURSER_CREATE_UNKNOWN_CUSTOMERS", Shape::Switch),
    setting("default_price_book", "PURSER_DEFAULT_PRICE_BOOK", Shape::Switch),
    setting("idempotency_days", "PURSER_IDEMPOTENCY_DAYS", Shape::Number),
    setting("requests_per_key", "PURSER_REQUESTS_PER_KEY", Shape::Number),
    setting("requests_per_address", "PURSER_REQUESTS_PER_ADDRESS", Shape::Number),
    setting("pages_per_customer", "PURSER_PAGES_PER_CUSTOMER", Shape::Number),
    setting("sqlite_max_pages", "PURSER_SQLITE_MAX_PAGES", Shape::Number),
    setting("readers", "PURSER_READERS", Shape::Number),
    setting("writers", "PURSER_WRITERS", Shape::Number),
    setting("lanes", "PURSER_LANES", Shape::Number),
    setting("batch", "PURSER_BATCH", Shape::Number),
    setting("queue", "PURSER_QUEUE", Shape::Number),
    setting("test_clock_offset_ms", "PURSER_TEST_CLOCK_OFFSET_MS", Shape::Signed),
    setting("test_crash_at", "PURSER_CRASH_AT", Shape::Text),
    setting("log", "RUST_LOG", Shape::Text),
];

/// What flags say; they win over everything else.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--listen`
    pub listen: Option<String>,
    /// `--database`
    pub database: Option<String>,
}

/// Reads the settings from `file` if it is there, from the variables `environment`, and from `flags`.
///
/// # Errors
/// A sentence that names the setting and says what is wrong with it.
pub fn load(file: &Path, environment: &BTreeMap<String, String>, flags: &Flags) -> Result<Config, String> {
    let mut figment = Figment::new().merge(Toml::file(file)).merge(variables(environment, false)?);
    // One environment may hold both modes: with a live key, what is for that mode counts.
    if figment.extract_inner::<String>("stripe_secret_key").is_ok_and(|key| is_live(&key)) {
        figment = figment.merge(variables(environment, true)?);
    }
    let mut given = Dict::new();
    for (key, value) in [("listen", &flags.listen), ("database_url", &flags.database)] {
        if let Some(value) = value {
            given.insert(key.to_owned(), Value::from(value.as_str()));
        }
    }
    figment = figment.merge(Given("the flags", given));
    figment.extract().map_err(|error| {
        let place = error.metadata.as_ref().map_or_else(String::new, |from| format!(" in {}", from.name));
        let name = error.path.join(".");
        // The kind of error may quote a value: it is told only for settings that are no secrets.
        let secret = SETTINGS.iter().any(|known| known.key == name && known.shape == Shape::Secret);
        let what = if secret { "it must be a text".to_owned() } else { without_quotes(&error.kind.to_string()) };
        if name.is_empty() {
            format!("The settings{place} cannot be read: {what}.")
        } else {
            format!("{name}{place}: {what}.")
        }
    })
}

/// What the reader of TOML says in one line, without the line of the file that it quotes (`7 | secret = x`): a slip
/// beside a secret must not show it. Where the slip is, by line and column, stays.
fn without_quotes(said: &str) -> String {
    let is_gutter = |letter: char| letter.is_ascii_digit() || letter.is_whitespace();
    let told = said.lines().map(str::trim).filter(|line| !line.is_empty());
    told.filter(|line| !line.trim_start_matches(is_gutter).starts_with('|')).collect::<Vec<_>>().join("; ")
}

/// What the environment says, each value by the shape of its setting; with `live`, what it says for live mode alone:
/// the variables of Stripe's other than the key, with `_LIVE` added.
fn variables(environment: &BTreeMap<String, String>, live: bool) -> Result<Given, String> {
    let mut given = Dict::new();
    for known in SETTINGS {
        if live && (!known.variable.starts_with("STRIPE_") || known.key == "stripe_secret_key") {
            continue;
        }
        let variable = format!("{}{}", known.variable, if live { "_LIVE" } else { "" });
        let mut value = environment.get(&variable).cloned();
        if known.shape == Shape::Secret
            && let Some(path) = environment.get(&format!("{variable}_FILE"))
        {
            if value.is_some() {
                return Err(format!("{variable} and {variable}_FILE are both set. Keep one."));
            }
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("{variable}_FILE names {path}, which cannot be read: {error}."))?;
            value = Some(text.trim_end_matches(['\r', '\n']).to_owned());
        }
        let Some(text) = value.filter(|text| !text.is_empty()) else { continue };
        let value = match known.shape {
            Shape::Text | Shape::Secret => Value::from(text),
            Shape::Number => {
                Value::from(text.parse::<u64>().map_err(|_| format!("{variable} must be a whole number."))?)
            }
            Shape::Signed => {
                Value::from(text.parse::<i64>().map_err(|_| format!("{variable} must be a whole number."))?)
            }
            Shape::Switch => {
                Value::from(text.parse::<bool>().map_err(|_| format!("{variable} must be true or false."))?)
            }
        };
        given.insert(known.key.to_owned(), value);
    }
    Ok(Given("the environment", given))
}

/// Settings under the name of their source.
struct Given(&'static str, Dict);

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.1.clone()))
    }
}

impl Config {
    /// What a setting is, fit to be shown: secrets are masked, passwords in URLs too.
    #[must_use]
    pub fn shown(&self, key: &str) -> String {
        let secret = |secret: &Option<Secret>| if secret.is_some() { "***" } else { "not set" }.to_owned();
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "not set".to_owned());
        match key {
            "database_url" => without_password(self.database_url.reveal()),
            "listen" => self.listen.clone(),
            "public_url" => self.public_url(),
            "bootstrap_key" => secret(&self.bootstrap_key),
            "secret" => secret(&self.secret),
            "cron_secret" => secret(&self.cron_secret),
            "stripe_secret_key" => secret(&self.stripe_secret_key),
            "stripe_webhook_secret" => secret(&self.stripe_webhook_secret),
            "webhook_payload_days" => self.webhook_payload_days.to_string(),
            "grace_days" => self.grace_days.to_string(),
            "stripe_api_base" => without_password(&self.stripe_api_base),
            "metrics_listen" => text(&self.metrics_listen),
            "otlp_endpoint" => text(&self.otlp_endpoint),
            "threads" => self.threads.to_string(),
            "request_seconds" => self.request_seconds.to_string(),
            "grace_seconds" => self.grace_seconds.to_string(),
            "create_unknown_customers" => self.create_unknown_customers.to_string(),
            "default_price_book" => self.default_price_book.to_string(),
            "idempotency_days" => self.idempotency_days.to_string(),
            "requests_per_key" => self.requests_per_key.to_string(),
            "requests_per_address" => self.requests_per_address.to_string(),
            "pages_per_customer" => self.pages_per_customer.to_string(),
            "sqlite_max_pages" => self.sqlite_max_pages.to_string(),
            "readers" => self.readers.to_string(),
            "writers" => self.writers.to_string(),
            "lanes" => self.lanes.to_string(),
            "batch" => self.batch.to_string(),
            "queue" => self.queue.to_string(),
            "test_clock_offset_ms" => self.test_clock_offset_ms.to_string(),
            "test_crash_at" => text(&self.test_crash_at),
            "heads_dir" => self.heads_dir.clone(),
            "log" => self.log(false).to_owned(),
            _ => String::new(),
        }
    }
}

/// A database's URL with its password, if there is one, masked wherever it stands.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (address, query) = rest.split_once('?').map_or((rest, None), |(address, query)| (address, Some(query)));
    let address = match address.rsplit_once('@') {
        Some((who, place)) => match who.split_once(':') {
            Some((name, _)) => format!("{name}:***@{place}"),
            None => format!("{who}@{place}"),
        },
        None => address.to_owned(),
    };
    let query = query.map_or_else(String::new, |query| {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.eq_ignore_ascii_case("password") => format!("{name}=***"),
            _ => pair.to_owned(),
        });
        format!("?{}", pairs.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{address}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)], flags: &Flags) -> Result<Config, String> {
        let environment = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        load(Path::new("/nonexistent/purser.toml"), &environment, flags)
    }

    #[test]
    fn flags_win_over_the_environment() {
        let flags = Flags { listen: Some("127.0.0.1:1".into()), database: None };
        let config = from(&[("PURSER_LISTEN", "127.0.0.1:2"), ("PURSER_THREADS", "3")], &flags).expect("settings");
        assert_eq!((config.listen.as_str(), config.threads), ("127.0.0.1:1", 3));
        assert_eq!(config.public_url(), "http://127.0.0.1:1");
    }

    #[test]
    fn the_environment_wins_over_the_file_and_that_over_the_defaults() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("purser.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:7\"\nreaders = 9\n").expect("written");
        let environment = BTreeMap::from([("PURSER_LISTEN".to_owned(), "127.0.0.1:8".to_owned())]);
        let config = load(&file, &environment, &Flags::default()).expect("settings");
        assert_eq!((config.listen.as_str(), config.readers, config.writers), ("127.0.0.1:8", 9, 4));
        std::fs::write(&file, "lisen = \"127.0.0.1:7\"\n").expect("written");
        let error = load(&file, &environment, &Flags::default()).expect_err("unknown");
        assert!(error.contains("lisen"), "{error}");
    }

    #[test]
    fn a_log_that_was_set_stands_also_where_it_is_quiet_by_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("purser.toml");
        let said = |environment: &BTreeMap<String, String>| {
            let config = load(&file, environment, &Flags::default()).expect("settings");
            [config.log(false).to_owned(), config.log(true).to_owned()]
        };
        assert_eq!(said(&BTreeMap::new()), ["info", "warn"]);
        let environment = BTreeMap::from([("RUST_LOG".to_owned(), "trace".to_owned())]);
        assert_eq!(said(&environment), ["trace", "trace"]);
        std::fs::write(&file, "log = \"debug\"\n").expect("written");
        assert_eq!(said(&BTreeMap::new()), ["debug", "debug"]);
        assert_eq!(said(&environment), ["trace", "trace"]);
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let error = from(&[("PURSER_THREADS", "many")], &Flags::default()).expect_err("no number");
        assert_eq!(error, "PURSER_THREADS must be a whole number.");
        let config = from(&[("PURSER_BOOTSTRAP_KEY", "0123")], &Flags::default()).expect("settings");
        assert_eq!(config.bootstrap_key.as_ref().map(Secret::reveal), Some("0123"));
        assert_eq!(config.faults().len(), 1);
        assert!(!format!("{config:?}{:?}", config.faults()).contains("0123"));
    }

    /// A reader of TOML shows the line it stumbles over, and with it what stands there.
    #[test]
    fn a_slip_in_the_file_shows_no_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("purser.toml");
        for slip in [
            "stripe_secret_key = sk_live_canary",
            "stripe_secret_key = \"sk_live_canary",
            "stripe_secret_key = 'sk_live_canary",
            "stripe_secret_key = \"\"\"\nsk_live_canary | sk_live_canary",
            "stripe_secret_key = \"sk_live_canary\" sk_live_canary",
            "stripe_secret_key = \"x\"\nstripe_secret_key = \"sk_live_canary\"",
            "stripe_secret_key sk_live_canary",
            "database_url = postgres://purser:sk_live_canary@host/db",
        ] {
            std::fs::write(&file, format!("listen = \"127.0.0.1:7\"\n{slip}\n")).expect("written");
            let error = load(&file, &BTreeMap::new(), &Flags::default()).expect_err("no settings");
            assert!(!error.contains("canary"), "{slip}: {error}");
            assert!(error.contains("TOML parse error at line ") && error.contains(", column "), "{slip}: {error}");
            assert!(!error.contains('\n'), "{slip}: {error}");
        }
    }

    #[test]
    fn secrets_may_stand_in_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        std::fs::write(&file, "from-a-file\n").expect("written");
        let path = file.to_str().expect("a path");
        let config = from(&[("CRON_SECRET_FILE", path)], &Flags::default()).expect("settings");
        assert_eq!(config.cron_secret.as_ref().map(Secret::reveal), Some("from-a-file"));
        let both = from(&[("CRON_SECRET_FILE", path), ("CRON_SECRET", "x")], &Flags::default());
        assert!(both.is_err());
    }

    #[test]
    fn with_a_live_key_what_is_for_live_mode_wins() {
        let both = [("STRIPE_WEBHOOK_SECRET", "whsec_test"), ("STRIPE_WEBHOOK_SECRET_LIVE", "whsec_a, whsec_b")];
        for (key, expected) in [
            (None, "whsec_test"),
            (Some("sk_test_1"), "whsec_test"),
            (Some("sk_live_1"), "whsec_a, whsec_b"),
            (Some("rk_live_1"), "whsec_a, whsec_b"),
        ] {
            let mut pairs = both.to_vec();
            pairs.extend(key.map(|key| ("STRIPE_SECRET_KEY", key)));
            let config = from(&pairs, &Flags::default()).expect("settings");
            assert_eq!(config.stripe_webhook_secret.as_ref().map(Secret::reveal), Some(expected), "{key:?}");
            assert_eq!(config.stripe_is_live(), key.map(|key| key.contains("live")));
        }
        let only = from(&[("STRIPE_SECRET_KEY", "sk_live_1"), both[0]], &Flags::default()).expect("settings");
        assert_eq!(only.webhook_secrets().len(), 1, "one name for both modes is fine");
        let rolling = from(&[("STRIPE_WEBHOOK_SECRET", "whsec_a, whsec_b")], &Flags::default()).expect("settings");
        let secrets = rolling.webhook_secrets();
        let shown: Vec<_> = secrets.iter().map(|secret| secret.reveal()).collect();
        assert_eq!((shown, rolling.faults()), (vec!["whsec_a", "whsec_b"], vec![]));
    }

    #[test]
    fn a_blank_webhook_secret_is_refused_since_anyone_could_sign_with_it() {
        for wrong in [",", "whsec_a,", " ,whsec_a", "whsec_a,,whsec_b", "  "] {
            let config = from(&[("STRIPE_WEBHOOK_SECRET", wrong)], &Flags::default()).expect("settings");
            let faults = config.faults();
            assert!(faults.len() == 1 && faults[0].starts_with("STRIPE_WEBHOOK_SECRET has a blank"), "{faults:?}");
        }
    }

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        assert_eq!(without_password("postgres://me:pa:ss@host/db"), "postgres://me:***@host/db");
        assert_eq!(without_password("postgres:///db?user=me&password=x"), "postgres:///db?user=me&password=***");
        assert_eq!(without_password("sqlite:a/b.db"), "sqlite:a/b.db");
    }

    #[test]
    fn every_setting_is_shown() {
        let config = Config::default();
        for known in SETTINGS {
            assert!(!config.shown(known.key).is_empty(), "{}", known.key);
        }
    }
}
