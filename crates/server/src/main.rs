//! The command `purser`.

fn main() -> std::process::ExitCode {
    purser::cli::run()
}
