//! Ids that are computed, so that after a restart we know our own objects without having written anything down.
//!
//! An id is a version 5 UUID of everything about an object that HNS cannot modify, and a generation. The generation is 0
//! but where the id is held by an object that cannot be removed.

use switchyard_hcn::{Endpoint, Guid, LoadBalancer, MacAddress};
use uuid::Uuid;

use crate::key::{EndpointKey, LoadBalancerKey};

/// The namespace of all our ids.
const NAMESPACE: Uuid = Uuid::from_u128(0xa4d3df38_e2ae_51c8_a9aa_4e5bf933e0d7);

/// What `Owner` says in objects that we made.
pub const OWNER: &str = "switchyard";

/// How many ids one object may have, one after the other.
pub(crate) const GENERATIONS: u8 = 16;

fn id(name: &str) -> Guid {
    Guid::from_uuid(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

/// The id of the load balancer for `key`.
#[must_use]
pub fn load_balancer_id(key: &LoadBalancerKey, generation: u8) -> Guid {
    id(&format!("loadbalancer/1/{key}/{generation}"))
}

/// The id of the remote endpoint for `key`, with everything that HNS cannot modify.
#[must_use]
pub fn endpoint_id(
    key: &EndpointKey,
    provider: Option<std::net::IpAddr>,
    mac: MacAddress,
    generation: u8,
) -> Guid {
    let provider = provider.map_or_else(|| "-".to_owned(), |address| address.to_string());
    id(&format!("endpoint/1/{key}/{provider}/{mac}/{generation}"))
}

/// The hardware address of an IPv6 backend: 40 bits of a hash of the address after `02`; `attempt` counts collisions.
pub(crate) fn hashed_mac(address: std::net::Ipv6Addr, attempt: u32) -> MacAddress {
    let hash = Uuid::new_v5(&NAMESPACE, format!("mac/1/{address}/{attempt}").as_bytes());
    let [a, b, c, d, e, ..] = *hash.as_bytes();
    MacAddress([0x02, a, b, c, d, e])
}

/// Whether the load balancer is ours: it says so, or its id recomputes from its own document.
pub(crate) fn is_own_load_balancer(document: &LoadBalancer, key: Option<&LoadBalancerKey>) -> bool {
    document.owner == OWNER
        || key.is_some_and(|key| {
            (0..GENERATIONS)
                .any(|generation| document.id == Some(load_balancer_id(key, generation)))
        })
}

/// Whether the endpoint is ours: it says so, or its id recomputes from its own document.
pub(crate) fn is_own_endpoint(document: &Endpoint, key: Option<&EndpointKey>) -> bool {
    let recomputes = || {
        let (key, mac) = (key?, document.mac()?);
        let provider = document.provider_address();
        Some(
            (0..GENERATIONS)
                .any(|generation| document.id == Some(endpoint_id(key, provider, mac, generation))),
        )
    };
    document.owner == OWNER || recomputes().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use switchyard_model::{Family, Protocol};

    use super::*;

    #[test]
    fn ids_are_the_documented_ones() {
        let load_balancer = |vip: Option<&str>, port| {
            let key = LoadBalancerKey {
                family: Family::IPv4,
                vip: vip.map(|vip| vip.parse().unwrap()),
                port,
                protocol: Protocol::Tcp,
            };
            load_balancer_id(&key, 0).to_string()
        };
        assert_eq!(load_balancer(Some("172.20.0.10"), 80), "87eb0a6b-5d44-5328-ac5b-0f8ca4ae0680");
        assert_eq!(load_balancer(None, 30080), "a0f8450d-f7d4-5a8f-966d-4fbc6837a739");
        let key = EndpointKey {
            network: "00000000-0000-0000-0000-000000000001".parse().unwrap(),
            address: "10.1.2.21".parse().unwrap(),
        };
        let mac = "02-11-0A-01-02-15".parse().unwrap();
        let endpoint = endpoint_id(&key, None, mac, 0).to_string();
        assert_eq!(endpoint, "28b5118b-eb33-5652-bb60-19be42f7f496");
    }
}
