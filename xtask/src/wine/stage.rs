//! One HNS of its own for one check, and the programs that are run on it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::prefix::{Prefix, printed, windows_path};

/// How long anything may take that is waited for, in looks, and how often it is looked at.
const LOOKS: u32 = 600;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// An HNS that is told what it begins with, and where its files are.
pub(super) struct Stage<'a> {
    prefix: &'a Prefix,
    /// An empty folder of the check's own.
    pub(super) folder: PathBuf,
}

impl<'a> Stage<'a> {
    /// One whose HNS begins with `setup`, a Setup document.
    pub(super) fn new(prefix: &'a Prefix, folder: PathBuf, setup: &Value) -> Result<Self> {
        fs::write(folder.join("setup.json"), setup.to_string()).context("write the setup")?;
        Ok(Self { prefix, folder })
    }

    /// A command that sees this HNS.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.prefix.command(self.prefix.built.file(program));
        command.args(arguments);
        command.env("SWITCHYARD_HNS_DIR", windows_path(&self.folder.join("hns")));
        command.env("SWITCHYARD_HNS_SETUP", windows_path(&self.folder.join("setup.json")));
        command.env("SWITCHYARD_HNS_CALL_LOG", windows_path(&self.call_log()));
        command.env("SWITCHYARD_STATE_DIR", windows_path(&self.folder.join("state")));
        command
    }

    /// The file that each call of this HNS adds a line to.
    pub(super) fn call_log(&self) -> PathBuf {
        self.folder.join("calls.jsonl")
    }

    /// A command that runs switchyard.exe on it.
    pub(super) fn switchyard(&self, arguments: &[&str]) -> Command {
        self.command("switchyard.exe", arguments)
    }

    /// What HNS answers to another process.
    pub(super) fn hns(&self, method: &str, path: &str) -> Result<Value> {
        let mut command = self.command("examples/hns_call.exe", &[method, path]);
        let response: Value = serde_json::from_str(&printed(&mut command)?)?;
        ensure!(response["Success"] == json!(true), "{method} {path}: {response}");
        Ok(response["Output"].clone())
    }

    /// All that HNS holds.
    pub(super) fn state(&self) -> Result<Value> {
        self.hns("GET", "/emulator/state")
    }
}

/// A program that goes on. It is killed when this is dropped.
pub(super) struct Running(pub(super) Child);

impl Running {
    /// Kills it, and waits until it is gone.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.0.kill().context("kill it")?;
        self.0.wait().context("wait for it")?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is as good.
        let _ = self.kill();
    }
}

/// Waits until `look` finds something, for a minute at most; then there is nothing.
#[expect(clippy::disallowed_methods, reason = "another process is waited for, a minute at most")]
pub(super) fn wait<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    for _ in 0..LOOKS {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(None)
}
