//! The baselines are right, or comparing with them means nothing: credits raced for are spent once each.

use super::{
    lab::{Lab, progress},
    process::Server,
    sections::baselines::seeded,
};
use std::{collections::BTreeSet, sync::Barrier};

/// Callers that start at once.
const CALLERS: usize = 64;

/// Races for the credits of one customer, and with one key, on each baseline.
pub fn run(lab: &Lab) -> Result<(), String> {
    check(lab, "Rust", |lab, url| Server::rust(lab, url, 16))?;
    check(lab, "Node", |lab, url| Server::node(lab, url, 16, 1))?;
    check(lab, "Node in two processes", |lab, url| Server::node(lab, url, 8, 2))
}

fn check(lab: &Lab, name: &str, start: impl Fn(&Lab, &str) -> Result<Server, String>) -> Result<(), String> {
    // Two customers with two grants of five credits.
    let database = seeded(lab, 2, 2, 5)?;
    let server = start(lab, &database.url)?;
    let fails = |what: &str, found: &str| format!("the baseline in {name}: {what}, but {found}");
    let answers = race(&server, |caller| spend(0, &format!("race-{caller}")))?;
    let accepted = answers.iter().filter(|(status, _)| *status == 200).count();
    let refused = answers.iter().filter(|(status, _)| *status == 402).count();
    if (accepted, refused) != (10, 54) {
        return Err(fails("of 64 spends 10 have credits", &format!("{accepted} were accepted, {refused} refused")));
    }
    let answers = race(&server, |_| spend(1, "one-key"))?;
    let ids: BTreeSet<&str> =
        answers.iter().filter_map(|(_, body)| body.split("\"id\":\"").nth(1)?.split('"').next()).collect();
    let replayed = answers.iter().filter(|(status, body)| *status == 200 && body.contains("\"replayed\":true")).count();
    if (ids.len(), replayed) != (1, 63) {
        return Err(fails("64 spends with one key are one", &format!("{} ids, {replayed} replayed", ids.len())));
    }
    let sums = lab.cluster.psql(
        &database.url,
        "SELECT (SELECT sum(remaining) FROM grants), (SELECT sum(amount) FROM ledger), \
         (SELECT sum(consumed) FROM usage_days), (SELECT count(*) FROM idempotency_keys)",
    );
    if sums != "9|11|11|11" {
        return Err(fails("11 spends of 20 credits leave 9", &sums));
    }
    progress(&format!("the baseline in {name} is right"));
    Ok(())
}

/// A spend of one credit.
fn spend(customer: u32, key: &str) -> String {
    format!(r#"{{"customer_id":"bench-{customer:07}","amount":1,"idempotency_key":"{key}"}}"#)
}

/// Sends all bodies at once; answers what came back.
fn race(server: &Server, body: impl Fn(usize) -> String + Sync) -> Result<Vec<(u16, String)>, String> {
    let line = Barrier::new(CALLERS);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (line, body) = (&line, &body);
                scope.spawn(move || {
                    let body = body(caller);
                    line.wait();
                    server.ask("POST", "/api/v1/consume", &body)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().map_err(|_| "a caller panicked".to_owned())?).collect()
    })
}
