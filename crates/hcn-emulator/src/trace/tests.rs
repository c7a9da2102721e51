use serde_json::{Value, json};
use switchyard_model::{Client, Origin};

use super::*;
use crate::Beyond;

mod explain;
mod overlay;

const NODE: &str = "192.0.2.11";
const VIP: &str = "172.20.0.10";

fn guid(number: u32) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

/// Endpoints 11 and 12 are local, 21 and 22 are remote, 31 is remote at the node's own address, 41 has both families.
fn endpoints() -> Value {
    let endpoint = |number: u32, flags: u32, addresses: &[&str]| {
        let addresses: Vec<Value> =
            addresses.iter().map(|address| json!({ "IpAddress": address })).collect();
        json!({ "ID": guid(number), "Flags": flags, "IpConfigurations": addresses })
    };
    json!([
        endpoint(11, 0, &["10.1.1.21"]),
        endpoint(12, 0, &["10.1.1.22"]),
        endpoint(21, 1, &["10.1.2.21"]),
        endpoint(22, 1, &["10.1.2.22"]),
        endpoint(31, 1, &[NODE]),
        endpoint(41, 0, &["10.1.1.41", "fd00:1:1::41"]),
    ])
}

/// A load balancer with port 80 outside and 8080 inside.
struct Balancer {
    vip: Option<&'static str>,
    flags: u32,
    port_flags: u32,
    distribution: u32,
    state: u16,
    endpoints: Vec<u32>,
}

fn balancer(flags: u32, endpoints: &[u32]) -> Balancer {
    Balancer {
        vip: Some(VIP),
        flags,
        port_flags: 0,
        distribution: 0,
        state: 2,
        endpoints: endpoints.to_vec(),
    }
}

const DSR: u32 = 1;
const PLAIN: u32 = 0;

impl Balancer {
    fn document(&self, number: u32) -> Value {
        json!({
            "ID": guid(number), "Flags": self.flags, "State": self.state,
            "HostComputeEndpoints": self.endpoints.iter().map(|id| guid(*id)).collect::<Vec<_>>(),
            "FrontendVIPs": self.vip.into_iter().collect::<Vec<_>>(),
            "PortMappings": [{ "Protocol": 6, "InternalPort": 8080, "ExternalPort": 80,
                "DistributionType": self.distribution, "Flags": self.port_flags }],
        })
    }
}

fn state(load_balancers: &[Balancer]) -> State {
    let documents: Vec<Value> =
        (100..).zip(load_balancers).map(|(number, held)| held.document(number)).collect();
    let file = json!({ "endpoints": endpoints(), "loadBalancers": documents });
    State::from_json(&file.to_string()).unwrap()
}

fn packet(origin: Origin, from: &str, to: &str) -> Packet {
    Packet {
        client: Client {
            address: from.parse().unwrap(),
            origin,
            internal: !matches!(origin, Origin::Outside),
        },
        destination: Destination::Port {
            address: to.parse().unwrap(),
            port: 80,
            protocol: Protocol::Tcp,
        },
    }
}

/// `outcome backend[*] ... source [sticky]`, with `*` for a local backend, then `<- ` and the last part of every id and
/// every limit that decided it.
fn said(verdict: &Verdict) -> String {
    let mut words = vec![verdict.outcome.to_string()];
    for reached in &verdict.backends {
        let local = if reached.local { "*" } else { "" };
        words.push(format!("{}:{}{local}", reached.address, reached.port));
    }
    words.extend(verdict.source.map(|source| source.as_str().to_owned()));
    words.extend(verdict.sticky.then(|| "sticky".to_owned()));
    if !verdict.decided_by.is_empty() {
        words.push("<-".to_owned());
    }
    let zeros = guid(0);
    words.extend(verdict.decided_by.iter().map(|word| word.replace(&zeros[..33], "")));
    words.join(" ")
}

fn check_all(load_balancers: &[Balancer], packet: &Packet, expect: &str) {
    let state = state(load_balancers);
    let node = NodeAddresses::from_iter([NODE.parse().unwrap(), "fd00::11".parse().unwrap()]);
    let verdict = Tracer::new(&state, node).trace(packet);
    assert_eq!(said(&verdict), expect);
}

fn check(load_balancer: Balancer, origin: Origin, from: &str, expect: &str) {
    let to = load_balancer.vip.unwrap_or(NODE);
    check_all(&[load_balancer], &packet(origin, from, to), expect);
}

#[test]
fn local_pod_with_dsr_keeps_its_address() {
    let all = "forward 10.1.1.21:8080* 10.1.2.21:8080 keep \
               <- endpoint/011 endpoint/021 loadBalancer/100";
    check(balancer(DSR, &[11, 21]), Origin::LocalPod, "10.1.1.50", all);
    let remote = "forward 10.1.2.21:8080 keep <- endpoint/021 loadBalancer/100";
    check(balancer(DSR, &[21]), Origin::LocalPod, "10.1.1.50", remote);
}

#[test]
fn a_pod_that_is_picked_itself_is_rewritten() {
    let mixed = "forward 10.1.1.21:8080* 10.1.1.22:8080* mixed \
                 <- endpoint/011 endpoint/012 loadBalancer/100";
    check(balancer(DSR, &[11, 12]), Origin::LocalPod, "10.1.1.21", mixed);
    let rewrite = "forward 10.1.1.21:8080* rewrite <- endpoint/011 loadBalancer/100";
    check(balancer(DSR, &[11]), Origin::LocalPod, "10.1.1.21", rewrite);
    check(balancer(DSR, &[11]), Origin::RemotePod, "10.1.1.21", rewrite);
}

#[test]
fn local_pod_without_dsr_is_rewritten() {
    let all = "forward 10.1.1.21:8080* 10.1.2.21:8080 rewrite \
               <- endpoint/011 endpoint/021 loadBalancer/100";
    check(balancer(PLAIN, &[11, 21]), Origin::LocalPod, "10.1.1.50", all);
    check(balancer(PLAIN, &[11, 21]), Origin::LocalPod, "10.1.1.21", all);
}

#[test]
fn the_node_reaches_all_and_is_rewritten() {
    let all = "forward 10.1.1.21:8080* 10.1.2.21:8080 rewrite \
               <- endpoint/011 endpoint/021 loadBalancer/100";
    check(balancer(DSR, &[11, 21]), Origin::Node, NODE, all);
    check(balancer(PLAIN, &[11, 21]), Origin::Node, NODE, all);
    for flags in [DSR, PLAIN] {
        let node_port =
            |port_flags| Balancer { vip: None, port_flags, ..balancer(flags, &[11, 21]) };
        check(node_port(0), Origin::Node, NODE, "pass");
        check(node_port(16), Origin::Node, NODE, "pass");
        check(node_port(18), Origin::Node, NODE, all);
    }
}

#[test]
fn remote_clients_with_dsr_reach_what_is_local() {
    for origin in [Origin::RemotePod, Origin::Outside] {
        let local = "forward 10.1.1.21:8080* 192.0.2.11:8080* keep \
                     <- endpoint/011 endpoint/031 loadBalancer/100";
        check(balancer(DSR, &[11, 21, 31]), origin, "198.51.100.7", local);
        let none = "pass <- limit/dsr-remote-client loadBalancer/100";
        check(balancer(DSR, &[21, 22]), origin, "198.51.100.7", none);
    }
}

#[test]
fn remote_clients_without_dsr_reach_all_and_are_rewritten() {
    for origin in [Origin::RemotePod, Origin::Outside] {
        let all = "forward 10.1.1.21:8080* 10.1.2.21:8080 rewrite \
                   <- endpoint/011 endpoint/021 loadBalancer/100";
        check(balancer(PLAIN, &[11, 21]), origin, "198.51.100.7", all);
    }
}

#[test]
fn an_internal_load_balancer_is_for_this_node_only() {
    for flags in [DSR, PLAIN] {
        let internal = || Balancer { port_flags: 1, ..balancer(flags, &[11]) };
        check(internal(), Origin::RemotePod, "10.1.2.50", "pass");
        check(internal(), Origin::Outside, "198.51.100.7", "pass");
        let rewrite = "forward 10.1.1.21:8080* rewrite <- endpoint/011 loadBalancer/100";
        check(internal(), Origin::Node, NODE, rewrite);
    }
    let internal = || Balancer { port_flags: 1, ..balancer(DSR, &[11]) };
    let keep = "forward 10.1.1.21:8080* keep <- endpoint/011 loadBalancer/100";
    check(internal(), Origin::LocalPod, "10.1.1.50", keep);
}

#[test]
fn a_lost_share_is_told() {
    let left = "forward 10.1.1.21:8080* rewrite <- endpoint/011 limit/dangling loadBalancer/100";
    check(balancer(PLAIN, &[11, 99]), Origin::Outside, "198.51.100.7", left);
    let lost = "drop <- limit/dangling loadBalancer/100";
    check(balancer(PLAIN, &[99]), Origin::LocalPod, "10.1.1.50", lost);
    check(balancer(DSR, &[99]), Origin::Outside, "198.51.100.7", lost);
    check(balancer(PLAIN, &[]), Origin::Outside, "198.51.100.7", lost);
    let degraded = || Balancer { state: 4, ..balancer(PLAIN, &[11, 21]) };
    check(degraded(), Origin::Node, NODE, lost);
    let both = "pass <- limit/dangling limit/dsr-remote-client loadBalancer/100";
    check(balancer(DSR, &[21, 99]), Origin::Outside, "198.51.100.7", both);
    let local = "forward 10.1.1.21:8080* keep <- endpoint/011 limit/dangling loadBalancer/100";
    check(balancer(DSR, &[11, 99]), Origin::Outside, "198.51.100.7", local);
}

#[test]
fn an_endpoint_that_is_not_in_place_has_no_share() {
    let verdict = |number: u32, endpoint_state: u16, origin| {
        let document = balancer(DSR, &[11, 12, 21]).document(100);
        let mut endpoints = endpoints();
        for endpoint in endpoints.as_array_mut().unwrap() {
            if endpoint["ID"] == guid(number) {
                endpoint["State"] = json!(endpoint_state);
            }
        }
        let file = json!({ "endpoints": endpoints, "loadBalancers": [document] });
        let state = State::from_json(&file.to_string()).unwrap();
        let node = NodeAddresses::from_iter([NODE.parse().unwrap()]);
        said(&Tracer::new(&state, node).trace(&packet(origin, "198.51.100.7", VIP)))
    };
    let all = "forward 10.1.1.21:8080* 10.1.1.22:8080* 10.1.2.21:8080 keep \
               <- endpoint/011 endpoint/012 endpoint/021 loadBalancer/100";
    let local = "forward 10.1.1.22:8080* 10.1.2.21:8080 keep \
                 <- endpoint/012 endpoint/021 limit/dangling loadBalancer/100";
    let remote = "forward 10.1.1.21:8080* 10.1.1.22:8080* keep \
                  <- endpoint/011 endpoint/012 limit/dangling loadBalancer/100";
    for (endpoint_state, of_local, of_remote) in [
        (0, all, all),
        (1, all, all),
        (2, all, all),
        (3, all, all),
        // A remote endpoint has no port that it could be taken off.
        (4, local, all),
        (5, local, remote),
        (6, local, remote),
    ] {
        assert_eq!(verdict(11, endpoint_state, Origin::LocalPod), of_local, "{endpoint_state}");
        assert_eq!(verdict(21, endpoint_state, Origin::LocalPod), of_remote, "{endpoint_state}");
    }
    // A client elsewhere has no share of what is elsewhere.
    let kept = "forward 10.1.1.21:8080* 10.1.1.22:8080* keep \
                <- endpoint/011 endpoint/012 loadBalancer/100";
    assert_eq!(verdict(21, 5, Origin::Outside), kept);
}

#[test]
fn a_local_and_a_remote_endpoint_at_one_address_are_one_backend() {
    let mut endpoints = endpoints();
    endpoints[2]["IpConfigurations"][0]["IpAddress"] = json!("10.1.1.21");
    let document = balancer(DSR, &[21, 11]).document(100);
    let file = json!({ "endpoints": endpoints, "loadBalancers": [document] });
    let state = State::from_json(&file.to_string()).unwrap();
    let packet = packet(Origin::LocalPod, "10.1.1.50", VIP);
    let explanation = Tracer::new(&state, NodeAddresses::default()).explain(&packet);
    let once = "forward 10.1.1.21:8080* keep <- endpoint/011 endpoint/021 loadBalancer/100";
    assert_eq!(said(&explanation.verdict), once);
    let both = Note::LocalAndRemote("10.1.1.21".parse().unwrap());
    assert!(explanation.steps.contains(&Step::Note(both)));
}

#[test]
fn what_a_build_cannot_have_is_told() {
    fn check(version: &str, balancer: Balancer, expect: &[Beyond]) {
        let mut state = state(&[balancer]);
        state.version = version.parse().unwrap();
        let packet = packet(Origin::LocalPod, "10.1.1.50", VIP);
        let steps = Tracer::new(&state, NodeAddresses::default()).explain(&packet).steps;
        let notes = steps.into_iter().filter_map(|step| match step {
            Step::Note(Note::BeyondBuild(_, beyond)) => Some(beyond),
            _ => None,
        });
        assert_eq!(notes.collect::<Vec<_>>(), expect, "{version}");
    }
    for version in ["9.2", "10.0", "10.1"] {
        check(version, balancer(DSR, &[11]), &[Beyond::DirectServerReturn]);
        check(version, balancer(PLAIN, &[11]), &[]);
    }
    check("9.3", balancer(DSR, &[11]), &[]);
    check("11.9", balancer(2, &[11]), &[Beyond::Ipv6]);
    check("11.10", balancer(2, &[11]), &[]);
    let (named, most) = (65, 64);
    check("10.5", balancer(DSR, &[11; 65]), &[Beyond::Destinations { named, most }]);
    check("11.0", balancer(DSR, &[11; 65]), &[]);
}

#[test]
fn the_distribution_decides_affinity() {
    let with = |distribution| Balancer { distribution, ..balancer(PLAIN, &[11]) };
    let plain = "forward 10.1.1.21:8080* rewrite <- endpoint/011 loadBalancer/100";
    let sticky = "forward 10.1.1.21:8080* rewrite sticky <- endpoint/011 loadBalancer/100";
    check(with(0), Origin::Outside, "198.51.100.7", plain);
    check(with(1), Origin::Outside, "198.51.100.7", sticky);
    check(with(2), Origin::Outside, "198.51.100.7", sticky);
}

#[test]
fn an_old_build_does_not_look_at_the_distribution() {
    let sticky = Balancer { distribution: 2, ..balancer(PLAIN, &[11]) };
    let mut state = state(&[sticky]);
    let node = || NodeAddresses::from_iter([NODE.parse().unwrap()]);
    let packet = packet(Origin::Outside, "198.51.100.7", VIP);
    let sticky_at = |state: &State| Tracer::new(state, node()).trace(&packet).sticky;
    state.version = "12.0".parse().unwrap();
    assert!(sticky_at(&state));
    state.version = "11.99".parse().unwrap();
    assert!(!sticky_at(&state));
    let steps = Tracer::new(&state, node()).explain(&packet).steps;
    assert!(steps.contains(&Step::Note(Note::NoDistribution(state.version))));
}

#[test]
fn with_preserve_dip_the_port_stays() {
    let preserved = Balancer { port_flags: 28, ..balancer(DSR, &[11]) };
    let expect = "forward 10.1.1.21:80* keep <- endpoint/011 loadBalancer/100";
    check(preserved, Origin::Outside, "198.51.100.7", expect);
}

#[test]
fn a_load_balancer_is_looked_up_by_all_of_its_frontend() {
    let node_port = |flags, endpoints| Balancer { vip: None, ..balancer(flags, endpoints) };
    let outside = |to| packet(Origin::Outside, "198.51.100.7", to);
    let first = "forward 10.1.1.21:8080* rewrite <- endpoint/011 loadBalancer/100";
    let second = "forward 10.1.1.22:8080* rewrite <- endpoint/012 loadBalancer/101";
    check_all(&[node_port(PLAIN, &[11])], &outside(NODE), first);
    check_all(&[node_port(PLAIN, &[11])], &outside(VIP), "pass");
    check_all(&[balancer(PLAIN, &[11])], &outside(NODE), "pass");

    // One with the node's address as VIP goes before one for all addresses.
    let exact = Balancer { vip: Some(NODE), ..balancer(PLAIN, &[12]) };
    check_all(&[node_port(PLAIN, &[11]), exact], &outside(NODE), second);

    // Two with one frontend: the lowest id.
    check_all(&[balancer(PLAIN, &[11]), balancer(PLAIN, &[12])], &outside(VIP), first);

    // Without a VIP the flag tells the family.
    let ipv6 = "forward [fd00:1:1::41]:8080* rewrite <- endpoint/041 loadBalancer/101";
    let ipv6 = ipv6.replace(['[', ']'], "");
    let both = || [node_port(PLAIN, &[11]), node_port(2, &[41])];
    check_all(&both(), &packet(Origin::Outside, "fd00::99", "fd00::11"), &ipv6);
    check_all(&both(), &outside(NODE), first);

    // A backend without an address of the family is as lost as one that does not exist.
    let lost = "drop <- limit/dangling loadBalancer/100";
    check_all(&[node_port(2, &[11])], &packet(Origin::Outside, "fd00::99", "fd00::11"), lost);
}

#[test]
fn other_ports_protocols_and_echoes_are_not_touched() {
    let address = VIP.parse().unwrap();
    let client = packet(Origin::Outside, "198.51.100.7", VIP).client;
    for destination in [
        Destination::Port { address, port: 81, protocol: Protocol::Tcp },
        Destination::Port { address, port: 80, protocol: Protocol::Udp },
        Destination::Port { address, port: 80, protocol: Protocol::Sctp },
        Destination::Echo { address },
    ] {
        check_all(&[balancer(PLAIN, &[11])], &Packet { client, destination }, "pass");
    }
}
