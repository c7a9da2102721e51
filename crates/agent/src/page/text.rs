//! The page as text: OpenMetrics by `prometheus-client`, and from it the older text format.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, LabelSetEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::{Metric, MetricKind, Rows, Sources, Value, metrics};

/// The suffix that OpenMetrics gives to the values of counters, and the older format to their names.
const TOTAL: &str = "_total";

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format of Prometheus, version 0.0.4.
    Text,
}

impl Format {
    /// What a client takes that sends this `Accept`.
    pub(crate) fn for_client(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Text }
    }

    /// How it is called in HTTP.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The page of `sources`.
///
/// # Errors
/// Where a value cannot be written.
pub(crate) fn render(sources: &Sources<'_>, format: Format) -> Result<String, fmt::Error> {
    let all = metrics().map(|metric| {
        let mut rows = Rows::default();
        (metric.read)(sources, &mut rows);
        (metric, rows)
    });
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(all.collect())));
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry)?;
    Ok(match format {
        Format::OpenMetrics => page,
        Format::Text => older(&page),
    })
}

/// OpenMetrics in the older format: counters are called as their values are, and nothing marks the end.
fn older(page: &str) -> String {
    let counters: BTreeMap<&str, String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .map(|name| (name, format!("{name}{TOTAL}")))
        .collect();
    let mut text = String::with_capacity(page.len());
    for line in page.lines().filter(|line| *line != "# EOF") {
        let parts: Vec<&str> = line.splitn(4, ' ').collect();
        match parts[..] {
            ["#", word, name, rest] if counters.contains_key(name) => {
                for part in ["# ", word, " ", &counters[name], " ", rest, "\n"] {
                    text.push_str(part);
                }
            }
            _ => {
                text += line;
                text.push('\n');
            }
        }
    }
    text
}

struct Page(Vec<(&'static Metric, Rows)>);

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (metric, rows) in &self.0 {
            let (name, kind) = match metric.kind {
                MetricKind::Counter => {
                    (metric.name.strip_suffix(TOTAL).unwrap_or(metric.name), MetricType::Counter)
                }
                MetricKind::Gauge => (metric.name, MetricType::Gauge),
                MetricKind::Histogram => (metric.name, MetricType::Histogram),
            };
            let mut encoder = encoder.encode_descriptor(name, metric.help, None, kind)?;
            for (values, value) in &rows.0 {
                if metric.labels.is_empty() {
                    write_value(&mut encoder, value)?;
                } else {
                    let labels = Labels { names: metric.labels, values };
                    write_value(&mut encoder.encode_family(&labels)?, value)?;
                }
            }
        }
        Ok(())
    }
}

fn write_value(encoder: &mut MetricEncoder<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Count(count) => encoder.encode_counter::<NoLabelSet, _, u64>(count, None),
        Value::Number(number) => encoder.encode_gauge(number),
        Value::Buckets { sum, counts } => {
            let count = counts.iter().map(|(_, count)| count).sum();
            encoder.encode_histogram::<NoLabelSet>(*sum, count, counts, None)
        }
    }
}

#[derive(Debug)]
struct Labels<'a> {
    names: &'static [&'static str],
    values: &'a [String],
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        for (name, value) in self.names.iter().zip(self.values) {
            (*name, value.as_str()).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}
