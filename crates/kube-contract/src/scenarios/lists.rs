//! Lists, whole ones.

use serde_json::{Value, json};

use super::{Scenario, scenario};
use crate::finding::{Checked, equal, that};
use crate::objects::{items, name, names, revision, service, version};
use crate::trial::Trial;

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "L01",
        "a list has its kind, its version and its items in the order of their names",
        |trial| Box::pin(order(trial)),
    ),
    scenario("L02", "an item of a list does not say its kind, an object by itself does", |trial| {
        Box::pin(kinds(trial))
    }),
    scenario("L03", "a list of nothing has an empty list of items, and a version", |trial| {
        Box::pin(nothing(trial))
    }),
    scenario(
        "L04",
        "what was written is in every list asked for afterwards, at no version, at least the one written and exactly that",
        |trial| Box::pin(own_writes(trial)),
    ),
    scenario("L05", "a list of exactly an old version is as everything was then", |trial| {
        Box::pin(exact(trial))
    }),
    scenario("L06", "version 0 takes any state, and the list tells which", |trial| {
        Box::pin(any_version(trial))
    }),
    scenario(
        "L07",
        "a version that is not reached yet is waited for, and then is 504 with the cause ResourceVersionTooLarge and when to try again",
        |trial| Box::pin(too_large(trial)),
    ),
    scenario(
        "L08",
        "how a version is to be matched is refused without a version, with version 0 exactly, and in words that are not known",
        |trial| Box::pin(wrong_match(trial)),
    ),
    scenario("L09", "a version that is no number is refused", |trial| Box::pin(no_number(trial))),
    scenario("L10", "a list over all namespaces has what is in each", |trial| {
        Box::pin(all_namespaces(trial))
    }),
];

async fn order(trial: &mut Trial<'_>) -> Checked {
    for name in ["b", "c", "a"] {
        trial.create(&service(name)).await?;
    }
    let list = trial.list("").await?;
    equal("kind", &list["kind"], "ServiceList")?;
    equal("apiVersion", &list["apiVersion"], "v1")?;
    equal("names", &names(&list)?, &["a", "b", "c"])?;
    let newest = items(&list)?.iter().map(revision).collect::<Checked<Vec<_>>>()?;
    let newest = newest.into_iter().max().unwrap_or_default();
    that(revision(&list)? >= newest, || format!("the list is older than its items: {list}"))
}

async fn kinds(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&service("a")).await?;
    equal("kind of what was made", &made["kind"], "Service")?;
    let list = trial.list("").await?;
    let item = &items(&list)?[0];
    equal("kind of an item", &item["kind"], &Value::Null)?;
    equal("apiVersion of an item", &item["apiVersion"], &Value::Null)?;
    let one = trial.client.get(&trial.service("a")).await?.granted(200)?;
    equal("the object", &one, &made)?;
    for field in ["metadata", "spec"] {
        equal(field, &item[field], &one[field])?;
    }
    Ok(())
}

async fn nothing(trial: &mut Trial<'_>) -> Checked {
    let list = trial.list("").await?;
    equal("items", &list["items"], &json!([]))?;
    revision(&list).map(drop)
}

async fn own_writes(trial: &mut Trial<'_>) -> Checked {
    for round in 0..20 {
        let made = trial.create(&service(&format!("s{round}"))).await?;
        let version = version(&made)?;
        let queries = [
            String::new(),
            format!("resourceVersion={version}"),
            format!("resourceVersion={version}&resourceVersionMatch=NotOlderThan"),
            format!("resourceVersion={version}&resourceVersionMatch=Exact"),
        ];
        for query in queries {
            let list = trial.list(&query).await?;
            let found = names(&list)?.contains(&name(&made));
            that(found, || format!("?{query}: no {} in the list", name(&made)))?;
        }
    }
    Ok(())
}

async fn exact(trial: &mut Trial<'_>) -> Checked {
    trial.create(&service("a")).await?;
    let then = trial.label("a", "state", "old").await?;
    trial.label("a", "state", "new").await?;
    trial.create(&service("b")).await?;
    let version = version(&then)?;
    let query = format!("resourceVersion={version}&resourceVersionMatch=Exact");
    let list = trial.list(&query).await?;
    equal("names", &names(&list)?, &["a"])?;
    equal("label", &items(&list)?[0]["metadata"]["labels"]["state"], "old")?;
    equal("version of the list", &list["metadata"]["resourceVersion"], &version.as_str())
}

async fn any_version(trial: &mut Trial<'_>) -> Checked {
    let made = trial.create(&service("a")).await?;
    // At least the version written: so the state that version 0 gives afterwards has it.
    trial.list(&format!("resourceVersion={}", version(&made)?)).await?;
    let list = trial.list("resourceVersion=0").await?;
    equal("names", &names(&list)?, &["a"])?;
    that(revision(&list)? >= revision(&made)?, || format!("an older list: {list}"))
}

async fn too_large(trial: &mut Trial<'_>) -> Checked {
    let list = trial.list("").await?;
    let version = revision(&list)? + 1_000_000;
    for how in ["", "&resourceVersionMatch=NotOlderThan", "&resourceVersionMatch=Exact"] {
        let path = format!("{}?resourceVersion={version}{how}", trial.services());
        let status = trial.client.get(&path).await?.refused(504, "Timeout")?;
        let causes = &status["details"]["causes"];
        equal("reason of the cause", &causes[0]["reason"], "ResourceVersionTooLarge")?;
        equal("message of the cause", &causes[0]["message"], "Too large resource version")?;
        equal("retryAfterSeconds", &status["details"]["retryAfterSeconds"], &1)?;
    }
    Ok(())
}

async fn wrong_match(trial: &mut Trial<'_>) -> Checked {
    let queries = [
        "resourceVersionMatch=NotOlderThan",
        "resourceVersionMatch=Exact",
        "resourceVersion=0&resourceVersionMatch=Exact",
        "resourceVersion=1&resourceVersionMatch=Nearly",
    ];
    for query in queries {
        let answer = trial.client.get(&format!("{}?{query}", trial.services())).await?;
        let status = answer.refused(422, "Invalid")?;
        equal("kind in the details", &status["details"]["kind"], "ListOptions")?;
        let cause = &status["details"]["causes"][0];
        equal("field of the cause", &cause["field"], "resourceVersionMatch")?;
    }
    Ok(())
}

async fn no_number(trial: &mut Trial<'_>) -> Checked {
    let path = format!("{}?resourceVersion=soon", trial.services());
    trial.client.get(&path).await?.refused(400, "BadRequest").map(drop)
}

async fn all_namespaces(trial: &mut Trial<'_>) -> Checked {
    let other = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "contract-l10-other"},
    });
    trial.client.post("/api/v1/namespaces", &other).await?.granted(201)?;
    trial.create(&service("all-namespaces")).await?;
    let path = "/api/v1/namespaces/contract-l10-other/services";
    trial.client.post(path, &service("all-namespaces")).await?.granted(201)?;
    let path = "/api/v1/services?fieldSelector=metadata.name%3Dall-namespaces";
    let list = trial.client.get(path).await?.granted(200)?;
    let namespaces: Vec<_> =
        items(&list)?.iter().map(|item| item["metadata"]["namespace"].clone()).collect();
    // The order is that of the keys in the store, `namespace/name`, in which a dash comes before the slash.
    equal("namespaces", &namespaces, &["contract-l10-other", trial.namespace.as_str()])
}
