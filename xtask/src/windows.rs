//! `cargo xtask windows`: what ships for Windows, and the libraries that stand in for HNS under Wine, built on Linux.
//!
//! Debian's `rustc-web` compiles, and brings the sources of the standard library, which is built for Windows here: Debian has
//! no binary one. Linking and the C parts are mingw's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::program;
use crate::workspace::{Workspace, without_package};

/// The compiler that has the sources of its standard library beside it.
pub(crate) const RUSTC: &str = "/usr/bin/rustc";
/// Cargo of the same version.
pub(crate) const CARGO: &str = "/usr/bin/cargo";
/// The sources.
pub(crate) const STANDARD_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
/// The C compiler, which links, too.
pub(crate) const GCC: &str = "x86_64-w64-mingw32-gcc";
/// What is built for.
const TARGET: &str = "x86_64-pc-windows-gnu";

/// Builds switchyard.exe and the libraries of an emulated HNS for Windows.
#[derive(Args)]
pub(crate) struct Windows {}

/// How programs are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As they ship: optimized, each as a whole.
    Shipped,
    /// As while one works: in a small part of the time, and for tests of theirs, too.
    Quick,
}

impl Kind {
    /// Cargo's name of it, and of its folder.
    fn profile(self) -> (&'static str, &'static str) {
        match self {
            Self::Shipped => ("release", "release"),
            Self::Quick => ("dev", "debug"),
        }
    }
}

/// What was built, all in one folder.
pub(crate) struct Built {
    /// The folder.
    pub(crate) folder: PathBuf,
}

impl Windows {
    pub(crate) fn run(self) -> Result<bool> {
        let workspace = Workspace::find()?;
        let built = build(&workspace, Kind::Shipped)?;
        for name in SHOWN {
            println!("{}", workspace.relative(&built.file(name)).display());
        }
        Ok(true)
    }
}

/// What people come for.
const SHOWN: [&str; 4] =
    ["switchyard.exe", "computenetwork.dll", "vmcompute.dll", "bcryptprimitives.dll"];

impl Built {
    /// A file by its name.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The libraries that go into System32.
    pub(crate) fn libraries(&self) -> impl Iterator<Item = PathBuf> {
        SHOWN.iter().filter(|name| name.ends_with(".dll")).map(|name| self.file(name))
    }
}

/// What is compiled for Windows. Always all of it: what is compiled with less beside it has other features, and is compiled again.
const PACKAGES: [&str; 5] = [
    "switchyard",
    "switchyard-agent",
    "switchyard-computenetwork",
    "switchyard-hcn-sys",
    "switchyard-windows-host",
];

/// A cargo command that compiles for Windows.
pub(crate) fn cargo(workspace: &Workspace, kind: Kind, arguments: &[&str]) -> Command {
    let mut command = Command::new(CARGO);
    command.current_dir(&workspace.root).args(arguments);
    command.args(PACKAGES.iter().flat_map(|name| ["--package", name]));
    command.args(["--locked", "--target", TARGET, "--profile", kind.profile().0]);
    // Nothing under Wine reads it, and it is most of what would be written.
    command.env("CARGO_PROFILE_DEV_DEBUG", "none");
    // With what tests need, whether or not there are any: without it, everything is compiled again for tests.
    command.arg("-Zbuild-std=std,panic_unwind,test").arg("--target-dir").arg(&workspace.target);
    // What is for Windows alone is compiled nowhere else, so its warnings are met here.
    command.args(["-Zwarnings", "--config", "build.warnings=\"deny\""]);
    without_package(&mut command);
    // Whoever runs this may do so by another cargo, whose choices are not for this one.
    for inherited in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTDOC", "CARGO_BUILD_TARGET"] {
        command.env_remove(inherited);
    }
    // Only unstable builds build the standard library, and this compiler is a stable one.
    command.env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", GCC);
    command
}

/// Builds everything.
pub(crate) fn build(workspace: &Workspace, kind: Kind) -> Result<Built> {
    program::run(&mut cargo(workspace, kind, &["build", "--bins", "--lib", "--examples"]))?;
    let folder = workspace.target.join(TARGET).join(kind.profile().1);
    let built = Built { folder };
    // The same library under the name of the older one: it has the functions of both.
    let (one, other) = (built.file("computenetwork.dll"), built.file("vmcompute.dll"));
    fs::copy(&one, &other).with_context(|| format!("copy {}", one.display()))?;
    let source = workspace.root.join("dll/bcryptprimitives/process_prng.c");
    library(&source, &built.file("bcryptprimitives.dll"))?;
    Ok(built)
}

/// Compiles a library from one file of C.
fn library(source: &Path, library: &Path) -> Result<()> {
    let mut gcc = Command::new(GCC);
    gcc.args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-s", "-o"])
        .arg(library);
    gcc.arg(source).arg("-ladvapi32");
    program::run(&mut gcc)
}
