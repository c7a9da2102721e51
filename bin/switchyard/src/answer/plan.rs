//! The answer of `plan`.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use switchyard_model::{ServicePortView, ViewKey};
use switchyard_winkernel::limits::{self, Ground, Limit};
use switchyard_winkernel::{HnsObject, Reconciler, Step, Subject};

/// The way from what HNS holds to what is wanted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanAnswer {
    /// The node.
    pub node: String,
    /// The operations, in order.
    pub operations: Vec<PlanOperation>,
    /// How many objects, ours or used, equal what is wanted.
    pub unchanged: PlanUnchanged,
    /// Objects not ours that hold a wanted frontend or that are used.
    pub foreign: Vec<PlanObject>,
    /// Local endpoints that the CNI has not made yet.
    pub waiting: Vec<PlanObject>,
    /// What HNS cannot do for the present Services.
    pub reports: Vec<PlanReport>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanOperation {
    /// Its place, from 1.
    pub seq: usize,
    /// `create`, `modify` or `delete`.
    pub verb: &'static str,
    /// `endpoint` or `loadBalancer`.
    pub kind: &'static str,
    /// The object's id.
    pub id: String,
    /// `NETWORK/ADDRESS`, or `FAMILY/VIP/PORT/PROTO`.
    pub key: String,
    /// The service ports it is done for.
    #[serde(rename = "for")]
    pub for_ports: Vec<String>,
    /// `missing`, `differs`, `replaced` or `unwanted`.
    pub reason: &'static str,
    /// The places it waits for.
    pub after: Vec<usize>,
    /// The document sent; absent on delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Value>,
}

/// How many objects are as they should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanUnchanged {
    /// Remote endpoints.
    pub endpoints: usize,
    /// Load balancers.
    pub load_balancers: usize,
}

/// An object that somebody should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanObject {
    /// `endpoint` or `loadBalancer`.
    pub kind: &'static str,
    /// Its id; null when it does not exist yet.
    pub id: Option<String>,
    /// What it is.
    pub key: String,
    /// What is to be known.
    pub detail: String,
}

/// Something that HNS cannot do for a frontend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// The limit's name.
    pub limit: &'static str,
    /// `NAMESPACE/NAME`.
    pub service: String,
    /// `KIND/ADDRESS/PORT/PROTO`.
    pub frontend: String,
    /// What a user sees of it.
    pub detail: String,
}

fn port(key: &ViewKey) -> String {
    format!("{}:{}", key.service, key.port)
}

fn ports<'a>(keys: impl IntoIterator<Item = &'a ViewKey>) -> Vec<String> {
    let mut ports: Vec<_> = keys.into_iter().map(port).collect();
    ports.dedup();
    ports
}

impl PlanAnswer {
    /// The answer of a reconciler that has not begun, and the steps it will take.
    #[must_use]
    pub fn new<'a>(
        ground: Ground<'_>,
        before: &Reconciler,
        steps: &[Step],
        views: impl Iterator<Item = &'a std::sync::Arc<ServicePortView>>,
    ) -> Self {
        let unchanged = before.unchanged();
        Self {
            node: ground.node.name.to_string(),
            operations: steps.iter().map(PlanOperation::from).collect(),
            unchanged: PlanUnchanged {
                endpoints: unchanged.endpoints.len(),
                load_balancers: unchanged.load_balancers.len(),
            },
            foreign: before
                .foreign()
                .iter()
                .map(|foreign| foreign_object(foreign, steps))
                .collect(),
            waiting: before.waiting().iter().map(PlanObject::from).collect(),
            reports: each_once(views.flat_map(|view| reports(view, ground))),
        }
    }
}

/// A node port of both families is one frontend.
fn each_once(reports: impl Iterator<Item = PlanReport>) -> Vec<PlanReport> {
    let mut seen = BTreeSet::new();
    let key = |report: &PlanReport| (report.limit, report.service.clone(), report.frontend.clone());
    reports.filter(|report| seen.insert(key(report))).collect()
}

fn reports(view: &ServicePortView, ground: Ground<'_>) -> Vec<PlanReport> {
    let report = |(limit, frontend): (Limit, String)| PlanReport {
        limit: limit.as_str(),
        service: view.key.service.to_string(),
        frontend,
        detail: limit.explanation().to_owned(),
    };
    limits_met(view, ground).into_iter().map(report).collect()
}

/// The limits that some packet to a frontend of `view` meets now, each with the frontend.
pub fn limits_met(view: &ServicePortView, ground: Ground<'_>) -> Vec<(Limit, String)> {
    let mut met = Vec::new();
    let protocol = view.key.protocol;
    for frontend in &view.frontends {
        let address = super::text(frontend.address).unwrap_or_else(|| "*".to_owned());
        let name = format!("{}/{address}/{}/{protocol}", frontend.kind, frontend.port);
        let limits = limits::met(view, frontend, ground);
        met.extend(limits.into_iter().map(|limit| (limit, name.clone())));
    }
    met
}

impl From<&Step> for PlanOperation {
    fn from(step: &Step) -> Self {
        let operation = &step.operation;
        let (kind, key, document) = match &operation.subject {
            Subject::Endpoint { key, document } => (
                "endpoint",
                key.to_string(),
                document.as_ref().map(|document| serde_json::to_value(&**document)),
            ),
            Subject::LoadBalancer { key, document } => (
                "loadBalancer",
                key.map_or_else(String::new, |key| key.to_string()),
                document.as_ref().map(|document| serde_json::to_value(&**document)),
            ),
        };
        Self {
            seq: step.seq,
            verb: operation.verb.as_str(),
            kind,
            id: operation.id.to_string(),
            key,
            for_ports: ports(&operation.views),
            reason: operation.reason.as_str(),
            after: step.after.clone(),
            // Writing fails only for maps whose keys are not text, and no document has such.
            document: document.and_then(Result::ok),
        }
    }
}

/// An object that is not ours, and what becomes of it by `steps`.
fn foreign_object(foreign: &switchyard_winkernel::Foreign, steps: &[Step]) -> PlanObject {
    let (kind, key) = match foreign.object {
        HnsObject::Endpoint(key) => ("endpoint", key.to_string()),
        HnsObject::LoadBalancer(key) => ("loadBalancer", key.to_string()),
    };
    let detail = if foreign.used {
        "not ours, equals what is wanted: used"
    } else if steps.iter().any(|step| step.operation.id == foreign.id) {
        "not ours, holds a wanted frontend and differs: taken over"
    } else {
        "not ours, holds a wanted frontend and differs: left alone; --takeover=kube-proxy would replace it"
    };
    PlanObject { kind, id: Some(foreign.id.to_string()), key, detail: detail.to_owned() }
}

impl From<&switchyard_winkernel::Waiting> for PlanObject {
    fn from(waiting: &switchyard_winkernel::Waiting) -> Self {
        let ports = ports(&waiting.views).join(", ");
        Self {
            kind: "endpoint",
            id: None,
            key: waiting.key.to_string(),
            detail: format!(
                "a pod of this node without an HNS endpoint yet; {ports} go without it"
            ),
        }
    }
}
