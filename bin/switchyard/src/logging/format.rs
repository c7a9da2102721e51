//! Lines for programs, with the names that the components of Kubernetes use (k8s.io/component-base/logs/json): `ts`, `msg`, `err`,
//! `v` for what is no error, and `caller`.

use std::fmt::{self, Debug, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// One object in each line.
pub(super) struct Json {
    /// Whether it says where in the source it was logged.
    pub(super) has_caller: bool,
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let Fields(mut line) = fields;
        line.insert("ts".to_owned(), now().into());
        line.insert("level".to_owned(), metadata.level().as_str().to_lowercase().into());
        if let Some(number) = verbosity(*metadata.level()) {
            line.insert("v".to_owned(), number.into());
        }
        if self.has_caller
            && let (Some(file), Some(number)) = (metadata.file(), metadata.line())
        {
            line.insert("caller".to_owned(), format!("{file}:{number}").into());
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// klog's number of a level; errors have none.
fn verbosity(level: Level) -> Option<u8> {
    match level {
        Level::ERROR => None,
        Level::WARN | Level::INFO => Some(0),
        Level::DEBUG => Some(4),
        Level::TRACE => Some(6),
    }
}

/// Seconds since 1970, to the microsecond.
#[expect(clippy::disallowed_methods, reason = "a log says when")]
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as f64 / 1e6
}

/// What an event says.
struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        let name = match field.name() {
            "message" => "msg",
            "error" => "err",
            name => name,
        };
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        // Writing to a text fails only where the value's own formatting does; what it wrote so far is kept.
        let _ = write!(text, "{value:?}");
        self.add(field, text.into());
    }
}
