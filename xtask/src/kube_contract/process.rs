//! A program that runs beside this one.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::program;

/// The longest that a program may take to be ready.
const LIMIT: Duration = Duration::from_secs(120);

/// A program that runs, and is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts it.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let name = program::words(command);
        // It reads from us: so it ends with us, however we end.
        let child = command.stdin(Stdio::piped()).spawn();
        Ok(Self { child: child.with_context(|| format!("start {name}"))?, name })
    }

    /// Starts it, and waits for the line in which it says that it is ready, and where.
    pub(super) fn start_ready(command: &mut Command) -> Result<(Self, String)> {
        let mut process = Self::start(command.stdout(Stdio::piped()))?;
        let pipe = process.child.stdout.take().context("no pipe to read from")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let ready = |line: String| line.strip_prefix("ready ").map(str::to_owned);
            let mut lines = BufReader::new(pipe).lines().map_while(std::result::Result::ok);
            // Nobody listens any more once the time is over.
            let _ = sender.send(lines.find_map(ready));
        });
        match receiver.recv_timeout(LIMIT) {
            Ok(Some(place)) => Ok((process, place)),
            Ok(None) => bail!("{}: ended before it was ready", process.name),
            Err(_) => bail!("{}: not ready after {} seconds", process.name, LIMIT.as_secs()),
        }
    }

    /// Sends it a signal: `STOP` or `CONT`.
    pub(super) fn signal(&self, signal: &str) -> Result<()> {
        let mut kill = Command::new("kill");
        kill.arg(format!("-{signal}")).arg(self.child.id().to_string());
        program::output(&mut kill).map(drop)
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
