//! Lists by watching: the initial events, and the bookmark at their end.

use serde_json::json;

use super::selectors::encoded;
use super::{Scenario, scenario};
use crate::client::{Event, Watch};
use crate::finding::{Checked, equal, that};
use crate::objects::{labelled, name, revision, service, slice, version};
use crate::subject::Ability;
use crate::trial::Trial;

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "I01",
        "a streaming list has every object once, then a bookmark that says that these were all, then what changes",
        |trial| Box::pin(whole(trial)),
    ),
    scenario("I02", "a streaming list of nothing is that bookmark alone", |trial| {
        Box::pin(nothing(trial))
    }),
    scenario("I03", "a streaming list of a selection has that alone", |trial| {
        Box::pin(selected(trial))
    }),
    scenario("I04", "a streaming list from a version has everything written up to then", |trial| {
        Box::pin(from_version(trial))
    }),
    scenario(
        "I05",
        "a streaming list without resourceVersionMatch, or with another than NotOlderThan, is refused",
        |trial| Box::pin(wrong_match(trial)),
    ),
    scenario(
        "I06",
        "without bookmarks asked for, the initial events come without their end",
        |trial| Box::pin(without_bookmarks(trial)),
    ),
    scenario("I07", "a watch that wants no initial events begins with what changes", |trial| {
        Box::pin(unwanted(trial))
    }),
    scenario(
        "I08",
        "a streaming list at no version has what was written before it was asked for",
        |trial| Box::pin(own_writes(trial)),
    ),
    scenario(
        "I09",
        "a streaming list from a version not reached yet is a watch that fails: 504 with the cause ResourceVersionTooLarge",
        |trial| Box::pin(too_large(trial)),
    ),
    scenario("I10", "a streaming list from a forgotten version is served all the same", |trial| {
        Box::pin(forgotten(trial))
    })
    .needing(&[Ability::Forget, Ability::Restart]),
];

/// What asks for a streaming list.
const STREAMING: &str =
    "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";

/// The initial events, and the bookmark behind them.
async fn initial(watch: &mut Watch) -> Checked<(Vec<Event>, Event)> {
    let mut events = Vec::new();
    loop {
        let event = watch.next().await?;
        let annotations = &event.object["metadata"]["annotations"];
        if event.kind == "BOOKMARK" && annotations["k8s.io/initial-events-end"] == "true" {
            return Ok((events, event));
        }
        events.push(event);
    }
}

async fn initial_names(watch: &mut Watch) -> Checked<Vec<String>> {
    let (events, _) = initial(watch).await?;
    for event in &events {
        equal("kind of an initial event", &event.kind, "ADDED")?;
    }
    Ok(events.iter().map(|event| name(&event.object)).collect())
}

async fn whole(trial: &mut Trial<'_>) -> Checked {
    for name in ["b", "a"] {
        trial.create(&service(name)).await?;
    }
    let newest = trial.label("b", "x", "1").await?;
    let path = format!("{}?{STREAMING}", trial.services());
    let mut watch = trial.client.watch(&path).await?;
    let (events, end) = initial(&mut watch).await?;
    let short: Vec<_> = events.iter().map(Event::short).collect();
    equal("initial events", &short, &["ADDED a", "ADDED b"])?;
    equal("the newest object", &events[1].object, &newest)?;
    that(revision(&end.object)? >= revision(&newest)?, || {
        format!("a bookmark older than the objects: {}", end.object)
    })?;
    equal("kind of the bookmark", &end.object["kind"], "Service")?;
    trial.create(&service("c")).await?;
    trial.client.delete(&trial.service("a")).await?.granted(200)?;
    watch.expect(&["ADDED c", "DELETED a"]).await.map(drop)
}

async fn nothing(trial: &mut Trial<'_>) -> Checked {
    for path in [trial.services(), trial.slices()] {
        let mut watch = trial.client.watch(&format!("{path}?{STREAMING}")).await?;
        equal("initial events", &initial_names(&mut watch).await?, &[""; 0])?;
    }
    trial.client.post(&trial.slices(), &slice("a", "a", &["192.0.2.1"])).await?.granted(201)?;
    let mut watch = trial.client.watch(&format!("{}?{STREAMING}", trial.slices())).await?;
    equal("initial events", &initial_names(&mut watch).await?, &["a"])
}

async fn selected(trial: &mut Trial<'_>) -> Checked {
    trial.create(&labelled("a", json!({"in": "yes"}))).await?;
    trial.create(&service("b")).await?;
    let selector = encoded("in=yes");
    let path = format!("{}?{STREAMING}&labelSelector={selector}", trial.services());
    let mut watch = trial.client.watch(&path).await?;
    equal("initial events", &initial_names(&mut watch).await?, &["a"])?;
    trial.label("b", "in", "yes").await?;
    watch.expect(&["ADDED b"]).await.map(drop)
}

async fn from_version(trial: &mut Trial<'_>) -> Checked {
    let mut newest = trial.create(&service("a")).await?;
    for version_of in ["0".to_owned(), version(&newest)?] {
        if version_of == "0" {
            newest = trial.create(&service("b")).await?;
            // So that version 0, which takes any state, has it.
            trial.list(&format!("resourceVersion={}", version(&newest)?)).await?;
        }
        let path = format!("{}?{STREAMING}&resourceVersion={version_of}", trial.services());
        let mut watch = trial.client.watch(&path).await?;
        equal("initial events", &initial_names(&mut watch).await?, &["a", "b"])?;
    }
    Ok(())
}

async fn wrong_match(trial: &mut Trial<'_>) -> Checked {
    let queries = [
        ("sendInitialEvents=true", "resourceVersionMatch"),
        (
            "sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1",
            "resourceVersionMatch",
        ),
        ("resourceVersionMatch=NotOlderThan&resourceVersion=1", "resourceVersionMatch"),
    ];
    for (query, field) in queries {
        let path = format!("{}?watch=true&allowWatchBookmarks=true&{query}", trial.services());
        let status = trial.client.get(&path).await?.refused(422, "Invalid")?;
        equal("field of the cause", &status["details"]["causes"][0]["field"], field)?;
    }
    let path = format!(
        "{}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=1",
        trial.services()
    );
    let status = trial.client.get(&path).await?.refused(422, "Invalid")?;
    equal("field of a list's cause", &status["details"]["causes"][0]["field"], "sendInitialEvents")
}

async fn without_bookmarks(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let path = format!("{}?{query}", trial.services());
    let mut watch = trial.client.watch(&path).await?;
    let mut kinds = vec![watch.next().await?.short()];
    trial.create(&service("b")).await?;
    kinds.push(watch.next().await?.short());
    equal("events", &kinds, &["ADDED a", "ADDED b"])
}

async fn unwanted(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let query =
        "watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=";
    let path = format!("{}?{query}", trial.services());
    let mut watch = trial.client.watch(&path).await?;
    trial.create(&service("b")).await?;
    watch.expect(&["ADDED b"]).await.map(drop)
}

async fn own_writes(trial: &mut Trial<'_>) -> Checked {
    let mut expected = Vec::new();
    for round in 0..10 {
        let name = format!("s{round}");
        trial.create(&service(&name)).await?;
        expected.push(name);
        let path = format!("{}?{STREAMING}", trial.services());
        let mut watch = trial.client.watch(&path).await?;
        equal("initial events", &initial_names(&mut watch).await?, &expected)?;
    }
    Ok(())
}

async fn too_large(trial: &mut Trial<'_>) -> Checked {
    let far = revision(&trial.list("").await?)? + 1_000_000;
    let path = format!("{}?{STREAMING}&resourceVersion={far}", trial.services());
    let mut watch = trial.client.watch(&path).await?;
    let status = watch.fails(504, "Timeout").await?;
    equal("cause", &status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge")
}

async fn forgotten(trial: &mut Trial<'_>) -> Checked {
    let old = trial.create(&service("a")).await?;
    trial.create(&service("b")).await?;
    trial.subject.forget()?;
    trial.subject.restart()?;
    trial.reconnect().await?;
    let path = format!("{}?{STREAMING}&resourceVersion={}", trial.services(), version(&old)?);
    let mut watch = trial.client.watch(&path).await?;
    equal("initial events", &initial_names(&mut watch).await?, &["a", "b"])
}
