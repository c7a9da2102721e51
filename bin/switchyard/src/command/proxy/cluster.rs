//! Where a proxy learns of the cluster, begun.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use switchyard_agent::Source;
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
/// How long a proxy that ends by itself waits for its Node, once the API has told of all else: a kubelet that starts beside it
/// makes it meanwhile.
pub(super) const NODE_PATIENCE: Duration = Duration::from_secs(120);

/// Where what is wanted comes from, and the stream of what is known by now: all that manifests say; of the API nothing, or,
/// where `needs_node`, what there is when the Node is there, which is waited for no longer than `ends_after`.
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

/// Waits for the Node: however long it takes, or until it was missing for `ends_after`.
fn wait(
    runtime: &Runtime,
    api: &Api,
    ends_after: Option<Duration>,
) -> Result<Vec<ClusterEvent>, Failure> {
    let mut missed = Duration::ZERO;
    loop {
        let reason = match runtime.block_on(api.state(PATIENCE)) {
            Ok(state) => return Ok(state.events),
            Err(reason) => reason,
        };
        missed = if reason.lacks_node() { missed.saturating_add(PATIENCE) } else { Duration::ZERO };
        if ends_after.is_some_and(|longest| missed >= longest) {
            return Err(anyhow::Error::new(reason).into());
        }
        tracing::warn!(%reason, "the Node is waited for");
    }
}
