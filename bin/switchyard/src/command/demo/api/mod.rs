//! `demo --api`: the demo's nodes fed by an API server that `kubectl` edits.
//!
//! * `store`: the objects that the server begins with;
//! * `kubeconfig`: the file by which `kubectl` finds it, for as long as it is there;
//! * `followed`: one Windows node, and what it is told.
//!
//! All of it is one thread: the server, one follower of it for each node, and the nodes.

mod followed;
mod kubeconfig;
mod store;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use switchyard_kube_fake::{ApiServer, Server, Store};
use switchyard_model::{ClusterEvent, Name};
use switchyard_source::{Configuration, whole_objects, whole_objects_in};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::LocalSet;

use self::followed::FollowedNode;
use self::kubeconfig::KubeconfigFile;
use super::{BUILT_IN, heading, truth};
use crate::arguments::DemoArguments;
use crate::failure::{Exit, Failure};
use crate::process;

/// The one thread's runtime, and its tasks that stay on it.
struct Rim {
    runtime: Runtime,
    tasks: LocalSet,
}

impl Rim {
    fn new() -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("begin to serve the Kubernetes API")?;
        Ok(Self { runtime, tasks: LocalSet::new() })
    }

    /// Has all tasks go on until this is done.
    fn block_on<T>(&self, until: impl Future<Output = T>) -> T {
        self.tasks.block_on(&self.runtime, until)
    }
}

/// What ends the waiting.
enum Woken {
    /// Some node can be told something.
    News,
    /// The process is to end.
    Stop,
}

/// The demo as far as it is the same for all its ways, and then what `kubectl` makes of it, until the process is to end.
///
/// `events` are those of the manifests, of which the nodes take what an API server tells no proxy: the pods, by name, and the
/// other nodes.
pub(super) fn run(
    arguments: &DemoArguments,
    names: &[Name],
    events: &[ClusterEvent],
    configuration: &Configuration,
    (out, notices): (&mut dyn Write, &mut dyn Write),
) -> Result<Exit, Failure> {
    let rim = Rim::new()?;
    let (rung, stop) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let stopper = Arc::clone(&stop);
    process::on_stop(move || stopper.notify_one());
    process::follow_signals()?;
    let server = serve(&rim, arguments.manifests.as_deref(), out)?;
    let mut nodes = Vec::new();
    for name in names {
        let followed = FollowedNode::start(
            &rim,
            (server.api(), &rung),
            (name, events),
            configuration,
            notices,
        )?;
        followed.node().print_load_balancers(out)?;
        truth::print(followed.node(), out)?;
        nodes.push(followed);
    }
    let kubeconfig = KubeconfigFile::write(&server.kubeconfig())?;
    print_invitation(&server, &kubeconfig, out)?;
    loop {
        out.flush()?;
        let woken = rim.block_on(async {
            // Both keep a word that comes while nobody waits.
            tokio::select! {
                biased;
                () = stop.notified() => Woken::Stop,
                () = rung.notified() => Woken::News,
            }
        });
        match woken {
            Woken::Stop => return Ok(Exit::Answered),
            Woken::News => {
                for node in &mut nodes {
                    node.take(out, notices)?;
                }
            }
        }
    }
}

/// Has the API server listen, with the objects of the manifests. What it does not take is said.
fn serve(rim: &Rim, manifests: Option<&str>, out: &mut dyn Write) -> Result<Server, Failure> {
    let objects = match manifests {
        Some(path) => whole_objects(path).map_err(anyhow::Error::new)?,
        None => BUILT_IN.iter().flat_map(|(_, text)| whole_objects_in(text.as_bytes())).collect(),
    };
    let api = ApiServer::new(Store::new(), jiff::Timestamp::now());
    // The server's clock is that of the runtime.
    let refused = rim.block_on(async {
        let now = api.now();
        api.with(|store| store::fill(store, objects, now))
    });
    for refusal in refused {
        writeln!(out, "refused by the API server: {refusal}")?;
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = rim.block_on(Server::bind(api, address));
    Ok(server.context("listen on loopback for kubectl")?)
}

fn print_invitation(
    server: &Server,
    kubeconfig: &KubeconfigFile,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    heading("Following the API server; stop with Ctrl-C", out)?;
    writeln!(out, "It listens at http://{}. In another terminal:\n", server.address())?;
    writeln!(out, "    kubectl --kubeconfig {kubeconfig} get services,endpointslices,nodes -A\n")?;
    writeln!(out, "What you apply, edit, patch or delete shows here.\n")?;
    Ok(())
}
