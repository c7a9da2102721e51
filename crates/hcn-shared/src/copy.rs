//! A process's copy of the HNS that it shares.

use std::time::Duration;

use switchyard_hcn_emulator::{Begun, Notice, Request, RestoreError, Service};

/// A process's copy of the HNS. What becomes of it follows from the calls alone, so all copies are equal.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) service: Service,
    /// When the last call came.
    pub(crate) at: Duration,
    /// How much more time has passed for HNS: what clients asked for.
    pub(crate) ahead: Duration,
    /// What nobody has been told yet.
    pub(crate) notices: Vec<Notice>,
}

impl Copy {
    /// An HNS that nobody has called yet.
    pub(crate) fn new(service: Service) -> Self {
        Self { service, at: Duration::ZERO, ahead: Duration::ZERO, notices: Vec::new() }
    }

    pub(crate) fn restore(text: &str, at: Duration, ahead: Duration) -> Result<Self, RestoreError> {
        let service = Service::restore(text)?;
        Ok(Self { service, at, ahead, notices: Vec::new() })
    }

    /// Answers a call that came at `at`.
    pub(crate) fn answer(&mut self, at: Duration, request: &Request<'_>) -> Begun {
        self.at = at;
        let begun = self.service.begin(request, self.now());
        let asked = self.service.take_asked_time();
        if !asked.is_zero() {
            self.ahead = self.ahead.saturating_add(asked);
            self.service.wake(self.now());
        }
        self.notices.extend(self.service.take_notices());
        begun
    }

    /// HNS's own time at the last call.
    pub(crate) fn now(&self) -> Duration {
        self.at.saturating_add(self.ahead)
    }
}
