//! No answer leaves before its fsync: the database runs over a layer that keeps only what was synced, all is
//! killed, and starts again from that.

mod cluster;

use crate::{
    client::Client,
    load::{Load, Record},
    server::{Start, preload, until},
};
use cluster::Forgetful;
use std::path::{Path, PathBuf};

#[test]
fn what_was_answered_survives_the_loss_of_all_unsynced_writes() {
    after_a_power_cut(false).expect("everything acknowledged is there");
}

/// Shows that the test above can fail: a disk that says it synced and did not is found out.
#[test]
fn a_disk_that_lies_about_fsync_is_found_out() {
    let lost = after_a_power_cut(true).expect_err("answers must be missing");
    println!("found: {lost}");
}

#[test]
fn what_was_answered_survives_the_loss_of_all_postgres_did_not_sync() {
    after_a_power_cut_of_postgres(false).expect("everything acknowledged is there");
}

/// Shows that the test above can fail.
#[test]
fn a_disk_that_lies_to_postgres_is_found_out() {
    let lost = after_a_power_cut_of_postgres(true).expect_err("answers must be missing");
    println!("found: {lost}");
}

/// Load, a power cut, and a start from what had been synced. With `lies`, syncs stop counting half way.
fn after_a_power_cut(lies: bool) -> Result<(), String> {
    let folder = tempfile::Builder::new().prefix("purser-durable").tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["live", "synced"] {
        std::fs::create_dir(at(name)).expect("a folder");
    }
    let mut start = Start::at(&url(&at("live")), folder.path());
    for (name, value) in layer(folder.path(), "live") {
        start = start.env(name, value.display());
    }
    let mut server = start.serve();
    let load = loaded(&server.client(), lies.then(|| at("lies")));
    server.kill_9();
    is_kept(load.stop(), &Start::at(&url(&at("synced")), folder.path()))
}

/// The same of a whole PostgreSQL cluster, and of the server beside it.
fn after_a_power_cut_of_postgres(lies: bool) -> Result<(), String> {
    let folder = tempfile::Builder::new().prefix("purser-durable").tempdir().expect("a temporary folder");
    let cluster = Forgetful::start();
    let start = Start::at(&cluster.url, folder.path());
    let mut server = start.serve();
    let load = loaded(&server.client(), lies.then(|| cluster.at("lies")));
    cluster.kill_9();
    server.kill_9();
    let record = load.stop();
    cluster.back_to_what_was_synced();
    is_kept(record, &start)
}

/// A load of which much was acknowledged, half of it after the disk began to lie, if it is to.
fn loaded(client: &Client, lies: Option<PathBuf>) -> Load {
    let load = Load::start(std::slice::from_ref(client), 16, 0);
    until("the load runs", || load.acknowledged() >= 100);
    if let Some(lies) = lies {
        std::fs::write(lies, "").expect("a file");
    }
    let so_far = load.acknowledged();
    until("more is acknowledged", || load.acknowledged() >= so_far + 200);
    load
}

/// Whether all that was acknowledged is there when `start` starts.
fn is_kept(mut record: Record, start: &Start) -> Result<(), String> {
    let server = start.serve();
    record.is_all_there(&server.client())?;
    record.add_up(&server.client(), 100_000);
    drop(server);
    start.verify();
    Ok(())
}

/// The database in `folder`.
fn url(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("purser.db").display())
}

/// Compiles the layer into `folder`; answers what a program needs to run over it: its files are those under
/// `live`, what it synced is kept under `synced`, until there is a file `lies`.
fn layer(folder: &Path, live: &str) -> [(&'static str, PathBuf); 4] {
    let library = preload("durability/shim.c", folder);
    [
        ("LD_PRELOAD", library),
        ("SHADOW_OF", folder.join(live)),
        ("SHADOW", folder.join("synced")),
        ("SHADOW_LIES", folder.join("lies")),
    ]
}
