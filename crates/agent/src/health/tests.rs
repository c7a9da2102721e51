//! Health as a function of what was told and when.

use std::num::NonZeroU16;
use std::sync::Arc;

use switchyard_model::{Backend, Protocol, ServiceKey, ServicePortView, ViewEvent, ViewKey};

use super::listeners::{Action, Listeners};
use super::ports::HealthPorts;
use super::*;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A proxy of one family on a node that is known.
fn proxy() -> ProxyHealth {
    let mut health = ProxyHealth::new(SYNC_PERIOD);
    health.serves([Family::IPv4]);
    health.node(NodeStanding::Eligible);
    health
}

/// Ready, alive.
fn is(health: &ProxyHealth, now: u64) -> (bool, bool) {
    let verdict = health.verdict(at(now));
    (verdict.is_ready(), verdict.is_alive())
}

#[test]
fn before_the_first_complete_state_it_is_alive_and_not_ready() {
    let mut health = proxy();
    health.queued(at(1));
    assert_eq!(is(&health, 1), (false, true));
    assert_eq!(health.verdict(at(1)).ailment, Some(Ailment::Starting));
    // A cold start may take long.
    assert_eq!(is(&health, 3_600), (false, true));
    health.attempted(at(3_600));
    assert_eq!(is(&health, 3_600), (true, true));
}

#[test]
fn changes_that_wait_twice_the_period_make_it_unhealthy() {
    let mut health = proxy();
    health.attempted(at(0));
    health.queued(at(10));
    health.queued(at(60));
    assert_eq!(is(&health, 69), (true, true));
    assert_eq!(is(&health, 70), (false, false), "the oldest counts");
    health.attempted(at(80));
    assert_eq!(is(&health, 10_000), (true, true), "nothing waits: the last state counts");
}

#[test]
fn a_slow_hns_takes_the_node_out_of_service_and_leaves_the_process_alone() {
    let mut health = proxy();
    health.attempted(at(0));
    health.queued(at(10));
    health.call_begun(at(11));
    assert_eq!(is(&health, 75), (false, true));
    health.call_ended(at(100));
    assert_eq!(is(&health, 159), (false, true));
    assert_eq!(is(&health, 160), (false, false), "nothing has been attempted since");
}

#[test]
fn what_is_learnt_of_hns_before_changes_leaves_the_process_alone() {
    let mut health = proxy();
    health.attempted(at(0));
    health.queued(at(10));
    health.learnt(at(60));
    assert_eq!(is(&health, 119), (false, true));
    assert_eq!(is(&health, 120), (false, false), "nothing was learnt since");
    health.call_begun(at(120));
    health.learnt(at(121));
    assert_eq!(is(&health, 239), (false, true), "a call under way counts for longer");
}

#[test]
fn a_node_that_is_about_to_go_is_not_ready_and_the_process_is_well() {
    let mut health = proxy();
    health.attempted(at(0));
    for node in [NodeStanding::Deleted, NodeStanding::MarkedByAutoscaler, NodeStanding::Unknown] {
        health.node(node);
        assert_eq!(is(&health, 1), (false, true), "{node:?}");
        assert!(health.verdict(at(1)).is_serving(), "the ports of Services still answer");
    }
    health.node(NodeStanding::Eligible);
    assert_eq!(is(&health, 1), (true, true));
}

#[test]
fn a_loop_that_hangs_and_calls_that_hang_are_told() {
    let mut health = proxy();
    health.attempted(at(0));
    health.busy(at(5));
    assert_eq!(is(&health, 34), (true, true));
    assert_eq!(health.verdict(at(35)).fatal, Some(Ailment::LoopHangs));
    health.idle();
    assert_eq!(is(&health, 1_000), (true, true));
    health.stuck(true);
    assert_eq!(health.verdict(at(1_000)).fatal, Some(Ailment::HnsStuck));
    assert!(health.verdict(at(1_000)).families.values().all(|family| !family.healthy));
}

fn port(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

fn backend(address: &str, draining: bool) -> Backend {
    Backend { address: address.parse().unwrap(), port: port(8080), local: true, draining }
}

fn view(name: &str, port_name: &str, check: Option<u16>, local: &[Backend]) -> ViewEvent {
    let service = ServiceKey::new("shop", name);
    ViewEvent::Upsert(Arc::new(ServicePortView {
        key: ViewKey {
            service,
            port: port_name.into(),
            protocol: Protocol::Tcp,
            family: Family::IPv4,
        },
        uid: None,
        frontends: Box::default(),
        cluster: Arc::default(),
        local: local.into(),
        affinity_timeout: None,
        health_check_node_port: check.map(port),
        preserve_destination: false,
        replace_on_change: false,
        cluster_dns: false,
    }))
}

#[test]
fn local_endpoints_are_counted_by_address_and_service() {
    let (one, two) = (backend("10.1.1.21", false), backend("10.1.1.22", false));
    let mut ports = HealthPorts::default();
    assert!(ports.apply(&[
        view("web", "http", Some(31000), &[one, two]),
        view("web", "https", Some(31000), &[one]),
        view("old", "", Some(31001), &[backend("10.1.1.23", true)]),
        view("none", "", None, &[one]),
    ]));
    let wanted = ports.wanted();
    let count = |number| wanted.ports[&(port(number), Family::IPv4)].local_endpoints;
    assert_eq!((count(31000), count(31001), wanted.ports.len()), (2, 0, 2));
    assert!(!ports.apply(&[view("web", "https", Some(31000), &[one])]), "nothing differs");
    assert!(ports.apply(&[ViewEvent::Reset]));
    assert!(ports.wanted().ports.is_empty());
}

#[test]
fn two_services_never_share_a_port() {
    let mut ports = HealthPorts::default();
    ports.apply(&[view("b", "", Some(31000), &[]), view("a", "", Some(31000), &[])]);
    let wanted = ports.wanted();
    let (a, b) = (ServiceKey::new("shop", "a"), ServiceKey::new("shop", "b"));
    assert_eq!(wanted.ports[&(port(31000), Family::IPv4)].service, a);
    assert_eq!(wanted.shared, BTreeMap::from([((port(31000), b), a)]));
}

#[test]
fn a_port_that_is_taken_is_tried_again_and_holds_up_no_other() {
    let mut ports = HealthPorts::default();
    ports.apply(&[view("a", "", Some(31000), &[]), view("b", "", Some(31001), &[])]);
    let (one, two) = ((port(31000), Family::IPv4), (port(31001), Family::IPv4));
    let mut listeners = Listeners::default();
    listeners.want(&ports.wanted());
    assert_eq!(listeners.next(at(0)), [Action::Open(one), Action::Open(two)]);
    assert!(listeners.failed(one, "taken", at(0)).is_some());
    listeners.opened(two);
    assert_eq!(listeners.next(at(0)), []);
    let mut waits = Vec::new();
    let mut now = at(0);
    for _ in 0..10 {
        let due = listeners.wake().unwrap();
        waits.push(due - now);
        now = due;
        assert_eq!(listeners.next(now), [Action::Open(one)]);
        assert!(listeners.failed(one, "taken", now).is_none(), "told once");
    }
    assert!(waits[0] >= at(1) * 3 / 4 && waits[9] <= at(60) && waits[9] >= at(45), "{waits:?}");
    assert_eq!(listeners.troubles().count(), 1);
    let _ = listeners.next(listeners.wake().unwrap());
    listeners.opened(one);
    assert_eq!((listeners.troubles().count(), listeners.open(), listeners.wake()), (0, 2, None));
}

#[test]
fn a_change_of_port_closes_and_opens() {
    let mut ports = HealthPorts::default();
    let mut listeners = Listeners::default();
    let (one, two) = ((port(31000), Family::IPv4), (port(31001), Family::IPv4));
    ports.apply(&[view("a", "", Some(31000), &[])]);
    listeners.want(&ports.wanted());
    assert_eq!(listeners.next(at(0)), [Action::Open(one)]);
    listeners.opened(one);
    ports.apply(&[view("a", "", Some(31001), &[])]);
    listeners.want(&ports.wanted());
    assert_eq!(listeners.next(at(0)), [Action::Close(one), Action::Open(two)]);
    listeners.opened(two);
    ports.apply(&[view("a", "", None, &[])]);
    listeners.want(&ports.wanted());
    assert_eq!(listeners.next(at(0)), [Action::Close(two)]);
    assert_eq!(listeners.wake(), None);
}
