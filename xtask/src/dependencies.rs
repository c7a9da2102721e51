//! Step `dependencies`: `deny.toml` against `Cargo.lock`.

use anyhow::Result;

use crate::program;
use crate::workspace::Workspace;

/// The version of cargo-deny that reads `deny.toml`.
const VERSION: &str = "0.20.2";

/// Runs cargo-deny, which is built first where `target/tools` does not have it.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("tools").join(format!("cargo-deny-{VERSION}"));
    let tool = folder.join("bin").join("cargo-deny");
    if !tool.is_file() {
        println!("building cargo-deny {VERSION}, once");
        // It is done in a moment however it is compiled, and this compiles sooner.
        let mut install = workspace.cargo(&["install", "cargo-deny", "--locked", "--debug"]);
        install.args(["--version", VERSION, "--root"]).arg(&folder);
        install.arg("--target-dir").arg(workspace.target.join("tools").join("build"));
        program::run(&mut install)?;
    }
    let mut deny = std::process::Command::new(tool);
    deny.current_dir(&workspace.root).args(["--locked", "check", "bans", "licenses", "sources"]);
    program::run(&mut deny)
}
