//! One copy of each name, however many objects carry it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{Endpoint, EndpointSlice, Hints, Name, Node, ObjectKey, Service};

/// Names in use. Those nobody else holds any more are forgotten once the pool has doubled, so that churn of names does
/// not grow it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Names {
    pool: HashSet<Name>,
    kept_at_last_sweep: usize,
}

/// The pool is not swept below this many names.
const SWEEP_FROM: usize = 1_024;

impl Names {
    fn share(&mut self, name: &mut Name) {
        if let Some(shared) = self.pool.get(name.as_str()) {
            *name = shared.clone();
            return;
        }
        if self.pool.len() >= SWEEP_FROM.max(2 * self.kept_at_last_sweep) {
            self.pool.retain(|pooled| Name::strong_count(pooled).is_none_or(|count| count > 1));
            self.kept_at_last_sweep = self.pool.len();
        }
        self.pool.insert(name.clone());
    }

    fn share_all<'a>(&mut self, names: impl IntoIterator<Item = &'a mut Name>) {
        for name in names {
            self.share(name);
        }
    }

    fn share_key(&mut self, key: &mut ObjectKey) {
        self.share(&mut key.namespace);
    }

    /// Shares the names of `service`.
    pub(crate) fn share_service(&mut self, service: &mut Service) {
        self.share_key(&mut service.key);
        self.share(&mut service.key.name);
        self.share_all(service.ports.iter_mut().map(|port| &mut port.name));
    }

    /// Shares the names of `slice`.
    pub(crate) fn share_slice(&mut self, slice: &mut EndpointSlice) {
        self.share_key(&mut slice.key);
        self.share_all(&mut slice.service);
        self.share_all(slice.ports.iter_mut().map(|port| &mut port.name));
        self.share_all(slice.endpoints.iter_mut().filter_map(|endpoint| endpoint.node.as_mut()));
        self.share_hints(&mut slice.endpoints);
        for pod in slice.pods.iter_mut().flatten() {
            self.share_key(pod);
        }
    }

    /// Gives endpoints that follow each other with equal hints one copy of them.
    fn share_hints(&mut self, endpoints: &mut [Endpoint]) {
        let mut last: Option<Arc<Hints>> = None;
        for endpoint in endpoints {
            let Some(hints) = &mut endpoint.hints else { continue };
            if let Some(shared) = last.as_ref().filter(|last| *last == hints) {
                *hints = shared.clone();
                continue;
            }
            let own = Arc::make_mut(hints);
            self.share_all(own.zones.iter_mut().chain(own.nodes.iter_mut()));
            last = Some(hints.clone());
        }
    }

    /// Shares the names of `node`.
    pub(crate) fn share_node(&mut self, node: &mut Node) {
        self.share(&mut node.name);
        self.share_all(&mut node.zone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_nobody_holds_are_forgotten() {
        let mut names = Names::default();
        let mut kept = Name::from("kept");
        names.share(&mut kept);
        for number in 0..10_000 {
            names.share(&mut Name::from(number.to_string()));
        }
        assert!(names.pool.len() <= SWEEP_FROM + 1, "{} names", names.pool.len());
        let mut again = Name::from("kept");
        names.share(&mut again);
        assert!(Name::ptr_eq(&kept, &again));
    }
}
