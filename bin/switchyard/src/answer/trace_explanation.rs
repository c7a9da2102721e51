//! The explanation in the answer of `trace`.

use serde::Serialize;
use switchyard_hcn::Distribution;
use switchyard_hcn_emulator::{
    Action, Asked, Backend, Cell, Explanation, Fate, Matched, Source, Step,
};
use switchyard_model::Origin;

use super::text;

/// Why a packet goes where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceExplanation {
    /// What leads to the answer, in order.
    pub steps: Vec<TraceStep>,
}

/// One step of a [`TraceExplanation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceStep {
    /// The step as data.
    #[serde(flatten)]
    pub facts: TraceFacts,
    /// The step as a sentence.
    pub text: String,
}

/// What a [`TraceStep`] says, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TraceFacts {
    /// No load balancer is for the packet.
    Unmatched {
        /// `echo`, `otherPorts`, `noNodePort`, `notTheNodes` or `noLoadBalancer`.
        reason: &'static str,
    },
    /// The load balancer that is for the packet.
    Matched {
        /// Its id.
        load_balancer: String,
        /// `vip` or `nodeAddress`.
        by: &'static str,
        /// The port that the packet is sent to.
        external_port: u16,
        /// The port on the backends.
        internal_port: u16,
        /// Whether it has direct server return.
        dsr: bool,
        /// The flags of its port mapping.
        flags: Vec<&'static str>,
        /// Others with the same frontend, which are never asked.
        hidden: Vec<String>,
    },
    /// What it does with packets of such a client.
    Cell {
        /// `node`, `localPod`, `remotePod` or `outside`.
        client: &'static str,
        /// Whether the load balancer has direct server return.
        dsr: bool,
        /// `all`, `onThisNode`, or null where the packet is left alone.
        backends: Option<&'static str>,
        /// `keep`, `rewrite`, or null where the packet is left alone.
        source: Option<&'static str>,
        /// Where that is written, or that it is inferred.
        basis: &'static str,
    },
    /// What becomes of the share of an endpoint.
    Endpoint {
        /// The endpoint's id.
        id: String,
        /// Its address, or null where it has none of the family.
        address: Option<String>,
        /// Whether it is on this node.
        local: bool,
        /// `serves`, `lost`, `notAsked` or `sameMac`.
        fate: &'static str,
        /// Why its share is lost; only when it is.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<&'static str>,
        /// The endpoint that gets its share; only for one with the hardware address of another.
        #[serde(skip_serializing_if = "Option::is_none")]
        first: Option<String>,
    },
    /// Which source address the backend sees.
    Source {
        /// `keep`, `rewrite` or `mixed`.
        source: &'static str,
        /// The addresses that it may be.
        addresses: Vec<String>,
    },
    /// How a backend is picked.
    Distribution {
        /// `fiveTuple`, `sourceIpProtocol`, `sourceIp` or `unknown`.
        distribution: &'static str,
    },
    /// A rule of the virtual switch that the packet meets.
    Rule {
        /// `clientPod`, `hostVnic`, `externalAdapter` or `backendPod`.
        port: &'static str,
        /// The layer.
        layer: &'static str,
        /// The group.
        group: String,
        /// The name; `<id>` is a part that HNS makes up.
        rule: String,
        /// Whether no source says that the packet meets it there.
        inferred: bool,
    },
    /// What else is worth knowing.
    Note {
        /// A word for it.
        note: &'static str,
    },
}

impl From<&Explanation> for TraceExplanation {
    fn from(explanation: &Explanation) -> Self {
        let step = |step: &Step| TraceStep { facts: step.into(), text: step.to_string() };
        Self { steps: explanation.steps.iter().map(step).collect() }
    }
}

impl From<&Step> for TraceFacts {
    fn from(step: &Step) -> Self {
        match step {
            Step::Unmatched(unmatched) => Self::Unmatched { reason: unmatched.as_str() },
            Step::Matched(matched) => matched.into(),
            Step::Cell(cell) => cell.into(),
            Step::Endpoint(backend) => backend.into(),
            Step::Source(seen) => Self::Source {
                source: seen.seen.as_str(),
                addresses: seen.addresses().iter().map(ToString::to_string).collect(),
            },
            Step::Distribution(distribution) => Self::Distribution {
                distribution: match *distribution {
                    Distribution::FIVE_TUPLE => "fiveTuple",
                    Distribution::SOURCE_IP_PROTOCOL => "sourceIpProtocol",
                    Distribution::SOURCE_IP => "sourceIp",
                    _ => "unknown",
                },
            },
            Step::Rule(rule) => Self::Rule {
                port: rule.port.as_str(),
                layer: rule.layer,
                group: rule.group.clone(),
                rule: rule.name.clone(),
                inferred: rule.inferred,
            },
            Step::Note(note) => Self::Note { note: note.as_str() },
        }
    }
}

impl From<&Matched> for TraceFacts {
    fn from(matched: &Matched) -> Self {
        Self::Matched {
            load_balancer: matched.load_balancer.to_string(),
            by: matched.by.as_str(),
            external_port: matched.external_port,
            internal_port: matched.internal_port,
            dsr: matched.dsr,
            flags: matched.flag_words().collect(),
            hidden: matched.hidden.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&Cell> for TraceFacts {
    fn from(cell: &Cell) -> Self {
        let (backends, source) = match cell.action {
            Action::Untouched => (None, None),
            Action::Spread(asked, source) => {
                let backends = match asked {
                    Asked::All => "all",
                    Asked::OnThisNode => "onThisNode",
                };
                let source = match source {
                    Source::Kept => "keep",
                    Source::Rewritten => "rewrite",
                };
                (Some(backends), Some(source))
            }
        };
        let client = match cell.client {
            Origin::Node => "node",
            Origin::LocalPod => "localPod",
            Origin::RemotePod => "remotePod",
            Origin::Outside => "outside",
        };
        Self::Cell { client, dsr: cell.dsr, backends, source, basis: cell.basis }
    }
}

impl From<&Backend> for TraceFacts {
    fn from(backend: &Backend) -> Self {
        let why = match &backend.fate {
            Fate::Lost(why) => Some(why.as_str()),
            _ => None,
        };
        let first = match &backend.fate {
            Fate::SameMac { first, .. } => Some(first.to_string()),
            _ => None,
        };
        Self::Endpoint {
            id: backend.endpoint.to_string(),
            address: text(backend.reached.map(|reached| reached.address)),
            local: backend.reached.is_some_and(|reached| reached.local),
            fate: backend.fate.as_str(),
            why,
            first,
        }
    }
}
