//! How a command ends: documented exit codes, and errors that say what to do next.

use std::io;
use std::process::ExitCode;

/// How a command ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: answered, whatever the outcome.
    Answered,
    /// 1: answered, but `--strict` was given and something was refused.
    Strict,
    /// 3: there are operations to do.
    Operations,
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// 1: input that cannot be used.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
    /// 2: the command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// 4: it could be done, but must not.
    #[error("{0}")]
    Refused(String),
    /// Nobody reads the answer any more: that is no failure.
    #[error("standard output was closed")]
    Closed,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            Self::Failed(anyhow::Error::new(error).context("write the answer"))
        }
    }
}

impl Exit {
    /// The code for the shell.
    #[must_use]
    pub fn code(self) -> ExitCode {
        self.number().into()
    }

    /// The same as a number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Answered => 0,
            Self::Strict => 1,
            Self::Operations => 3,
        }
    }
}

impl Failure {
    /// The code for the shell.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        self.number().into()
    }

    /// The same as a number.
    pub(crate) fn number(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 4,
        }
    }

    /// What went wrong, with its whole chain of causes.
    #[must_use]
    pub fn chain(&self) -> String {
        match self {
            Self::Failed(error) => format!("{error:#}"),
            Self::Usage(_) | Self::Refused(_) | Self::Closed => self.to_string(),
        }
    }
}
