//! HNS with a deadline for every call, and a memory of what was called.

mod worker;

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchyard_hcn::{
    CallbackHandle, EndpointHandle, Error, Guid, Hcn, LoadBalancerHandle, NamespaceHandle,
    NetworkHandle, NotificationCallback, hresult,
};

use crate::call::{Call, Outcome};
use crate::surroundings::Surroundings;
use worker::{Waited, Worker};

/// How many calls may hang before no more are made, in each part of a run.
const MOST_HANGING: usize = 3;

/// Stands before another HNS: every call is made on a thread of its own and waited for so long and no longer, and is
/// remembered.
///
/// A call that did not return in time fails with `RPC_S_CALL_CANCELLED`. Its thread stays behind with it.
pub(crate) struct Recorder {
    hcn: Arc<dyn Hcn>,
    surroundings: Arc<dyn Surroundings>,
    deadline: Duration,
    calls: Mutex<Vec<Call>>,
    idle: Mutex<Vec<Worker>>,
    hanging: AtomicUsize,
    has_hung: AtomicBool,
    /// Whether calls are made even though the operator stopped the run.
    is_cleaning: AtomicBool,
}

impl Recorder {
    pub(crate) fn new(
        hcn: Arc<dyn Hcn>,
        surroundings: Arc<dyn Surroundings>,
        deadline: Duration,
    ) -> Self {
        Self {
            hcn,
            surroundings,
            deadline,
            calls: Mutex::default(),
            idle: Mutex::default(),
            hanging: AtomicUsize::new(0),
            has_hung: AtomicBool::new(false),
            is_cleaning: AtomicBool::new(false),
        }
    }

    /// The calls since this was last asked.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        mem::take(&mut lock(&self.calls))
    }

    /// From now on objects are removed: that is done even where the operator stopped the run, and calls that hang are
    /// counted anew.
    pub(crate) fn begin_cleaning(&self) {
        self.is_cleaning.store(true, Ordering::Relaxed);
        self.hanging.store(0, Ordering::Relaxed);
    }

    /// Whether a call did not return in time. What it asked for may still happen.
    pub(crate) fn has_hung(&self) -> bool {
        self.has_hung.load(Ordering::Relaxed)
    }

    /// Why no call is made, if none is.
    pub(crate) fn trouble(&self) -> Option<&'static str> {
        if self.hanging.load(Ordering::Relaxed) >= MOST_HANGING {
            return Some("not made: too many calls of HNS hang");
        }
        let is_cleaning = self.is_cleaning.load(Ordering::Relaxed);
        (!is_cleaning && self.surroundings.is_stopped()).then_some("not made: the run was stopped")
    }

    fn call<T: Answered>(
        &self,
        function: &'static str,
        sent: Vec<(&'static str, String)>,
        make: impl FnOnce(&dyn Hcn) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if let Some(trouble) = self.trouble() {
            let outcome = Outcome::NotMade(trouble);
            lock(&self.calls).push(Call { function, sent, outcome, took: Duration::ZERO });
            return Err(Error::without_record(hresult::RPC_S_CALL_CANCELLED));
        }
        let begin = self.surroundings.now();
        let waited = self.make(make);
        let took = self.surroundings.now().saturating_sub(begin);
        let (outcome, result) = match waited {
            Waited::Answered(Ok(answer)) => (Outcome::Done(answer.text()), Ok(answer)),
            Waited::Answered(Err(error)) => (Outcome::Refused(error.clone()), Err(error)),
            Waited::Late => {
                self.hanging.fetch_add(1, Ordering::Relaxed);
                self.has_hung.store(true, Ordering::Relaxed);
                (Outcome::Hung, Err(Error::without_record(hresult::RPC_S_CALL_CANCELLED)))
            }
        };
        lock(&self.calls).push(Call { function, sent, outcome, took });
        result
    }

    fn make<T: Send + 'static>(
        &self,
        make: impl FnOnce(&dyn Hcn) -> Result<T, Error> + Send + 'static,
    ) -> Waited<Result<T, Error>> {
        let idle = lock(&self.idle).pop();
        let Some(worker) = idle.or_else(Worker::start) else {
            // Without a thread there is no deadline, and a call without one might never end.
            return Waited::Answered(Err(Error::without_record(hresult::RPC_S_CALL_FAILED_DNE)));
        };
        let hcn = Arc::clone(&self.hcn);
        let waited = worker.run(move || make(&*hcn), self.deadline);
        if matches!(waited, Waited::Answered(_)) {
            lock(&self.idle).push(worker);
        }
        waited
    }
}

/// Nothing that is locked here is ever half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a call answers with.
trait Answered: Send + 'static {
    /// Its text, if it is one.
    fn text(&self) -> Option<String> {
        None
    }
}

impl Answered for String {
    fn text(&self) -> Option<String> {
        Some(self.clone())
    }
}

/// What a call is made with: kept for the thread that makes it, and lent to the call there.
trait Argument<'a>: Sized {
    type Kept: Send + 'static;

    fn keep(self) -> Self::Kept;
    fn lend(kept: &'a Self::Kept) -> Self;
    /// As the report tells it.
    fn told(&self) -> Option<String>;
}

impl<'a> Argument<'a> for &'a str {
    type Kept = String;

    fn keep(self) -> String {
        self.to_owned()
    }

    fn lend(kept: &'a String) -> Self {
        kept
    }

    fn told(&self) -> Option<String> {
        Some((*self).to_owned())
    }
}

impl Argument<'_> for Guid {
    type Kept = Self;

    fn keep(self) -> Self {
        self
    }

    fn lend(kept: &Self) -> Self {
        *kept
    }

    fn told(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Argument<'_> for NotificationCallback {
    type Kept = Self;

    fn keep(self) -> Self {
        self
    }

    fn lend(kept: &Self) -> Self {
        Self::clone(kept)
    }

    fn told(&self) -> Option<String> {
        None
    }
}

macro_rules! handles {
    ($($handle:ident)*) => {
        $(
            impl Argument<'_> for $handle {
                type Kept = Self;

                fn keep(self) -> Self {
                    self
                }

                fn lend(kept: &Self) -> Self {
                    *kept
                }

                fn told(&self) -> Option<String> {
                    None
                }
            }

            impl Answered for $handle {}
        )*
    };
}

handles! { NetworkHandle EndpointHandle NamespaceHandle LoadBalancerHandle CallbackHandle }

impl Answered for () {}

macro_rules! recorded {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty, $export:ident $verb:ident $of:ident;)*) => {
        impl Hcn for Recorder {
            $(fn $name(&self, $($argument: $kind),*) -> Result<$answer, Error> {
                let told = [$((stringify!($argument), Argument::told(&$argument))),*];
                let sent = told.into_iter().filter_map(|(name, text)| Some((name, text?)));
                let sent = sent.collect();
                $(let $argument = Argument::keep($argument);)*
                self.call(stringify!($export), sent, move |hcn| {
                    hcn.$name($(Argument::lend(&$argument)),*)
                })
            })*
        }
    };
}

switchyard_hcn::for_each_function!(recorded);
