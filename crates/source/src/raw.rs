//! Documents as they are written: only the fields a proxy reads, each of which may be wrong by itself. What is not listed
//! here (managed fields, pod templates, most annotations) is skipped without being stored.

use serde::Deserialize;
use serde::de::MapAccess;

use crate::field::{Field, List, NumberOrText, Shape, Texts, object};

/// Declares objects of known fields. A field's name in the document is its own in camel case unless said.
macro_rules! raw {
    ($($(#[$doc:meta])* $visibility:vis struct $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        $visibility struct $name {
            $($(#[$attribute])* pub(crate) $field: Field<$type>,)*
        }

        impl<'de> Shape<'de> for $name {
            fn object<A: MapAccess<'de>>(access: A) -> Result<Field<Self>, A::Error> {
                object(access)
            }
        }
    )*};
}

raw! {
    /// A document: an object, or a list of objects. A list inside a list is not read: nobody writes one, and depth is what
    /// overflows stacks.
    pub(crate) struct Document {
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: Spec,
        status: Status,
        address_type: String,
        endpoints: List<RawEndpoint>,
        ports: List<RawPort>,
        items: List<Object>,
    }

    /// An object: the fields of all kinds together, so that one pass reads it whatever the order of its keys.
    pub struct Object {
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: Spec,
        status: Status,
        address_type: String,
        endpoints: List<RawEndpoint>,
        ports: List<RawPort>,
    }

    pub(crate) struct Metadata {
        name: String,
        namespace: String,
        uid: String,
        resource_version: String,
        creation_timestamp: String,
        deletion_timestamp: String,
        labels: Texts,
        annotations: Texts,
    }

    /// The `spec` of a Service, a Node or a Pod.
    pub(crate) struct Spec {
        #[serde(rename = "type")]
        service_type: String,
        #[serde(rename = "clusterIP")]
        cluster_ip: String,
        #[serde(rename = "clusterIPs")]
        cluster_ips: List<String>,
        ports: List<RawPort>,
        #[serde(rename = "externalIPs")]
        external_ips: List<String>,
        load_balancer_source_ranges: List<String>,
        internal_traffic_policy: String,
        external_traffic_policy: String,
        session_affinity: String,
        session_affinity_config: AffinityConfig,
        health_check_node_port: i64,
        #[serde(rename = "podCIDR")]
        pod_cidr: String,
        #[serde(rename = "podCIDRs")]
        pod_cidrs: List<String>,
        node_name: String,
        taints: List<RawTaint>,
    }

    /// The `status` of a Service, a Node or a Pod.
    pub(crate) struct Status {
        load_balancer: LoadBalancerStatus,
        addresses: List<RawNodeAddress>,
        #[serde(rename = "podIP")]
        pod_ip: String,
        #[serde(rename = "podIPs")]
        pod_ips: List<PodAddress>,
    }

    /// A port of a Service or a slice.
    pub(crate) struct RawPort {
        name: String,
        protocol: String,
        port: i64,
        node_port: i64,
        target_port: NumberOrText,
    }

    pub(crate) struct AffinityConfig {
        #[serde(rename = "clientIP")]
        client_ip: ClientAffinity,
    }

    pub(crate) struct ClientAffinity {
        timeout_seconds: i64,
    }

    pub(crate) struct LoadBalancerStatus {
        ingress: List<Ingress>,
    }

    pub(crate) struct Ingress {
        ip: String,
        #[serde(rename = "ipMode")]
        ip_mode: String,
    }

    pub(crate) struct RawEndpoint {
        addresses: List<String>,
        conditions: RawConditions,
        node_name: String,
        hints: RawHints,
        target_ref: TargetRef,
    }

    pub(crate) struct RawConditions {
        ready: bool,
        serving: bool,
        terminating: bool,
    }

    pub(crate) struct RawHints {
        for_zones: List<HintName>,
        for_nodes: List<HintName>,
    }

    pub(crate) struct HintName {
        name: String,
    }

    pub(crate) struct TargetRef {
        kind: String,
        namespace: String,
        name: String,
    }

    pub(crate) struct RawNodeAddress {
        #[serde(rename = "type")]
        address_type: String,
        address: String,
    }

    pub(crate) struct RawTaint {
        key: String,
    }

    pub(crate) struct PodAddress {
        ip: String,
    }
}

impl Document {
    /// The document as an object, and what it lists.
    pub(crate) fn split(self) -> (Object, Field<List<Object>>) {
        let object = Object {
            api_version: self.api_version,
            kind: self.kind,
            metadata: self.metadata,
            spec: self.spec,
            status: self.status,
            address_type: self.address_type,
            endpoints: self.endpoints,
            ports: self.ports,
        };
        (object, self.items)
    }
}
