//! The flags by which kube-proxy is told how to log: those of klog, of k8s.io/component-base, and two of ours.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use switchyard_source::LoggingConfiguration;

use super::verbosity::Modules;
use crate::failure::Failure;

/// How a proxy logs.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Logging")]
pub struct LoggingArguments {
    /// How much is logged: 4 and 5 also what is decided, more everything.
    #[arg(short, long, value_name = "LEVEL", allow_negative_numbers = true)]
    pub v: Option<i32>,
    /// Levels of single modules, as journal=4,executor=6; * and ? stand for any letters and any one.
    #[arg(long, value_name = "MODULE=LEVEL,...", default_value = "", hide_default_value = true)]
    pub vmodule: Modules,
    /// Write the log to switchyard.log in this directory.
    #[arg(long, value_name = "DIR")]
    pub log_dir: Option<PathBuf>,
    /// Write the log to this file.
    #[arg(long, value_name = "FILE", conflicts_with = "log_dir")]
    pub log_file: Option<PathBuf>,
    /// The size at which another file is begun, in megabytes; 0 is none.
    #[arg(long, value_name = "MEGABYTES", default_value = "10")]
    pub log_file_max_size: u64,
    /// How many files are kept, the one that is written included.
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub log_file_max_count: u32,
    /// Write the log to standard error, and to no file; so it is without --log-dir and --log-file.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub logtostderr: Option<bool>,
    /// Write the log to standard error as well as to a file.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true, value_parser = go_bool)]
    pub alsologtostderr: bool,
    /// What goes to standard error as well as to a file: INFO, WARNING, ERROR, FATAL, or 0 to 3.
    #[arg(long, value_name = "SEVERITY", default_value = "ERROR", value_parser = severity)]
    pub stderrthreshold: Severity,
    /// Begin no line with its time and severity.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true, value_parser = go_bool)]
    pub skip_headers: bool,
    /// Begin no file with a line that says whose it is.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true, value_parser = go_bool)]
    pub skip_log_headers: bool,
    /// Say in each line which file of the source it comes from.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true, value_parser = go_bool)]
    pub add_dir_header: bool,
    /// Ignored: there is one file for all severities.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true, value_parser = go_bool)]
    pub one_output: Option<bool>,
    /// Ignored: each line is written when it is logged.
    #[arg(long, value_name = "TIME", hide = true)]
    pub log_flush_frequency: Option<String>,
    /// Ignored: there are no lines of Go's source.
    #[arg(long, value_name = "FILE:LINE", hide = true)]
    pub log_backtrace_at: Option<String>,
    /// The form of each line; text without it.
    #[arg(long, value_enum)]
    pub logging_format: Option<Format>,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs, with the names of k8s.io/component-base.
    Json,
}

/// How much something matters, in klog's order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Everything.
    Info,
    /// Somebody should look.
    Warning,
    /// Something failed.
    #[default]
    Error,
    /// The process ends; nothing of ours is logged so.
    Fatal,
}

impl Format {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl LoggingArguments {
    /// With what the section `logging` of a configuration file says where no flag does. Of modules the flags go first.
    ///
    /// # Errors
    /// When a pattern in the file is none.
    pub(crate) fn with_file(mut self, file: &LoggingConfiguration) -> Result<Self, Failure> {
        let level = file.verbosity.map(|level| i32::try_from(level).unwrap_or(i32::MAX));
        self.v = self.v.or(level);
        let format = match file.format.as_deref() {
            Some("json") => Some(Format::Json),
            Some(_) => Some(Format::Text),
            None => None,
        };
        self.logging_format = self.logging_format.or(format);
        let modules = file.modules.iter().map(|(pattern, level)| format!("{pattern}={level}"));
        let modules = modules.collect::<Vec<_>>().join(",");
        let wrong = |why| Failure::Usage(format!("logging.vmodule of the configuration: {why}"));
        self.vmodule.extend(modules.parse().map_err(wrong)?);
        Ok(self)
    }

    /// How much is logged.
    pub(super) fn level(&self) -> i32 {
        self.v.unwrap_or(0)
    }

    /// The form of each line.
    pub(super) fn format(&self) -> Format {
        self.logging_format.unwrap_or_default()
    }

    /// What is said of flags that have no effect.
    pub(super) fn ignored(&self) -> Vec<&'static str> {
        let mut said = Vec::new();
        if self.one_output.is_some() {
            said.push("--one-output is ignored: there is one file for all severities");
        }
        if self.log_flush_frequency.is_some() {
            said.push("--log-flush-frequency is ignored: each line is written when it is logged");
        }
        if self.log_backtrace_at.is_some() {
            said.push("--log-backtrace-at is ignored: it names a line of another program");
        }
        if self.logtostderr == Some(true) && (self.log_dir.is_some() || self.log_file.is_some()) {
            said.push("--log-dir and --log-file are ignored: --logtostderr says to write no file");
        }
        said
    }
}

/// A truth value as the flags of Go take it.
pub(crate) fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("give true or false".to_owned()),
    }
}

fn severity(text: &str) -> Result<Severity, String> {
    match text.to_ascii_uppercase().as_str() {
        "0" | "INFO" => Ok(Severity::Info),
        "1" | "WARNING" => Ok(Severity::Warning),
        "2" | "ERROR" => Ok(Severity::Error),
        "3" | "FATAL" => Ok(Severity::Fatal),
        _ => Err("give INFO, WARNING, ERROR or FATAL, or 0 to 3".to_owned()),
    }
}
