//! The way to a proxy on the same machine, for its owner alone: one question, one answer.

#[cfg(unix)]
#[path = "unix.rs"]
mod imp;
#[cfg(windows)]
#[path = "windows.rs"]
mod imp;
#[cfg(any(windows, test))]
mod pipe_name;

use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

pub(crate) use self::imp::Listener;

/// How long either side waits for the other to send or take something.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the answer may take: what HNS holds is read for it.
const ANSWER: Duration = Duration::from_secs(30);
/// The longest question.
const LONGEST: u64 = 64;

/// A connection.
pub(crate) trait Connection: Read + Write + Send {}

impl<T: Read + Write + Send> Connection for T {}

/// Asks the proxy that listens at `path`.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] or [`io::ErrorKind::ConnectionRefused`] where none does; else when it does not answer, or
/// with what it says went wrong.
pub(crate) fn ask(path: &Path, question: &str) -> io::Result<String> {
    let mut connection = imp::connect(path, ANSWER)?;
    writeln!(connection, "{question}")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    match answer.split_once('\n') {
        Some(("ok", answer)) => Ok(answer.to_owned()),
        Some(("failed", reason)) => Err(io::Error::other(reason.trim().to_owned())),
        _ => Err(io::Error::other("the proxy stopped before it answered")),
    }
}

/// Reads the question of a connection, and sends what `answer` says to it.
pub(crate) fn serve(
    connection: &mut dyn Connection,
    answer: impl FnOnce(&str) -> Result<String, String>,
) -> io::Result<()> {
    let mut question = Vec::new();
    let mut byte = [0];
    while question.len() < LONGEST as usize && connection.read(&mut byte)? == 1 && byte != *b"\n" {
        question.extend(byte);
    }
    let question = String::from_utf8_lossy(&question);
    match answer(question.trim()) {
        Ok(text) => write!(connection, "ok\n{text}")?,
        Err(reason) => write!(connection, "failed\n{reason}")?,
    }
    connection.flush()
}
