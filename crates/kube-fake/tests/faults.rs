//! What goes wrong by script, as a client meets it.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use serde_json::{Value, json};
use switchyard_kube_fake::{ApiServer, Body, Fault, On, Resource, Store, Trouble, WriteOptions};
use tokio::time::timeout;

const WATCH: &str = "/api/v1/services?watch=true&resourceVersion=1&timeoutSeconds=10";
const LIST: &str = "/api/v1/services";
const STREAM: &str = "/api/v1/services?watch=true&sendInitialEvents=true&allowWatchBookmarks=true\
    &resourceVersionMatch=NotOlderThan&timeoutSeconds=10";

/// A server with the services a, b and c at versions 2, 3 and 4.
fn server() -> ApiServer {
    let mut store = Store::new();
    let services = Resource::of_kind("", "Service").unwrap();
    let options = WriteOptions::new("test", "2026-01-02T03:04:05Z".parse().unwrap());
    for name in ["a", "b", "c"] {
        store.create(services, "shop", json!({"metadata": {"name": name}}), &options).unwrap();
    }
    ApiServer::new(store, options.now)
}

async fn ask(server: &ApiServer, path: &str) -> std::io::Result<Response<Body>> {
    server.handle(Request::get(path).body(Empty::<&[u8]>::new()).unwrap()).await
}

/// All that the body of a watch says until it ends, breaks or has been silent for a minute; and how it ended.
async fn read(server: &ApiServer, path: &str) -> (Vec<u8>, &'static str) {
    let mut body = ask(server, path).await.unwrap().into_body();
    let mut bytes = Vec::new();
    loop {
        match timeout(Duration::from_secs(60), body.frame()).await {
            Err(_) => return (bytes, "silent"),
            Ok(None) => return (bytes, "ended"),
            Ok(Some(Err(_))) => return (bytes, "broken"),
            Ok(Some(Ok(frame))) => bytes.extend_from_slice(frame.data_ref().unwrap()),
        }
    }
}

/// The lines of a watch in short: the name or the code of each, `?` for what is no event.
async fn told(server: &ApiServer, path: &str) -> (String, &'static str) {
    let (bytes, end) = read(server, path).await;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let short = |line: &[u8]| match serde_json::from_slice::<Value>(line) {
        Ok(event) if event["type"] == "BOOKMARK" => "mark".to_owned(),
        Ok(event) if event["type"] == "ERROR" => event["object"]["code"].to_string(),
        Ok(event) if event["object"].is_object() => {
            event["object"]["metadata"]["name"].as_str().unwrap().to_owned()
        }
        _ => "?".to_owned(),
    };
    (lines.map(short).collect::<Vec<_>>().join(" "), end)
}

async fn expect(on: On, trouble: Trouble, path: &str, lines: &str, end: &str) {
    let server = server();
    let name = trouble.name();
    server.inject(Fault::once(on, trouble));
    assert_eq!(told(&server, path).await, (lines.to_owned(), end), "{name}");
    assert_eq!(server.fault_hits().get(name), Some(&1), "{name}");
    let (again, end) = told(&server, path).await;
    assert!(again.starts_with("a b c") && end == "ended", "{name} is over, and yet {again} {end}");
}

#[tokio::test(start_paused = true)]
async fn watches_go_wrong_as_told_and_then_no_more() {
    expect(On::Watch, Trouble::Cut { after: 1 }, WATCH, "a ?", "broken").await;
    expect(On::Watch, Trouble::Silence { after: 2 }, WATCH, "a b", "silent").await;
    expect(On::Watch, Trouble::Duplicate { after: 1 }, WATCH, "a b b c", "ended").await;
    expect(On::Watch, Trouble::Swap { after: 0 }, WATCH, "b a c", "ended").await;
    expect(On::Watch, Trouble::GarbageLine { after: 1 }, WATCH, "a ? b c", "ended").await;
    let long = Trouble::LongLine { after: 3, bytes: 100_000 };
    expect(On::StreamingList, long, STREAM, "a b c ? mark mark", "ended").await;
    expect(On::Watch, Trouble::ErrorEvent { code: 410 }, WATCH, "410", "ended").await;
    expect(On::StreamingList, Trouble::ErrorEvent { code: 500 }, STREAM, "500", "ended").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_never_reached_is_not_counted() {
    let server = server();
    server.inject(Fault::always(On::Watch, Trouble::Cut { after: 7 }));
    assert_eq!(told(&server, WATCH).await, ("a b c".to_owned(), "ended"));
    server.inject(Fault::once(On::Watch, Trouble::Refuse).of("nodes"));
    server.clear_faults();
    assert!(server.fault_hits().is_empty());
}

#[tokio::test(start_paused = true)]
async fn requests_go_wrong_as_a_whole() {
    let server = server();
    server.inject(Fault { skip: 1, ..Fault::once(On::Any, Trouble::Refuse).of("services") });
    assert_eq!(ask(&server, LIST).await.unwrap().status(), 200);
    assert!(ask(&server, LIST).await.is_err());
    server.inject(Fault::once(On::List, Trouble::Status { code: 429, retry_after: Some(7) }));
    let answer = ask(&server, LIST).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &7.into()));
    server.inject(Fault::once(On::StreamingList, Trouble::Status { code: 422, retry_after: None }));
    assert_eq!(ask(&server, WATCH).await.unwrap().status(), 200);
    assert_eq!(ask(&server, STREAM).await.unwrap().status(), 422);
    server.inject(Fault::once(On::List, Trouble::WrongContentType));
    assert_eq!(ask(&server, LIST).await.unwrap().headers()["content-type"], "text/html");
    server.inject(Fault::once(On::List, Trouble::Garbage));
    assert!(serde_json::from_slice::<Value>(&read(&server, LIST).await.0).is_err());
    server.inject(Fault::once(On::Discovery, Trouble::NoAnswer));
    assert!(timeout(Duration::from_secs(3600), ask(&server, "/readyz")).await.is_err());
    server.inject(Fault::once(On::Get, Trouble::Delay(Duration::from_secs(5))));
    let before = server.now();
    ask(&server, "/api/v1/namespaces/shop/services/a").await.unwrap();
    assert_eq!(server.now().duration_since(before).as_secs(), 5);
    let hits = server.fault_hits();
    assert_eq!(hits.len(), 6);
    assert_eq!(hits["status"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_stale_list_is_what_was() {
    let server = server();
    server.inject(Fault::once(On::List, Trouble::Stale { behind: 2 }));
    let stale: Value = serde_json::from_slice(&read(&server, LIST).await.0).unwrap();
    assert_eq!(stale["metadata"]["resourceVersion"], "2");
    assert_eq!(stale["items"].as_array().unwrap().len(), 1);
}
