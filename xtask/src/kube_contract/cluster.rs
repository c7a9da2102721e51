//! A store and API servers on it: ours, or those that a cluster runs.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use switchyard_kube_contract::{Ability, Subject};

use super::build::Programs;
use super::process::Process;

/// A store, a server, and at times a second one.
pub(crate) struct Cluster {
    kind: Kind,
    /// Our own server, which has a store forget, too, whoever's it is.
    helper: PathBuf,
    kubectl: PathBuf,
    folder: PathBuf,
    port: u16,
    // What is dropped first is ended first: servers before their store.
    second: Option<Process>,
    server: Option<Process>,
    store: Option<(Process, String)>,
}

/// Whose programs run.
enum Kind {
    /// Those of `tests/apiserver`.
    Ours,
    /// `kube-apiserver` and `etcd` in this folder.
    Assets(PathBuf),
}

impl Cluster {
    /// Our own server, on an empty store.
    pub(super) fn ours(programs: &Programs) -> Result<Self> {
        Self::ours_in(programs, "real")
    }

    /// Our own server, on an empty store in the folder of that name.
    pub(crate) fn ours_in(programs: &Programs, name: &str) -> Result<Self> {
        Self::start(Kind::Ours, programs, name)
    }

    /// That of a cluster, in the folder that `KUBEBUILDER_ASSETS` names.
    pub(super) fn of_assets(programs: &Programs, folder: PathBuf) -> Result<Self> {
        for program in ["kube-apiserver", "etcd"] {
            if !folder.join(program).is_file() {
                bail!("KUBEBUILDER_ASSETS names {}, which has no {program}", folder.display());
            }
        }
        Self::start(Kind::Assets(folder), programs, "kube-apiserver")
    }

    fn start(kind: Kind, programs: &Programs, name: &str) -> Result<Self> {
        let folder = programs.folder.join("data").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let mut cluster = Self {
            kind,
            helper: programs.server.clone(),
            kubectl: programs.kubectl.clone(),
            folder,
            port: free_port()?,
            second: None,
            server: None,
            store: None,
        };
        cluster.start_both()?;
        Ok(cluster)
    }

    /// Kills the servers and the store. What they wrote stays.
    pub(crate) fn kill(&mut self) {
        self.second = None;
        self.server = None;
        self.store = None;
    }

    /// Starts the store and one server, on what is there.
    pub(crate) fn start_both(&mut self) -> Result<()> {
        self.store = Some(self.start_store()?);
        self.server = Some(self.start_server("first", self.port)?);
        Ok(())
    }

    /// The store, and its address.
    fn start_store(&self) -> Result<(Process, String)> {
        let data = self.folder.join("store");
        match &self.kind {
            Kind::Ours => {
                let mut store = self.ours_with(&["-only-store", "-until-stdin-ends", "-data"]);
                Process::start_ready(store.arg(data).stderr(self.log("store")?))
            }
            Kind::Assets(assets) => {
                let address = format!("http://127.0.0.1:{}", free_port()?);
                let peers = format!("http://127.0.0.1:{}", free_port()?);
                let mut store = Command::new(assets.join("etcd"));
                store.arg("--data-dir").arg(data);
                for flag in ["--listen-client-urls", "--advertise-client-urls"] {
                    store.args([flag, &address]);
                }
                store.args(["--listen-peer-urls", &peers, "--log-level", "error"]);
                Ok((Process::start(&mut store)?, address))
            }
        }
    }

    fn ours_with(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.helper);
        command.args(arguments);
        command
    }

    /// Where a program writes what it has to say; the last start's is enough.
    fn log(&self, name: &str) -> Result<Stdio> {
        let file = self.folder.join(name).with_extension("log");
        let log = fs::File::create(&file).with_context(|| format!("make {}", file.display()))?;
        Ok(log.into())
    }

    fn store(&self) -> Result<&(Process, String)> {
        self.store.as_ref().context("the store does not run")
    }

    /// A server with a folder of its own, ready to be asked.
    fn start_server(&self, name: &str, port: u16) -> Result<Process> {
        let folder = self.folder.join(name);
        let store = &self.store()?.1;
        let port = port.to_string();
        match &self.kind {
            Kind::Ours => {
                let mut server = self.ours_with(&["-until-stdin-ends", "-etcd", store]);
                server.args(["-port", &port, "-data"]).arg(folder);
                Ok(Process::start_ready(server.stderr(self.log(name)?))?.0)
            }
            Kind::Assets(assets) => {
                self.make_certificate(&folder)?;
                let path = |file: &str| folder.join(file);
                let mut server = Command::new(assets.join("kube-apiserver"));
                server.args(["--etcd-servers", store, "--secure-port", &port]);
                server.args(["--bind-address", "127.0.0.1", "--authorization-mode", "RBAC"]);
                server.args(["--service-cluster-ip-range", "10.0.0.0/24"]);
                server.args(["--disable-admission-plugins", "ServiceAccount"]);
                server.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
                server.arg("--service-account-key-file").arg(path("apiserver.key"));
                server.arg("--service-account-signing-key-file").arg(path("apiserver.key"));
                server.arg("--tls-private-key-file").arg(path("apiserver.key"));
                server.arg("--tls-cert-file").arg(path("apiserver.crt"));
                server.arg("--token-auth-file").arg(path("tokens.csv"));
                server.arg("--cert-dir").arg(path("certificates"));
                let server = Process::start(server.stderr(self.log(name)?))?;
                self.until_ready(server, &path("kubeconfig"), &port)
            }
        }
    }

    /// A certificate, a key and a token, from a start of our own server.
    fn make_certificate(&self, folder: &Path) -> Result<()> {
        if folder.join("tokens.csv").is_file() {
            return Ok(());
        }
        let mut once = self.ours_with(&["-until-stdin-ends", "-data"]);
        drop(Process::start_ready(once.arg(folder))?);
        let token = fs::read_to_string(folder.join("token")).context("read the token")?;
        let tokens = format!("{token},test,test,\"system:masters\"\n");
        fs::write(folder.join("tokens.csv"), tokens).context("write the tokens")
    }

    /// Waits for `/readyz`, with a kubeconfig for this port.
    fn until_ready(&self, mut server: Process, kubeconfig: &Path, port: &str) -> Result<Process> {
        let written = fs::read_to_string(kubeconfig).context("read the kubeconfig")?;
        let to_port = |line: &str| match line.split_once("server: ") {
            Some((before, _)) => format!("{before}server: https://127.0.0.1:{port}\n"),
            None => format!("{line}\n"),
        };
        let written: String = written.lines().map(to_port).collect();
        fs::write(kubeconfig, written).context("write the kubeconfig")?;
        for _ in 0..600 {
            if server.has_ended() {
                bail!("kube-apiserver ended: see {}", self.folder.display());
            }
            let mut ask = Command::new(&self.kubectl);
            ask.arg("--kubeconfig").arg(kubeconfig).args(["get", "--raw", "/readyz"]);
            if ask.output().context("ask by kubectl")?.status.success() {
                return Ok(server);
            }
            #[expect(clippy::disallowed_methods, reason = "between questions, up to a count")]
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!("kube-apiserver is not ready: see {}", self.folder.display())
    }

    fn kubeconfig_of(&self, name: &str) -> Result<String> {
        let file = self.folder.join(name).join("kubeconfig");
        fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
    }
}

impl Subject for Cluster {
    fn name(&self) -> &str {
        match &self.kind {
            Kind::Ours => "the API server of tests/apiserver",
            Kind::Assets(_) => "kube-apiserver",
        }
    }

    fn can(&self, ability: Ability) -> bool {
        match ability {
            Ability::Restart
            | Ability::Forget
            | Ability::SecondServer
            | Ability::Freeze
            | Ability::Authenticate => true,
        }
    }

    fn kubeconfig(&self) -> Result<String> {
        self.kubeconfig_of("first")
    }

    fn restart(&mut self) -> Result<()> {
        self.kill();
        self.start_both()
    }

    fn forget(&mut self) -> Result<()> {
        let mut compact = self.ours_with(&["-compact", "-etcd", &self.store()?.1]);
        crate::program::output(&mut compact).map(drop)
    }

    fn second_server(&mut self) -> Result<String> {
        self.second = None;
        self.second = Some(self.start_server("second", free_port()?)?);
        self.kubeconfig_of("second")
    }

    fn freeze(&mut self) -> Result<()> {
        self.store()?.0.signal("STOP")
    }

    fn thaw(&mut self) -> Result<()> {
        self.store()?.0.signal("CONT")
    }
}

/// A port that nobody has at the moment.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}
