//! A proxy that goes on while kubectl edits and the API server is killed and comes back.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::Tools;
use super::examples::{ADDED_ADDRESS, added};
use super::judge::judge;
use super::node::{WindowsNode, wait};
use super::page::{free_port, page};
use super::server::ApiServer;
use super::sets::{apply, delete, text, write};
use crate::wine::sets::Set;

/// The set that it serves.
pub(super) const EXAMPLE: &str = "shop";

/// The backend that is added to the Service that was added.
const BACKEND: &str = "10.199.1.2";

/// Leads one proxy through its life, and tells of it.
pub(super) fn check(
    tools: &Tools,
    server: &mut ApiServer,
    set: &Set,
    folder: &Path,
) -> Result<String> {
    let folder = folder.join("living");
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let applied = apply(tools, server, set, &folder)?;
    let name = &set.windows_nodes().next().context("no Windows node")?.name;
    let node = WindowsNode::new(tools, server, name, folder.join("node"))?;
    let (health, metrics) = (free_port()?, free_port()?);
    let healthz = format!("--healthz-bind-address=127.0.0.1:{health}");
    let metered = format!("--metrics-bind-address=127.0.0.1:{metrics}");
    let proxy = node.start(&[&healthz, &metered])?;
    let life = Life { node: &node, health };
    life.comes("the set", || Ok(judge(&node, &applied.manifests, &applied.documents).ok()))?;
    life.comes("health", || Ok(life.is_healthy().then_some(())))?;
    let (status, shown) = page(metrics, "/metrics").context("nobody serves metrics")?;
    let gauge = "kubeproxy_sync_proxy_rules_last_timestamp_seconds";
    ensure!(status == 200 && shown.contains(gauge), "metrics: {status}: no {gauge}");

    let edit = folder.join("edit.json");
    write(&edit, &added())?;
    let mut slowest =
        life.shows(ADDED_ADDRESS, true, || server.kubectl_prints(&["apply", "-f", text(&edit)?]))?;
    let backend = serde_json::json!([{"op": "add", "path": "/endpoints/-",
        "value": {"addresses": [BACKEND], "conditions": {"ready": true}}}]);
    let patch = ["patch", "endpointslice", "added-1", "-n", "default", "--type=json", "-p"];
    let scaled = life.shows(BACKEND, true, || {
        server.kubectl_prints(&[&patch[..], &[&backend.to_string()]].concat())
    })?;
    slowest = slowest.max(scaled);

    let (held, changes) = (node.state()?, node.changes()?);
    let log = || fs::read_to_string(node.log()).context("read the log of the proxy");
    let before = log()?.len();
    server.kill();
    life.comes("a word of the API server being gone", || {
        Ok(log()?.get(before..).is_some_and(|since| since.contains(" WARN ")).then_some(()))
    })?;
    ensure!(life.is_healthy(), "without an API server the proxy is not healthy");
    server.start_again()?;
    ensure!(node.changes()? == changes, "HNS was changed while the API server was gone");
    ensure!(node.state()? == held, "HNS holds something else while the API server was gone");
    let back = life.shows(ADDED_ADDRESS, false, || {
        server.kubectl_prints(&["delete", "--wait=false", "-f", text(&edit)?])
    })?;
    life.comes("the set alone", || Ok(judge(&node, &applied.manifests, &applied.documents).ok()))?;
    ensure!(!node.holds(BACKEND)?, "HNS has the backend of a deleted Service");
    server.kubectl_prints(&["apply", "-f", text(&edit)?])?;
    delete(server, &applied.documents, &edit, &folder)?;
    life.comes("an HNS without anything of ours", || Ok((node.own_objects()? == 0).then_some(())))?;
    drop(proxy);
    server.kubectl_prints(&["delete", "nodes", "--all", "--wait=false"])?;
    Ok(format!(
        "a living proxy: edits show after {slowest:.2} s at most, kubectl included; after a loss of the API server, in which \
         nothing was written, after {back:.2} s"
    ))
}

struct Life<'a> {
    node: &'a WindowsNode<'a>,
    health: u16,
}

impl Life<'_> {
    fn is_healthy(&self) -> bool {
        page(self.health, "/healthz").is_some_and(|(status, _)| status == 200)
    }

    /// Waits for what `look` finds.
    fn comes<T>(&self, what: &str, look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        wait(look)?.with_context(|| {
            let log = fs::read_to_string(self.node.log()).unwrap_or_default();
            format!("{what} does not come; the proxy's log:\n{log}")
        })
    }

    /// The seconds from the beginning of an edit until HNS has, or has no more, an address.
    fn shows(
        &self,
        address: &str,
        there: bool,
        edit: impl FnOnce() -> Result<String>,
    ) -> Result<f64> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the duration is told, nothing depends on it"
        )]
        let begin = Instant::now();
        edit()?;
        self.comes(address, || Ok((self.node.holds(address)? == there).then_some(())))?;
        let seconds = begin.elapsed().as_secs_f64();
        Ok(seconds)
    }
}
