//! Hardware addresses of IPv6 backends: hashes, made unique.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use switchyard_hcn::MacAddress;

use crate::identity::hashed_mac;

/// The hardware addresses of all IPv6 backends. No two are equal: load balancers mix flows of backends with equal ones
/// (kubernetes/kubernetes#68897). A function of the set of addresses, whatever the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HardwareAddresses {
    /// The addresses by the first hash of each. Nearly all have one.
    first: BTreeMap<MacAddress, BTreeSet<Ipv6Addr>>,
    /// The addresses that did not get their first hash.
    moved: BTreeMap<Ipv6Addr, MacAddress>,
}

impl HardwareAddresses {
    /// Adds or removes `address`. Returns the others whose hardware address changed by that.
    pub(super) fn set(&mut self, address: Ipv6Addr, present: bool) -> Vec<Ipv6Addr> {
        let first = hashed_mac(address, 0);
        let had = self.first.get(&first).is_some_and(|sharing| sharing.contains(&address));
        if had == present {
            return Vec::new();
        }
        let sharing = self.first.entry(first).or_default();
        if present {
            sharing.insert(address);
        } else {
            sharing.remove(&address);
        }
        let alone = sharing.len() < 2;
        if sharing.is_empty() {
            self.first.remove(&first);
        }
        if alone && self.moved.is_empty() {
            return Vec::new();
        }
        let before = std::mem::take(&mut self.moved);
        self.resolve();
        let changed = |other: &Ipv6Addr| before.get(other) != self.moved.get(other);
        before.keys().chain(self.moved.keys()).copied().filter(changed).collect()
    }

    /// The hardware address of a backend.
    pub(super) fn of(&self, address: Ipv6Addr) -> MacAddress {
        self.moved.get(&address).copied().unwrap_or_else(|| hashed_mac(address, 0))
    }

    /// Of addresses with one first hash the lowest keeps it; the others go on to their next that nobody has.
    fn resolve(&mut self) {
        let mut taken = BTreeSet::new();
        let sharing = self.first.values().filter(|sharing| sharing.len() > 1);
        let losing: BTreeSet<Ipv6Addr> =
            sharing.flat_map(|sharing| sharing.iter().skip(1)).copied().collect();
        for address in losing {
            let free = |mac: &MacAddress| !self.first.contains_key(mac) && !taken.contains(mac);
            let next = (1..).map(|attempt| hashed_mac(address, attempt)).find(free);
            if let Some(mac) = next {
                taken.insert(mac);
                self.moved.insert(address, mac);
            }
        }
    }
}
