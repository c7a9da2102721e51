//! The Windows backend: the reconciler into the emulator, and the trace over what the emulator then holds.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use switchyard::answer::Trace;
use switchyard::arguments::WindowsArguments;
use switchyard::network::{Hns, NetworkFile};
use switchyard::target::{parse_destination, parse_source};
use switchyard::windows::{WindowsTrace, reconciler, run};
use switchyard_conformance::{
    Answer, Change, HealthSubject, HnsCalls, HnsEvent, HnsSubject, Setup, Subject,
};
use switchyard_hcn::{Endpoint, Guid};
use switchyard_model::ViewEvent;
use switchyard_winkernel::limits::{Limit, met};
use switchyard_winkernel::{OWNER, Reconciler, ReconcilerSettings, plan};

use super::health::Health;
use super::model::{Model, answer, count};
use super::staged::Staged;

/// The Windows backend as a subject. An answer that the limits foretell counts as the model's own; any other is HNS's.
#[derive(Default)]
pub(crate) struct Winkernel {
    model: Model,
    hns: Option<Hns>,
    /// The reconciler that lives through the whole history.
    live: Option<Reconciler>,
    now: Duration,
    /// The same where a case is about HNS itself.
    staged: Option<Staged>,
    /// The same once more as an agent, where a case asks for health.
    health: Option<Health>,
    /// The limits that changed the answer of the last trace.
    touched: BTreeSet<Limit>,
}

impl Winkernel {
    /// An HNS that `arguments` name, as it is: nothing in it is changed for what `setup` wants.
    pub(super) fn as_it_is(setup: &Setup, arguments: &WindowsArguments) -> Result<Self, String> {
        let mut model = Model::default();
        model.start(setup)?;
        let hns = Hns::as_it_is(arguments, &model.windows, model.stream()?);
        let hns = hns.map_err(|failure| failure.to_string())?;
        Ok(Self { model, hns: Some(hns), ..Self::default() })
    }

    /// Tells the reconciler of `changes` and lets it bring HNS to what the node needs. Then one that knows nothing must find
    /// nothing left to do, and nothing of ours left over.
    fn converge(&mut self, changes: Vec<ViewEvent>) -> Result<(), String> {
        let stream = self.model.stream()?;
        let hns = self.hns.as_mut().ok_or("not started")?;
        hns.add_pod_endpoints(stream);
        let live = self.live.as_mut().ok_or("not started")?;
        live.view(changes, self.now);
        let mut notices = Vec::new();
        run(hns, live, self.now, &mut notices).map_err(|failure| failure.to_string())?;
        // Where Services contradict each other about where a pod is, only an audit shows that its endpoint came.
        self.now += ReconcilerSettings::default().audit_period;
        run(hns, live, self.now, &mut notices).map_err(|failure| failure.to_string())?;
        if !notices.is_empty() {
            return Err(String::from_utf8_lossy(&notices).into_owned());
        }
        let fresh = reconciler(hns, stream).map_err(|failure| failure.to_string())?;
        if let Some(step) = plan(&fresh).first() {
            return Err(format!("a second plan is not empty: {:?}", step.operation));
        }
        let unchanged = fresh.unchanged();
        let state = hns.emulator.state();
        let remote = |endpoint: &Endpoint| endpoint.is_remote() && endpoint.owner == OWNER;
        let own = state.endpoints().filter(|(_, endpoint)| remote(endpoint)).map(|(id, _)| id);
        let needless: Vec<Guid> = own.filter(|id| !unchanged.endpoints.contains(id)).collect();
        let load_balancers = state.load_balancers().map(|(id, _)| id);
        let surplus: Vec<Guid> =
            load_balancers.filter(|id| !unchanged.load_balancers.contains(id)).collect();
        if !needless.is_empty() || !surplus.is_empty() {
            let endpoints: Vec<_> = needless.iter().map(|id| state.endpoint(*id)).collect();
            return Err(format!(
                "HNS holds what nobody wants: endpoints {endpoints:?}, load balancers {surplus:?}"
            ));
        }
        Ok(())
    }
}

/// Whether the packet goes to the same place, whoever decided that.
fn is_same(one: &Answer, other: &Answer) -> bool {
    one.outcome == other.outcome
        && one.backends == other.backends
        && one.source == other.source
        && one.affinity == other.affinity
}

impl Subject for Winkernel {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        self.touched.clear();
        self.model.start(&Setup { health: None, ..setup.clone() })?;
        let network =
            setup.windows.as_ref().map(|network| NetworkFile::parse(&network.to_string()));
        let network = network.transpose().map_err(|trouble| format!("windows: {trouble}"))?;
        let network = network.unwrap_or_default();
        let arguments = WindowsArguments::default();
        let described = || {
            let (windows, stream) = (&self.model.windows, self.model.stream()?);
            let hns = Hns::described(network.clone(), &arguments, windows, stream);
            hns.map_err(|failure| failure.to_string())
        };
        let hns = described()?;
        self.staged = None;
        self.health = None;
        if let Some(blocked) = setup.health {
            let (texts, stream) = (self.model.texts(), self.model.stream()?);
            let settings = stream.view().settings().clone();
            let health = Health::of_windows(described()?, settings, &texts, stream, blocked)?;
            self.health = Some(health);
        }
        if let Some(hns_setup) = &setup.hns {
            let staged = Staged::new(hns, hns_setup)?;
            (self.hns, self.live, self.staged) = (None, None, Some(staged));
            return Ok(());
        }
        let live = reconciler(&hns, self.model.stream()?).map_err(|failure| failure.to_string())?;
        self.hns = Some(hns);
        self.live = Some(live);
        self.now = Duration::ZERO;
        self.converge(Vec::new())
    }

    fn change(&mut self, batch: &[Change]) -> Result<usize, String> {
        let changes = self.model.apply(batch)?;
        let count = count(&changes);
        match &mut self.staged {
            Some(staged) => staged.change(changes, self.model.stream()?)?,
            None => {
                if let Some(health) = &mut self.health {
                    health.change(&self.model.texts(), &changes, self.model.stream()?)?;
                }
                self.converge(changes)?;
            }
        }
        Ok(count)
    }

    fn trace(&mut self, from: &str, to: &str) -> Result<Answer, String> {
        self.touched.clear();
        let hns = match &self.staged {
            Some(staged) => staged.hns(),
            None => self.hns.as_ref().ok_or("not started")?,
        };
        let state = hns.state_to_trace();
        let trace = WindowsTrace::new(hns, &state, self.model.stream()?);
        let packet = trace
            .packet(&parse_source(from)?, parse_destination(to)?)
            .map_err(|failure| failure.to_string())?;
        let (verdict, substitute) = trace.foretold(&packet);
        if !substitute.foretells(&verdict) {
            return answer(&Trace::from(&verdict));
        }
        let model = self.model.trace(from, to)?;
        // A limit that the packet meets and that changes nothing is none for this packet.
        if !is_same(&model, &answer(&Trace::from(&verdict))?) {
            self.touched = substitute.limits;
        }
        Ok(model)
    }

    fn known_limits(&self) -> Vec<String> {
        Limit::ALL.iter().map(ToString::to_string).collect()
    }

    fn limits(&self) -> Vec<String> {
        self.touched.iter().map(ToString::to_string).collect()
    }

    fn met_limits(&mut self) -> Result<Vec<String>, String> {
        let hns = self.hns.as_ref().ok_or("not started")?;
        let view = self.model.stream()?.view();
        let ground = hns.ground(view.node());
        let mut limits = BTreeSet::new();
        for view in view.views() {
            let frontends = view.frontends.iter();
            limits.extend(frontends.flat_map(|frontend| met(view, frontend, ground)));
        }
        Ok(limits.iter().map(ToString::to_string).collect())
    }

    fn hns(&mut self) -> Result<&mut dyn HnsSubject, String> {
        match self.staged {
            Some(_) => Ok(self),
            None => Err("the case says nothing of HNS".to_owned()),
        }
    }

    fn health(&mut self) -> Result<&mut dyn HealthSubject, String> {
        match &mut self.health {
            Some(health) => Ok(health),
            None => Err("the case says nothing of health".to_owned()),
        }
    }

    fn view(&mut self) -> Result<Value, String> {
        self.model.view()
    }
}

impl Winkernel {
    fn staged(&mut self) -> Result<&mut Staged, String> {
        self.staged.as_mut().ok_or_else(|| "not started".to_owned())
    }
}

impl HnsSubject for Winkernel {
    fn event(&mut self, event: &HnsEvent) -> Result<(), String> {
        let staged = self.staged.as_mut().ok_or("not started")?;
        staged.event(event, self.model.stream()?)
    }

    fn held(&mut self) -> Result<Value, String> {
        self.staged()?.held()
    }

    fn take_calls(&mut self) -> Result<HnsCalls, String> {
        Ok(self.staged()?.take_calls())
    }

    fn standing(&mut self) -> Result<Value, String> {
        self.staged()?.standing()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TO: &str = "172.20.0.10:80/TCP";

    /// A Service with affinity and a backend elsewhere, and one without backends.
    fn setup(windows: Option<Value>) -> Setup {
        let service = |name: &str, ip: &str| {
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
                "spec": {"clusterIP": ip, "ports": [{"port": 80}], "sessionAffinity": "ClientIP"}})
        };
        let documents = vec![
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"podCIDR": "10.1.1.0/24"},
                "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.11"}]}}),
            service("web", "172.20.0.10"),
            service("empty", "172.20.0.11"),
            json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
                "ports": [{"name": "", "port": 8080}], "endpoints": [{"addresses": ["10.1.2.21"], "nodeName": "n2"}]}),
        ];
        Setup { node: "n1".to_owned(), documents, windows, ..Setup::default() }
    }

    /// The limits that change the answer to a local pod.
    fn limits(windows: Option<Value>, to: &str) -> Vec<String> {
        let mut winkernel = Winkernel::default();
        winkernel.start(&setup(windows)).unwrap();
        winkernel.trace("10.1.1.9", to).unwrap();
        winkernel.limits()
    }

    #[test]
    fn the_network_of_a_setup_is_the_one_that_answers() {
        assert_eq!(limits(None, TO), <[String; 0]>::default());
        assert_eq!(limits(Some(json!({"hnsVersion": "11.10"})), TO), ["affinity-timeout"]);
        assert_eq!(limits(Some(json!({"dsr": false})), TO), ["client-address"]);
    }

    #[test]
    fn limits_are_those_of_the_last_packet() {
        let mut winkernel = Winkernel::default();
        winkernel.start(&setup(None)).unwrap();
        winkernel.trace("10.1.1.9", "172.20.0.11:80/TCP").unwrap();
        assert_eq!(winkernel.limits(), ["refusal"]);
        assert!(winkernel.known_limits().contains(&"refusal".to_owned()));
        winkernel.trace("10.1.1.9", TO).unwrap();
        assert_eq!(winkernel.limits(), <[String; 0]>::default());
        // A client outside gets no backend elsewhere under direct server return.
        winkernel.trace("203.0.113.7", TO).unwrap();
        assert!(winkernel.limits().contains(&"dsr-remote-client".to_owned()));
    }

    #[test]
    fn a_network_that_cannot_be_read_or_used_is_named() {
        let start = |windows| Winkernel::default().start(&setup(Some(windows))).unwrap_err();
        let trouble = start(json!({"colour": "red"}));
        assert!(trouble.starts_with("windows: colour: unknown field"), "{trouble}");
        let trouble = start(json!({"type": "overlay"}));
        assert!(trouble.contains("--source-vip"), "{trouble}");
    }
}
