//! The whole way to what is wanted, as a list: the reconciler run to its end with every call assumed to succeed.

use std::collections::BTreeMap;
use std::time::Duration;

use switchyard_hcn::Guid;

use crate::call::{Call, Reply};
use crate::key::LoadBalancerKey;
use crate::operation::{Operation, Reason, Subject};
use crate::reconcile::Reconciler;

/// One operation and those it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place, from 1.
    pub seq: usize,
    /// The operation.
    pub operation: Operation,
    /// The places of the operations that must have been done before it.
    pub after: Vec<usize>,
}

/// What `reconciler` would do from here on, if nothing failed and nothing else happened.
#[must_use]
pub fn plan(reconciler: &Reconciler) -> Vec<Step> {
    let mut paper = reconciler.on_paper();
    let mut steps = Vec::new();
    let mut order = Order::default();
    while let Some((id, call)) = paper.next(Duration::ZERO) {
        if let Call::Change(change) = call {
            let seq = steps.len() + 1;
            let after = order.note(seq, &change.operation, &paper);
            steps.push(Step { seq, operation: change.operation, after });
        }
        paper.call_done(id, Ok(Reply::Changed), Duration::ZERO);
    }
    steps
}

/// Which operations of a plan others wait for.
#[derive(Default)]
struct Order {
    /// Where each endpoint is made.
    made: BTreeMap<Guid, usize>,
    /// Where endpoints are made that load balancers need and do not name, by address.
    made_at: BTreeMap<std::net::IpAddr, usize>,
    /// Where load balancers let go of each endpoint.
    released: BTreeMap<Guid, Vec<usize>>,
    /// Where load balancers let go of an address.
    released_at: BTreeMap<std::net::IpAddr, Vec<usize>>,
    /// Where a load balancer was removed that is replaced next.
    replaced: BTreeMap<LoadBalancerKey, usize>,
}

impl Order {
    /// Notes an operation before it is done; returns what it waits for.
    fn note(&mut self, seq: usize, operation: &Operation, reconciler: &Reconciler) -> Vec<usize> {
        let mut after = Vec::new();
        match &operation.subject {
            Subject::Endpoint { key, document: Some(_) } => {
                self.made.insert(operation.id, seq);
                self.made_at.insert(key.address, seq);
            }
            Subject::Endpoint { key, document: None } => {
                after.extend(self.released.get(&operation.id).into_iter().flatten());
                after.extend(self.released_at.get(&key.address).into_iter().flatten());
            }
            Subject::LoadBalancer { key, document } => {
                if let Some(document) = document {
                    let made = document.host_compute_endpoints.iter();
                    after.extend(made.filter_map(|endpoint| self.made.get(endpoint)));
                    let source = document.source_vip.parse().ok();
                    let needed = document.vips().chain(source);
                    after.extend(needed.filter_map(|address| self.made_at.get(&address)));
                    after.extend(key.and_then(|key| self.replaced.get(&key).copied()));
                }
                for endpoint in reconciler.endpoints_of(operation.id) {
                    let still = document
                        .as_ref()
                        .is_some_and(|now| now.host_compute_endpoints.contains(&endpoint));
                    if !still {
                        self.released.entry(endpoint).or_default().push(seq);
                    }
                }
                if document.is_none() {
                    for address in reconciler.addresses_of(operation.id) {
                        self.released_at.entry(address).or_default().push(seq);
                    }
                }
                if let (Some(key), None, Reason::Replaced) = (key, document, operation.reason) {
                    self.replaced.insert(*key, seq);
                }
            }
        }
        after.sort_unstable();
        after.dedup();
        after
    }
}
