//! Bytes as manifests: what comes out is applied to a node's views, and packets are traced.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use switchyard_model::{
    ClusterEvent, Destination, Family, Name, Packet, Protocol, Settings, Verdict,
};
use switchyard_nodeview::{Clients, Source, Stream};
use switchyard_source::Manifests;

/// How many frontends are traced to.
const TRACED: usize = 4;

/// Reads `bytes` as manifests, applies the objects to the views of the first Node found (or of `n1`), and traces packets
/// to some of the frontends.
///
/// # Panics
/// Where the views or the verdicts break a promise of theirs.
pub fn manifests(bytes: &[u8]) {
    let mut manifests = Manifests::default();
    manifests.add("fuzz", bytes);
    for refusal in manifests.refused() {
        assert!(!refusal.reason.is_empty(), "a refusal without a reason: {refusal:?}");
    }
    let events = manifests.into_events();
    let mut stream = Stream::new(node_of(&events), Settings::default());
    stream.apply(events.clone());
    let again = stream.apply(events);
    assert!(again.is_empty(), "objects sent again changed the views: {again:?}");
    trace(&stream);
    let all_gone = stream.cluster().events_towards(Vec::new());
    stream.apply(all_gone);
    assert_eq!(stream.view().views().count(), 0, "views of Services that are gone");
}

/// The node to look from.
fn node_of(events: &[ClusterEvent]) -> Name {
    let name = |event: &ClusterEvent| match event {
        ClusterEvent::Node(node) => Some(node.name.clone()),
        _ => None,
    };
    events.iter().find_map(name).unwrap_or_else(|| Name::from("n1"))
}

/// Packets of several clients to the first frontends, and to an address that is likely nobody's.
fn trace(stream: &Stream) {
    let view = stream.view();
    let clients = Clients::new(stream.cluster(), view);
    let frontends = view.views().flat_map(|view| {
        let protocol = view.key.protocol;
        view.frontends.iter().map(move |frontend| (frontend, protocol))
    });
    let own = |family| view.node().primary(family).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut destinations: Vec<_> = frontends
        .take(TRACED)
        .map(|(frontend, protocol)| Destination::Port {
            address: frontend.address.unwrap_or_else(|| own(Family::IPv4)),
            port: frontend.port.get(),
            protocol,
        })
        .collect();
    let nobody = IpAddr::V6(Ipv6Addr::LOCALHOST);
    destinations.push(Destination::Port { address: nobody, port: 0, protocol: Protocol::Udp });
    destinations.push(Destination::Echo { address: own(Family::IPv6) });
    let sources = [
        Source::Node,
        Source::Address(IpAddr::V4(Ipv4Addr::new(10, 1, 0, 9))),
        Source::Address(nobody),
    ];
    for destination in destinations {
        for source in &sources {
            let held = view.is_load_balancer_address(&destination);
            if let Ok(packet) = clients.packet(source, destination, held) {
                judge(&view.trace(stream.cluster(), &packet), &packet);
            }
        }
    }
}

/// What holds for every verdict.
fn judge(verdict: &Verdict, packet: &Packet) {
    let forwarded = verdict.outcome == switchyard_model::Outcome::Forward;
    assert_eq!(forwarded, !verdict.backends.is_empty(), "{packet:?}: {verdict:?}");
    assert_eq!(forwarded, verdict.source.is_some(), "{packet:?}: {verdict:?}");
}
