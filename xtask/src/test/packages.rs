//! What the steps need that cargo cannot bring: Debian packages, installed where they are missing.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::Step;
use crate::wine::prefix;
use crate::{program, windows};

/// A program that a step needs.
struct Need {
    /// Its name in the path, or where it is: what Debian brings may be in the path from elsewhere, too.
    program: &'static str,
    package: &'static str,
    /// The steps that need it.
    steps: &'static [Step],
    why: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        program: "git",
        package: "git",
        steps: &[Step::Tidy],
        why: "lists the files of the project",
    },
    Need { program: "g++", package: "g++", steps: &[Step::Fuzz], why: "compiles libFuzzer" },
    Need {
        program: windows::RUSTC,
        package: "rustc-web",
        steps: &[Step::Wine],
        why: "compiles for Windows",
    },
    Need {
        program: windows::CARGO,
        package: "cargo-web",
        steps: &[Step::Wine],
        why: "builds the standard library for Windows",
    },
    Need {
        program: windows::STANDARD_LIBRARY,
        package: "rust-web-src",
        steps: &[Step::Wine],
        why: "is the standard library's source",
    },
    Need {
        program: windows::GCC,
        package: "gcc-mingw-w64-x86-64",
        steps: &[Step::Wine],
        why: "links for Windows",
    },
    Need {
        program: prefix::WINE,
        package: "wine64",
        steps: &[Step::Wine],
        why: "runs Windows programs",
    },
    Need {
        program: "pip3",
        package: "python3-pip",
        steps: &[Step::Kube, Step::Wine],
        why: "brings Go where the path has none that is new enough",
    },
    Need {
        program: "valgrind",
        package: "valgrind",
        steps: &[Step::Bench],
        why: "counts instructions, which say the same on every machine",
    },
];

/// Installs what `steps` need and the machine does not have. Says what and why.
pub(super) fn install(steps: &[Step]) -> Result<()> {
    let wanted = |need: &&Need| need.steps.iter().any(|step| steps.contains(step));
    let missing: Vec<_> =
        NEEDS.iter().filter(wanted).filter(|need| !is_installed(need.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        let steps: Vec<_> = need.steps.iter().map(|step| step.name()).collect();
        let Need { program, package, why, .. } = need;
        println!("missing: {program}, which {why} (step {}): package {package}", steps.join(", "));
    }
    program::run(&mut debian("apt-get", &["update", "--quiet"]))
        .context("read the list of Debian packages")?;
    let mut install =
        debian("apt-get", &["install", "--quiet", "--yes", "--no-install-recommends"]);
    install.args(missing.iter().map(|need| need.package));
    program::run(&mut install).context("install Debian packages")
}

/// Whether the program is in the path.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Keeps packages from asking questions; sudo would not hand it on.
const NONINTERACTIVE: &str = "DEBIAN_FRONTEND=noninteractive";

/// A command that root may run.
fn debian(program: &str, arguments: &[&str]) -> Command {
    let mut command = if is_root() {
        let mut env = Command::new("env");
        env.args([NONINTERACTIVE, program]);
        env
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--", "env", NONINTERACTIVE, program]);
        sudo
    };
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Whether this process is root's: the owner of its entry in `/proc`.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;

    std::fs::metadata(Path::new("/proc/self")).is_ok_and(|entry| entry.uid() == 0)
}
