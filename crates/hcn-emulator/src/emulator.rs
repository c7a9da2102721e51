//! HNS behind the trait.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::json;
use switchyard_hcn::{
    EndpointHandle, Error, ErrorRecord, Filter, Guid, Hcn, LoadBalancer, LoadBalancerHandle,
    NetworkHandle, Query, QueryFlags, hresult,
};

use crate::index::Index;
use crate::settings::refused;
use crate::{Call, Calls, ObjectKind, State, Verb};

#[cfg(test)]
mod tests;

/// An HNS in memory. Calls are answered at once and one after the other.
#[derive(Debug)]
pub struct Emulator {
    service: Mutex<Service>,
}

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) state: State,
    pub(crate) index: Index,
    calls: Calls,
    handles: BTreeMap<usize, (ObjectKind, Guid)>,
    last_handle: usize,
    last_id: u64,
}

impl Emulator {
    /// An HNS that holds `state`.
    #[must_use]
    pub fn new(state: State) -> Self {
        let service = Service {
            index: Index::of(&state),
            state,
            calls: Calls::default(),
            handles: BTreeMap::new(),
            last_handle: 0,
            last_id: 0,
        };
        Self { service: Mutex::new(service) }
    }

    /// What it holds now.
    #[must_use]
    pub fn state(&self) -> State {
        self.service().state.clone()
    }

    /// What it has been asked so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.service().calls.clone()
    }

    /// What it has been asked since this was last called.
    #[must_use]
    pub fn take_calls(&self) -> Calls {
        std::mem::take(&mut self.service().calls)
    }

    /// How many handles are open.
    #[must_use]
    pub fn open_handles(&self) -> usize {
        self.service().handles.len()
    }

    /// No call leaves the service half changed, so one that panicked is no reason to stop.
    fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enumerate(&self, kind: ObjectKind, query: &str) -> Result<String, Error> {
        let mut service = self.service();
        let answer = service.enumerate(kind, query);
        service.note(Verb::Enumerate, kind, None, answer)
    }

    fn create(
        &self,
        kind: ObjectKind,
        asked: Guid,
        create: impl FnOnce(&mut Service) -> Result<Guid, Error>,
    ) -> Result<usize, Error> {
        let mut service = self.service();
        let created = create(&mut service);
        let id = created.as_ref().map_or((!asked.is_nil()).then_some(asked), |id| Some(*id));
        let id = service.note(Verb::Create, kind, id, created)?;
        Ok(service.open_handle(kind, id))
    }

    fn open(&self, kind: ObjectKind, id: Guid) -> Result<usize, Error> {
        let mut service = self.service();
        let found = service.must_exist(kind, id);
        service.note(Verb::Open, kind, Some(id), found)?;
        Ok(service.open_handle(kind, id))
    }

    fn modify(
        &self,
        kind: ObjectKind,
        handle: usize,
        modify: impl FnOnce(&mut Service, Guid) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut service = self.service();
        let id = service.behind(kind, handle);
        let done = id.clone().and_then(|id| {
            service.must_exist(kind, id)?;
            modify(&mut service, id)
        });
        service.note(Verb::Modify, kind, id.ok(), done)
    }

    fn query(&self, kind: ObjectKind, handle: usize, query: &str) -> Result<String, Error> {
        let mut service = self.service();
        let id = service.behind(kind, handle);
        let answer = id.clone().and_then(|id| service.properties(kind, id, query));
        service.note(Verb::Query, kind, id.ok(), answer)
    }

    fn delete(
        &self,
        kind: ObjectKind,
        id: Guid,
        delete: impl FnOnce(&mut Service, Guid) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut service = self.service();
        let done = service.must_exist(kind, id).and_then(|()| delete(&mut service, id));
        service.note(Verb::Delete, kind, Some(id), done)
    }

    fn close(&self, kind: ObjectKind, handle: usize) -> Result<(), Error> {
        let mut service = self.service();
        let id = service.behind(kind, handle);
        if id.is_ok() {
            service.handles.remove(&handle);
        }
        let done = id.clone().map(|_| ());
        service.note(Verb::Close, kind, id.ok(), done)
    }
}

impl Service {
    fn note<T>(
        &mut self,
        verb: Verb,
        kind: ObjectKind,
        id: Option<Guid>,
        answer: Result<T, Error>,
    ) -> Result<T, Error> {
        let hresult = answer.as_ref().err().map_or(hresult::S_OK, |error| error.hresult);
        self.calls.note(Call { verb, kind, id, hresult });
        answer
    }

    fn open_handle(&mut self, kind: ObjectKind, id: Guid) -> usize {
        self.last_handle += 1;
        self.handles.insert(self.last_handle, (kind, id));
        self.last_handle
    }

    /// The object that a handle was opened for, whether it still exists or not.
    pub(crate) fn behind(&self, kind: ObjectKind, handle: usize) -> Result<Guid, Error> {
        match self.handles.get(&handle) {
            Some((opened, id)) if *opened == kind => Ok(*id),
            _ => Err(refused(hresult::E_HANDLE)),
        }
    }

    pub(crate) fn must_exist(&self, kind: ObjectKind, id: Guid) -> Result<(), Error> {
        let (exists, code) = match kind {
            ObjectKind::Network => {
                (self.state.network(id).is_some(), hresult::HCN_E_NETWORK_NOT_FOUND)
            }
            ObjectKind::Endpoint => {
                (self.state.endpoint(id).is_some(), hresult::HCN_E_ENDPOINT_NOT_FOUND)
            }
            ObjectKind::LoadBalancer => {
                (self.state.load_balancer(id).is_some(), hresult::ERROR_NOT_FOUND)
            }
            ObjectKind::Service => (true, hresult::S_OK),
        };
        if exists { Ok(()) } else { Err(refused(code)) }
    }

    /// The id for a new object: the one asked for, else that of the settings, else the next of a fixed series.
    pub(crate) fn new_id(&mut self, asked: Guid, settings: Option<Guid>) -> Guid {
        if !asked.is_nil() {
            return asked;
        }
        if let Some(id) = settings {
            return id;
        }
        loop {
            self.last_id += 1;
            let name = format!("switchyard/emulated-hns/{}", self.last_id);
            let id =
                Guid::from_uuid(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()));
            let kinds = [ObjectKind::Network, ObjectKind::Endpoint, ObjectKind::LoadBalancer];
            if kinds.iter().all(|kind| self.must_exist(*kind, id).is_err()) {
                return id;
            }
        }
    }

    fn enumerate(&self, kind: ObjectKind, query: &str) -> Result<String, Error> {
        let query = parse_query(query)?;
        let matches = |id: &Guid, name: &str, network: Option<Guid>| {
            filter_matches(&query.filter, *id, name, network)
        };
        let state = &self.state;
        let ids: Vec<Guid> = match kind {
            ObjectKind::Network => state
                .networks()
                .filter(|(id, network)| matches(id, &network.name, None))
                .map(|(id, _)| id)
                .collect(),
            ObjectKind::Endpoint => state
                .endpoints()
                .filter(|(id, endpoint)| matches(id, &endpoint.name, endpoint.host_compute_network))
                .map(|(id, _)| id)
                .collect(),
            ObjectKind::LoadBalancer => state
                .load_balancers()
                .filter(|(id, load_balancer)| matches(id, &load_balancer.name, None))
                .map(|(id, _)| id)
                .collect(),
            ObjectKind::Service => Vec::new(),
        };
        Ok(text(&ids))
    }

    fn properties(&self, kind: ObjectKind, id: Guid, query: &str) -> Result<String, Error> {
        let query = parse_query(query)?;
        self.must_exist(kind, id)?;
        // The filter of the enumeration comes along here and has no effect.
        Ok(match kind {
            ObjectKind::Network => text(&self.state.network(id)),
            ObjectKind::Endpoint => text(&self.state.endpoint(id)),
            ObjectKind::LoadBalancer if query.flags.contains(QueryFlags::DETAILED) => {
                text(&self.state.load_balancer(id))
            }
            ObjectKind::LoadBalancer => {
                let plain = self.state.load_balancer(id).cloned();
                text(&plain.map(|load_balancer| LoadBalancer { state: 0, ..load_balancer }))
            }
            ObjectKind::Service => String::new(),
        })
    }
}

fn parse_query(query: &str) -> Result<Query, Error> {
    Query::parse(query).map_err(|_| refused(hresult::HCN_E_INVALID_JSON))
}

/// Whether an object equals what the filter says. An empty value and an unknown key match nothing.
fn filter_matches(filter: &Filter, id: Guid, name: &str, network: Option<Guid>) -> bool {
    filter.0.iter().all(|(key, value)| {
        let text = value.as_str().unwrap_or_default();
        match key.as_str() {
            "ID" => text.parse() == Ok(id),
            "Name" => !text.is_empty() && text == name,
            "VirtualNetwork" => network.is_some_and(|network| text.parse() == Ok(network)),
            _ => false,
        }
    })
}

fn text(document: &impl Serialize) -> String {
    // Writing to a string fails only for maps whose keys are not text, and no document has such.
    serde_json::to_string(document).unwrap_or_default()
}

impl Hcn for Emulator {
    fn enumerate_networks(&self, query: &str) -> Result<String, Error> {
        self.enumerate(ObjectKind::Network, query)
    }

    fn create_network(&self, id: Guid, settings: &str) -> Result<NetworkHandle, Error> {
        self.create(ObjectKind::Network, id, |service| service.create_network(id, settings))
            .map(NetworkHandle)
    }

    fn open_network(&self, id: Guid) -> Result<NetworkHandle, Error> {
        self.open(ObjectKind::Network, id).map(NetworkHandle)
    }

    fn modify_network(&self, network: NetworkHandle, settings: &str) -> Result<(), Error> {
        self.modify(ObjectKind::Network, network.0, |service, id| {
            service.modify_network(id, settings)
        })
    }

    fn query_network_properties(
        &self,
        network: NetworkHandle,
        query: &str,
    ) -> Result<String, Error> {
        self.query(ObjectKind::Network, network.0, query)
    }

    fn delete_network(&self, id: Guid) -> Result<(), Error> {
        self.delete(ObjectKind::Network, id, Service::delete_network)
    }

    fn close_network(&self, network: NetworkHandle) -> Result<(), Error> {
        self.close(ObjectKind::Network, network.0)
    }

    fn enumerate_endpoints(&self, query: &str) -> Result<String, Error> {
        self.enumerate(ObjectKind::Endpoint, query)
    }

    fn create_endpoint(
        &self,
        network: NetworkHandle,
        id: Guid,
        settings: &str,
    ) -> Result<EndpointHandle, Error> {
        self.create(ObjectKind::Endpoint, id, |service| {
            let network = service.behind(ObjectKind::Network, network.0)?;
            service.create_endpoint(network, id, settings)
        })
        .map(EndpointHandle)
    }

    fn open_endpoint(&self, id: Guid) -> Result<EndpointHandle, Error> {
        self.open(ObjectKind::Endpoint, id).map(EndpointHandle)
    }

    fn modify_endpoint(&self, endpoint: EndpointHandle, settings: &str) -> Result<(), Error> {
        self.modify(ObjectKind::Endpoint, endpoint.0, |service, id| {
            service.modify_endpoint(id, settings)
        })
    }

    fn query_endpoint_properties(
        &self,
        endpoint: EndpointHandle,
        query: &str,
    ) -> Result<String, Error> {
        self.query(ObjectKind::Endpoint, endpoint.0, query)
    }

    fn delete_endpoint(&self, id: Guid) -> Result<(), Error> {
        self.delete(ObjectKind::Endpoint, id, Service::delete_endpoint)
    }

    fn close_endpoint(&self, endpoint: EndpointHandle) -> Result<(), Error> {
        self.close(ObjectKind::Endpoint, endpoint.0)
    }

    fn enumerate_load_balancers(&self, query: &str) -> Result<String, Error> {
        self.enumerate(ObjectKind::LoadBalancer, query)
    }

    fn create_load_balancer(&self, id: Guid, settings: &str) -> Result<LoadBalancerHandle, Error> {
        self.create(ObjectKind::LoadBalancer, id, |service| {
            service.create_load_balancer(id, settings)
        })
        .map(LoadBalancerHandle)
    }

    fn open_load_balancer(&self, id: Guid) -> Result<LoadBalancerHandle, Error> {
        self.open(ObjectKind::LoadBalancer, id).map(LoadBalancerHandle)
    }

    fn modify_load_balancer(
        &self,
        load_balancer: LoadBalancerHandle,
        settings: &str,
    ) -> Result<(), Error> {
        self.modify(ObjectKind::LoadBalancer, load_balancer.0, |service, id| {
            service.modify_load_balancer(id, settings)
        })
    }

    fn query_load_balancer_properties(
        &self,
        load_balancer: LoadBalancerHandle,
        query: &str,
    ) -> Result<String, Error> {
        self.query(ObjectKind::LoadBalancer, load_balancer.0, query)
    }

    fn delete_load_balancer(&self, id: Guid) -> Result<(), Error> {
        self.delete(ObjectKind::LoadBalancer, id, Service::delete_load_balancer)
    }

    fn close_load_balancer(&self, load_balancer: LoadBalancerHandle) -> Result<(), Error> {
        self.close(ObjectKind::LoadBalancer, load_balancer.0)
    }

    fn hns_call(&self, method: &str, path: &str, _object: &str) -> Result<String, Error> {
        let mut service = self.service();
        let answer = if method.eq_ignore_ascii_case("GET") && path == "/globals/version" {
            json!({ "Success": true, "Output": service.state.version }).to_string()
        } else {
            text(&ErrorRecord::of(hresult::HCN_E_REQUEST_UNSUPPORTED, ""))
        };
        service.note(Verb::HnsCall, ObjectKind::Service, None, Ok(answer))
    }
}
