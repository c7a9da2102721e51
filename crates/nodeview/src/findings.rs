//! What an operator should be told: frontends that two Services ask for, and endpoints that can be nobody's backend.

use std::net::IpAddr;
use std::num::NonZeroU16;

use switchyard_model::{Cluster, FrontendKind, Name, ObjectKey, Protocol, ServiceKey};

use crate::claims::{Claim, Held};
use crate::view::NodeView;

/// One frontend that several service ports ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// The kind of frontend that the loser asked for.
    pub kind: FrontendKind,
    /// Its address; `None` for a node port.
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: NonZeroU16,
    /// Its protocol.
    pub protocol: Protocol,
    /// Who has it.
    pub winner: (ServiceKey, Name),
    /// Who does not.
    pub loser: (ServiceKey, Name),
}

/// An endpoint whose address is the ClusterIP of a Service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedEndpoint {
    /// The slice it is in.
    pub slice: ObjectKey,
    /// Its place in the slice.
    pub index: usize,
    /// The address.
    pub address: IpAddr,
    /// The Service that has the address.
    pub service: ServiceKey,
}

impl NodeView {
    /// Every frontend that a service port asks for and another has, sorted. What one service port asks for twice (an
    /// external address that is also the load balancer's) is no conflict.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Conflict> {
        let port_of = |claim: &Claim| (claim.service().clone(), claim.port());
        let mut conflicts = Vec::new();
        for (held, winner, losers) in self.claims.contested() {
            let (address, port, protocol) = match held {
                Held::ClusterIp(_) => continue,
                Held::AddressPort(address, port, protocol) => (Some(address), port, protocol),
                Held::NodePort(_, port, protocol) => (None, port, protocol),
            };
            for claim in losers {
                let (winner, loser) = (port_of(winner), port_of(claim));
                if winner != loser {
                    let kind = claim.kind;
                    conflicts.push(Conflict { kind, address, port, protocol, winner, loser });
                }
            }
        }
        conflicts.sort();
        conflicts.dedup();
        conflicts
    }

    /// Every endpoint that is left out because its address is the ClusterIP of a Service, sorted.
    #[must_use]
    pub fn refused_endpoints(&self, cluster: &Cluster) -> Vec<RefusedEndpoint> {
        let mut refused = Vec::new();
        for slice in cluster.slices() {
            for (index, endpoint) in slice.endpoints.iter().enumerate() {
                let Some(address) = endpoint.address else { continue };
                if let Some(claim) = self.claims.winner(Held::ClusterIp(address)) {
                    let (slice, service) = (slice.key.clone(), claim.service().clone());
                    refused.push(RefusedEndpoint { slice, index, address, service });
                }
            }
        }
        refused.sort();
        refused
    }
}
