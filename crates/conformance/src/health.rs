//! The health of the proxy and of Services, seen from outside: pages over HTTP, what happens to the proxy, what it reports.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// A page that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthPage {
    /// A path of the proxy's own health.
    Proxy(String),
    /// The health-check node port of a Service, for IPv4.
    Port(u16),
}

/// What happens to the proxy, or around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthEvent {
    /// Time passes.
    Passes(Duration),
    /// From now on nothing can be changed that traffic goes by.
    Blocked,
    /// From now on it can again.
    GoesOn,
    /// What is wanted cannot be read any more.
    InputGoes,
    /// Somebody else has the port.
    PortTaken(u16),
    /// Nobody has the port any more.
    PortFree(u16),
}

/// A proxy whose health is asked for over HTTP.
pub trait HealthSubject {
    /// Lets `event` happen, and then has the proxy do all that is due.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn event(&mut self, event: &HealthEvent) -> Result<(), String>;

    /// Where a page is asked for.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn address(&mut self, page: &HealthPage) -> Result<SocketAddr, String>;

    /// What is wrong, each in a line: the condition, then whom it concerns.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn reports(&mut self) -> Result<Vec<String>, String>;
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthAnswer {
    /// The code.
    pub code: u16,
    /// The headers, in lower case.
    pub head: String,
    /// The body; none where it is no JSON.
    pub body: Value,
}

/// Asks `address` for `path`. None where nobody answers there.
#[must_use]
pub fn ask(address: SocketAddr, path: &str) -> Option<HealthAnswer> {
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let code = head.split(' ').nth(1)?.parse().ok()?;
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    Some(HealthAnswer { code, head: head.to_lowercase(), body })
}
