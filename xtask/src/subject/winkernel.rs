//! The Windows backend: the reconciler into the emulator, and the trace over what the emulator then holds.

use serde_json::Value;
use switchyard::answer::Trace;
use switchyard::arguments::WindowsArguments;
use switchyard::network::Hns;
use switchyard::target::{parse_destination, parse_source};
use switchyard::windows::{WindowsTrace, converge, reconciler};
use switchyard_conformance::{Answer, Change, Setup, Subject};
use switchyard_source::WindowsConfiguration;
use switchyard_winkernel::plan;

use super::model::{Model, answer};

/// The Windows backend as a subject. An answer that the limits foretell counts as the model's own; any other is HNS's.
#[derive(Default)]
pub(crate) struct Winkernel {
    model: Model,
    hns: Option<Hns>,
}

impl Winkernel {
    /// Brings HNS to what the node needs, from what it holds, and makes sure that nothing is left to do and nothing of ours
    /// is left over.
    fn converge(&mut self) -> Result<(), String> {
        let stream = self.model.stream()?;
        let hns = self.hns.as_mut().ok_or("not started")?;
        hns.add_pod_endpoints(stream);
        let mut notices = Vec::new();
        converge(hns, stream, &mut notices).map_err(|failure| failure.to_string())?;
        if !notices.is_empty() {
            return Err(String::from_utf8_lossy(&notices).into_owned());
        }
        let mut reconciler = reconciler(hns, stream).map_err(|failure| failure.to_string())?;
        let unchanged = reconciler.unchanged();
        let left = plan(&mut reconciler);
        if let Some(step) = left.first() {
            return Err(format!("a second plan is not empty: {:?}", step.operation));
        }
        let state = hns.emulator.state();
        let remote = state.endpoints().filter(|(_, endpoint)| endpoint.is_remote()).count();
        let load_balancers = state.load_balancers().count();
        if (remote, load_balancers) != (unchanged.endpoints.len(), unchanged.load_balancers.len()) {
            let (endpoints, wanted) = (unchanged.endpoints.len(), unchanged.load_balancers.len());
            return Err(format!(
                "HNS holds {remote} remote endpoints and {load_balancers} load balancers, but \
                 {endpoints} and {wanted} are wanted"
            ));
        }
        Ok(())
    }
}

/// Takes the annotation away that cannot be planned for yet; the rules of Services do not know it.
fn without_preserve_destination(document: &mut Value) {
    let annotations = document.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.remove("preserve-destination");
    }
}

impl Subject for Winkernel {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        let mut setup = setup.clone();
        setup.documents.iter_mut().for_each(without_preserve_destination);
        self.model.start(&setup)?;
        let windows = WindowsConfiguration::default();
        let hns = Hns::new(&WindowsArguments::default(), &windows, self.model.stream()?)
            .map_err(|failure| failure.to_string())?;
        self.hns = Some(hns);
        self.converge()
    }

    fn change(&mut self, batch: &[Change]) -> Result<usize, String> {
        let mut batch = batch.to_vec();
        for change in &mut batch {
            if let Change::Apply(document) = change {
                without_preserve_destination(document);
            }
        }
        let changes = self.model.change(&batch)?;
        self.converge()?;
        Ok(changes)
    }

    fn trace(&mut self, from: &str, to: &str) -> Result<Answer, String> {
        let hns = self.hns.as_ref().ok_or("not started")?;
        let state = hns.emulator.state();
        let trace = WindowsTrace::new(hns, &state, self.model.stream()?);
        let packet = trace
            .packet(&parse_source(from)?, parse_destination(to)?)
            .map_err(|failure| failure.to_string())?;
        let (verdict, substitute) = trace.foretold(&packet);
        if substitute.foretells(&verdict) {
            return self.model.trace(from, to);
        }
        answer(&Trace::from(&verdict))
    }

    fn view(&mut self) -> Result<Value, String> {
        self.model.view()
    }
}
