//! `proxy`: the node's agent.

mod cluster;
mod host;

use std::io::{LineWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use switchyard_agent::{Host, LockError, NodeLock, Pages, Reload, Setup, StateDirectory, mailbox};
use switchyard_hcn::Hcn;
use switchyard_hcn_emulator::Emulator;
use switchyard_nodeview::Stream;
use switchyard_source::{Configuration, FollowedConfiguration};
use switchyard_winkernel::{ReconcilerSettings, Takeover};

use self::cluster::{LONGEST_WAIT, begin, look};
use self::host::{EmulatedHost, WindowsHost};
use super::plan::print_plan;
use crate::arguments::{CleanupArguments, Owner, ProxyArguments, StateArguments, TakeoverChoice};
use crate::failure::{Exit, Failure};
use crate::file::write_atomically;
use crate::hns::{Called, called, state};
use crate::network::{Hns, Start, windows_settings};
use crate::options::ProxyOptions;
use crate::state_directory::{open_state_directory, state_directory};
use crate::{logging, process};

/// The release of Kubernetes whose kube-proxy this takes the flags and the configuration of.
const RELEASE: &str = "v1.35";

pub(crate) fn run(
    arguments: &ProxyArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let flags = &arguments.kube_proxy;
    if flags.value("version").is_some_and(|version| version != "false") {
        // Scripts look for the release of Kubernetes in what kube-proxy says.
        writeln!(
            out,
            "switchyard {}, for kube-proxy of Kubernetes {RELEASE}",
            env!("CARGO_PKG_VERSION")
        )?;
        return Ok(Exit::Answered);
    }
    if flags.is_true("init-only") {
        let why = "--init-only: there is nothing to be done beforehand; kube-proxy refuses it on Windows, too";
        return Err(Failure::Usage(why.to_owned()));
    }
    if flags.is_true("cleanup") {
        return super::cleanup::run(&cleanup(arguments), out, notices);
    }
    if let Some(path) = flags.text("write-config-to") {
        return write_configuration(arguments, Path::new(path), notices);
    }
    let called = called(arguments.hcn, arguments.windows.hns.as_deref())?;
    let options = match ProxyOptions::read(arguments) {
        Ok(options) => options,
        Err(failure) => return Err(told(failure, arguments)),
    };
    if arguments.dry_run {
        return dry_run(&called, arguments, options, out, notices);
    }
    let (log, _writer) = logging::start(&options.logging, &options.node, usual_log(arguments))?;
    for warning in &options.warnings {
        tracing::warn!("{warning}");
    }
    let ended = work(called, arguments, options, &mut LineWriter::new(log.clone()));
    // Elsewhere it is on standard error, where the log is, too.
    if let Err(failure) = &ended
        && log.has_file()
    {
        tracing::error!(error = %failure.chain(), "ended");
    }
    ended
}

/// Has a failure in the log that comes before anybody knows how to log: by flags alone.
fn told(failure: Failure, arguments: &ProxyArguments) -> Failure {
    let node = arguments.node.as_deref().unwrap_or_default();
    if !arguments.dry_run
        && let Ok((log, _writer)) = logging::start(&arguments.logging, node, usual_log(arguments))
        && log.has_file()
    {
        tracing::error!(error = %failure.chain(), "ended");
    }
    failure
}

/// `--cleanup` as the command of that name.
fn cleanup(arguments: &ProxyArguments) -> CleanupArguments {
    CleanupArguments {
        owner: Owner::Switchyard,
        hcn: arguments.hcn,
        hns: arguments.windows.hns.clone(),
        dry_run: arguments.dry_run,
        state: arguments.state.clone(),
        output: arguments.common.output,
    }
}

/// Writes the configuration as it counts.
fn write_configuration(
    arguments: &ProxyArguments,
    path: &Path,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let options = ProxyOptions::read(arguments)?;
    for warning in &options.warnings {
        writeln!(notices, "{warning}")?;
    }
    let written = write_atomically(path, &options.configuration.written());
    written.with_context(|| format!("write the configuration to {}", path.display()))?;
    Ok(Exit::Answered)
}

/// Works until it is stopped.
fn work(
    called: Called,
    arguments: &ProxyArguments,
    options: ProxyOptions,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let (directory, lock) = lock(&arguments.state)?;
    let needs_node = matches!(called, Called::Emulated) && makes_up_network(&options);
    let ends_after = arguments.until_settled.then_some(LONGEST_WAIT);
    let (source, stream) = begin(&options, needs_node, ends_after, notices)?;
    let configuration = &options.configuration;
    let Ground { hcn, host, settings } = ground(called, &options, &stream)?;
    let reconciler = reconciler_settings(settings, arguments, configuration);
    let (mailbox, inbox) = mailbox();
    let stopper = mailbox.clone();
    process::on_stop(move || stopper.stop());
    process::follow_signals()?;
    process::started();
    // One that ends by itself is asked by nobody how it is.
    let pages = if arguments.until_settled { Pages::default() } else { pages(configuration) };
    let takeover = arguments.takeover.map(|_| takeover(arguments, false));
    let reload = arguments.common.config.as_deref().map(|path| Reload {
        followed: FollowedConfiguration::new(path, options.flags.clone()),
        current: configuration.clone(),
        takeover,
    });
    let setup = Setup {
        node: stream.view().node().name.clone(),
        settings: options.configuration.settings,
        reconciler,
        until_settled: arguments.until_settled,
        patience: LONGEST_WAIT,
        hcn,
        host,
        source,
        reload,
        pages,
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

fn ground(called: Called, options: &ProxyOptions, stream: &Stream) -> Result<Ground, Failure> {
    let (windows, configuration) = (&options.windows, &options.configuration);
    match called {
        Called::Emulated => {
            let start = Start::new(windows, &configuration.windows, stream)?;
            let emulator = Arc::new(Emulator::new(start.state));
            let file = windows.hns.clone();
            let host = Arc::new(EmulatedHost::new(Arc::clone(&emulator), start.pods, file));
            Ok(Ground { hcn: emulator, host, settings: start.settings })
        }
        Called::OfWindows(hns) => {
            for function in hns.missing() {
                tracing::warn!(function, "this Windows lacks a function of HNS: it is too old");
            }
            let settings = windows_settings(windows, &configuration.windows, stream)?;
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
    options: ProxyOptions,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    for warning in &options.warnings {
        writeln!(notices, "{warning}")?;
    }
    let directory = StateDirectory::at(&state_directory(&arguments.state)?);
    let ledger = directory.read_ledger().context("read the ledger in the state directory")?;
    let ProxyOptions { source, node, configuration, mut windows, .. } = options;
    let agent = configuration.agent.clone();
    let input = look(&source, configuration, &node)?;
    input.report(notices)?;
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

/// Where health and metrics are served, and how.
fn pages(configuration: &Configuration) -> Pages {
    let kube_proxy = &configuration.kube_proxy;
    Pages {
        health: kube_proxy.healthz_bind_address,
        metrics: kube_proxy.metrics_bind_address,
        hard_fail: kube_proxy.bind_address_hard_fail,
        health_check_ports: true,
        sync_period: kube_proxy.sync_period,
        configuration: configuration.configz().to_string(),
    }
}

/// Whether the network of the emulated HNS is made up from the Node: no file says which there is.
fn makes_up_network(options: &ProxyOptions) -> bool {
    let kept = options.windows.hns.as_deref();
    !kept.is_some_and(|path| Path::new(path).exists())
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
