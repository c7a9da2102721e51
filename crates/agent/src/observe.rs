//! What the core notes down for its pages and for Kubernetes events, as it does its work. No clock, no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use switchyard_hcn::hresult;
use switchyard_model::{ClusterEvent, Family, ServiceKey, ServicePortView, ViewEvent, ViewKey};
use switchyard_nodeview::Stream;
use switchyard_source::api::{Kind as ApiKind, KindStatus};
use switchyard_winkernel::limits::{self, Ground, Limit};
use switchyard_winkernel::{
    Call, CallError, CallId, LoadBalancerKey, Operation, Reconciler, Reply, Standing, Subject,
    Target, Verb,
};

use crate::events::{Notice, NoticeKind};
use crate::health::ports::{HealthPorts, Wanted};
use crate::health::{NodeStanding, ProxyHealth, SYNC_PERIOD};
use crate::page::{Accounts, Failure, Figures, LoadBalancerKind, LocalGaps, StandingFigures};
use crate::status::camel_case;

/// The least time between two looks at all objects, which cost time in a large cluster.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The same for what HNS cannot do, which costs more.
const LIMITS_EVERY: Duration = Duration::from_secs(60);
/// How many notices are kept for whoever takes them.
const MOST_NOTICES: usize = 256;
/// How many Services one failure is told to.
const MOST_SERVICES: usize = 16;

/// What HNS cannot do that harms those whom a Service is for: it is told to the Service. The rest is known of every node with
/// HNS, or passes by itself.
const TOLD: [Limit; 6] = [
    Limit::SourceRanges,
    Limit::AffinityTimeout,
    Limit::InternalPort,
    Limit::TooManyBackends,
    Limit::MixedBackends,
    Limit::Unsupported,
];

/// A change of HNS that is under way.
#[derive(Debug, Clone)]
struct Begun {
    verb: Verb,
    target: Target,
    /// What its load balancer is for; none where it is about an endpoint.
    kind: Option<LoadBalancerKind>,
    views: Vec<ViewKey>,
}

/// What is noted down.
#[derive(Debug, Clone)]
pub(crate) struct Observer {
    health: ProxyHealth,
    ports: HealthPorts,
    /// What the health-check ports are to answer, until it is taken.
    wanted_ports: Option<Wanted>,
    gaps: LocalGaps,
    accounts: Accounts,
    /// What the changes that are under way are for.
    changes: BTreeMap<CallId, Begun>,
    /// The readings that are under way.
    readings: BTreeSet<CallId>,
    notices: Vec<Notice>,
    held: BTreeSet<LoadBalancerKey>,
    limits: BTreeMap<String, usize>,
    /// The limits that Services were told of.
    told: BTreeSet<(Limit, ServiceKey)>,
    next_limits: Duration,
    is_stale: bool,
    next_look: Duration,
}

impl Default for Observer {
    fn default() -> Self {
        Self {
            health: ProxyHealth::new(SYNC_PERIOD),
            ports: HealthPorts::default(),
            wanted_ports: None,
            gaps: LocalGaps::default(),
            accounts: Accounts::default(),
            changes: BTreeMap::new(),
            readings: BTreeSet::new(),
            notices: Vec::new(),
            held: BTreeSet::new(),
            limits: BTreeMap::new(),
            told: BTreeSet::new(),
            next_limits: Duration::ZERO,
            is_stale: true,
            next_look: Duration::ZERO,
        }
    }
}

/// How many Services and EndpointSlices are among `events`.
pub(crate) fn count(events: &[ClusterEvent]) -> (u64, u64) {
    events.iter().fold((0, 0), |(services, slices), event| match event {
        ClusterEvent::Service(_) | ClusterEvent::ServiceGone(_) => (services + 1, slices),
        ClusterEvent::Slice(_) | ClusterEvent::SliceGone(_) => (services, slices + 1),
        _ => (services, slices),
    })
}

impl Observer {
    /// The proxy's health.
    pub(crate) fn health(&self) -> &ProxyHealth {
        &self.health
    }

    /// Changes may wait for twice as long.
    pub(crate) fn sync_period(&mut self, period: Duration) {
        self.health = ProxyHealth::new(period);
    }

    /// Something came from the source: so many Services and slices, and when what they tell of happened.
    pub(crate) fn read(
        &mut self,
        (services, slices): (u64, u64),
        triggers: &[(ServiceKey, i64)],
        now: Duration,
    ) {
        self.is_stale = true;
        self.accounts.read(now);
        if services + slices > 0 {
            let moments = triggers.iter().map(|(_, moment)| *moment);
            self.accounts.queued(services, slices, moments, now);
        }
    }

    /// Something else happened that the figures show.
    pub(crate) fn stir(&mut self) {
        self.is_stale = true;
    }

    /// How the node stands, and which families it has.
    pub(crate) fn node(&mut self, stream: &Stream, is_gone: bool) {
        let node = stream.view().node();
        let known = stream.cluster().node(&node.name).filter(|_| !is_gone);
        self.health.node(NodeStanding::of(known.map(|node| &**node)));
        self.health.serves(Family::ALL.into_iter().filter(|family| node.has_family(*family)));
    }

    /// What is wanted changed.
    pub(crate) fn wanted(&mut self, changes: &[ViewEvent], now: Duration) {
        self.health.queued(now);
        self.gaps.apply(changes);
        if self.ports.apply(changes) {
            let wanted = self.ports.wanted();
            self.wanted_ports = Some(wanted);
        }
    }

    /// A call is begun.
    pub(crate) fn begun(&mut self, id: CallId, call: &Call, stream: &Stream, now: Duration) {
        if matches!(call, Call::FindNetwork { .. } | Call::List { .. } | Call::Read { .. }) {
            self.readings.insert(id);
        }
        let Call::Change(change) = call else { return };
        self.health.call_begun(now);
        let operation = &change.operation;
        let target = match &operation.subject {
            Subject::Endpoint { key, .. } => Target::Endpoint(key.address),
            Subject::LoadBalancer { key: Some(key), .. } => Target::LoadBalancer(*key),
            Subject::LoadBalancer { key: None, .. } => {
                Target::Stray(operation.kind(), operation.id)
            }
        };
        let kind = load_balancer_kind(operation, stream);
        let begun = Begun { verb: operation.verb, target, kind, views: operation.views.clone() };
        self.changes.insert(id, begun);
    }

    /// A call ended, and the reconciler knows.
    pub(crate) fn ended(
        &mut self,
        id: CallId,
        trouble: Option<Trouble>,
        reconciler: &Reconciler,
        stream: &Stream,
        now: Duration,
    ) {
        self.is_stale = true;
        // To look for a network that is missing, again and again, is no attempt; to read what is on one is how each begins.
        if self.readings.remove(&id) && trouble.is_none() && reconciler.reads_first() {
            self.health.learnt(now);
        }
        let Some(begun) = self.changes.remove(&id) else { return };
        if self.changes.is_empty() {
            self.health.call_ended(now);
        }
        let Some(trouble) = trouble else { return };
        if let (Some(kind), Target::LoadBalancer(key)) = (begun.kind, begun.target) {
            let (verb, hresult) = (begun.verb, trouble.hresult);
            self.accounts.failed(Failure { verb, family: key.family, kind, hresult });
        }
        let condition = reconciler.delay(begun.target).map(|delay| {
            (reconciler.condition(begun.target, delay), delay.hresult.map_or("", hresult::advice))
        });
        let Some((condition, advice)) = condition else { return };
        let views = begun.views.iter().filter_map(|key| stream.view().view(key));
        let note = format!(
            "HNS of this node did not take a change: {} of {}: {}. {advice} It is tried again.",
            begun.verb.as_str(),
            begun.target,
            trouble.message,
        );
        self.tell(views, NoticeKind::Warning, condition, begun.verb.as_str(), &note);
    }

    /// Tells the Services of `views`, each once.
    fn tell<'a>(
        &mut self,
        views: impl Iterator<Item = &'a Arc<ServicePortView>>,
        kind: NoticeKind,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let services: BTreeMap<_, _> =
            views.map(|view| (view.key.service.clone(), view.uid.clone())).collect();
        let room = MOST_NOTICES.saturating_sub(self.notices.len()).min(MOST_SERVICES);
        for (service, uid) in services.into_iter().take(room) {
            let (reason, action) = (reason.to_owned(), capital(action));
            self.notices.push(Notice { service, uid, kind, reason, action, note: note.to_owned() });
        }
    }

    /// Looks whether all that is wanted has been attempted. `wall` is the time in microseconds since 1970.
    pub(crate) fn look(&mut self, reconciler: &Reconciler, now: Duration, wall: i64) {
        self.health.stuck(!reconciler.is_alive());
        if !reconciler.is_settled() {
            if let Some(since) = reconciler.waits_since() {
                self.health.attempted_before(since, now);
            }
            return;
        }
        let is_news = self.health.pending_since().is_some()
            || !self.health.has_begun()
            || self.accounts.is_waiting();
        if is_news {
            self.health.attempted(now);
            self.accounts.attempted(now, wall);
            self.is_stale = true;
        }
    }

    /// When [`Self::figures`] has something new to say.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.is_stale.then_some(self.next_look)
    }

    /// What the metrics page is made of. It looks at everything again, so it is for when it is [`Self::due`].
    pub(crate) fn figures(
        &mut self,
        reconciler: &Reconciler,
        stream: &Stream,
        api: Option<&BTreeMap<ApiKind, KindStatus>>,
        now: Duration,
    ) -> Figures {
        self.is_stale = false;
        self.next_look = now.saturating_add(LOOK_EVERY);
        self.tell_held(reconciler, stream);
        if now >= self.next_limits {
            self.next_limits = now.saturating_add(LIMITS_EVERY);
            self.look_at_limits(reconciler, stream);
        }
        let standing = self.standing(&reconciler.standing(), reconciler, api);
        let no_local = self.gaps.counts();
        let figures = self.accounts.figures();
        figures.standing = standing;
        figures.families = self.health.families().collect();
        figures.no_local = no_local;
        if let Some(api) = api {
            let stands = |status: &KindStatus| status.listed && status.trouble.is_none();
            figures.watches =
                api.iter().map(|(kind, one)| (kind.word().to_owned(), stands(one))).collect();
        }
        figures.clone()
    }

    fn standing(
        &self,
        standing: &Standing,
        reconciler: &Reconciler,
        api: Option<&BTreeMap<ApiKind, KindStatus>>,
    ) -> StandingFigures {
        let mut conditions: BTreeMap<String, usize> = BTreeMap::new();
        let mut add = |name: &str, count: usize| {
            if count > 0 {
                *conditions.entry(name.to_owned()).or_default() += count;
            }
        };
        for (target, delay) in &standing.delays {
            add(reconciler.condition(*target, delay), 1);
        }
        let failing =
            |key: &&LoadBalancerKey| !standing.delays.contains_key(&Target::LoadBalancer(**key));
        add("FrontendHeldByOther", self.held.iter().filter(failing).count());
        add("WaitingForEndpoint", reconciler.waiting().len());
        add("NetworkMissing", usize::from(standing.missing_network.is_some()));
        add("NetworkUnusable", usize::from(standing.network_trouble.is_some()));
        add("HnsStuck", usize::from(!standing.alive));
        add("CallsHang", usize::from(standing.alive && standing.stuck_calls > 0));
        add("LedgerNotWritten", usize::from(standing.ledger_trouble.is_some()));
        let unreachable = api.into_iter().flatten().filter(|(_, one)| one.trouble.is_some());
        add("ApiUnreachable", unreachable.count());
        let usable = standing.missing_network.is_none() && standing.network_trouble.is_none();
        StandingFigures {
            settled: standing.settled,
            hns_available: standing.alive && usable && reconciler.network().is_some(),
            load_balancers: (standing.wanted_load_balancers, standing.own_load_balancers),
            endpoints: (standing.wanted_endpoints, standing.own_endpoints),
            adopted: reconciler.foreign().iter().filter(|foreign| foreign.used).count(),
            degraded: standing.degraded,
            pending_retries: standing.delays.len(),
            stuck_calls: standing.stuck_calls,
            abandoned: standing.counters.abandoned,
            port_blocks_left: standing.port_blocks_left,
            drifts: standing.counters.drifts,
            lies: standing.counters.lies,
            losses: standing.counters.losses,
            audits: standing.audits,
            conditions,
            limits: self.limits.clone(),
        }
    }

    /// Tells Services of frontends that others hold, each once.
    fn tell_held(&mut self, reconciler: &Reconciler, stream: &Stream) {
        let held: BTreeSet<_> = reconciler.held_by_others().into_iter().collect();
        let new: BTreeSet<_> = held.difference(&self.held).copied().collect();
        self.held = held;
        if new.is_empty() {
            return;
        }
        let is_held = |view: &&Arc<ServicePortView>| {
            view.frontends.iter().any(|frontend| new.contains(&LoadBalancerKey::of(view, frontend)))
        };
        let note = "A load balancer of another owner holds a frontend of this Service in HNS of this node and differs from what is wanted. Stop the other proxy; if it was kube-proxy, --takeover=kube-proxy replaces what it left.";
        let views = stream.view().views().filter(is_held);
        self.tell(views, NoticeKind::Warning, "FrontendHeldByOther", "create", note);
    }

    /// Counts the Services that meet each limit, and tells those that it harms, each once.
    fn look_at_limits(&mut self, reconciler: &Reconciler, stream: &Stream) {
        let Some(network) = reconciler.network() else { return };
        let local_endpoints = reconciler.local_addresses();
        let node = stream.view().node();
        let ground = Ground { node, network, local_endpoints: &local_endpoints };
        let mut met: BTreeMap<(Limit, &ServiceKey), &Arc<ServicePortView>> = BTreeMap::new();
        for view in stream.view().views() {
            for frontend in &view.frontends {
                let limits = limits::met(view, frontend, ground).into_iter();
                met.extend(limits.map(|limit| ((limit, &view.key.service), view)));
            }
        }
        self.limits.clear();
        for (limit, _) in met.keys() {
            *self.limits.entry(limit.as_str().to_owned()).or_default() += 1;
        }
        let told: BTreeMap<_, _> =
            met.into_iter().filter(|((limit, _), _)| TOLD.contains(limit)).collect();
        for ((limit, service), view) in &told {
            if !self.told.contains(&(*limit, (*service).clone())) {
                let note = format!("On this Windows node: {}.", limit.explanation());
                let reason = camel_case(limit.as_str());
                self.tell(iter::once(*view), NoticeKind::Warning, &reason, "serve", &note);
            }
        }
        self.told = told.into_keys().map(|(limit, service)| (limit, service.clone())).collect();
    }

    /// What the health-check ports are to answer, where that changed since it was taken last.
    pub(crate) fn take_ports(&mut self) -> Option<Wanted> {
        self.wanted_ports.take()
    }

    /// What Services are to be told.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }
}

/// How a call failed.
pub(crate) struct Trouble {
    hresult: Option<u32>,
    message: String,
}

impl Trouble {
    /// That of `result`, if it failed.
    pub(crate) fn of(result: &Result<Reply, CallError>) -> Option<Self> {
        let error = result.as_ref().err()?;
        let hresult = match error {
            CallError::Hns(error) => error.hresult(),
            CallError::Ledger(_) => None,
        };
        let name = hresult
            .map(|code| hresult::name(code).map_or_else(|| format!("0x{code:08X}"), str::to_owned));
        let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
        Some(Self { hresult, message: format!("{error}{name}") })
    }
}

/// What the load balancer of `operation` is for. Where no view has its frontend any more, one without an address was for a
/// node port, and any other counts as one for a ClusterIP.
fn load_balancer_kind(operation: &Operation, stream: &Stream) -> Option<LoadBalancerKind> {
    let Subject::LoadBalancer { key: Some(key), .. } = &operation.subject else { return None };
    let views: Vec<_> =
        operation.views.iter().filter_map(|name| stream.view().view(name)).collect();
    let found = views.iter().find_map(|view| {
        let is_it =
            |frontend: &&switchyard_model::Frontend| LoadBalancerKey::of(view, frontend) == *key;
        view.frontends.iter().find(is_it).map(|frontend| LoadBalancerKind::of(frontend.kind))
    });
    Some(match found {
        Some(kind) => kind,
        None if key.vip.is_none() => LoadBalancerKind::NodePort,
        None if !views.is_empty() => LoadBalancerKind::HealthCheck,
        None => LoadBalancerKind::ClusterIp,
    })
}

/// `create` as actions of events are written: `Create`.
fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_ascii_uppercase() + rest
}
