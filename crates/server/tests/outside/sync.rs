//! `purser stripe sync` as a command: an account of several pages over HTTP, killed midway, beside a server, twice.

use crate::{
    client::builder,
    server::{Start, said, until},
    store::{Kind, Store, on_both},
};
use reqwest::blocking::Client as Http;
use serde_json::Value;
use std::{
    net::TcpListener,
    process::{Child, Stdio},
};

on_both!(killed_midway_and_run_again_it_is_whole);

const KEY: &str = "sk_test_sync0123456789";
/// Customers of the account, with a subscription and an invoice each.
const CUSTOMERS: usize = 110;

/// A running `purser sandbox`. Killed when dropped.
struct Sandbox {
    child: Child,
    base: String,
    http: Http,
}

impl Sandbox {
    fn start(start: &Start) -> Self {
        let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("a free port");
        let mut command = start.command(&["sandbox", "--listen", &address.to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the sandbox starts");
        let sandbox = Self { child, base: format!("http://{address}"), http: builder().build().expect("a client") };
        let clock = format!("{}/_sandbox/api/clock", sandbox.base);
        until("the sandbox answers", || sandbox.http.get(&clock).send().is_ok());
        sandbox
    }

    /// Makes something; answers its id.
    fn make(&self, path: &str, form: String, key: &str) -> String {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(KEY);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.header("idempotency-key", key).body(form).send().expect("an answer");
        let status = answer.status();
        let made: Value = answer.json().expect("JSON");
        assert_eq!(status, 200, "{path}: {made}");
        made["id"].as_str().expect("an id").to_owned()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An account whose customers say by their metadata who they are.
fn peopled(sandbox: &Sandbox) {
    let product = sandbox.make("/v1/products", "name=Gold".to_owned(), "product");
    let form = format!(
        "currency=usd&unit_amount=2000&product={product}&recurring[interval]=month&metadata[credits]=500&\
         metadata[planFamily]=gold"
    );
    let price = sandbox.make("/v1/prices", form, "price");
    for n in 0..CUSTOMERS {
        let form = format!(
            "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa&\
             metadata[purser_customer_id]=team-{n}"
        );
        let customer = sandbox.make("/v1/customers", form, &format!("customer-{n}"));
        let form = format!("customer={customer}&items[0][price]={price}");
        sandbox.make("/v1/subscriptions", form, &format!("subscription-{n}"));
    }
}

/// How many rows there are.
fn count(store: &Store, table: &str) -> usize {
    store.ask(&format!("SELECT count(*) FROM {table}")).trim().parse().expect("a count")
}

fn killed_midway_and_run_again_it_is_whole(kind: Kind) {
    let store = Store::new(kind);
    let sandbox = Sandbox::start(&Start::on(&store));
    peopled(&sandbox);
    let start = Start::on(&store).env("STRIPE_SECRET_KEY", KEY).env("STRIPE_API_BASE", &sandbox.base);
    let without = Start::on(&store).run(&["stripe", "sync"]);
    assert_eq!(without.status.code(), Some(1), "{}", said(&without));
    assert!(said(&without).contains("Set STRIPE_SECRET_KEY."), "{}", said(&without));
    let dry = start.run(&["stripe", "sync", "--dry-run", "--rate", "100"]);
    assert!(dry.status.success() && said(&dry).contains("Nothing was written."), "{}", said(&dry));
    assert_eq!((count(&store, "customers"), count(&store, "stripe_mirrors")), (0, 0));

    // Beside a server that works, and killed twice: among the customers, and among what they have.
    let server = start.serve();
    for (table, most) in [("customers", 5), ("stripe_mirrors", CUSTOMERS + 5)] {
        let mut sync = start.command(&["stripe", "sync", "--rate", "100"]);
        let mut sync = sync.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("purser starts");
        until("some of it is there", || count(&store, table) >= most);
        sync.kill().expect("it can be killed");
        sync.wait().expect("it is gone");
    }
    let done = start.run(&["stripe", "sync", "--rate", "100"]);
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(count(&store, "customers"), CUSTOMERS);
    assert_eq!((count(&store, "subscriptions"), count(&store, "invoices")), (CUSTOMERS, CUSTOMERS));
    assert_eq!(count(&store, "subscription_changes"), CUSTOMERS, "each was put down once");
    let current = server.client().get("/customers/team-7/subscription").expect(200);
    assert_eq!((&current["plan"]["family"], &current["access"]), (&Value::from("gold"), &Value::from(true)));

    let again = start.run(&["stripe", "sync", "--rate", "100"]);
    assert!(again.status.success(), "{}", said(&again));
    assert_eq!(count(&store, "subscription_changes"), CUSTOMERS, "the second time changes nothing");
    let bad = start.run(&["stripe", "sync", "--rate", "0"]);
    assert_eq!(bad.status.code(), Some(2), "{}", said(&bad));
    drop(server);
    start.verify();
}
