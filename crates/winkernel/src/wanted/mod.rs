//! What should be in HNS: a function of the views, the node and the network, kept up to date change by change.

mod hardware;
mod load_balancer;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use switchyard_hcn::MacAddress;
use switchyard_model::{NodeFacts, ServiceKey, ServicePortView, ViewKey, ViewSet};

use self::hardware::HardwareAddresses;
use crate::few::Few;
use crate::key::LoadBalancerKey;
use crate::network::WindowsNetwork;

pub use self::load_balancer::health_check_key;
pub(crate) use self::load_balancer::{Mapping, Rank, WantedLoadBalancer};

/// What the views, the node and the network are looked at with.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The node.
    pub node: &'a NodeFacts,
    /// The network.
    pub network: &'a WindowsNetwork,
    /// The Services that come before others.
    pub priority_services: &'a [ServiceKey],
}

/// What should be in HNS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The load balancers, by frontend. Views never hold a frontend twice, but while one view hands it to another both may
    /// for a moment: the first by name has it.
    load_balancers: BTreeMap<LoadBalancerKey, Claims>,
    /// The endpoints that they need, by address.
    endpoints: BTreeMap<IpAddr, WantedEndpoint>,
    by_view: BTreeMap<ViewKey, Box<[LoadBalancerKey]>>,
    hardware: HardwareAddresses,
}

/// All that ask for one frontend, by name; never empty, and almost always one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claims(Box<[WantedLoadBalancer]>);

/// An endpoint that some load balancer needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WantedEndpoint {
    /// As what it is needed, and by which load balancers. Two Services may disagree on where a pod is; here wins, for a local
    /// endpoint is only ever waited for.
    users: Few<(Role, LoadBalancerKey)>,
}

/// As what a load balancer needs an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// A backend on this node: its endpoint is the CNI's, and is waited for.
    Local,
    /// A backend at an address of this node, which has no endpoint of the CNI.
    ThisNode,
    /// A backend elsewhere.
    Remote,
    /// The virtual address of a ClusterIP, by which an overlay brings packets to the host.
    VirtualAddress,
    /// The address that clients are rewritten to.
    SourceVip,
}

/// What changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Touched {
    /// Load balancers that are wanted otherwise, or no longer, or now.
    pub(crate) load_balancers: BTreeSet<LoadBalancerKey>,
    /// Those of them that are wanted in another form, not just with other backends.
    pub(crate) redefined: BTreeSet<LoadBalancerKey>,
    /// Endpoints that others need than before.
    pub(crate) endpoints: BTreeSet<IpAddr>,
    /// Those of them that are needed as something else, or with another hardware address.
    pub(crate) reshaped: BTreeSet<IpAddr>,
}

impl Wanted {
    /// What the views of a ViewStream need. Nothing is wanted before the stream has said all it knows: what is absent from a
    /// part may be in the rest.
    #[must_use]
    pub fn new(
        views: &ViewSet,
        network: &WindowsNetwork,
        priority_services: &[ServiceKey],
    ) -> Option<Self> {
        let node = views.node().filter(|_| views.revision().is_some())?;
        let around = Surroundings { node, network, priority_services };
        let mut wanted = Self::default();
        let mut touched = Touched::default();
        for view in views.views() {
            wanted.upsert(view, around, &mut touched);
        }
        Some(wanted)
    }

    /// A view is new or different.
    pub(crate) fn upsert(
        &mut self,
        view: &ServicePortView,
        around: Surroundings<'_>,
        touched: &mut Touched,
    ) {
        let mut wanted = load_balancer::of_view(view, around);
        let before = self.by_view.remove(&view.key).unwrap_or_default();
        for key in before.iter().filter(|key| !wanted.contains_key(key)) {
            self.claim(*key, &view.key, None, touched);
        }
        if !wanted.is_empty() {
            self.by_view.insert(view.key.clone(), wanted.keys().copied().collect());
        }
        while let Some((key, load_balancer)) = wanted.pop_first() {
            self.claim(key, &view.key, Some(load_balancer), touched);
        }
    }

    /// A view is gone.
    pub(crate) fn remove(&mut self, view: &ViewKey, touched: &mut Touched) {
        for key in self.by_view.remove(view).unwrap_or_default() {
            self.claim(key, view, None, touched);
        }
    }

    /// `view` asks for the frontend `key` so, or no longer. All that follows for endpoints is done here.
    fn claim(
        &mut self,
        key: LoadBalancerKey,
        view: &ViewKey,
        claim: Option<WantedLoadBalancer>,
        touched: &mut Touched,
    ) {
        let claims = self.load_balancers.remove(&key).map(|claims| claims.0).unwrap_or_default();
        let before = claims.first().cloned();
        let others = claims.into_iter().filter(|other| other.view != *view);
        let mut claims: Vec<_> = others.chain(claim).collect();
        claims.sort_by(|one, other| one.view.cmp(&other.view));
        let after = claims.first().cloned();
        if !claims.is_empty() {
            self.load_balancers.insert(key, Claims(claims.into()));
        }
        if before == after {
            return;
        }
        touched.load_balancers.insert(key);
        let form = |held: &Option<WantedLoadBalancer>| held.as_ref().map(WantedLoadBalancer::form);
        if form(&before) != form(&after) {
            touched.redefined.insert(key);
        }
        let roles = |held: &Option<WantedLoadBalancer>| -> BTreeMap<IpAddr, Role> {
            held.iter().flat_map(WantedLoadBalancer::needs).collect()
        };
        let (before, after) = (roles(&before), roles(&after));
        for (address, role) in &before {
            if after.get(address) != Some(role) {
                self.set_user(*address, (*role, key), false, touched);
            }
        }
        for (address, role) in after {
            if before.get(&address) != Some(&role) {
                self.set_user(address, (role, key), true, touched);
            }
        }
    }

    fn set_user(
        &mut self,
        address: IpAddr,
        user: (Role, LoadBalancerKey),
        uses: bool,
        touched: &mut Touched,
    ) {
        touched.endpoints.insert(address);
        let endpoint = self.endpoints.entry(address).or_default();
        let before = endpoint.role();
        if uses {
            endpoint.users.insert(user);
        } else {
            endpoint.users.remove(&user);
        }
        let after = endpoint.role();
        if endpoint.users.is_empty() {
            self.endpoints.remove(&address);
        }
        if before != after {
            touched.reshaped.insert(address);
            if let IpAddr::V6(address) = address {
                let hashed = matches!(after, Some(Role::Remote | Role::ThisNode));
                let moved = self.hardware.set(address, hashed);
                touched.reshaped.extend(moved.into_iter().map(IpAddr::V6));
            }
        }
    }

    /// The load balancer for `key`.
    pub(crate) fn load_balancer(&self, key: &LoadBalancerKey) -> Option<&WantedLoadBalancer> {
        self.load_balancers.get(key)?.0.first()
    }

    /// All load balancers.
    pub(crate) fn load_balancers(
        &self,
    ) -> impl Iterator<Item = (&LoadBalancerKey, &WantedLoadBalancer)> {
        self.load_balancers.iter().filter_map(|(key, claims)| Some((key, claims.0.first()?)))
    }

    /// The endpoint at `address`.
    pub(crate) fn endpoint(&self, address: IpAddr) -> Option<&WantedEndpoint> {
        self.endpoints.get(&address)
    }

    /// All endpoints.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = (IpAddr, &WantedEndpoint)> {
        self.endpoints.iter().map(|(address, endpoint)| (*address, endpoint))
    }

    /// The hardware address of the remote endpoint for a backend. For IPv4 it is the one kube-proxy gives, so that its
    /// endpoints can be used.
    pub(crate) fn hardware_address(&self, address: IpAddr) -> MacAddress {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                MacAddress([0x02, 0x11, a, b, c, d])
            }
            IpAddr::V6(address) => self.hardware.of(address),
        }
    }

    /// The service ports that need the endpoint at `address`.
    pub(crate) fn views_at(&self, address: IpAddr) -> BTreeSet<ViewKey> {
        let users = self.endpoint(address).into_iter().flat_map(WantedEndpoint::users);
        users.filter_map(|key| Some(self.load_balancer(key)?.view.clone())).collect()
    }
}

impl WantedEndpoint {
    /// As what it is needed.
    pub(crate) fn role(&self) -> Option<Role> {
        self.users.first().map(|(role, _)| *role)
    }

    /// The load balancers that need it.
    pub(crate) fn users(&self) -> impl Iterator<Item = &LoadBalancerKey> {
        self.users.iter().map(|(_, key)| key)
    }
}
