//! `proxy`: the node's agent.

mod cluster;
mod host;

use std::io::{LineWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use switchyard_agent::{Host, LockError, NodeLock, Setup, StateDirectory, mailbox};
use switchyard_hcn::Hcn;
use switchyard_hcn_emulator::Emulator;
use switchyard_nodeview::Stream;
use switchyard_source::Configuration;
use switchyard_winkernel::{ReconcilerSettings, Takeover};

use self::cluster::{begin, look};
use self::host::{EmulatedHost, WindowsHost};
use super::plan::print_plan;
use crate::arguments::{ProxyArguments, StateArguments, TakeoverChoice, WindowsArguments};
use crate::failure::{Exit, Failure};
use crate::hns::{Called, called, state};
use crate::host_name::node_name;
use crate::input::configuration;
use crate::network::{Hns, Start, windows_settings};
use crate::options::ClusterSource;
use crate::state_directory::{open_state_directory, state_directory};
use crate::{logging, process};

/// The variable that names the HNS network where nothing else does.
const NETWORK: &str = "KUBE_NETWORK";

pub(crate) fn run(
    arguments: &ProxyArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let called = called(arguments.hcn, arguments.windows.hns.as_deref())?;
    let cluster = ClusterSource::of(arguments)?;
    let node = node_name(arguments.node.as_deref())?;
    if arguments.dry_run {
        return dry_run(&called, arguments, &cluster, &node, out, notices);
    }
    let log = logging::start(&arguments.logging, &node, usual_log(arguments))?;
    let ended = work(called, arguments, &cluster, &node, &mut LineWriter::new(log.clone()));
    // Elsewhere it is on standard error, where the log is, too.
    if let Err(failure) = &ended
        && log.has_file()
    {
        tracing::error!(error = %failure.chain(), "ended");
    }
    ended
}

/// Works until it is stopped.
fn work(
    called: Called,
    arguments: &ProxyArguments,
    cluster: &ClusterSource,
    node: &str,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let configuration = of_proxy(arguments, notices)?;
    let (directory, lock) = lock(&arguments.state)?;
    let needs_node = matches!(called, Called::Emulated) && makes_up_network(arguments);
    let (source, stream) = begin(cluster, &configuration, node, needs_node, notices)?;
    let Ground { hcn, host, settings } = ground(called, arguments, &configuration, &stream)?;
    let reconciler = reconciler_settings(settings, arguments, &configuration);
    let (mailbox, inbox) = mailbox();
    let stopper = mailbox.clone();
    process::on_stop(move || stopper.stop());
    process::follow_signals()?;
    process::started();
    let setup = Setup {
        node: stream.view().node().name.clone(),
        settings: configuration.settings,
        reconciler,
        until_settled: arguments.until_settled,
        hcn,
        host,
        source,
        directory,
    };
    switchyard_agent::run(setup, mailbox, inbox).map_err(anyhow::Error::new)?;
    drop(lock);
    Ok(Exit::Answered)
}

/// Where a service logs where nobody says it, because nobody reads its standard error: where the kubelet of a Windows node looks for
/// logs of services.
fn usual_log(arguments: &ProxyArguments) -> Option<PathBuf> {
    let folder = || {
        let mut folder = std::env::var_os("SystemDrive").unwrap_or_else(|| "C:".into());
        folder.push(r"\var\log\switchyard");
        folder.into()
    };
    arguments.windows_service.then(folder)
}

/// The HNS that a proxy works on.
struct Ground {
    hcn: Arc<dyn Hcn>,
    /// What is around it.
    host: Arc<dyn Host>,
    /// What the operator says of it.
    settings: ReconcilerSettings,
}

fn ground(
    called: Called,
    arguments: &ProxyArguments,
    configuration: &Configuration,
    stream: &Stream,
) -> Result<Ground, Failure> {
    let windows = windows(arguments);
    match called {
        Called::Emulated => {
            let start = Start::new(&windows, &configuration.windows, stream)?;
            let emulator = Arc::new(Emulator::new(start.state));
            let file = arguments.windows.hns.clone();
            let host = Arc::new(EmulatedHost::new(Arc::clone(&emulator), start.pods, file));
            Ok(Ground { hcn: emulator, host, settings: start.settings })
        }
        Called::OfWindows(hns) => {
            for function in hns.missing() {
                tracing::warn!(function, "this Windows lacks a function of HNS: it is too old");
            }
            let settings = windows_settings(&windows, &configuration.windows, stream)?;
            let host = Arc::new(WindowsHost::new(Arc::clone(&hns)));
            Ok(Ground { hcn: hns, host, settings })
        }
    }
}

/// The state directory, and the node's lock in it.
pub(super) fn lock(state: &StateArguments) -> Result<(StateDirectory, NodeLock), Failure> {
    let path = state_directory(state)?;
    let directory = open_state_directory(&path)?;
    match directory.lock() {
        Ok(lock) => Ok((directory, lock)),
        Err(held @ LockError::Held(_)) => {
            Err(Failure::Refused(format!("{held} (lock in {})", path.display())))
        }
        Err(failed) => Err(anyhow::Error::new(failed).into()),
    }
}

/// Prints what the proxy would do first.
fn dry_run(
    called: &Called,
    arguments: &ProxyArguments,
    cluster: &ClusterSource,
    node: &str,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let configuration = of_proxy(arguments, notices)?;
    let directory = StateDirectory::at(&state_directory(&arguments.state)?);
    let ledger = directory.read_ledger().context("read the ledger in the state directory")?;
    let agent = configuration.agent.clone();
    let input = look(cluster, configuration, node)?;
    input.report(notices)?;
    let mut windows = windows(arguments);
    windows.hns = windows.hns.filter(|path| Path::new(path).exists());
    let mut hns = match called {
        Called::Emulated => Hns::new(&windows, &input.windows, &input.stream)?,
        Called::OfWindows(hns) => {
            let (state, left) = state(&**hns)?;
            for object in left {
                writeln!(notices, "left out: {object}")?;
            }
            Hns::holding(state, &windows, &input.windows, &input.stream)?
        }
    };
    hns.settings.takeover = takeover(arguments, agent.takes_over_kube_proxy);
    print_plan(&input, &hns, ledger, None, &arguments.common, (out, notices))
}

/// Whether the network of the emulated HNS is made up from the Node: no file says which there is.
fn makes_up_network(arguments: &ProxyArguments) -> bool {
    let kept = arguments.windows.hns.as_deref().is_some_and(|path| Path::new(path).exists());
    !kept
}

/// The configuration, with what the environment says where neither it nor a flag does: as in kube-proxy, `KUBE_NETWORK` comes last.
fn of_proxy(arguments: &ProxyArguments, notices: &mut dyn Write) -> Result<Configuration, Failure> {
    let mut configuration = configuration(arguments.common.config.as_deref(), notices)?;
    let network = std::env::var(NETWORK).ok().filter(|name| !name.is_empty());
    configuration.windows.network_name = configuration.windows.network_name.or(network);
    for said in arguments.kube_proxy.ignored() {
        writeln!(notices, "{said}")?;
    }
    Ok(configuration)
}

/// The flags that `plan` has not.
fn windows(arguments: &ProxyArguments) -> WindowsArguments {
    WindowsArguments {
        enable_dsr: arguments.enable_dsr,
        network_name: arguments.network_name.clone().filter(|name| !name.is_empty()),
        ..arguments.windows.clone()
    }
}

fn reconciler_settings(
    settings: ReconcilerSettings,
    arguments: &ProxyArguments,
    configuration: &Configuration,
) -> ReconcilerSettings {
    let agent = &configuration.agent;
    ReconcilerSettings {
        takeover: takeover(arguments, agent.takes_over_kube_proxy),
        audit_period: agent.audit_period.unwrap_or(settings.audit_period),
        ..settings
    }
}

/// A flag before the configuration.
fn takeover(arguments: &ProxyArguments, configured: bool) -> Takeover {
    match arguments.takeover {
        Some(TakeoverChoice::KubeProxy) => Takeover::KubeProxy,
        None if configured => Takeover::KubeProxy,
        Some(TakeoverChoice::None) | None => Takeover::None,
    }
}
