//! What commands read: manifests and configuration into the stream of one node.

use std::io::Write;

use anyhow::{Context, anyhow};
use switchyard_model::{ClusterEvent, Name};
use switchyard_nodeview::Stream;
use switchyard_source::api::FirstState;
use switchyard_source::{Configuration, Counts, Manifests, Refusal};

use crate::answer::refusals;
use crate::arguments::InputArguments;
use crate::failure::{Exit, Failure};
use crate::print::counted;

/// How many refusals are named on standard error; `view` lists them all.
const NAMED_REFUSALS: usize = 50;

/// The cluster as one node sees it, and what was read for it.
pub(crate) struct Input {
    /// The node's stream, with everything applied.
    pub(crate) stream: Stream,
    /// What only the Windows backend needs of the configuration.
    pub(crate) windows: switchyard_source::WindowsConfiguration,
    /// What was refused of the manifests, and endpoints at a Service's own address.
    pub(crate) refused: Vec<Refusal>,
    /// How much was read.
    pub(crate) counts: Counts,
}

/// Reads the configuration, if a file is named. Fields that do nothing, or that nobody knows, are said on `notices`.
pub(crate) fn configuration(
    path: Option<&str>,
    notices: &mut dyn Write,
) -> Result<Configuration, Failure> {
    let configuration = path.map(Configuration::read).transpose().map_err(anyhow::Error::new)?;
    let configuration = configuration.unwrap_or_default();
    for warning in &configuration.warnings {
        writeln!(notices, "configuration {warning}")?;
    }
    Ok(configuration)
}

impl Input {
    /// Reads what `arguments` name. What was refused is said on `notices`.
    ///
    /// # Errors
    /// When the input cannot be read, or has no such Node.
    pub(crate) fn read(
        arguments: &InputArguments,
        notices: &mut dyn Write,
    ) -> Result<Self, Failure> {
        let configuration = configuration(arguments.common.config.as_deref(), notices)?;
        let manifests = Manifests::read(&arguments.manifests).map_err(anyhow::Error::new)?;
        let input = Self::of(manifests, configuration, &arguments.node)?;
        input.report(notices)?;
        Ok(input)
    }

    /// The cluster of `manifests` as the Node called `node` sees it.
    ///
    /// # Errors
    /// When there is no such Node.
    pub(crate) fn of(
        manifests: Manifests,
        configuration: Configuration,
        node: &str,
    ) -> Result<Self, Failure> {
        let (of_input, counts) = (manifests.refused().to_vec(), manifests.counts().clone());
        let stream = Self::stream(manifests.into_events(), &configuration, node)?;
        let refused = refusals(&stream, &of_input);
        Ok(Self { stream, windows: configuration.windows, refused, counts })
    }

    /// What the Kubernetes API has, as the Node called `node` sees it.
    ///
    /// # Errors
    /// When there is no such Node.
    pub(crate) fn of_state(
        state: FirstState,
        configuration: Configuration,
        node: &str,
    ) -> Result<Self, Failure> {
        let stream = Self::stream(state.events, &configuration, node)?;
        let refused = refusals(&stream, &state.refused);
        let counts = Counts::default();
        Ok(Self { stream, windows: configuration.windows, refused, counts })
    }

    /// The stream of the Node called `node`, with `events` applied.
    ///
    /// # Errors
    /// When there is no such Node.
    pub(crate) fn stream(
        events: Vec<ClusterEvent>,
        configuration: &Configuration,
        node: &str,
    ) -> Result<Stream, Failure> {
        let mut stream = Stream::new(Name::from(node), configuration.settings.clone());
        stream.apply(events);
        if stream.cluster().node(node).is_none() {
            return Err(unknown_node(node, stream.cluster().nodes().map(|node| &*node.name)).into());
        }
        Ok(stream)
    }

    /// Says on standard error what was not used.
    pub(crate) fn report(&self, notices: &mut dyn Write) -> Result<(), Failure> {
        for refusal in self.refused.iter().take(NAMED_REFUSALS) {
            writeln!(notices, "refused: {refusal}")?;
        }
        if self.refused.len() > NAMED_REFUSALS {
            let more = self.refused.len() - NAMED_REFUSALS;
            writeln!(notices, "refused: {more} more; `switchyard view` lists them all")?;
        }
        report_passed_over(&self.counts, notices)
    }

    /// How a command ends that answered from this input.
    #[must_use]
    pub(crate) fn exit(&self, strict: bool) -> Exit {
        if strict && !self.refused.is_empty() { Exit::Strict } else { Exit::Answered }
    }
}

/// Says how many documents were of kinds that a proxy does not read.
pub(crate) fn report_passed_over(counts: &Counts, notices: &mut dyn Write) -> Result<(), Failure> {
    let kinds: Vec<_> =
        counts.passed_over.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    if !kinds.is_empty() {
        writeln!(notices, "passed over: {}", kinds.join(", "))?;
    }
    if counts.slices_ignored > 0 {
        let slices = counted(counts.slices_ignored, "EndpointSlice");
        writeln!(
            notices,
            "not read: {slices}: headless, without a service label, or without IP addresses"
        )?;
    }
    Ok(())
}

fn unknown_node<'a>(node: &str, known: impl Iterator<Item = &'a str>) -> anyhow::Error {
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        anyhow!(
            "unknown node {node:?}: the manifests have no Node document; add `kubectl get nodes -o yaml`"
        )
    } else {
        anyhow!("unknown node {node:?}: the manifests have {}", known.join(", "))
    }
}

/// Reads a whole file.
pub(crate) fn read_file(path: &str, what: &str) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(path).with_context(|| format!("read {what} {path}"))?)
}
