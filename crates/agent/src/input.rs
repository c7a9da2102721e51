//! What of the manifests and of the API is believed.

use std::collections::BTreeMap;

use switchyard_model::{ClusterEvent, Name};
use switchyard_source::api::{CredentialStatus, Kind, Shared};
use switchyard_source::{Manifests, ReadError, Refusal};
use tracing::{info, warn};

use crate::status::InputStatus;

/// How many refusals are named.
pub(crate) const MOST_NAMED: usize = 20;

/// What was read last, and what was wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Input {
    status: InputStatus,
    trouble: Option<String>,
    /// Whether the API has the Node no more.
    node_is_gone: bool,
    /// Which kinds of objects of the API cannot be followed, and why.
    troubles: BTreeMap<Kind, String>,
    /// How it is with the credentials for the API.
    credentials: CredentialStatus,
}

impl Input {
    /// What is to be known of it.
    pub(crate) fn status(&self) -> InputStatus {
        self.status.clone()
    }

    /// Why what was read last was not taken in.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Whether the API has the Node no more. The last that was known of it counts, but for its health.
    pub(crate) fn node_is_gone(&self) -> bool {
        self.node_is_gone
    }

    /// Takes a reading in: the objects that there are now, all of them. `None` where it is not believed, and everything
    /// stays as it was. That is so where nothing could be read, and where the node itself is missing: a folder that is not
    /// mounted is empty, and must not take every load balancer with it.
    pub(crate) fn take(
        &mut self,
        read: Result<Manifests, ReadError>,
        node: &Name,
    ) -> Option<Vec<ClusterEvent>> {
        let manifests = match read {
            Ok(manifests) => manifests,
            Err(trouble) => {
                let cause = std::error::Error::source(&trouble).map(ToString::to_string);
                let cause = cause.unwrap_or_default();
                self.refuse(format!("{trouble}: {cause}; everything is kept as it was"));
                return None;
            }
        };
        let (counts, refused) = (manifests.counts(), manifests.refused());
        let status = InputStatus {
            services: counts.services,
            slices: counts.slices,
            nodes: counts.nodes,
            refused: refused.len(),
            refusals: refused.iter().take(MOST_NAMED).map(ToString::to_string).collect(),
        };
        let events = manifests.into_events();
        let is_own =
            |event: &ClusterEvent| matches!(event, ClusterEvent::Node(own) if own.name == *node);
        if !events.iter().any(is_own) {
            self.refuse(format!(
                "the manifests have no Node {node} any more; everything is kept as it was"
            ));
            return None;
        }
        if self.trouble.take().is_some() {
            info!("the manifests can be read again");
        }
        self.tell_refusals(status.refused, &status.refusals);
        self.status = status;
        Some(events)
    }

    /// Takes in how the following of the Kubernetes API goes, and tells of what is new. True where it goes otherwise.
    pub(crate) fn follow(&mut self, api: &Shared) -> bool {
        let mut is_otherwise = false;
        self.tell_credentials(api.credentials());
        for (kind, status) in api.status() {
            let before = self.troubles.get(&kind).cloned();
            match (&status.trouble, &before) {
                (Some(trouble), None) => {
                    warn!(kind = kind.word(), reason = %trouble, "the API cannot be followed; what is known stays as it is");
                }
                (None, Some(_)) => info!(kind = kind.word(), "the API is followed again"),
                _ => {}
            }
            is_otherwise |= status.trouble.is_some() != before.is_some();
            match status.trouble {
                Some(trouble) => drop(self.troubles.insert(kind, trouble)),
                None => drop(self.troubles.remove(&kind)),
            }
            let count = match kind {
                Kind::Node => &mut self.status.nodes,
                Kind::Service => &mut self.status.services,
                Kind::EndpointSlice => &mut self.status.slices,
            };
            *count = status.objects;
        }
        is_otherwise
    }

    /// Tells of credentials that were read anew, or cannot be.
    fn tell_credentials(&mut self, status: CredentialStatus) {
        if status.renewals != self.credentials.renewals {
            info!("the credentials for the API were read anew");
        }
        if let Some(reason) = &status.trouble
            && status.trouble != self.credentials.trouble
        {
            warn!(%reason, "the credentials for the API cannot be read; it is tried again");
        }
        self.credentials = status;
    }

    /// What of an update is believed: all, but that the node itself is gone. A Node that is made anew has the same name, and
    /// until then the last that was known of it counts.
    pub(crate) fn believe(&mut self, events: Vec<ClusterEvent>, node: &Name) -> Vec<ClusterEvent> {
        let is_gone =
            |event: &ClusterEvent| matches!(event, ClusterEvent::NodeGone(gone) if gone == node);
        let is_back =
            |event: &ClusterEvent| matches!(event, ClusterEvent::Node(own) if own.name == *node);
        if events.iter().any(is_gone) {
            self.node_is_gone = true;
            warn!(%node, "the Node is gone; the last that was known of it counts");
            self.trouble =
                Some(format!("the Node {node} is gone; the last that was known of it counts"));
        } else if events.iter().any(is_back) {
            self.node_is_gone = false;
            if self.trouble.take().is_some() {
                info!(%node, "the Node is there again");
            }
        }
        events.into_iter().filter(|event| !is_gone(event)).collect()
    }

    /// Takes in what is refused of what the API has.
    pub(crate) fn refused(&mut self, count: usize, refusals: &[Refusal]) {
        let refusals: Vec<_> = refusals.iter().map(ToString::to_string).collect();
        self.tell_refusals(count, &refusals);
        self.status.refused = count;
        self.status.refusals = refusals;
    }

    /// Tells of refusals that are new.
    fn tell_refusals(&self, count: usize, refusals: &[String]) {
        for refusal in refusals.iter().filter(|one| !self.status.refusals.contains(one)) {
            warn!(%refusal, "refused");
        }
        if count > MOST_NAMED && count != self.status.refused {
            warn!(count, "more was refused; `switchyard view` lists all");
        }
    }

    fn refuse(&mut self, trouble: String) {
        if self.trouble.as_ref() != Some(&trouble) {
            warn!(reason = %trouble, "the manifests are not taken in");
        }
        self.trouble = Some(trouble);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifests(text: &str) -> Manifests {
        let mut manifests = Manifests::default();
        manifests.add("test", text.as_bytes());
        manifests
    }

    #[test]
    fn a_reading_without_the_node_is_not_believed() {
        let node = Name::from("n1");
        let mut input = Input::default();
        let own = "{apiVersion: v1, kind: Node, metadata: {name: n1}}";
        assert!(input.take(Ok(manifests(own)), &node).is_some_and(|events| events.len() == 1));
        for text in ["", "{apiVersion: v1, kind: Node, metadata: {name: n2}}"] {
            assert!(input.take(Ok(manifests(text)), &node).is_none());
            assert!(input.trouble().is_some_and(|trouble| trouble.contains("no Node n1")));
            assert_eq!(input.status().nodes, 1);
        }
        assert!(input.take(Ok(manifests(own)), &node).is_some());
        assert_eq!(input.trouble(), None);
    }
}
