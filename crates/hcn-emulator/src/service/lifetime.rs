//! What HNS and what it holds live through: stops, starts, other builds' data, reboots.

use std::collections::BTreeMap;
use std::time::Duration;

use switchyard_hcn::{
    Endpoint, Guid, LoadBalancer, NetworkFlags, NetworkType, NotificationType, hresult,
};

use super::Service;
use crate::State;
use crate::index::Index;
use crate::knobs::Rehydration;
use crate::request::ObjectKind;

/// Whether HNS answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Running {
    /// It does.
    Up,
    /// It is stopping: the next call is told so, and those after it find nobody.
    Stopping,
    /// It does not, until then or until it is started.
    Down {
        /// When it starts by itself.
        until: Option<Duration>,
    },
    /// It runs on data that another build has written, and does nothing. No start makes that other: the data has to go.
    Mismatched,
}

/// What has become of the data of HNS when it starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SavedData {
    /// Nothing: what HNS wrote is there, or what another build wrote if that was there before.
    #[default]
    Untouched,
    /// What HNS wrote is there; somebody put it back, if it was not.
    Kept,
    /// What another build wrote is there, as after an upgrade that was taken back.
    Mismatched,
    /// None is there: somebody removed `HNS.data`.
    Removed,
}

impl Service {
    /// The HRESULT of every call at present, if HNS does not answer.
    pub(super) fn out_of_reach(&mut self, now: Duration) -> Option<u32> {
        self.wake(now);
        match self.running {
            Running::Up => None,
            Running::Stopping => {
                self.running = Running::Down { until: None };
                Some(hresult::HCN_E_MANAGER_STOPPED)
            }
            // kubernetes/kubernetes#139503: a stopped HNS is an RPC error, never "not found".
            Running::Down { .. } => Some(hresult::RPC_S_SERVER_UNAVAILABLE),
            Running::Mismatched => Some(hresult::ERROR_WRONG_DISK),
        }
    }

    /// An HNS that is away for a time starts by itself when that is over.
    pub fn wake(&mut self, now: Duration) {
        if let Running::Down { until: Some(until) } = self.running
            && until <= now
        {
            self.start(SavedData::Untouched);
        }
    }

    /// HNS stops. Calls that are out fail with `HCN_E_MANAGER_STOPPED`, and so does the next; then nobody answers.
    pub fn stop(&mut self) {
        self.stop_until(None);
        self.running = Running::Stopping;
    }

    /// HNS is away at once, until `until` or until it is started.
    pub(super) fn stop_until(&mut self, until: Option<Duration>) {
        self.notify(NotificationType::ServiceDisconnect, None);
        if !self.knobs.callbacks_survive_restart {
            self.callbacks.clear();
        }
        self.handles.clear();
        self.busy_until = Duration::ZERO;
        self.stops += 1;
        self.running = Running::Down { until };
    }

    /// HNS starts, with what it finds of its data.
    pub fn start(&mut self, data: SavedData) {
        let was_up = self.running == Running::Up;
        match data {
            SavedData::Untouched => {}
            SavedData::Kept => self.is_mismatched = false,
            SavedData::Mismatched => self.is_mismatched = true,
            SavedData::Removed => {
                self.is_mismatched = false;
                self.set_state(State::new(self.state.version));
            }
        }
        self.running = if self.is_mismatched { Running::Mismatched } else { Running::Up };
        // One that was never away has nothing to load.
        if !was_up && !self.is_mismatched {
            self.rehydrate();
        }
    }

    /// HNS stops and starts, and nobody called meanwhile.
    pub fn restart(&mut self) {
        self.stop_until(None);
        self.start(SavedData::Untouched);
    }

    /// The machine reboots. Networks that are not persistent are gone with their endpoints, and NAT networks are not
    /// restored since Windows Server 2019; the pods of before are no more, so neither are their endpoints.
    pub fn reboot(&mut self) {
        self.stop_until(None);
        self.callbacks.clear();
        let networks: Vec<_> =
            self.state.networks().map(|(id, network)| (id, network.clone())).collect();
        let is_local = |endpoint: &Endpoint| !endpoint.is_remote();
        let pods: Vec<Guid> = self
            .state
            .endpoints()
            .filter(|(_, endpoint)| is_local(endpoint))
            .map(|(id, _)| id)
            .collect();
        for pod in pods {
            self.take_endpoint_from_under(pod);
        }
        let namespaces: Vec<Guid> = self.state.namespaces().map(|(id, _)| id).collect();
        for namespace in namespaces {
            self.state.remove_namespace(namespace);
        }
        for (id, network) in networks {
            let is_gone = network.flags.contains(NetworkFlags::ENABLE_NON_PERSISTENT)
                || network.network_type == NetworkType::Nat;
            if is_gone {
                self.delete_network(id);
            } else if self.knobs.reboot_changes_network_ids {
                self.rename_network(id);
            }
        }
        self.start(SavedData::Untouched);
    }

    /// A network that is the same has another id, and its endpoints know it by that.
    fn rename_network(&mut self, id: Guid) {
        let new = self.next_id();
        let Some(mut network) = self.state.remove_network(id) else { return };
        network.id = Some(new);
        self.state.insert_network(new, network);
        let endpoints: Vec<(Guid, Endpoint)> = self
            .state
            .endpoints()
            .filter(|(_, endpoint)| endpoint.host_compute_network == Some(id))
            .map(|(id, endpoint)| (id, endpoint.clone()))
            .collect();
        for (id, mut endpoint) in endpoints {
            endpoint.host_compute_network = Some(new);
            self.state.insert_endpoint(id, endpoint);
        }
        self.index = Index::of(&self.state);
    }

    /// Takes an endpoint away; the load balancers that name it are degraded.
    pub(crate) fn take_endpoint_from_under(&mut self, endpoint: Guid) {
        let naming: Vec<Guid> = self.index.naming(endpoint).collect();
        self.lose(ObjectKind::Endpoint, endpoint);
        for load_balancer in naming {
            self.degrade(load_balancer);
        }
    }

    /// Loads what was saved, as far as this HNS does.
    fn rehydrate(&mut self) {
        let (without_endpoints, without_load_balancers) = match self.knobs.rehydration {
            Rehydration::All => (false, false),
            Rehydration::WithoutLoadBalancers => (false, true),
            Rehydration::WithoutEndpoints => (true, false),
            Rehydration::NetworksAlone => (true, true),
            Rehydration::Nothing => return self.set_state(State::new(self.state.version)),
        };
        if without_load_balancers {
            let ids: Vec<Guid> = self.state.load_balancers().map(|(id, _)| id).collect();
            ids.into_iter().for_each(|id| self.lose(ObjectKind::LoadBalancer, id));
        }
        if without_endpoints {
            let ids: Vec<Guid> = self.state.endpoints().map(|(id, _)| id).collect();
            ids.into_iter().for_each(|id| self.take_endpoint_from_under(id));
        }
        if self.knobs.restores_with_new_ids {
            self.rename_objects();
        }
    }

    /// Gives all endpoints and load balancers other ids, and keeps them together.
    fn rename_objects(&mut self) {
        let mut state = self.state.clone();
        let endpoints: Vec<(Guid, Endpoint)> =
            state.endpoints().map(|(id, endpoint)| (id, endpoint.clone())).collect();
        let mut renamed = BTreeMap::new();
        for (id, endpoint) in endpoints {
            let new = self.next_id();
            renamed.insert(id, new);
            state.remove_endpoint(id);
            state.insert_endpoint(new, endpoint);
        }
        let load_balancers: Vec<(Guid, LoadBalancer)> =
            state.load_balancers().map(|(id, held)| (id, held.clone())).collect();
        for (id, mut load_balancer) in load_balancers {
            for endpoint in &mut load_balancer.host_compute_endpoints {
                *endpoint = renamed.get(endpoint).copied().unwrap_or(*endpoint);
            }
            state.remove_load_balancer(id);
            state.insert_load_balancer(self.next_id(), load_balancer);
        }
        let namespaces: Vec<_> =
            state.namespaces().map(|(id, namespace)| (id, namespace.clone())).collect();
        for (id, mut namespace) in namespaces {
            crate::operation::rename_endpoints(&mut namespace, &renamed);
            state.insert_namespace(id, namespace);
        }
        self.set_state(state);
    }
}
