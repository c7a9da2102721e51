//! The whole way to what is wanted, as a list: the reconciler run to its end with every call assumed to succeed.

use std::collections::BTreeMap;

use switchyard_hcn::{Client, ClientError, Guid};

use crate::key::LoadBalancerKey;
use crate::operation::{Operation, Reason, Subject, Verb};
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

/// Runs `reconciler` to its end, assuming that every call succeeds.
pub fn plan(reconciler: &mut Reconciler) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut order = Order::default();
    while let Some(operation) = reconciler.next() {
        let seq = steps.len() + 1;
        let after = order.note(seq, &operation, reconciler);
        reconciler.done(&operation);
        steps.push(Step { seq, operation, after });
    }
    steps
}

/// Runs `reconciler` to its end against HNS. A call that fails concerns its object alone.
///
/// # Errors
/// When the network cannot be opened.
pub fn execute(
    reconciler: &mut Reconciler,
    client: Client<'_>,
    network: Guid,
) -> Result<Vec<(Operation, ClientError)>, ClientError> {
    let network = client.open_network(network)?;
    let mut failures = Vec::new();
    while let Some(operation) = reconciler.next() {
        let id = operation.id;
        let result = match (&operation.subject, operation.verb) {
            (Subject::Endpoint { document: Some(document), .. }, _) => {
                client.create_endpoint(&network, id, document).map(drop)
            }
            (Subject::Endpoint { document: None, .. }, _) => client.delete_endpoint(id),
            (Subject::LoadBalancer { document: Some(document), .. }, Verb::Modify) => {
                client.modify_load_balancer(id, document).map(drop)
            }
            (Subject::LoadBalancer { document: Some(document), .. }, _) => {
                client.create_load_balancer(id, document).map(drop)
            }
            (Subject::LoadBalancer { document: None, .. }, _) => client.delete_load_balancer(id),
        };
        match result {
            Ok(()) => reconciler.done(&operation),
            Err(failure) => {
                reconciler.failed(&operation);
                failures.push((operation, failure));
            }
        }
    }
    Ok(failures)
}

/// Which operations of a plan others wait for.
#[derive(Default)]
struct Order {
    /// Where each endpoint is made.
    made: BTreeMap<Guid, usize>,
    /// Where load balancers let go of each endpoint.
    released: BTreeMap<Guid, Vec<usize>>,
    /// Where a load balancer was removed that is replaced next.
    replaced: BTreeMap<LoadBalancerKey, usize>,
}

impl Order {
    /// Notes an operation before it is done; returns what it waits for.
    fn note(&mut self, seq: usize, operation: &Operation, reconciler: &Reconciler) -> Vec<usize> {
        let mut after = Vec::new();
        match &operation.subject {
            Subject::Endpoint { document: Some(_), .. } => {
                self.made.insert(operation.id, seq);
            }
            Subject::Endpoint { document: None, .. } => {
                after.extend(self.released.get(&operation.id).into_iter().flatten());
            }
            Subject::LoadBalancer { key, document } => {
                if let Some(document) = document {
                    let made = document.host_compute_endpoints.iter();
                    after.extend(made.filter_map(|endpoint| self.made.get(endpoint)));
                    after.extend(key.and_then(|key| self.replaced.get(&key).copied()));
                }
                let before = reconciler.observed().load_balancers.get(&operation.id);
                for endpoint in
                    before.iter().flat_map(|before| &before.document.host_compute_endpoints)
                {
                    let still = document
                        .as_ref()
                        .is_some_and(|now| now.host_compute_endpoints.contains(endpoint));
                    if !still {
                        self.released.entry(*endpoint).or_default().push(seq);
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
