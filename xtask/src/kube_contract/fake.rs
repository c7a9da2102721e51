//! The server in memory as a subject of the contract.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use switchyard_kube_contract::{Ability, Subject};
use switchyard_kube_fake::{ApiServer, Server, Store};
use tokio::runtime::Runtime;

/// The longest that opening a port may take.
const LIMIT: Duration = Duration::from_secs(30);

/// One store in memory, and the servers that listen on it.
pub(super) struct Fake {
    first: Server,
    second: Option<Server>,
    // The servers run in it, so it ends after them.
    runtime: Runtime,
}

impl Fake {
    /// A server on an empty store.
    pub(super) fn start() -> Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.context("make a runtime")?;
        let api = ApiServer::new(Store::new(), Timestamp::now()).with_token("of-the-contract");
        let first = listen(&runtime, api)?;
        Ok(Self { first, second: None, runtime })
    }
}

/// Opens a port in the runtime of the server: the caller may be in another.
fn listen(runtime: &Runtime, api: ApiServer) -> Result<Server> {
    let (sender, receiver) = mpsc::channel();
    runtime.spawn(async move {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        // Whoever asked is there still, or has given up.
        let _ = sender.send(Server::bind(api, anywhere).await);
    });
    let server = receiver.recv_timeout(LIMIT).context("the fake does not listen in time")?;
    server.context("listen")
}

impl Subject for Fake {
    fn name(&self) -> &str {
        "the API server in memory"
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
        Ok(self.first.kubeconfig())
    }

    fn restart(&mut self) -> Result<()> {
        self.second = None;
        self.first.api().with(Store::restart);
        Ok(())
    }

    fn forget(&mut self) -> Result<()> {
        self.first.api().with(|store| store.forget(store.revision()));
        Ok(())
    }

    fn second_server(&mut self) -> Result<String> {
        let second = listen(&self.runtime, self.first.api().second())?;
        let kubeconfig = second.kubeconfig();
        self.second = Some(second);
        Ok(kubeconfig)
    }

    fn freeze(&mut self) -> Result<()> {
        self.first.api().stand_still();
        Ok(())
    }

    fn thaw(&mut self) -> Result<()> {
        self.first.api().go_on();
        Ok(())
    }
}
