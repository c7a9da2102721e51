//! Who holds what: every frontend that any Service asks for, and which of several that ask for one gets it.

use std::cmp::Ordering;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use switchyard_model::{
    Created, Family, FrontendKind, Name, Neighbourhoods, NodeFacts, Protocol, Service, ServiceKey,
    Settings,
};

use crate::frontends::{Declared, declared, served_at};

/// What can be held by one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    /// A ClusterIP as a whole: says whose it is on ports that nobody serves, and that it is no backend's address.
    ClusterIp(IpAddr),
    /// A port at an address.
    AddressPort(IpAddr, NonZeroU16, Protocol),
    /// A node port in one family.
    NodePort(Family, NonZeroU16, Protocol),
}

impl Held {
    pub(crate) fn by(frontend: &Declared, family: Family, protocol: Protocol) -> Self {
        match frontend.address {
            Some(address) => Self::AddressPort(address, frontend.port, protocol),
            None => Self::NodePort(family, frontend.port, protocol),
        }
    }
}

/// A request for something, by a port of a Service or by the Service as a whole. Ordered by who wins: the older Service,
/// then the first by namespace and name; within one Service by kind, then by port name.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    service: Arc<Service>,
    /// The place of the port in the Service; [`WHOLE`] when it is the Service as a whole.
    port: u32,
    pub(crate) kind: FrontendKind,
}

/// More ports than a Service can have: each has a number and one of three protocols.
const WHOLE: u32 = u32::MAX;

impl Claim {
    /// Whose it is.
    pub(crate) fn service(&self) -> &ServiceKey {
        &self.service.key
    }

    /// The name of the port whose it is; empty for the Service as a whole.
    pub(crate) fn port(&self) -> Name {
        let port = usize::try_from(self.port).ok().and_then(|index| self.service.ports.get(index));
        port.map(|port| port.name.clone()).unwrap_or_default()
    }

    fn order(&self) -> (Created, &ServiceKey, FrontendKind, Name) {
        (self.service.created, self.service(), self.kind, self.port())
    }
}

impl PartialEq for Claim {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Claim {}

impl PartialOrd for Claim {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Claim {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

/// One Service's claims.
pub(crate) type ServiceClaims = BTreeSet<(Held, Claim)>;

/// What `service` asks for on the node.
pub(crate) fn claims_of(
    service: &Arc<Service>,
    node: &NodeFacts,
    settings: &Settings,
) -> ServiceClaims {
    let claim = |kind, port| Claim { service: service.clone(), port, kind };
    let mut claims = ServiceClaims::new();
    for family in Family::ALL {
        let Some(cluster_ip) = served_at(service, node, family) else { continue };
        claims.insert((Held::ClusterIp(cluster_ip), claim(FrontendKind::ClusterIP, WHOLE)));
        for (index, port) in (0..WHOLE).zip(&service.ports) {
            for frontend in declared(service, port, cluster_ip, settings) {
                let held = Held::by(&frontend, family, port.protocol);
                claims.insert((held, claim(frontend.kind, index)));
            }
        }
    }
    claims
}

/// Everyone who asks for one thing. Almost always that is one.
#[derive(Debug, Clone)]
enum Claimants {
    One(Claim),
    /// At least two.
    #[expect(clippy::box_collection, reason = "rare, and so as small as the other")]
    Several(Box<BTreeSet<Claim>>),
}

/// The claims of all Services.
#[derive(Debug, Default, Clone)]
pub(crate) struct Claims {
    held: BTreeMap<Held, Claimants>,
    /// Where ClusterIPs are: an endpoint is almost never near one.
    cluster_ips: Neighbourhoods,
}

/// A thing that changed hands, or was taken or left.
pub(crate) struct Handover {
    pub(crate) held: Held,
    pub(crate) before: Option<ServiceKey>,
    pub(crate) after: Option<ServiceKey>,
}

impl Claims {
    /// Replaces one Service's claims, and tells what changed hands.
    pub(crate) fn replace(&mut self, old: &ServiceClaims, new: ServiceClaims) -> Vec<Handover> {
        let changed: BTreeSet<Held> =
            old.symmetric_difference(&new).map(|(held, _)| *held).collect();
        let before: Vec<_> = changed.iter().map(|held| self.winner(*held).cloned()).collect();
        for (held, claim) in old {
            self.remove(*held, claim);
        }
        for (held, claim) in new {
            self.insert(held, claim);
        }
        let service_of = |claim: &Claim| claim.service().clone();
        changed
            .into_iter()
            .zip(before)
            .filter(|(held, before)| self.winner(*held) != before.as_ref())
            .map(|(held, before)| Handover {
                held,
                before: before.as_ref().map(service_of),
                after: self.winner(held).map(service_of),
            })
            .collect()
    }

    fn insert(&mut self, held: Held, claim: Claim) {
        if let Held::ClusterIp(address) = held {
            self.cluster_ips.add(address);
        }
        match self.held.entry(held) {
            Entry::Vacant(entry) => drop(entry.insert(Claimants::One(claim))),
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Claimants::Several(claims) => drop(claims.insert(claim)),
                Claimants::One(first) => {
                    let both = BTreeSet::from([first.clone(), claim]);
                    entry.insert(Claimants::Several(Box::new(both)));
                }
            },
        }
    }

    fn remove(&mut self, held: Held, claim: &Claim) {
        if let Held::ClusterIp(address) = held {
            self.cluster_ips.remove(address);
        }
        let Entry::Occupied(mut entry) = self.held.entry(held) else { return };
        match entry.get_mut() {
            Claimants::One(_) => drop(entry.remove()),
            Claimants::Several(claims) => {
                claims.remove(claim);
                if claims.len() == 1
                    && let Some(last) = claims.pop_first()
                {
                    entry.insert(Claimants::One(last));
                }
            }
        }
    }

    /// Who holds `held`.
    pub(crate) fn winner(&self, held: Held) -> Option<&Claim> {
        match self.held.get(&held)? {
            Claimants::One(claim) => Some(claim),
            Claimants::Several(claims) => claims.first(),
        }
    }

    /// Whether `address` is some Service's ClusterIP.
    pub(crate) fn has_cluster_ip(&self, address: IpAddr) -> bool {
        self.cluster_ips.may_have(address) && self.held.contains_key(&Held::ClusterIp(address))
    }

    /// Everything that several ask for: the winner, and those that go without.
    pub(crate) fn contested(
        &self,
    ) -> impl Iterator<Item = (Held, &Claim, impl Iterator<Item = &Claim>)> {
        self.held.iter().filter_map(|(held, claimants)| match claimants {
            Claimants::One(_) => None,
            Claimants::Several(claims) => {
                let mut claims = claims.iter();
                Some((*held, claims.next()?, claims))
            }
        })
    }
}
