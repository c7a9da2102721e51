//! Policy lists: the load balancers and routes of version 1.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Policy, carry};
use crate::lenient::{self, is_default};
use crate::{
    Guid, IpProtocol, LoadBalancer, LoadBalancerFlags, PortMapping, PortMappingFlags,
    UnknownMembers, Version,
};

/// A policy list (`PolicyList`). One with `ELB` policies is a load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PolicyList {
    /// Its id; none in a document to create one from, where HNS picks.
    #[serde(
        rename = "ID",
        deserialize_with = "lenient::id",
        skip_serializing_if = "Option::is_none"
    )]
    pub id: Option<Guid>,
    /// The endpoints that it is for, as paths. [`reference()`] writes and [`endpoint_of`] reads them.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// Its policies.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// [`LoadBalancer::HEALTHY`] or [`LoadBalancer::DEGRADED`]; 0 where HNS did not tell. HNS may refuse to delete a
    /// degraded one (microsoft/wcnscripts#21).
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub state: u16,
    /// How it fared: `LastErrorCode` and `LastUpdateTime`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub health: Value,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: LoadBalancerFlags,
    /// A number that HNS keeps with each object.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub version: u64,
    /// The id that HNS gave to what it did with it.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub activity_id: String,
    /// What HNS made for it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub resources: Value,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// The settings of an `ELB` policy: one port of a load balancer, with its addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Elb {
    /// The protocol.
    #[serde(skip_serializing_if = "is_default")]
    pub protocol: IpProtocol,
    /// The port of all backends.
    #[serde(deserialize_with = "lenient::number")]
    pub internal_port: u16,
    /// The port that clients send to.
    #[serde(deserialize_with = "lenient::number")]
    pub external_port: u16,
    /// The address that backends see instead of the client's.
    #[serde(
        rename = "SourceVIP",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub source_vip: String,
    /// The addresses that clients send to; none is every address of the node.
    #[serde(
        rename = "VIPs",
        deserialize_with = "lenient::nullable",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub vips: Vec<String>,
    /// Whether it is for clients on this node only; [`PortMappingFlags::ILB`] in version 2.
    #[serde(
        rename = "ILB",
        deserialize_with = "lenient::boolean",
        skip_serializing_if = "is_default"
    )]
    pub ilb: bool,
    /// Whether backends answer clients themselves; [`LoadBalancerFlags::DSR`] in version 2.
    #[serde(
        rename = "IsDSR",
        deserialize_with = "lenient::boolean",
        skip_serializing_if = "is_default"
    )]
    pub is_dsr: bool,
    /// Whether the node itself reaches the frontend; [`PortMappingFlags::LOCAL_ROUTED_VIP`] in version 2.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "is_default")]
    pub local_routed_vip: bool,
    /// Whether the frontend is not of the cluster; [`PortMappingFlags::VIP_EXTERNAL_IP`] in version 2.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "is_default")]
    pub is_vip_external_ip: bool,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// Why a policy list is no load balancer of version 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyListError {
    /// A reference is not to an endpoint.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It has no policy, or one of another type, as a route has.
    #[error("the policy list has a policy of type {policy_type:?} where a load balancer has ELB")]
    NoLoadBalancer {
        /// The type; empty when there is no policy.
        policy_type: String,
    },
    /// A policy cannot be read.
    #[error("an ELB policy of the policy list cannot be read: {message}")]
    Policy {
        /// What is wrong with it.
        message: String,
    },
    /// Its policies have addresses of their own, where a load balancer has one list for all ports.
    #[error("the ELB policies of the policy list have different addresses")]
    DifferentAddresses,
}

/// A text that refers to no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a reference such as /endpoints/ and an id")]
pub struct ReferenceError {
    text: String,
}

/// The reference to an endpoint.
#[must_use]
pub fn reference(endpoint: Guid) -> String {
    format!("/endpoints/{endpoint}")
}

/// The endpoint that a reference is to, in any case, with or without the path before the id.
///
/// # Errors
///
/// If the reference is to something else or the id is none.
pub fn endpoint_of(reference: &str) -> Result<Guid, ReferenceError> {
    let parts: Vec<&str> = reference.split('/').filter(|part| !part.is_empty()).collect();
    let id = match parts.as_slice() {
        [id] => id,
        [path, id] if path.eq_ignore_ascii_case("endpoints") => id,
        _ => return Err(ReferenceError { text: reference.to_owned() }),
    };
    id.parse().map_err(|_| ReferenceError { text: reference.to_owned() })
}

impl PolicyList {
    /// A load balancer of version 2: one `ELB` policy for each of its ports.
    ///
    /// Lost are how a backend is picked, and the flags of ports that version 1 has no member for; without ports the
    /// addresses too.
    #[must_use]
    pub fn of(load_balancer: &LoadBalancer) -> Self {
        let mut unknown = load_balancer.unknown.clone();
        carry::put(&mut unknown, "Owner", &load_balancer.owner);
        carry::put(&mut unknown, "Name", &load_balancer.name);
        carry::put(&mut unknown, "HostComputeNetwork", &load_balancer.host_compute_network);
        let policies = load_balancer.port_mappings.iter();
        let policies = policies.map(|mapping| Elb::of(load_balancer, mapping).into_policy());
        Self {
            id: load_balancer.id,
            references: load_balancer
                .host_compute_endpoints
                .iter()
                .copied()
                .map(reference)
                .collect(),
            policies: policies.collect(),
            state: load_balancer.state,
            health: carry::take(&mut unknown, "Health"),
            flags: load_balancer.flags,
            version: carry::take(&mut unknown, "Version"),
            activity_id: carry::take(&mut unknown, "ActivityId"),
            resources: carry::take(&mut unknown, "Resources"),
            unknown: carry::unknown_to(unknown, |known: Self| known.unknown),
        }
    }

    /// The endpoints that it is for.
    ///
    /// # Errors
    ///
    /// If a reference is not to an endpoint.
    pub fn endpoints(&self) -> Result<Vec<Guid>, ReferenceError> {
        self.references.iter().map(|reference| endpoint_of(reference)).collect()
    }

    /// The ports of the load balancer that it is.
    ///
    /// # Errors
    ///
    /// If it has no policy, one of another type, or one that cannot be read.
    pub fn ports(&self) -> Result<Vec<Elb>, PolicyListError> {
        if self.policies.is_empty() {
            return Err(PolicyListError::NoLoadBalancer { policy_type: String::new() });
        }
        self.policies.iter().map(Elb::of_policy).collect()
    }

    /// The same as a load balancer of version 2. It is flagged for direct server return when one of its ports is.
    ///
    /// # Errors
    ///
    /// If it is no load balancer, or one that version 2 cannot say.
    pub fn into_v2(self) -> Result<LoadBalancer, PolicyListError> {
        let host_compute_endpoints = self.endpoints()?;
        let ports = self.ports()?;
        let addresses = |port: &Elb| (port.source_vip.clone(), port.vips.clone());
        let (source_vip, frontend_vips) = ports.first().map(addresses).unwrap_or_default();
        if ports.iter().any(|port| port.source_vip != source_vip || port.vips != frontend_vips) {
            return Err(PolicyListError::DifferentAddresses);
        }
        let dsr = ports.iter().any(|port| port.is_dsr);
        let mut unknown = self.unknown;
        let owner = carry::take(&mut unknown, "Owner");
        let name = carry::take(&mut unknown, "Name");
        let host_compute_network = carry::take(&mut unknown, "HostComputeNetwork");
        carry::put(&mut unknown, "Health", &self.health);
        carry::put(&mut unknown, "Version", &self.version);
        carry::put(&mut unknown, "ActivityId", &self.activity_id);
        carry::put(&mut unknown, "Resources", &self.resources);
        Ok(LoadBalancer {
            id: self.id,
            owner,
            name,
            host_compute_endpoints,
            source_vip,
            frontend_vips,
            port_mappings: ports.into_iter().map(Elb::into_port_mapping).collect(),
            flags: if dsr { self.flags | LoadBalancerFlags::DSR } else { self.flags },
            host_compute_network,
            state: self.state,
            schema_version: Some(Version::SCHEMA),
            unknown: carry::unknown_to(unknown, |known: LoadBalancer| known.unknown),
        })
    }
}

impl TryFrom<PolicyList> for LoadBalancer {
    type Error = PolicyListError;

    fn try_from(list: PolicyList) -> Result<Self, PolicyListError> {
        list.into_v2()
    }
}

impl Elb {
    /// A port of a load balancer.
    #[must_use]
    pub fn of(load_balancer: &LoadBalancer, mapping: &PortMapping) -> Self {
        Self {
            protocol: mapping.protocol,
            internal_port: mapping.internal_port,
            external_port: mapping.external_port,
            source_vip: load_balancer.source_vip.clone(),
            vips: load_balancer.frontend_vips.clone(),
            ilb: mapping.flags.contains(PortMappingFlags::ILB),
            is_dsr: load_balancer.is_dsr(),
            local_routed_vip: mapping.flags.contains(PortMappingFlags::LOCAL_ROUTED_VIP),
            is_vip_external_ip: mapping.flags.contains(PortMappingFlags::VIP_EXTERNAL_IP),
            unknown: carry::unknown_to(mapping.unknown.clone(), |known: Self| known.unknown),
        }
    }

    /// What an `ELB` policy says.
    ///
    /// # Errors
    ///
    /// If the policy is of another type, or cannot be read.
    pub fn of_policy(policy: &Policy) -> Result<Self, PolicyListError> {
        if !policy.is(Policy::ELB) {
            let policy_type = policy.policy_type.clone();
            return Err(PolicyListError::NoLoadBalancer { policy_type });
        }
        let settings = Value::Object(policy.settings.clone().into_iter().collect());
        serde_json::from_value(settings)
            .map_err(|error| PolicyListError::Policy { message: error.to_string() })
    }

    /// The policy.
    #[must_use]
    pub fn into_policy(self) -> Policy {
        // Writing fails only for maps whose keys are not text, and no settings have such.
        let settings = match serde_json::to_value(self) {
            Ok(Value::Object(settings)) => settings.into_iter().collect(),
            _ => UnknownMembers::new(),
        };
        Policy { policy_type: Policy::ELB.to_owned(), settings }
    }

    fn into_port_mapping(self) -> PortMapping {
        let flags = [
            (self.ilb, PortMappingFlags::ILB),
            (self.local_routed_vip, PortMappingFlags::LOCAL_ROUTED_VIP),
            (self.is_vip_external_ip, PortMappingFlags::VIP_EXTERNAL_IP),
        ];
        let set = flags.into_iter().filter(|(set, _)| *set);
        PortMapping {
            protocol: self.protocol,
            internal_port: self.internal_port,
            external_port: self.external_port,
            flags: set.fold(PortMappingFlags::NONE, |flags, (_, flag)| flags | flag),
            unknown: carry::unknown_to(self.unknown, |known: PortMapping| known.unknown),
            ..PortMapping::default()
        }
    }
}
