//! What HNS does with a packet instead of what the model does.

use std::collections::BTreeSet;

use switchyard_model::{
    Deciders, Frontend, FrontendKind, Origin, Outcome, Packet, Reached, ServicePortView,
    SourceRule, SourceSeen, Verdict,
};

use super::{Ground, Limit};
use crate::backends::{Chosen, choose};
use crate::frontend::{is_preserving, planned_backends, planned_dsr, preserves_destination};

/// What HNS will answer to a packet, and the limits that make it differ from the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Substitute {
    /// The answer.
    pub verdict: Verdict,
    /// The limits that changed it.
    pub limits: BTreeSet<Limit>,
}

impl Substitute {
    /// Whether `verdict` is what was foretold, whatever is said to have decided it.
    #[must_use]
    pub fn foretells(&self, verdict: &Verdict) -> bool {
        let foretold = &self.verdict;
        foretold.outcome == verdict.outcome
            && foretold.backends == verdict.backends
            && foretold.source == verdict.source
            && foretold.sticky == verdict.sticky
    }
}

/// What HNS will answer to a packet that no load balancer is for: nothing, whatever the model says. What the model forwards
/// without one is a node port at a loopback address.
#[must_use]
pub fn without_frontend(model: &Verdict) -> Substitute {
    let limit = match model.outcome {
        Outcome::Reject | Outcome::Drop => Some(Limit::Refusal),
        Outcome::Forward => Some(Limit::NodePortAddresses),
        Outcome::Pass => None,
    };
    Substitute { verdict: Verdict::pass(), limits: limit.into_iter().collect() }
}

/// What HNS will answer to `packet`, which reaches the load balancer of `frontend`; `model` is what the model answers.
#[must_use]
pub fn substitute(
    view: &ServicePortView,
    frontend: &Frontend,
    ground: Ground<'_>,
    packet: &Packet,
    model: &Verdict,
) -> Substitute {
    let client = &packet.client;
    let Ground { node, network, .. } = ground;
    let Some(chosen) = choose(view, frontend, node, network) else {
        let limit = match model.outcome {
            Outcome::Forward if !network.serves(view.key.family) => Some(Limit::Unsupported),
            Outcome::Forward if is_preserving(view, frontend, network) => {
                Some(Limit::PreserveDestination)
            }
            Outcome::Forward => Some(Limit::InternalShortcut),
            Outcome::Reject | Outcome::Drop => Some(Limit::Refusal),
            Outcome::Pass => None,
        };
        return Substitute { verdict: Verdict::pass(), limits: limit.into_iter().collect() };
    };
    let verdict = table(view, frontend, ground, packet, &chosen);
    let mut limits = BTreeSet::new();
    if frontend.kind == FrontendKind::NodePort
        && !node.answers_node_ports_at(packet.destination.address())
    {
        limits.insert(Limit::NodePortAddresses);
        return Substitute { verdict, limits };
    }
    if !frontend.admits(client, node) {
        limits.insert(Limit::SourceRanges);
        return Substitute { verdict, limits };
    }
    let class = view.backends(frontend.serving(client).set);
    if preserves_destination(view, frontend, network) {
        if verdict.outcome != model.outcome || verdict.backends != model.backends {
            limits.insert(Limit::PreserveDestination);
        }
    } else if *class != *planned_backends(view, frontend, network) {
        let preserving = is_preserving(view, frontend, network);
        limits.insert(if preserving {
            Limit::PreserveDestination
        } else {
            Limit::InternalShortcut
        });
    }
    if chosen.mixed > 0 {
        limits.insert(Limit::MixedBackends);
    }
    if chosen.other_ports > 0 {
        limits.insert(Limit::InternalPort);
    }
    if chosen.too_many > 0 {
        limits.insert(Limit::TooManyBackends);
    }
    let elsewhere = matches!(client.origin, Origin::RemotePod | Origin::Outside);
    let dsr = planned_dsr(view, frontend, network);
    let all_local =
        verdict.outcome == Outcome::Forward && verdict.backends.len() == chosen.backends.len();
    let preserving = preserves_destination(view, frontend, network);
    if preserving && model.source != verdict.source {
        limits.insert(Limit::PreserveDestination);
    } else if dsr && elsewhere && (!all_local || model.source != verdict.source) {
        limits.insert(Limit::DsrRemoteClient);
    } else if verdict.outcome == Outcome::Forward
        && model.outcome == Outcome::Forward
        && verdict.source != model.source
    {
        limits.insert(Limit::ClientAddress);
    }
    let forwarded = |verdict: &Verdict| verdict.outcome == Outcome::Forward;
    if verdict.sticky != model.sticky && forwarded(model) && forwarded(&verdict) {
        limits.insert(Limit::AffinityTimeout);
    }
    Substitute { verdict, limits }
}

/// What HNS does with a packet that reaches a load balancer: the table that the tracer over HNS has, over the view instead of
/// HNS.
fn table(
    view: &ServicePortView,
    frontend: &Frontend,
    ground: Ground<'_>,
    packet: &Packet,
    chosen: &Chosen,
) -> Verdict {
    let network = ground.network;
    let client = &packet.client;
    let dsr = planned_dsr(view, frontend, network);
    // What keeps its destination keeps its port.
    let port = if preserves_destination(view, frontend, network) {
        frontend.port.get()
    } else {
        chosen.port.get()
    };
    let elsewhere = matches!(client.origin, Origin::RemotePod | Origin::Outside);
    let backends: BTreeSet<Reached> = chosen
        .backends
        .iter()
        // A pod of this node whose endpoint the CNI has not made yet is waited for.
        .filter(|backend| !backend.local || ground.is_local(backend.address))
        .map(|backend| Reached {
            address: backend.address,
            port,
            local: ground.is_local(backend.address),
        })
        .filter(|reached| !(dsr && elsewhere) || reached.local)
        .collect();
    if backends.is_empty() {
        return Verdict::pass();
    }
    let rule = if dsr { SourceRule::Keep } else { SourceRule::Rewrite };
    let source = SourceSeen::of(rule, client, backends.iter().map(|reached| reached.address));
    let sticky = view.affinity_timeout.is_some() && network.has_affinity();
    Verdict {
        outcome: Outcome::Forward,
        backends,
        source: Some(source),
        sticky,
        decided_by: Deciders::default(),
    }
}
