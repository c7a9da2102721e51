//! Which of a view's backends a load balancer can have.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use switchyard_model::{Backend, Frontend, ServicePortView};
use uuid::Uuid;

use crate::frontend::planned_set;

/// The most backends a load balancer takes. Builds before the updates of 2021 and 2022 take 64
/// (kubernetes/kubernetes#98680).
const MOST_BACKENDS: usize = 1_024;

/// The backends of one load balancer.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// The one port they all have.
    pub(crate) port: NonZeroU16,
    pub(crate) backends: Vec<Backend>,
    /// How many have another port and are left out.
    pub(crate) other_ports: usize,
    /// How many are more than a load balancer takes and are left out.
    pub(crate) too_many: usize,
}

/// Whether `frontend`, one of the view's, has a load balancer: HNS takes none without backends.
#[must_use]
pub fn has_load_balancer(view: &ServicePortView, frontend: &Frontend) -> bool {
    !view.backends(planned_set(frontend)).is_empty()
}

/// Chooses the backends of the load balancer for `frontend`; `None` when there are none. One load balancer has one port for
/// all: the most common wins, of equals the lowest. Of too many backends those stay that hash lowest, ready ones first, so
/// that nodes choose differently and a change moves few.
pub(crate) fn choose(view: &ServicePortView, frontend: &Frontend) -> Option<Chosen> {
    let set = view.backends(planned_set(frontend));
    let mut counts: BTreeMap<NonZeroU16, usize> = BTreeMap::new();
    for backend in set {
        *counts.entry(backend.port).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    let port = counts.into_iter().find(|(_, count)| *count == most).map(|(port, _)| port)?;
    let mut backends: Vec<_> = set.iter().filter(|backend| backend.port == port).copied().collect();
    let other_ports = set.len() - backends.len();
    let too_many = backends.len().saturating_sub(MOST_BACKENDS);
    if too_many > 0 {
        let service = &view.key.service;
        backends.sort_by_cached_key(|backend| {
            let name = format!("backend/1/{service}/{}", backend.address);
            (backend.draining, Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
        });
        backends.truncate(MOST_BACKENDS);
        backends.sort();
    }
    Some(Chosen { port, backends, other_ports, too_many })
}
