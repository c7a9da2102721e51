//! What the endpoint at an address must be, if it is ours to make.

use std::net::IpAddr;

use switchyard_hcn::{Endpoint, EndpointFlags, Guid, IpConfiguration, MacAddress, Policy, Version};

use crate::backends::Place;
use crate::identity::OWNER;
use crate::network::WindowsNetwork;
use crate::wanted::{Role, Wanted};

/// Everything about an endpoint that HNS cannot modify, but for its network and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    /// Whether it stands for something that is not on this node's switch.
    pub(crate) remote: bool,
    pub(crate) mac: MacAddress,
    /// Behind which node it is, on an overlay.
    pub(crate) provider: Option<IpAddr>,
}

impl Shape {
    /// What the endpoint at `address` must be; none when it is the CNI's, or when the network lacks what it is made of.
    ///
    /// The host has its own hardware address on an overlay, for virtual addresses and its own as for the source VIP; all
    /// other endpoints have their own (`pkg/proxy/winkernel/proxier.go`).
    pub(crate) fn wanted(
        address: IpAddr,
        role: Role,
        network: &WindowsNetwork,
        wanted: &Wanted,
    ) -> Option<Self> {
        if role == Role::Local {
            return None;
        }
        if !network.overlay {
            let mac = wanted.hardware_address(address);
            return Some(Self { remote: true, mac, provider: None });
        }
        Some(match role {
            Role::Local => return None,
            Role::Remote => Self {
                remote: true,
                mac: wanted.hardware_address(address),
                provider: Some(Place::provider(address, network)?),
            },
            Role::ThisNode | Role::VirtualAddress => Self {
                remote: true,
                mac: network.host_mac?,
                provider: Some(network.provider_address?),
            },
            Role::SourceVip => Self { remote: false, mac: network.host_mac?, provider: None },
        })
    }

    /// What the endpoint of a document is; none for one without a hardware address.
    pub(crate) fn of(document: &Endpoint) -> Option<Self> {
        let (remote, provider) = (document.is_remote(), document.provider_address());
        Some(Self { remote, mac: document.mac()?, provider })
    }

    /// The document for it.
    pub(crate) fn document(self, id: Guid, network: Guid, address: IpAddr) -> Endpoint {
        Endpoint {
            id: Some(id),
            owner: OWNER.to_owned(),
            name: format!("switchyard {address}"),
            host_compute_network: Some(network),
            ip_configurations: vec![IpConfiguration::of(address)],
            mac_address: self.mac.to_string(),
            flags: if self.remote { EndpointFlags::REMOTE_ENDPOINT } else { EndpointFlags::NONE },
            policies: self.provider.map(Policy::provider_address).into_iter().collect(),
            schema_version: Some(Version::SCHEMA),
            ..Endpoint::default()
        }
    }
}
