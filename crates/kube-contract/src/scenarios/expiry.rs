//! What is kept over restarts, what is forgotten, and a store that stands still.

use std::time::Duration;

use serde_json::json;

use super::{Scenario, scenario};
use crate::client::Client;
use crate::finding::{Checked, Finding, equal, that};
use crate::objects::{names, revision, service, version};
use crate::subject::Ability;
use crate::trial::Trial;

pub(super) const ALL: &[Scenario] = &[
    scenario("E01", "a watch from a forgotten version is accepted, and fails at once with 410 Expired", |trial| {
        Box::pin(watch_from_forgotten(trial))
    })
    .needing(&[Ability::Forget, Ability::Restart]),
    scenario("E02", "a list of exactly a forgotten version is 410 Expired", |trial| {
        Box::pin(list_of_forgotten(trial))
    })
    .needing(&[Ability::Forget, Ability::Restart]),
    scenario("E03", "objects, versions and uids are as before after a restart, and versions go on to grow", |trial| {
        Box::pin(restart(trial))
    })
    .needing(&[Ability::Restart]),
    scenario("E04", "an open watch ends with a restart, and can be gone on with from where it was", |trial| {
        Box::pin(watch_over_restart(trial))
    })
    .needing(&[Ability::Restart]),
    scenario("E05", "what was written at one server is in the next list at another on the same store", |trial| {
        Box::pin(two_servers(trial))
    })
    .needing(&[Ability::SecondServer]),
    scenario("E06", "a watch at one server tells what is written at another", |trial| {
        Box::pin(watch_across(trial))
    })
    .needing(&[Ability::SecondServer]),
    scenario("E07", "an old version is good at the server that remembers it, and 410 at one that began after the store had forgotten it", |trial| {
        Box::pin(remembered(trial))
    })
    .needing(&[Ability::SecondServer, Ability::Forget]),
    scenario("E08", "while the store stands still, a list at any version is answered, and /readyz is not ok", |trial| {
        Box::pin(frozen(trial))
    })
    .needing(&[Ability::Freeze]),
    scenario("E09", "a watch over a store that stood still goes on, and has lost nothing", |trial| {
        Box::pin(thawed(trial))
    })
    .needing(&[Ability::Freeze]),
];

/// Two versions of one object, with the first forgotten.
async fn forgotten(trial: &mut Trial<'_>) -> Checked<String> {
    let old = trial.create(&service("a")).await?;
    trial.label("a", "x", "1").await?;
    trial.subject.forget()?;
    trial.subject.restart()?;
    trial.reconnect().await?;
    version(&old)
}

async fn watch_from_forgotten(trial: &mut Trial<'_>) -> Checked {
    let old = forgotten(trial).await?;
    let path = format!("{}?watch=true&resourceVersion={old}", trial.services());
    let mut watch = trial.client.watch(&path).await?;
    watch.fails(410, "Expired").await?;
    let end = watch.next_or_end().await?;
    that(end.is_none(), || format!("more after the error: {end:?}"))
}

async fn list_of_forgotten(trial: &mut Trial<'_>) -> Checked {
    let old = forgotten(trial).await?;
    let path = format!("{}?resourceVersion={old}&resourceVersionMatch=Exact", trial.services());
    trial.client.get(&path).await?.refused(410, "Expired")?;
    // At least that version is any that there is.
    let list = trial.list(&format!("resourceVersion={old}")).await?;
    equal("names", &names(&list)?, &["a"])
}

async fn restart(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let before = trial.label("a", "x", "1").await?;
    trial.subject.restart()?;
    trial.reconnect().await?;
    let after = trial.client.get(&trial.service("a")).await?.granted(200)?;
    equal("the object", &after, &before)?;
    let next = trial.create(&service("b")).await?;
    that(revision(&next)? > revision(&before)?, || format!("version {}", next["metadata"]))
}

async fn watch_over_restart(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&service("a")).await?;
    let path = format!("{}?watch=true&resourceVersion={}", trial.services(), version(&made)?);
    let mut watch = trial.client.watch(&path).await?;
    let seen = trial.create(&service("b")).await?;
    watch.expect(&["ADDED b"]).await?;
    trial.subject.restart()?;
    trial.reconnect().await?;
    // The end may be one of HTTP or of the connection; an event it must not be.
    if let Ok(Some(event)) = watch.next_or_end().await {
        return Err(Finding::of(format!("instead of the end: {event:?}")));
    }
    trial.create(&service("c")).await?;
    let path = format!("{}?watch=true&resourceVersion={}", trial.services(), version(&seen)?);
    trial.client.watch(&path).await?.expect(&["ADDED c"]).await.map(drop)
}

async fn two_servers(trial: &mut Trial<'_>) -> Checked {
    let second = Client::new(&trial.subject.second_server()?).await?;
    for round in 0..20 {
        let made = trial.create(&service(&format!("s{round:02}"))).await?;
        let list = second.get(&trial.services()).await?.granted(200)?;
        equal("objects at the second", &names(&list)?.len(), &(round + 1))?;
        that(revision(&list)? >= revision(&made)?, || format!("{}", list["metadata"]))?;
    }
    let path = trial.service("s00");
    second.delete(&path).await?.granted(200)?;
    trial.client.get(&path).await?.refused(404, "NotFound").map(drop)
}

async fn watch_across(trial: &mut Trial<'_>) -> Checked {
    let second = Client::new(&trial.subject.second_server()?).await?;
    let from = version(&trial.list("").await?)?;
    let path = format!("{}?watch=true&resourceVersion={from}", trial.services());
    let mut watches = [trial.client.watch(&path).await?, second.watch(&path).await?];
    trial.create(&service("a")).await?;
    let patch = json!({"metadata": {"labels": {"x": "1"}}});
    let media = crate::client::media::MERGE_PATCH;
    second.patch(&trial.service("a"), media, &patch).await?.granted(200)?;
    trial.client.delete(&trial.service("a")).await?.granted(200)?;
    for watch in &mut watches {
        watch.expect(&["ADDED a", "MODIFIED a", "DELETED a"]).await?;
    }
    Ok(())
}

async fn remembered(trial: &mut Trial<'_>) -> Checked {
    let old = trial.create(&service("a")).await?;
    trial.label("a", "x", "1").await?;
    // The first server has what happened since: it remembers only what it was told.
    let path = format!("{}?watch=true&resourceVersion={}", trial.services(), version(&old)?);
    trial.client.watch(&path).await?.expect(&["MODIFIED a"]).await?;
    trial.subject.forget()?;
    let second = Client::new(&trial.subject.second_server()?).await?;
    trial.client.watch(&path).await?.expect(&["MODIFIED a"]).await?;
    second.watch(&path).await?.fails(410, "Expired").await.map(drop)
}

async fn frozen(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&service("a")).await?;
    trial.list(&format!("resourceVersion={}", version(&made)?)).await?;
    trial.client.get("/readyz").await?.granted(200)?;
    trial.subject.freeze()?;
    let checked = while_frozen(trial).await;
    trial.subject.thaw()?;
    checked?;
    until_ready_is(trial, 200).await
}

/// Asks until the answer is so: the store is asked every two seconds at most, and in between the last answer stands.
async fn until_ready_is(trial: &Trial<'_>, code: u16) -> Checked {
    for _ in 0..150 {
        if trial.client.get("/readyz").await?.code == code {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(Finding::of(format!("/readyz is not {code} long after it should be")))
}

async fn while_frozen(trial: &Trial<'_>) -> Checked {
    let list = trial.list("resourceVersion=0").await?;
    equal("names", &names(&list)?, &["a"])?;
    until_ready_is(trial, 500).await
}

async fn thawed(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&service("a")).await?;
    let path = format!("{}?watch=true&resourceVersion={}", trial.services(), version(&made)?);
    let mut watch = trial.client.watch(&path).await?;
    trial.create(&service("b")).await?;
    watch.expect(&["ADDED b"]).await?;
    trial.subject.freeze()?;
    let listed = trial.list("resourceVersion=0").await;
    trial.subject.thaw()?;
    listed?;
    trial.create(&service("c")).await?;
    watch.expect(&["ADDED c"]).await.map(drop)
}
