//! The metrics that kube-proxy has on Windows, under its names (`pkg/proxy/metrics/metrics.go` of kubernetes/kubernetes), and
//! those that it was asked for in kubernetes/kubernetes#137766.

use std::collections::BTreeMap;

use switchyard_winkernel::Verb;

use super::MetricKind::{Counter, Gauge, Histogram};
use super::{Answers, Metric, MetricKind, Origin, Rows, Sources};

const fn metric(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&Sources<'_>, &mut Rows),
) -> Metric {
    Metric { name, kind, labels, help, origin: Origin::KubeProxy, read }
}

const fn requested(
    name: &'static str,
    help: &'static str,
    read: fn(&Sources<'_>, &mut Rows),
) -> Metric {
    let labels = &["ip_family", "lb_type", "error"];
    Metric { name, kind: Counter, labels, help, origin: Origin::Requested, read }
}

pub(super) static METRICS: &[Metric] = &[
    metric(
        "kubeproxy_sync_proxy_rules_duration_seconds",
        Histogram,
        &["ip_family"],
        "How long it took from the first change that waited until all that was wanted had been attempted: the same for each family of the node, which are served together",
        |sources, rows| {
            for family in &sources.figures.families {
                rows.buckets(&[&family.to_string()], &sources.figures.sync);
            }
        },
    ),
    metric(
        "kubeproxy_sync_proxy_rules_last_timestamp_seconds",
        Gauge,
        &[],
        "When all that was wanted had been attempted last, in seconds since 1970",
        |sources, rows| rows.number(&[], sources.on_the_wall(sources.figures.attempted)),
    ),
    metric(
        "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds",
        Gauge,
        &[],
        "When a change was queued last, in seconds since 1970",
        |sources, rows| rows.number(&[], sources.on_the_wall(sources.figures.queued)),
    ),
    metric(
        "kubeproxy_network_programming_duration_seconds",
        Histogram,
        &[],
        "How long it took from the change of a pod, as its EndpointSlice says, until it had been attempted in HNS",
        |sources, rows| rows.buckets(&[], &sources.figures.programming),
    ),
    metric(
        "kubeproxy_sync_proxy_rules_endpoint_changes_pending",
        Gauge,
        &[],
        "Changes of EndpointSlices that wait to be attempted",
        |sources, rows| rows.number(&[], number(sources.figures.endpoint_changes.0)),
    ),
    metric(
        "kubeproxy_sync_proxy_rules_endpoint_changes_total",
        Counter,
        &[],
        "Changes of EndpointSlices",
        |sources, rows| rows.count(&[], sources.figures.endpoint_changes.1),
    ),
    metric(
        "kubeproxy_sync_proxy_rules_service_changes_pending",
        Gauge,
        &[],
        "Changes of Services that wait to be attempted",
        |sources, rows| rows.number(&[], number(sources.figures.service_changes.0)),
    ),
    metric(
        "kubeproxy_sync_proxy_rules_service_changes_total",
        Counter,
        &[],
        "Changes of Services",
        |sources, rows| rows.count(&[], sources.figures.service_changes.1),
    ),
    metric(
        "kubeproxy_sync_proxy_rules_no_local_endpoints_total",
        Gauge,
        &["traffic_policy"],
        "Service ports with a policy Local whose endpoints are all on other nodes",
        |sources, rows| {
            let (internal, external) = sources.figures.no_local;
            rows.gauge(&["internal"], internal);
            rows.gauge(&["external"], external);
        },
    ),
    metric(
        "kubeproxy_proxy_healthz_total",
        Counter,
        &["code"],
        "Answers of /healthz",
        |sources, rows| answers(rows, &sources.answers.healthz),
    ),
    metric(
        "kubeproxy_proxy_livez_total",
        Counter,
        &["code"],
        "Answers of /livez",
        |sources, rows| answers(rows, &sources.answers.livez),
    ),
    requested(
        "kubeproxy_sync_proxy_rules_winkernel_lb_create_failures_total",
        "Load balancers that HNS did not make",
        |sources, rows| failures(sources, rows, Verb::Create),
    ),
    requested(
        "kubeproxy_sync_proxy_rules_winkernel_lb_update_failures_total",
        "Load balancers that HNS did not modify",
        |sources, rows| failures(sources, rows, Verb::Modify),
    ),
    requested(
        "kubeproxy_sync_proxy_rules_winkernel_lb_delete_failures_total",
        "Load balancers that HNS did not remove",
        |sources, rows| failures(sources, rows, Verb::Delete),
    ),
];

/// A count as a gauge; exact up to 2^32.
pub(super) fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

fn answers(rows: &mut Rows, answers: &Answers) {
    for code in [200, 503] {
        let count = answers.get(&code).copied().unwrap_or(0);
        rows.count(&[&code.to_string()], count);
    }
}

fn failures(sources: &Sources<'_>, rows: &mut Rows, verb: Verb) {
    let mut counts: BTreeMap<[&str; 3], u64> = BTreeMap::new();
    for (failure, count) in sources.figures.failures.iter().filter(|(one, _)| one.verb == verb) {
        let labels = [failure.family.as_str(), failure.kind.as_str(), failure.error()];
        *counts.entry(labels).or_default() += count;
    }
    for (labels, count) in counts {
        rows.count(&labels, count);
    }
}
