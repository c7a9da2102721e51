//! A configuration file that is read again when it changes.

use std::path::Path;

use super::{Configuration, ConfigurationError, FlagField};
use crate::follow::{Traces, traces};

/// A configuration file that is read again when it changes.
///
/// kube-proxy ends when its file changes. Here what can be taken as it goes is, and the rest is named:
/// [`ConfigurationChange`](super::ConfigurationChange) tells the two apart.
#[derive(Debug)]
pub struct FollowedConfiguration {
    path: String,
    flags: Vec<FlagField>,
    /// What the file looked like when it was read last, and when it was looked at last.
    read: Traces,
    seen: Traces,
}

impl FollowedConfiguration {
    /// The file at `path`, which is being read; `flags` are what counts beside it.
    #[must_use]
    pub fn new(path: &str, flags: Vec<FlagField>) -> Self {
        let seen = traces(Path::new(path));
        // What was read before this may be older than what is there: it is read again, and where it is the same nothing follows.
        Self { path: path.to_owned(), flags, read: Traces::new(), seen }
    }

    /// Looks at the file, and reads it when it is another than when it was read last and did not change since the last look: a file that
    /// is just being written is left alone. `None` when there is nothing to read.
    ///
    /// # Errors
    /// When what is there cannot be read; what counted before goes on counting.
    pub fn look(&mut self) -> Option<Result<Configuration, ConfigurationError>> {
        let now = traces(Path::new(&self.path));
        let rests = std::mem::replace(&mut self.seen, now) == self.seen;
        if !rests || self.read == self.seen {
            return None;
        }
        self.read = self.seen.clone();
        Some(Configuration::read_with(Some(&self.path), &self.flags))
    }
}
