//! What of the manifests is believed.

use switchyard_model::{ClusterEvent, Name};
use switchyard_source::{Manifests, ReadError};
use tracing::{info, warn};

use crate::status::InputStatus;

/// How many refusals are named.
const MOST_NAMED: usize = 20;

/// What was read last, and what was wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Input {
    status: InputStatus,
    trouble: Option<String>,
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
        for refusal in status.refusals.iter().filter(|one| !self.status.refusals.contains(one)) {
            warn!(%refusal, "refused");
        }
        if status.refused > MOST_NAMED && status.refused != self.status.refused {
            warn!(count = status.refused, "more was refused; `switchyard view` lists all");
        }
        self.status = status;
        Some(events)
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
