//! HNS behind the trait.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchyard_hcn::{Error, Notification, NotificationCallback, hresult};

use crate::by_request::{self, ByRequest};
use crate::clock::Clock;
use crate::hcn_by_request;
use crate::request::{Answer, Request};
use crate::settings::refused;
use crate::{Begun, Calls, Service, Setup, State};

#[cfg(test)]
mod tests;

/// How long a call is waited for that never returns, in time that passes only by waiting.
const PATIENCE: Duration = Duration::from_secs(120);

/// An HNS in memory that is called as a real one is.
///
/// It lives in real time, where each call blocks its thread for as long as it takes, or in virtual time, where each call
/// moves the time on and returns at once.
pub struct Emulator {
    shared: Mutex<Shared>,
    /// Woken when HNS stops.
    stopped: Condvar,
}

struct Shared {
    service: Service,
    clock: Clock,
    callbacks: BTreeMap<usize, NotificationCallback>,
}

/// A notification on its way to those who asked for it.
type Delivery = (Vec<NotificationCallback>, Notification);

impl Emulator {
    /// An HNS that holds `state`, takes no time, and fails at nothing of its own accord.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self::blocking(Setup::of(state))
    }

    /// An HNS in real time.
    #[must_use]
    pub fn blocking(setup: Setup) -> Self {
        Self::with(Service::new(setup), Clock::real())
    }

    /// An HNS in virtual time, which passes only by its calls and by [`Self::advance`]. A call that never returns is given up after two minutes of it,
    /// with `RPC_S_CALL_CANCELLED`; the log of calls has it as HNS ends it when it stops.
    #[must_use]
    pub fn in_virtual_time(setup: Setup) -> Self {
        Self::with(Service::new(setup), Clock::Virtual(Duration::ZERO))
    }

    fn with(service: Service, clock: Clock) -> Self {
        let shared = Shared { service, clock, callbacks: BTreeMap::new() };
        Self { shared: Mutex::new(shared), stopped: Condvar::new() }
    }

    /// What it holds now.
    #[must_use]
    pub fn state(&self) -> State {
        self.lock().service.state().clone()
    }

    /// What it has been asked so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.lock().service.calls().clone()
    }

    /// What it has been asked since this was last called.
    #[must_use]
    pub fn take_calls(&self) -> Calls {
        self.lock().service.take_calls()
    }

    /// How many handles are open.
    #[must_use]
    pub fn open_handles(&self) -> usize {
        self.lock().service.open_handles()
    }

    /// How much time has passed.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.lock().clock.now()
    }

    /// Has virtual time pass, as it does when nobody calls: an HNS that is away for a time comes back only so. In real time
    /// it does nothing, for that passes by itself.
    pub fn advance(&self, time: Duration) {
        let mut shared = self.lock();
        let then = shared.clock.now().saturating_add(time);
        shared.pass_until(then);
    }

    /// Has virtual time pass up to `then` since the beginning, for those who keep the time themselves. It never goes back,
    /// and in real time it does nothing.
    pub fn advance_to(&self, then: Duration) {
        self.lock().pass_until(then);
    }

    /// Does something to HNS that is no call: a restart, a fault, a change that nobody is told of.
    pub fn steer<T>(&self, act: impl FnOnce(&mut Service) -> T) -> T {
        let mut shared = self.lock();
        let before = shared.service.stops();
        let done = act(&mut shared.service);
        let deliveries = shared.deliveries();
        let has_stopped = shared.service.stops() != before;
        drop(shared);
        if has_stopped {
            self.stopped.notify_all();
        }
        deliver(deliveries);
        done
    }

    /// No call leaves the service half changed, so one that panicked is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let mut shared = self.lock();
        let before = shared.service.stops();
        let now = shared.clock.now();
        let begun = shared.service.begin(request, now);
        let asked = shared.service.take_asked_time();
        if !asked.is_zero() {
            shared.pass_until(now.saturating_add(asked));
        }
        let stops = shared.service.stops();
        let deliveries = shared.deliveries();
        if !deliveries.is_empty() {
            drop(shared);
            deliver(deliveries);
            shared = self.lock();
        }
        if stops != before {
            self.stopped.notify_all();
        }
        self.finish(shared, begun, stops)
    }

    /// Waits for the end of a call, or for HNS to stop under it.
    fn finish(
        &self,
        mut shared: MutexGuard<'_, Shared>,
        begun: Begun,
        stops: u64,
    ) -> Result<Answer, Error> {
        loop {
            if let Clock::Virtual(passed) = &shared.clock {
                let end = begun.finishes_at.unwrap_or_else(|| passed.saturating_add(PATIENCE));
                shared.clock.pass_until(end);
                let cancelled = || Err(refused(hresult::RPC_S_CALL_CANCELLED));
                return if begun.finishes_at.is_none() { cancelled() } else { begun.result };
            }
            if shared.service.stops() != stops {
                return Err(refused(hresult::HCN_E_MANAGER_STOPPED));
            }
            let left = begun.finishes_at.map(|end| end.saturating_sub(shared.clock.now()));
            shared = match left {
                Some(Duration::ZERO) => return begun.result,
                Some(left) => {
                    let woken = self.stopped.wait_timeout(shared, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.stopped.wait(shared).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").finish_non_exhaustive()
    }
}

impl Shared {
    /// Has virtual time pass up to `then`, and what is due by then happen.
    fn pass_until(&mut self, then: Duration) {
        self.clock.pass_until(then);
        let now = self.clock.now();
        self.service.wake(now);
    }

    /// The notifications that are due, with those who are to hear them.
    fn deliveries(&mut self) -> Vec<Delivery> {
        let notices = self.service.take_notices();
        let hearing = |recipients: &[usize]| {
            recipients.iter().filter_map(|handle| self.callbacks.get(handle).cloned()).collect()
        };
        notices
            .into_iter()
            .map(|notice| (hearing(&notice.recipients), notice.notification))
            .collect()
    }
}

fn deliver(deliveries: Vec<Delivery>) {
    for (callbacks, notification) in deliveries {
        for callback in callbacks {
            callback(&notification);
        }
    }
}

impl ByRequest for Emulator {
    fn request(&self, request: &Request<'_>) -> Result<Answer, Error> {
        self.call(request)
    }

    fn register(&self, callback: NotificationCallback) -> Result<usize, Error> {
        let handle = by_request::handle(self.call(&Request::Register)?)?;
        self.lock().callbacks.insert(handle, callback);
        Ok(handle)
    }

    fn unregister(&self, handle: usize) -> Result<(), Error> {
        self.lock().callbacks.remove(&handle);
        self.call(&Request::Unregister { handle }).map(drop)
    }
}

hcn_by_request!(Emulator);
