//! What is wrong with the pages and ports that the proxy serves.

use std::time::Duration;

use super::report::notice;
use super::{Condition, Severity};
use crate::web::Board;

/// The conditions of `board`, seen at `now`.
#[must_use]
pub fn conditions_of_pages(board: &Board, now: Duration) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for report in board.ports().troubles {
        let (port, family) = report.port;
        let detail =
            format!("cannot listen on health-check node port {port}/{family}: {}", report.message);
        let advice = "Find which process has the port. Until then load balancers send this node nothing for the Service; it is tried again.";
        conditions.push(Condition {
            severity: Severity::Failure,
            object: Some(format!("health-check node port {port}/{family}")),
            services: vec![report.service],
            failures: Some(report.failures),
            next_try_seconds: Some(report.due.saturating_sub(now).as_secs()),
            ..notice("HealthCheckPortTaken", detail, advice)
        });
    }
    for ((port, service), owner) in &board.wanted_ports().shared {
        let detail = format!("the health-check node port {port} is that of {owner}");
        let advice =
            "Make one of the two Services anew: the API server gives each a port of its own.";
        conditions.push(Condition {
            severity: Severity::Failure,
            object: Some(format!("health-check node port {port}")),
            services: vec![service.to_string()],
            ..notice("HealthCheckPortShared", detail, advice)
        });
    }
    for (page, trouble) in board.missing_pages() {
        let advice = "Find which process has the address, or give another with --healthz-bind-address or --metrics-bind-address; it is tried again.";
        let detail = format!("{page}: {trouble}");
        conditions.push(notice("PageNotServed", detail, advice));
    }
    conditions
}
