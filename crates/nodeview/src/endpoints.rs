//! Which endpoints serve a service port on this node.
//!
//! The rules are those that kube-proxy shares between its backends on Linux: `CategorizeEndpoints` in
//! `pkg/proxy/topology.go` and the slice cache in `pkg/proxy/endpointslicecache.go` of kubernetes/kubernetes, with
//! KEP-1669 (terminating endpoints), KEP-2433 and KEP-3015 (hints).

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use switchyard_model::{Backend, Endpoint, EndpointSlice, Family, Name, Protocol};

/// Who asks: the parts of the node that decide which endpoints it uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) node: &'a Name,
    pub(crate) zone: Option<&'a Name>,
}

/// Which sets a service port could use at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Uses {
    pub(crate) cluster: bool,
    pub(crate) local: bool,
}

/// The backends of one service port, decided.
#[derive(Debug, Clone, Default)]
pub(crate) struct BackendSets {
    pub(crate) cluster: Arc<[Backend]>,
    pub(crate) local: Arc<[Backend]>,
    /// Whether any endpoint anywhere is ready, or serving while it terminates.
    pub(crate) any_usable: bool,
}

/// One endpoint of a service port, after slices have been merged.
struct Candidate<'a> {
    address: IpAddr,
    port: NonZeroU16,
    local: bool,
    endpoint: &'a Endpoint,
}

impl Candidate<'_> {
    fn is_ready(&self) -> bool {
        self.endpoint.conditions.ready
    }

    /// Still answers while it goes away: used when nobody is ready.
    fn is_draining(&self) -> bool {
        self.endpoint.conditions.serving && self.endpoint.conditions.terminating
    }

    fn zones(&self) -> &[Name] {
        self.endpoint.hints.as_ref().map_or(&[], |hints| &hints.zones)
    }

    fn nodes(&self) -> &[Name] {
        self.endpoint.hints.as_ref().map_or(&[], |hints| &hints.nodes)
    }

    fn backend(&self) -> Backend {
        Backend {
            address: self.address,
            port: self.port,
            local: self.local,
            draining: self.endpoint.conditions.terminating,
        }
    }
}

/// Decides the backends of the service port `name`/`protocol` from `slices`, all of one family and sorted by name.
/// An address for which `is_virtual` holds is some Service's own and never a backend.
pub(crate) fn backend_sets(
    slices: &[&EndpointSlice],
    name: &Name,
    protocol: Protocol,
    place: Place<'_>,
    uses: Uses,
    is_virtual: impl Fn(IpAddr) -> bool,
) -> BackendSets {
    let candidates = merge(slices, name, protocol, place, is_virtual);
    let cluster: Arc<[Backend]> =
        if uses.cluster { cluster_set(&candidates, place) } else { Arc::default() };
    let local: Arc<[Backend]> = if uses.local { local_set(&candidates) } else { Arc::default() };
    let local = if *local == *cluster { cluster.clone() } else { local };
    let any_usable =
        candidates.iter().any(|candidate| candidate.is_ready() || candidate.is_draining());
    BackendSets { cluster, local, any_usable }
}

/// One candidate per address and port, sorted. Where several slices have it, it is local if any says so, and the rest is
/// taken from the one that is not terminating, then from one that is ready, then from the first slice by name.
fn merge<'a>(
    slices: &[&'a EndpointSlice],
    name: &Name,
    protocol: Protocol,
    place: Place<'_>,
    is_virtual: impl Fn(IpAddr) -> bool,
) -> Vec<Candidate<'a>> {
    let room = slices.iter().map(|slice| slice.endpoints.len()).sum();
    let mut candidates = Vec::with_capacity(room);
    for slice in slices {
        let Some(port) = slice.port(name, protocol) else { continue };
        for endpoint in &slice.endpoints {
            let Some(address) = endpoint.address.filter(|address| !is_virtual(*address)) else {
                continue;
            };
            let local = endpoint.node.as_ref() == Some(place.node);
            candidates.push(Candidate { address, port, local, endpoint });
        }
    }
    // The sort is stable: among equals the first slice by name, then the first endpoint in it, stays first.
    candidates.sort_by_key(|candidate| {
        let conditions = candidate.endpoint.conditions;
        (candidate.address, candidate.port, conditions.terminating, !conditions.ready)
    });
    candidates.dedup_by(|other, kept| {
        let same = (other.address, other.port) == (kept.address, kept.port);
        kept.local |= same && other.local;
        same
    });
    candidates
}

/// Ready endpoints, narrowed by hints; if there are none at all, those that still answer while they terminate.
fn cluster_set(candidates: &[Candidate<'_>], place: Place<'_>) -> Arc<[Backend]> {
    let narrowing = Narrowing::of(candidates, place);
    let ready = candidates
        .iter()
        .filter(|candidate| candidate.is_ready() && narrowing.admits(candidate, place));
    collect_or_draining(ready, candidates.iter())
}

/// This node's ready endpoints; if there are none, its own that still answer while they terminate. Hints do not matter.
fn local_set(candidates: &[Candidate<'_>]) -> Arc<[Backend]> {
    let local = || candidates.iter().filter(|candidate| candidate.local);
    collect_or_draining(local().filter(|candidate| candidate.is_ready()), local())
}

fn collect_or_draining<'a, 'b: 'a>(
    ready: impl Iterator<Item = &'a Candidate<'b>>,
    all: impl Iterator<Item = &'a Candidate<'b>>,
) -> Arc<[Backend]> {
    let ready: Vec<_> = ready.map(Candidate::backend).collect();
    if !ready.is_empty() {
        return ready.into();
    }
    let draining: Vec<_> =
        all.filter(|candidate| candidate.is_draining()).map(Candidate::backend).collect();
    if draining.is_empty() { Arc::default() } else { draining.into() }
}

/// How hints narrow the ready endpoints. A hint counts only when every ready endpoint has one and at least one is for us:
/// while slices are being rolled out, some endpoints have hints and others not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Narrowing {
    SameNode,
    SameZone,
    None,
}

impl Narrowing {
    fn of(candidates: &[Candidate<'_>], place: Place<'_>) -> Self {
        let ready = || candidates.iter().filter(|candidate| candidate.is_ready());
        let ours = |mode: Self| ready().any(|candidate| mode.admits(candidate, place));
        if ready().all(|candidate| !candidate.nodes().is_empty()) && ours(Self::SameNode) {
            Self::SameNode
        } else if ready().all(|candidate| !candidate.zones().is_empty()) && ours(Self::SameZone) {
            Self::SameZone
        } else {
            Self::None
        }
    }

    fn admits(self, candidate: &Candidate<'_>, place: Place<'_>) -> bool {
        match self {
            Self::SameNode => candidate.nodes().contains(place.node),
            Self::SameZone => place.zone.is_some_and(|zone| candidate.zones().contains(zone)),
            Self::None => true,
        }
    }
}

/// The slices of `family` among `slices`.
pub(crate) fn of_family<'a>(
    slices: impl Iterator<Item = &'a Arc<EndpointSlice>>,
    family: Family,
) -> Vec<&'a EndpointSlice> {
    slices.map(|slice| &**slice).filter(|slice| slice.family == family).collect()
}

impl BackendSets {
    /// Uses the sets of `other` where they are equal: ports of one Service often have the same backends.
    pub(crate) fn share_with(&mut self, other: &Self) {
        for set in [&mut self.cluster, &mut self.local] {
            for shared in [&other.cluster, &other.local] {
                if set == shared {
                    *set = shared.clone();
                }
            }
        }
    }
}
