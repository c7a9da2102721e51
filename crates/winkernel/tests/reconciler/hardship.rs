//! What a node must come through: incomplete knowledge, one object that never works, calls that never return, an HNS that
//! keeps nothing.

use std::io;
use std::time::Duration;

use switchyard_hcn::{Endpoint, Guid, IpConfiguration, hresult};
use switchyard_hcn_emulator::{Fault, Knobs, ObjectKind, State, Trouble, Verb};
use switchyard_model::{Family, Protocol};
use switchyard_winkernel::{
    Call, CallId, Kind, Ledger, LedgerStore, LoadBalancerKey, Performer, Reconciler, Subject,
    load_balancer_id,
};

use crate::{NETWORK, Node, SHOP, count, refusal, service, shop};

const OVERLAY: &str = r#"{"version":{"Major":15,"Minor":5},"networks":[{
    "ID":"00000000-0000-0000-0000-000000000001","Name":"vxlan0","Type":"Overlay",
    "Ipams":[{"Type":"Static","Subnets":[{"IpAddressPrefix":"10.1.1.0/24"}]}],
    "Policies":[{"Type":"RemoteSubnetRoute","Settings":{"DestinationPrefix":"10.1.2.0/24","IsolationId":4096,
        "ProviderAddress":"192.0.2.12","DistributedRouterMacAddress":"02-00-C0-00-02-0C"}}],
    "ManagementIP":"192.0.2.11","AdditionalParams":{"HostMac":"00-15-5D-00-00-01"}}]}"#;
const SOURCE: &str = "00000000-0000-0000-0001-000000000002";

/// A node on an overlay.
fn overlay(knobs: Knobs, source_vip: Option<&str>) -> Node {
    let mut node = Node::over(State::from_json(OVERLAY).unwrap(), knobs);
    node.settings.windows.source_vip = source_vip.map(|text| text.parse().unwrap());
    node.reconciler = Reconciler::new(node.settings.clone(), Ledger::default());
    node
}

/// Changes what HNS holds behind everybody's back.
fn behind(node: &Node, change: impl FnOnce(&mut State)) {
    let mut state = node.emulator.state();
    change(&mut state);
    node.emulator.steer(|service| service.set_state(state));
}

/// An endpoint as a CNI makes them.
fn pod(address: &str, name: &str, id: &str) -> (Guid, Endpoint) {
    let id: Guid = id.parse().unwrap();
    let endpoint = Endpoint {
        id: Some(id),
        name: name.to_owned(),
        host_compute_network: Some(NETWORK.parse().unwrap()),
        ip_configurations: vec![IpConfiguration::of(address.parse().unwrap())],
        mac_address: "00-15-5D-00-00-77".to_owned(),
        ..Endpoint::default()
    };
    (id, endpoint)
}

/// An HNS by which nothing made can be told from anything else.
fn forgetful() -> Knobs {
    Knobs { honours_caller_id: false, keeps_owner: false, ..Knobs::default() }
}

/// Has the route to 10.1.2.0/24 lead to another node.
fn reroute(node: &Node) {
    behind(node, |state| {
        let id: Guid = NETWORK.parse().unwrap();
        let mut network = state.network(id).unwrap().clone();
        network.policies[0].settings["ProviderAddress"] = "192.0.2.14".into();
        state.insert_network(id, network);
    });
}

/// The calls that are made at one moment, at most so many.
fn at_one_moment(node: &mut Node, most: usize) -> usize {
    let mut made = 0;
    while made < most {
        let now = node.emulator.now();
        let Some((id, call)) = node.reconciler.next(now) else { break };
        let result = Performer::new(&node.emulator).perform(&call, &mut node.ledger);
        node.reconciler.call_done(id, result, now);
        made += 1;
    }
    made
}

#[test]
fn refusals_as_if_hns_were_away_do_not_each_have_everything_read() {
    let services: Vec<String> = (1..40)
        .map(|number| service(&format!("s{number}"), &format!("172.20.0.{number}"), &["10.1.2.21"]))
        .collect();
    let mut node = Node::new(Knobs::default());
    node.see(&services.concat());
    node.seconds(10);
    node.fault(refusal("HcnDeleteLoadBalancer", hresult::RPC_S_CALL_FAILED, None));
    node.see("");
    node.calls();
    node.seconds(1);
    let calls = node.calls();
    let of_balancers = |verb| count(&calls, verb, ObjectKind::LoadBalancer);
    assert!(of_balancers(Verb::Delete) >= 39, "{:?}", calls.counts());
    // What became of each is read, and once everything.
    assert!(of_balancers(Verb::Open) <= 2 * of_balancers(Verb::Delete), "{:?}", calls.counts());
}

#[test]
fn what_load_balancers_name_is_there_however_often_listings_come_empty() {
    let mut node = Node::new(forgetful());
    node.see(&shop());
    node.seconds(1);
    let omit = Fault::at("HcnEnumerateEndpoints", Trouble::Omit { count: None }).unwrap();
    node.fault(Fault { times: Some(4), ..omit });
    node.restart();
    node.see("");
    node.seconds(1_000);
    let state = node.emulator.state();
    assert_eq!((state.endpoints().count(), state.load_balancers().count()), (0, 0));
}

/// A disk that takes nothing.
struct FullDisk;

impl LedgerStore for FullDisk {
    fn append(&mut self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn replace(&mut self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn remove(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn a_ledger_that_could_not_be_written_or_removed_is_seen_to_later() {
    for knobs in [Knobs::default(), forgetful()] {
        let mut node = Node::new(knobs);
        node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
        while let Some((id, call)) = node.reconciler.next(node.emulator.now()) {
            let result = Performer::new(&node.emulator).perform(&call, &mut FullDisk);
            node.reconciler.call_done(id, result, node.emulator.now());
        }
        assert_eq!(node.programmed().len(), 1);
        assert!(node.standing().ledger_trouble.is_some(), "{:?}", node.standing());
        node.seconds(60);
        assert_eq!(node.standing().ledger_trouble, None);
        node.restart();
        node.see("");
        node.seconds(1);
        assert_eq!(node.emulator.state().load_balancers().count(), 0);
    }
}

#[test]
fn nothing_is_removed_before_the_views_are_known() {
    let mut node = Node::new(Knobs::default());
    node.see(&shop());
    node.seconds(1);
    for said in 0..4 {
        node.reconciler = Reconciler::new(node.settings.clone(), Ledger::read(&node.ledger.0));
        let events = node.stream.snapshot();
        assert!(said < events.len(), "the last event is that all was said");
        node.reconciler.view(events.into_iter().take(said), node.emulator.now());
        node.calls();
        node.seconds(5);
        assert_eq!(node.calls().total_mutating(), 0);
        assert_eq!(node.programmed(), SHOP);
    }
}

#[test]
fn nothing_is_removed_while_the_source_vip_is_unknown_and_it_is_waited_for() {
    let mut node = overlay(Knobs::default(), None);
    let (id, endpoint) = pod("10.1.1.2", "Calico_ep", SOURCE);
    behind(&node, |state| state.insert_endpoint(id, endpoint.clone()));
    node.see(&shop());
    node.seconds(1);
    assert_eq!(node.programmed(), SHOP);
    behind(&node, |state| drop(state.remove_endpoint(id)));
    node.restart();
    node.seconds(60);
    assert!(node.reconciler.trouble().is_some());
    assert_eq!(node.programmed(), SHOP);
    node.see(&(shop() + &service("new", "172.20.0.12", &["10.1.2.23"])));
    behind(&node, |state| state.insert_endpoint(id, endpoint));
    node.seconds(11);
    assert_eq!(node.reconciler.trouble(), None);
    assert_eq!(node.programmed().len(), 3);
}

#[test]
fn one_that_hns_never_answers_for_holds_up_nobody() {
    let mut node = Node::new(Knobs::default());
    let many: String = (1..=20)
        .map(|n| service(&format!("s{n}"), &format!("172.20.1.{n}"), &[&format!("10.1.3.{n}")]))
        .collect();
    let vip = Some("172.20.1.1".parse().unwrap());
    let key = LoadBalancerKey { family: Family::IPv4, vip, port: 80, protocol: Protocol::Tcp };
    let mut fault = refusal("HcnCreateLoadBalancer", hresult::RPC_S_CALL_FAILED, None);
    fault.on.id = Some(load_balancer_id(&key, 0));
    node.fault(fault);
    node.see(&many);
    node.seconds(60);
    assert_eq!(node.programmed().len(), 19);
    node.calls();
    node.seconds(600);
    let tried = count(&node.calls(), Verb::Create, ObjectKind::LoadBalancer);
    assert!(tried < 20, "{tried} in ten minutes");
}

#[test]
fn one_that_cannot_be_opened_holds_up_nobody() {
    let mut node = Node::new(Knobs::default());
    let theirs = crate::leave_behind(&node, "172.20.99.99");
    let mut fault = refusal("HcnOpenLoadBalancer", hresult::E_ACCESSDENIED, None);
    fault.on.id = Some(theirs);
    node.fault(fault);
    node.see(&shop());
    node.seconds(120);
    assert_eq!(node.programmed().len(), 3);
    let calls = node.calls().total();
    assert!(calls < 80, "{calls}");
}

#[test]
fn a_listing_that_is_refused_is_not_asked_for_without_pause() {
    let mut node = Node::new(Knobs::default());
    node.see(&shop());
    node.seconds(1);
    node.fault(refusal("HcnEnumerateLoadBalancers", hresult::E_ACCESSDENIED, None));
    node.emulator.advance(Duration::from_secs(310));
    assert!(at_one_moment(&mut node, 1_000) < 20);
}

#[test]
fn load_balancers_that_come_up_broken_are_not_made_without_pause() {
    for knobs in [Knobs::default(), forgetful()] {
        let mut node = Node::new(knobs);
        let fault = Fault::at("HcnCreateLoadBalancer", Trouble::Degrade).unwrap();
        node.fault(Fault { times: None, ..fault });
        node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
        assert!(at_one_moment(&mut node, 1_000) < 20);
    }
}

/// Lets time pass; calls that `never` names do not return.
fn pass_without(node: &mut Node, time: Duration, never: impl Fn(&Call) -> bool) -> Vec<CallId> {
    let end = node.emulator.now() + time;
    let mut out = Vec::new();
    loop {
        let now = node.emulator.now();
        if let Some((id, call)) = node.reconciler.next(now) {
            if never(&call) {
                out.push(id);
            } else {
                let result = Performer::new(&node.emulator).perform(&call, &mut node.ledger);
                node.reconciler.call_done(id, result, now);
            }
            continue;
        }
        match node.reconciler.wake().filter(|wake| *wake <= end) {
            Some(wake) => node.emulator.advance_to(wake),
            None => {
                node.emulator.advance_to(end);
                return out;
            }
        }
    }
}

#[test]
fn a_backend_whose_endpoint_hangs_is_left_out_and_named() {
    let mut node = Node::new(Knobs::default());
    node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
    node.seconds(1);
    node.see(
        &(service("web", "172.20.0.10", &["10.1.2.22", "10.1.2.23"])
            + &service("api", "172.20.0.11", &["10.1.2.22", "10.1.2.30"])),
    );
    let hangs = |call: &Call| match call {
        Call::Change(change) => match &change.operation.subject {
            Subject::Endpoint { key, document: Some(_) } => key.address.to_string() == "10.1.2.22",
            Subject::Endpoint { .. } | Subject::LoadBalancer { .. } => false,
        },
        _ => false,
    };
    pass_without(&mut node, Duration::from_secs(600), hangs);
    assert_eq!(node.programmed(), ["172.20.0.10 10.1.2.23", "172.20.0.11 10.1.2.30"]);
    let standing = node.standing();
    assert_eq!((standing.stuck_calls, standing.quarantined.len()), (1, 1));
    assert!(standing.alive);
}

#[test]
fn the_ledger_tells_the_old_endpoint_from_the_new() {
    let mut node = overlay(forgetful(), Some("10.1.1.2"));
    node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
    node.seconds(5);
    reroute(&node);
    node.seconds(310);
    node.restart();
    node.seconds(5);
    node.see("");
    node.seconds(5);
    assert_eq!(node.emulator.state().endpoints().count(), 0);
}

#[test]
fn one_who_dies_between_the_new_endpoint_and_the_old_leaves_neither() {
    let mut node = overlay(forgetful(), Some("10.1.1.2"));
    node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
    node.seconds(5);
    reroute(&node);
    node.restart();
    let makes = |call: &Call| match call {
        Call::Change(change) => change.operation.kind() == Kind::Endpoint,
        _ => false,
    };
    loop {
        let now = node.emulator.now();
        let (id, call) = node.reconciler.next(now).unwrap();
        let result = Performer::new(&node.emulator).perform(&call, &mut node.ledger);
        if makes(&call) {
            break;
        }
        node.reconciler.call_done(id, result, now);
    }
    node.restart();
    node.seconds(5);
    node.see("");
    node.seconds(5);
    assert_eq!(node.emulator.state().endpoints().count(), 0);
}

#[test]
fn what_is_listed_and_not_read_yet_is_not_gone() {
    let mut node = Node::new(forgetful());
    node.see(&service("web", "172.20.0.10", &["10.1.2.21"]));
    node.seconds(1);
    // It is read first, for its id is the lowest, and looks like the one that is written down.
    let theirs: Guid = "00000000-0000-0000-0000-0000000000aa".parse().unwrap();
    behind(&node, |state| {
        let (_, ours) = state.endpoints().next().unwrap();
        let endpoint = Endpoint { id: Some(theirs), ..ours.clone() };
        state.insert_endpoint(theirs, endpoint);
    });
    node.restart();
    node.seconds(1);
    node.see("");
    node.seconds(5);
    assert!(node.emulator.state().endpoint(theirs).is_some());
    assert_eq!(node.emulator.state().endpoints().count(), 1);
}

#[test]
fn a_listing_that_lacks_what_an_earlier_run_made_is_no_proof_either() {
    for function in ["HcnEnumerateLoadBalancers", "HcnEnumerateEndpoints"] {
        let mut node = Node::new(forgetful());
        node.see(&shop());
        node.seconds(1);
        node.fault(Fault::at(function, Trouble::Omit { count: Some(1) }).unwrap());
        node.restart();
        node.see("");
        node.seconds(310);
        let state = node.emulator.state();
        assert_eq!(state.load_balancers().count(), 0, "{function}");
        assert_eq!(state.endpoints().count(), 0, "{function}");
    }
}

#[test]
fn one_refusal_says_nothing_of_how_many_backends_hns_takes() {
    let mut node = Node::new(Knobs::default());
    let backends: Vec<String> = (1..=100).map(|n| format!("10.1.2.{n}")).collect();
    let backends: Vec<&str> = backends.iter().map(String::as_str).collect();
    node.fault(refusal("HcnCreateLoadBalancer", hresult::E_INVALIDARG, Some(1)));
    node.see(&service("web", "172.20.0.10", &backends));
    node.seconds(60);
    assert_eq!(node.programmed()[0].split(' ').count(), 101);
    let takes = Knobs { maximum_destinations: Some(64), ..Knobs::default() };
    let mut node = Node::new(takes);
    node.see(&service("web", "172.20.0.10", &backends));
    node.seconds(60);
    assert_eq!(node.programmed()[0].split(' ').count(), 65);
}
