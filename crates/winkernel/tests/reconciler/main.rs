//! The reconciler against an emulated HNS in virtual time.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::time::Duration;

use switchyard_hcn::{Endpoint, Guid, IpConfiguration, LoadBalancer, hresult};
use switchyard_hcn_emulator::{
    Calls, DuplicateFrontend, Emulator, FailureCode, Fault, FaultScript, Knobs, Modify, ObjectKind,
    Rehydration, SavedData, Setup, State, Trouble, Verb,
};
use switchyard_nodeview::Stream;
use switchyard_source::Manifests;
use switchyard_winkernel::{
    Ledger, MemoryLedger, Performer, Reconciler, ReconcilerSettings, Standing, Takeover,
};

mod crowd;
mod hardship;

const NETWORK: &str = "00000000-0000-0000-0000-000000000001";
const NODE: &str = "
{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.1.1.0/24]},
 status: {addresses: [{type: InternalIP, address: 192.0.2.11}]}}
";

fn service(name: &str, ip: &str, backends: &[&str]) -> String {
    let endpoints: Vec<String> = backends
        .iter()
        .map(|address| {
            let node = if address.starts_with("10.1.1.") { "n1" } else { "n2" };
            format!("{{addresses: ['{address}'], nodeName: {node}}}")
        })
        .collect();
    format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: shop}},
 spec: {{clusterIP: {ip}, ports: [{{port: 80}}]}}}}
---\n{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
 metadata: {{name: {name}-1, namespace: shop, labels: {{kubernetes.io/service-name: {name}}}}},
 ports: [{{name: '', port: 8080}}], endpoints: [{}]}}\n",
        endpoints.join(", ")
    )
}

/// A node in virtual time.
struct Node {
    emulator: Emulator,
    stream: Stream,
    settings: ReconcilerSettings,
    reconciler: Reconciler,
    ledger: MemoryLedger,
}

impl Node {
    fn new(knobs: Knobs) -> Self {
        let state = format!(
            r#"{{"version":{{"Major":15,"Minor":5}},"networks":[{{"ID":"{NETWORK}","Name":"cbr0","Type":"L2Bridge",
               "Ipams":[{{"Type":"Static","Subnets":[{{"IpAddressPrefix":"10.1.1.0/24"}}]}}]}}]}}"#
        );
        Self::over(State::from_json(&state).unwrap(), knobs)
    }

    fn over(state: State, knobs: Knobs) -> Self {
        let settings = ReconcilerSettings::default();
        Self {
            emulator: Emulator::in_virtual_time(Setup { state, knobs, ..Setup::default() }),
            stream: Stream::new("n1".into(), Default::default()),
            reconciler: Reconciler::new(settings.clone(), Ledger::default()),
            settings,
            ledger: MemoryLedger::default(),
        }
    }

    /// Exactly these manifests from now on.
    fn see(&mut self, manifests: &str) {
        let mut read = Manifests::default();
        read.add("test", format!("{NODE}{manifests}").as_bytes());
        assert_eq!(read.refused(), []);
        let events = self.stream.cluster().events_towards(read.into_events());
        let changes = self.stream.apply(events);
        self.reconciler.view(changes, self.emulator.now());
    }

    /// Lets so much time pass.
    fn pass(&mut self, time: Duration) {
        let end = self.emulator.now() + time;
        let mut performer = Performer::new(&self.emulator);
        for _ in 0..100_000 {
            let now = self.emulator.now();
            if let Some((id, call)) = self.reconciler.next(now) {
                let result = performer.perform(&call, &mut self.ledger);
                self.reconciler.call_done(id, result, self.emulator.now());
                continue;
            }
            match self.reconciler.wake().filter(|wake| *wake <= end) {
                Some(wake) if wake > now => self.emulator.advance_to(wake),
                Some(wake) => panic!("nothing to do at {now:?}, and to be woken at {wake:?}"),
                None => {
                    self.emulator.advance_to(end);
                    return;
                }
            }
        }
        panic!("it never comes to rest: {:?}", self.reconciler.standing());
    }

    fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// The process is started anew.
    fn restart(&mut self) {
        let ledger = Ledger::read(&self.ledger.0);
        self.reconciler = Reconciler::new(self.settings.clone(), ledger);
        self.reconciler.view(self.stream.snapshot(), self.emulator.now());
    }

    fn standing(&self) -> Standing {
        self.reconciler.standing()
    }

    /// The VIPs that HNS has load balancers for, with the addresses of their backends.
    fn programmed(&self) -> Vec<String> {
        let state = self.emulator.state();
        let mut lines: Vec<String> = state
            .load_balancers()
            .map(|(_, document)| {
                let named = document.host_compute_endpoints.iter();
                let mut backends: Vec<String> = named
                    .filter_map(|id| state.endpoint(*id))
                    .flat_map(Endpoint::addresses)
                    .map(|address| address.to_string())
                    .collect();
                backends.sort();
                format!("{} {}", document.frontend_vips.join(" "), backends.join(" "))
            })
            .collect();
        lines.sort();
        lines
    }

    fn calls(&self) -> Calls {
        self.emulator.take_calls()
    }

    fn fault(&self, fault: Fault) {
        self.emulator.steer(|service| service.set_faults(FaultScript { faults: vec![fault] }));
    }
}

fn refusal(function: &str, code: u32, times: Option<u64>) -> Fault {
    let does = Trouble::Refuse { code: FailureCode::try_from(code).unwrap(), after: false };
    Fault { times, ..Fault::at(function, does).unwrap() }
}

fn count(calls: &Calls, verb: Verb, kind: ObjectKind) -> u64 {
    calls.counts().get(&(verb, kind)).copied().unwrap_or_default()
}

fn shop() -> String {
    service("web", "172.20.0.10", &["10.1.2.21", "10.1.2.22"])
        + &service("api", "172.20.0.11", &["10.1.2.21"])
}

const SHOP: [&str; 2] = ["172.20.0.10 10.1.2.21 10.1.2.22", "172.20.0.11 10.1.2.21"];

#[test]
fn a_restart_writes_nothing() {
    let mut node = Node::new(Knobs::default());
    node.see(&shop());
    node.seconds(1);
    assert_eq!(node.programmed(), SHOP);
    assert!(node.standing().settled);
    node.calls();
    node.restart();
    node.seconds(1);
    assert_eq!(node.calls().total_mutating(), 0);
    assert_eq!(node.emulator.open_handles(), 0);
}

#[test]
fn at_rest_only_an_audit_reads_and_nothing_writes() {
    let mut node = Node::new(Knobs::default());
    node.see(&shop());
    node.seconds(1);
    node.calls();
    node.seconds(200);
    assert_eq!(node.calls().total(), 0);
    node.seconds(200);
    let calls = node.calls();
    assert_eq!(calls.total_mutating(), 0);
    assert_eq!(count(&calls, Verb::Open, ObjectKind::LoadBalancer), 2);
    assert_eq!(count(&calls, Verb::Open, ObjectKind::Endpoint), 2);
}

#[test]
fn what_is_lost_is_seen_by_the_audit_and_made_again() {
    let mut node = Node::new(Knobs::default());
    node.see(&shop());
    node.seconds(1);
    let gone: Guid = node.emulator.state().load_balancers().next().unwrap().0;
    let mut state = node.emulator.state();
    state.remove_load_balancer(gone);
    node.emulator.steer(|service| service.set_state(state));
    node.seconds(301);
    assert_eq!(node.programmed(), SHOP);
    assert_eq!(node.standing().counters.drifts, 1);
}

#[test]
fn what_hns_does_not_say_is_ours_is_not_taken_for_changed() {
    for honours_caller_id in [true, false] {
        let knobs = Knobs { honours_caller_id, keeps_owner: false, ..Knobs::default() };
        let mut node = Node::new(knobs);
        node.see(&shop());
        node.seconds(1);
        node.calls();
        node.seconds(1_000);
        let standing = node.standing();
        assert!(standing.audits >= 3, "{standing:?}");
        assert_eq!(standing.counters.drifts, 0);
        assert_eq!(node.calls().total_mutating(), 0);
    }
}

#[test]
fn an_hns_that_forgot_everything_is_filled_again() {
    for rehydration in Rehydration::ALL {
        let mut node = Node::new(Knobs { rehydration: *rehydration, ..Knobs::default() });
        node.see(&shop());
        node.seconds(1);
        if *rehydration == Rehydration::Nothing {
            continue;
        }
        node.emulator.steer(|service| service.restart());
        node.reconciler.service_lost(node.emulator.now());
        node.seconds(5);
        assert_eq!(node.programmed(), SHOP, "{rehydration:?}");
        assert!(node.standing().settled);
    }
}

#[test]
fn while_hns_is_away_nothing_counts_as_gone() {
    let mut node = Node::new(Knobs::default());
    node.see(&shop());
    node.seconds(1);
    node.emulator.steer(|service| service.stop());
    node.see(&(shop() + &service("new", "172.20.0.12", &["10.1.2.23"])));
    node.calls();
    node.seconds(60);
    let calls = node.calls();
    assert!(calls.total_mutating() <= 2, "{:?}", calls.counts());
    assert!(calls.total() < 40, "{:?}", calls.counts());
    assert!(node.standing().missing_network.is_some());
    node.emulator.steer(|service| service.start(SavedData::Untouched));
    node.seconds(11);
    assert_eq!(node.programmed().len(), 3);
    assert_eq!(node.calls().total_mutating(), 2);
}

#[test]
fn a_modify_call_that_does_nothing_is_found_out_once() {
    let mut node = Node::new(Knobs { modify: Some(Modify::WithoutEffect), ..Knobs::default() });
    node.see(&shop());
    node.seconds(1);
    node.calls();
    node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
    node.seconds(1);
    assert_eq!(node.programmed(), ["172.20.0.10 10.1.2.21"]);
    node.see(&service("web", "172.20.0.10", &["10.1.2.23"]));
    node.seconds(1);
    assert_eq!(node.programmed(), ["172.20.0.10 10.1.2.23"]);
    assert_eq!(count(&node.calls(), Verb::Modify, ObjectKind::LoadBalancer), 1);
}

#[test]
fn what_fails_waits_and_harms_nobody() {
    let mut node = Node::new(Knobs::default());
    let code = hresult::HCN_E_PORT_ALREADY_EXISTS;
    node.fault(Fault { skip: 1, ..refusal("HcnCreateLoadBalancer", code, Some(5)) });
    node.see(&shop());
    node.seconds(1);
    assert_eq!(node.programmed().len(), 1);
    let (target, delay) = node.standing().delays.into_iter().next().unwrap();
    assert_eq!(delay.hresult, Some(code));
    assert_eq!(node.reconciler.condition(target, &delay), "PortInUse");
    node.seconds(30);
    assert_eq!(node.programmed(), SHOP);
    assert_eq!(node.standing().delays, Default::default());
}

#[test]
fn the_first_success_frees_all_that_failed_alike() {
    let mut node = Node::new(Knobs::default());
    let many: String = (1..=20)
        .map(|n| service(&format!("s{n}"), &format!("172.20.1.{n}"), &[&format!("10.1.3.{n}")]))
        .collect();
    node.fault(refusal("HcnCreateEndpoint", hresult::E_OUTOFMEMORY, None));
    node.see(&many);
    node.seconds(60);
    assert_eq!(node.programmed(), [""; 0]);
    let calls = node.calls();
    assert!(count(&calls, Verb::Create, ObjectKind::Endpoint) <= 180, "{:?}", calls.counts());
    node.fault(refusal("HcnCreateEndpoint", hresult::E_OUTOFMEMORY, Some(0)));
    node.seconds(5);
    assert_eq!(node.programmed().len(), 20);
}

#[test]
fn what_serves_stays_until_what_is_wanted_instead_can_be_made() {
    let mut node = Node::new(Knobs::default());
    node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
    node.seconds(1);
    node.fault(refusal("HcnCreateEndpoint", hresult::E_OUTOFMEMORY, None));
    node.see(&service("web", "172.20.0.10", &["10.1.2.22"]));
    node.seconds(60);
    assert_eq!(node.programmed(), ["172.20.0.10 10.1.2.21"]);
    node.see(&service("web", "172.20.0.10", &[]));
    node.seconds(1);
    assert_eq!(node.programmed(), [""; 0]);
}

#[test]
fn pods_without_an_endpoint_are_looked_for_less_and_less() {
    let mut node = Node::new(Knobs::default());
    node.see(&service("web", "172.20.0.10", &["10.1.1.21", "10.1.2.21"]));
    node.seconds(60);
    assert_eq!(node.programmed(), ["172.20.0.10 10.1.2.21"]);
    let looks = count(&node.calls(), Verb::Enumerate, ObjectKind::Endpoint);
    assert!((8..=16).contains(&looks), "{looks}");
    let id: Guid = "00000000-0000-0000-0001-000000000021".parse().unwrap();
    let mut state = node.emulator.state();
    let endpoint = Endpoint {
        id: Some(id),
        host_compute_network: Some(NETWORK.parse().unwrap()),
        ip_configurations: vec![IpConfiguration::of("10.1.1.21".parse().unwrap())],
        mac_address: "00-15-5D-00-01-21".to_owned(),
        ..Endpoint::default()
    };
    state.insert_endpoint(id, endpoint);
    node.emulator.steer(|service| service.set_state(state));
    node.seconds(10);
    assert_eq!(node.programmed(), ["172.20.0.10 10.1.1.21 10.1.2.21"]);
    node.calls();
    node.seconds(60);
    assert_eq!(node.calls().total(), 0, "nobody is waited for any more");
}

#[test]
fn the_network_is_waited_for_and_followed_to_its_new_id() {
    let mut node = Node::over(State::from_json("{}").unwrap(), Knobs::default());
    node.see(&shop());
    node.seconds(60);
    assert!(node.standing().missing_network.is_some());
    let calls = node.calls();
    assert!(calls.total() < 30, "{:?}", calls.counts());
    let with_network = |id: &str| {
        let text = format!(r#"{{"networks":[{{"ID":"{id}","Name":"cbr0","Type":"L2Bridge"}}]}}"#);
        State::from_json(&text).unwrap()
    };
    node.emulator.steer(|service| service.set_state(with_network(NETWORK)));
    node.seconds(11);
    assert_eq!(node.programmed(), SHOP);
    let other = "00000000-0000-0000-0000-000000000002";
    node.emulator.steer(|service| service.set_state(with_network(other)));
    node.seconds(301);
    assert_eq!(node.programmed(), SHOP);
    assert_eq!(node.standing().counters.network_changes, 1);
}

#[test]
fn an_hns_that_keeps_neither_ids_nor_owners_is_followed_by_the_ledger() {
    let knobs = Knobs {
        honours_caller_id: false,
        keeps_owner: false,
        restores_with_new_ids: true,
        ..Knobs::default()
    };
    let mut node = Node::new(knobs);
    node.see(&shop());
    node.seconds(1);
    assert_eq!(node.programmed(), SHOP);
    node.emulator.steer(|service| service.restart());
    node.calls();
    node.restart();
    node.seconds(1);
    assert_eq!(node.calls().total_mutating(), 0);
    node.see(&service("api", "172.20.0.11", &["10.1.2.21"]));
    node.seconds(5);
    assert_eq!(node.programmed(), ["172.20.0.11 10.1.2.21"]);
    assert_eq!(node.emulator.state().endpoints().count(), 1);
}

#[test]
fn what_gets_other_ids_under_a_running_proxy_stays_its_own() {
    let knobs = Knobs { keeps_owner: false, restores_with_new_ids: true, ..Knobs::default() };
    let mut node = Node::new(knobs);
    node.see(&shop());
    node.seconds(1);
    node.emulator.steer(|service| service.restart());
    node.calls();
    node.reconciler.service_lost(node.emulator.now());
    node.seconds(1);
    assert_eq!(node.calls().total_mutating(), 0);
    let standing = node.standing();
    assert_eq!((standing.own_load_balancers, standing.own_endpoints), (2, 2));
    node.see(&service("api", "172.20.0.11", &["10.1.2.21"]));
    node.seconds(5);
    assert_eq!(node.programmed(), ["172.20.0.11 10.1.2.21"]);
    assert_eq!(node.emulator.state().endpoints().count(), 1);
}

#[test]
fn the_ledger_goes_once_owners_are_seen_to_be_kept() {
    let mut node = Node::new(Knobs::default());
    node.see(&shop());
    node.seconds(1);
    assert_eq!(node.ledger.0, "");
}

/// Puts a load balancer as kube-proxy makes them into HNS, over the endpoints there are.
fn leave_behind(node: &Node, vip: &str) -> Guid {
    let id: Guid = "7f0c2b16-3c0e-4d59-a3f1-0c1e2d3f4a55".parse().unwrap();
    let mut state = node.emulator.state();
    let document = format!(
        r#"{{"ID":"{id}","FrontendVIPs":["{vip}"],"PortMappings":[{{"Protocol":6,"InternalPort":9999,"ExternalPort":80}}]}}"#
    );
    let document: LoadBalancer = serde_json::from_str(&document).unwrap();
    state.insert_load_balancer(id, document);
    node.emulator.steer(|service| service.set_state(state));
    id
}

#[test]
fn only_the_operator_gives_over_what_kube_proxy_holds() {
    let mut node = Node::new(Knobs::default());
    let theirs = leave_behind(&node, "172.20.0.10");
    node.see(&shop());
    node.seconds(1);
    assert!(node.emulator.state().load_balancer(theirs).is_some());
    assert_eq!(node.reconciler.held_by_others().len(), 1);
    node.settings.takeover = Takeover::KubeProxy;
    node.restart();
    node.seconds(1);
    assert!(node.emulator.state().load_balancer(theirs).is_none());
    assert_eq!(node.programmed(), SHOP);
}

#[test]
fn one_slow_call_does_not_put_an_audit_off() {
    let mut node = Node::new(Knobs::default());
    node.see(&shop());
    node.seconds(1);
    let slow = Trouble::Delay { milliseconds: 47_000 };
    node.fault(Fault::at("HcnEnumerateLoadBalancers", slow).unwrap());
    node.seconds(350);
    let mut state = node.emulator.state();
    let lost: Vec<Guid> = state.load_balancers().map(|(id, _)| id).collect();
    for id in lost {
        state.remove_load_balancer(id);
    }
    node.emulator.steer(|service| service.set_state(state));
    node.seconds(630);
    assert_eq!(node.programmed(), SHOP);
}

#[test]
fn what_hns_only_says_it_removed_stays_ours() {
    let knobs = Knobs { honours_caller_id: false, keeps_owner: false, ..Knobs::default() };
    let mut node = Node::new(knobs);
    node.see(&shop());
    node.seconds(1);
    let web = service("web", "172.20.0.10", &["10.1.2.21"]);
    node.see(&web);
    node.seconds(1);
    node.fault(Fault::at("HcnDeleteLoadBalancer", Trouble::Pretend).unwrap());
    node.see("");
    node.seconds(630);
    assert_eq!(node.emulator.state().load_balancers().count(), 0);
}

#[test]
fn what_cannot_be_kept_beside_anothers_goes() {
    let knobs = Knobs { duplicate_frontend: DuplicateFrontend::Allowed, ..Knobs::default() };
    let mut node = Node::new(knobs);
    node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
    node.seconds(1);
    let theirs = leave_behind(&node, "172.20.0.10");
    node.seconds(350);
    assert_eq!(node.reconciler.held_by_others().len(), 1);
    node.see(&service("web", "172.20.0.10", &["10.1.2.22"]));
    node.seconds(1);
    let state = node.emulator.state();
    assert_eq!(state.load_balancers().map(|(id, _)| id).collect::<Vec<_>>(), [theirs]);
}

#[test]
fn what_was_given_over_is_ours_afterwards() {
    let mut node = Node::new(Knobs { keeps_owner: false, ..Knobs::default() });
    let theirs = leave_behind(&node, "172.20.0.10");
    let mut state = node.emulator.state();
    let mut document = state.load_balancer(theirs).unwrap().clone();
    document.port_mappings[0].internal_port = 8080;
    document.flags = switchyard_hcn::LoadBalancerFlags::DSR;
    state.insert_load_balancer(theirs, document);
    node.emulator.steer(|service| service.set_state(state));
    node.settings.takeover = Takeover::KubeProxy;
    node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
    node.restart();
    node.seconds(1);
    assert_eq!(node.programmed().len(), 1);
    node.see("");
    node.seconds(1);
    assert_eq!(node.emulator.state().load_balancers().count(), 0);
    assert_eq!(node.emulator.state().endpoints().count(), 0);
}

#[test]
fn what_somebody_else_keeps_removing_is_made_once_a_minute() {
    let mut node = Node::new(Knobs::default());
    node.settings.audit_period = Duration::from_secs(1);
    node.reconciler = Reconciler::new(node.settings.clone(), Ledger::default());
    node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
    node.seconds(1);
    node.calls();
    for _ in 0..60 {
        let mut state = node.emulator.state();
        let ids: Vec<Guid> = state.load_balancers().map(|(id, _)| id).collect();
        for id in ids {
            state.remove_load_balancer(id);
        }
        node.emulator.steer(|service| service.set_state(state));
        node.seconds(5);
    }
    let made = count(&node.calls(), Verb::Create, ObjectKind::LoadBalancer);
    assert!((4..=6).contains(&made), "{made} in five minutes");
}

#[test]
fn a_call_that_never_returns_holds_up_its_own_object_alone() {
    let mut node = Node::new(Knobs::default());
    let hang = Trouble::Hang { after: false };
    node.fault(Fault::at("HcnCreateLoadBalancer", hang).unwrap());
    node.see(&shop());
    // In virtual time the call returns after two minutes, as one that was cancelled.
    node.seconds(150);
    assert_eq!(node.programmed(), SHOP);
}
