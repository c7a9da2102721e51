//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::flags::GivenFlags;
use crate::logging::{LoggingArguments, go_bool};
use crate::service::ServiceArguments;

/// The service proxy for Kubernetes nodes, Windows first.
#[derive(Debug, Parser)]
#[command(name = "switchyard", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows the whole path on this machine: manifests in, an emulated HNS for each Windows node, load balancers, a truth
    /// table, a rolling update with its HNS calls.
    Demo(DemoArguments),
    /// Prints what a node's proxy has to do: service ports, backends, what was refused, conflicts.
    View(ViewArguments),
    /// Prints the ordered operations that make HNS what it should be; changes nothing.
    Plan(PlanArguments),
    /// Prints where a new connection goes, and which objects decided it.
    Trace(TraceArguments),
    /// Prints every field of kube-proxy's record of a Service on Windows, and what is kept here instead.
    Explain(ExplainArguments),
    /// Runs the node's proxy: keeps HNS as the Services want it, until it is stopped.
    Proxy(Box<ProxyArguments>),
    /// Prints what the running proxy of this node holds, waits for and cannot do.
    Status(StatusArguments),
    /// Removes what a proxy left in HNS.
    Cleanup(CleanupArguments),
    /// Asks the HNS of this node what it does, and writes a report; only reads, unless --full is given.
    Preflight(PreflightArguments),
    /// Registers the proxy as a service of Windows, and removes it.
    Service(ServiceArguments),
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
}

/// What is read.
#[derive(Debug, Clone, Args)]
pub struct InputArguments {
    /// A directory (searched deeply for .yaml, .yml and .json), one file, or - for standard input.
    #[arg(long, value_name = "DIR")]
    pub manifests: String,
    /// The Node to look from.
    #[arg(long, value_name = "NAME")]
    pub node: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub common: CommonArguments,
}

/// What all commands take that read something.
#[derive(Debug, Clone, Args)]
pub struct CommonArguments {
    /// A file with a `KubeProxyConfiguration`, a `SwitchyardConfiguration`, or both.
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    /// Exit with 1 when anything was refused.
    #[arg(long)]
    pub strict: bool,
    /// How to print the answer.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Output,
}

/// The HNS that is planned for or traced.
#[derive(Debug, Clone, Default, Args)]
pub struct WindowsArguments {
    /// The HNS network to plan for; without it one is made up from the Node.
    #[arg(long, value_name = "FILE")]
    pub network: Option<String>,
    /// The state of HNS to begin from; without it HNS is empty.
    #[arg(long, value_name = "FILE")]
    pub hns: Option<String>,
    /// The address that load balancers of an overlay rewrite clients to; without it the endpoint is looked for that a CNI
    /// makes for it.
    #[arg(long = "source-vip", value_name = "ADDRESS")]
    pub given_source_vip: Option<SourceVip>,
    /// Forward a cloud's health checks of a load-balancer address to the node.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub forward_healthcheck_vip: Option<bool>,
    /// The endpoint by which the node itself is reached, for --forward-healthcheck-vip; cbr0 without it.
    #[arg(long, value_name = "NAME")]
    pub root_hnsendpoint_name: Option<String>,
    /// Whether ClusterIP load balancers use direct server return; a flag of `proxy` alone.
    #[arg(skip)]
    pub enable_dsr: Option<bool>,
    /// The name of the network; a flag of `proxy` alone.
    #[arg(skip)]
    pub network_name: Option<String>,
}

impl WindowsArguments {
    /// The address that load balancers of an overlay rewrite clients to, if one is given.
    #[must_use]
    pub fn source_vip(&self) -> Option<IpAddr> {
        self.given_source_vip.and_then(|vip| vip.0)
    }
}

/// A source address as it is given: scripts for kube-proxy leave it empty where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceVip(pub Option<IpAddr>);

impl FromStr for SourceVip {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = text.parse().map_err(|trouble| format!("{trouble}: give an IP address"))?;
        Ok(Self(Some(address)))
    }
}

/// `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Manifests to show instead of the built-in ones: a directory, a file, or - for standard input.
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<String>,
    /// Stay, and follow edits of the manifests.
    #[arg(long, requires = "manifests")]
    pub watch: bool,
    /// Stay, with a Kubernetes API server for kubectl that begins with the manifests, and follow edits made there.
    #[arg(long, conflicts_with = "watch")]
    pub api: bool,
    /// A file with a `KubeProxyConfiguration`, a `SwitchyardConfiguration`, or both.
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
}

/// `view`.
#[derive(Debug, Args)]
pub struct ViewArguments {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub input: InputArguments,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub input: InputArguments,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub windows: WindowsArguments,
    /// Write the state of HNS as it would be afterwards.
    #[arg(long, value_name = "FILE")]
    pub write_hns: Option<String>,
}

/// The data path that answers a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// The service rules themselves.
    Model,
    /// HNS, emulated.
    Winkernel,
}

/// `trace`.
#[derive(Debug, Args)]
pub struct TraceArguments {
    /// A directory (searched deeply for .yaml, .yml and .json), one file, or - for standard input.
    #[arg(long, value_name = "DIR", required_unless_present = "hns", requires = "node")]
    pub manifests: Option<String>,
    /// The Node to look from.
    #[arg(long, value_name = "NAME", required_unless_present = "hns", requires = "manifests")]
    pub node: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub common: CommonArguments,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub windows: WindowsArguments,
    /// Who sends: node, pod/NAMESPACE/NAME, or an address.
    #[arg(long, value_name = "SRC")]
    pub from: String,
    /// Where to: ADDR:PORT/PROTO, [ADDR]:PORT/PROTO for IPv6, or ADDR/ICMP.
    #[arg(long, value_name = "ADDR:PORT/PROTO")]
    pub to: String,
    /// The data path that answers; by default HNS for a Windows node, else the model.
    #[arg(long, value_enum)]
    pub backend: Option<Backend>,
    /// Say why, step by step, down to the rules of the virtual switch; needs HNS.
    #[arg(long)]
    pub explain: bool,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub input: InputArguments,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub windows: WindowsArguments,
    /// The Service: NAMESPACE/NAME.
    #[arg(value_name = "NAMESPACE/NAME")]
    pub service: String,
}

/// The HNS that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hcn {
    /// That of Windows.
    Windows,
    /// One in memory, whose state may be kept in a file.
    Emulator,
}

/// Where a proxy keeps what outlives it, and where it is found.
#[derive(Debug, Clone, Args)]
pub struct StateArguments {
    /// The directory of the node's lock, the ledger and the status socket.
    #[arg(long, value_name = "DIR", env = "SWITCHYARD_STATE_DIR", hide_env_values = true)]
    pub state_dir: Option<PathBuf>,
}

/// Whose load balancers a proxy replaces where they hold a frontend that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TakeoverChoice {
    /// Nobody's.
    None,
    /// Those that look like kube-proxy's.
    KubeProxy,
}

/// `proxy`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct ProxyArguments {
    /// A directory (searched deeply for .yaml, .yml and .json) or one file, which are followed in place of the Kubernetes API.
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<String>,
    /// How the Kubernetes API is reached; without it, --master and --manifests, as a pod reaches it.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<String>,
    /// The address of the Kubernetes API; goes before that of the kubeconfig file.
    #[arg(long, value_name = "URL")]
    pub master: Option<String>,
    /// The Node that this is; without it the name of the machine. In lower case, as the kubelet registers it.
    #[arg(long, value_name = "NAME", visible_alias = "hostname-override")]
    pub node: Option<String>,
    /// The HNS to call; by default that of Windows.
    #[arg(long, value_enum)]
    pub hcn: Option<Hcn>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub windows: WindowsArguments,
    /// The HNS network; without it that of the environment variable KUBE_NETWORK, else the only bridged or overlay one.
    #[arg(long, value_name = "NAME")]
    pub network_name: Option<String>,
    /// Whether ClusterIP load balancers use direct server return.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub enable_dsr: Option<bool>,
    /// Whose load balancers are replaced where they hold a frontend that is wanted; none without it.
    #[arg(long, value_enum)]
    pub takeover: Option<TakeoverChoice>,
    /// Print the plan and change nothing: exit with 3 when there is something to do.
    #[arg(long)]
    pub dry_run: bool,
    /// End once HNS holds what is wanted, instead of going on; with 1 where the API or the Node is not there for two minutes.
    #[arg(long, conflicts_with = "dry_run")]
    pub until_settled: bool,
    /// Run as a service of Windows, under the Service Control Manager.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true, value_parser = go_bool)]
    pub windows_service: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub state: StateArguments,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub common: CommonArguments,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub logging: LoggingArguments,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its table says it")]
    pub kube_proxy: GivenFlags,
}

/// `status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub state: StateArguments,
    /// Print what HNS holds instead, in the form that --hns of other commands reads.
    #[arg(long)]
    pub hns: bool,
    /// How to print the answer.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Output,
}

/// Whose leftovers are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Owner {
    /// Ours.
    Switchyard,
    /// Those that look like kube-proxy's.
    KubeProxy,
}

/// `cleanup`.
#[derive(Debug, Args)]
pub struct CleanupArguments {
    /// Whose objects are removed.
    #[arg(long, value_enum, default_value = "switchyard")]
    pub owner: Owner,
    /// The HNS to call; by default that of Windows.
    #[arg(long, value_enum)]
    pub hcn: Option<Hcn>,
    /// The state of the emulated HNS, which is written back.
    #[arg(long, value_name = "FILE")]
    pub hns: Option<String>,
    /// Only say what would be removed: exit with 3 when there is something.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub state: StateArguments,
    /// How to print the answer.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Output,
}

/// `preflight`.
#[derive(Debug, Args)]
pub struct PreflightArguments {
    /// Also make objects of its own, read them back and remove them.
    #[arg(long)]
    pub full: bool,
    /// Remove what an interrupted run left, and nothing else.
    #[arg(long, conflicts_with_all = ["full", "report"])]
    pub cleanup: bool,
    /// The network to ask about; without it the only bridged or overlay one.
    #[arg(long, value_name = "NAME", env = "KUBE_NETWORK", hide_env_values = true)]
    pub network_name: Option<String>,
    /// The IPv4 addresses that its objects have: a /25 or shorter that nothing uses.
    #[arg(long, value_name = "PREFIX", default_value = "192.0.2.128/25")]
    pub scratch: ipnet::Ipv4Net,
    /// Also make and delete a network of this type.
    #[arg(long, value_name = "TYPE", num_args = 0..=1, require_equals = true, default_missing_value = "Internal", requires = "full")]
    pub scratch_network: Option<String>,
    /// Also ask for a bridged network on an adapter that does not exist.
    #[arg(long, requires = "full")]
    pub missing_adapter: bool,
    /// Also make 1,025 endpoints.
    #[arg(long, requires = "full")]
    pub many_endpoints: bool,
    /// Also make load balancers until the node has no ports left for them; pods may find none meanwhile.
    #[arg(long, requires = "full")]
    pub exhaust_ports: bool,
    /// Also make a remote endpoint at the address of a pod of this node that can be spared.
    #[arg(long, value_name = "ADDRESS", requires = "full")]
    pub beside_pod: Option<std::net::Ipv4Addr>,
    /// Also ask the operator to restart HNS, and watch; pods lose their network meanwhile.
    #[arg(long, requires = "full")]
    pub ask_restart: bool,
    /// How many seconds a call of HNS may take.
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub call_timeout: u64,
    /// The file to write the report to; without it one in the working directory, but with --hcn emulator none.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The name of the node in the report; without it that of the machine.
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// The HNS to call; by default that of Windows.
    #[arg(long, value_enum)]
    pub hcn: Option<Hcn>,
    /// The state of the emulated HNS, which is written back.
    #[arg(long, value_name = "FILE")]
    pub hns: Option<String>,
    /// What the emulated HNS begins with: its version, state, knobs, latency and faults.
    #[arg(long, value_name = "FILE")]
    pub emulator: Option<String>,
    /// Exit with 1 when the node is not ready for a proxy.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields say it")]
    pub state: StateArguments,
    /// How to print the answer.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Output,
}
