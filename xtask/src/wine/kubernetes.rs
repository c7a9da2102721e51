//! A proxy under Wine that a Kubernetes API server feeds: the server here, in memory and over TCP, the proxy and its HNS under Wine.
//!
//! A proxy of Linux is fed by the same server, with an HNS of its own that begins alike. After every change of the cluster both
//! HNS must hold the same, to the letter.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use switchyard_kube_fake::{
    ApiServer, DeleteOptions, ListQuery, Object, Resource, Server, Store, WriteOptions,
};
use switchyard_source::whole_objects;
use tokio::runtime::Runtime;

use super::prefix::{Prefix, ended, printed, windows_path};
use super::proxy::changes;
use super::sets::{self, network_file, source_vip};
use super::stage::{Running, Stage, wait};
use crate::end_to_end::page::{free_port, page};
use crate::hns::own_objects;
use crate::workspace::Workspace;

/// The examples that the server holds, one after the other, and the type of network of the node.
const CASES: [(&str, &str); 2] = [("shop", "l2bridge"), ("dual-stack", "overlay")];
/// The kinds that a proxy reads, with their groups.
const KINDS: [(&str, &str); 3] =
    [("", "Node"), ("", "Service"), ("discovery.k8s.io", "EndpointSlice")];
/// The label that says whose an EndpointSlice is.
const SERVICE: &str = "kubernetes.io/service-name";
/// What the metrics have once something was written to HNS.
const GAUGE: &str = "\nkubeproxy_sync_proxy_rules_last_timestamp_seconds ";

/// Leads a proxy through each case.
pub(super) fn check(workspace: &Workspace, prefix: &Prefix, linux: &Path) -> Result<()> {
    for (example, network) in CASES {
        let told = lead(workspace, prefix, linux, (example, network));
        let told = told.with_context(|| format!("{example} on {network}, fed by an API server"))?;
        println!("proxy under Wine, fed by an API server: {example} on {network}: {told}");
    }
    Ok(())
}

/// Leads a proxy through a life, and tells of it.
fn lead(
    workspace: &Workspace,
    prefix: &Prefix,
    linux: &Path,
    case: (&str, &str),
) -> Result<String> {
    let mut node = FedNode::new(workspace, prefix, linux, case)?;
    let proxy = node.start()?;
    let made = node.holds_what_linux_does().context("the whole set")?;
    ensure!(own_objects(&made) > 0, "nothing of ours is in HNS");
    node.answers_for_itself()?;
    drop(proxy);

    let before = changes(&node.stage)?;
    let proxy = node.start()?;
    node.holds_what_linux_does().context("the whole set, after a restart")?;
    let more = changes(&node.stage)? - before;
    ensure!(more == 0, "a restart made {more} calls that change HNS");

    let taken = node.delete_one_service()?;
    let less = node.holds_what_linux_does().with_context(|| format!("without {taken}"))?;
    ensure!(
        own_objects(&less) < own_objects(&made),
        "without {taken} HNS holds as much as with it"
    );
    // What its connections end with, and how the next ones are refused, has other codes on Windows.
    node.while_the_server_is_away(|node| {
        let second = node.delete_one_service()?;
        let changed = changes(&node.stage)?;
        node.answers_for_itself().context("without an API server")?;
        ensure!(changes(&node.stage)? == changed, "HNS was changed without an API server");
        Ok(second)
    })?;
    node.holds_what_linux_does().context("after the API server was away")?;
    node.delete_all()?;
    let none = node.holds_what_linux_does().context("without any Service")?;
    ensure!(own_objects(&none) == 0, "{} objects of ours are left", own_objects(&none));
    drop(proxy);
    Ok(format!(
        "{} objects of ours as on Linux, {} without {taken}, none without Services; the server away and back; health and \
         metrics; a restart that changed nothing",
        own_objects(&made),
        own_objects(&less)
    ))
}

/// One node, its HNS, and the API server that its proxy follows.
struct FedNode<'a> {
    stage: Stage<'a>,
    linux: &'a Path,
    /// What a proxy is told, wherever it runs, but for paths.
    arguments: Vec<String>,
    kubeconfig: PathBuf,
    health: u16,
    metrics: u16,
    api: ApiServer,
    address: SocketAddr,
    /// It listens, unless it is away.
    server: Option<Server>,
    // The server runs in it, so it ends after that.
    runtime: Runtime,
}

impl<'a> FedNode<'a> {
    fn new(
        workspace: &Workspace,
        prefix: &'a Prefix,
        linux: &'a Path,
        (example, network): (&str, &str),
    ) -> Result<Self> {
        let folder = prefix.folder(&format!("kubernetes-{example}-{network}"))?;
        let set = sets::named(workspace, Some(example))?.pop().context("no example set")?;
        let node = set.windows_nodes().next().context("no Windows node")?;
        let before = set.state_before(node, &network_file(&folder, network, node)?)?;
        fs::write(folder.join("linux.json"), &before).context("write the state of HNS")?;
        let before: Value = serde_json::from_str(&before).context("read the state of HNS")?;
        let mut arguments = vec!["--hostname-override".to_owned(), node.name.to_string()];
        if network == "overlay" {
            arguments.extend(["--source-vip".to_owned(), source_vip(node)?]);
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.context("make a runtime")?;
        let api = ApiServer::new(Store::new(), Timestamp::now());
        fill(&api, whole_objects(&workspace.root.join(&set.path).display().to_string())?)?;
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime.block_on(Server::bind(api.clone(), anywhere)).context("listen")?;
        let kubeconfig = folder.join("kubeconfig");
        fs::write(&kubeconfig, server.kubeconfig()).context("write the kubeconfig")?;
        Ok(Self {
            stage: Stage::new(prefix, folder, &json!({ "state": before }))?,
            linux,
            arguments,
            kubeconfig,
            health: free_port()?,
            metrics: free_port()?,
            api,
            address: server.address(),
            server: Some(server),
            runtime,
        })
    }

    /// Starts a proxy under Wine, whose log is added to a file.
    fn start(&self) -> Result<Running> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log());
        let mut command = self.stage.switchyard(&["proxy", "--kubeconfig"]);
        command.arg(windows_path(&self.kubeconfig)).args(&self.arguments);
        command.arg(format!("--healthz-bind-address=127.0.0.1:{}", self.health));
        command.arg(format!("--metrics-bind-address=127.0.0.1:{}", self.metrics));
        command.stdout(Stdio::null()).stderr(log.context("open the log")?);
        Ok(Running(command.spawn().context("start the proxy")?))
    }

    fn log(&self) -> PathBuf {
        self.stage.folder.join("log")
    }

    /// What HNS holds after a proxy of Linux did what is wanted now, on an HNS of its own.
    fn on_linux(&self) -> Result<Value> {
        let kept = self.stage.folder.join("linux.json");
        let mut command = Command::new(self.linux);
        command.args(["proxy", "--until-settled", "--hcn", "emulator", "--hns"]).arg(&kept);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(&self.arguments);
        command.arg("--state-dir").arg(self.stage.folder.join("linux-state"));
        printed(&mut command)?;
        let kept = fs::read_to_string(&kept).context("read the state of HNS on Linux")?;
        serde_json::from_str(&kept).context("read the state of HNS on Linux")
    }

    /// Waits until the proxy has nothing to do and HNS holds what it holds on Linux, and gives that.
    fn holds_what_linux_does(&self) -> Result<Value> {
        let wanted = self.on_linux()?;
        let (mut status, mut held) = (String::new(), Value::Null);
        let come = wait(|| {
            let output = ended(&mut self.stage.switchyard(&["status", "-o", "json"]))?;
            status = String::from_utf8_lossy(&output.stdout).into_owned();
            let is_settled = serde_json::from_str::<Value>(&status)
                .is_ok_and(|status| status["state"] == "settled");
            held = self.stage.state()?;
            Ok((is_settled && held == wanted).then_some(()))
        })?;
        come.with_context(|| {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            format!("it holds {held} and not {wanted}; its status: {status}; its log:\n{log}")
        })?;
        Ok(held)
    }

    /// Its pages answer to who asks from outside of Wine.
    fn answers_for_itself(&self) -> Result<()> {
        let health = page(self.health, "/healthz").context("nobody serves /healthz")?;
        ensure!(health.0 == 200, "/healthz: {health:?}");
        let metrics = page(self.metrics, "/metrics").context("nobody serves /metrics")?;
        ensure!(metrics.0 == 200 && metrics.1.contains(GAUGE), "/metrics: {metrics:?}");
        Ok(())
    }

    /// Does something while nobody listens where the API server was, and has it listen again.
    fn while_the_server_is_away<T>(&mut self, act: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let path = self.log();
        let log = || fs::read_to_string(&path).context("read the log of the proxy");
        let before = log()?.len();
        drop(self.server.take());
        let warned = || Ok(log()?.get(before..).filter(|new| new.contains(" WARN ")).map(|_| ()));
        wait(warned)?.context("the proxy says nothing of an API server that is away")?;
        let done = act(self)?;
        let server = self.runtime.block_on(Server::bind(self.api.clone(), self.address));
        self.server = Some(server.context("listen again")?);
        Ok(done)
    }

    /// Deletes a Service with backends, and its EndpointSlices, as Kubernetes does; gives its name.
    fn delete_one_service(&self) -> Result<String> {
        let (slices, services) = (resource("EndpointSlice")?, resource("Service")?);
        let options = DeleteOptions::new(Timestamp::now());
        self.api.with(|store| {
            let all = store.list(slices, &ListQuery::default())?.items;
            let of = |slice: &Object| slice.label(SERVICE).map(str::to_owned);
            let first = all.iter().find_map(|slice| Some((slice.namespace(), of(slice)?)));
            let (namespace, name) = first.context("no Service has EndpointSlices")?;
            store.delete(services, (namespace, &name), &options)?;
            for slice in &all {
                if slice.namespace() == namespace && of(slice).as_ref() == Some(&name) {
                    store.delete(slices, (namespace, slice.name()), &options)?;
                }
            }
            Ok(format!("{namespace}/{name}"))
        })
    }

    /// Deletes every Service and every EndpointSlice.
    fn delete_all(&self) -> Result<()> {
        let options = DeleteOptions::new(Timestamp::now());
        for kind in ["EndpointSlice", "Service"] {
            let (all, of_kind) = (ListQuery::default(), resource(kind)?);
            self.api.with(|store| store.delete_collection(of_kind, &all, &options))?;
        }
        Ok(())
    }
}

/// What is known of a kind that a proxy reads.
fn resource(kind: &str) -> Result<&'static Resource> {
    let (group, _) = KINDS.iter().find(|(_, known)| *known == kind).context("an unknown kind")?;
    Resource::of_kind(group, kind).with_context(|| format!("no {kind} is served"))
}

/// Creates the objects that a proxy reads.
fn fill(api: &ApiServer, objects: Vec<Value>) -> Result<()> {
    let options = WriteOptions::new("xtask", Timestamp::now());
    for mut object in objects {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        if !KINDS.iter().any(|(_, known)| *known == kind) {
            continue;
        }
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.retain(|field, _| !["uid", "resourceVersion"].contains(&field.as_str()));
        }
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let of_kind = resource(&kind)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let created = api.with(|store| store.create(of_kind, &namespace, object, &options));
        created.map_err(|failure| anyhow!("{kind} {namespace}/{name}: {failure}"))?;
    }
    Ok(())
}
