//! docs/openapi.json: the API's description as the code gives it, kept in the tree so that a change of it shows.

use crate::{
    Outcome,
    shell::{built, command, output, root, say},
};

/// What the built binary says its API is.
fn described() -> Result<String, String> {
    output(&mut command(built()?, &["openapi"]))
}

/// Writes it down.
pub fn write() -> Outcome {
    let text = described()?;
    std::fs::write(root().join("docs/openapi.json"), text).map_err(|error| format!("docs/openapi.json: {error}"))?;
    say("docs/openapi.json is written");
    Ok(())
}

/// Says whether what is written down is what the code says.
pub fn check() -> Outcome {
    let written = std::fs::read_to_string(root().join("docs/openapi.json")).unwrap_or_default();
    if written == described()? {
        say("docs/openapi.json is fresh");
        Ok(())
    } else {
        Err("docs/openapi.json is not what the code says: run `cargo xtask openapi` and look at the difference".into())
    }
}
