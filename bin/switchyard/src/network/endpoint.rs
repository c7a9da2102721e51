//! The endpoints of this node's pods, made up as a CNI would make them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use switchyard_hcn::{Endpoint, Guid, IpConfiguration, MacAddress, Version};
use switchyard_hcn_emulator::State;
use switchyard_nodeview::Stream;

/// An endpoint to make up.
pub(super) struct MadeUp<'a> {
    /// Its name; without one it is a pod's.
    pub(super) name: Option<&'a str>,
    pub(super) address: IpAddr,
    pub(super) mac: MacAddress,
}

impl MadeUp<'_> {
    /// Puts it into `state`, on `network` with `subnets`, with the next free of the ids that are made up for them: the
    /// CNI's are random, these only have to be stable.
    pub(super) fn insert(self, state: &mut State, network: Guid, subnets: &[IpNet]) {
        let subnet = subnets.iter().find(|subnet| subnet.contains(&self.address));
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        let mut configuration = IpConfiguration::of(self.address);
        configuration.prefix_length = subnet.map_or(whole, IpNet::prefix_len);
        let mut number: u128 = 1;
        let made_up = |number| Guid::from_uuid(uuid::Uuid::from_u128((1 << 64) + number));
        while state.endpoint(made_up(number)).is_some() {
            number += 1;
        }
        let endpoint = Endpoint {
            id: Some(made_up(number)),
            name: self.name.map_or_else(|| format!("pod-{number}"), str::to_owned),
            host_compute_network: Some(network),
            ip_configurations: vec![configuration],
            mac_address: self.mac.to_string(),
            schema_version: Some(Version::SCHEMA),
            ..Endpoint::default()
        };
        state.insert_endpoint(made_up(number), endpoint);
    }
}

/// The addresses of the endpoints on the node, the node's own left out: those pods have no endpoint.
pub(super) fn local_pods(stream: &Stream, own: &[IpAddr]) -> BTreeSet<IpAddr> {
    let node = stream.view().node();
    stream
        .cluster()
        .slices()
        .flat_map(|slice| slice.endpoints.iter())
        .filter(|endpoint| endpoint.node.as_ref() == Some(&node.name))
        .filter_map(|endpoint| endpoint.address)
        .filter(|address| !own.contains(address) && !node.has_address(*address))
        .collect()
}

/// The endpoints of `network` that are on this node.
pub(super) fn on_node(state: &State, network: Guid) -> impl Iterator<Item = &Endpoint> {
    state
        .endpoints()
        .map(|(_, endpoint)| endpoint)
        .filter(move |own| !own.is_remote() && own.host_compute_network == Some(network))
}

/// The hardware address of a pod's endpoint that is made up: by the pod's address, and no other's, as the CNI takes each
/// from a pool.
pub(super) fn invented_mac(address: IpAddr, taken: &mut BTreeSet<MacAddress>) -> MacAddress {
    let [.., a, b, c] = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    let mut number = u32::from_be_bytes([0, a, b, c]);
    loop {
        let [_, a, b, c] = number.to_be_bytes();
        let mac = MacAddress([0x00, 0x15, 0x5D, a, b, c]);
        if taken.insert(mac) {
            return mac;
        }
        number += 1;
    }
}

/// The hardware addresses of the endpoints of a state, and the host's that a state made here carries.
pub(super) fn taken_macs(state: &State) -> BTreeSet<MacAddress> {
    let hosts = state.networks().filter_map(|(_, network)| {
        network.unknown.get("AdditionalParams")?.get("HostMac")?.as_str()?.parse().ok()
    });
    state.endpoints().filter_map(|(_, endpoint)| endpoint.mac()).chain(hosts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_never_share_a_hardware_address() {
        let mut taken = BTreeSet::from(["00-15-5D-00-00-01".parse().unwrap()]);
        let mut check = |address: &str, expect: &str| {
            let mac = invented_mac(address.parse().unwrap(), &mut taken);
            assert_eq!(mac.to_string(), expect);
        };
        check("10.1.1.20", "00-15-5D-01-01-14");
        check("10.0.0.1", "00-15-5D-00-00-02");
        check("fd00:1:1::20", "00-15-5D-00-00-20");
        check("fd00:1:2::20", "00-15-5D-00-00-21");
        check("10.255.255.255", "00-15-5D-FF-FF-FF");
        check("11.255.255.255", "00-15-5D-00-00-00");
    }
}
