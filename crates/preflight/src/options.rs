//! How far a run goes.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Serialize;

use crate::scratch::Scratch;

/// How far a run goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether objects are made, and removed again.
    pub full: bool,
    /// The network that is asked about; none is the only bridged or overlay one.
    pub network_name: Option<String>,
    /// The addresses of what is made.
    pub scratch: Scratch,
    /// What else is asked, which is not without danger.
    pub also: Vec<Extra>,
    /// The type of a network that is made; HNS' word for it.
    pub scratch_network_type: String,
    /// The address of a pod of this node beside which a remote endpoint is made.
    pub beside_pod: Option<Ipv4Addr>,
    /// How long a call may take.
    pub deadline: Duration,
    /// How long the operator may take to restart HNS.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            full: false,
            network_name: None,
            scratch: Scratch::DEFAULT,
            also: Vec::new(),
            scratch_network_type: "Internal".to_owned(),
            beside_pod: None,
            deadline: Duration::from_secs(120),
            patience: Duration::from_secs(600),
        }
    }
}

/// A part of a full run that is asked for by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Extra {
    /// A network is made and deleted.
    ScratchNetwork,
    /// A bridged network is asked for on an adapter that does not exist.
    MissingAdapter,
    /// More than a thousand endpoints are made.
    ManyEndpoints,
    /// Load balancers are made until HNS has no ports left for them.
    ExhaustPorts,
    /// The operator restarts HNS.
    Restart,
    /// A remote endpoint is made at the address of a pod.
    BesidePod,
}

impl Extra {
    /// The flag that asks for it.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        match self {
            Self::ScratchNetwork => "--scratch-network",
            Self::MissingAdapter => "--missing-adapter",
            Self::ManyEndpoints => "--many-endpoints",
            Self::ExhaustPorts => "--exhaust-ports",
            Self::Restart => "--ask-restart",
            Self::BesidePod => "--beside-pod",
        }
    }
}
