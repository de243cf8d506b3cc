//! The alert rules, checked and tested by Prometheus' own tool.

use crate::{
    Outcome,
    shell::{self, answers, command, root},
};

/// Where the rules and their tests stand.
const FOLDER: &str = "monitoring/prometheus";

/// Whether the tool is here.
pub fn has_promtool() -> bool {
    answers("promtool", &["--version"])
}

/// Checks the rules and runs their tests.
pub fn check() -> Outcome {
    if !has_promtool() {
        return Err("promtool is missing: `cargo xtask setup` installs it (on Debian: the package prometheus)".into());
    }
    for words in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        shell::run(command("promtool", &words).current_dir(root().join(FOLDER)))?;
    }
    Ok(())
}
