//! What is in HNS, as far as it concerns one network: every endpoint of it, and all load balancers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use switchyard_hcn::{Endpoint, Guid, IpProtocol, LoadBalancer, LoadBalancerFlags};
use switchyard_model::{Family, Protocol};

use crate::endpoint::Shape;
use crate::few::Few;
use crate::identity::{is_own_endpoint, is_own_load_balancer};
use crate::key::{EndpointKey, LoadBalancerKey};
use crate::ledger::{Kind, Ledger};
use crate::wanted::Mapping;

/// What is in HNS. Indexed both ways; an object that is put or taken here is so in every index. Documents are not kept: a large
/// cluster has tens of thousands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed {
    endpoints: BTreeMap<Guid, ObservedEndpoint>,
    endpoints_at: BTreeMap<IpAddr, Few<Guid>>,
    load_balancers: BTreeMap<Guid, ObservedLoadBalancer>,
    load_balancers_for: BTreeMap<LoadBalancerKey, Few<Guid>>,
    /// The load balancers that name each endpoint.
    referrers: BTreeMap<Guid, Few<Guid>>,
    /// The load balancers that have an address as virtual address or rewrite to it.
    holders_of: BTreeMap<IpAddr, Few<Guid>>,
    /// Objects that exist but cannot be read.
    unreadable: BTreeSet<(Kind, Guid)>,
    /// The ids of the last listings, read or not: what is among them is not gone.
    listed: BTreeMap<Kind, BTreeSet<Guid>>,
}

/// An endpoint in HNS: what is compared with what is wanted, and whose it is. Its name, routes, state and further policies are not
/// kept, but of one on this node, which tells of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservedEndpoint {
    pub(crate) addresses: Box<[IpAddr]>,
    /// What HNS cannot modify; none for one without a hardware address.
    pub(crate) shape: Option<Shape>,
    pub(crate) remote: bool,
    pub(crate) own: bool,
    /// Whether it is not ours, and nobody says that it is his.
    pub(crate) unowned: bool,
    /// Whether it is as kube-proxy makes them, and neither ours nor of anybody who says so.
    pub(crate) like_kube_proxy: bool,
    /// The whole document, of endpoints on this node.
    pub(crate) local: Option<Box<Endpoint>>,
}

/// A load balancer in HNS: what is compared with what is wanted, and whose it is. Its name is not kept, nor are the ports of one
/// that has several, but for the frontends that they make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservedLoadBalancer {
    /// The frontends it holds. Ours hold one; another owner's may hold any number.
    pub(crate) holds: Box<[LoadBalancerKey]>,
    /// Its one port mapping; none for one that has several or none at all.
    pub(crate) mapping: Option<Mapping>,
    pub(crate) flags: LoadBalancerFlags,
    pub(crate) source_vip: Option<IpAddr>,
    pub(crate) vips: Box<[IpAddr]>,
    /// The endpoints it names, sorted.
    pub(crate) endpoints: Box<[Guid]>,
    pub(crate) degraded: bool,
    pub(crate) own: bool,
    /// Whether it is as kube-proxy makes them, and neither ours nor of anybody who says so.
    pub(crate) like_kube_proxy: bool,
}

impl Observed {
    pub(crate) fn put_endpoint(&mut self, network: Guid, document: &Endpoint, ledger: &Ledger) {
        let Some(id) = document.id else { return };
        self.take_endpoint(id);
        let addresses: Box<[IpAddr]> = document.addresses().collect();
        let key = addresses.first().map(|address| EndpointKey { network, address: *address });
        let shape = Shape::of(document);
        let recorded = key.zip(shape).is_some_and(|(key, shape)| {
            let present = |id| self.is_present(Kind::Endpoint, id);
            ledger.owns(Kind::Endpoint, &key.to_string(), id, &endpoint_digest(shape), present)
        });
        for address in &addresses {
            self.endpoints_at.entry(*address).or_default().insert(id);
        }
        let remote = document.is_remote();
        let conjured = shape.is_some_and(|shape| shape.mac.0[..2] == [0x02, 0x11]);
        let own = recorded || is_own_endpoint(document, key.as_ref());
        // Where HNS keeps no `Owner`, what is ours says nothing either.
        let unowned = !own && document.owner.is_empty();
        let endpoint = ObservedEndpoint {
            addresses,
            shape,
            remote,
            own,
            unowned,
            like_kube_proxy: remote && unowned && conjured,
            local: (!remote).then(|| Box::new(document.clone())),
        };
        self.endpoints.insert(id, endpoint);
    }

    pub(crate) fn take_endpoint(&mut self, id: Guid) -> Option<ObservedEndpoint> {
        self.forget(Kind::Endpoint, id);
        let endpoint = self.endpoints.remove(&id)?;
        for address in &endpoint.addresses {
            remove_from(&mut self.endpoints_at, *address, id);
        }
        Some(endpoint)
    }

    pub(crate) fn put_load_balancer(&mut self, document: &LoadBalancer, ledger: &Ledger) {
        let Some(id) = document.id else { return };
        self.take_load_balancer(id);
        let holds = frontends_of(document);
        let mapping = only_mapping(document);
        let mut endpoints = document.host_compute_endpoints.clone();
        endpoints.sort_unstable();
        endpoints.dedup();
        let single = match &*holds {
            [key] => Some(*key),
            _ => None,
        };
        let mut load_balancer = ObservedLoadBalancer {
            mapping,
            flags: document.flags,
            source_vip: document.source_vip.parse().ok(),
            vips: document.vips().collect(),
            endpoints: endpoints.into(),
            degraded: document.is_degraded(),
            own: false,
            like_kube_proxy: false,
            holds,
        };
        let recorded = single.is_some_and(|key| {
            let present = |id| self.is_present(Kind::LoadBalancer, id);
            let digest = load_balancer.digest();
            ledger.owns(Kind::LoadBalancer, &key.to_string(), id, &digest, present)
        });
        load_balancer.own = recorded || is_own_load_balancer(document, single.as_ref());
        load_balancer.like_kube_proxy = !load_balancer.own && is_like_kube_proxy(document);
        for key in &load_balancer.holds {
            self.load_balancers_for.entry(*key).or_default().insert(id);
        }
        for endpoint in &load_balancer.endpoints {
            self.referrers.entry(*endpoint).or_default().insert(id);
        }
        for address in load_balancer.addresses() {
            self.holders_of.entry(address).or_default().insert(id);
        }
        self.load_balancers.insert(id, load_balancer);
    }

    pub(crate) fn take_load_balancer(&mut self, id: Guid) -> Option<ObservedLoadBalancer> {
        self.forget(Kind::LoadBalancer, id);
        let load_balancer = self.load_balancers.remove(&id)?;
        for key in &load_balancer.holds {
            remove_from(&mut self.load_balancers_for, *key, id);
        }
        for endpoint in &load_balancer.endpoints {
            remove_from(&mut self.referrers, *endpoint, id);
        }
        for address in load_balancer.addresses() {
            remove_from(&mut self.holders_of, address, id);
        }
        Some(load_balancer)
    }

    /// An object exists but cannot be read. What is known of it counts on.
    pub(crate) fn put_unreadable(&mut self, kind: Kind, id: Guid) {
        let is_known = match kind {
            Kind::Endpoint => self.endpoints.contains_key(&id),
            Kind::LoadBalancer => self.load_balancers.contains_key(&id),
        };
        if !is_known {
            self.unreadable.insert((kind, id));
        }
    }

    /// HNS listed these.
    pub(crate) fn put_listing(&mut self, kind: Kind, ids: BTreeSet<Guid>) {
        self.listed.insert(kind, ids);
    }

    fn forget(&mut self, kind: Kind, id: Guid) {
        self.unreadable.remove(&(kind, id));
        if let Some(ids) = self.listed.get_mut(&kind) {
            ids.remove(&id);
        }
    }

    /// Whether an object is known, or was listed and is yet to be read.
    fn is_present(&self, kind: Kind, id: Guid) -> bool {
        self.contains(kind, id) || self.listed.get(&kind).is_some_and(|ids| ids.contains(&id))
    }

    /// Whether an object with this id is known.
    pub(crate) fn contains(&self, kind: Kind, id: Guid) -> bool {
        let readable = match kind {
            Kind::Endpoint => self.endpoints.contains_key(&id),
            Kind::LoadBalancer => self.load_balancers.contains_key(&id),
        };
        readable || self.unreadable.contains(&(kind, id))
    }

    /// The ids of all objects of a kind.
    pub(crate) fn ids(&self, kind: Kind) -> BTreeSet<Guid> {
        let unreadable = self.unreadable.iter().filter(|(own, _)| *own == kind).map(|(_, id)| *id);
        match kind {
            Kind::Endpoint => self.endpoints.keys().copied().chain(unreadable).collect(),
            Kind::LoadBalancer => self.load_balancers.keys().copied().chain(unreadable).collect(),
        }
    }

    pub(crate) fn endpoint(&self, id: Guid) -> Option<&ObservedEndpoint> {
        self.endpoints.get(&id)
    }

    pub(crate) fn endpoints(&self) -> impl Iterator<Item = (Guid, &ObservedEndpoint)> {
        self.endpoints.iter().map(|(id, endpoint)| (*id, endpoint))
    }

    pub(crate) fn load_balancer(&self, id: Guid) -> Option<&ObservedLoadBalancer> {
        self.load_balancers.get(&id)
    }

    pub(crate) fn load_balancers(&self) -> impl Iterator<Item = (Guid, &ObservedLoadBalancer)> {
        self.load_balancers.iter().map(|(id, load_balancer)| (*id, load_balancer))
    }

    /// The documents of the endpoints on this node.
    pub(crate) fn local_endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.values().filter_map(|endpoint| endpoint.local.as_deref())
    }

    /// The endpoints at `address`.
    pub(crate) fn endpoints_at(
        &self,
        address: IpAddr,
    ) -> impl Iterator<Item = (Guid, &ObservedEndpoint)> {
        let ids = self.endpoints_at.get(&address).into_iter().flat_map(Few::iter);
        ids.filter_map(|id| Some((*id, self.endpoints.get(id)?)))
    }

    /// The load balancers that hold `key`.
    pub(crate) fn holders(
        &self,
        key: &LoadBalancerKey,
    ) -> impl Iterator<Item = (Guid, &ObservedLoadBalancer)> {
        let ids = self.load_balancers_for.get(key).into_iter().flat_map(Few::iter);
        ids.filter_map(|id| Some((*id, self.load_balancers.get(id)?)))
    }

    /// The load balancers that name the endpoint.
    pub(crate) fn referrers(&self, endpoint: Guid) -> impl Iterator<Item = Guid> {
        self.referrers.get(&endpoint).into_iter().flat_map(Few::iter).copied()
    }

    /// The load balancers that have `address` as virtual address, or rewrite clients to it.
    pub(crate) fn holding(&self, address: IpAddr) -> impl Iterator<Item = &ObservedLoadBalancer> {
        let ids = self.holders_of.get(&address).into_iter().flat_map(Few::iter);
        ids.filter_map(|id| self.load_balancers.get(id))
    }
}

impl ObservedLoadBalancer {
    /// The addresses that it has or rewrites to.
    pub(crate) fn addresses(&self) -> BTreeSet<IpAddr> {
        self.vips.iter().copied().chain(self.source_vip).collect()
    }

    /// What it is, apart from its endpoints: those may be others by now, or have other ids.
    pub(crate) fn digest(&self) -> String {
        digest(self.flags, self.mapping, &self.vips, self.source_vip)
    }
}

/// What the load balancer of a document is, apart from its endpoints.
pub(crate) fn digest_of(document: &LoadBalancer) -> String {
    let vips: Vec<_> = document.vips().collect();
    digest(document.flags, only_mapping(document), &vips, document.source_vip.parse().ok())
}

/// Text that stays the same in all versions of this program: it is written down.
fn digest(
    flags: LoadBalancerFlags,
    mapping: Option<Mapping>,
    vips: &[IpAddr],
    source_vip: Option<IpAddr>,
) -> String {
    let mut text = format!("flags {}", flags.0);
    for vip in vips {
        // Writing to a text cannot fail.
        let _ = write!(text, " vip {vip}");
    }
    if let Some(source) = source_vip {
        let _ = write!(text, " source {source}");
    }
    if let Some(Mapping { protocol, internal_port, external_port, distribution, flags }) = mapping {
        let (protocol, distribution, flags) = (protocol.0, distribution.0, flags.0);
        let _ =
            write!(text, " port {protocol} {external_port} {internal_port} {distribution} {flags}");
    }
    text
}

fn only_mapping(document: &LoadBalancer) -> Option<Mapping> {
    match document.port_mappings.as_slice() {
        [mapping] => Some(Mapping::of(mapping)),
        _ => None,
    }
}

/// What an endpoint is, apart from its network and address.
pub(crate) fn endpoint_digest(shape: Shape) -> String {
    let provider = shape.provider.map_or_else(|| "-".to_owned(), |address| address.to_string());
    format!("{} {} {provider}", if shape.remote { "remote" } else { "local" }, shape.mac)
}

/// Whether a load balancer is as kube-proxy makes them (`pkg/proxy/winkernel/hns.go`): one port, one virtual address at most,
/// no name and no owner.
fn is_like_kube_proxy(document: &LoadBalancer) -> bool {
    document.owner.is_empty()
        && document.name.is_empty()
        && document.port_mappings.len() == 1
        && document.frontend_vips.len() <= 1
}

fn remove_from<K: Ord>(index: &mut BTreeMap<K, Few<Guid>>, key: K, id: Guid) {
    if let Some(ids) = index.get_mut(&key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(&key);
        }
    }
}

/// Every frontend that a load balancer holds: each port at each address.
fn frontends_of(document: &LoadBalancer) -> Box<[LoadBalancerKey]> {
    let without_vip = if document.is_ipv6() { Family::IPv6 } else { Family::IPv4 };
    let places: Vec<(Family, Option<IpAddr>)> = if document.has_no_vip() {
        vec![(without_vip, None)]
    } else {
        document.vips().map(|vip| (Family::of(vip), Some(vip))).collect()
    };
    let mut holds = BTreeSet::new();
    for mapping in &document.port_mappings {
        let Some(protocol) = protocol_of(mapping.protocol) else { continue };
        for (family, vip) in &places {
            let (family, vip, port) = (*family, *vip, mapping.external_port);
            holds.insert(LoadBalancerKey { family, vip, port, protocol });
        }
    }
    holds.into_iter().collect()
}

/// The protocol that HNS calls `number`.
fn protocol_of(number: IpProtocol) -> Option<Protocol> {
    [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
        .into_iter()
        .find(|protocol| u32::from(protocol.number()) == number.0)
}
