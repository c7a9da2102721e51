//! `cargo xtask fuzz`: arbitrary bytes through the readers, under libFuzzer.
//!
//! The targets are in `fuzz/`. They are built without a sanitizer, as safe code needs none, by the stable compiler: the
//! instrumentation is a pass of LLVM's that the compiler is asked for by name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::program;
use crate::workspace::Workspace;

/// What counts which code an input reaches, and tells libFuzzer what was compared with what.
const INSTRUMENTATION: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg fuzzing",
    "-Clink-dead-code",
    "-Ccodegen-units=1",
];

/// Fast code that still checks everything.
const PROFILE: &[&str] = &[
    "profile.fuzz.inherits='release'",
    "profile.fuzz.lto=false",
    "profile.fuzz.strip='none'",
    "profile.fuzz.debug='line-tables-only'",
    "profile.fuzz.debug-assertions=true",
    "profile.fuzz.overflow-checks=true",
];

/// With `--target`, build scripts and macros are built without the instrumentation.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// No input may be longer, run longer than ten seconds, or take more than a gibibyte.
const LIMITS: &[&str] = &["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"];

/// Each target, and for how many seconds the tests run it.
const BRIEF: &[(&str, u32)] =
    &[("manifests", 10), ("configurations", 5), ("hcn", 4), ("watch", 4), ("addresses", 2)];

/// Puts arbitrary bytes through the readers: nothing may panic, hang or grow.
#[derive(Args)]
pub(crate) struct Fuzz {
    /// The target: a program in `fuzz/targets`.
    #[arg(long, default_value = "manifests")]
    target: String,
    /// For how long.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// One input again, instead of new ones: what a crash left.
    #[arg(long)]
    input: Option<PathBuf>,
}

impl Fuzz {
    /// The brief runs that are part of the tests.
    pub(crate) fn brief() -> Result<bool> {
        for (target, seconds) in BRIEF {
            let run = Self { target: (*target).to_owned(), seconds: *seconds, input: None };
            if !run.run()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn run(self) -> Result<bool> {
        let workspace = Workspace::find()?;
        let program = self.build(&workspace)?;
        let mut fuzz = Command::new(program);
        fuzz.current_dir(&workspace.root).args(LIMITS);
        if let Some(input) = &self.input {
            fuzz.arg(std::path::absolute(input)?);
            program::run(&mut fuzz)?;
            return Ok(true);
        }
        let corpus = workspace.root.join("fuzz").join("corpus").join(&self.target);
        if !corpus.is_dir() {
            bail!("{} is no folder", workspace.relative(&corpus).display());
        }
        let found = folder(&workspace.target, &self.target, "corpus")?;
        let crashes = folder(&workspace.target, &self.target, "crashes")?;
        let before = files(&crashes)?;
        fuzz.arg(format!("-max_total_time={}", self.seconds));
        fuzz.arg(format!("-artifact_prefix={}/", crashes.display()));
        fuzz.args(["-print_final_stats=1", "-print_pcs=0", "-verbosity=0"]);
        // New inputs go to the first folder.
        fuzz.arg(found).arg(corpus);
        let ran = program::run_saying(&mut fuzz, is_news);
        for input in files(&crashes)?.into_iter().filter(|input| !before.contains(input)) {
            println!("a crash: {}", input.display());
            println!(
                "to see it again: cargo xtask fuzz --target {} --input {}",
                self.target,
                input.display()
            );
        }
        ran.map(|()| true)
    }

    fn build(&self, workspace: &Workspace) -> Result<PathBuf> {
        let folder = workspace.target.join("fuzz");
        let mut build = workspace.cargo(&["build", "--package", "switchyard-fuzz"]);
        build.args(["--features", "libfuzzer", "--profile", "fuzz", "--target", PLATFORM]);
        build.args(["--bin", &self.target]).arg("--target-dir").arg(&folder);
        for setting in PROFILE {
            build.args(["--config", setting]);
        }
        build.env("RUSTFLAGS", INSTRUMENTATION.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS");
        program::run(&mut build)?;
        Ok(folder.join(PLATFORM).join("fuzz").join(&self.target))
    }
}

/// Whether a line of libFuzzer's is worth showing: not its list of words that helped, which is long.
fn is_news(line: &str) -> bool {
    let is_word = line.starts_with('"') && line.contains("\" # Uses: ");
    !is_word && !line.starts_with("######")
}

fn folder(target: &Path, name: &str, what: &str) -> Result<PathBuf> {
    let folder = target.join("fuzz").join(what).join(name);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    Ok(folder)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut files =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    files.sort();
    Ok(files)
}
