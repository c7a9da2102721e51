//! The log of a proxy: to standard error, to files, or to both, as kube-proxy's flags say it.

mod arguments;
mod file;
mod format;
mod verbosity;

use std::io::{self, Write, stderr};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use tracing::{Level, Metadata, error, info, warn};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, registry};

use self::file::{Bounds, LogFile};
use self::format::Json;

pub(crate) use self::arguments::go_bool;
pub use self::arguments::{Format, LoggingArguments, Severity};
pub use self::verbosity::Modules;

/// The name of the file in `--log-dir`.
const FILE: &str = "switchyard.log";

/// Where the log goes. Whole lines can be written to it: for people as they are, without time and severity, for programs as
/// the message of an object like any other.
#[derive(Clone)]
pub(crate) struct Log {
    file: Option<Arc<Mutex<LogFile>>>,
    format: Format,
    /// From which severity on standard error gets a line that a file gets, too.
    threshold: Severity,
}

/// Where one line goes.
pub(crate) struct Line<'a> {
    log: &'a Log,
    severity: Severity,
}

/// Begins to log, for `node`. `usual` is the directory of the log where no flag says where it goes; standard error without it.
///
/// # Errors
/// When the file cannot be written to.
pub(crate) fn start(
    arguments: &LoggingArguments,
    node: &str,
    usual: Option<PathBuf>,
) -> anyhow::Result<Log> {
    let log = Log::open(arguments, node, usual)?;
    let (general, modules) = (arguments.level(), arguments.vmodule.clone());
    let most = modules.most(general);
    let is_wanted = move |metadata: &Metadata<'_>| {
        modules.level(metadata.target(), general) >= *metadata.level()
    };
    let filter = filter_fn(is_wanted).with_max_level_hint(most);
    let subscriber = registry().with(lines(arguments, log.clone()).with_filter(filter));
    // One that is there already is a test's.
    if subscriber.try_init().is_ok() {
        log_panics();
    }
    for said in arguments.ignored() {
        warn!("{said}");
    }
    Ok(log)
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

/// Has what a thread panics with in the log: nobody sees the standard error of a service.
fn log_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |trouble| {
        error!(panic = %trouble, "a thread panicked");
        before(trouble);
    }));
}

impl Log {
    /// Whether it goes to a file.
    pub(crate) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    fn open(
        arguments: &LoggingArguments,
        node: &str,
        usual: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let Some(path) = path(arguments, usual) else {
            let (format, threshold) = (arguments.format(), Severity::Info);
            return Ok(Self { file: None, format, threshold });
        };
        let size = arguments.log_file_max_size.saturating_mul(1024 * 1024);
        let bounds =
            Bounds { size: (size > 0).then_some(size), files: arguments.log_file_max_count };
        let file = LogFile::open(&path, bounds, heading(arguments, node))
            .with_context(|| format!("write the log to {}", path.display()))?;
        let threshold =
            if arguments.alsologtostderr { Severity::Info } else { arguments.stderrthreshold };
        let file = Some(Arc::new(Mutex::new(file)));
        Ok(Self { file, format: arguments.format(), threshold })
    }
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
        Line { log: self, severity: Severity::Info }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        let severity = match *metadata.level() {
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warning,
            _ => Severity::Info,
        };
        Line { log: self, severity }
    }
}

impl Write for Line<'_> {
    /// A proxy does not end because its log does: what cannot be written is lost, and standard error is told where a file
    /// does not take it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let in_file =
            self.log.file.as_ref().map(|file| {
                file.lock().unwrap_or_else(PoisonError::into_inner).write(bytes).is_ok()
            });
        if self.severity >= self.log.threshold || in_file == Some(false) {
            let _ = stderr().write_all(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = stderr().flush();
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
        self.make_writer().flush()
    }
}

#[cfg(test)]
mod tests;
