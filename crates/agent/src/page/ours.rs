//! The metrics that are ours.

use std::collections::BTreeMap;

use switchyard_hcn::hresult;

use super::MetricKind::{Counter, Gauge, Histogram};
use super::{Metric, MetricKind, Origin, Rows, Sources, Value};
use crate::metrics::{BOUNDS, Tally};

const fn metric(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&Sources<'_>, &mut Rows),
) -> Metric {
    Metric { name, kind, labels, help, origin: Origin::Ours, read }
}

pub(super) static METRICS: &[Metric] = &[
    metric(
        "switchyard_hns_calls_total",
        Counter,
        &["verb", "kind", "hresult"],
        "Calls of HNS, by how they ended",
        |sources, rows| {
            for (counted, tally) in sources.calls {
                rows.count(&[counted.verb, counted.kind, &code(counted.hresult)], tally.count);
            }
        },
    ),
    metric(
        "switchyard_hns_call_errors_total",
        Counter,
        &["verb", "kind", "hresult"],
        "Calls of HNS that it refused",
        |sources, rows| {
            for (counted, tally) in sources.calls {
                if counted.hresult != hresult::S_OK {
                    rows.count(&[counted.verb, counted.kind, &code(counted.hresult)], tally.count);
                }
            }
        },
    ),
    metric(
        "switchyard_hns_call_duration_seconds",
        Histogram,
        &["verb", "kind"],
        "How long calls of HNS took",
        durations,
    ),
    metric(
        "switchyard_hns_available",
        Gauge,
        &[],
        "1 while HNS can be worked on: its network is there, and not too many calls hang",
        |sources, rows| rows.flag(&[], sources.figures.standing.hns_available),
    ),
    metric(
        "switchyard_settled",
        Gauge,
        &[],
        "1 while all that is wanted has been attempted",
        |sources, rows| rows.flag(&[], sources.figures.standing.settled),
    ),
    metric(
        "switchyard_objects",
        Gauge,
        &["kind", "state"],
        "Objects of HNS that are wanted, and that it holds of ours",
        |sources, rows| {
            let standing = &sources.figures.standing;
            let kinds =
                [("endpoint", standing.endpoints), ("loadBalancer", standing.load_balancers)];
            for (kind, (wanted, own)) in kinds {
                rows.gauge(&[kind, "wanted"], wanted);
                rows.gauge(&[kind, "own"], own);
            }
        },
    ),
    metric(
        "switchyard_adopted_objects",
        Gauge,
        &[],
        "Objects of others that equal what is wanted and are used as they are",
        |sources, rows| rows.gauge(&[], sources.figures.standing.adopted),
    ),
    metric(
        "switchyard_degraded_load_balancers",
        Gauge,
        &[],
        "Load balancers of ours that HNS has in state 4 (degraded)",
        |sources, rows| rows.gauge(&[], sources.figures.standing.degraded),
    ),
    metric(
        "switchyard_pending_retries",
        Gauge,
        &[],
        "Objects that HNS refused and that wait for the next try",
        |sources, rows| rows.gauge(&[], sources.figures.standing.pending_retries),
    ),
    metric(
        "switchyard_drift_repairs_total",
        Counter,
        &[],
        "Objects of ours that somebody else had changed or removed",
        |sources, rows| rows.count(&[], sources.figures.standing.drifts),
    ),
    metric(
        "switchyard_unkept_changes_total",
        Counter,
        &[],
        "Changes that HNS said yes to and did not make",
        |sources, rows| rows.count(&[], sources.figures.standing.lies),
    ),
    metric(
        "switchyard_hns_losses_total",
        Counter,
        &[],
        "How often HNS went away",
        |sources, rows| rows.count(&[], sources.figures.standing.losses),
    ),
    metric("switchyard_audits_total", Counter, &[], "Audits that have begun", |sources, rows| {
        rows.count(&[], sources.figures.standing.audits)
    }),
    metric(
        "switchyard_stuck_calls",
        Gauge,
        &[],
        "Calls of HNS that were given up and have not answered yet",
        |sources, rows| rows.gauge(&[], sources.figures.standing.stuck_calls),
    ),
    metric(
        "switchyard_abandoned_calls_total",
        Counter,
        &[],
        "Calls of HNS that were given up",
        |sources, rows| rows.count(&[], sources.figures.standing.abandoned),
    ),
    metric(
        "switchyard_port_blocks_left",
        Gauge,
        &[],
        "Blocks of 64 ports that are left for each protocol, at the most that Windows has",
        |sources, rows| rows.gauge(&[], sources.figures.standing.port_blocks_left),
    ),
    metric(
        "switchyard_conditions",
        Gauge,
        &["condition"],
        "Conditions that hold, by name; `switchyard status` says of what and what to do",
        |sources, rows| {
            for (condition, count) in &sources.figures.standing.conditions {
                rows.gauge(&[condition], *count);
            }
            let closed = sources.ports.troubles.len();
            if closed > 0 {
                rows.gauge(&["HealthCheckPortTaken"], closed);
            }
        },
    ),
    metric(
        "switchyard_limits",
        Gauge,
        &["limit"],
        "Services that meet what HNS cannot do, by the limit",
        |sources, rows| {
            for (limit, count) in &sources.figures.standing.limits {
                rows.gauge(&[limit], *count);
            }
        },
    ),
    metric(
        "switchyard_health_check_ports",
        Gauge,
        &["state"],
        "Health-check node ports of Services that are listened on, and that cannot be had",
        |sources, rows| {
            rows.gauge(&["open"], sources.ports.open);
            rows.gauge(&["failed"], sources.ports.troubles.len());
        },
    ),
    metric(
        "switchyard_input_age_seconds",
        Gauge,
        &[],
        "How long ago something was taken in last; the age of the process before anything was",
        |sources, rows| {
            let age = sources.now.saturating_sub(sources.input.unwrap_or_default());
            rows.number(&[], age.as_secs_f64());
        },
    ),
    metric(
        "switchyard_api_watch_established",
        Gauge,
        &["kind"],
        "1 while the watch of that kind stands; no rows where files are read",
        |sources, rows| {
            for (kind, stands) in &sources.figures.watches {
                rows.flag(&[kind], *stands);
            }
        },
    ),
    metric(
        "switchyard_dropped_events_total",
        Counter,
        &[],
        "Kubernetes events that were not written because too many waited",
        |sources, rows| rows.count(&[], sources.figures.dropped_events),
    ),
    metric(
        "switchyard_build_info",
        Gauge,
        &["version"],
        "Always 1; the version of the proxy",
        |_, rows| rows.number(&[env!("CARGO_PKG_VERSION")], 1.0),
    ),
    metric(
        "process_start_time_seconds",
        Gauge,
        &[],
        "When the process began, in seconds since 1970",
        |sources, rows| rows.number(&[], sources.on_the_wall(Some(Default::default()))),
    ),
];

/// The name of an HRESULT, or its number.
fn code(code: u32) -> String {
    let name = if code == hresult::S_OK { Some("S_OK") } else { hresult::name(code) };
    name.map_or_else(|| format!("0x{code:08X}"), str::to_owned)
}

fn durations(sources: &Sources<'_>, rows: &mut Rows) {
    let mut together: BTreeMap<(&str, &str), Tally> = BTreeMap::new();
    for (counted, tally) in sources.calls {
        let sum = together.entry((counted.verb, counted.kind)).or_default();
        sum.total += tally.total;
        for (sum, count) in sum.by_latency.iter_mut().zip(tally.by_latency) {
            *sum += count;
        }
    }
    let bounds = || BOUNDS.iter().map(|bound| bound.as_secs_f64()).chain([f64::INFINITY]);
    for ((verb, kind), tally) in together {
        let counts = bounds().zip(tally.by_latency).collect();
        rows.push(&[verb, kind], Value::Buckets { sum: tally.total.as_secs_f64(), counts });
    }
}
