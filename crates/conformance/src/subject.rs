//! What is tested, seen from outside: documents in, answers out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::health::HealthSubject;
use crate::hns::{HnsSetup, HnsSubject};

/// A cluster, the node to look from, and the proxy's configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The name of the node whose proxy answers.
    pub node: String,
    /// Kubernetes documents: Service, EndpointSlice, Node, Pod, any List of them.
    pub documents: Vec<Value>,
    /// `KubeProxyConfiguration` and `SwitchyardConfiguration` documents, as in the file that `--config` names.
    #[serde(default)]
    pub configuration: Vec<Value>,
    /// The HNS network of the node, as in the file that `--network` names; without it the usual one. Only a Windows backend
    /// looks at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Value>,
    /// What its HNS is like, where a case is about that; the proxy then waits for
    /// [`HnsEvent::ProxyStarts`](crate::HnsEvent::ProxyStarts). Only a Windows backend looks at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hns: Option<HnsSetup>,
    /// Whether its health is asked for over HTTP, and then whether nothing can be changed yet when it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<bool>,
}

/// One change of the cluster. Applying a document replaces the one of the same kind, namespace and name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Change {
    /// The object is added, or replaces the one of that name.
    Apply(Value),
    /// The object is gone.
    Delete {
        /// The kind, for example `EndpointSlice`.
        kind: String,
        /// The namespace; empty for a Node.
        #[serde(default)]
        namespace: String,
        /// The name.
        name: String,
    },
}

/// The answer of `switchyard trace -o json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// `forward`, `reject`, `drop` or `pass`.
    pub outcome: String,
    /// Exactly the set that each new connection is spread over, in the documented order.
    #[serde(default)]
    pub backends: Vec<AnswerBackend>,
    /// `keep`, `rewrite` or `mixed`; only when forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `none` or `clientIP`.
    #[serde(default)]
    pub affinity: String,
    /// The objects that decided it, sorted.
    #[serde(default)]
    pub decided_by: Vec<String>,
}

/// One backend of an [`Answer`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnswerBackend {
    /// The address in canonical text.
    pub address: String,
    /// The port on the backend.
    pub port: u16,
    /// Whether the backend is on the node that answers.
    pub local: bool,
}

/// What is tested: the model, or a backend behind its tracer.
pub trait Subject {
    /// Forgets everything and starts from `setup`.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn start(&mut self, setup: &Setup) -> Result<(), String>;

    /// Applies one batch of changes; returns how many view keys were upserted or removed by it.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn change(&mut self, batch: &[Change]) -> Result<usize, String>;

    /// Where a new connection goes. `from` and `to` are as on the command line: `node`, `pod/NAMESPACE/NAME` or an
    /// address; `ADDR:PORT/PROTO`, `[ADDR]:PORT/PROTO` or `ADDR/ICMP`.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn trace(&mut self, from: &str, to: &str) -> Result<Answer, String>;

    /// The names of everything that the subject cannot do and says so, whether any packet met it or not. None where it can
    /// do all.
    fn known_limits(&self) -> Vec<String> {
        Vec::new()
    }

    /// Those of [`Self::known_limits`] that changed what became of the packet of the last [`Self::trace`].
    fn limits(&self) -> Vec<String> {
        Vec::new()
    }

    /// Those of [`Self::known_limits`] that some packet meets at present, or that it reports of a Service it serves.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn met_limits(&mut self) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    /// Its HNS.
    ///
    /// # Errors
    /// Where it has none.
    fn hns(&mut self) -> Result<&mut dyn HnsSubject, String> {
        Err("not of this backend: it has no HNS".to_owned())
    }

    /// Its health, where a case is about that.
    ///
    /// # Errors
    /// Where it has none.
    fn health(&mut self) -> Result<&mut dyn HealthSubject, String> {
        Err("the case says nothing of health".to_owned())
    }

    /// The document that `switchyard view -o json` prints.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn view(&mut self) -> Result<Value, String>;
}
