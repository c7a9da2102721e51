//! Scenarios as data: what a node's HNS begins with, what the cluster is, and what happens.

use std::net::IpAddr;

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};
use serde_json::json;
use switchyard::arguments::WindowsArguments;
use switchyard::network::{Hns, NetworkFile};
use switchyard_hcn::Version;
use switchyard_hcn_emulator::{NodeAddresses, State};
use switchyard_model::{Packet, ViewEvent};
use switchyard_source::{WindowsConfiguration, from_yaml};
use switchyard_winkernel::{ReconcilerSettings, Takeover};

use super::documents::{Cluster, ShortService};
use super::packets::packets;

const SCENARIOS: &str = include_str!("scenarios.yaml");

/// The address that load balancers of an overlay rewrite clients to.
const SOURCE_VIP: &str = "10.1.1.2";

/// The kinds of network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Network {
    L2bridge,
    Overlay,
}

impl Network {
    pub(super) const ALL: [Self; 2] = [Self::L2bridge, Self::Overlay];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::L2bridge => "l2bridge",
            Self::Overlay => "overlay",
        }
    }
}

/// A scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Scenario {
    pub(super) name: String,
    #[serde(default = "everywhere")]
    pub(super) on: Vec<Network>,
    /// The version of HNS.
    #[serde(default)]
    version: Option<String>,
    #[serde(default = "yes")]
    dsr: bool,
    /// Whether the CNI has made the source VIP's endpoint.
    #[serde(default)]
    source_vip_there: bool,
    #[serde(default)]
    takeover: bool,
    /// The pods of this node that the CNI has made.
    #[serde(default = "usual_pods")]
    pods: Vec<IpAddr>,
    /// What another owner has made.
    #[serde(default)]
    pub(super) foreign: Vec<Foreign>,
    /// What was served before.
    #[serde(default)]
    before: Vec<ShortService>,
    /// What happens to HNS behind the proxy's back, before anything else.
    #[serde(default)]
    pub(super) tamper: Vec<Tamper>,
    /// Whether the proxy is not running while that and the first event happen.
    #[serde(default)]
    pub(super) away: bool,
    /// What happens, one after the other.
    #[serde(default)]
    events: Vec<Event>,
}

fn everywhere() -> Vec<Network> {
    Network::ALL.to_vec()
}

fn yes() -> bool {
    true
}

fn usual_pods() -> Vec<IpAddr> {
    ["10.1.1.21", "10.1.1.22", "10.1.1.40"].iter().filter_map(|text| text.parse().ok()).collect()
}

/// Another owner's object.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Foreign {
    /// An endpoint.
    Endpoint {
        address: IpAddr,
        mac: String,
        #[serde(default)]
        owner: String,
        /// The node that it is reached by, on an overlay.
        #[serde(default)]
        provider: Option<IpAddr>,
    },
    /// A load balancer to endpoints of pods or of another owner.
    #[serde(rename_all = "camelCase")]
    LoadBalancer {
        #[serde(default)]
        vip: Option<IpAddr>,
        port: u16,
        internal_port: u16,
        to: Vec<IpAddr>,
        /// Flags of the load balancer, and of its port mapping.
        flags: u32,
        #[serde(default)]
        mapping_flags: u32,
        #[serde(default)]
        owner: String,
        /// Whether it is the operator's to give over.
        #[serde(default)]
        given: bool,
        #[serde(default)]
        source_vip: Option<IpAddr>,
    },
}

/// Something that happens to HNS and that nobody is told of.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Tamper {
    /// The load balancer of this address is lost.
    Lose(IpAddr),
    /// The load balancer of this address fails.
    Degrade(IpAddr),
    /// The remote endpoint at this address is lost.
    Dangle(IpAddr),
    /// Everything is lost but the network and the pods.
    LoseAll,
    /// There is a load balancer with our mark that nobody wants.
    Orphan(IpAddr),
    /// There is a remote endpoint with our mark that nobody wants.
    OrphanEndpoint(IpAddr),
}

/// Something that happens.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Event {
    /// Services are made or changed.
    Apply(Vec<ShortService>),
    /// Services are removed.
    Remove(Vec<String>),
    /// HNS is started anew.
    RestartHns,
    /// The network is deleted and made anew, under another id.
    RecreateNetwork,
    /// HNS is another version.
    Version(String),
    /// Direct server return is switched, which starts the proxy anew.
    Dsr(bool),
    /// The operator gives kube-proxy's load balancers over, which starts the proxy anew.
    Takeover,
    /// A pod starts.
    AddPod(IpAddr),
    /// A pod ends.
    RemovePod(IpAddr),
    /// A pod ends, and another has its address.
    ReplacePod(IpAddr),
    /// The proxy is started anew.
    Restart,
}

/// A step of a scenario: what happens, and what is wanted then.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) event: Event,
    /// What changes in the views.
    pub(super) changes: Vec<ViewEvent>,
    /// All views.
    pub(super) views: Vec<ViewEvent>,
    /// Packets to everything that is served.
    pub(super) packets: Vec<Packet>,
    pub(super) settings: ReconcilerSettings,
}

/// A scenario on one kind of network.
pub(super) struct Prepared {
    pub(super) scenario: Scenario,
    pub(super) network: Network,
    /// HNS before anything.
    pub(super) state: State,
    /// The addresses of the node.
    pub(super) addresses: NodeAddresses,
    /// What was before: its event is none.
    pub(super) first: Stage,
    pub(super) stages: Vec<Stage>,
    /// The views of a node that nothing is served on.
    pub(super) nothing: Vec<ViewEvent>,
}

/// All scenarios.
pub(super) fn all() -> Result<Vec<Scenario>> {
    from_yaml(SCENARIOS).map_err(|trouble| anyhow!("scenarios.yaml: {trouble}"))
}

impl Scenario {
    /// The scenario on `network`.
    pub(super) fn prepare(&self, network: Network) -> Result<Prepared> {
        let mut cluster = Cluster::new();
        let nothing = cluster.stream().snapshot();
        let hns = self.hns(network, &cluster)?;
        let mut settings = hns.settings.clone();
        settings.network_id = None;
        settings.network_name = Some("cbr0".to_owned());
        if self.takeover {
            settings.takeover = Takeover::KubeProxy;
        }
        cluster.change(&self.before, &[]);
        let first = Stage {
            event: Event::Restart,
            changes: Vec::new(),
            views: cluster.stream().snapshot(),
            packets: packets(cluster.stream()),
            settings: settings.clone(),
        };
        let mut stages = Vec::new();
        for event in &self.events {
            let changes = match event {
                Event::Apply(services) => cluster.change(services, &[]),
                Event::Remove(names) => cluster.change(&[], names),
                _ => Vec::new(),
            };
            match event {
                Event::Dsr(dsr) => settings.windows.dsr = *dsr,
                Event::Takeover => settings.takeover = Takeover::KubeProxy,
                _ => {}
            }
            stages.push(Stage {
                event: event.clone(),
                changes,
                views: cluster.stream().snapshot(),
                packets: packets(cluster.stream()),
                settings: settings.clone(),
            });
        }
        let addresses = cluster.stream().view().node().addresses.iter().map(|own| own.address);
        Ok(Prepared {
            scenario: self.clone(),
            network,
            state: hns.emulator.state(),
            addresses: addresses.collect(),
            first,
            stages,
            nothing,
        })
    }

    fn hns(&self, network: Network, cluster: &Cluster) -> Result<Hns> {
        let mut pods = self.pods.clone();
        let is_overlay = network == Network::Overlay;
        if is_overlay && self.source_vip_there {
            pods.extend(SOURCE_VIP.parse::<IpAddr>());
        }
        let mac = |address: &IpAddr| match address {
            // The CNI gives the source VIP the host's own.
            _ if address.to_string() == SOURCE_VIP => "00-15-5D-00-00-01".to_owned(),
            IpAddr::V4(own) => format!("00-15-5D-10-01-{:02X}", own.octets()[3]),
            IpAddr::V6(own) => format!("00-15-5D-20-01-{:02X}", own.octets()[15]),
        };
        let endpoints: Vec<_> =
            pods.iter().map(|pod| json!({"address": pod, "mac": mac(pod)})).collect();
        let mut file = json!({"name": "cbr0", "type": network.name(), "dsr": self.dsr,
            "hnsVersion": self.version.as_deref().unwrap_or("15.5"), "endpoints": endpoints});
        if is_overlay {
            file["podSubnets"] = json!(["10.1.1.0/24"]);
            file["sourceVip"] = json!(SOURCE_VIP);
        }
        let file = NetworkFile::parse(&file.to_string());
        let file = file.map_err(|trouble| anyhow!("{}: {trouble}", self.name))?;
        let (arguments, configuration) =
            (WindowsArguments::default(), WindowsConfiguration::default());
        Hns::described(file, &arguments, &configuration, cluster.stream())
            .map_err(|trouble| anyhow!("{}: {trouble}", self.name))
    }
}

/// Reads a version of HNS.
pub(super) fn version(text: &str) -> Result<Version, String> {
    text.parse().map_err(|_| format!("{text:?} is no version"))
}
