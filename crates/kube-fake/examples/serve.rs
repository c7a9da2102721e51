//! Serves an empty cluster until it is ended: `cargo run -p switchyard-kube-fake --example serve -- 127.0.0.1:8001 KUBECONFIG`.

use std::io;

use switchyard_kube_fake::{ApiServer, Server, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let address = address.parse().map_err(io::Error::other)?;
    let api = ApiServer::new(Store::new(), jiff::Timestamp::now());
    let server = Server::bind(api, address).await?;
    if let Some(file) = arguments.next() {
        std::fs::write(file, server.kubeconfig())?;
    }
    std::future::pending().await
}
