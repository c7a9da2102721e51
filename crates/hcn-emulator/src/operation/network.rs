//! Networks.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use serde_json::json;
use switchyard_hcn::{
    Error, Guid, Ipam, MacAddress, MacPool, MacRange, Network, NetworkType, NotificationType,
    Policy, Route, Subnet, hresult,
};

use super::modify_policies;
use crate::knobs::NetworkDelete;
use crate::service::Service;
use crate::settings::{drop_empty, read_network, refused};

impl Service {
    pub(crate) fn create_network(&mut self, asked: Guid, settings: &str) -> Result<Guid, Error> {
        let network = read_network(settings)?;
        self.make_network(asked, network)
    }

    pub(crate) fn make_network(
        &mut self,
        asked: Guid,
        mut network: Network,
    ) -> Result<Guid, Error> {
        // The published schema has the codes; microsoft/SIG-Windows-tools#249 that of the subnet.
        if matches!(network.network_type, NetworkType::Other(_)) {
            return Err(refused(hresult::HCN_E_INVALID_NETWORK_TYPE));
        }
        if network.subnets().any(|subnet| subnet.prefix().is_none()) {
            return Err(refused(self.knobs.malformed_subnet.code()));
        }
        if !self.has_adapter(&network) {
            return Err(refused(hresult::HCN_E_ADAPTER_NOT_FOUND));
        }
        let id = self.new_id(asked, network.id);
        let holds_name = |other: &Network| !network.name.is_empty() && other.name == network.name;
        // Azure/aks-engine#1322.
        if self.state.networks().any(|(other, held)| other == id || holds_name(held)) {
            return Err(refused(hresult::HCN_E_NETWORK_ALREADY_EXISTS));
        }
        self.notify(NotificationType::NetworkPreCreate, Some(id));
        // Only HNS itself says how well a network is.
        network.state = 0;
        drop_empty(&mut network.unknown);
        self.complete_network(&mut network);
        self.state.insert_network(id, network);
        self.notify(NotificationType::NetworkCreate, Some(id));
        Ok(id)
    }

    pub(crate) fn modify_network(&mut self, id: Guid, settings: &str) -> Result<(), Error> {
        let Some(mut network) = self.state.network(id).cloned() else {
            return Err(refused(hresult::HCN_E_NETWORK_NOT_FOUND));
        };
        modify_policies(&mut network.policies, settings)?;
        self.state.insert_network(id, network);
        Ok(())
    }

    /// The endpoints go with the network, as hcsshim's tests expect of both versions.
    pub(crate) fn delete_network(&mut self, id: Guid) {
        self.notify(NotificationType::NetworkPreDelete, Some(id));
        let endpoints: Vec<Guid> = self
            .state
            .endpoints()
            .filter(|(_, endpoint)| endpoint.host_compute_network == Some(id))
            .map(|(endpoint, _)| endpoint)
            .collect();
        for endpoint in endpoints {
            let naming: Vec<Guid> = self.index.naming(endpoint).collect();
            self.remove_endpoint(endpoint);
            for load_balancer in naming {
                match self.knobs.network_delete {
                    NetworkDelete::DegradesLoadBalancers => self.degrade(load_balancer),
                    NetworkDelete::RemovesLoadBalancers => self.remove_load_balancer(load_balancer),
                }
            }
        }
        self.state.remove_network(id);
        self.notify(NotificationType::NetworkDelete, Some(id));
    }

    /// Whether the adapter that an external network is to be bound to exists.
    fn has_adapter(&self, network: &Network) -> bool {
        let is_external = matches!(
            network.network_type,
            NetworkType::Transparent
                | NetworkType::L2Bridge
                | NetworkType::L2Tunnel
                | NetworkType::Overlay
        );
        let Some(adapters) = self.knobs.adapters.as_ref().filter(|_| is_external) else {
            return true;
        };
        match network.policies.iter().find_map(Policy::as_net_adapter_name) {
            Some(named) => adapters.iter().any(|adapter| adapter == named),
            None => !adapters.is_empty(),
        }
    }

    /// What HNS fills in: a pool of hardware addresses, the address of the adapter, the subnet of a NAT network, and for an
    /// overlay the policies that flannel reads back. That version 2 shows the address, too: inferred.
    fn complete_network(&self, network: &mut Network) {
        if network.mac_pool.ranges.is_empty() {
            network.mac_pool = self.next_mac_pool();
        }
        let address = json!(self.knobs.management_address);
        network.unknown.entry("ManagementIP".to_owned()).or_insert(address);
        if network.network_type == NetworkType::Nat && network.subnets().next().is_none() {
            network.ipams = vec![self.next_nat_ipam()];
        }
        if network.network_type == NetworkType::Overlay {
            let has =
                |network: &Network, found: fn(&Policy) -> bool| network.policies.iter().any(found);
            if !has(network, |policy| policy.as_dr_mac_address().is_some()) {
                let mac = pool_start(network).unwrap_or(MacAddress([0, 0x15, 0x5D, 0, 0, 0]));
                network.policies.push(Policy::dr_mac_address(mac));
            }
            if !has(network, |policy| policy.as_provider_address().is_some()) {
                network.policies.push(Policy::provider_address(self.knobs.management_address));
            }
        }
    }

    /// The first pool of 4,096 addresses, 00-15-5D-xx-x0-00 to 00-15-5D-xx-xF-FF, that no network has.
    fn next_mac_pool(&self) -> MacPool {
        let starts: Vec<MacAddress> =
            self.state.networks().filter_map(|(_, network)| pool_start(network)).collect();
        let pool = |number: u16| {
            let [high, low] = (number << 4).to_be_bytes();
            (
                MacAddress([0, 0x15, 0x5D, high, low, 0]),
                MacAddress([0, 0x15, 0x5D, high, low | 0xF, 0xFF]),
            )
        };
        let free = (1..1 << 12).map(pool).find(|(start, _)| !starts.contains(start));
        let (start, end) = free.unwrap_or_else(|| pool(0));
        let range = MacRange {
            start_mac_address: start.to_string(),
            end_mac_address: end.to_string(),
            ..MacRange::default()
        };
        MacPool { ranges: vec![range], ..MacPool::default() }
    }

    /// The first subnet of 172.16.0.0/12, with 4,096 addresses, that no network has.
    fn next_nat_ipam(&self) -> Ipam {
        let all = Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12);
        let is_free = |subnet: &Ipv4Net| {
            let held = |prefix: IpNet| {
                prefix.contains(&IpNet::V4(*subnet)) || IpNet::V4(*subnet).contains(&prefix)
            };
            !self
                .state
                .networks()
                .flat_map(|(_, network)| network.subnets())
                .filter_map(Subnet::prefix)
                .any(held)
        };
        let subnet = all.subnets(20).into_iter().flatten().find(is_free).unwrap_or(all);
        let gateway = subnet.hosts().next().map(IpAddr::V4);
        let subnet = Subnet {
            ip_address_prefix: subnet.to_string(),
            routes: gateway.map(Route::default_through).into_iter().collect(),
            ..Subnet::default()
        };
        Ipam { ipam_type: "Static".to_owned(), subnets: vec![subnet], ..Ipam::default() }
    }
}

/// The first hardware address of a network's pool.
fn pool_start(network: &Network) -> Option<MacAddress> {
    network.mac_pool.ranges.first()?.start_mac_address.parse().ok()
}
