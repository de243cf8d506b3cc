//! What a newcomer does first: the sample, the inbox, and the commands of the guide.

use super::{Running, text};
use serde_json::Value;
use std::process::Command;

/// The guide's page, whose commands are run as they stand.
const GUIDE: &str = include_str!("../../../../../docs/guide/sandbox.md");
/// The address in it.
const ADDRESS: &str = "http://127.0.0.1:12111";

/// The types of the webhooks that came to the inbox, the newest first.
fn came(sandbox: &Running, query: &str) -> Vec<String> {
    let inbox = sandbox.get(&format!("/_sandbox/api/inbox{query}")).json();
    inbox["data"].as_array().expect("a list").iter().map(|sent| text(&sent["type"])).collect()
}

#[test]
fn a_sample_is_made_moved_on_and_its_webhooks_are_read() {
    let sandbox = Running::start();
    assert!(sandbox.get("/").body.contains("Make a sample"));
    assert!(sandbox.get("/_sandbox/inbox").body.contains("Nothing is sent to it yet."));
    assert_eq!(sandbox.post("/_sandbox/sample", "").location(), "/_sandbox/");
    assert!(sandbox.get("/").body.contains("the subscription of Jenny Rosen"));
    assert!(sandbox.get("/_sandbox/requests").body.contains("/v1/subscriptions"), "how it was made can be read");
    assert_eq!(sandbox.post("/_sandbox/clock", "by=month&from=home").location(), "/_sandbox/");
    sandbox.post("/_sandbox/clock", "by=hour").location();
    assert_eq!(came(&sandbox, "?type=invoice.paid"), ["invoice.paid", "invoice.paid"]);
    assert_eq!(came(&sandbox, "?type=invoice.&limit=1").len(), 1);
    let inbox = sandbox.get("/_sandbox/api/inbox?type=invoice.paid").json();
    let newest = &inbox["data"][0];
    assert_eq!((newest["at"].as_str(), &newest["answer"]["status"]), (Some("2026-02-01T01:00:00Z"), &Value::from(200)));
    assert!(text(&newest["headers"]["Stripe-Signature"]).starts_with("t=1769907600,v1="));
    assert_eq!(newest["body"]["data"]["object"]["billing_reason"], "subscription_cycle");
    let event = text(&newest["body"]["id"]);
    assert!(sandbox.get(&format!("/_sandbox/object?id={event}")).body.contains("The signature is good."));
    // Once more: what is there is used, and there is one more customer.
    sandbox.post("/_sandbox/sample", "").location();
    let count = |path: &str| sandbox.api("GET", path, "")["data"].as_array().map(Vec::len);
    let counts = ["/v1/customers", "/v1/prices", "/v1/webhook_endpoints"].map(count);
    assert_eq!(counts, [Some(2), Some(2), Some(1)]);
    // Another state has another inbox.
    sandbox.post("/_sandbox/state/new", "seed=2").location();
    assert!(came(&sandbox, "").is_empty());
}

#[test]
fn the_inbox_takes_what_is_signed_and_nothing_else() {
    let sandbox = Running::start();
    let refused = sandbox.post("/_sandbox/inbox", "x");
    assert_eq!((refused.status, refused.body.as_str()), (400, "There is no header Stripe-Signature with a time."));
    assert_eq!(sandbox.post("/_sandbox/endpoints/inbox", "").location(), "/_sandbox/inbox");
    let made_up = sandbox.ask("POST", "/_sandbox/inbox", "stripe-signature: t=1767225600,v1=00\r\n", "{}");
    assert_eq!(made_up.status, 400);
    sandbox.api("POST", "/v1/customers", "name=Ann");
    // A delivery is on its way once the request was answered; a move of the clock waits for it.
    sandbox.post("/_sandbox/clock", "by=hour").location();
    assert_eq!(came(&sandbox, ""), ["customer.created"]);
}

#[test]
fn a_checkout_and_a_portal_are_opened_by_a_button() {
    let sandbox = Running::start();
    assert!(sandbox.post("/_sandbox/try/portal", "").body.contains("There is no customer yet"));
    let checkout = sandbox.path(&sandbox.post("/_sandbox/try/checkout", "").location().into());
    assert!(sandbox.get(&checkout).body.contains("Subscribe and pay $20.00"));
    sandbox.post("/_sandbox/sample", "").location();
    let portal = sandbox.path(&sandbox.post("/_sandbox/try/portal", "").location().into());
    assert!(sandbox.get(&portal).body.contains("Change plan"));
    let customer = text(&sandbox.api("GET", "/v1/customers", "")["data"][0]["id"]);
    let portal = sandbox.post("/_sandbox/try/portal", &format!("customer={customer}")).location().to_owned();
    assert!(portal.contains("/p/session/bps_"), "{portal}");
}

#[test]
fn the_guides_commands_work_as_they_stand() {
    let sandbox = Running::start();
    let base = format!("http://{}", sandbox.0);
    let block = GUIDE.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of commands");
    let page = sandbox.get("/").body.replace(&base, ADDRESS);
    assert!(page.contains(block.trim_end()), "the overview shows the same commands");
    let ran = Command::new("sh").args(["-euc", &block.replace(ADDRESS, &base)]).output().expect("sh runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    let expected = GUIDE.split("```text\n").nth(2).and_then(|rest| rest.split("```").next()).expect("what it says");
    assert!(said.starts_with(&expected.replace(ADDRESS, &base)), "{said}");
    for part in
        ["\"now_utc\": \"2026-02-01T00:00:00Z\"", "\"now_utc\": \"2026-02-01T01:00:00Z\"", "The signature is good."]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(said.matches("\n      \"type\": \"invoice.paid\"").count(), 1, "{said}");
}
