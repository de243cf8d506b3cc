//! kill -9 of the real binary under load: what was acknowledged is there, what was not can be sent again.

use crate::{
    load::Load,
    server::{Start, until},
    store::{Kind, Store, on_both},
};

on_both!(killed_under_load_loses_nothing);

/// How many writes are acknowledged before each kill.
const BEFORE: usize = 150;
const CALLERS: usize = 16;

/// How often to kill: three times, more in `cargo xtask soak`.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the product")]
fn kills() -> usize {
    std::env::var("PURSER_TEST_KILLS").map_or(3, |text| text.parse().expect("PURSER_TEST_KILLS is a number"))
}

fn killed_under_load_loses_nothing(kind: Kind) {
    let store = Store::new(kind);
    let start = Start::on(&store);
    let mut before = crate::load::Record::default();
    let mut given = 0;
    for round in 0..kills() {
        given += 100_000;
        let mut server = start.serve();
        let load = Load::start(&[server.client()], CALLERS, round);
        until("enough writes are acknowledged", || load.acknowledged() >= BEFORE);
        server.kill_9();
        let mut record = load.stop();
        assert!(record.done.len() >= BEFORE);

        let server = start.serve();
        record.is_all_there(&server.client()).unwrap_or_else(|lost| panic!("round {round}: {lost}"));
        before.done.extend(record.done);
        before.add_up(&server.client(), given);
        drop(server);
        start.verify();
    }
}

#[test]
fn killed_beside_another_node_leaves_it_at_work() {
    let store = Store::new(Kind::Postgres);
    let start = Start::on(&store);
    let (mut one, other) = (start.serve(), start.serve());
    let load = Load::start(&[one.client(), other.client()], CALLERS, 0);
    until("both work", || load.acknowledged() >= BEFORE);
    one.kill_9();
    let at_the_kill = load.acknowledged();
    until("the other goes on", || load.acknowledged() >= at_the_kill + BEFORE);
    let mut record = load.stop();
    record.is_all_there(&other.client()).unwrap_or_else(|lost| panic!("{lost}"));
    record.add_up(&other.client(), 100_000);
    start.verify();
}
