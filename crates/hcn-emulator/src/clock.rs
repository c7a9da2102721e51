//! The time that an emulated HNS lives in.

use std::time::{Duration, Instant};

/// Real time, or time that passes only by waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// Since this moment.
    Real(Instant),
    /// So much has passed.
    Virtual(Duration),
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else takes the time from"
    )]
    pub(crate) fn real() -> Self {
        Self::Real(Instant::now())
    }

    /// Has virtual time pass up to `then`, should that be later. Real time passes by itself.
    pub(crate) fn pass_until(&mut self, then: Duration) {
        if let Self::Virtual(passed) = self {
            *passed = (*passed).max(then);
        }
    }

    pub(crate) fn now(&self) -> Duration {
        match self {
            Self::Real(start) => start.elapsed(),
            Self::Virtual(passed) => *passed,
        }
    }
}
