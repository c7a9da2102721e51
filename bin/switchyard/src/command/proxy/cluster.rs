//! Where a proxy learns of the cluster, begun.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use switchyard_agent::{AgentError, Source};
use switchyard_model::{ClusterEvent, Name};
use switchyard_nodeview::Stream;
use switchyard_source::api::{Api, Clients};
use switchyard_source::{Configuration, FollowedManifests, Manifests};
use tokio::runtime::Runtime;

use crate::failure::Failure;
use crate::input::{Input, report_passed_over};
use crate::options::{ApiAccess, ClusterSource, ProxyOptions};

/// How long a command waits for the API server that answers once and ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a proxy that ends by itself waits for the API to tell of everything, and then for its Node: a kubelet that starts
/// beside it makes it meanwhile.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Where what is wanted comes from, and the stream of what is known by now: all that manifests say; of the API nothing, or,
/// where `needs_node`, what there is when the Node is there. The API, and then the Node, is waited for no longer than
/// `ends_after`.
pub(super) fn begin(
    options: &ProxyOptions,
    needs_node: bool,
    ends_after: Option<Duration>,
    notices: &mut dyn Write,
) -> Result<(Source, Stream), Failure> {
    let (configuration, node) = (&options.configuration, &options.node);
    match &options.source {
        ClusterSource::Manifests(path) => {
            let mut followed = FollowedManifests::new(path);
            let first = followed.read().map_err(anyhow::Error::new)?;
            report_passed_over(first.counts(), notices)?;
            let stream = Input::stream(first.events().to_vec(), configuration, node)?;
            Ok((Source::Manifests { first, followed }, stream))
        }
        ClusterSource::Api(access) => {
            let (runtime, api) = reach(access, node)?;
            let mut stream = Stream::new(Name::from(node.as_str()), configuration.settings.clone());
            if needs_node {
                stream.apply(wait(&runtime, &api, ends_after)?);
            }
            Ok((Source::Api { runtime, api }, stream))
        }
    }
}

/// All that a proxy would begin with, to look at once.
pub(super) fn look(
    cluster: &ClusterSource,
    configuration: Configuration,
    node: &str,
) -> Result<Input, Failure> {
    match cluster {
        ClusterSource::Manifests(path) => {
            let manifests = Manifests::read(path).map_err(anyhow::Error::new)?;
            Input::of(manifests, configuration, node)
        }
        ClusterSource::Api(access) => {
            let (runtime, api) = reach(access, node)?;
            let state = runtime.block_on(api.state(PATIENCE)).map_err(anyhow::Error::new)?;
            Input::of_state(state, configuration, node)
        }
    }
}

/// A way to the API. Whether somebody is there is not tried.
fn reach(access: &ApiAccess, node: &str) -> Result<(Runtime, Api), Failure> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().context("begin to speak with the Kubernetes API")?;
    let clients =
        runtime.block_on(Clients::reach(access.connection())).map_err(anyhow::Error::new)?;
    let seed = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, node.as_bytes()).as_u64_pair().0;
    Ok((runtime, Api { clients, node: node.to_owned(), seed }))
}

/// Waits for the Node: however long it takes, or until the API, or the Node alone, was missing for `ends_after`.
fn wait(
    runtime: &Runtime,
    api: &Api,
    ends_after: Option<Duration>,
) -> Result<Vec<ClusterEvent>, Failure> {
    let patience = ends_after.map_or(PATIENCE, |longest| longest.min(PATIENCE));
    let (mut without_api, mut without_node) = (Duration::ZERO, Duration::ZERO);
    loop {
        let reason = match runtime.block_on(api.state(patience)) {
            Ok(state) => return Ok(state.events),
            Err(reason) => reason,
        };
        let missed = if reason.lacks_node() { &mut without_node } else { &mut without_api };
        *missed = missed.saturating_add(patience);
        if ends_after.is_some_and(|longest| *missed >= longest) {
            let error = if reason.lacks_node() {
                AgentError::NoNode { node: Name::from(api.node.as_str()), waited: *missed }
            } else {
                let (server, why) = (api.clients.server(), reason.why().to_owned());
                AgentError::NoApi { server, waited: *missed, why }
            };
            return Err(anyhow::Error::new(error).into());
        }
        tracing::warn!(%reason, "the Node is waited for");
    }
}

#[cfg(test)]
mod tests {
    use switchyard_kube_fake::{ApiServer, Store};
    use switchyard_source::api::Connection;

    use super::*;

    /// What is said in the end, where it is waited for a second for what never comes.
    fn ends_with(clients: impl AsyncFnOnce() -> Clients) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clients = runtime.block_on(clients());
        let api = Api { clients, node: "n1".to_owned(), seed: 1 };
        wait(&runtime, &api, Some(Duration::from_secs(1))).unwrap_err().chain()
    }

    #[test]
    fn an_api_that_is_not_there_is_waited_for_no_longer_than_it_may_and_named() {
        let said = ends_with(async || {
            // Nobody can listen there, and every system says so at once.
            let master = Some("http://127.0.0.1:0".to_owned());
            Clients::reach(Connection { kubeconfig: None, master }).await.unwrap()
        });
        for part in ["at http://127.0.0.1:0 ", "within 1 s", "cannot be reached", "--kubeconfig"] {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
    }

    #[test]
    fn a_node_that_is_not_there_is_waited_for_no_longer_than_it_may_and_named() {
        let said = ends_with(async || {
            let server = ApiServer::new(Store::new(), "2026-01-02T03:04:05Z".parse().unwrap());
            kube::Client::new(server, "default").into()
        });
        assert!(said.contains("Node n1") && said.contains("--hostname-override"), "{said}");
    }
}
