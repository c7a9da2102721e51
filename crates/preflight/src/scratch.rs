//! What objects of a run look like: their ids, names and addresses, so that they are known again without having been
//! written down.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

use ipnet::Ipv4Net;
use serde_json::Value;
use switchyard_hcn::{Endpoint, Guid, LoadBalancer, Network};
use uuid::Uuid;

use crate::kind::Kind;

/// What `Owner` says in objects of a run.
pub const OWNER: &str = "switchyard-preflight";

/// The namespace of all ids of Switchyard.
const NAMESPACE: Uuid = Uuid::from_u128(0xa4d3df38_e2ae_51c8_a9aa_4e5bf933e0d7);

/// How many ids of each kind a run has. The most that are used is by a port pool that never ends and 1,025 endpoints.
const IDS: u32 = 4096;

/// How many addresses of the scratch prefix are for load balancers: its last ones.
const FRONTENDS: u32 = 16;

/// The first two bytes of the hardware addresses: locally administered, and kube-proxy's are 02-11.
const HARDWARE: [u8; 2] = [0x02, 0x59];

/// The addresses for more endpoints than the scratch prefix has: those for benchmarks of devices (RFC 2544).
const MANY: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15);

/// The addresses that objects of a run are at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scratch(Ipv4Net);

/// A prefix that has too few addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} has too few addresses: the scratch prefix must be a /25 or shorter")]
pub struct TooSmall(pub Ipv4Net);

impl Scratch {
    /// The longest prefix that has addresses enough.
    const LONGEST: u8 = 25;

    /// Half of the first block that is for documentation (RFC 5737).
    pub const DEFAULT: Self = Self(Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 2, 128), 25));

    /// The addresses of a prefix.
    ///
    /// # Errors
    ///
    /// If there are too few.
    pub fn new(prefix: Ipv4Net) -> Result<Self, TooSmall> {
        if prefix.prefix_len() > Self::LONGEST { Err(TooSmall(prefix)) } else { Ok(Self(prefix)) }
    }

    /// The prefix.
    #[must_use]
    pub const fn prefix(self) -> Ipv4Net {
        self.0
    }

    /// An address for an endpoint; they come again after a while.
    pub(crate) fn endpoint(self, number: u32) -> Ipv4Addr {
        let usable = self.hosts() - FRONTENDS;
        self.address(1 + number % usable)
    }

    /// An address for a load balancer; they come again after a while.
    pub(crate) fn frontend(self, number: u32) -> Ipv4Addr {
        self.address(self.hosts() - number % FRONTENDS)
    }

    /// One of more addresses than the prefix has.
    pub(crate) fn many(number: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(MANY.network()) + 1 + number)
    }

    /// How many addresses of the prefix are for hosts.
    fn hosts(self) -> u32 {
        let bits = 32 - u32::from(self.0.prefix_len());
        1u32.checked_shl(bits).map_or(u32::MAX, |all| all - 2)
    }

    fn address(self, host: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.0.network()).saturating_add(host))
    }

    /// Whether an address is one of those that objects of a run may be at.
    pub(crate) fn has(self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.0.contains(&address) || MANY.contains(&address),
            IpAddr::V6(_) => false,
        }
    }

    /// Whether an object looks so much like one of a run that nobody else makes such: a remote endpoint with a hardware
    /// address of ours and only scratch addresses or the one that it is made of, a load balancer with only scratch addresses,
    /// a network with our name.
    pub(crate) fn looks_ours(self, kind: Kind, document: &Value) -> bool {
        if document.get("Owner").and_then(Value::as_str) == Some(OWNER) {
            return true;
        }
        match kind {
            Kind::Endpoint => read::<Endpoint>(document).is_some_and(|endpoint| {
                let mac = endpoint.mac_address.to_ascii_uppercase();
                let [first, second] = HARDWARE;
                let has_prefix = mac.starts_with(&format!("{first:02X}-{second:02X}-"));
                let is_ours = |address: IpAddr| match address {
                    // One beside a pod is at no scratch address, but its hardware address is made of its own.
                    IpAddr::V4(own) => {
                        has_prefix && (self.has(address) || mac == hardware_address(own))
                    }
                    IpAddr::V6(_) => false,
                };
                let mut addresses = endpoint.addresses().peekable();
                endpoint.is_remote() && addresses.peek().is_some() && addresses.all(is_ours)
            }),
            Kind::LoadBalancer => read::<LoadBalancer>(document).is_some_and(|balancer| {
                let mut vips = balancer.vips().peekable();
                vips.peek().is_some() && vips.all(|vip| self.has(vip))
            }),
            Kind::Network => read::<Network>(document).is_some_and(|held| is_our_name(&held.name)),
            Kind::Namespace => false,
        }
    }

    /// Whether an object of others has an address that is ours.
    pub(crate) fn is_used_by(self, kind: Kind, document: &Value) -> bool {
        match kind {
            Kind::Endpoint => read::<Endpoint>(document)
                .is_some_and(|endpoint| endpoint.addresses().any(|address| self.has(address))),
            Kind::LoadBalancer => read::<LoadBalancer>(document)
                .is_some_and(|balancer| balancer.vips().any(|vip| self.has(vip))),
            Kind::Network => read::<Network>(document).is_some_and(|network| {
                let used = network.subnets().filter_map(switchyard_hcn::Subnet::prefix);
                let mut used = used.filter_map(|prefix| match prefix {
                    ipnet::IpNet::V4(prefix) => Some(prefix),
                    ipnet::IpNet::V6(_) => None,
                });
                used.any(|used| used.contains(&self.0) || self.0.contains(&used))
            }),
            Kind::Namespace => false,
        }
    }
}

/// The name of the object with this number.
pub(crate) fn name(number: u32) -> String {
    format!("{OWNER}-{number}")
}

fn is_our_name(name: &str) -> bool {
    name.starts_with(OWNER)
}

/// The hardware address for an endpoint at this address.
pub(crate) fn hardware_address(address: Ipv4Addr) -> String {
    let bytes = HARDWARE.into_iter().chain(address.octets());
    let bytes: Vec<String> = bytes.map(|byte| format!("{byte:02X}")).collect();
    bytes.join("-")
}

/// The id of the object of this kind with this number.
pub(crate) fn id(kind: Kind, number: u32) -> Guid {
    let name = format!("preflight/1/{}/{number}", kind.as_str());
    Guid::from_uuid(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

/// An id that no object has: those of runs are numbered below.
pub(crate) fn missing_id(kind: Kind) -> Guid {
    id(kind, IDS)
}

/// Whether this is one of the ids that runs give to objects of a kind.
pub(crate) fn is_id(kind: Kind, wanted: Guid) -> bool {
    static ALL: OnceLock<BTreeSet<(Kind, Guid)>> = OnceLock::new();
    let all = || {
        let of_kind = |kind: Kind| (0..IDS).map(move |number| (kind, id(kind, number)));
        Kind::MADE.into_iter().flat_map(of_kind).collect()
    };
    ALL.get_or_init(all).contains(&(kind, wanted))
}

fn read<T: serde::de::DeserializeOwned>(document: &Value) -> Option<T> {
    serde_json::from_value(document.clone()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_apart_and_inside() {
        let scratch = Scratch::DEFAULT;
        let all: Vec<Ipv4Addr> = (0..110)
            .map(|n| scratch.endpoint(n))
            .chain((0..16).map(|n| scratch.frontend(n)))
            .collect();
        assert_eq!(all.first().unwrap().to_string(), "192.0.2.129");
        assert_eq!(scratch.frontend(0).to_string(), "192.0.2.254");
        assert!(all.iter().all(|address| scratch.0.contains(address)));
        let mut apart = all.clone();
        apart.sort_unstable();
        apart.dedup();
        assert_eq!(apart.len(), all.len());
        assert_eq!(scratch.endpoint(110), scratch.endpoint(0));
        assert_eq!(Scratch::many(1024).to_string(), "198.18.4.1");
        assert!(Scratch::new("192.0.2.0/26".parse().unwrap()).is_err());
        assert!(Scratch::new("192.0.2.0/24".parse().unwrap()).is_ok());
    }

    #[test]
    fn only_what_nobody_else_makes_looks_ours() {
        let check = |kind: Kind, document: Value, expect: bool| {
            assert_eq!(Scratch::DEFAULT.looks_ours(kind, &document), expect, "{document}");
        };
        let endpoint = |flags: u32, mac: &str, address: &str| json!({"Flags": flags, "MacAddress": mac, "IpConfigurations": [{"IpAddress": address}]});
        check(Kind::Endpoint, endpoint(1, "02-59-C0-00-02-81", "192.0.2.129"), true);
        check(Kind::Endpoint, endpoint(0, "02-59-C0-00-02-81", "192.0.2.129"), false);
        check(Kind::Endpoint, endpoint(1, "02-11-C0-00-02-81", "192.0.2.129"), false);
        check(Kind::Endpoint, endpoint(1, "02-59-C0-00-02-81", "192.0.2.12"), false);
        check(Kind::Endpoint, endpoint(1, "02-59-0A-01-01-15", "10.1.1.21"), true);
        check(Kind::Endpoint, endpoint(1, "02-59-0A-01-01-16", "10.1.1.21"), false);
        check(Kind::Endpoint, json!({"Owner": OWNER}), true);
        check(Kind::LoadBalancer, json!({"FrontendVIPs": ["192.0.2.254"]}), true);
        check(Kind::LoadBalancer, json!({"FrontendVIPs": ["192.0.2.254", "10.0.0.1"]}), false);
        check(Kind::LoadBalancer, json!({"FrontendVIPs": []}), false);
        check(Kind::Network, json!({"Name": "switchyard-preflight-3"}), true);
        check(Kind::Network, json!({"Name": "cbr0"}), false);
    }

    #[test]
    fn ids_are_the_same_in_every_run() {
        let first = id(Kind::Endpoint, 0);
        assert_eq!(first.to_string(), "6fe390fa-b86d-51cb-a708-e484ef0fd59d");
        assert_ne!(first, id(Kind::LoadBalancer, 0));
        assert!(is_id(Kind::Endpoint, first));
        assert!(!is_id(Kind::LoadBalancer, first));
        assert!(!is_id(Kind::Endpoint, missing_id(Kind::Endpoint)));
    }
}
