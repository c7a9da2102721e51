//! Many writers at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join_all};
use serde_json::{Value, json};

use super::{Scenario, scenario};
use crate::client::{Client, media};
use crate::finding::{Checked, equal, that};
use crate::objects::{items, name, revision, service, version};
use crate::trial::Trial;

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "R01",
        "a watch tells each write of many writers exactly once, in the order of their versions",
        |trial| Box::pin(each_once(trial)),
    ),
    scenario(
        "R02",
        "a list and a watch from its version together lose and repeat nothing while others write",
        |trial| Box::pin(list_then_watch(trial)),
    ),
    scenario(
        "R03",
        "pages and a watch from their version together lose and repeat nothing while others write",
        |trial| Box::pin(pages_then_watch(trial)),
    ),
    scenario(
        "R04",
        "of writers that change the same version of an object one has its way, and each tries again until it has",
        |trial| Box::pin(one_wins(trial)),
    ),
    scenario("R05", "two watches tell the same events in the same order", |trial| {
        Box::pin(same_order(trial))
    }),
];

const WRITERS: usize = 4;
const ROUNDS: usize = 25;

/// One writer: makes an object, changes it twice, and removes every other. Tells the version of each write.
async fn write(client: Client, services: String, writer: usize) -> Checked<Vec<u64>> {
    let mut versions = Vec::new();
    for round in 0..ROUNDS {
        let made = service(&format!("w{writer}-{round:02}"));
        let path = format!("{services}/{}", name(&made));
        versions.push(revision(&client.post(&services, &made).await?.granted(201)?)?);
        for change in ["1", "2"] {
            let patch = json!({"metadata": {"labels": {"change": change}}});
            let patched = client.patch(&path, media::MERGE_PATCH, &patch).await?.granted(200)?;
            versions.push(revision(&patched)?);
        }
        if round % 2 == 0 {
            client.delete(&path).await?.granted(200)?;
        }
    }
    Ok(versions)
}

/// All writers, until they are done, and then one last object: what comes after it was asked for after all.
async fn write_all(client: Client, services: String) -> Checked<Vec<u64>> {
    let writers = (0..WRITERS).map(|writer| write(client.clone(), services.clone(), writer));
    let versions = try_join_all(writers).await?.concat();
    client.post(&services, &service("last")).await?.granted(201)?;
    Ok(versions)
}

/// The events of a watch up to the last object, as `KIND name` and version.
async fn read_all(client: Client, path: String) -> Checked<Vec<(String, u64)>> {
    let mut watch = client.watch(&path).await?;
    let mut events = Vec::new();
    loop {
        let event = watch.next_change().await?;
        if event.short() == "ADDED last" {
            return Ok(events);
        }
        events.push((event.short(), revision(&event.object)?));
    }
}

async fn each_once(trial: &mut Trial<'_>) -> Checked {
    let from = version(&trial.list("").await?)?;
    let path = format!("{}?watch=true&resourceVersion={from}", trial.services());
    let reader = read_all(trial.client.clone(), path);
    let (events, written) =
        try_join(reader, write_all(trial.client.clone(), trial.services())).await?;
    let ascending = events.windows(2).all(|pair| pair[0].1 < pair[1].1);
    that(ascending, || format!("the versions do not ascend: {events:?}"))?;
    let told = |kind: &str| events.iter().filter(|(short, _)| short.starts_with(kind)).count();
    equal("additions", &told("ADDED"), &(WRITERS * ROUNDS))?;
    equal("modifications", &told("MODIFIED"), &(2 * WRITERS * ROUNDS))?;
    equal("deletions", &told("DELETED"), &(WRITERS * ROUNDS.div_ceil(2)))?;
    let versions = events.iter().filter(|(short, _)| !short.starts_with("DELETED"));
    let versions: BTreeSet<u64> = versions.map(|(_, version)| *version).collect();
    equal("the versions written", &versions, &written.into_iter().collect::<BTreeSet<_>>())
}

async fn same_order(trial: &mut Trial<'_>) -> Checked {
    let from = version(&trial.list("").await?)?;
    let path = format!("{}?watch=true&resourceVersion={from}", trial.services());
    let readers = try_join(
        read_all(trial.client.clone(), path.clone()),
        read_all(trial.client.clone(), path),
    );
    let writers = write_all(trial.client.clone(), trial.services());
    let ((first, second), _) = try_join(readers, writers).await?;
    equal("the events of the second watch", &second, &first)
}

/// Objects by name, with their versions, and what events make of them.
#[derive(Default)]
struct Replica {
    versions: BTreeMap<String, u64>,
}

impl Replica {
    fn of(list: &[Value]) -> Checked<Self> {
        let versions = list.iter().map(|item| Ok((name(item), revision(item)?)));
        Ok(Self { versions: versions.collect::<Checked<_>>()? })
    }

    /// An addition of what is there, or a change of what is not, was lost or repeated.
    fn apply(&mut self, short: &str, version: u64) -> Checked {
        let (kind, name) = short.split_once(' ').unwrap_or((short, ""));
        let held = if kind == "DELETED" {
            self.versions.remove(name)
        } else {
            self.versions.insert(name.to_owned(), version)
        };
        that(held.is_some() == (kind != "ADDED"), || {
            format!("{short} at {version}, held before at {held:?}")
        })?;
        that(held.is_none_or(|held| held < version), || {
            format!("{short} at {version}, held before at {held:?}")
        })
    }
}

/// Lists by `pages` again and again while others write, and watches from each list to the end.
async fn lists_then_watches(trial: &Trial<'_>, limit: usize) -> Checked {
    let read = async {
        let mut replicas = Vec::new();
        for _ in 0..8 {
            let (list, from) = listed(&trial.client, &trial.services(), limit).await?;
            let path = format!("{}?watch=true&resourceVersion={from}", trial.services());
            replicas.push((Replica::of(&list)?, path));
        }
        Ok(replicas)
    };
    let writers = write_all(trial.client.clone(), trial.services());
    let (replicas, _) = try_join(read, writers).await?;
    let (list, _) = listed(&trial.client, &trial.services(), 0).await?;
    let mut end = Replica::of(&list)?;
    end.versions.remove("last");
    for (mut replica, path) in replicas {
        for (short, version) in read_all(trial.client.clone(), path).await? {
            replica.apply(&short, version)?;
        }
        equal("what list and watch come to", &replica.versions, &end.versions)?;
    }
    Ok(())
}

/// All items by pages of at most `limit`, and their version.
async fn listed(client: &Client, services: &str, limit: usize) -> Checked<(Vec<Value>, String)> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!("{services}?limit={limit}&continue={token}");
        let page = client.get(&path).await?.granted(200)?;
        all.extend_from_slice(items(&page)?);
        match super::pages::token(&page) {
            Some(next) => token = next,
            None => return Ok((all, version(&page)?)),
        }
    }
}

async fn list_then_watch(trial: &mut Trial<'_>) -> Checked {
    lists_then_watches(trial, 0).await
}

async fn pages_then_watch(trial: &mut Trial<'_>) -> Checked {
    lists_then_watches(trial, 7).await
}

async fn one_wins(trial: &mut Trial<'_>) -> Checked {
    let first = trial.create(&service("a")).await?;
    let path = trial.service("a");
    let count = |writer: usize| {
        let (client, path) = (trial.client.clone(), path.clone());
        async move {
            let mut conflicts = 0;
            loop {
                let mut seen = client.get(&path).await?.granted(200)?;
                seen["metadata"]["labels"][format!("writer-{writer}")] = "was-here".into();
                let answer = client.put(&path, &seen).await?;
                if answer.code == 200 {
                    return Checked::Ok(conflicts);
                }
                answer.refused(409, "Conflict")?;
                conflicts += 1;
            }
        }
    };
    try_join_all((0..WRITERS).map(count)).await?;
    let last = trial.client.get(&path).await?.granted(200)?;
    let labels = last["metadata"]["labels"].as_object().map_or(0, serde_json::Map::len);
    equal("labels", &labels, &WRITERS)?;
    that(revision(&last)? > revision(&first)?, || "the version has not changed".to_owned())
}
