//! An API server that listens on this machine, and kubectl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use switchyard_kube_contract::Subject;

use crate::kube_contract::build::Programs;
use crate::kube_contract::cluster::Cluster;
use crate::kube_contract::fake::Fake;
use crate::program;

/// An API server, reached over TCP.
pub(super) struct ApiServer {
    kind: Kind,
    kubectl: PathBuf,
    /// How it is reached.
    pub(super) kubeconfig: PathBuf,
}

enum Kind {
    Fake(Box<Fake>),
    Real(Box<Cluster>),
}

impl ApiServer {
    /// The one in memory, in this process.
    pub(super) fn fake(programs: &Programs, folder: &Path) -> Result<Self> {
        let fake = Fake::open()?;
        let text = fake.kubeconfig()?;
        Self::new(Kind::Fake(Box::new(fake)), &text, programs, folder)
    }

    /// The one of `tests/apiserver`, a process beside its store.
    pub(super) fn real(programs: &Programs, folder: &Path) -> Result<Self> {
        let cluster = Cluster::ours_in(programs, "end-to-end")?;
        let text = cluster.kubeconfig()?;
        Self::new(Kind::Real(Box::new(cluster)), &text, programs, folder)
    }

    fn new(kind: Kind, text: &str, programs: &Programs, folder: &Path) -> Result<Self> {
        let kubeconfig = folder.join("kubeconfig");
        fs::write(&kubeconfig, text).context("write the kubeconfig")?;
        Ok(Self { kind, kubectl: programs.kubectl.clone(), kubeconfig })
    }

    /// Kills it, and its store where that is another process.
    pub(super) fn kill(&mut self) {
        match &mut self.kind {
            Kind::Fake(fake) => fake.kill(),
            Kind::Real(cluster) => cluster.kill(),
        }
    }

    /// Starts it again where it was, with what it held.
    pub(super) fn start_again(&mut self) -> Result<()> {
        match &mut self.kind {
            Kind::Fake(fake) => fake.start_again(),
            Kind::Real(cluster) => cluster.start_both(),
        }
    }

    /// What kubectl does, however it ends.
    pub(super) fn kubectl(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(["--request-timeout", "60s"]);
        // Its cache of what a server has is per address, and another server may have had that.
        command.arg("--cache-dir").arg(self.kubeconfig.with_extension("cache"));
        command.args(arguments).stdin(Stdio::null());
        command.output().with_context(|| format!("start {}", program::words(&command)))
    }

    /// What kubectl prints, when all of it goes well.
    pub(super) fn kubectl_prints(&self, arguments: &[&str]) -> Result<String> {
        let output = self.kubectl(arguments)?;
        let said = String::from_utf8_lossy(&output.stderr);
        let words = arguments.join(" ");
        ensure!(output.status.success(), "kubectl {words}: {}: {said}", output.status);
        String::from_utf8(output.stdout).context("kubectl prints other than UTF-8")
    }

    /// Everything that it holds of what a proxy or the judge reads, one document each.
    pub(super) fn held(&self) -> Result<Vec<Value>> {
        let kinds = "nodes,services,endpointslices,pods";
        let list = self.kubectl_prints(&["get", kinds, "--all-namespaces", "-o", "json"])?;
        let mut list: Value = serde_json::from_str(&list).context("read what kubectl prints")?;
        match list["items"].take() {
            Value::Array(items) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }
}
