//! A Windows node: its HNS in a file, and the proxies that run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Tools;
use super::server::ApiServer;
use crate::hns::{changes_in, own_objects};
use crate::program;

/// How long anything may take that is waited for, in looks, and how often it is looked at.
const LOOKS: u32 = 3_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A proxy that ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// What it printed.
    pub(super) printed: String,
    /// What it said besides.
    pub(super) said: String,
}

/// One node, with files of its own.
pub(super) struct WindowsNode<'a> {
    tools: &'a Tools,
    /// Its name.
    pub(super) name: String,
    /// How its API server is reached.
    kubeconfig: PathBuf,
    folder: PathBuf,
    /// The network of its HNS, where that is not the usual one.
    pub(super) network: Option<PathBuf>,
}

impl<'a> WindowsNode<'a> {
    pub(super) fn new(
        tools: &'a Tools,
        server: &ApiServer,
        name: &str,
        folder: PathBuf,
    ) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let kubeconfig = server.kubeconfig.clone();
        Ok(Self { tools, name: name.to_owned(), kubeconfig, folder, network: None })
    }

    /// The file that its HNS is kept in.
    pub(super) fn hns(&self) -> PathBuf {
        self.folder.join("hns.json")
    }

    /// What its HNS holds; nothing before the first proxy.
    pub(super) fn state(&self) -> Result<Value> {
        if !self.hns().exists() {
            return Ok(Value::Null);
        }
        let text = fs::read_to_string(self.hns()).context("read the state of HNS")?;
        serde_json::from_str(&text).context("read the state of HNS")
    }

    /// The addresses of all frontends and of all backends of ours.
    pub(super) fn holds(&self, address: &str) -> Result<bool> {
        let state = self.state()?;
        let of = |kind: &str| state[kind].as_array().cloned().unwrap_or_default();
        let at = |object: &Value| {
            object["FrontendVIPs"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == address))
        };
        let is = |object: &Value| {
            let addresses = object["IpConfigurations"].as_array();
            addresses.is_some_and(|all| all.iter().any(|one| one["IpAddress"] == address))
        };
        Ok(of("loadBalancers").iter().any(at) || of("endpoints").iter().any(is))
    }

    /// How many objects of ours its HNS holds.
    pub(super) fn own_objects(&self) -> Result<usize> {
        Ok(own_objects(&self.state()?))
    }

    /// The calls of the last proxy that changed HNS, or tried to.
    pub(super) fn changes(&self) -> Result<usize> {
        let log = fs::read_to_string(self.folder.join("calls")).context("read the log of calls")?;
        ensure!(!log.is_empty(), "no call of HNS was logged");
        changes_in(&log)
    }

    /// What a proxy on this node is told.
    fn proxy(&self, arguments: &[&str]) -> Command {
        let mut command = self.switchyard("proxy");
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        command.args(["--hostname-override", &self.name, "--hcn", "emulator"]);
        command.arg("--state-dir").arg(self.folder.join("state")).args(arguments);
        command.env("SWITCHYARD_HNS_CALL_LOG", self.folder.join("calls"));
        command
    }

    fn switchyard(&self, name: &str) -> Command {
        let mut command = Command::new(&self.tools.switchyard);
        command.arg(name).arg("--hns").arg(self.hns());
        if let Some(network) = &self.network {
            command.arg("--network").arg(network);
        }
        command
    }

    /// Runs a command to its end, which must come in time.
    fn ended(&self, command: &mut Command) -> Result<Ended> {
        let (out, err) = (self.folder.join("printed"), self.folder.join("said"));
        let file = |path: &Path| fs::File::create(path).context("make a file for what is printed");
        command.stdin(Stdio::null()).stdout(file(&out)?).stderr(file(&err)?);
        let words = program::words(command);
        let mut running = Running(command.spawn().with_context(|| format!("start {words}"))?);
        let status = wait(|| running.0.try_wait().context("ask whether it has ended"))?;
        let read = |path: &Path| fs::read_to_string(path).context("read what was printed");
        let (printed, said) = (read(&out)?, read(&err)?);
        match status {
            Some(status) => Ok(Ended { status, printed, said }),
            None => bail!("{words}: still running: {said}"),
        }
    }

    /// Runs a proxy until HNS holds what is wanted.
    pub(super) fn settle(&self) -> Result<()> {
        let ended = self.ended(&mut self.proxy(&["--until-settled"]))?;
        ensure!(ended.status.success(), "{}: proxy: {}: {}", self.name, ended.status, ended.said);
        Ok(())
    }

    /// Asks a proxy what it would do.
    pub(super) fn dry_run(&self) -> Result<Ended> {
        self.ended(&mut self.proxy(&["--dry-run"]))
    }

    /// Asks what is to be done for `manifests`.
    pub(super) fn plan(&self, manifests: &Path) -> Result<Ended> {
        let mut plan = self.switchyard("plan");
        plan.arg("--manifests").arg(manifests).args(["--node", &self.name]);
        self.ended(&mut plan)
    }

    /// Starts a proxy that goes on.
    pub(super) fn start(&self, arguments: &[&str]) -> Result<Running> {
        let log = fs::File::create(self.log()).context("make the log of the proxy")?;
        let mut command = self.proxy(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Ok(Running(command.spawn().context("start a proxy")?))
    }

    /// The log of a proxy that goes on.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// A program that runs, and is killed when this is dropped.
pub(super) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `look` finds, within a minute.
pub(super) fn wait<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    for _ in 0..LOOKS {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        #[expect(clippy::disallowed_methods, reason = "between looks, up to a count")]
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(None)
}
