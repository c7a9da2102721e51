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
use crate::workspace::Workspace;

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

/// What was built, all in one folder.
pub(crate) struct Built {
    /// The folder.
    pub(crate) folder: PathBuf,
}

impl Windows {
    pub(crate) fn run(self) -> Result<bool> {
        let workspace = Workspace::find()?;
        let built = build(&workspace)?;
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

/// A cargo command that builds for Windows.
pub(crate) fn cargo(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = Command::new(CARGO);
    command.current_dir(&workspace.root).args(arguments);
    command.args(["--locked", "--target", TARGET]);
    command.arg("-Zbuild-std=std,panic_unwind").arg("--target-dir").arg(&workspace.target);
    // What is for Windows alone is compiled nowhere else, so its warnings are met here.
    command.args(["-Zwarnings", "--config", "build.warnings=\"deny\""]);
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
pub(crate) fn build(workspace: &Workspace) -> Result<Built> {
    // In one go: what is built alone has other features, and is compiled again.
    let what = ["-p", "switchyard", "-p", "switchyard-computenetwork", "-p", "switchyard-hcn-sys"];
    let kinds = ["build", "--release", "--bins", "--lib", "--examples"];
    program::run(&mut cargo(workspace, &[&kinds[..], &what[..]].concat()))?;
    let folder = workspace.target.join(TARGET).join("release");
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
