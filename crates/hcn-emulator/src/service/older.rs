//! The older way in: paths and documents of version 1, over the same objects.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use switchyard_hcn::{
    Error, Guid, Namespace, NamespaceResource, NamespaceResourceType, hresult, v1,
};

use super::Service;
use crate::request::ObjectKind;
use crate::settings::{read, read_endpoint, read_load_balancer, read_network, refused};

impl Service {
    /// What `HNSCall` answers. The call itself always succeeds.
    pub(super) fn hns_call(&mut self, method: &str, path: &str, object: &str) -> String {
        let answer = match v1::Request::parse(method, path) {
            Some(request) => self.answer_v1(request, object),
            None => Err(refused(hresult::HCN_E_REQUEST_UNSUPPORTED)),
        };
        let response = match answer {
            Ok(mut output) => {
                self.write_ids(&mut output);
                v1::Response::ok(output)
            }
            Err(error) => v1::Response::of(&error),
        };
        response.to_json()
    }

    fn answer_v1(&mut self, request: v1::Request, object: &str) -> Result<Value, Error> {
        match request {
            v1::Request::Version => Ok(json!(self.state.version)),
            v1::Request::List(collection) => {
                let kind = ObjectKind::of(collection);
                let ids = self.ids(kind);
                Ok(ids.into_iter().filter_map(|id| self.document_v1(kind, id)).collect())
            }
            v1::Request::Get(collection, id) => self.get_v1(ObjectKind::of(collection), id),
            v1::Request::Create(collection) => {
                let kind = ObjectKind::of(collection);
                let id = self.create_v1(kind, object)?;
                self.get_v1(kind, id)
            }
            v1::Request::Update(v1::Collection::Endpoints, id) => {
                let mut endpoint = self.local_endpoint(id)?;
                endpoint.policies = read_endpoint(object)?.policies;
                self.state.insert_endpoint(id, endpoint);
                self.get_v1(ObjectKind::Endpoint, id)
            }
            v1::Request::Delete(collection, id) => {
                let kind = ObjectKind::of(collection);
                self.must_exist(kind, id)?;
                self.delete(kind, id)?;
                Ok(Value::Null)
            }
            v1::Request::Attach(id) => {
                let container = container(object)?;
                self.attach_endpoint(id)?;
                self.share_endpoint(id, |shared| shared.extend(container));
                Ok(Value::Null)
            }
            v1::Request::Detach(id) => {
                container(object)?;
                self.detach_endpoint(id)?;
                // It has no port any more, so nobody shares it.
                self.share_endpoint(id, Vec::clear);
                Ok(Value::Null)
            }
            v1::Request::AddResource(id) => self.change_resource(id, object, true),
            v1::Request::RemoveResource(id) => self.change_resource(id, object, false),
            v1::Request::EndpointStatistics(id) => {
                self.must_exist(ObjectKind::Endpoint, id)?;
                Ok(statistics(id))
            }
            v1::Request::EndpointAddresses => {
                let addresses = self.state.endpoints().flat_map(|(_, held)| held.addresses());
                Ok(addresses.map(|address| json!({ "IPAddress": address })).collect())
            }
            v1::Request::SetAccelnet => {
                self.management_macs = read::<ManagementMacs>(object)?;
                Ok(json!(self.management_macs))
            }
            v1::Request::ClearAccelnet => {
                self.management_macs = ManagementMacs::default();
                Ok(json!(self.management_macs))
            }
            v1::Request::Accelnet => Ok(json!(self.management_macs)),
            // No plug-in is there, and nothing is under way.
            v1::Request::Activities | v1::Request::Plugins | v1::Request::PortPools => {
                Ok(json!([]))
            }
            v1::Request::Update(..) => Err(refused(hresult::HCN_E_REQUEST_UNSUPPORTED)),
        }
    }

    fn get_v1(&self, kind: ObjectKind, id: Guid) -> Result<Value, Error> {
        self.must_exist(kind, id)?;
        Ok(self.document_v1(kind, id).unwrap_or_default())
    }

    fn create_v1(&mut self, kind: ObjectKind, object: &str) -> Result<Guid, Error> {
        match kind {
            ObjectKind::Network => self.make_network(Guid::NIL, read_network(object)?),
            ObjectKind::Endpoint => {
                let endpoint = read_endpoint(object)?;
                let network = endpoint.host_compute_network.unwrap_or(Guid::NIL);
                // Azure/aks-engine#168: by this way it is the general code.
                if self.state.network(network).is_none() {
                    return Err(refused(hresult::ERROR_NOT_FOUND));
                }
                self.make_endpoint(network, Guid::NIL, endpoint)
            }
            ObjectKind::LoadBalancer => {
                let load_balancer = read_load_balancer(object)?;
                let is_resolved = !load_balancer.host_compute_endpoints.is_empty()
                    && load_balancer
                        .host_compute_endpoints
                        .iter()
                        .all(|id| self.state.endpoint(*id).is_some());
                // aws/containers-roadmap#240: by this way the policy is invalid, not the reference.
                if !is_resolved {
                    return Err(refused(hresult::HCN_E_INVALID_POLICY));
                }
                self.make_load_balancer(Guid::NIL, load_balancer)
            }
            ObjectKind::Namespace => {
                let namespace = read::<v1::Namespace>(object)?.into_v2();
                self.make_namespace(Guid::NIL, namespace)
            }
            ObjectKind::Service => Err(refused(hresult::HCN_E_REQUEST_UNSUPPORTED)),
        }
    }

    /// Changes which containers share an endpoint.
    fn share_endpoint(&mut self, id: Guid, change: impl FnOnce(&mut Vec<String>)) {
        let Some(mut endpoint) = self.state.endpoint(id).cloned() else { return };
        let mut shared = v1::shared_containers(&endpoint.unknown);
        change(&mut shared);
        v1::share(&mut endpoint.unknown, &shared);
        self.state.insert_endpoint(id, endpoint);
    }

    fn change_resource(&mut self, id: Guid, object: &str, add: bool) -> Result<Value, Error> {
        self.must_exist(ObjectKind::Namespace, id)?;
        let resource: NamespaceResource = read(object)?;
        match (&resource.resource_type, resource.as_endpoint(), add) {
            (NamespaceResourceType::Endpoint, Some(endpoint), true) => {
                self.put_into_namespace(id, endpoint)?;
            }
            (NamespaceResourceType::Endpoint, Some(endpoint), false) => {
                self.take_from_namespace(id, endpoint)?;
            }
            (NamespaceResourceType::Container, _, _) => {
                let change = |namespace: &mut Namespace| {
                    namespace.resources.retain(|held| *held != resource);
                    namespace.resources.extend(add.then(|| resource.clone()));
                };
                self.change_namespace(id, change);
            }
            _ => return Err(refused(hresult::HCN_E_INVALID_JSON)),
        }
        Ok(Value::Null)
    }
}

/// The container that an endpoint is attached to or detached from, if the request names one.
fn container(object: &str) -> Result<Option<String>, Error> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Order {
        container_id: Option<String>,
    }

    if object.trim().is_empty() {
        return Ok(None);
    }
    Ok(read::<Order>(object)?.container_id.filter(|id| !id.is_empty()))
}

/// The hardware addresses of management, which accelerated networking leaves alone (`HNSNnvManagementMacList` of hcsshim).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ManagementMacs {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mac_address_list: Vec<ManagementMac>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ManagementMac {
    mac_address: String,
}

/// The counters of an endpoint (`HNSEndpointStats` of hcsshim). No packet has gone through an emulated one.
fn statistics(id: Guid) -> Value {
    json!({
        "EndpointID": id, "InstanceID": id,
        "BytesReceived": 0, "BytesSent": 0, "PacketsReceived": 0, "PacketsSent": 0,
        "DroppedPacketsIncoming": 0, "DroppedPacketsOutgoing": 0,
    })
}
