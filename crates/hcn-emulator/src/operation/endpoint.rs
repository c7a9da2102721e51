//! Endpoints.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use switchyard_hcn::{
    Dns, Endpoint, Error, Guid, IpConfiguration, IpProtocol, MacAddress, Network, NetworkType,
    Policy, Route, Subnet, hresult,
};

use super::modify_policies;
use crate::ObjectKind;
use crate::knobs::DeleteOfReferenced;
use crate::service::Service;
use crate::settings::{drop_empty, read_endpoint, refused};

/// What HNS calls an endpoint of another node that was given no name (kubernetes/kubernetes#67827).
const REMOTE_NAME: &str = "Ethernet";

impl Service {
    pub(crate) fn create_endpoint(
        &mut self,
        network: Guid,
        asked: Guid,
        settings: &str,
    ) -> Result<Guid, Error> {
        self.must_exist(ObjectKind::Network, network)?;
        let endpoint = read_endpoint(settings)?;
        self.make_endpoint(network, asked, endpoint)
    }

    pub(crate) fn make_endpoint(
        &mut self,
        network: Guid,
        asked: Guid,
        mut endpoint: Endpoint,
    ) -> Result<Guid, Error> {
        endpoint.host_compute_network = Some(network);
        endpoint.host_compute_namespace = None;
        endpoint.state = 0;
        drop_empty(&mut endpoint.unknown);
        let addresses: Vec<IpAddr> = endpoint.addresses().collect();
        if addresses.len() < endpoint.ip_configurations.len() {
            return Err(refused(hresult::HCN_E_INVALID_IP));
        }
        let id = self.new_id(asked, endpoint.id);
        if self.state.endpoint(id).is_some() || self.has_equal(network, &endpoint) {
            return Err(refused(hresult::ERROR_OBJECT_ALREADY_EXISTS));
        }
        if !self.knobs.keeps_owner {
            endpoint.owner.clear();
            endpoint.name.clear();
        }
        if endpoint.is_remote() {
            self.complete_remote(network, &mut endpoint)?;
        } else {
            self.complete_local(network, &mut endpoint)?;
        }
        self.check_port_mappings(None, &endpoint)?;
        self.index.add_endpoint(id, &endpoint);
        self.state.insert_endpoint(id, endpoint);
        Ok(id)
    }

    pub(crate) fn modify_endpoint(&mut self, id: Guid, settings: &str) -> Result<(), Error> {
        let mut endpoint = self.local_endpoint(id)?;
        modify_policies(&mut endpoint.policies, settings)?;
        self.check_port_mappings(Some(id), &endpoint)?;
        self.state.insert_endpoint(id, endpoint);
        Ok(())
    }

    pub(crate) fn delete_endpoint(&mut self, id: Guid) -> Result<(), Error> {
        let is_kept = self.knobs.delete_of_referenced == DeleteOfReferenced::Refused;
        if is_kept && self.index.naming(id).next().is_some() {
            return Err(refused(hresult::HCN_E_ENTITY_HAS_REFERENCES));
        }
        self.remove_endpoint(id);
        Ok(())
    }

    /// Takes an endpoint out, and out of its namespace.
    pub(crate) fn remove_endpoint(&mut self, id: Guid) {
        if let Some(removed) = self.state.remove_endpoint(id) {
            self.index.remove_endpoint(id, &removed);
            if let Some(namespace) = removed.host_compute_namespace {
                self.forget_in_namespace(namespace, id);
            }
        }
    }

    /// Gives a local endpoint its port on the virtual switch.
    pub(crate) fn attach_endpoint(&mut self, id: Guid) -> Result<(), Error> {
        let mut endpoint = self.local_endpoint(id)?;
        if matches!(endpoint.state, Endpoint::ATTACHED | Endpoint::ATTACHED_SHARING) {
            return Err(refused(hresult::HCN_E_ENDPOINT_ALREADY_ATTACHED));
        }
        endpoint.state = Endpoint::ATTACHED;
        self.state.insert_endpoint(id, endpoint);
        Ok(())
    }

    /// Takes its port from a local endpoint.
    pub(crate) fn detach_endpoint(&mut self, id: Guid) -> Result<(), Error> {
        let mut endpoint = self.local_endpoint(id)?;
        if !matches!(endpoint.state, Endpoint::ATTACHED | Endpoint::ATTACHED_SHARING) {
            return Err(refused(hresult::HCN_E_ENDPOINT_NOT_ATTACHED));
        }
        endpoint.state = Endpoint::DETACHED;
        self.state.insert_endpoint(id, endpoint);
        Ok(())
    }

    /// A copy of an endpoint, if it is one that has a port here.
    pub(crate) fn local_endpoint(&self, id: Guid) -> Result<Endpoint, Error> {
        let Some(endpoint) = self.state.endpoint(id) else {
            return Err(refused(hresult::HCN_E_ENDPOINT_NOT_FOUND));
        };
        if endpoint.is_remote() {
            return Err(refused(hresult::HCN_E_INVALID_REMOTE_ENDPOINT_OPERATION));
        }
        Ok(endpoint.clone())
    }

    /// Whether another endpoint has a port mapping with the same protocol, external port and address (hcsshim's test).
    fn check_port_mappings(&self, own: Option<Guid>, endpoint: &Endpoint) -> Result<(), Error> {
        let wanted = port_mappings(endpoint);
        if wanted.is_empty() {
            return Ok(());
        }
        let is_held = self
            .state
            .endpoints()
            .filter(|(id, _)| Some(*id) != own)
            .any(|(_, other)| !port_mappings(other).is_disjoint(&wanted));
        let is_double =
            wanted.len() < endpoint.policies.iter().filter_map(Policy::as_port_mapping).count();
        if is_held || is_double {
            return Err(refused(hresult::HCN_E_PORT_ALREADY_EXISTS));
        }
        Ok(())
    }

    /// Whether the network has an endpoint with equal addresses, hardware address, flags and policies
    /// (kubernetes/kubernetes#74766). With less that is equal, HNS takes both.
    fn has_equal(&self, network: Guid, endpoint: &Endpoint) -> bool {
        let addresses = |endpoint: &Endpoint| endpoint.addresses().collect::<BTreeSet<_>>();
        let mac = |endpoint: &Endpoint| endpoint.mac_address.to_ascii_uppercase();
        let Some(address) = endpoint.addresses().next() else {
            return false;
        };
        self.index.at(network, address).filter_map(|id| self.state.endpoint(id)).any(|other| {
            addresses(other) == addresses(endpoint)
                && mac(other) == mac(endpoint)
                && other.flags == endpoint.flags
                && other.policies == endpoint.policies
        })
    }

    /// An endpoint of another node may be anywhere: kube-proxy makes them for nodes and virtual addresses, too. An overlay
    /// must know behind which node it is, which kube-proxy always says; the code is inferred.
    fn complete_remote(&self, network: Guid, endpoint: &mut Endpoint) -> Result<(), Error> {
        if endpoint.ip_configurations.is_empty() {
            return Err(refused(hresult::HCN_E_INVALID_IP));
        }
        let network = self.state.network(network);
        let overlay = network.is_some_and(|held| held.network_type == NetworkType::Overlay);
        if overlay && endpoint.provider_address().is_none() {
            return Err(refused(hresult::HCN_E_INVALID_POLICY));
        }
        if endpoint.name.is_empty() {
            REMOTE_NAME.clone_into(&mut endpoint.name);
        }
        for configuration in &mut endpoint.ip_configurations {
            let prefix = configuration.address().and_then(|address| {
                let subnet = network.and_then(|held| subnet_with(held, address));
                subnet.map_or_else(|| Some(IpNet::from(address)), |(_, prefix)| Some(prefix))
            });
            fill_prefix_length(configuration, prefix);
        }
        Ok(())
    }

    /// An endpoint of this node must be in a subnet (the published schema has both codes), at an address that is neither used
    /// nor reserved (microsoft/SIG-Windows-tools#71). HNS gives it what it does not ask for, of the network's.
    fn complete_local(&self, id: Guid, endpoint: &mut Endpoint) -> Result<(), Error> {
        let network = self.state.network(id).filter(|held| held.subnets().next().is_some());
        let Some(network) = network else {
            return Err(refused(hresult::HCN_E_SUBNET_NOT_FOUND));
        };
        if endpoint.ip_configurations.is_empty() {
            let free = self.free_address(id, network);
            let address = free.ok_or_else(|| refused(hresult::HCN_E_ADDR_INVALID_OR_RESERVED))?;
            endpoint.ip_configurations.push(IpConfiguration::of(address));
        }
        for configuration in &mut endpoint.ip_configurations {
            let found = configuration
                .address()
                .and_then(|address| Some((address, subnet_with(network, address)?)));
            let Some((address, (subnet, prefix))) = found else {
                return Err(refused(hresult::HCN_E_INVALID_IP));
            };
            if is_reserved(subnet, prefix, address) || self.is_used(id, address) {
                return Err(refused(hresult::HCN_E_ADDR_INVALID_OR_RESERVED));
            }
            fill_prefix_length(configuration, Some(prefix));
        }
        if endpoint.mac_address.is_empty() {
            endpoint.mac_address =
                self.free_mac(id, network).map(|mac| mac.to_string()).unwrap_or_default();
        }
        if endpoint.routes.is_empty() {
            endpoint.routes = default_routes(network, endpoint);
        }
        if endpoint.dns == Dns::default() {
            endpoint.dns.clone_from(&network.dns);
        }
        Ok(())
    }

    /// The first hardware address of the network's pool that no endpoint on it has.
    fn free_mac(&self, id: Guid, network: &Network) -> Option<MacAddress> {
        let taken: BTreeSet<MacAddress> = self
            .state
            .endpoints()
            .filter(|(_, endpoint)| endpoint.host_compute_network == Some(id))
            .filter_map(|(_, endpoint)| endpoint.mac())
            .collect();
        let number = |MacAddress([a, b, c, d, e, f])| u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        let range = network.mac_pool.ranges.first()?;
        let start: u64 = number(range.start_mac_address.parse().ok()?);
        let end: u64 = number(range.end_mac_address.parse().ok()?);
        // The first is the router's (the network's `DrMacAddress`): inferred.
        (start + 1..=end)
            .map(|number| {
                let [_, _, a, b, c, d, e, f] = number.to_be_bytes();
                MacAddress([a, b, c, d, e, f])
            })
            .find(|mac| !taken.contains(mac))
    }

    /// The first address that the network can still give.
    fn free_address(&self, id: Guid, network: &Network) -> Option<IpAddr> {
        let subnet = network.subnets().next()?;
        let prefix = subnet.prefix()?.trunc();
        prefix
            .hosts()
            .find(|address| !is_reserved(subnet, prefix, *address) && !self.is_used(id, *address))
    }

    /// Whether an endpoint of this node has the address. One of another node with it does no harm: HNS takes both.
    fn is_used(&self, network: Guid, address: IpAddr) -> bool {
        self.index
            .at(network, address)
            .filter_map(|id| self.state.endpoint(id))
            .any(|other| !other.is_remote())
    }
}

/// A default route for each family that the endpoint has an address of and its subnet a gateway.
fn default_routes(network: &Network, endpoint: &Endpoint) -> Vec<Route> {
    let gateways: BTreeSet<IpAddr> = endpoint
        .addresses()
        .filter_map(|address| subnet_with(network, address)?.0.gateway())
        .collect();
    gateways.into_iter().map(Route::default_through).collect()
}

/// The protocol, external port and address of each port mapping.
fn port_mappings(endpoint: &Endpoint) -> BTreeSet<(IpProtocol, u16, String)> {
    let mappings = endpoint.policies.iter().filter_map(Policy::as_port_mapping);
    mappings.map(|mapping| (mapping.protocol, mapping.external_port, mapping.vip)).collect()
}

fn subnet_with(network: &Network, address: IpAddr) -> Option<(&Subnet, IpNet)> {
    network
        .subnets()
        .filter_map(|subnet| Some((subnet, subnet.prefix()?)))
        .find(|(_, prefix)| prefix.contains(&address))
}

/// The address of the subnet itself and that of its gateway are not for endpoints.
fn is_reserved(subnet: &Subnet, prefix: IpNet, address: IpAddr) -> bool {
    prefix.network() == address || subnet.gateway() == Some(address)
}

fn fill_prefix_length(configuration: &mut IpConfiguration, prefix: Option<IpNet>) {
    if configuration.prefix_length == 0 {
        configuration.prefix_length = prefix.map_or(0, |prefix| prefix.prefix_len());
    }
}
