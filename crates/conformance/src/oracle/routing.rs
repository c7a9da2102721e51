//! The packet, and the lookup of its destination.

use std::net::IpAddr;

use ipnet::IpNet;

use super::documents::address;
use super::services::Frontend;
use super::{Family, FrontendKind, Oracle};

/// A transport that Services know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "TCP" => Some(Self::Tcp),
            "UDP" => Some(Self::Udp),
            "SCTP" => Some(Self::Sctp),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

/// The first packet of a connection, or an echo request when it has no protocol.
pub(super) struct Packet {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) protocol: Option<Protocol>,
}

impl Packet {
    /// Reads `ADDR:PORT/PROTO`, `[ADDR]:PORT/PROTO` or `ADDR/ICMP`.
    pub(super) fn read(to: &str) -> Result<Self, String> {
        let unreadable = || format!("{to:?} is not a destination");
        let (place, protocol) = to.rsplit_once('/').ok_or_else(unreadable)?;
        let protocol = protocol.to_ascii_uppercase();
        if protocol == "ICMP" {
            let place = place.trim_start_matches('[').trim_end_matches(']');
            let address = address(place).ok_or_else(unreadable)?;
            return Ok(Self { address, port: 0, protocol: None });
        }
        let protocol = Protocol::read(&protocol).ok_or_else(unreadable)?;
        let (host, port) = place.rsplit_once(':').ok_or_else(unreadable)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or_else(unreadable)?,
            None if host.contains(':') => return Err(unreadable()),
            None => host,
        };
        let address = address(host).ok_or_else(unreadable)?;
        let port = port.parse().map_err(|_| unreadable())?;
        Ok(Self { address, port, protocol: Some(protocol) })
    }

    /// How answers name the frontend that this packet was sent to.
    pub(super) fn frontend_name(&self, kind: FrontendKind) -> String {
        let address = match kind {
            FrontendKind::NodePort => "*".to_owned(),
            _ => self.address.to_string(),
        };
        let protocol = self.protocol.map_or("ICMP", Protocol::name);
        format!("frontend/{}/{address}/{}/{protocol}", kind.name(), self.port)
    }
}

/// What a packet was sent to.
pub(super) enum Destination<'a> {
    /// Nothing of ours.
    Nothing,
    /// A service port.
    Frontend(Frontend),
    /// A node port on a loopback address.
    LoopbackNodePort(Frontend),
    /// A cluster address on a port that its Service lacks.
    UnservedPortOf(usize),
    /// An address of a service range that no Service has.
    UnallocatedIn(&'a IpNet),
}

impl Oracle {
    /// Looks the destination up: frontends with an address come before node ports, and those before what is refused.
    pub(super) fn destination(&self, packet: &Packet) -> Destination<'_> {
        let family = Family::of(packet.address);
        let Some(protocol) = packet.protocol else {
            return Destination::Nothing;
        };
        if !self.node.serves(family) {
            return Destination::Nothing;
        }
        if let Some(frontend) = self.frontends.get(&(packet.address, packet.port, protocol)) {
            return Destination::Frontend(*frontend);
        }
        if let Some(frontend) = self.node_ports.get(&(family, packet.port, protocol)) {
            if self.configuration.answers_node_ports(packet.address, &self.node) {
                return Destination::Frontend(*frontend);
            }
            if self.configuration.lists_loopback(packet.address) {
                return Destination::LoopbackNodePort(*frontend);
            }
        }
        let has_cluster_address = self
            .services
            .iter()
            .position(|service| service.cluster_addresses.contains(&packet.address));
        if let Some(service) = has_cluster_address {
            return Destination::UnservedPortOf(service);
        }
        let somebody_has_it = self.ignored_addresses.contains(&packet.address)
            || self.services.iter().any(|service| service.announces(packet.address));
        if !somebody_has_it {
            let mut ranges = self.configuration.service_ranges.iter();
            if let Some(range) = ranges.find(|range| range.contains(&packet.address)) {
                return Destination::UnallocatedIn(range);
            }
        }
        Destination::Nothing
    }
}
