//! Puts an explanation together from a packet that was followed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use switchyard_hcn::{Endpoint, Guid, LoadBalancer, Network, NetworkType, Policy};
use switchyard_model::{Destination, Family, SourceSeen};

use super::rules::Forwarded;
use super::{
    Backend, Fate, Followed, Matched, MatchedBy, SeenAs, Step, Tracer, Unmatched, backend_port,
    preserves,
};
use crate::frontend::{Frontend, frontends};

impl<'a> Tracer<'a> {
    /// Why no load balancer is for a destination.
    pub(super) fn unmatched(&self, destination: Destination) -> Unmatched {
        let Destination::Port { address, port, protocol } = destination else {
            return Unmatched::Echo;
        };
        let held = self.frontends.keys().filter(|frontend| frontend.vip == Some(address));
        let ports: BTreeSet<(u16, u32)> =
            held.map(|frontend| (frontend.port, frontend.protocol)).collect();
        if !ports.is_empty() {
            return Unmatched::OtherPorts(ports.into_iter().collect());
        }
        if self.node.contains(address) {
            return Unmatched::NoNodePort;
        }
        let family = Family::of(address);
        let protocol = u32::from(protocol.number());
        match self.frontends.get(&Frontend { family, vip: None, port, protocol }) {
            Some(held) => Unmatched::NotTheNodes(held.id),
            None => Unmatched::NoLoadBalancer,
        }
    }

    /// The steps to the verdict on a packet that a load balancer is for.
    pub(super) fn steps(&self, followed: &Followed<'a>) -> Vec<Step> {
        let network = self.network(followed.held.load_balancer);
        let mut steps = vec![Step::Matched(self.matched(followed)), Step::Cell(followed.cell)];
        steps.extend(followed.backends.iter().cloned().map(Step::Endpoint));
        if let Some(seen) = followed.verdict.source {
            steps.push(Step::Source(self.seen_as(followed, seen, network)));
            steps.push(Step::Distribution(self.distribution(followed.held.mapping)));
            let rules = self.forwarded(followed, network).rules();
            steps.extend(rules.into_iter().map(Step::Rule));
        }
        steps.extend(self.notes(followed, network).into_iter().map(Step::Note));
        steps
    }

    fn matched(&self, followed: &Followed<'a>) -> Matched {
        let held = followed.held;
        let frontend = Frontend {
            family: Family::of(followed.address),
            vip: match followed.by {
                MatchedBy::Vip => Some(followed.address),
                MatchedBy::NodeAddress => None,
            },
            port: followed.port,
            protocol: u32::from(followed.protocol.number()),
        };
        let holds = |load_balancer| frontends(load_balancer).any(|(own, _)| own == frontend);
        let others = self
            .state
            .load_balancers()
            .filter(|(id, load_balancer)| *id != held.id && holds(load_balancer));
        Matched {
            load_balancer: held.id,
            by: followed.by,
            address: followed.address,
            external_port: followed.port,
            internal_port: backend_port(held.mapping),
            protocol: followed.protocol,
            dsr: held.load_balancer.is_dsr(),
            flags: held.mapping.flags,
            hidden: others.map(|(id, _)| id).collect(),
        }
    }

    fn seen_as(
        &self,
        followed: &Followed<'a>,
        seen: SourceSeen,
        network: Option<(Guid, &Network)>,
    ) -> SeenAs {
        let source_vip = source_vip(followed);
        SeenAs {
            seen,
            client: followed.client.address,
            instead: source_vip.unwrap_or_else(|| self.management(followed.address, network)),
            by_source_vip: source_vip.is_some(),
        }
    }

    fn forwarded(&self, followed: &Followed<'a>, network: Option<(Guid, &Network)>) -> Forwarded {
        let load_balancer = followed.held.load_balancer;
        let management = self.management(followed.address, network);
        let ids = &load_balancer.host_compute_endpoints;
        let mut flagged = ids.iter().filter_map(|id| self.state.endpoint(*id));
        let serving: Vec<_> =
            followed.backends.iter().filter(|backend| backend.fate == Fate::Serves).collect();
        let is_pod = |backend: &&&Backend| {
            let endpoint = self.state.endpoint(backend.endpoint);
            endpoint.is_some_and(|endpoint| !endpoint.is_remote())
        };
        let elsewhere = serving.iter().any(|backend| backend.reached.is_some_and(|own| !own.local));
        let switched = network.is_some_and(|(_, network)| {
            matches!(network.network_type, NetworkType::L2Bridge | NetworkType::Overlay)
        });
        Forwarded {
            client: followed.client.origin,
            dsr: load_balancer.is_dsr(),
            vip: match followed.by {
                MatchedBy::Vip => followed.address,
                MatchedBy::NodeAddress => management,
            },
            management,
            external_port: followed.port,
            internal_port: backend_port(followed.held.mapping),
            translates: !preserves(followed.held.mapping),
            protocol: followed.protocol,
            named: ids.len(),
            has_remote: flagged.clone().any(Endpoint::is_remote),
            has_local: flagged.any(|endpoint| !endpoint.is_remote()),
            to_pod: serving.iter().any(|backend| is_pod(&backend)),
            routed: elsewhere && switched,
        }
    }

    /// The network that a load balancer is on: that of its first endpoint which has one, else the only network of a kind
    /// that has load balancers.
    fn network(&self, load_balancer: &LoadBalancer) -> Option<(Guid, &'a Network)> {
        let endpoints = load_balancer.host_compute_endpoints.iter();
        let mut named = endpoints
            .filter_map(|id| self.state.endpoint(*id)?.host_compute_network)
            .filter_map(|id| Some((id, self.state.network(id)?)));
        named.next().or_else(|| {
            let mut networks = self.state.networks().filter(|(_, network)| {
                matches!(network.network_type, NetworkType::L2Bridge | NetworkType::Overlay)
            });
            let only = networks.next();
            if networks.next().is_some() { None } else { only }
        })
    }

    /// The node's address on a network, of the family of `like`: what the network says, else the node's lowest. Without
    /// any it is unspecified.
    fn management(&self, like: IpAddr, network: Option<(Guid, &Network)>) -> IpAddr {
        let of_family = |address: &IpAddr| Family::of(*address) == Family::of(like);
        let told = network.and_then(|(_, network)| {
            let management = network.unknown.get("ManagementIP").and_then(|value| value.as_str());
            let management = management.and_then(|text| text.parse().ok());
            let provider = network.policies.iter().find_map(Policy::as_provider_address);
            management.into_iter().chain(provider).find(of_family)
        });
        told.or_else(|| self.node.iter().find(of_family)).unwrap_or(match like {
            IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        })
    }
}

/// The load balancer's source VIP, if it is an address of the packet's family.
pub(super) fn source_vip(followed: &Followed<'_>) -> Option<IpAddr> {
    let address: IpAddr = followed.held.load_balancer.source_vip.parse().ok()?;
    (Family::of(address) == Family::of(followed.address)).then_some(address)
}
