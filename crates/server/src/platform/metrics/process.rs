//! What this process uses, as Linux tells; elsewhere it is not told.

use std::fs;

/// Ticks a second of `/proc/self/stat`: 100 on every Linux Purser is built for.
const TICKS: u64 = 100;

/// Sets the gauges of memory, processor time and open files.
pub(super) fn observe() {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}"));
    if let Some(bytes) = read("status").ok().and_then(|text| resident(&text)) {
        metrics::gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
    if let Some(ticks) = read("stat").ok().and_then(|text| ticks(&text)) {
        metrics::counter!("process_cpu_seconds_total").absolute(ticks / TICKS);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // The folder itself is open while it is read.
        metrics::gauge!("process_open_fds").set(open.count().saturating_sub(1) as f64);
    }
}

/// The resident bytes of `/proc/self/status`.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The ticks used by the program and for it of `/proc/self/stat`: fields 14 and 15, the name in brackets being the 2nd.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (own, systems): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    own.checked_add(systems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_read() {
        assert_eq!(resident("Name:\tpurser\nVmRSS:\t   38912 kB\nThreads: 9\n"), Some(39_845_888));
        assert_eq!(resident("Name:\tpurser\n"), None);
        let stat = "7 (a )( name) S 1 7 7 0 -1 4194560 5000 0 0 0 250 50 0 0 20 0 9 0 88 1 2";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (name"), None);
    }
}
