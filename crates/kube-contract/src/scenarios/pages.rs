//! Lists, page by page.

use serde_json::Value;

use super::{Scenario, scenario};
use crate::finding::{Checked, Finding, equal, that};
use crate::objects::{items, names, service, version};
use crate::subject::Ability;
use crate::trial::Trial;

pub(super) const ALL: &[Scenario] = &[
    scenario("P01", "pages have every object once, one version, and how many remain", |trial| {
        Box::pin(pages(trial))
    }),
    scenario("P02", "pages show everything as it was at the first", |trial| {
        Box::pin(consistent(trial))
    }),
    scenario("P03", "a page of everything is no page", |trial| Box::pin(whole(trial))),
    scenario("P04", "a token that is none is refused", |trial| Box::pin(no_token(trial))),
    scenario("P05", "a token with a version or a match is refused", |trial| {
        Box::pin(token_and_version(trial))
    }),
    scenario("P06", "pages of a selection do not say how many remain", |trial| {
        Box::pin(selected(trial))
    }),
    scenario("P07", "a token is of use in any limit", |trial| Box::pin(other_limit(trial))),
    scenario(
        "P08",
        "a token of a forgotten version is 410 Expired, with a token to go on at the present one",
        |trial| Box::pin(expired(trial)),
    )
    .needing(&[Ability::Forget, Ability::Restart]),
];

/// The token for the next page, if there is one.
pub(super) fn token(list: &Value) -> Option<String> {
    let token = list["metadata"]["continue"].as_str()?;
    Some(token.to_owned()).filter(|token| !token.is_empty())
}

/// The token, which must be there.
pub(super) fn must_go_on(list: &Value) -> Checked<String> {
    token(list).ok_or_else(|| Finding::of(format!("no token to go on: {}", list["metadata"])))
}

async fn five(trial: &Trial<'_>) -> Checked {
    for name in ["a", "b", "c", "d", "e"] {
        trial.create(&service(name)).await?;
    }
    Ok(())
}

async fn pages(trial: &mut Trial<'_>) -> Checked {
    five(trial).await?;
    let first = trial.list("limit=2").await?;
    equal("names", &names(&first)?, &["a", "b"])?;
    equal("remaining", &first["metadata"]["remainingItemCount"], &3)?;
    let second = trial.list(&format!("limit=2&continue={}", must_go_on(&first)?)).await?;
    equal("names", &names(&second)?, &["c", "d"])?;
    equal("remaining", &second["metadata"]["remainingItemCount"], &1)?;
    let third = trial.list(&format!("limit=2&continue={}", must_go_on(&second)?)).await?;
    equal("names", &names(&third)?, &["e"])?;
    equal("token", &token(&third), &None::<String>)?;
    equal("remaining", &third["metadata"]["remainingItemCount"], &Value::Null)?;
    equal("version of the second", &version(&second)?, &version(&first)?)?;
    equal("version of the third", &version(&third)?, &version(&first)?)
}

async fn consistent(trial: &mut Trial<'_>) -> Checked {
    five(trial).await?;
    let first = trial.list("limit=2").await?;
    trial.create(&service("b2")).await?;
    trial.label("d", "later", "yes").await?;
    trial.client.delete(&trial.service("e")).await?.granted(200)?;
    let rest = trial.list(&format!("continue={}", must_go_on(&first)?)).await?;
    equal("names", &names(&rest)?, &["c", "d", "e"])?;
    let labels = &items(&rest)?[1]["metadata"]["labels"];
    that(labels["later"].is_null(), || format!("the page shows a later label: {labels}"))
}

async fn whole(trial: &mut Trial<'_>) -> Checked {
    five(trial).await?;
    for limit in [5, 6] {
        let list = trial.list(&format!("limit={limit}")).await?;
        equal("names", &names(&list)?, &["a", "b", "c", "d", "e"])?;
        equal("token", &token(&list), &None::<String>)?;
    }
    Ok(())
}

async fn no_token(trial: &mut Trial<'_>) -> Checked {
    let path = format!("{}?limit=1&continue=bm9uZQ", trial.services());
    trial.client.get(&path).await?.refused(400, "BadRequest").map(drop)
}

async fn token_and_version(trial: &mut Trial<'_>) -> Checked {
    five(trial).await?;
    let first = trial.list("limit=2").await?;
    let (token, version) = (must_go_on(&first)?, version(&first)?);
    let path = format!("{}?continue={token}&resourceVersion={version}", trial.services());
    trial.client.get(&path).await?.refused(400, "BadRequest")?;
    let path = format!("{path}&resourceVersionMatch=Exact");
    trial.client.get(&path).await?.refused(422, "Invalid").map(drop)
}

async fn selected(trial: &mut Trial<'_>) -> Checked {
    five(trial).await?;
    for name in ["a", "c", "e"] {
        trial.label(name, "in", "yes").await?;
    }
    let first = trial.list("limit=2&labelSelector=in%3Dyes").await?;
    equal("names", &names(&first)?, &["a", "c"])?;
    equal("remaining", &first["metadata"]["remainingItemCount"], &Value::Null)?;
    let query = format!("limit=2&labelSelector=in%3Dyes&continue={}", must_go_on(&first)?);
    let second = trial.list(&query).await?;
    equal("names", &names(&second)?, &["e"])
}

async fn other_limit(trial: &mut Trial<'_>) -> Checked {
    five(trial).await?;
    let first = trial.list("limit=1").await?;
    let rest = trial.list(&format!("limit=500&continue={}", must_go_on(&first)?)).await?;
    equal("names", &names(&rest)?, &["b", "c", "d", "e"])
}

async fn expired(trial: &mut Trial<'_>) -> Checked {
    five(trial).await?;
    let first = trial.list("limit=2").await?;
    trial.create(&service("d2")).await?;
    trial.subject.forget()?;
    trial.subject.restart()?;
    trial.reconnect().await?;
    let path = format!("{}?limit=2&continue={}", trial.services(), must_go_on(&first)?);
    let status = trial.client.get(&path).await?.refused(410, "Expired")?;
    let list = trial.list(&format!("limit=9&continue={}", must_go_on(&status)?)).await?;
    equal("names", &names(&list)?, &["c", "d", "d2", "e"])
}
