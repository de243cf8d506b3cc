//! The client of Stripe, as the settings say; one for a process, so that all share its limits.

use super::ids::Random;
use crate::config::Config;
use purser_stripe::{Client, Limits, Secret, Settings};

/// The client, if there is a key.
///
/// # Errors
/// A sentence that says what is wrong with the key or the address.
pub fn client(config: &Config, random: &Random, limits: Limits) -> Result<Option<Client>, String> {
    let Some(key) = config.stripe_secret_key.as_ref().and_then(|key| Secret::new(key.reveal())) else {
        return Ok(None);
    };
    let random = random.clone();
    // Any half of a random number is one.
    let random = Box::new(move || u64::try_from(random.number() >> 64).unwrap_or_default());
    let settings = Settings { base: config.stripe_api_base.clone(), key, limits, random };
    Client::new(settings).map(Some).map_err(|why| format!("Stripe cannot be used: {why}."))
}
