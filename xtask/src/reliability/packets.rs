//! Packets from every kind of source to everything that a node serves.

use std::collections::BTreeSet;
use std::net::IpAddr;

use switchyard_hcn_emulator::{NodeAddresses, State, Tracer};
use switchyard_model::{Client, Destination, Family, Origin, Packet, Verdict};
use switchyard_nodeview::Stream;

/// Who sends, by family: where from, and whether that counts as internal.
const SOURCES: &[(&str, &str, Origin, bool)] = &[
    ("192.0.2.11", "2001:db8::11", Origin::Node, true),
    ("10.1.1.40", "fd00:1:1::40", Origin::LocalPod, true),
    ("10.1.1.21", "fd00:1:1::21", Origin::LocalPod, true),
    ("10.1.2.50", "fd00:1:2::50", Origin::RemotePod, true),
    ("10.1.2.21", "fd00:1:2::21", Origin::RemotePod, true),
    ("198.51.100.7", "2001:db8:99::7", Origin::Outside, false),
];

/// A packet from each source to each frontend; to node ports at the node's own addresses.
pub(super) fn packets(stream: &Stream) -> Vec<Packet> {
    let view = stream.view();
    let mut destinations = BTreeSet::new();
    for port in view.views() {
        for frontend in &port.frontends {
            let own = view.node().addresses.iter().map(|own| own.address);
            let own = own.filter(|own| Family::of(*own) == port.key.family);
            let at: Vec<IpAddr> = frontend.address.map_or_else(|| own.collect(), |one| vec![one]);
            let number = frontend.port.get();
            destinations.extend(at.into_iter().map(|address| Destination::Port {
                address,
                port: number,
                protocol: port.key.protocol,
            }));
        }
    }
    let from = |destination: Destination| {
        SOURCES.iter().filter_map(move |(v4, v6, origin, internal)| {
            let text = if destination.family() == Family::IPv4 { v4 } else { v6 };
            let client =
                Client { address: text.parse().ok()?, origin: *origin, internal: *internal };
            Some(Packet { client, destination })
        })
    };
    destinations.into_iter().flat_map(from).collect()
}

/// The first packet that goes elsewhere in `state` than in `reference`, ids aside.
pub(super) fn wrong_trace(
    state: &State,
    reference: &State,
    addresses: &NodeAddresses,
    packets: &[Packet],
) -> Option<String> {
    let (one, other) =
        (Tracer::new(state, addresses.clone()), Tracer::new(reference, addresses.clone()));
    packets.iter().find_map(|packet| {
        let (found, wanted) = (one.trace(packet), other.trace(packet));
        (!is_same(&found, &wanted)).then(|| format!("{packet:?} has {found:?}, not {wanted:?}"))
    })
}

/// Whether two verdicts are the same but for the ids of the objects that decided them.
pub(super) fn is_same(one: &Verdict, other: &Verdict) -> bool {
    let dangles =
        |verdict: &Verdict| verdict.decided_by.iter().any(|word| word == "limit/dangling");
    one.outcome == other.outcome
        && one.backends == other.backends
        && one.source == other.source
        && one.sticky == other.sticky
        && dangles(one) == dangles(other)
}
