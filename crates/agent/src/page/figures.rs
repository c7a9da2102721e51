//! What the loop counts, without a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use switchyard_hcn::hresult;
use switchyard_model::{
    BackendSet, Family, FrontendKind, ServicePortView, ViewEvent, ViewKey, WhenEmpty,
};
use switchyard_winkernel::Verb;

/// How much was within which bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    bounds: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
}

impl Buckets {
    /// Nothing yet; what is above all `bounds` is counted, too.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// Counts `value`.
    pub fn observe(&mut self, value: f64) {
        let place = self.bounds.iter().position(|bound| value <= *bound);
        self.counts[place.unwrap_or(self.bounds.len())] += 1;
        self.sum += value;
    }

    /// How much all of it is together.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// How much is within each bound and above the one before.
    #[must_use]
    pub fn counts(&self) -> Vec<(f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied()).collect()
    }
}

/// kube-proxy's bounds for a sync, in seconds: `ExponentialBuckets(0.001, 2, 15)`.
static SYNC_BOUNDS: [f64; 15] = [
    0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096,
    8.192, 16.384,
];

/// kube-proxy's bounds for network programming, in seconds: 0, which its merging adds, 0.25 and 0.5, each second to 59, each
/// fifth to 115, each thirtieth to 300.
static PROGRAMMING_BOUNDS: [f64; 81] = programming_bounds();

const fn programming_bounds() -> [f64; 81] {
    let mut bounds = [0.0; 81];
    bounds[1] = 0.25;
    bounds[2] = 0.5;
    let mut place = 3;
    let mut bound = 1.0;
    while place < 81 {
        bounds[place] = bound;
        bound += if bound < 60.0 {
            1.0
        } else if bound < 120.0 {
            5.0
        } else {
            30.0
        };
        place += 1;
    }
    bounds
}

/// The kind of frontend that a load balancer was for, in the words of kubernetes/kubernetes#137766.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoadBalancerKind {
    /// A ClusterIP.
    ClusterIp,
    /// A node port.
    NodePort,
    /// One of `externalIPs`.
    ExternalIp,
    /// An address of a load balancer.
    IngressIp,
    /// A health check.
    HealthCheck,
}

impl LoadBalancerKind {
    /// What `kind` of frontend it is for.
    #[must_use]
    pub fn of(kind: FrontendKind) -> Self {
        match kind {
            FrontendKind::ClusterIP => Self::ClusterIp,
            FrontendKind::NodePort => Self::NodePort,
            FrontendKind::ExternalIP => Self::ExternalIp,
            FrontendKind::LoadBalancerIP => Self::IngressIp,
        }
    }

    /// The word on the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIp => "clusterip",
            Self::NodePort => "nodeport",
            Self::ExternalIp => "externalip",
            Self::IngressIp => "ingressip",
            Self::HealthCheck => "healthcheck",
        }
    }
}

/// A change of a load balancer that HNS did not take, in the words of kubernetes/kubernetes#137766.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// What was done.
    pub verb: Verb,
    /// The family.
    pub family: Family,
    /// What it was for.
    pub kind: LoadBalancerKind,
    /// The HRESULT, if HNS gave one.
    pub hresult: Option<u32>,
}

impl Failure {
    /// The word on the page for why.
    #[must_use]
    pub fn error(&self) -> &'static str {
        match self.hresult {
            Some(hresult::HCN_E_NETWORK_NOT_FOUND) => "network_not_found",
            Some(hresult::HCN_E_PORT_ALREADY_EXISTS) => "port_already_exists",
            Some(hresult::E_NOTIMPL) => "not_implemented",
            Some(hresult::HCN_E_ADDR_INVALID_OR_RESERVED) => "invalid_ip",
            Some(_) | None => "other",
        }
    }
}

/// The service ports with a policy `Local` whose backends are all on other nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalGaps {
    internal: BTreeSet<ViewKey>,
    external: BTreeSet<ViewKey>,
}

impl LocalGaps {
    /// Takes in what the ViewStream says.
    pub fn apply(&mut self, events: &[ViewEvent]) {
        for event in events {
            match event {
                ViewEvent::Reset => *self = Self::default(),
                ViewEvent::Upsert(view) => self.upsert(view),
                ViewEvent::Remove(key) => {
                    self.internal.remove(key);
                    self.external.remove(key);
                }
                ViewEvent::Node(_) | ViewEvent::Synced { .. } => {}
            }
        }
    }

    fn upsert(&mut self, view: &ServicePortView) {
        let lacks = |is_internal: bool| {
            let drops = view.frontends.iter().any(|frontend| {
                let serving = if is_internal { frontend.internal } else { frontend.external };
                (frontend.kind == FrontendKind::ClusterIP) == is_internal
                    && serving.set == BackendSet::Local
                    && serving.when_empty == WhenEmpty::Drop
            });
            drops && view.local.is_empty()
        };
        for (set, is_internal) in [(&mut self.internal, true), (&mut self.external, false)] {
            if lacks(is_internal) {
                set.insert(view.key.clone());
            } else {
                set.remove(&view.key);
            }
        }
    }

    /// How many there are by the internal and by the external policy.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.internal.len(), self.external.len())
    }
}

/// How things stand, as far as the page shows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StandingFigures {
    /// Whether all that is wanted has been attempted.
    pub settled: bool,
    /// Whether HNS answered the last time.
    pub hns_available: bool,
    /// Load balancers that are wanted, and that HNS holds of ours.
    pub load_balancers: (usize, usize),
    /// Endpoints that are wanted, and that HNS holds of ours.
    pub endpoints: (usize, usize),
    /// Objects of others that equal what is wanted and are used.
    pub adopted: usize,
    /// Load balancers in a broken state.
    pub degraded: usize,
    /// Objects that failed and wait for the next try.
    pub pending_retries: usize,
    /// Calls that were given up and have not answered yet.
    pub stuck_calls: usize,
    /// Calls that were given up.
    pub abandoned: u64,
    /// Blocks of ports that each protocol has left.
    pub port_blocks_left: usize,
    /// Objects of ours that somebody else had changed.
    pub drifts: u64,
    /// Changes that HNS said yes to and did not make.
    pub lies: u64,
    /// How often HNS was away.
    pub losses: u64,
    /// Audits that have begun.
    pub audits: u64,
    /// How many of each condition there are.
    pub conditions: BTreeMap<String, usize>,
    /// How many Services meet each limit.
    pub limits: BTreeMap<String, usize>,
}

/// Everything that the loop tells the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The families that the node has; none before it is known.
    pub families: BTreeSet<Family>,
    /// How long it took until all that had been wanted was attempted.
    pub sync: Buckets,
    /// How long it took from the change of a pod until it was served by HNS.
    pub programming: Buckets,
    /// When a change was queued last.
    pub queued: Option<Duration>,
    /// When all that was wanted had been attempted last.
    pub attempted: Option<Duration>,
    /// Changes of endpoints: so many wait, so many there were.
    pub endpoint_changes: (u64, u64),
    /// The same of Services.
    pub service_changes: (u64, u64),
    /// Service ports with a policy `Local` and no backend here, by the internal and by the external policy.
    pub no_local: (usize, usize),
    /// Changes of load balancers that HNS did not take.
    pub failures: BTreeMap<Failure, u64>,
    /// How things stand.
    pub standing: StandingFigures,
    /// When a complete state was taken in last. What is heard of the API is asked for with the page.
    pub input: Option<Duration>,
    /// How many watches of the Kubernetes API stand, by kind; none where files are read.
    pub watches: BTreeMap<String, bool>,
    /// Kubernetes events that were dropped.
    pub dropped_events: u64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            families: BTreeSet::new(),
            sync: Buckets::new(&SYNC_BOUNDS),
            programming: Buckets::new(&PROGRAMMING_BOUNDS),
            queued: None,
            attempted: None,
            endpoint_changes: (0, 0),
            service_changes: (0, 0),
            no_local: (0, 0),
            failures: BTreeMap::new(),
            standing: StandingFigures::default(),
            input: None,
            watches: BTreeMap::new(),
            dropped_events: 0,
        }
    }
}

/// What is counted while the loop runs.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    figures: Figures,
    /// Since when something waits to be attempted.
    waiting_since: Option<Duration>,
    /// The moments, in microseconds since 1970, at which pods changed whose Services wait.
    triggers: Vec<i64>,
}

/// How many triggers are remembered: after a long time without HNS the rest is not counted.
const MOST_TRIGGERS: usize = 16_384;

impl Accounts {
    /// A complete state was taken in.
    pub fn read(&mut self, now: Duration) {
        self.figures.input = Some(now);
    }

    /// Changes came: so many of Services and of endpoints, and when the pods of the latter changed.
    pub fn queued(
        &mut self,
        services: u64,
        slices: u64,
        triggers: impl IntoIterator<Item = i64>,
        now: Duration,
    ) {
        let figures = &mut self.figures;
        figures.queued = Some(now);
        for (changes, count) in
            [(&mut figures.service_changes, services), (&mut figures.endpoint_changes, slices)]
        {
            changes.0 += count;
            changes.1 += count;
        }
        self.waiting_since.get_or_insert(now);
        let room = MOST_TRIGGERS.saturating_sub(self.triggers.len());
        self.triggers.extend(triggers.into_iter().take(room));
    }

    /// All that is wanted has been attempted. `wall` is the time in microseconds since 1970.
    pub fn attempted(&mut self, now: Duration, wall: i64) {
        let Some(since) = self.waiting_since.take() else { return };
        let figures = &mut self.figures;
        figures.sync.observe(now.saturating_sub(since).as_secs_f64());
        figures.attempted = Some(now);
        figures.service_changes.0 = 0;
        figures.endpoint_changes.0 = 0;
        // What changed before this proxy began says nothing of it, as in kube-proxy.
        let passed = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let began = wall.saturating_sub(passed);
        for trigger in self.triggers.drain(..).filter(|trigger| *trigger >= began) {
            // A clock that is behind the API server's must not count backwards.
            let took = u64::try_from(wall.saturating_sub(trigger)).unwrap_or(0);
            figures.programming.observe(Duration::from_micros(took).as_secs_f64());
        }
    }

    /// Whether something waits to be attempted.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting_since.is_some()
    }

    /// HNS did not take a change of a load balancer.
    pub fn failed(&mut self, failure: Failure) {
        *self.figures.failures.entry(failure).or_default() += 1;
    }

    /// What is counted, for whoever adds the rest.
    pub fn figures(&mut self) -> &mut Figures {
        &mut self.figures
    }
}
