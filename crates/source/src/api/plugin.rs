//! Plugins that have the credentials: programs that a kubeconfig names under `exec`.
//!
//! kube runs them, too, but waits for ever, on a thread that others need, and twice for each client. Here a plugin has its time
//! and is ended after it.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;

/// How often a plugin is looked at that runs.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How much is read of what it says.
const MOST_SAID: u64 = 1 << 20;
/// How much of what it complains of is told.
const MOST_TOLD: usize = 300;
/// How many of its outputs may be open beyond its end, by programs that it began, before it is run no more.
const MOST_OPEN: usize = 8;

/// Why a plugin gave no credentials.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The kubeconfig names none.
    #[error("exec.command: must name a program")]
    Missing,
    /// It is to speak with somebody, and nobody is there.
    #[error("exec.interactiveMode: is Always, and a proxy has no terminal")]
    Interactive,
    /// It cannot be told where the cluster is.
    #[error("exec.provideClusterInfo: the cluster is not known")]
    Cluster,
    /// It cannot be run.
    #[error("it cannot be run")]
    Start(#[source] io::Error),
    /// It does not end.
    #[error("it did not end within {} s and was ended", .0.as_secs_f64())]
    Hangs(Duration),
    /// Programs that it began still hold its outputs.
    #[error("programs that it began earlier still run; end them")]
    LeftOthers,
    /// It failed.
    #[error("it ended with {status}{said}")]
    Failed {
        /// How.
        status: ExitStatus,
        /// What it said about it, as the end of a sentence.
        said: String,
    },
    /// It said what nobody can read.
    #[error("what it printed is no ExecCredential")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It gave nothing to use.
    #[error(
        "its ExecCredential has neither status.token nor status.clientCertificateData with status.clientKeyData"
    )]
    Empty,
    /// It says when its credentials end, and nobody can read it.
    #[error(
        "status.expirationTimestamp of its ExecCredential: {0:?}: must be a time such as 2026-01-31T12:00:00Z"
    )]
    End(String),
}

/// What a plugin gives.
#[derive(Debug, Deserialize)]
struct Credential {
    status: Option<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Credentials of a plugin. Nobody prints them.
pub(super) struct Credentials {
    pub(super) token: Option<String>,
    /// A certificate and its key, as PEM.
    pub(super) certificate: Option<(String, String)>,
    /// When they end.
    pub(super) ends: Option<jiff::Timestamp>,
}

/// What there is of outputs that are still read.
pub(super) type Open = Arc<()>;

/// Which of its outputs something was read of.
enum Said {
    Credentials(Vec<u8>),
    Complaints(Vec<u8>),
}

/// Runs the plugin, for `patience` at most.
pub(super) fn run(
    plugin: &ExecConfig,
    patience: Duration,
    open: &Open,
) -> Result<Credentials, PluginError> {
    if Arc::strong_count(open) > MOST_OPEN {
        return Err(PluginError::LeftOthers);
    }
    let mut child = command(plugin)?.spawn().map_err(PluginError::Start)?;
    let (sender, receiver) = sync_channel(2);
    read(child.stdout.take(), Said::Credentials, &sender, open).map_err(PluginError::Start)?;
    read(child.stderr.take(), Said::Complaints, &sender, open).map_err(PluginError::Start)?;
    let (mut credentials, mut complaints, mut ended) = (None, None, None);
    let mut waited = Duration::ZERO;
    while credentials.is_none() || complaints.is_none() || ended.is_none() {
        if waited >= patience {
            end(&mut child);
            return Err(PluginError::Hangs(patience));
        }
        match receiver.recv_timeout(LOOK_EVERY) {
            Ok(Said::Credentials(bytes)) => credentials = Some(bytes),
            Ok(Said::Complaints(bytes)) => complaints = Some(bytes),
            // The other end is held here, too.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => waited += LOOK_EVERY,
        }
        if ended.is_none() {
            ended = child.try_wait().map_err(PluginError::Start)?;
        }
    }
    drop(sender);
    if let Some(status) = ended.filter(|status| !status.success()) {
        let said = complaints.unwrap_or_default();
        return Err(PluginError::Failed { status, said: told(&said) });
    }
    understand(&credentials.unwrap_or_default())
}

/// Ends a program. One that cannot be ended is left.
fn end(child: &mut Child) {
    if child.kill().is_ok() {
        // It is dead; this only takes note of it.
        let _ = child.wait();
    }
}

/// The beginning of what a plugin complains of, as the end of a sentence.
fn told(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let text: String = text.trim().chars().take(MOST_TOLD).collect();
    if text.is_empty() { text } else { format!(": {}", crate::refusal::printable(&text)) }
}

fn command(plugin: &ExecConfig) -> Result<Command, PluginError> {
    let name = plugin.command.as_ref().filter(|name| !name.is_empty());
    let mut command = Command::new(name.ok_or(PluginError::Missing)?);
    if plugin.interactive_mode == Some(ExecInteractiveMode::Always) {
        return Err(PluginError::Interactive);
    }
    command.args(plugin.args.iter().flatten());
    for variable in plugin.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    let mut spec = json!({"interactive": false});
    if plugin.provide_cluster_info {
        let cluster = plugin.cluster.as_ref().ok_or(PluginError::Cluster)?;
        spec["cluster"] = serde_json::to_value(cluster).map_err(|_| PluginError::Cluster)?;
    }
    let asked = json!({"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec});
    command.env("KUBERNETES_EXEC_INFO", asked.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Reads an output on a thread of its own: a program that the plugin began may keep it open for ever.
fn read(
    output: Option<impl Read + Send + 'static>,
    said: fn(Vec<u8>) -> Said,
    sender: &SyncSender<Said>,
    open: &Open,
) -> io::Result<()> {
    let (sender, open) = (sender.clone(), Arc::clone(open));
    let work = move || {
        let mut bytes = Vec::new();
        if let Some(output) = output {
            // What was read before an error counts: it is understood or not.
            let _ = output.take(MOST_SAID).read_to_end(&mut bytes);
        }
        drop(open);
        let _ = sender.send(said(bytes));
    };
    thread::Builder::new().name("plugin".to_owned()).spawn(work).map(drop)
}

/// Plugins print JSON; client-go takes YAML, too.
fn understand(printed: &[u8]) -> Result<Credentials, PluginError> {
    let credential: Credential = serde_saphyr::from_slice(printed)
        .map_err(|_| PluginError::Unreadable("it is neither JSON nor YAML of that kind".into()))?;
    let status = credential.status.ok_or(PluginError::Empty)?;
    let end = |text: String| text.parse().map_err(|_| PluginError::End(text));
    let ends = status.expiration_timestamp.map(end).transpose()?;
    let token = status.token.filter(|token| !token.is_empty());
    let certificate = status.client_certificate_data.zip(status.client_key_data);
    if token.is_none() && certificate.is_none() {
        return Err(PluginError::Empty);
    }
    Ok(Credentials { token, certificate, ends })
}
