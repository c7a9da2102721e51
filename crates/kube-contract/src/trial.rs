//! One scenario put to one server.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::client::Client;
use crate::finding::{Checked, Finding};
use crate::row::{Row, Verdict};
use crate::scenarios::Scenario;
use crate::subject::{Ability, Subject};

/// The longest that a scenario may take; the longest of them take a tenth of it.
const LIMIT: Duration = Duration::from_secs(180);

/// What a scenario works with.
pub(crate) struct Trial<'a> {
    /// The server, to be done something to.
    pub(crate) subject: &'a mut dyn Subject,
    /// A client of it.
    pub(crate) client: Client,
    /// The scenario's own namespace, in which nothing was before.
    pub(crate) namespace: String,
}

impl Trial<'_> {
    /// Where the Services of the scenario are.
    pub(crate) fn services(&self) -> String {
        format!("/api/v1/namespaces/{}/services", self.namespace)
    }

    /// Where one of them is.
    pub(crate) fn service(&self, name: &str) -> String {
        format!("{}/{name}", self.services())
    }

    /// Where the EndpointSlices of the scenario are.
    pub(crate) fn slices(&self) -> String {
        format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", self.namespace)
    }

    /// Makes a Service, and returns it as the server has it.
    pub(crate) async fn create(&self, service: &Value) -> Checked<Value> {
        self.client.post(&self.services(), service).await?.granted(201)
    }

    /// Writes a label of a Service, and returns the Service.
    pub(crate) async fn label(&self, name: &str, label: &str, value: &str) -> Checked<Value> {
        let patch = json!({"metadata": {"labels": {label: value}}});
        let path = self.service(name);
        self.client.patch(&path, crate::client::media::MERGE_PATCH, &patch).await?.granted(200)
    }

    /// The list of the scenario's Services; `query` is what stands behind the question mark.
    pub(crate) async fn list(&self, query: &str) -> Checked<Value> {
        self.client.get(&format!("{}?{query}", self.services())).await?.granted(200)
    }

    /// A client of the server as it is after a restart.
    pub(crate) async fn reconnect(&mut self) -> Checked {
        self.client = Client::new(&self.subject.kubeconfig()?).await?;
        Ok(())
    }
}

/// Puts a scenario to a server.
pub(crate) fn run(subject: &mut dyn Subject, scenario: &Scenario) -> Row {
    let row = |verdict, detail| Row { id: scenario.id, rule: scenario.rule, verdict, detail };
    let lacking = scenario.needs.iter().find(|ability| !subject.can(**ability));
    if let Some(ability) = lacking {
        let detail = format!("{} cannot {}", subject.name(), words(*ability));
        return row(Verdict::NotOfThisSubject, Some(detail));
    }
    let attempt = AssertUnwindSafe(|| attempt(subject, scenario));
    match std::panic::catch_unwind(attempt) {
        Ok(Ok(())) => row(Verdict::Pass, None),
        Ok(Err(finding)) => row(Verdict::Fail, Some(finding.0)),
        Err(_) => row(Verdict::Fail, Some("the scenario panicked".to_owned())),
    }
}

fn words(ability: Ability) -> &'static str {
    match ability {
        Ability::Restart => "be restarted",
        Ability::Forget => "be made to forget",
        Ability::SecondServer => "have a second server",
        Ability::Freeze => "be frozen",
        Ability::Authenticate => "tell strangers from friends",
    }
}

fn attempt(subject: &mut dyn Subject, scenario: &Scenario) -> Checked {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("make a runtime")?;
    runtime.block_on(async {
        let client = Client::new(&subject.kubeconfig()?).await?;
        let namespace = format!("contract-{}", scenario.id.to_lowercase());
        let object =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        client.post("/api/v1/namespaces", &object).await?.granted(201)?;
        let mut trial = Trial { subject, client, namespace };
        let checked = (scenario.check)(&mut trial).boxed_local();
        let ended = tokio::time::timeout(LIMIT, checked).await;
        ended.unwrap_or_else(|_| Err(Finding::of(format!("not over after {LIMIT:?}"))))
    })
}
