//! The model: views, and the trace over them.

use std::collections::BTreeMap;

use serde_json::Value;
use switchyard::answer::{Trace, ViewAnswer, refusals};
use switchyard::target::{parse_destination, parse_source};
use switchyard_conformance::{Answer, Change, HealthSubject, Setup, Subject};
use switchyard_model::{ClusterEvent, Name, ViewEvent};
use switchyard_nodeview::{Clients, Stream};
use switchyard_source::{Configuration, Manifests, Refusal, WindowsConfiguration};

use super::health::Health;

/// The model as a subject. Objects are read anew at each change, as `--watch` does; the stream underneath sees only what
/// differs.
#[derive(Default)]
pub(crate) struct Model {
    documents: BTreeMap<(String, String, String), Value>,
    stream: Option<Stream>,
    refused: Vec<Refusal>,
    /// Where a case asks for health.
    health: Option<Health>,
    /// What only the Windows backend needs of the configuration.
    pub(super) windows: WindowsConfiguration,
}

fn key(document: &Value) -> (String, String, String) {
    let word = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let metadata = document.get("metadata");
    let named = |field| word(metadata.and_then(|metadata| metadata.get(field)));
    let namespace = match (word(document.get("kind")).as_str(), named("namespace")) {
        ("Node", _) => String::new(),
        (_, namespace) if namespace.is_empty() => "default".to_owned(),
        (_, namespace) => namespace,
    };
    (word(document.get("kind")), namespace, named("name"))
}

/// The command's answer as the suite reads it.
pub(super) fn answer(trace: &Trace) -> Result<Answer, String> {
    let json = serde_json::to_value(trace).map_err(|trouble| trouble.to_string())?;
    serde_json::from_value(json).map_err(|trouble| trouble.to_string())
}

/// How many views changed.
pub(super) fn count(changes: &[ViewEvent]) -> usize {
    let is_change =
        |event: &&ViewEvent| matches!(event, ViewEvent::Upsert(_) | ViewEvent::Remove(_));
    changes.iter().filter(is_change).count()
}

impl Model {
    fn read(&mut self, texts: &[String]) -> Vec<ClusterEvent> {
        let mut manifests = Manifests::default();
        for text in texts {
            manifests.add("document", text.as_bytes());
        }
        self.refused = manifests.refused().to_vec();
        manifests.into_events()
    }

    /// Applies one batch; returns what came out of the stream.
    pub(super) fn apply(&mut self, batch: &[Change]) -> Result<Vec<ViewEvent>, String> {
        for change in batch {
            match change {
                Change::Apply(document) => {
                    self.documents.insert(key(document), document.clone());
                }
                Change::Delete { kind, namespace, name } => {
                    let namespace = match (kind.as_str(), namespace.as_str()) {
                        ("Node", _) => "",
                        (_, "") => "default",
                        (_, namespace) => namespace,
                    };
                    let key = (kind.clone(), namespace.to_owned(), name.clone());
                    self.documents.remove(&key);
                }
            }
        }
        let texts = self.texts();
        let wanted = self.read(&texts);
        let stream = self.stream.as_mut().ok_or("not started")?;
        let batch = stream.cluster().events_towards(wanted);
        Ok(stream.apply(batch))
    }

    /// The documents as they are, each as a text.
    pub(super) fn texts(&self) -> Vec<String> {
        self.documents.values().map(Value::to_string).collect()
    }

    pub(super) fn stream(&self) -> Result<&Stream, String> {
        self.stream.as_ref().ok_or_else(|| "not started".to_owned())
    }
}

impl Subject for Model {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        let configuration: Vec<String> = setup.configuration.iter().map(Value::to_string).collect();
        let configuration = configuration.join("\n---\n");
        let configuration = Configuration::parse("configuration", configuration.as_bytes())
            .map_err(|trouble| trouble.to_string())?;
        let mut stream = Stream::new(Name::from(setup.node.as_str()), configuration.settings);
        let texts: Vec<_> = setup.documents.iter().map(Value::to_string).collect();
        stream.apply(self.read(&texts));
        self.documents =
            setup.documents.iter().map(|document| (key(document), document.clone())).collect();
        self.health = match setup.health {
            Some(blocked) => Some(Health::of_model(&stream, blocked)?),
            None => None,
        };
        self.stream = Some(stream);
        self.windows = configuration.windows;
        Ok(())
    }

    fn change(&mut self, batch: &[Change]) -> Result<usize, String> {
        let changes = self.apply(batch)?;
        if let (Some(health), Some(stream)) = (&mut self.health, &self.stream) {
            health.change(&[], &changes, stream)?;
        }
        Ok(count(&changes))
    }

    fn health(&mut self) -> Result<&mut dyn HealthSubject, String> {
        match &mut self.health {
            Some(health) => Ok(health),
            None => Err("the case says nothing of health".to_owned()),
        }
    }

    fn trace(&mut self, from: &str, to: &str) -> Result<Answer, String> {
        let stream = self.stream()?;
        let view = stream.view();
        let (source, destination) = (parse_source(from)?, parse_destination(to)?);
        let clients = Clients::new(stream.cluster(), view);
        let held = view.is_load_balancer_address(&destination);
        let packet =
            clients.packet(&source, destination, held).map_err(|trouble| trouble.to_string())?;
        answer(&Trace::from(&view.trace(stream.cluster(), &packet)))
    }

    fn view(&mut self) -> Result<Value, String> {
        let stream = self.stream()?;
        let answer = ViewAnswer::new(stream, &refusals(stream, &self.refused));
        serde_json::to_value(answer).map_err(|trouble| trouble.to_string())
    }
}
