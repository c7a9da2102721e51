//! A process's copy of the HNS that it shares.

use std::time::{Duration, Instant};

use switchyard_hcn_emulator::{Begun, Notice, Request, RestoreError, Service};

use crate::time::{moment, time_of_day};

/// A process's copy of the HNS. What becomes of it follows from the calls alone, so all copies are equal.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) service: Service,
    /// When the last call came.
    pub(crate) at: Duration,
    /// When this process saw it.
    seen: Instant,
    /// How much more time has passed for HNS: what clients asked for.
    pub(crate) ahead: Duration,
    /// What nobody has been told yet.
    pub(crate) notices: Vec<Notice>,
}

impl Copy {
    /// An HNS that nobody has called yet.
    pub(crate) fn new(service: Service) -> Self {
        Self::at(service, Duration::ZERO, Duration::ZERO)
    }

    pub(crate) fn restore(text: &str, at: Duration, ahead: Duration) -> Result<Self, RestoreError> {
        Ok(Self::at(Service::restore(text)?, at, ahead))
    }

    fn at(service: Service, at: Duration, ahead: Duration) -> Self {
        Self { service, at, seen: moment(), ahead, notices: Vec::new() }
    }

    /// Answers a call that came at `at`.
    pub(crate) fn answer(&mut self, at: Duration, request: &Request<'_>) -> Begun {
        (self.at, self.seen) = (at, moment());
        let begun = self.service.begin(request, self.now());
        let asked = self.service.take_asked_time();
        if !asked.is_zero() {
            self.ahead = self.ahead.saturating_add(asked);
            self.service.wake(self.now());
        }
        self.notices.extend(self.service.take_notices());
        begun
    }

    /// The time of day, but that it never goes back: where somebody sets it back it goes on from the last call.
    pub(crate) fn time(&self) -> Duration {
        time_of_day().max(self.at.saturating_add(self.seen.elapsed()))
    }

    /// HNS's own time at the last call.
    pub(crate) fn now(&self) -> Duration {
        self.at.saturating_add(self.ahead)
    }
}
