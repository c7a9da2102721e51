//! What the values of flags are, and whether one is.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value, json};
use switchyard_source::parse_duration;

use crate::logging::go_bool;

/// What the value of a flag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`; alone it is `true`, and a value stands behind `=`.
    Bool,
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// A time, as `30s`.
    Duration,
    /// An address, or nothing.
    Address,
    /// An address with or without a port, or nothing.
    AddressAndPort,
    /// Texts with commas between them.
    List,
    /// `NAME=BOOL` with commas between several.
    Gates,
    /// Ports, as `300-2000`.
    PortRange,
    /// A count of bytes, as `4Mi`.
    Quantity,
    /// `true`, `false` or `raw`; alone it is `true`.
    Version,
    /// The backend of KPNG.
    ToLocal,
}

impl Kind {
    /// What stands for the value in help.
    pub(super) fn value_name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::Text => "TEXT",
            Self::Integer | Self::Float => "NUMBER",
            Self::Duration => "TIME",
            Self::Address => "ADDRESS",
            Self::AddressAndPort => "ADDRESS:PORT",
            Self::List => "TEXT,...",
            Self::Gates => "NAME=BOOL,...",
            Self::PortRange => "FROM-TO",
            Self::Quantity => "BYTES",
            Self::Version => "raw",
            Self::ToLocal => "BACKEND",
        }
    }

    /// Whether the flag may stand alone.
    pub(crate) fn may_be_alone(self) -> bool {
        matches!(self, Self::Bool | Self::Version)
    }

    /// The value that `text` is, as it would stand in a configuration file.
    ///
    /// # Errors
    /// What it would have to be.
    pub(super) fn parse(self, text: &str) -> Result<Value, String> {
        let refused = |what: &str| Err(format!("give {what}"));
        match self {
            Self::Bool => go_bool(text).map(Value::Bool),
            Self::Integer => match text.parse::<i32>() {
                Ok(number) => Ok(json!(number)),
                Err(_) => refused("a whole number"),
            },
            Self::Float => match text.parse::<f32>() {
                Ok(number) if number.is_finite() => Ok(json!(number)),
                _ => refused("a number"),
            },
            Self::Duration => parse_duration(text).map(|_| json!(text)),
            Self::Address => match text.parse::<IpAddr>() {
                Ok(_) => Ok(json!(text)),
                Err(_) if text.is_empty() => Ok(json!(text)),
                Err(_) => refused("an IP address"),
            },
            Self::AddressAndPort if is_address_and_port(text) => Ok(json!(text)),
            Self::AddressAndPort => refused("an IP address, ADDRESS:PORT, or nothing"),
            Self::List => Ok(text.split(',').filter(|part| !part.is_empty()).collect()),
            Self::Gates => gates(text),
            Self::Version if matches!(text, "raw" | "true" | "false") => Ok(json!(text)),
            Self::Version => refused("true, false or raw"),
            Self::ToLocal if matches!(text, "to-windows" | "to-winkernel") => Ok(json!(text)),
            Self::ToLocal => refused("to-windows, the only backend there is"),
            Self::Text | Self::PortRange | Self::Quantity => Ok(json!(text)),
        }
    }
}

/// An address with or without a port, an IPv6 one with or without brackets, or nothing.
fn is_address_and_port(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    text.is_empty() || bare.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok()
}

/// Feature gates. Of one that is there twice the last counts, as in kube-proxy.
fn gates(text: &str) -> Result<Value, String> {
    let mut gates = Map::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return Err(format!("{part:?}: give NAME=true or NAME=false"));
        };
        let value = go_bool(value.trim()).map_err(|what| format!("{part:?}: {what}"))?;
        gates.insert(name.trim().to_owned(), Value::Bool(value));
    }
    Ok(Value::Object(gates))
}
