//! Pods by address, for people.

use std::collections::BTreeMap;
use std::net::IpAddr;

use switchyard_model::{Cluster, Family, Name, ObjectKey};

/// The pod at each address, and the node it is on.
pub(super) struct Pods(BTreeMap<IpAddr, (ObjectKey, Option<Name>)>);

impl Pods {
    pub(super) fn of(cluster: &Cluster) -> Self {
        let mut pods = BTreeMap::new();
        for slice in cluster.slices() {
            for (endpoint, pod) in slice.endpoints.iter().zip(&slice.pods) {
                if let (Some(address), Some(pod)) = (endpoint.address, pod) {
                    pods.insert(address, (pod.clone(), endpoint.node.clone()));
                }
            }
        }
        for pod in cluster.pods() {
            for address in pod.addresses.iter() {
                pods.insert(address, (pod.key.clone(), pod.node.clone()));
            }
        }
        Self(pods)
    }

    /// The pod at `address`, or the address.
    pub(super) fn name(&self, address: IpAddr) -> String {
        match self.0.get(&address) {
            Some((pod, Some(node))) => format!("{} on {node}", pod.name),
            Some((pod, None)) => pod.name.to_string(),
            None => address.to_string(),
        }
    }

    /// A pod with an address of `family`, on `node` or on any other.
    pub(super) fn example(&self, family: Family, node: &Name, here: bool) -> Option<IpAddr> {
        let fits = |(address, (_, on)): &(&IpAddr, &(ObjectKey, Option<Name>))| {
            Family::of(**address) == family && on.as_ref().is_some_and(|on| (on == node) == here)
        };
        self.0.iter().find(fits).map(|(address, _)| *address)
    }
}
