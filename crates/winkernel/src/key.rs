//! What HNS objects are known by here: what they do, not the ids that HNS knows them by.

use std::fmt;
use std::net::IpAddr;

use switchyard_hcn::Guid;
use switchyard_model::{Family, Frontend, Protocol, ServicePortView};

/// A load balancer by its frontend. HNS has one at most for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoadBalancerKey {
    /// The family.
    pub family: Family,
    /// The virtual address; `None` stands for every address of the node.
    pub vip: Option<IpAddr>,
    /// The port that clients use.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl LoadBalancerKey {
    /// The load balancer that serves `frontend`, one of the view's.
    #[must_use]
    pub fn of(view: &ServicePortView, frontend: &Frontend) -> Self {
        Self {
            family: view.key.family,
            vip: frontend.address,
            port: frontend.port.get(),
            protocol: view.key.protocol,
        }
    }
}

impl fmt::Display for LoadBalancerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.family)?;
        match self.vip {
            Some(vip) => write!(f, "{vip}")?,
            None => f.write_str("*")?,
        }
        write!(f, "/{}/{}", self.port, self.protocol)
    }
}

/// An endpoint by its network and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointKey {
    /// The network.
    pub network: Guid,
    /// The address.
    pub address: IpAddr,
}

impl fmt::Display for EndpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.address)
    }
}
