//! A proxy under Wine, on the HNS behind `computenetwork.dll`: restarted, killed, beside other processes, on an HNS that goes
//! away and comes back without load balancers; and its removal.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::prefix::{Prefix, ended, printed, windows_path};
use super::sets::{self, network_file};
use crate::workspace::Workspace;

/// The example that the proxy is led through.
const EXAMPLE: &str = "shop";
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Leads a proxy through its life.
pub(super) fn check(workspace: &Workspace, prefix: &Prefix) -> Result<()> {
    let stage = Stage::new(workspace, prefix)?;
    let made = stage.it_starts_and_is_watched().context("start")?;
    stage.a_kill_leaves_everything_and_a_start_changes_nothing(&made).context("kill")?;
    stage.a_loss_is_repaired(&made).context("loss")?;
    stage.cleanup_leaves_nothing().context("cleanup")?;
    println!("proxy under Wine: started, asked, killed, restarted, HNS lost and back, cleaned up");
    Ok(())
}

/// One node, and where its files are.
struct Stage<'a> {
    prefix: &'a Prefix,
    manifests: String,
    node: String,
    folder: PathBuf,
}

/// A proxy that runs. It is killed when this is dropped.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        // One that has ended is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl<'a> Stage<'a> {
    fn new(workspace: &Workspace, prefix: &'a Prefix) -> Result<Self> {
        let folder = prefix.folder("proxy")?;
        let set = sets::named(workspace, Some(EXAMPLE))?.pop().context("no example set")?;
        let node = set.windows_nodes().next().context("no Windows node")?;
        let file = network_file(&folder, "l2bridge", node)?;
        let state: Value = serde_json::from_str(&set.state_before(node, &file)?)?;
        let setup = json!({ "state": state, "knobs": { "rehydration": "withoutLoadBalancers" } });
        fs::write(folder.join("setup.json"), setup.to_string()).context("write the setup")?;
        let manifests = windows_path(&workspace.root.join(&set.path));
        Ok(Self { prefix, manifests, node: node.name.to_string(), folder })
    }

    /// A command that sees this stage's HNS.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.prefix.command(self.prefix.built.file(program));
        command.args(arguments);
        command.env("SWITCHYARD_HNS_DIR", windows_path(&self.folder.join("hns")));
        command.env("SWITCHYARD_HNS_SETUP", windows_path(&self.folder.join("setup.json")));
        command.env("SWITCHYARD_STATE_DIR", windows_path(&self.folder.join("state")));
        command
    }

    /// Starts a proxy, whose log is added to a file.
    fn start(&self) -> Result<Proxy> {
        let arguments = ["proxy", "--manifests", &self.manifests, "--node", &self.node];
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log"));
        let mut command = self.command("switchyard.exe", &arguments);
        command.stdout(Stdio::null()).stderr(log.context("open the log")?);
        Ok(Proxy(command.spawn().context("start the proxy")?))
    }

    /// What HNS answers to another process.
    fn hns(&self, method: &str, path: &str) -> Result<Value> {
        let mut command = self.command("examples/hns_call.exe", &[method, path]);
        let response: Value = serde_json::from_str(&printed(&mut command)?)?;
        ensure!(response["Success"] == json!(true), "{method} {path}: {response}");
        Ok(response["Output"].clone())
    }

    /// Waits until the proxy says that it has nothing to do, with `count` load balancers in HNS where that is known.
    fn settled(&self, count: Option<usize>) -> Result<Value> {
        let mut last = String::new();
        self.wait("the proxy to settle", || {
            let output = ended(&mut self.command("switchyard.exe", &["status", "-o", "json"]))?;
            last = String::from_utf8_lossy(&output.stderr).into_owned();
            let Ok(status) = serde_json::from_slice::<Value>(&output.stdout) else {
                return Ok(None);
            };
            last = status.to_string();
            if status["state"] != "settled" {
                return Ok(None);
            }
            let state = self.hns("GET", "/emulator/state")?;
            let held = state["loadBalancers"].as_array().map_or(0, Vec::len);
            Ok((count.is_none_or(|count| count == held)).then_some(state))
        })
        .with_context(|| last.clone())
    }

    /// Waits until `look` finds something.
    fn wait<T>(&self, what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            if let Some(found) = look()? {
                return Ok(found);
            }
            pause();
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        bail!("waited {} s for {what}; the log of the proxy:\n{log}", PATIENCE.as_secs())
    }

    /// A proxy starts, says so, shows HNS, and suffers no other beside it. Returns what HNS then holds.
    fn it_starts_and_is_watched(&self) -> Result<Value> {
        let proxy = self.start()?;
        let made = self.settled(None)?;
        let held = made["loadBalancers"].as_array().map_or(0, Vec::len);
        ensure!(held > 0, "HNS has no load balancer");
        let arguments = ["proxy", "--manifests", &self.manifests, "--node", &self.node];
        let second = ended(&mut self.command("switchyard.exe", &arguments))?;
        let said = String::from_utf8_lossy(&second.stderr);
        ensure!(second.status.code() == Some(4), "a second proxy: {}: {said}", second.status);
        ensure!(said.contains("is this node's proxy"), "a second proxy said {said:?}");
        let shown = printed(&mut self.command("switchyard.exe", &["status", "--hns"]))?;
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
        ensure!(self.hns("GET", "/emulator/state")? == *made, "a kill changed HNS");
        let plan = ["proxy", "--manifests", &self.manifests, "--node", &self.node, "--dry-run"];
        let dry = ended(&mut self.command("switchyard.exe", &plan))?;
        let said = String::from_utf8_lossy(&dry.stderr);
        ensure!(dry.status.code() == Some(0), "a dry run after a kill: {}: {said}", dry.status);
        let before = self.changes()?;
        let proxy = self.start()?;
        self.settled(None)?;
        let changes = self.changes()? - before;
        ensure!(changes == 0, "a restart made {changes} calls that change HNS");
        drop(proxy);
        Ok(())
    }

    /// How many calls have changed HNS, or tried to.
    fn changes(&self) -> Result<usize> {
        let calls = self.hns("GET", "/emulator/calls")?;
        let calls = calls.as_array().context("no list of calls")?;
        let changes = calls.iter().filter(|call| {
            let name = call["call"].as_str().unwrap_or_default();
            ["HcnCreate", "HcnModify", "HcnDelete"].iter().any(|verb| name.starts_with(verb))
        });
        Ok(changes.count())
    }

    /// HNS restarts without its load balancers, and again, under a proxy that runs: they are made again.
    fn a_loss_is_repaired(&self, made: &Value) -> Result<()> {
        let count = made["loadBalancers"].as_array().map_or(0, Vec::len);
        let proxy = self.start()?;
        self.settled(Some(count))?;
        for path in ["/emulator/restart", "/emulator/restart"] {
            self.hns("POST", path)?;
            let after = self.settled(Some(count))?;
            ensure!(after == *made, "after a loss HNS holds something else");
        }
        drop(proxy);
        Ok(())
    }

    fn cleanup_leaves_nothing(&self) -> Result<()> {
        printed(&mut self.command("switchyard.exe", &["cleanup"]))?;
        let state = self.hns("GET", "/emulator/state")?;
        ensure!(state["loadBalancers"] == json!([]), "cleanup left load balancers: {state}");
        let again = ended(&mut self.command("switchyard.exe", &["cleanup", "--dry-run"]))?;
        ensure!(again.status.code() == Some(0), "cleanup has something left to do");
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "another process is waited for, a minute at most")]
fn pause() {
    std::thread::sleep(LOOK_EVERY);
}
