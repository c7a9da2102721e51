//! HNS as the calls of a proxy in virtual time see it.
//!
//! A step of the reconciler is several calls of HNS. They are made one after the other on a clock of their own, which begins
//! when the step does and says at its end when the answer is there; what is around goes on meanwhile. So a call that takes
//! 47 seconds, or never ends, holds up nobody who does not wait for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchyard_hcn::{Error, NotificationCallback, hresult};
use switchyard_hcn_emulator::{
    Answer, ByRequest, Emulator, Request, Verb, by_request, hcn_by_request,
};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its answer is there then.
    At(Duration),
    /// It never ends.
    Never,
    /// The process died in it.
    Died,
}

#[derive(Debug)]
struct Step {
    clock: Duration,
    /// How many calls there are until the process dies.
    left: Option<u64>,
    is_hung: bool,
    is_dead: bool,
    /// How many further answers have not the form that they should.
    misshapen: u64,
    /// How many of them there were.
    met: u64,
}

/// HNS for the calls of a proxy.
pub(super) struct Lane<'e> {
    emulator: &'e Emulator,
    step: Mutex<Step>,
}

impl<'e> Lane<'e> {
    pub(super) fn new(emulator: &'e Emulator) -> Self {
        let step = Step {
            clock: Duration::ZERO,
            left: None,
            is_hung: false,
            is_dead: false,
            misshapen: 0,
            met: 0,
        };
        Self { emulator, step: Mutex::new(step) }
    }

    /// A step begins.
    pub(super) fn begin(&self, now: Duration) {
        let mut step = self.lock();
        (step.clock, step.is_hung, step.is_dead) = (now, false, false);
    }

    /// The process dies after so many further calls; or none is to die.
    pub(super) fn die_after(&self, calls: Option<u64>) {
        self.lock().left = calls;
    }

    /// How the step ended.
    pub(super) fn end(&self) -> Ending {
        let step = self.lock();
        match (step.is_dead, step.is_hung) {
            (true, _) => Ending::Died,
            (_, true) => Ending::Never,
            _ => Ending::At(step.clock),
        }
    }

    /// So many further answers have not the form that they should.
    pub(super) fn misshape(&self, count: u64) {
        self.lock().misshapen = count;
    }

    /// How many answers had not the form that they should, since this was asked last.
    pub(super) fn take_misshapen(&self) -> u64 {
        std::mem::take(&mut self.lock().met)
    }

    /// Has what follows not reach HNS: the process is no more, and what it would close, HNS closes.
    pub(super) fn kill(&self) {
        self.lock().is_dead = true;
    }

    fn lock(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stopped(code: u32) -> Error {
    Error { hresult: code, record: None }
}

impl ByRequest for Lane<'_> {
    fn request(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let mut step = self.lock();
        if step.left == Some(0) {
            step.is_dead = true;
        }
        if step.is_dead || step.is_hung {
            return Err(stopped(hresult::RPC_S_CALL_CANCELLED));
        }
        step.left = step.left.map(|left| left - 1);
        let begun = self.emulator.steer(|service| service.begin(request, step.clock));
        let Some(end) = begun.finishes_at else {
            step.is_hung = true;
            return Err(stopped(hresult::RPC_S_CALL_CANCELLED));
        };
        step.clock = step.clock.max(end);
        match begun.result {
            Ok(Answer::Text(text)) if step.misshapen > 0 && request.verb() == Verb::Query => {
                step.misshapen -= 1;
                step.met += 1;
                Ok(Answer::Text(text.chars().take(text.len() / 2).collect()))
            }
            result => result,
        }
    }

    fn register(&self, callback: NotificationCallback) -> Result<usize, Error> {
        self.emulator.advance_to(self.lock().clock);
        ByRequest::register(self.emulator, callback)
    }

    fn unregister(&self, handle: usize) -> Result<(), Error> {
        by_request::handle(Answer::Handle(handle)).map(drop)?;
        ByRequest::unregister(self.emulator, handle)
    }
}

hcn_by_request!(Lane<'_>);
