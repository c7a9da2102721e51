//! The server on a TCP port.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, ListParams, PostParams, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;
use switchyard_kube_fake::{ApiServer, Fault, On, Server, Store, Trouble};
use tokio::time::timeout;

/// Longer than any answer takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn services(kubeconfig: &str) -> Api<Service> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    config.default_retry = false;
    Api::default_namespaced(kube::Client::try_from(config).unwrap())
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test]
async fn its_kubeconfig_is_enough_to_reach_it() {
    let api = ApiServer::new(Store::new(), jiff::Timestamp::UNIX_EPOCH).with_token("secret");
    let server = Server::bind(api, any_port()).await.unwrap();
    let known = services(&server.kubeconfig()).await;
    let service = serde_json::from_value(json!({"metadata": {"name": "web"}})).unwrap();
    known.create(&PostParams::default(), &service).await.unwrap();
    assert_eq!(known.list(&ListParams::default()).await.unwrap().items.len(), 1);
    let stranger = services(&server.kubeconfig().replace("secret", "guess")).await;
    let refused = stranger.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 401), "{refused:?}");
}

#[tokio::test]
async fn its_end_is_that_of_its_connections_and_another_takes_its_place() {
    let api = ApiServer::new(Store::new(), jiff::Timestamp::UNIX_EPOCH);
    let server = Server::bind(api.clone(), any_port()).await.unwrap();
    let (address, kubeconfig) = (server.address(), server.kubeconfig());
    let client = services(&kubeconfig).await;
    let mut watch = client.watch(&WatchParams::default(), "1").await.unwrap().boxed();
    drop(server);
    let end = timeout(PATIENCE, watch.next()).await.unwrap();
    assert!(end.is_none_or(|event| event.is_err()));
    assert!(client.list(&ListParams::default()).await.is_err());
    let again = Server::bind(api, address).await.unwrap();
    assert_eq!(again.kubeconfig(), kubeconfig);
    client.list(&ListParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_connection_breaks_by_script() {
    let api = ApiServer::new(Store::new(), jiff::Timestamp::UNIX_EPOCH);
    let server = Server::bind(api.clone(), any_port()).await.unwrap();
    let client = services(&server.kubeconfig()).await;
    api.inject(Fault::once(On::List, Trouble::Refuse));
    let broken = timeout(PATIENCE, client.list(&ListParams::default())).await.unwrap();
    assert!(broken.is_err(), "{broken:?}");
    client.list(&ListParams::default()).await.unwrap();
    assert_eq!(api.fault_hits()["refuse"], 1);
}
