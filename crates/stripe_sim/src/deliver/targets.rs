//! Where events can go: webhook endpoints and event destinations, as far as they are alike.

use super::{
    EventDestination, WebhookEndpoint,
    secrets::{LONGEST_OVERLAP, Secrets, fresh},
};
use crate::{
    API_VERSION,
    error::ApiError,
    world::{Cx, Resource, World},
};
use serde::{Deserialize, Serialize};

/// How old a signature may be, in seconds: what Stripe's own libraries take.
/// Source: <https://docs.stripe.com/webhooks#replay-attacks>
const OLDEST: i64 = 300;

/// The most there may be, of endpoints and destinations together.
const MOST: usize = 16;

/// How much of what happened is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Payload {
    /// The object as it was then.
    Snapshot,
    /// Which object it was.
    Thin,
}

/// Where deliveries go.
pub(crate) struct Target<'a> {
    /// The address.
    pub url: &'a str,
    /// Whether deliveries are made at all.
    pub enabled: bool,
    /// What they are signed with.
    pub secrets: &'a Secrets,
    /// The version that snapshots are said to be of.
    pub version: &'a str,
}

/// The endpoint or destination `id`, unless it was deleted.
pub(super) fn target<'a>(world: &'a World, id: &str) -> Option<Target<'a>> {
    match world.get::<WebhookEndpoint>(id) {
        Some(endpoint) => Some(endpoint.target()),
        None => world.get::<EventDestination>(id).map(|destination| destination.target()),
    }
}

/// Whether `header` is the `Stripe-Signature` of `body` for an endpoint at `url`, checked as a good endpoint does.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn verified(world: &World, url: &str, header: &str, body: &str) -> Result<(), &'static str> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let at = parts().find_map(|(name, value)| if name == "t" { value.parse::<i64>().ok() } else { None });
    let Some(at) = at else { return Err("There is no header Stripe-Signature with a time.") };
    let endpoints = world.all::<WebhookEndpoint>().map(WebhookEndpoint::target);
    let targets = endpoints.chain(world.all::<EventDestination>().map(EventDestination::target));
    let signed = |target: &Target<'_>| {
        parts().any(|(name, value)| name == "v1" && target.secrets.made(value, at, body)) && target.url == url
    };
    if !targets.into_iter().any(|target| signed(&target)) {
        return Err("The signature is not of this body by a secret of this address.");
    }
    if at < world.now - OLDEST {
        return Err("The signature is older than five minutes.");
    }
    Ok(())
}

/// Those that want events of the type `kind` now, in the order they were made.
pub(super) fn wanting(world: &World, kind: &str, payload: Payload) -> Vec<String> {
    let endpoints = world.all::<WebhookEndpoint>().filter(|endpoint| endpoint.wants(kind, payload));
    let destinations = world.all::<EventDestination>().filter(|destination| destination.wants(kind, payload));
    let endpoints = endpoints.map(|endpoint| endpoint.id.clone());
    endpoints.chain(destinations.map(|destination| destination.id.clone())).collect()
}

/// Whether `pattern` means events of the type `kind`: it is the type, or its beginning with `*` for the rest.
pub(super) fn means(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => kind.starts_with(beginning),
        None => pattern == kind,
    }
}

/// Gives the endpoint or destination `id` a new secret and answers it. Its present one stays in use for `overlap`
/// seconds, at most a day.
///
/// # Errors
/// 404 when there is none.
pub(crate) fn roll_secret(cx: &mut Cx<'_>, id: &str, overlap: i64) -> Result<String, ApiError> {
    if target(cx.world, id).is_none() {
        return Err(ApiError::no_such(WebhookEndpoint::NOUN, id).at("id").status(404));
    }
    let (now, overlap) = (cx.now(), overlap.clamp(0, LONGEST_OVERLAP));
    let secret = fresh(&mut cx.world.random);
    // An id is that of one kind only; for the other nothing happens.
    cx.edit::<WebhookEndpoint>(id, |endpoint| endpoint.secrets.roll(secret.clone(), now, overlap));
    cx.edit::<EventDestination>(id, |destination| destination.secrets.roll(secret.clone(), now, overlap));
    Ok(secret)
}

/// Whether one more may be made.
///
/// # Errors
/// When there are as many as there may be.
pub(super) fn check_room(world: &World) -> Result<(), ApiError> {
    let count = world.tables.webhook_endpoints.len() + world.tables.event_destinations.len();
    if count < MOST {
        return Ok(());
    }
    Err(ApiError::invalid(format!("You have reached the maximum of {MOST} test webhook endpoints.")))
}

/// Whether deliveries can be made to `url`. Unlike Stripe, the sandbox takes addresses of this machine and plain HTTP:
/// that is where one develops.
///
/// # Errors
/// When it is no web address.
pub(super) fn check_url(url: &str, param: &str) -> Result<(), ApiError> {
    let wrong = |message: &str| Err(ApiError::wrong(message, param).code("url_invalid"));
    if !url.contains("://") {
        return wrong("Invalid URL: An explicit scheme (such as https) must be provided.");
    }
    match reqwest::Url::parse(url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => Ok(()),
        _ => wrong("Not a valid URL"),
    }
}

/// Whether snapshots of `version` look like those the sandbox makes: versions of one name differ in additions only.
///
/// # Errors
/// 501 for a version of another name.
pub(super) fn check_version(version: Option<&str>, param: &str) -> Result<(), ApiError> {
    match version {
        Some(version) if name(version) != name(API_VERSION) => {
            Err(ApiError::not_simulated(&format!("events of other versions ({param}={version})")))
        }
        _ => Ok(()),
    }
}

/// The name of a version, such as `endive`; those of former years have none.
fn name(version: &str) -> Option<&str> {
    version.split_once('.').map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::{check_url, check_version, means, verified};
    use crate::{
        deliver::{WebhookEndpoint, endpoints},
        objects::testing::{asked, value},
        world::{Cx, World},
    };
    use serde_json::json;

    #[test]
    fn a_signature_is_checked_as_a_good_endpoint_does() {
        let mut world = World::new(1, 10_000);
        let url = "http://127.0.0.1:12111/_sandbox/inbox";
        let made = asked(&[], json!({ "url": url, "enabled_events": ["*"] }));
        let made = value(endpoints::create(&mut Cx::new(&mut world, None), &made));
        let id = made["id"].as_str().expect("an id");
        let signed = |world: &World, at| world.get::<WebhookEndpoint>(id).expect("an endpoint").secrets.sign(at, "{}");
        let (fresh, old) = (signed(&world, 10_000), signed(&world, 9_000));
        let made_up = fresh.replace("v1=", "v2=");
        assert_eq!(verified(&world, url, &fresh, "{}"), Ok(()));
        for (url, header, body, part) in [
            (url, "", "{}", "no header"),
            (url, fresh.as_str(), "{ }", "not of this body"),
            ("http://127.0.0.1:12111/other", fresh.as_str(), "{}", "not of this body"),
            (url, made_up.as_str(), "{}", "not of this body"),
            (url, old.as_str(), "{}", "older than five minutes"),
        ] {
            let error = verified(&world, url, header, body).expect_err(header);
            assert!(error.contains(part), "{header} {body}: {error}");
        }
        let secret = "whsec_new".to_owned();
        let mut cx = Cx::new(&mut world, None);
        cx.edit::<WebhookEndpoint>(id, |endpoint| endpoint.secrets.roll(secret, 10_000, 60));
        assert_eq!(verified(&world, url, &fresh, "{}"), Ok(()), "the former one is good for a while");
    }

    #[test]
    fn a_pattern_means_a_type_or_its_beginning() {
        let table = [
            ("*", "invoice.paid", true),
            ("invoice.paid", "invoice.paid", true),
            ("invoice.paid", "invoice.paid_out", false),
            ("invoice.*", "invoice.paid", true),
            ("invoice.*", "invoice_payment.paid", false),
            ("invoice*", "invoice_payment.paid", true),
            ("", "invoice.paid", false),
            ("v1.billing.*", "v1.billing.meter.no_meter_found", true),
        ];
        for (pattern, kind, expected) in table {
            assert_eq!(means(pattern, kind), expected, "{pattern} {kind}");
        }
    }

    #[test]
    fn addresses_that_can_be_sent_to() {
        let table = [
            ("https://example.com/hook", None),
            ("http://127.0.0.1:8080/hook?a=b", None),
            ("http://localhost/", None),
            ("example.com/hook", Some("Invalid URL: An explicit scheme (such as https) must be provided.")),
            ("ftp://example.com/", Some("Not a valid URL")),
            ("https://", Some("Not a valid URL")),
        ];
        for (url, expected) in table {
            let message = check_url(url, "url").err().map(|error| error.message);
            assert_eq!(message.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn other_shapes_are_refused_by_name() {
        let table = [
            (None, None),
            (Some("2026-10-28.endive"), None),
            (Some("2026-09-30.endive"), None),
            (Some("2025-02-24.acacia"), Some(501)),
            (Some("2020-08-27"), Some(501)),
        ];
        for (version, expected) in table {
            let status = check_version(version, "api_version").err().map(|error| error.status);
            assert_eq!(status, expected, "{version:?}");
        }
    }
}
