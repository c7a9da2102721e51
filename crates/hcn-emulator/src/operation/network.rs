//! Networks.

use switchyard_hcn::{Error, Guid, LoadBalancer, Network, NetworkType, hresult};

use super::modify_policies;
use crate::emulator::Service;
use crate::settings::{drop_empty, read, refused};

impl Service {
    pub(crate) fn create_network(&mut self, asked: Guid, settings: &str) -> Result<Guid, Error> {
        let mut network: Network = read(settings)?;
        if matches!(network.network_type, NetworkType::Other(_)) {
            return Err(refused(hresult::HCN_E_INVALID_NETWORK_TYPE));
        }
        if network.subnets().any(|subnet| subnet.prefix().is_none()) {
            return Err(refused(hresult::E_INVALIDARG));
        }
        let id = self.new_id(asked, network.id);
        let holds_name = |other: &Network| !network.name.is_empty() && other.name == network.name;
        if self.state.networks().any(|(other, held)| other == id || holds_name(held)) {
            return Err(refused(hresult::HCN_E_NETWORK_ALREADY_EXISTS));
        }
        drop_empty(&mut network.unknown);
        self.state.insert_network(id, network);
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

    /// The endpoints go with the network, as hcsshim's tests expect. The load balancers that name them stay and are
    /// degraded (microsoft/Windows-Containers#79).
    #[expect(clippy::unnecessary_wraps, reason = "all deletes have one shape")]
    pub(crate) fn delete_network(&mut self, id: Guid) -> Result<(), Error> {
        let endpoints: Vec<Guid> = self
            .state
            .endpoints()
            .filter(|(_, endpoint)| endpoint.host_compute_network == Some(id))
            .map(|(endpoint, _)| endpoint)
            .collect();
        for endpoint in endpoints {
            if let Some(removed) = self.state.remove_endpoint(endpoint) {
                self.index.remove_endpoint(endpoint, &removed);
            }
            for load_balancer in self.index.naming(endpoint) {
                if let Some(held) = self.state.load_balancer(load_balancer).cloned() {
                    let degraded = LoadBalancer { state: LoadBalancer::DEGRADED, ..held };
                    self.state.insert_load_balancer(load_balancer, degraded);
                }
            }
        }
        self.state.remove_network(id);
        Ok(())
    }
}
