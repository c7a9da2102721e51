//! Watches.

use serde_json::{Value, json};

use super::selectors::encoded;
use super::{Scenario, scenario};
use crate::finding::{Checked, equal, that};
use crate::objects::{labelled, revision, service, slice, version};
use crate::trial::Trial;

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "W01",
        "a watch from a version tells every later change, in order, each with its version",
        |trial| Box::pin(from_version(trial)),
    ),
    scenario(
        "W02",
        "a deletion is told with the object as it was last, and the version of the deletion",
        |trial| Box::pin(deletion(trial)),
    ),
    scenario(
        "W03",
        "a watch without a version, and one from version 0, begin with what there is",
        |trial| Box::pin(from_now(trial)),
    ),
    scenario("W04", "a watch ends by itself after timeoutSeconds, without an error", |trial| {
        Box::pin(timeout_seconds(trial))
    }),
    scenario(
        "W05",
        "a watch that takes bookmarks gets one before its time is over: kind and version alone",
        |trial| Box::pin(bookmarks(trial)),
    ),
    scenario("W06", "a watch that does not take bookmarks gets none", |trial| {
        Box::pin(no_bookmarks(trial))
    }),
    scenario(
        "W07",
        "an object that comes into a selection is added, one that leaves it is deleted as it was, with the version of the change",
        |trial| Box::pin(selection(trial)),
    ),
    scenario("W08", "a watch of one namespace tells nothing of another", |trial| {
        Box::pin(namespaces(trial))
    }),
    scenario("W09", "a watch of one object, by its name, tells of no other", |trial| {
        Box::pin(one_object(trial))
    }),
    scenario("W10", "a write that changes nothing is no event", |trial| Box::pin(no_change(trial))),
    scenario("W11", "events of every kind of object have apiVersion and kind", |trial| {
        Box::pin(kinds(trial))
    }),
    scenario("W12", "a watch whose version is no number is 500, unlike a list", |trial| {
        Box::pin(no_number(trial))
    }),
    scenario("W13", "the old way to watch, by /watch/ in the path, is served still", |trial| {
        Box::pin(old_path(trial))
    }),
];

async fn from_version(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("before")).await?;
    let from = version(&trial.list("").await?)?;
    let first = trial.create(&service("a")).await?;
    let second = trial.label("a", "x", "1").await?;
    let path = format!("{}?watch=true&resourceVersion={from}", trial.services());
    let mut watch = trial.client.watch(&path).await?;
    let events = watch.expect(&["ADDED a", "MODIFIED a"]).await?;
    equal("the object added", &events[0].object, &first)?;
    equal("the object modified", &events[1].object, &second)?;
    trial.create(&service("b")).await?;
    trial.client.delete(&trial.service("a")).await?.granted(200)?;
    watch.expect(&["ADDED b", "DELETED a"]).await.map(drop)
}

async fn deletion(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&labelled("a", json!({"x": "1"}))).await?;
    let from = version(&made)?;
    trial.client.delete(&trial.service("a")).await?.granted(200)?;
    let path = format!("{}?watch=true&resourceVersion={from}", trial.services());
    let mut watch = trial.client.watch(&path).await?;
    let event = watch.expect(&["DELETED a"]).await?.remove(0);
    that(revision(&event.object)? > revision(&made)?, || "the old version".to_owned())?;
    let mut expected = made.clone();
    expected["metadata"]["resourceVersion"] = event.object["metadata"]["resourceVersion"].clone();
    equal("the object deleted", &event.object, &expected)
}

async fn from_now(trial: &mut Trial<'_>) -> Checked {
    for name in ["b", "a"] {
        let made = trial.create(&service(name)).await?;
        // So that version 0, which takes any state, has it.
        trial.list(&format!("resourceVersion={}", version(&made)?)).await?;
    }
    for query in ["watch=true", "watch=1&resourceVersion=0"] {
        let mut watch = trial.client.watch(&format!("{}?{query}", trial.services())).await?;
        watch.expect(&["ADDED a", "ADDED b"]).await?;
        trial.create(&service("c")).await?;
        watch.expect(&["ADDED c"]).await?;
        trial.client.delete(&trial.service("c")).await?.granted(200)?;
        watch.expect(&["DELETED c"]).await?;
    }
    Ok(())
}

async fn timeout_seconds(trial: &mut Trial<'_>) -> Checked {
    let path = format!("{}?watch=true&timeoutSeconds=1", trial.services());
    trial.create(&service("a")).await?;
    let mut watch = trial.client.watch(&path).await?;
    watch.expect(&["ADDED a"]).await?;
    let end = watch.next_or_end().await?;
    that(end.is_none(), || format!("instead of the end: {end:?}"))
}

async fn bookmarks(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&service("a")).await?;
    let query = "watch=true&allowWatchBookmarks=true&timeoutSeconds=4";
    let path = format!("{}?{query}&resourceVersion={}", trial.services(), version(&made)?);
    let mut watch = trial.client.watch(&path).await?;
    let later = trial.create(&service("b")).await?;
    watch.expect(&["ADDED b"]).await?;
    let mut seen: Option<Value> = None;
    while let Some(event) = watch.next_or_end().await? {
        equal("kind of the event", &event.kind, "BOOKMARK")?;
        seen = Some(event.object);
    }
    let bookmark = seen.unwrap_or_default();
    let at_least = revision(&later)?;
    that(revision(&bookmark)? >= at_least, || format!("older than {at_least}: {bookmark}"))?;
    equal("kind", &bookmark["kind"], "Service")?;
    equal("apiVersion", &bookmark["apiVersion"], "v1")?;
    that(bookmark["metadata"]["name"].is_null(), || format!("a name: {bookmark}"))
}

async fn no_bookmarks(trial: &mut Trial<'_>) -> Checked {
    let path = format!("{}?watch=true&timeoutSeconds=4", trial.services());
    let mut watch = trial.client.watch(&path).await?;
    trial.create(&service("a")).await?;
    watch.expect(&["ADDED a"]).await?;
    let end = watch.next_or_end().await?;
    that(end.is_none(), || format!("instead of the end: {end:?}"))
}

async fn selection(trial: &mut Trial<'_>) -> Checked {
    let from = version(&trial.list("").await?)?;
    let selector = encoded("in=yes");
    let path =
        format!("{}?watch=true&resourceVersion={from}&labelSelector={selector}", trial.services());
    let mut watch = trial.client.watch(&path).await?;
    trial.create(&service("a")).await?;
    trial.create(&labelled("b", json!({"in": "yes"}))).await?;
    let entered = trial.label("a", "in", "yes").await?;
    trial.label("a", "other", "1").await?;
    let left = trial.label("a", "in", "no").await?;
    trial.client.delete(&trial.service("a")).await?.granted(200)?;
    trial.client.delete(&trial.service("b")).await?.granted(200)?;
    let expected = ["ADDED b", "ADDED a", "MODIFIED a", "DELETED a", "DELETED b"];
    let events = watch.expect(&expected).await?;
    equal("the object that came in", &events[1].object, &entered)?;
    let gone = &events[3].object["metadata"];
    equal("label of the object that left", &gone["labels"]["in"], "yes")?;
    equal("version of its leaving", &gone["resourceVersion"], &left["metadata"]["resourceVersion"])
}

async fn namespaces(trial: &mut Trial<'_>) -> Checked {
    let from = version(&trial.list("").await?)?;
    let path = format!("{}?watch=true&resourceVersion={from}", trial.services());
    let mut own = trial.client.watch(&path).await?;
    let path = format!("/api/v1/services?watch=true&resourceVersion={from}");
    let mut all = trial.client.watch(&path).await?;
    let other = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "contract-w08-other"},
    });
    trial.client.post("/api/v1/namespaces", &other).await?.granted(201)?;
    let path = "/api/v1/namespaces/contract-w08-other/services";
    trial.client.post(path, &service("there")).await?.granted(201)?;
    trial.create(&service("here")).await?;
    all.expect(&["ADDED there", "ADDED here"]).await?;
    own.expect(&["ADDED here"]).await.map(drop)
}

async fn one_object(trial: &mut Trial<'_>) -> Checked {
    let node = |name: &str| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    let path = "/api/v1/nodes?watch=true&fieldSelector=metadata.name%3Dcontract-w09";
    let mut watch = trial.client.watch(path).await?;
    for name in ["contract-w09-other", "contract-w09"] {
        trial.client.post("/api/v1/nodes", &node(name)).await?.granted(201)?;
    }
    for name in ["contract-w09-other", "contract-w09"] {
        trial.client.delete(&format!("/api/v1/nodes/{name}")).await?.granted(200)?;
    }
    watch.expect(&["ADDED contract-w09", "DELETED contract-w09"]).await.map(drop)
}

async fn no_change(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let made = trial.label("a", "x", "1").await?;
    let path = format!("{}?watch=true&resourceVersion={}", trial.services(), version(&made)?);
    let mut watch = trial.client.watch(&path).await?;
    let patched = trial.label("a", "x", "1").await?;
    equal("version after the patch", &version(&patched)?, &version(&made)?)?;
    let put = trial.client.put(&trial.service("a"), &made).await?.granted(200)?;
    equal("version after the update", &version(&put)?, &version(&made)?)?;
    trial.create(&service("b")).await?;
    watch.expect(&["ADDED b"]).await.map(drop)
}

async fn kinds(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    trial.client.post(&trial.slices(), &slice("a", "a", &["192.0.2.1"])).await?.granted(201)?;
    let cases = [
        (trial.services(), "v1", "Service"),
        (trial.slices(), "discovery.k8s.io/v1", "EndpointSlice"),
    ];
    for (path, version, kind) in cases {
        let mut watch = trial.client.watch(&format!("{path}?watch=true")).await?;
        let object = watch.expect(&["ADDED a"]).await?.remove(0).object;
        equal("apiVersion", &object["apiVersion"], version)?;
        equal("kind", &object["kind"], kind)?;
    }
    Ok(())
}

async fn no_number(trial: &mut Trial<'_>) -> Checked {
    let path = format!("{}?watch=true&resourceVersion=soon", trial.services());
    let answer = trial.client.get(&path).await?;
    equal("code", &answer.code, &500)?;
    equal("kind", &answer.body["kind"], "Status")
}

async fn old_path(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let path = format!("/api/v1/watch/namespaces/{}/services", trial.namespace);
    trial.client.watch(&path).await?.expect(&["ADDED a"]).await.map(drop)
}
