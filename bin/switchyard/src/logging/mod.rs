//! The log of a proxy: to standard error, to files, or to both, as kube-proxy's flags say it.
//!
//! Who logs never waits: lines are put into a `queue`, and a thread of its own, the `writer`, takes them from there. `file` is a
//! log file, `format` what lines look like, `arguments` and `verbosity` what the flags say.

mod arguments;
mod file;
mod format;
mod queue;
mod verbosity;
mod writer;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tracing::field::display;
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Level, Metadata, error, info, warn};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, registry};

use self::file::{Bounds, LogFile};
use self::format::Json;
use self::writer::{PATIENCE, Sink};

pub(crate) use self::arguments::go_bool;
pub use self::arguments::{Format, LoggingArguments, Severity};
pub use self::queue::Queue;
pub use self::verbosity::Modules;
pub(crate) use self::writer::Writer;

/// The name of the file in `--log-dir`.
const FILE: &str = "switchyard.log";

/// Where the log goes. Whole lines can be written to it: for people as they are, without time and severity, for programs as
/// the message of an object like any other.
#[derive(Clone)]
pub(crate) struct Log {
    queue: Arc<Queue>,
    format: Format,
    has_file: bool,
}

/// A line on its way to the log.
pub(crate) struct Line<'a> {
    queue: &'a Queue,
    severity: Severity,
}

/// Begins to log, for `node`, while the writer is there. `usual` is the directory of the log where no flag says where it goes;
/// standard error without it.
///
/// # Errors
/// When the file cannot be written to.
pub(crate) fn start(
    arguments: &LoggingArguments,
    node: &str,
    usual: Option<PathBuf>,
) -> anyhow::Result<(Log, Writer)> {
    let (log, writer) = Log::open(arguments, node, usual)?;
    let (general, modules) = (arguments.level(), arguments.vmodule.clone());
    let most = modules.most(general);
    let is_wanted = move |metadata: &Metadata<'_>| {
        modules.level(metadata.target(), general) >= *metadata.level()
    };
    let filter = filter_fn(is_wanted).with_max_level_hint(most);
    let subscriber = registry().with(lines(arguments, log.clone()).with_filter(filter));
    // One that is there already is a test's.
    if subscriber.try_init().is_ok() {
        log_panics(Arc::clone(&log.queue));
    }
    for said in arguments.ignored() {
        warn!("{said}");
    }
    Ok((log, writer))
}

/// Has what this thread logs wait in a queue that nobody writes, until what is returned beside it is dropped.
#[must_use]
pub fn keep(arguments: &LoggingArguments) -> (Arc<Queue>, DefaultGuard) {
    let queue = Arc::<Queue>::default();
    let log = Log { queue: Arc::clone(&queue), format: arguments.format(), has_file: false };
    let lines = lines(arguments, log).with_filter(LevelFilter::from_level(Level::INFO));
    (queue, set_default(registry().with(lines)))
}

/// The form of lines, and where they go.
fn lines(arguments: &LoggingArguments, log: Log) -> Box<dyn Layer<Registry> + Send + Sync> {
    let is_placed = arguments.add_dir_header;
    let layer = fmt::layer().with_writer(log).with_ansi(false).with_target(false);
    match arguments.format() {
        Format::Json => Box::new(layer.event_format(Json { has_caller: is_placed })),
        Format::Text => {
            let layer = layer.with_file(is_placed).with_line_number(is_placed);
            if arguments.skip_headers {
                Box::new(layer.without_time().with_level(false))
            } else {
                Box::new(layer)
            }
        }
    }
}

/// Has what a thread panics with in the log, and there alone: nobody sees the standard error of a service, and one that nobody
/// reads would hold the process where it is to end.
fn log_panics(queue: Arc<Queue>) {
    panic::set_hook(Box::new(move |trouble| {
        let backtrace = Backtrace::capture();
        let is_captured = backtrace.status() == BacktraceStatus::Captured;
        let backtrace = is_captured.then(|| display(&backtrace));
        error!(panic = %trouble, backtrace, "a thread panicked");
        queue.settle(PATIENCE);
    }));
}

impl Log {
    /// Whether it goes to a file.
    pub(crate) fn has_file(&self) -> bool {
        self.has_file
    }

    fn open(
        arguments: &LoggingArguments,
        node: &str,
        usual: Option<PathBuf>,
    ) -> anyhow::Result<(Self, Writer)> {
        let sink = match path(arguments, usual) {
            Some(path) => to_file(&path, arguments, node)?,
            None => Sink { file: None, threshold: Severity::Info },
        };
        let (queue, has_file) = (Arc::default(), sink.file.is_some());
        let writer = Writer::start(&queue, sink).context("start a thread for the log")?;
        Ok((Self { queue, format: arguments.format(), has_file }, writer))
    }
}

fn to_file(path: &Path, arguments: &LoggingArguments, node: &str) -> anyhow::Result<Sink> {
    let size = arguments.log_file_max_size.saturating_mul(1024 * 1024);
    let bounds = Bounds { size: (size > 0).then_some(size), files: arguments.log_file_max_count };
    let file = LogFile::open(path, bounds, heading(arguments, node))
        .with_context(|| format!("write the log to {}", path.display()))?;
    let threshold =
        if arguments.alsologtostderr { Severity::Info } else { arguments.stderrthreshold };
    Ok(Sink { file: Some(file), threshold })
}

/// The file that the log goes to, if it goes to one.
fn path(arguments: &LoggingArguments, usual: Option<PathBuf>) -> Option<PathBuf> {
    if arguments.logtostderr == Some(true) {
        return None;
    }
    let directory = arguments.log_dir.clone().or(usual);
    let in_directory = |directory: PathBuf| Path::new(&directory).join(FILE);
    arguments.log_file.clone().or_else(|| directory.map(in_directory))
}

/// The first line of each file.
fn heading(arguments: &LoggingArguments, node: &str) -> String {
    if arguments.skip_log_headers || arguments.format() == Format::Json {
        return String::new();
    }
    let version = env!("CARGO_PKG_VERSION");
    format!("switchyard {version}, the proxy of node {node}, process {}\n", std::process::id())
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { queue: &self.queue, severity: Severity::Info }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        let severity = match *metadata.level() {
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warning,
            _ => Severity::Info,
        };
        Line { queue: &self.queue, severity }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.queue.put(self.severity, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What people are told outside of the log's lines.
impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.format {
            Format::Text => self.make_writer().write(bytes),
            Format::Json => {
                String::from_utf8_lossy(bytes).lines().for_each(|line| info!("{line}"));
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
