//! What the health pages say.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::HeaderValue;
use http::{HeaderName, StatusCode};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::http::{Page, page};
use crate::health::ports::PortAnswer;
use crate::health::{NodeStanding, Verdict};

/// How many ready endpoints a node has: load balancers may weigh nodes by it.
const WEIGHT: HeaderName = HeaderName::from_static("x-load-balancing-endpoint-weight");

/// Which page of the proxy's own health is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Probe {
    /// `/healthz`: whether the node may be sent new connections.
    Health,
    /// `/livez`: whether the process should be left alone.
    Life,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HealthBody {
    last_updated: String,
    current_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_eligible: Option<bool>,
    healthy: bool,
    /// Why it is not, in a word. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    status: BTreeMap<String, FamilyBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FamilyBody {
    last_updated: String,
    healthy: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PortBody<'a> {
    service: ServiceBody<'a>,
    local_endpoints: usize,
    service_proxy_healthy: bool,
}

#[derive(Serialize)]
struct ServiceBody<'a> {
    namespace: &'a str,
    name: &'a str,
}

/// The time on the wall at `moment`, seen from `now`. Before anything happened it is the beginning of time, as in Go.
fn shown(moment: Option<Duration>, now: Duration, wall: Timestamp) -> String {
    let ago = moment.map(|moment| now.saturating_sub(moment));
    let ago = ago.and_then(|ago| SignedDuration::try_from(ago).ok());
    let shown = ago.and_then(|ago| wall.checked_sub(ago).ok());
    shown.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |shown| shown.to_string())
}

/// The page of `probe`, and whether it says yes.
pub(crate) fn health(
    probe: Probe,
    verdict: &Verdict,
    now: Duration,
    wall: Timestamp,
) -> (Page, StatusCode) {
    let well = match probe {
        Probe::Health => verdict.is_ready(),
        Probe::Life => verdict.is_alive(),
    };
    // As kube-proxy does: who is well is up to date.
    let updated = if well { Some(now) } else { verdict.updated };
    let status = verdict.families.iter().map(|(family, health)| {
        let last_updated = shown(health.updated, now, wall);
        (family.to_string(), FamilyBody { last_updated, healthy: health.healthy })
    });
    let reason = match probe {
        Probe::Health => verdict.ailment.map(|ailment| ailment.as_str()).or(node(verdict.node)),
        Probe::Life => verdict.fatal.map(|ailment| ailment.as_str()),
    };
    let body = HealthBody {
        last_updated: shown(updated, now, wall),
        current_time: shown(Some(now), now, wall),
        node_eligible: (probe == Probe::Health).then_some(verdict.node == NodeStanding::Eligible),
        healthy: well,
        reason,
        status: status.collect(),
    };
    let code = code(well);
    (json(code, &body), code)
}

fn node(node: NodeStanding) -> Option<&'static str> {
    match node {
        NodeStanding::Eligible => None,
        NodeStanding::Unknown => Some("NodeUnknown"),
        NodeStanding::Deleted => Some("NodeBeingDeleted"),
        NodeStanding::MarkedByAutoscaler => Some("NodeMarkedByAutoscaler"),
    }
}

/// The page of a Service's health-check port.
pub(crate) fn port(answer: &PortAnswer, proxy_is_healthy: bool) -> Page {
    let service = ServiceBody { namespace: &answer.service.namespace, name: &answer.service.name };
    let body = PortBody {
        service,
        local_endpoints: answer.local_endpoints,
        service_proxy_healthy: proxy_is_healthy,
    };
    let mut page = json(code(proxy_is_healthy && answer.local_endpoints > 0), &body);
    page.headers_mut().insert(WEIGHT, HeaderValue::from(answer.local_endpoints));
    page
}

fn code(well: bool) -> StatusCode {
    if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn json(code: StatusCode, body: &impl Serialize) -> Page {
    match serde_json::to_string_pretty(body) {
        Ok(text) => page(code, "application/json", text),
        Err(error) => page(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string()),
    }
}
