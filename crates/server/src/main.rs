//! The command `purser`.

use mimalloc::MiMalloc;

/// A spend is made on one thread and let go on another, where the C library's allocator waits for locks (decision 20).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> std::process::ExitCode {
    purser::cli::run()
}
