//! The status out of what the loop holds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use switchyard_hcn::hresult;
use switchyard_model::{Frontend, ServicePortView, ViewKey};
use switchyard_nodeview::Stream;
use switchyard_source::api::{Kind, KindStatus};
use switchyard_winkernel::limits::{self, Ground, Limit};
use switchyard_winkernel::{
    Delay, HnsObject, LoadBalancerKey, NetworkTrouble, Reconciler, Standing, Target,
};

use super::{
    Calls, Condition, InputStatus, LimitStatus, NetworkStatus, Objects, Severity, State, Status,
};
use crate::metrics::CallMetrics;

/// What the status is made of.
pub(crate) struct Report<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) reconciler: &'a Reconciler,
    pub(crate) metrics: &'a CallMetrics,
    pub(crate) input: InputStatus,
    /// How the following of the Kubernetes API goes, where it is followed.
    pub(crate) api: Option<BTreeMap<Kind, KindStatus>>,
    /// The Node, where nothing is known of it yet.
    pub(crate) missing_node: Option<String>,
    /// Why the manifests were not taken in the last time, or the Node is not there any more.
    pub(crate) input_trouble: Option<&'a str>,
    /// Why notifications are not registered for.
    pub(crate) unregistered: Option<&'a str>,
    pub(crate) now: Duration,
}

/// Which service ports use what.
#[derive(Default)]
struct Users {
    frontends: BTreeMap<LoadBalancerKey, BTreeSet<String>>,
    backends: BTreeMap<IpAddr, BTreeSet<String>>,
}

impl Report<'_> {
    /// The status.
    pub(crate) fn status(self) -> Status {
        let standing = self.reconciler.standing();
        let mut conditions = self.conditions(&standing);
        let in_order = |one: &Condition| {
            (one.severity, !one.services.iter().any(|name| comes_first(name)), one.object.clone())
        };
        conditions.sort_by_key(in_order);
        Status {
            node: self.stream.view().node().name.to_string(),
            process_id: std::process::id(),
            up_seconds: self.now.as_secs(),
            revision: self.stream.revision(),
            state: if self.awaits_cluster() { State::Waiting } else { state(&standing) },
            waiting_for: self.waiting_for(&standing),
            network: self.network(),
            objects: self.objects(&standing),
            conditions,
            limits: self.limits(),
            calls: calls(self.metrics),
            counters: counters(&standing),
            input: self.input,
        }
    }

    /// Whether nothing is known yet of what is wanted, because the API has not told.
    fn awaits_cluster(&self) -> bool {
        let mut kinds = self.api.iter().flatten();
        let is_unlisted = kinds.any(|(_, status)| !status.listed);
        is_unlisted || (self.api.is_some() && self.missing_node.is_some())
    }

    fn objects(&self, standing: &Standing) -> Objects {
        Objects {
            wanted_load_balancers: standing.wanted_load_balancers,
            own_load_balancers: standing.own_load_balancers,
            wanted_endpoints: standing.wanted_endpoints,
            own_endpoints: standing.own_endpoints,
            used_foreign: self.reconciler.foreign().iter().filter(|one| one.used).count(),
            degraded: standing.degraded,
            port_blocks_left: standing.port_blocks_left,
        }
    }

    fn waiting_for(&self, standing: &Standing) -> Vec<String> {
        let mut waiting = Vec::new();
        let unlisted = self.api.iter().flatten().filter(|(_, status)| !status.listed);
        let unlisted: Vec<_> = unlisted.map(|(kind, _)| kind.word()).collect();
        if !unlisted.is_empty() {
            waiting.push(format!("the Kubernetes API to list each {}", unlisted.join(", each ")));
        } else if let Some(node) = &self.missing_node {
            waiting.push(format!(
                "the Node {node}: the API has none of this name; --hostname-override says another"
            ));
        }
        if !standing.alive {
            waiting.push(format!("answers of HNS to {} calls that hang", standing.stuck_calls));
        }
        if let Some(missing) = &standing.missing_network {
            waiting.push(format!("the HNS network: {missing}"));
        } else if self.reconciler.network().is_none() {
            waiting.push("HNS to say which networks it has".to_owned());
        }
        if let Some(trouble) = &standing.network_trouble {
            waiting.push(trouble.to_string());
        }
        let absent = self.reconciler.waiting().len();
        if absent > 0 {
            waiting.push(format!("HNS endpoints of {absent} pods of this node"));
        }
        if !standing.delays.is_empty() {
            waiting.push(format!("the next try of {} failed objects", standing.delays.len()));
        }
        waiting
    }

    /// What is wrong with the API.
    fn of_api(&self) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for (kind, status) in self.api.iter().flatten() {
            let Some(trouble) = &status.trouble else { continue };
            let since = status.failing_since.unwrap_or(self.now);
            let state = if status.listed {
                "What was known last is kept, and kept true in HNS."
            } else {
                "Nothing is changed in HNS before all was listed once."
            };
            conditions.push(Condition {
                severity: if status.listed { Severity::Notice } else { Severity::Everything },
                object: Some(format!("{kind} objects of the Kubernetes API")),
                for_seconds: Some(self.now.saturating_sub(since).as_secs()),
                failures: status.failures.try_into().ok(),
                ..notice(
                    "ApiUnreachable",
                    trouble.clone(),
                    &format!("{state} Look whether the API server answers at the address of --kubeconfig, and whether this proxy may list and watch Services, EndpointSlices and its Node (ClusterRole system:node-proxier)."),
                )
            });
        }
        conditions
    }

    fn network(&self) -> Option<NetworkStatus> {
        let network = self.reconciler.network()?;
        let addresses = network.management_addresses.iter().map(ToString::to_string);
        Some(NetworkStatus {
            id: network.id.to_string(),
            network_type: if network.overlay { "overlay" } else { "l2bridge" }.to_owned(),
            management_addresses: addresses.collect(),
            source_vip: network.source_vip.map(|address| address.to_string()),
            dsr: network.dsr,
        })
    }

    fn conditions(&self, standing: &Standing) -> Vec<Condition> {
        let users = self.users();
        let mut conditions = of_everything(standing);
        conditions.extend(self.of_api());
        if let Some(trouble) = self.input_trouble
            && self.api.is_some()
        {
            let advice =
                "Nothing, where the Node is being made anew; else delete the proxy with it.";
            conditions.push(notice("NodeGone", trouble.to_owned(), advice));
        } else if let Some(trouble) = self.input_trouble {
            let advice = "Mend the manifests: until then the last that could be read count.";
            let detail = trouble.to_owned();
            conditions.push(notice("ManifestsUnreadable", detail, advice));
        }
        if let Some(trouble) = self.unregistered {
            let detail = format!("HNS does not take the registration for notifications: {trouble}");
            let advice = "Wait: it is tried again. Until then a restart of HNS is found by calls and audits.";
            conditions.push(notice("NotRegistered", detail, advice));
        }
        for (target, delay) in &standing.delays {
            conditions.push(self.failed(*target, delay, &users));
        }
        conditions.extend(self.held_by_others(standing, &users));
        for waiting in self.reconciler.waiting() {
            conditions.push(Condition {
                object: Some(format!("endpoint {}", waiting.key)),
                services: names(&waiting.views),
                ..notice(
                    "WaitingForEndpoint",
                    "the pod is on this node and has no HNS endpoint".to_owned(),
                    "Wait for the CNI to make it; if it does not, look into the log of the kubelet and the CNI. Other backends serve meanwhile.",
                )
            });
        }
        conditions
    }

    /// Something that HNS failed.
    fn failed(&self, target: Target, delay: &Delay, users: &Users) -> Condition {
        let services = match target {
            Target::LoadBalancer(key) => users.frontends.get(&key),
            Target::Endpoint(address) => users.backends.get(&address),
            Target::Stray(..) => None,
        };
        let advice = match delay.hresult {
            Some(code) => hresult::advice(code),
            None if delay.contested => {
                "Find who else changes load balancers on this node, a second proxy perhaps, and stop it."
            }
            None => "Look into the event log of HNS: it said yes and did something else.",
        };
        Condition {
            condition: self.reconciler.condition(target, delay).to_owned(),
            severity: match target {
                Target::Stray(..) => Severity::Notice,
                Target::LoadBalancer(_) | Target::Endpoint(_) => Severity::Failure,
            },
            object: Some(target.to_string()),
            services: services.into_iter().flatten().cloned().collect(),
            detail: delay.message.clone(),
            advice: advice.to_owned(),
            hresult: delay.hresult.map(code_text),
            hresult_name: delay.hresult.and_then(hresult::name).map(str::to_owned),
            failures: Some(delay.failures),
            for_seconds: Some(self.now.saturating_sub(delay.since).as_secs()),
            next_try_seconds: Some(delay.due.saturating_sub(self.now).as_secs()),
        }
    }

    fn held_by_others(&self, standing: &Standing, users: &Users) -> Vec<Condition> {
        let mut held = Vec::new();
        let not_ours: BTreeSet<_> = self.reconciler.held_by_others().into_iter().collect();
        for foreign in self.reconciler.foreign().into_iter().filter(|foreign| !foreign.used) {
            let HnsObject::LoadBalancer(key) = foreign.object else { continue };
            let is_told = standing.delays.contains_key(&Target::LoadBalancer(key));
            if is_told || !not_ours.contains(&key) {
                continue;
            }
            held.push(Condition {
                condition: "FrontendHeldByOther".to_owned(),
                severity: Severity::Failure,
                object: Some(format!("load balancer {key}")),
                services: users.frontends.get(&key).into_iter().flatten().cloned().collect(),
                detail: format!("load balancer {} of another owner holds this frontend and differs from what is wanted", foreign.id),
                advice: "Stop the other proxy; if it was kube-proxy, --takeover=kube-proxy replaces what it left.".to_owned(),
                hresult: None,
                hresult_name: None,
                failures: None,
                for_seconds: None,
                next_try_seconds: None,
            });
        }
        held
    }

    fn users(&self) -> Users {
        let mut users = Users::default();
        for view in self.stream.view().views() {
            let name = port_name(&view.key);
            for frontend in &view.frontends {
                let key = LoadBalancerKey::of(view, frontend);
                users.frontends.entry(key).or_default().insert(name.clone());
            }
            for backend in view.cluster.iter().chain(view.local.iter()) {
                users.backends.entry(backend.address).or_default().insert(name.clone());
            }
        }
        users
    }

    fn limits(&self) -> Vec<LimitStatus> {
        let Some(network) = self.reconciler.network() else { return Vec::new() };
        let local_endpoints = self.reconciler.local_addresses();
        let node = self.stream.view().node();
        let ground = Ground { node, network, local_endpoints: &local_endpoints };
        let mut met: BTreeMap<(Limit, String), BTreeSet<String>> = BTreeMap::new();
        for view in self.stream.view().views() {
            for frontend in &view.frontends {
                for limit in limits::met(view, frontend, ground) {
                    let service = view.key.service.to_string();
                    met.entry((limit, service)).or_default().insert(frontend_name(view, frontend));
                }
            }
        }
        met.into_iter()
            .map(|((limit, service), frontends)| LimitStatus {
                condition: camel_case(limit.as_str()),
                service,
                frontends: frontends.into_iter().collect(),
                detail: limit.explanation().to_owned(),
            })
            .collect()
    }
}

/// What harms everything.
fn of_everything(standing: &Standing) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let mut add = |condition: &str, detail: String, advice: &str| {
        let severity = Severity::Everything;
        conditions.push(Condition { severity, ..notice(condition, detail, advice) });
    };
    if let Some(missing) = &standing.missing_network {
        add(
            "NetworkMissing",
            missing.clone(),
            "Wait for the CNI to make the network, or name it with --network-name. It is looked for every few seconds.",
        );
    }
    if let Some(trouble) = &standing.network_trouble {
        add("NetworkUnusable", trouble.to_string(), advice_for(trouble));
    }
    if !standing.alive {
        let detail = format!("{} calls of HNS hang: nothing more is written", standing.stuck_calls);
        add(
            "HnsStuck",
            detail,
            "Restart HNS (Restart-Service hns): what is lost by that is put back.",
        );
    } else if standing.stuck_calls > 0 {
        let detail = format!("{} calls of HNS hang", standing.stuck_calls);
        let advice =
            "Look into the event log of HNS. What they are about is left alone until they answer.";
        conditions.push(notice("CallsHang", detail, advice));
    }
    if let Some(trouble) = &standing.ledger_trouble {
        let advice = "Make room in the state directory, or let it be written to. Until then objects may pass for another's after a crash.";
        conditions.push(notice("LedgerNotWritten", trouble.clone(), advice));
    }
    conditions
}

fn advice_for(trouble: &NetworkTrouble) -> &'static str {
    match trouble {
        NetworkTrouble::NoSourceVip { .. }
        | NetworkTrouble::SourceVipOutside { .. }
        | NetworkTrouble::SourceVipFamily { .. } => {
            "Start the proxy with --source-vip and an unused address of the node's pod subnet."
        }
        NetworkTrouble::NoHostMac { .. } | NetworkTrouble::NoManagementAddress { .. } => {
            "Look whether the adapter that the network is on has its address."
        }
    }
}

pub(super) fn notice(condition: &str, detail: String, advice: &str) -> Condition {
    Condition {
        condition: condition.to_owned(),
        severity: Severity::Notice,
        object: None,
        services: Vec::new(),
        detail,
        advice: advice.to_owned(),
        hresult: None,
        hresult_name: None,
        failures: None,
        for_seconds: None,
        next_try_seconds: None,
    }
}

fn state(standing: &Standing) -> State {
    let unusable = standing.missing_network.is_some() || standing.network_trouble.is_some();
    match standing {
        Standing { alive: false, .. } => State::Stuck,
        _ if unusable => State::Waiting,
        Standing { settled: true, .. } => State::Settled,
        Standing { .. } => State::Working,
    }
}

fn counters(standing: &Standing) -> BTreeMap<String, u64> {
    let counters = standing.counters;
    let named = [
        ("changes", counters.changes),
        ("failures", counters.failures),
        ("lies", counters.lies),
        ("drifts", counters.drifts),
        ("losses", counters.losses),
        ("networkChanges", counters.network_changes),
        ("abandoned", counters.abandoned),
        ("audits", standing.audits),
    ];
    named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

fn calls(metrics: &CallMetrics) -> Vec<Calls> {
    let calls = metrics.snapshot().into_iter().map(|(counted, tally)| Calls {
        verb: counted.verb.to_owned(),
        kind: counted.kind.to_owned(),
        hresult: code_text(counted.hresult),
        hresult_name: call_name(counted.hresult).map(str::to_owned),
        count: tally.count,
        total_seconds: tally.total.as_secs_f64(),
        longest_seconds: tally.longest.as_secs_f64(),
    });
    calls.collect()
}

fn call_name(code: u32) -> Option<&'static str> {
    if code == hresult::S_OK { Some("S_OK") } else { hresult::name(code) }
}

fn code_text(code: u32) -> String {
    format!("0x{code:08X}")
}

/// Whether the trouble of a service port is shown before that of others.
fn comes_first(name: &str) -> bool {
    name.starts_with("default/kubernetes:") || name.starts_with("kube-system/")
}

fn port_name(key: &ViewKey) -> String {
    format!("{}:{}", key.service, key.port)
}

fn names<'a>(keys: impl IntoIterator<Item = &'a ViewKey>) -> Vec<String> {
    let names: BTreeSet<_> = keys.into_iter().map(port_name).collect();
    names.into_iter().collect()
}

fn frontend_name(view: &ServicePortView, frontend: &Frontend) -> String {
    let address = frontend.address.map_or_else(|| "*".to_owned(), |address| address.to_string());
    format!("{}/{address}/{}/{}", frontend.kind, frontend.port, view.key.protocol)
}

/// `dsr-remote-client` as conditions are written: `DsrRemoteClient`.
pub(crate) fn camel_case(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split('-').map(word).collect()
}
