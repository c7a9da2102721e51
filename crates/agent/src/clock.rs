//! The time since the agent began. The only place here that reads a clock.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;

/// The time since it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the rim reads the clock; the core is told the time"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Duration {
        self.0.elapsed()
    }
}

/// The time on the wall. It is for people and for what other clocks said, and nothing is timed by it.
pub(crate) fn wall() -> Timestamp {
    Timestamp::now()
}
