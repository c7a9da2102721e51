//! How soon the API server and the DNS can be reached on a node with an empty HNS.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::Result;
use serde::Serialize;
use switchyard_hcn_emulator::{NodeAddresses, State, Tracer};
use switchyard_model::{
    Client, ClusterEvent, Destination, Family, Origin, Outcome, Packet, Service,
};

use super::endpoints;
use super::objects::{api_server, dns, local_pod, services, slice};
use super::world::{Kind, World};
use crate::cluster;

/// After how many changes it is given up.
const PATIENCE: u64 = 100;

/// How soon both can be reached.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct First {
    /// The number of the mutating call after which they can.
    mutating: u64,
}

/// Has a node start among so many Services, and sends packets after each change.
pub(super) fn run(kind: Kind, number: usize) -> Result<First> {
    let vital = [api_server(), dns()];
    let mut events: Vec<_> = services(number - 2, endpoints(number - 2)).collect();
    for (service, backends) in &vital {
        events.push(ClusterEvent::Service(service.clone()));
        events.push(slice(service, 0, backends));
    }
    let mut world = World::new(kind, events);
    let mutating = world.drive_until(PATIENCE, |state| {
        vital.iter().all(|(service, backends)| {
            let addresses: BTreeSet<_> = backends.iter().map(|(address, _)| *address).collect();
            reaches(state, service, &addresses)
        })
    })?;
    Ok(First { mutating })
}

/// Whether a pod of the node reaches all of these backends at each port of `service`.
fn reaches(state: &State, service: &Service, backends: &BTreeSet<IpAddr>) -> bool {
    let own = cluster::node(0).addresses.iter().map(|own| own.address).collect::<NodeAddresses>();
    let tracer = Tracer::new(state, own);
    let client = Client { address: local_pod(1).0, origin: Origin::LocalPod, internal: true };
    let Some(address) = service.cluster_ips.of(Family::IPv4) else { return false };
    service.ports.iter().all(|port| {
        let (number, protocol) = (port.port.get(), port.protocol);
        let destination = Destination::Port { address, port: number, protocol };
        let verdict = tracer.trace(&Packet { client, destination });
        let reached: BTreeSet<_> = verdict.backends.iter().map(|own| own.address).collect();
        verdict.outcome == Outcome::Forward && reached == *backends
    })
}
