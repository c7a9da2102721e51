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
pub(crate) struct Fake {
    /// Gone while it is killed.
    first: Option<Server>,
    /// What it serves, and where.
    api: ApiServer,
    address: SocketAddr,
    kubeconfig: String,
    second: Option<Server>,
    // The servers run in it, so it ends after them.
    runtime: Runtime,
}

impl Fake {
    /// A server on an empty store, for who bears a token.
    pub(super) fn start() -> Result<Self> {
        Self::with(ApiServer::new(Store::new(), Timestamp::now()).with_token("of-the-contract"))
    }

    /// A server on an empty store, for everyone: kubectl sends no token to an address without TLS.
    pub(crate) fn open() -> Result<Self> {
        Self::with(ApiServer::new(Store::new(), Timestamp::now()))
    }

    fn with(api: ApiServer) -> Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.context("make a runtime")?;
        let first = listen(&runtime, api.clone(), SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let (address, kubeconfig) = (first.address(), first.kubeconfig());
        Ok(Self { first: Some(first), api, address, kubeconfig, second: None, runtime })
    }

    /// Ends the server with its connections. What it holds stays.
    pub(crate) fn kill(&mut self) {
        self.second = None;
        self.first = None;
    }

    /// Listens again where it did, on a server that knows no more than the store does.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        self.api.with(Store::restart);
        self.first = Some(listen(&self.runtime, self.api.clone(), self.address)?);
        Ok(())
    }
}

/// Opens a port in the runtime of the server: the caller may be in another.
fn listen(runtime: &Runtime, api: ApiServer, address: SocketAddr) -> Result<Server> {
    let (sender, receiver) = mpsc::channel();
    runtime.spawn(async move {
        // Whoever asked is there still, or has given up.
        let _ = sender.send(Server::bind(api, address).await);
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
        Ok(self.kubeconfig.clone())
    }

    fn restart(&mut self) -> Result<()> {
        self.second = None;
        self.api.with(Store::restart);
        Ok(())
    }

    fn forget(&mut self) -> Result<()> {
        self.api.with(|store| store.forget(store.revision()));
        Ok(())
    }

    fn second_server(&mut self) -> Result<String> {
        let second =
            listen(&self.runtime, self.api.second(), SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let kubeconfig = second.kubeconfig();
        self.second = Some(second);
        Ok(kubeconfig)
    }

    fn freeze(&mut self) -> Result<()> {
        self.api.stand_still();
        Ok(())
    }

    fn thaw(&mut self) -> Result<()> {
        self.api.go_on();
        Ok(())
    }
}
