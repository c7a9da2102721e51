//! What a load balancer is looked up by.

use std::net::IpAddr;

use switchyard_hcn::{LoadBalancer, PortMapping};
use switchyard_model::Family;

/// An address, or every address of the node, with a port and protocol. No two load balancers have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frontend {
    pub(crate) family: Family,
    /// None is every address of the node.
    pub(crate) vip: Option<IpAddr>,
    pub(crate) port: u16,
    /// The number in an IP header.
    pub(crate) protocol: u32,
}

/// The frontends of a load balancer, each with the port mapping that makes it.
pub(crate) fn frontends(
    load_balancer: &LoadBalancer,
) -> impl Iterator<Item = (Frontend, &PortMapping)> {
    let vips: Vec<(Family, Option<IpAddr>)> = if load_balancer.has_no_vip() {
        let family = if load_balancer.is_ipv6() { Family::IPv6 } else { Family::IPv4 };
        vec![(family, None)]
    } else {
        load_balancer.vips().map(|vip| (Family::of(vip), Some(vip))).collect()
    };
    load_balancer.port_mappings.iter().flat_map(move |mapping| {
        let of = move |(family, vip)| {
            let (port, protocol) = (mapping.external_port, mapping.protocol.0);
            (Frontend { family, vip, port, protocol }, mapping)
        };
        vips.clone().into_iter().map(of)
    })
}
