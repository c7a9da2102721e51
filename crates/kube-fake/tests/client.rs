//! The server as an ordinary client sees it: `kube` in the same thread and in paused time.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Service;
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::runtime::watcher::{self, watcher};
use serde_json::json;
use switchyard_kube_fake::{ApiServer, Store};

fn server() -> ApiServer {
    ApiServer::new(Store::new(), "2026-01-02T03:04:05Z".parse().unwrap())
}

fn services(server: &ApiServer) -> Api<Service> {
    Api::namespaced(kube::Client::new(server.clone(), "default"), "default")
}

fn service(name: &str, port: i32) -> Service {
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"ports": [{"port": port}]},
    }))
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_created_is_listed_changed_and_deleted() {
    let services = services(&server());
    let made = services.create(&PostParams::default(), &service("web", 80)).await.unwrap();
    assert_eq!(made.metadata.resource_version.as_deref(), Some("2"));
    assert_eq!(made.metadata.namespace.as_deref(), Some("default"));
    assert!(made.metadata.creation_timestamp.is_some());
    let patch = Patch::Merge(json!({"spec": {"sessionAffinity": "ClientIP"}}));
    services.patch("web", &PatchParams::default(), &patch).await.unwrap();
    let listed = services.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.metadata.resource_version.as_deref(), Some("3"));
    let spec = listed.items[0].spec.as_ref().unwrap();
    assert_eq!(spec.session_affinity.as_deref(), Some("ClientIP"));
    let stale = services.replace("web", &PostParams::default(), &made).await.unwrap_err();
    assert!(matches!(&stale, kube::Error::Api(status) if status.code == 409), "{stale:?}");
    services.delete("web", &DeleteParams::default()).await.unwrap();
    assert!(services.get_opt("web").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_changes_bookmarks_and_its_end() {
    let services = services(&server());
    services.create(&PostParams::default(), &service("a", 80)).await.unwrap();
    let parameters = WatchParams::default().timeout(130);
    let events = services.watch(&parameters, "2").await.unwrap().boxed();
    services.create(&PostParams::default(), &service("b", 80)).await.unwrap();
    let seen: Vec<_> = events
        .map_ok(|event| match event {
            WatchEvent::Added(service) => format!("added {}", service.metadata.name.unwrap()),
            WatchEvent::Bookmark(mark) => format!("bookmark {}", mark.metadata.resource_version),
            other => format!("{other:?}"),
        })
        .try_collect()
        .await
        .unwrap();
    // One at 60, one at 120, one before the end.
    assert_eq!(seen, ["added b", "bookmark 3", "bookmark 3", "bookmark 3"]);
}

async fn follow(config: watcher::Config) {
    let server = server();
    let services = services(&server);
    for name in ["a", "b", "c"] {
        services.create(&PostParams::default(), &service(name, 80)).await.unwrap();
    }
    let mut events = watcher(services.clone(), config).boxed();
    let mut next = async || {
        let event = tokio::time::timeout(Duration::from_secs(30), events.next()).await;
        match event.unwrap().unwrap().unwrap() {
            watcher::Event::Init => "init".to_owned(),
            watcher::Event::InitApply(object) => format!("has {}", object.metadata.name.unwrap()),
            watcher::Event::InitDone => "done".to_owned(),
            watcher::Event::Apply(object) => format!("apply {}", object.metadata.name.unwrap()),
            watcher::Event::Delete(object) => format!("delete {}", object.metadata.name.unwrap()),
        }
    };
    for expected in ["init", "has a", "has b", "has c", "done"] {
        assert_eq!(next().await, expected);
    }
    services.delete("b", &DeleteParams::default()).await.unwrap();
    assert_eq!(next().await, "delete b");
    server.with(Store::restart);
    services.create(&PostParams::default(), &service("d", 80)).await.unwrap();
    assert_eq!(next().await, "apply d");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_lists_pages_follows() {
    follow(watcher::Config::default().page_size(2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_streams_lists_follows() {
    follow(watcher::Config::default().streaming_lists()).await;
}
