//! The program that is measured: built once, run alone or under an instruction counter.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::program;
use crate::workspace::Workspace;

/// The built program.
pub(crate) struct Measure {
    program: PathBuf,
    folder: PathBuf,
    /// What was counted already, by the words.
    counted: Mutex<BTreeMap<String, Value>>,
}

impl Measure {
    /// Builds it.
    pub(crate) fn build(workspace: &Workspace) -> Result<Self> {
        let mut build = workspace.cargo(&["build", "--quiet", "--package", "xtask"]);
        build.args(["--bin", "measure", "--profile", "optimized"]);
        program::output(&mut build)?;
        let folder = workspace.target.join("optimized");
        let program = folder.join("measure");
        Ok(Self { program, folder, counted: Mutex::default() })
    }

    /// The number it prints.
    pub(super) fn number(&self, words: &[&str]) -> Result<u64> {
        self.answer(words)
    }

    /// What it prints, as JSON.
    pub(crate) fn answer<T: DeserializeOwned>(&self, words: &[&str]) -> Result<T> {
        let printed = program::output(Command::new(&self.program).args(words))?;
        let text = String::from_utf8_lossy(&printed);
        let read = serde_json::from_str(text.trim());
        read.with_context(|| format!("measure {}: {text:?}", words.join(" ")))
    }

    /// What it prints, as JSON, for words that always give the same answer: it is run once for all who ask.
    pub(super) fn count<T: DeserializeOwned>(&self, words: &[&str]) -> Result<T> {
        let name = words.join(" ");
        let counted = || self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counted().get(&name).cloned();
        let answer = match known {
            Some(answer) => answer,
            None => self.answer(words)?,
        };
        counted().insert(name.clone(), answer.clone());
        serde_json::from_value(answer).with_context(|| format!("measure {name}"))
    }

    /// The smallest of the numbers it prints in `times` runs.
    pub(super) fn least(&self, words: &[&str], times: usize) -> Result<u64> {
        let numbers: Vec<u64> =
            (0..times).map(|_| self.number(words)).collect::<Result<Vec<_>>>()?;
        numbers.into_iter().min().context("it was not run at all")
    }

    /// How many instructions run inside its function `function`.
    pub(super) fn instructions(&self, function: &str, words: &[&str]) -> Result<u64> {
        let counts = self.folder.join(format!("callgrind.{function}.{}", words.join("-")));
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--tool=callgrind"]);
        valgrind.arg(format!("--callgrind-out-file={}", counts.display()));
        valgrind.arg(format!("--toggle-collect=measure::{function}"));
        valgrind.arg(&self.program).args(words);
        program::output(&mut valgrind)?;
        let text =
            fs::read_to_string(&counts).with_context(|| format!("read {}", counts.display()))?;
        total(&text).with_context(|| format!("{}: of {function}", counts.display()))
    }
}

/// The sum in the output of callgrind. Nothing at all means that the function was not found.
fn total(text: &str) -> Result<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
        .filter(|total| *total > 0)
        .ok_or_else(|| anyhow!("no instructions were counted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_read() {
        assert_eq!(total("version: 1\nsummary: 7\n\ntotals: 42\n").unwrap(), 42);
        assert!(total("totals: 0\n").is_err());
        assert!(total("").is_err());
    }
}
