//! The project's own tests that ask Windows itself: pipes, access rights, console events, the event log; the agent; the proxy as a
//! process and as a service.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::prefix::Prefix;
use crate::program;
use crate::windows::{self, Kind};
use crate::workspace::Workspace;

/// What of the tests has something of Windows.
const TESTS: [&str; 7] = ["--lib", "--test", "windows", "--test", "agent", "--test", "proxy"];

/// Builds them and runs them.
pub(super) fn run(workspace: &Workspace, prefix: &Prefix) -> Result<()> {
    let programs = build(workspace)?;
    ensure!(!programs.is_empty(), "there are no tests to run under Wine");
    for program in &programs {
        // Few at once: each starts processes of its own, and all of them share one server of Wine's.
        program::run(prefix.command(program).arg("--test-threads=2"))?;
    }
    println!("tests under Wine: {} programs", programs.len());
    Ok(())
}

/// The programs with the tests. They are never built as they ship, which is optimized for each program anew.
fn build(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let what = ["test", "--no-run", "--message-format=json"];
    let mut cargo = windows::cargo(workspace, Kind::Quick, &[&what[..], &TESTS].concat());
    println!("$ {}", program::words(&cargo));
    let said = program::output(&mut cargo)?;
    let said = String::from_utf8(said).context("what cargo says is not UTF-8")?;
    let messages = said.lines().map(|line| {
        serde_json::from_str::<Value>(line).with_context(|| format!("read {line:?} of cargo"))
    });
    let messages = messages.collect::<Result<Vec<_>>>()?;
    Ok(messages.iter().filter_map(test_program).map(PathBuf::from).collect())
}

/// The program of tests that a message of cargo's tells of.
fn test_program(message: &Value) -> Option<&str> {
    let is_test = message["profile"]["test"].as_bool().unwrap_or_default();
    message["executable"].as_str().filter(|_| is_test)
}
