//! Namespaces.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use switchyard_hcn::{
    Endpoint, Error, Guid, ModifyRequest, Namespace, NamespaceResource, NamespaceType,
    NotificationType, RequestType, hresult,
};

use crate::service::Service;
use crate::settings::{drop_empty, read, refused};

impl Service {
    pub(crate) fn create_namespace(&mut self, asked: Guid, settings: &str) -> Result<Guid, Error> {
        self.make_namespace(asked, read(settings)?)
    }

    pub(crate) fn make_namespace(
        &mut self,
        asked: Guid,
        mut namespace: Namespace,
    ) -> Result<Guid, Error> {
        let id = self.new_id(asked, namespace.id);
        if self.state.namespace(id).is_some() {
            return Err(refused(hresult::ERROR_ALREADY_EXISTS));
        }
        // The published schema has the code; that there is one for the host alone: inferred.
        let is_default = namespace.namespace_type == NamespaceType::HostDefault;
        let has_default = || {
            let mut held = self.state.namespaces();
            held.any(|(_, other)| other.namespace_type == NamespaceType::HostDefault)
        };
        if is_default && has_default() {
            return Err(refused(hresult::GCN_E_DEFAULTNAMESPACE_EXISTS));
        }
        namespace.namespace_id =
            self.next_compartment().ok_or_else(|| refused(hresult::E_OUTOFMEMORY))?;
        self.last_compartment = namespace.namespace_id;
        namespace.namespace_guid = Some(id);
        namespace.resources.clear();
        namespace.state = 0;
        drop_empty(&mut namespace.unknown);
        self.state.insert_namespace(id, namespace);
        self.notify(NotificationType::NamespaceCreate, Some(id));
        Ok(id)
    }

    /// The first number after the last one given that no namespace has, beginning anew behind the highest. Compartment 1 is
    /// the host's.
    fn next_compartment(&self) -> Option<u32> {
        let held: BTreeSet<u32> =
            self.state.namespaces().map(|(_, namespace)| namespace.namespace_id).collect();
        let behind = (self.last_compartment..=u32::MAX).skip(1);
        behind.chain(2..=self.last_compartment).find(|number| !held.contains(number))
    }

    pub(crate) fn modify_namespace(&mut self, id: Guid, settings: &str) -> Result<(), Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Settings {
            #[serde(rename = "EndpointId", alias = "EndpointID")]
            endpoint: Option<String>,
            #[serde(rename = "ContainerId", alias = "ContainerID")]
            container: Option<String>,
        }

        let request: ModifyRequest = read(settings)?;
        let named: Settings = serde_json::from_value(request.settings)
            .map_err(|_| refused(hresult::HCN_E_INVALID_JSON))?;
        let endpoint = named.endpoint.map(|text| text.parse::<Guid>()).transpose();
        let endpoint = endpoint.map_err(|_| refused(hresult::HCN_E_GUID_CONVERSION_FAILURE))?;
        let resource = request.resource_type.to_ascii_lowercase();
        match (resource.as_str(), request.request_type, endpoint, named.container) {
            ("endpoint", RequestType::Add, Some(endpoint), _) => {
                self.put_into_namespace(id, endpoint)
            }
            ("endpoint", RequestType::Remove, Some(endpoint), _) => {
                self.take_from_namespace(id, endpoint)
            }
            ("container", RequestType::Add, _, Some(container)) => {
                self.change_namespace(id, |namespace| {
                    namespace.resources.push(NamespaceResource::container(&container));
                });
                Ok(())
            }
            ("container", RequestType::Remove, _, Some(container)) => {
                self.change_namespace(id, |namespace| {
                    namespace
                        .resources
                        .retain(|held| held.as_container() != Some(container.as_str()));
                });
                Ok(())
            }
            ("endpoint" | "container", RequestType::Add | RequestType::Remove, None, None) => {
                Err(refused(hresult::HCN_E_INVALID_JSON))
            }
            _ => Err(refused(hresult::HCN_E_REQUEST_UNSUPPORTED)),
        }
    }

    /// The endpoints in a namespace lose it, and their ports with it.
    pub(crate) fn delete_namespace(&mut self, id: Guid) {
        let Some(removed) = self.state.remove_namespace(id) else { return };
        for endpoint in removed.endpoints() {
            self.leave_namespace(endpoint);
        }
        self.notify(NotificationType::NamespaceDelete, Some(id));
    }

    /// The endpoint becomes the pod's: it has a port from then on. Live pods are in state 3 (microsoft/wcnscripts).
    pub(crate) fn put_into_namespace(&mut self, id: Guid, endpoint: Guid) -> Result<(), Error> {
        let mut held = self.local_endpoint(endpoint)?;
        if held.host_compute_namespace.is_some() {
            return Err(refused(hresult::HCN_E_ENDPOINT_NAMESPACE_ALREADY_EXISTS));
        }
        held.host_compute_namespace = Some(id);
        held.state = Endpoint::ATTACHED_SHARING;
        self.state.insert_endpoint(endpoint, held);
        self.change_namespace(id, |namespace| {
            namespace.resources.push(NamespaceResource::endpoint(endpoint))
        });
        Ok(())
    }

    /// What HNS says for an endpoint that is not in the namespace: `ERROR_NOT_FOUND`, as for namespaces (inferred).
    pub(crate) fn take_from_namespace(&mut self, id: Guid, endpoint: Guid) -> Result<(), Error> {
        let held = self.state.endpoint(endpoint);
        if held.is_none_or(|held| held.host_compute_namespace != Some(id)) {
            return Err(refused(hresult::ERROR_NOT_FOUND));
        }
        self.leave_namespace(endpoint);
        self.forget_in_namespace(id, endpoint);
        Ok(())
    }

    pub(super) fn forget_in_namespace(&mut self, id: Guid, endpoint: Guid) {
        self.change_namespace(id, |namespace| {
            namespace.resources.retain(|held| held.as_endpoint() != Some(endpoint));
        });
    }

    fn leave_namespace(&mut self, endpoint: Guid) {
        if let Some(mut held) = self.state.endpoint(endpoint).cloned() {
            held.host_compute_namespace = None;
            held.state = Endpoint::DETACHED;
            self.state.insert_endpoint(endpoint, held);
        }
    }

    pub(crate) fn change_namespace(&mut self, id: Guid, change: impl FnOnce(&mut Namespace)) {
        if let Some(mut namespace) = self.state.namespace(id).cloned() {
            change(&mut namespace);
            self.state.insert_namespace(id, namespace);
        }
    }
}

/// Has a namespace know its endpoints by their new ids.
pub(crate) fn rename_endpoints(namespace: &mut Namespace, renamed: &BTreeMap<Guid, Guid>) {
    for resource in &mut namespace.resources {
        if let Some(new) = resource.as_endpoint().and_then(|endpoint| renamed.get(&endpoint)) {
            *resource = NamespaceResource::endpoint(*new);
        }
    }
}
