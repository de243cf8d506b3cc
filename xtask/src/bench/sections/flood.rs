//! What other callers notice of a key that asks far more than it may.

use crate::{
    bench::{
        database::{BOTH, Database, Fill, Kind},
        generator::Load,
        lab::{Lab, Measured, Sheet, progress},
        process::Server,
        record::Figures,
    },
    local::ask,
    shell::command,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    net::SocketAddr,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

/// Requests a minute that each key may send: the flood's are used up in seconds, the others' are not in a run.
const LIMIT: &str = "120000";

/// The others: few, so that the machine is not busy with them.
const OTHERS: Load = Load { callers: 4, ..Load::USUAL };

/// The name of a row.
pub fn name(kind: Kind, flooded: bool) -> String {
    format!("{}, {}", kind.name(), if flooded { "under the flood" } else { "alone" })
}

/// Two rows for each database.
pub fn measure(sheet: &mut Sheet<'_>) {
    let lab = sheet.lab;
    let shown = OTHERS.shown(&["--url", "$URL"], lab.effort);
    for kind in BOTH {
        let both = format!("wrk -t 1 -c 256 -H \"Authorization: Bearer $FLOOD\" $URL{PATH} & {shown}");
        sheet.in_turn(vec![
            Measured::new(&name(kind, false), &shown, || run(lab, kind, false)),
            Measured::new(&name(kind, true), &both, || run(lab, kind, true)),
        ]);
    }
}

/// What the flood asks for.
const PATH: &str = "/api/v1/customers/bench-0000001/balance";

fn run(lab: &Lab, kind: Kind, flooded: bool) -> Result<Figures, String> {
    let database = Database::copy(lab, kind, Fill::USUAL)?;
    let server = Server::purser(lab, &database.url, &[("PURSER_REQUESTS_PER_KEY", LIMIT)])?;
    if !flooded {
        return OTHERS.over_http(&[&server.url], lab.effort);
    }
    let flood = Flood::start(&server)?;
    let figures = OTHERS.over_http(&[&server.url], lab.effort);
    let (rate, limited) = flood.stop()?;
    let mut figures = figures?;
    figures.extend([("flood".to_owned(), rate), ("limited".to_owned(), limited)]);
    Ok(figures)
}

/// A `wrk` that sends with a key of its own; ended when dropped.
struct Flood {
    wrk: Child,
    started: Instant,
}

impl Flood {
    /// Starts it and waits until its key is over its limit.
    fn start(server: &Server) -> Result<Self, String> {
        let (_, made) = server.ask("POST", "/api/v1/admin/keys", r#"{"name": "flood", "role": "service"}"#)?;
        let made: serde_json::Value = serde_json::from_str(&made).map_err(|error| format!("{made}: {error}"))?;
        let secret = made["secret"].as_str().ok_or("the key has no secret")?.to_owned();
        let header = format!("Authorization: Bearer {secret}");
        let url = format!("{}{PATH}", server.url);
        let mut wrk = command("wrk", &["-t", "1", "-c", "256", "-d", "600", "-H", &header, &url]);
        let wrk = wrk.stdout(Stdio::piped()).spawn().map_err(|error| format!("wrk could not be started: {error}"))?;
        let flood = Self { wrk, started: Instant::now() };
        let address: SocketAddr = server.url.trim_start_matches("http://").parse().map_err(|_| "no address")?;
        while !ask(address, "GET", PATH, Some(&secret), "").is_ok_and(|(status, _)| status == 429) {
            if flood.started.elapsed() > Duration::from_secs(120) {
                return Err(format!("the flood was not over {LIMIT} requests a minute in two minutes"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        progress(&format!("  the flood is over its limit after {} s", flood.started.elapsed().as_secs()));
        Ok(flood)
    }

    /// Ends it; answers its requests a second and how many in all were limited.
    fn stop(mut self) -> Result<(u64, u64), String> {
        let pid = i32::try_from(self.wrk.id()).map_err(|error| error.to_string())?;
        kill(Pid::from_raw(pid), Signal::SIGINT).map_err(|error| error.to_string())?;
        let mut said = String::new();
        if let Some(pipe) = self.wrk.stdout.as_mut() {
            std::io::Read::read_to_string(pipe, &mut said).map_err(|error| error.to_string())?;
        }
        let number = |label: &str| {
            let line = said.lines().find_map(|line| line.trim().strip_prefix(label))?;
            line.trim().split('.').next()?.parse().ok()
        };
        let rate = number("Requests/sec:").ok_or_else(|| format!("wrk did not say its rate: {said}"))?;
        Ok((rate, number("Non-2xx or 3xx responses:").unwrap_or_default()))
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        let _ = self.wrk.kill();
        let _ = self.wrk.wait();
    }
}
