//! A proxy under Wine, on the HNS behind `computenetwork.dll`: restarted, killed, beside other processes, on an HNS that goes
//! away and comes back without load balancers; and its removal.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::prefix::{Prefix, ended, printed, windows_path};
use super::sets::{self, network_file};
use super::stage::{Running, Stage, wait};
use crate::hns::changes_in;
use crate::workspace::Workspace;

/// The example that the proxy is led through.
const EXAMPLE: &str = "shop";

/// Leads a proxy through its life.
pub(super) fn check(workspace: &Workspace, prefix: &Prefix) -> Result<()> {
    let life = Life::new(workspace, prefix)?;
    let made = life.it_starts_and_is_watched().context("start")?;
    life.a_kill_leaves_everything_and_a_start_changes_nothing(&made).context("kill")?;
    life.a_loss_is_repaired(&made).context("loss")?;
    life.cleanup_leaves_nothing().context("cleanup")?;
    println!("proxy under Wine: started, asked, killed, restarted, HNS lost and back, cleaned up");
    Ok(())
}

/// One node, and its HNS.
struct Life<'a> {
    stage: Stage<'a>,
    manifests: String,
    node: String,
}

impl<'a> Life<'a> {
    fn new(workspace: &Workspace, prefix: &'a Prefix) -> Result<Self> {
        let folder = prefix.folder("proxy")?;
        let set = sets::named(workspace, Some(EXAMPLE))?.pop().context("no example set")?;
        let node = set.windows_nodes().next().context("no Windows node")?;
        let file = network_file(&folder, "l2bridge", node)?;
        let state: Value = serde_json::from_str(&set.state_before(node, &file)?)?;
        let setup = json!({ "state": state, "knobs": { "rehydration": "withoutLoadBalancers" } });
        let manifests = windows_path(&workspace.root.join(&set.path));
        let stage = Stage::new(prefix, folder, &setup)?;
        Ok(Self { stage, manifests, node: node.name.to_string() })
    }

    /// Starts a proxy, whose log is added to a file.
    fn start(&self) -> Result<Running> {
        let own = ["proxy", "--manifests", &self.manifests, "--node", &self.node];
        // Whatever else runs on this machine may have the usual ports.
        let pages = ["--healthz-bind-address=", "--metrics-bind-address="];
        let arguments = [&own[..], &pages].concat();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log());
        let mut command = self.stage.switchyard(&arguments);
        command.stdout(Stdio::null()).stderr(log.context("open the log")?);
        Ok(Running(command.spawn().context("start the proxy")?))
    }

    /// Waits until the proxy says that it has nothing to do, with `count` load balancers in HNS where that is known.
    fn settled(&self, count: Option<usize>) -> Result<Value> {
        let mut last = String::new();
        let come = wait(|| {
            let output = ended(&mut self.stage.switchyard(&["status", "-o", "json"]))?;
            last = String::from_utf8_lossy(&output.stderr).into_owned();
            let Ok(status) = serde_json::from_slice::<Value>(&output.stdout) else {
                return Ok(None);
            };
            last = status.to_string();
            if status["state"] != "settled" {
                return Ok(None);
            }
            let state = self.stage.state()?;
            let held = state["loadBalancers"].as_array().map_or(0, Vec::len);
            Ok((count.is_none_or(|count| count == held)).then_some(state))
        });
        come.with_context(|| last.clone())?.with_context(|| {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            format!("the proxy did not settle in time: {last}; its log:\n{log}")
        })
    }

    fn log(&self) -> PathBuf {
        self.stage.folder.join("log")
    }

    /// A proxy starts, says so, shows HNS, and suffers no other beside it. Returns what HNS then holds.
    fn it_starts_and_is_watched(&self) -> Result<Value> {
        let proxy = self.start()?;
        let made = self.settled(None)?;
        let held = made["loadBalancers"].as_array().map_or(0, Vec::len);
        ensure!(held > 0, "HNS has no load balancer");
        let arguments = ["proxy", "--manifests", &self.manifests, "--node", &self.node];
        let second = ended(&mut self.stage.switchyard(&arguments))?;
        let said = String::from_utf8_lossy(&second.stderr);
        ensure!(second.status.code() == Some(4), "a second proxy: {}: {said}", second.status);
        ensure!(said.contains("is this node's proxy"), "a second proxy said {said:?}");
        let shown = printed(&mut self.stage.switchyard(&["status", "--hns"]))?;
        let shown: Value = serde_json::from_str(&shown).context("read status --hns")?;
        let ids = |state: &Value| -> Vec<String> {
            let held = state["loadBalancers"].as_array().into_iter().flatten();
            held.map(|object| object["ID"].to_string()).collect()
        };
        ensure!(ids(&shown) == ids(&made), "status --hns shows other load balancers than HNS has");
        drop(proxy);
        Ok(made)
    }

    /// The proxy was killed. Its rules are there, and the next one makes no call that changes anything.
    fn a_kill_leaves_everything_and_a_start_changes_nothing(&self, made: &Value) -> Result<()> {
        ensure!(self.stage.state()? == *made, "a kill changed HNS");
        let plan = ["proxy", "--manifests", &self.manifests, "--node", &self.node, "--dry-run"];
        let dry = ended(&mut self.stage.switchyard(&plan))?;
        let said = String::from_utf8_lossy(&dry.stderr);
        ensure!(dry.status.code() == Some(0), "a dry run after a kill: {}: {said}", dry.status);
        let before = changes(&self.stage)?;
        let proxy = self.start()?;
        self.settled(None)?;
        let more = changes(&self.stage)? - before;
        ensure!(more == 0, "a restart made {more} calls that change HNS");
        drop(proxy);
        Ok(())
    }

    /// HNS restarts without its load balancers, and again, under a proxy that runs: they are made again.
    fn a_loss_is_repaired(&self, made: &Value) -> Result<()> {
        let count = made["loadBalancers"].as_array().map_or(0, Vec::len);
        let proxy = self.start()?;
        self.settled(Some(count))?;
        for path in ["/emulator/restart", "/emulator/restart"] {
            self.stage.hns("POST", path)?;
            let after = self.settled(Some(count))?;
            ensure!(after == *made, "after a loss HNS holds something else");
        }
        drop(proxy);
        Ok(())
    }

    fn cleanup_leaves_nothing(&self) -> Result<()> {
        printed(&mut self.stage.switchyard(&["cleanup"]))?;
        let state = self.stage.state()?;
        ensure!(state["loadBalancers"] == json!([]), "cleanup left load balancers: {state}");
        let again = ended(&mut self.stage.switchyard(&["cleanup", "--dry-run"]))?;
        ensure!(again.status.code() == Some(0), "cleanup has something left to do");
        Ok(())
    }
}

/// How many calls of an HNS have changed it, or tried to.
pub(super) fn changes(stage: &Stage<'_>) -> Result<usize> {
    let log = fs::read_to_string(stage.call_log()).context("read the log of calls")?;
    let changes = changes_in(&log)?;
    ensure!(changes > 0, "no call that changes HNS is in its log");
    Ok(changes)
}
