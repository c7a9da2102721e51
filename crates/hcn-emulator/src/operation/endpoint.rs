//! Endpoints.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use switchyard_hcn::{
    Endpoint, Error, Guid, IpConfiguration, Network, NetworkType, Subnet, hresult,
};

use super::modify_policies;
use crate::ObjectKind;
use crate::emulator::Service;
use crate::settings::{drop_empty, read, refused};

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
        let mut endpoint: Endpoint = read(settings)?;
        endpoint.host_compute_network = Some(network);
        endpoint.host_compute_namespace = None;
        drop_empty(&mut endpoint.unknown);
        let addresses: Vec<IpAddr> = endpoint.addresses().collect();
        if addresses.len() < endpoint.ip_configurations.len() {
            return Err(refused(hresult::HCN_E_INVALID_IP));
        }
        let id = self.new_id(asked, endpoint.id);
        if self.state.endpoint(id).is_some() || self.has_equal(network, &endpoint) {
            return Err(refused(hresult::ERROR_OBJECT_ALREADY_EXISTS));
        }
        if endpoint.is_remote() {
            self.complete_remote(network, &mut endpoint)?;
        } else {
            self.complete_local(network, &mut endpoint)?;
        }
        self.index.add_endpoint(id, &endpoint);
        self.state.insert_endpoint(id, endpoint);
        Ok(id)
    }

    pub(crate) fn modify_endpoint(&mut self, id: Guid, settings: &str) -> Result<(), Error> {
        let Some(mut endpoint) = self.state.endpoint(id).cloned() else {
            return Err(refused(hresult::HCN_E_ENDPOINT_NOT_FOUND));
        };
        if endpoint.is_remote() {
            return Err(refused(hresult::HCN_E_INVALID_REMOTE_ENDPOINT_OPERATION));
        }
        modify_policies(&mut endpoint.policies, settings)?;
        self.state.insert_endpoint(id, endpoint);
        Ok(())
    }

    pub(crate) fn delete_endpoint(&mut self, id: Guid) -> Result<(), Error> {
        if self.index.naming(id).next().is_some() {
            return Err(refused(hresult::HCN_E_ENTITY_HAS_REFERENCES));
        }
        if let Some(removed) = self.state.remove_endpoint(id) {
            self.index.remove_endpoint(id, &removed);
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

    /// An endpoint of another node may be anywhere, but an overlay must know behind which node.
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

    /// An endpoint of this node must be in a subnet, at an address that nothing here has.
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
        Ok(())
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
