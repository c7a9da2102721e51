//! The model's own answer to where a packet goes.

use std::net::IpAddr;
use std::num::NonZeroU16;

use ipnet::IpNet;
use switchyard_model::{
    Cluster, Deciders, Destination, Family, Frontend, FrontendKind, Outcome, Packet, Protocol,
    ServicePortView, Verdict, ViewKey,
};

use crate::claims::{Claim, Held};
use crate::frontends::addresses;
use crate::view::NodeView;

impl NodeView {
    /// Where a new connection goes that begins with `packet`. `cluster` is the one whose events were applied last.
    #[must_use]
    pub fn trace(&self, cluster: &Cluster, packet: &Packet) -> Verdict {
        let Destination::Port { address, port, protocol } = packet.destination else {
            return Verdict::pass();
        };
        if !self.node.has_family(Family::of(address)) {
            return Verdict::pass();
        }
        let number = NonZeroU16::new(port);
        if let Some((view, frontend)) =
            number.and_then(|port| self.frontend_at(address, port, protocol))
        {
            return view.verdict(frontend, &self.node, packet);
        }
        if let Some(owner) = self.claims.winner(Held::ClusterIp(address)) {
            let mut decided_by = Deciders::default();
            let service = owner.service();
            decided_by.service(&service.namespace, &service.name, "");
            decided_by.frontend(FrontendKind::ClusterIP, Some(address), port, protocol);
            return Verdict::without_backends(Outcome::Reject, decided_by);
        }
        if let Some(range) = self.service_range(address)
            && !self.is_taken(cluster, address)
        {
            let mut decided_by = Deciders::default();
            decided_by.range(range);
            return Verdict::without_backends(Outcome::Drop, decided_by);
        }
        Verdict::pass()
    }

    /// Whether `destination` is a load balancer's address and port.
    #[must_use]
    pub fn is_load_balancer_address(&self, destination: &Destination) -> bool {
        let Destination::Port { address, port, protocol } = *destination else { return false };
        NonZeroU16::new(port)
            .and_then(|port| self.frontend_at(address, port, protocol))
            .is_some_and(|(_, frontend)| frontend.kind == FrontendKind::LoadBalancerIP)
    }

    /// The frontend that answers at `address`: one that has the address, else a node port.
    #[must_use]
    pub fn frontend_at(
        &self,
        address: IpAddr,
        port: NonZeroU16,
        protocol: Protocol,
    ) -> Option<(&ServicePortView, &Frontend)> {
        let answers_node_ports = self.node.answers_node_ports_at(address);
        self.frontend_at_node(address, port, protocol, answers_node_ports)
    }

    /// As [`NodeView::frontend_at`], where somebody else decides whether node ports answer at `address`.
    #[must_use]
    pub fn frontend_at_node(
        &self,
        address: IpAddr,
        port: NonZeroU16,
        protocol: Protocol,
        answers_node_ports: bool,
    ) -> Option<(&ServicePortView, &Frontend)> {
        let family = Family::of(address);
        let found = |claim: &Claim, address| self.frontend_of(claim, family, protocol, address);
        if let Some(claim) = self.claims.winner(Held::AddressPort(address, port, protocol)) {
            return found(claim, Some(address));
        }
        if !answers_node_ports {
            return None;
        }
        found(self.claims.winner(Held::NodePort(family, port, protocol))?, None)
    }

    fn frontend_of(
        &self,
        claim: &Claim,
        family: Family,
        protocol: Protocol,
        address: Option<IpAddr>,
    ) -> Option<(&ServicePortView, &Frontend)> {
        let (service, port) = (claim.service().clone(), claim.port());
        let view = self.views.get(&ViewKey { service, port, protocol, family })?;
        let frontend = view
            .frontends
            .iter()
            .find(|frontend| frontend.kind == claim.kind && frontend.address == address)?;
        Some((view, frontend))
    }

    /// Whether some Service has `address`, in whatever way: one that is not served here has its ClusterIP, too.
    fn is_taken(&self, cluster: &Cluster, address: IpAddr) -> bool {
        cluster.services().any(|service| {
            service.cluster_ips.of(Family::of(address)) == Some(address)
                || addresses(service, &self.node, &self.settings).any(|own| own == address)
        })
    }

    /// The configured range of Service addresses that `address` is in.
    fn service_range(&self, address: IpAddr) -> Option<IpNet> {
        self.settings.service_ranges.iter().find(|range| range.contains(&address)).copied()
    }
}
