//! What the loop tells the pages, and the pages the loop. Nobody holds it for longer than it takes to read or write a few
//! values, so neither ever waits for the other's work.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::pages::Probe;
use crate::health::ports::{PortKey, Wanted};
use crate::health::{ProxyHealth, Verdict};
use crate::page::{Figures, PageAnswers};

/// A Service's health-check port that does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortReport {
    /// The port and family.
    pub port: PortKey,
    /// `NAMESPACE/NAME` of the Service.
    pub service: String,
    /// What the system said.
    pub message: String,
    /// How often it failed in a row.
    pub failures: u32,
    /// When it is tried again.
    pub due: Duration,
}

/// How the health-check ports of Services stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortsStanding {
    /// How many are listened on.
    pub open: usize,
    /// Those that cannot be had.
    pub troubles: Vec<PortReport>,
}

/// The time since the process began.
pub type Now = Box<dyn Fn() -> Duration + Send + Sync>;

/// Says when something was heard last.
pub type Heard = Box<dyn Fn() -> Option<Duration> + Send + Sync>;

/// What the loop and the pages have in common.
pub struct Board {
    now: Now,
    /// Who knows when something was heard of the API. The loop is not woken for what changes nothing.
    heard: OnceLock<Heard>,
    health: Mutex<ProxyHealth>,
    wanted: watch::Sender<Arc<Wanted>>,
    ports: Mutex<PortsStanding>,
    answers: Mutex<PageAnswers>,
    figures: Mutex<Arc<Figures>>,
    /// Pages that cannot be had, with what the system said.
    missing: Mutex<BTreeMap<&'static str, String>>,
    /// What `/configz` says.
    configuration: Mutex<String>,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

impl Board {
    /// One on which nothing but `health` is written. `now` says the time.
    #[must_use]
    pub fn new(health: ProxyHealth, now: Now) -> Self {
        Self {
            now,
            heard: OnceLock::new(),
            health: Mutex::new(health),
            wanted: watch::Sender::default(),
            ports: Mutex::default(),
            answers: Mutex::default(),
            figures: Mutex::default(),
            missing: Mutex::default(),
            configuration: Mutex::default(),
        }
    }

    /// The time since the process began.
    #[must_use]
    pub fn now(&self) -> Duration {
        (self.now)()
    }

    /// Has `heard` asked when something was heard last. The first who says so counts.
    pub fn hear_from(&self, heard: Heard) {
        let _ = self.heard.set(heard);
    }

    /// When something was heard of the API last, or else when something was read.
    #[must_use]
    pub fn input(&self) -> Option<Duration> {
        match self.heard.get() {
            Some(heard) => heard(),
            None => self.figures().input,
        }
    }

    /// Says what `/configz` shows from now on.
    pub fn configure(&self, configuration: Option<String>) {
        if let Some(configuration) = configuration {
            *hold(&self.configuration) = configuration;
        }
    }

    /// What `/configz` shows.
    #[must_use]
    pub fn configuration(&self) -> String {
        hold(&self.configuration).clone()
    }

    /// Tells something of the proxy's health.
    pub fn tell<T>(&self, tell: impl FnOnce(&mut ProxyHealth) -> T) -> T {
        tell(&mut hold(&self.health))
    }

    /// How the proxy is now.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        hold(&self.health).verdict(self.now())
    }

    /// From now on the health-check ports of Services are to answer this.
    pub fn want_ports(&self, wanted: Wanted) {
        self.wanted.send_replace(Arc::new(wanted));
    }

    /// What they are to answer.
    #[must_use]
    pub fn wanted_ports(&self) -> Arc<Wanted> {
        Arc::clone(&self.wanted.borrow())
    }

    pub(crate) fn follow_ports(&self) -> watch::Receiver<Arc<Wanted>> {
        self.wanted.subscribe()
    }

    /// How the health-check ports of Services stand.
    #[must_use]
    pub fn ports(&self) -> PortsStanding {
        hold(&self.ports).clone()
    }

    pub(crate) fn set_ports(&self, ports: PortsStanding) {
        *hold(&self.ports) = ports;
    }

    /// Writes what the metrics page is made of.
    pub fn publish(&self, figures: Figures) {
        *hold(&self.figures) = Arc::new(figures);
    }

    /// What the metrics page is made of.
    #[must_use]
    pub fn figures(&self) -> Arc<Figures> {
        Arc::clone(&hold(&self.figures))
    }

    pub(crate) fn answered(&self, probe: Probe, code: u16) {
        let mut answers = hold(&self.answers);
        let counts = match probe {
            Probe::Health => &mut answers.healthz,
            Probe::Life => &mut answers.livez,
        };
        *counts.entry(code).or_default() += 1;
    }

    pub(crate) fn answers(&self) -> PageAnswers {
        hold(&self.answers).clone()
    }

    /// The pages that cannot be had, and why.
    #[must_use]
    pub fn missing_pages(&self) -> BTreeMap<&'static str, String> {
        hold(&self.missing).clone()
    }

    pub(crate) fn set_missing(&self, page: &'static str, trouble: Option<String>) {
        let mut missing = hold(&self.missing);
        match trouble {
            Some(trouble) => drop(missing.insert(page, trouble)),
            None => drop(missing.remove(page)),
        }
    }
}
