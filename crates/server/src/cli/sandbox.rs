//! `purser sandbox`: a Stripe on this machine, to be clicked through, called and moved in time.

use crate::{platform::clock::Clock, say::say};
use clap::Args;
use purser_rules::Time;
use purser_stripe_sim::{Clock as SandboxClock, Sandbox as Stripe, Settings};
use std::{
    fs,
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
};
use tokio::{net::TcpListener, signal};

/// What the sandbox is started with.
#[derive(Args, Debug)]
pub(super) struct Sandbox {
    /// Address and port to listen at.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:12111")]
    listen: SocketAddr,
    /// The same seed and the same requests give the same ids, faults and bytes.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Lets the clock stand at this instant until it is moved, such as 2026-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME", conflicts_with = "load")]
    at: Option<String>,
    /// Goes on from a state that was dumped. A clock that stood stands on.
    #[arg(long, value_name = "FILE")]
    load: Option<PathBuf>,
    /// Writes the state here when it is stopped.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Writes every request and answer here, a line of JSON each.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Serves until it is told to stop.
pub(super) async fn run(asked: Sandbox) -> Result<ExitCode, String> {
    let Sandbox { listen, seed, at, load: loaded, dump, record } = asked;
    let load = match &loaded {
        Some(file) => {
            let read = fs::read_to_string(file);
            Some(read.map_err(|error| format!("--load {}: it cannot be read: {error}.", file.display()))?)
        }
        None => None,
    };
    let clock = match &at {
        Some(text) => SandboxClock::Standing(seconds(text)?),
        None => SandboxClock::Going(Box::new(|| Clock::system().now().micros().div_euclid(1_000_000))),
    };
    if let Some(file) = &dump {
        can_be_written(file)?;
    }
    let listener = TcpListener::bind(listen).await.map_err(|error| not_free(listen, &error))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let base = format!("http://{}", reached(address));
    let file = loaded.map_or_else(String::new, |file| format!("--load {}: ", file.display()));
    let stripe =
        Stripe::new(Settings { seed, clock, load, record }, &base).map_err(|error| format!("{file}{error}."))?;
    invite(&base, at.as_deref());
    let state = stripe.state();
    tokio::select! {
        served = stripe.serve(listener) => served.map_err(|error| format!("The sandbox stopped: {error}."))?,
        _ = signal::ctrl_c() => {}
        () = ended() => {}
    }
    if let Some(file) = dump {
        kept(&file, &state.dump()).map_err(|error| format!("{}: {error}.", file.display()))?;
        say(format_args!("The state is in {}: go on from it with --load.", file.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a state whole or not at all: what was in the file stays until the new one is on the disk.
pub(super) fn kept(file: &Path, state: &str) -> std::io::Result<()> {
    let beside = beside(file);
    let mut open = fs::File::create(&beside)?;
    open.write_all(state.as_bytes())?;
    open.sync_all()?;
    fs::rename(&beside, file)
}

/// Where a state stands until it is whole.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Waits for the signal that a service manager ends it with.
async fn ended() {
    match signal::unix::signal(signal::unix::SignalKind::terminate()) {
        Ok(mut told) => drop(told.recv().await),
        Err(_) => std::future::pending().await,
    }
}

/// Sees before anything is done that the state can be kept at the end.
fn can_be_written(file: &Path) -> Result<(), String> {
    let beside = beside(file);
    let tried = if file.is_dir() { Err(std::io::ErrorKind::IsADirectory.into()) } else { fs::File::create(&beside) };
    let tried = tried.and_then(|_| fs::remove_file(&beside));
    tried.map_err(|error| format!("--dump {}: it cannot be written: {error}.", file.display()))
}

/// Why it cannot listen, and what to do.
fn not_free(listen: SocketAddr, error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        let other = SocketAddr::new(listen.ip(), listen.port().wrapping_add(1).max(1024));
        return format!("Something listens at {listen} already, perhaps another sandbox. Try --listen {other}.");
    }
    format!("It cannot listen at {listen}: {error}.")
}

/// Where one reaches what listens at `address`: at this machine itself, if it listens at all its addresses.
pub(super) fn reached(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn seconds(text: &str) -> Result<i64, String> {
    let time =
        Time::parse(text).ok_or_else(|| format!("--at: `{text}` is no instant. Write it as 2026-01-01T00:00:00Z."))?;
    Ok(time.micros().div_euclid(1_000_000))
}

/// What the person who started it needs.
fn invite(base: &str, at: Option<&str>) {
    say(format_args!("A Stripe sandbox listens at {base}. No money moves."));
    say(format_args!("  Control page  {base}/ (to begin with, press “Make a sample” there)"));
    say("  Key           any that begins with sk_test_, such as sk_test_sandbox");
    say(format_args!("  Purser        STRIPE_API_BASE={base} STRIPE_SECRET_KEY=sk_test_sandbox"));
    say(format_args!("  Stripe's CLI  stripe trigger invoice.paid --api-base {base} --api-key sk_test_sandbox"));
    match at {
        Some(at) => say(format_args!("Its clock stands at {at}: move it on the control page.")),
        None => say("Its clock goes with this machine's: move it ahead on the control page."),
    }
    say("Ctrl-C ends it.");
}

#[cfg(test)]
mod tests {
    use super::{not_free, reached};
    use std::io::{Error, ErrorKind};

    #[test]
    fn an_address_that_is_taken_leads_to_another_one() {
        let taken = "127.0.0.1:12111".parse().expect("an address");
        let said = not_free(taken, &Error::from(ErrorKind::AddrInUse));
        assert!(said.ends_with("Try --listen 127.0.0.1:12112."), "{said}");
        let said = not_free("127.0.0.1:80".parse().expect("an address"), &Error::from(ErrorKind::PermissionDenied));
        assert!(said.starts_with("It cannot listen at 127.0.0.1:80: "), "{said}");
    }

    #[test]
    fn the_address_that_is_said_can_be_opened() {
        for (listens, shown) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("192.0.2.1:1", "192.0.2.1:1"),
            ("127.0.0.1:1", "127.0.0.1:1"),
        ] {
            assert_eq!(reached(listens.parse().expect("an address")).to_string(), shown);
        }
    }
}
