//! Who holds what: every frontend that any Service asks for, and which of several that ask for one gets it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU16;

use switchyard_model::{
    Created, Family, FrontendKind, Name, NodeFacts, Protocol, Service, ServiceKey, Settings,
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

/// A request for something. Ordered by who wins: the older Service, then the first by namespace and name; within one
/// Service by kind, then by port name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    created: Created,
    pub(crate) service: ServiceKey,
    pub(crate) kind: FrontendKind,
    pub(crate) port: Name,
}

impl Claim {
    /// Comes before every claim there can be.
    fn first() -> Self {
        let service = ServiceKey { namespace: Name::new(), name: Name::new() };
        let kind = FrontendKind::ClusterIP;
        Self { created: Created::EARLIEST, service, kind, port: Name::new() }
    }
}

/// One Service's claims.
pub(crate) type ServiceClaims = BTreeSet<(Held, Claim)>;

/// What `service` asks for on the node.
pub(crate) fn claims_of(service: &Service, node: &NodeFacts, settings: &Settings) -> ServiceClaims {
    let claim = |kind, port: &Name| Claim {
        created: service.created,
        service: service.key.clone(),
        kind,
        port: port.clone(),
    };
    let mut claims = ServiceClaims::new();
    for family in Family::ALL {
        let Some(cluster_ip) = served_at(service, node, family) else { continue };
        let whole = claim(FrontendKind::ClusterIP, &Name::new());
        claims.insert((Held::ClusterIp(cluster_ip), whole));
        for port in &service.ports {
            for frontend in declared(service, port, cluster_ip, settings) {
                let held = Held::by(&frontend, family, port.protocol);
                claims.insert((held, claim(frontend.kind, &port.name)));
            }
        }
    }
    claims
}

/// The claims of all Services, in one ordered set: the winner of a thing is the first entry for it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Claims(BTreeSet<(Held, Claim)>);

/// A thing that changed hands, or was taken or left.
pub(crate) struct Handover {
    pub(crate) held: Held,
    pub(crate) before: Option<ServiceKey>,
    pub(crate) after: Option<ServiceKey>,
}

impl Claims {
    /// Replaces one Service's claims, and tells what changed hands.
    pub(crate) fn replace(&mut self, old: &ServiceClaims, new: &ServiceClaims) -> Vec<Handover> {
        let changed: BTreeSet<Held> =
            old.symmetric_difference(new).map(|(held, _)| *held).collect();
        let before: Vec<_> = changed.iter().map(|held| self.winner(*held).cloned()).collect();
        for gone in old.difference(new) {
            self.0.remove(gone);
        }
        for added in new.difference(old) {
            self.0.insert(added.clone());
        }
        let service_of = |claim: &Claim| claim.service.clone();
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

    /// Who holds `held`.
    pub(crate) fn winner(&self, held: Held) -> Option<&Claim> {
        self.all(held).next()
    }

    /// Everyone who asks for `held`, the winner first.
    pub(crate) fn all(&self, held: Held) -> impl Iterator<Item = &Claim> {
        self.0
            .range((held, Claim::first())..)
            .take_while(move |(other, _)| *other == held)
            .map(|(_, claim)| claim)
    }

    /// Everything that is asked for, with everyone who asks.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Held, Claim)> {
        self.0.iter()
    }
}
