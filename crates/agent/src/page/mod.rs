//! The metrics page. Every metric is a row of [`metrics`]: its name, type, labels, meaning, and what it is made of. The page,
//! `docs/metrics.md` and the tests come from these rows, so they cannot drift apart.

mod figures;
mod ours;
#[cfg(test)]
mod tests;
mod text;
mod upstream;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

pub use self::figures::{
    Accounts, Buckets, Failure, Figures, LoadBalancerKind, LocalGaps, StandingFigures,
};
pub(crate) use self::text::{Format, render};
use crate::metrics::{Counted, Tally};
use crate::web::PortsStanding;

/// How often each code was answered.
pub(crate) type Answers = BTreeMap<u16, u64>;

/// What the pages of the proxy's health answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PageAnswers {
    pub(crate) healthz: Answers,
    pub(crate) livez: Answers,
}

/// What a page is made of.
pub(crate) struct Sources<'a> {
    /// What the loop wrote last.
    pub(crate) figures: &'a Figures,
    /// The calls of HNS.
    pub(crate) calls: &'a BTreeMap<Counted, Tally>,
    /// What the health pages answered.
    pub(crate) answers: &'a PageAnswers,
    /// The health-check ports of Services.
    pub(crate) ports: &'a PortsStanding,
    /// When something was heard or read last.
    pub(crate) input: Option<Duration>,
    /// The time since the process began.
    pub(crate) now: Duration,
    /// The same moment on the wall.
    pub(crate) wall: Timestamp,
}

impl Sources<'_> {
    /// `moment` on the wall, in seconds since 1970; 0 for what has not happened.
    fn on_the_wall(&self, moment: Option<Duration>) -> f64 {
        let Some(moment) = moment else { return 0.0 };
        let ago = SignedDuration::try_from(self.now.saturating_sub(moment)).unwrap_or_default();
        self.wall.as_duration().saturating_sub(ago).as_secs_f64()
    }
}

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It grows, but for a restart.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts how much was within which bound.
    Histogram,
}

impl MetricKind {
    /// The word of the text format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Where a name comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// kube-proxy has it.
    KubeProxy,
    /// kube-proxy was asked for it.
    Requested,
    /// It is ours.
    Ours,
}

/// A metric.
pub struct Metric {
    /// Its name, as it stands on the page.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
    /// Where its name comes from.
    pub origin: Origin,
    read: fn(&Sources<'_>, &mut Rows),
}

/// A value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Count(u64),
    Number(f64),
    Buckets { sum: f64, counts: Vec<(f64, u64)> },
}

/// The values of a metric, each with the values of its labels.
#[derive(Debug, Default)]
pub(crate) struct Rows(Vec<(Vec<String>, Value)>);

impl Rows {
    fn count(&mut self, labels: &[&str], count: u64) {
        self.push(labels, Value::Count(count));
    }

    fn number(&mut self, labels: &[&str], number: f64) {
        self.push(labels, Value::Number(number));
    }

    /// A number of things.
    fn gauge(&mut self, labels: &[&str], number: usize) {
        self.number(labels, u32::try_from(number).map_or(f64::from(u32::MAX), f64::from));
    }

    fn flag(&mut self, labels: &[&str], is_so: bool) {
        self.number(labels, f64::from(u8::from(is_so)));
    }

    fn buckets(&mut self, labels: &[&str], buckets: &Buckets) {
        self.push(labels, Value::Buckets { sum: buckets.sum(), counts: buckets.counts() });
    }

    fn push(&mut self, labels: &[&str], value: Value) {
        self.0.push((labels.iter().map(|&label| label.to_owned()).collect(), value));
    }
}

/// Every metric, in the order of the page.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    upstream::METRICS.iter().chain(ours::METRICS)
}

/// `docs/metrics.md`: what each metric means.
#[must_use]
pub fn documentation() -> String {
    let row = |metric: &Metric| {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (kind, labels) = (metric.kind.as_str(), labels.join(", "));
        format!("| `{}` | {kind} | {labels} | {} |\n", metric.name, metric.help)
    };
    let table = |origin: Origin, title: &str| {
        let rows: String = metrics().filter(|metric| metric.origin == origin).map(row).collect();
        format!(
            "\n## {title}\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n{rows}"
        )
    };
    [
        include_str!("introduction.md").to_owned(),
        table(Origin::KubeProxy, "kube-proxy's"),
        table(Origin::Requested, "Asked of kube-proxy"),
        table(Origin::Ours, "Switchyard's"),
    ]
    .concat()
}
