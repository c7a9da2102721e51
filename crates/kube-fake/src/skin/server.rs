//! The server on a TCP port.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

use super::answer::answer;
use super::api::ApiServer;
use super::connection::Mortal;

/// A server that listens. Dropping it ends it with all its connections, as the end of a process does; what is in it stays in its
/// [`ApiServer`], and another can listen at the same address.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    api: ApiServer,
    listening: JoinHandle<io::Result<()>>,
    /// Its end is that of the connections.
    _alive: channel::Sender<()>,
}

impl Server {
    /// Listens at an address; with port 0 at one that is free. In plain HTTP: for loopback alone.
    ///
    /// # Errors
    ///
    /// If nobody can listen there.
    pub async fn bind(api: ApiServer, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(respond).with_state(api.clone());
        let (alive, server) = channel::channel(());
        let listener = Mortal { listener, server };
        let listening = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, api, listening, _alive: alive })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server's inside.
    pub fn api(&self) -> &ApiServer {
        &self.api
    }

    /// The text of a kubeconfig file for it.
    pub fn kubeconfig(&self) -> String {
        let user = self.api.token().map_or_else(|| json!({}), |token| json!({"token": token}));
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [
                {"name": "fake", "cluster": {"server": format!("http://{}", self.address)}},
            ],
            "users": [{"name": "fake", "user": user}],
            "contexts": [
                {"name": "fake", "context": {"cluster": "fake", "user": "fake", "namespace": "default"}},
            ],
        });
        // JSON is YAML.
        format!("{config:#}\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn respond(State(api): State<ApiServer>, request: Request) -> Response {
    let answered = api.handle(request).await.unwrap_or_else(|error| {
        // A body that breaks at once breaks the connection.
        let frames = futures_util::stream::iter([Err(error)]);
        answer(200, "application/json", http_body_util::StreamBody::new(frames).boxed_unsync())
    });
    answered.map(axum::body::Body::new)
}
