//! What takes the log's lines from their queue: a thread of its own, which alone waits for files and for standard error.

use std::io::{self, Write as _, stderr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::warn;

use super::Severity;
use super::file::LogFile;
use super::queue::{Batch, Line, Queue};

/// How long the end of the process waits for what is still to be written.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Where the lines go.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) file: Option<LogFile>,
    /// From which severity on standard error gets a line that a file gets, too.
    pub(super) threshold: Severity,
}

/// The log is written while this is there, and what waits then is written before it is gone, if somebody takes it.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(queue: &Arc<Queue>, mut sink: Sink) -> io::Result<Self> {
        let lines = Arc::clone(queue);
        let write = move || {
            while let Some(batch) = lines.take() {
                sink.write(&batch);
            }
        };
        let thread = thread::Builder::new().name("log".to_owned()).spawn(write)?;
        Ok(Self { queue: Arc::clone(queue), thread: Some(thread) })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.end();
        // A thread that waits for somebody who does not take the log is left where it is.
        if self.queue.settle(PATIENCE)
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

impl Sink {
    fn write(&mut self, batch: &Batch) {
        batch.lines.iter().for_each(|line| self.line(line));
        if batch.lost > 0 {
            warn!(
                lines = batch.lost,
                "lines were lost: the log was not taken as fast as they came"
            );
        }
    }

    /// A proxy does not end because its log does: what cannot be written is lost, and standard error is told where a file does not
    /// take it.
    fn line(&mut self, line: &Line) {
        let in_file = self.file.as_mut().map(|file| file.write(&line.text).is_ok());
        if line.severity >= self.threshold || in_file == Some(false) {
            let _ = stderr().write_all(&line.text);
        }
    }
}
