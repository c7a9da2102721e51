//! What calls of HNS cost and how they end, by verb, kind of object and HRESULT.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use switchyard_hcn::{Error, Hcn, hresult};

use crate::clock::Clock;

/// The upper bounds of the counted latencies; what takes longer is in one more.
pub const BOUNDS: [Duration; 6] = [
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// What was done: `list`, `open`, `read`, `create`, `modify`, `delete`, `close`, `register`, `unregister`, `call`.
    pub verb: &'static str,
    /// To what: `network`, `endpoint`, `namespace`, `loadBalancer`, `service`.
    pub kind: &'static str,
    /// The HRESULT.
    pub hresult: u32,
}

/// How often, and how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// How long all of them took together.
    pub total: Duration,
    /// How long the longest took.
    pub longest: Duration,
    /// How many took at most so long ([`BOUNDS`]), and more than the bound before; the last is for all others.
    pub by_latency: [u64; BOUNDS.len() + 1],
}

impl Tally {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.total += took;
        self.longest = self.longest.max(took);
        let bucket = BOUNDS.iter().position(|bound| took <= *bound).unwrap_or(BOUNDS.len());
        self.by_latency[bucket] += 1;
    }
}

/// Counts of calls, for whoever shows them.
#[derive(Debug, Default)]
pub struct CallMetrics(Mutex<BTreeMap<Counted, Tally>>);

impl CallMetrics {
    /// All counts so far.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<Counted, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, counted: Counted, took: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(counted).or_default().add(took);
    }
}

/// An HNS whose calls are counted.
pub struct Metered {
    hcn: Arc<dyn Hcn>,
    metrics: Arc<CallMetrics>,
}

impl Metered {
    /// Counts the calls of `hcn` in `metrics`.
    #[must_use]
    pub fn new(hcn: Arc<dyn Hcn>, metrics: Arc<CallMetrics>) -> Self {
        Self { hcn, metrics }
    }

    fn count<T>(
        &self,
        verb: &'static str,
        kind: &'static str,
        call: impl FnOnce(&dyn Hcn) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let clock = Clock::start();
        let result = call(&*self.hcn);
        let hresult = result.as_ref().err().map_or(hresult::S_OK, |error| error.hresult);
        self.metrics.note(Counted { verb, kind, hresult }, clock.now());
        result
    }
}

macro_rules! counted {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty, $export:ident $verb:ident $kind:ident;)*) => {
        impl Hcn for Metered {
            $(fn $name(&self, $($argument: $type),*) -> Result<$answer, Error> {
                let (verb, kind) = (stringify!($verb), stringify!($kind));
                self.count(verb, kind, |hcn| hcn.$name($($argument),*))
            })*
        }
    };
}

switchyard_hcn::for_each_function!(counted);

#[cfg(test)]
mod tests {
    use switchyard_hcn::Guid;
    use switchyard_hcn_emulator::{Emulator, State};

    use super::*;

    #[test]
    fn calls_are_counted_by_what_they_are_and_how_they_end() {
        let metrics = Arc::new(CallMetrics::default());
        let emulator: Arc<dyn Hcn> = Arc::new(Emulator::new(State::default()));
        let hcn = Metered::new(emulator, Arc::clone(&metrics));
        assert!(hcn.enumerate_networks("").is_ok());
        assert!(hcn.enumerate_networks("").is_ok());
        assert!(hcn.open_endpoint(Guid::NIL).is_err());
        let counts: Vec<_> = metrics
            .snapshot()
            .into_iter()
            .map(|(counted, tally)| (counted.verb, counted.kind, counted.hresult, tally.count))
            .collect();
        let missing = hresult::HCN_E_ENDPOINT_NOT_FOUND;
        assert_eq!(counts, [("list", "network", 0, 2), ("open", "endpoint", missing, 1)]);
    }

    #[test]
    fn latencies_fall_under_the_first_bound_that_holds_them() {
        let mut tally = Tally::default();
        for millis in [0, 1, 2, 1_000, 1_001, 60_000, 60_001] {
            tally.add(Duration::from_millis(millis));
        }
        assert_eq!(tally.by_latency, [2, 1, 0, 1, 1, 1, 1]);
        assert_eq!((tally.count, tally.longest), (7, Duration::from_millis(60_001)));
    }
}
