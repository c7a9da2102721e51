//! The health-check ports of Services, opened and closed as they are wanted.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use switchyard_model::Family;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{info, warn};

use super::board::{Board, PortReport, PortsStanding};
use super::http::{Handler, pass_panic_on, serve, text};
use super::{listen_as, pages};
use crate::events::{Events, Notice, NoticeKind};
use crate::health::listeners::{Action, Listeners};
use crate::health::ports::{PortAnswer, PortKey};

/// How many clients each port has at once.
const MOST_CLIENTS: usize = 16;
/// How long it is waited at most before what is wanted is looked at again.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// How a port is had.
pub trait BindPort: Send + Sync {
    /// Listens on `port`.
    ///
    /// # Errors
    /// What the system says.
    fn bind(&self, port: PortKey) -> io::Result<TcpListener>;
}

/// Every address of the family, as kube-proxy on Windows.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllAddresses;

impl BindPort for AllAddresses {
    fn bind(&self, (port, family): PortKey) -> io::Result<TcpListener> {
        let address = match family {
            Family::IPv4 => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            Family::IPv6 => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        listen_as(SocketAddr::new(address, port.get()), true)
    }
}

/// Opens, closes and answers for as long as it is polled.
pub(super) async fn serve_all(board: Arc<Board>, binder: Arc<dyn BindPort>, events: Events) {
    let mut wanted = board.follow_ports();
    let mut listeners = Listeners::default();
    let mut open: BTreeMap<PortKey, AbortHandle> = BTreeMap::new();
    let mut servers = JoinSet::new();
    loop {
        let newest = Arc::clone(&wanted.borrow_and_update());
        listeners.want(&newest);
        for action in listeners.next(board.now()) {
            match action {
                Action::Close(port) => close(port, &mut open, &mut servers).await,
                Action::Open(port) => match bind(&*binder, port) {
                    Ok(listener) => {
                        listeners.opened(port);
                        let handler = handler(Arc::clone(&board), port);
                        let server = servers.spawn(serve(listener, MOST_CLIENTS, handler));
                        open.insert(port, server);
                        info!(port = port.0, family = %port.1, "a health-check port is open");
                    }
                    Err(error) => {
                        let now = board.now();
                        if let Some(answer) = listeners.failed(port, &error.to_string(), now) {
                            report(port, answer, &error, &events);
                        }
                    }
                },
            }
        }
        board.set_ports(standing(&listeners));
        let wait = listeners.wake().map(|wake| wake.saturating_sub(board.now()));
        let wait = wait.unwrap_or(LONGEST_WAIT).max(Duration::from_millis(10));
        // All arms are safe to drop: what changed stays marked as not seen, and what ended is kept.
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return },
            Some(ended) = servers.join_next() => pass_panic_on(ended),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Ends a server and all that are connected to it, and waits until its port is free.
async fn close(
    port: PortKey,
    open: &mut BTreeMap<PortKey, AbortHandle>,
    servers: &mut JoinSet<()>,
) {
    let Some(server) = open.remove(&port) else { return };
    server.abort();
    while !server.is_finished() {
        let Some(ended) = servers.join_next().await else { break };
        pass_panic_on(ended);
    }
    info!(port = port.0, family = %port.1, "a health-check port is closed");
}

fn bind(binder: &dyn BindPort, port: PortKey) -> io::Result<tokio::net::TcpListener> {
    let listener = binder.bind(port)?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

fn handler(board: Arc<Board>, port: PortKey) -> Handler {
    Arc::new(move |_| match board.wanted_ports().ports.get(&port) {
        Some(answer) => pages::port(answer, board.verdict().is_serving()),
        None => text(StatusCode::SERVICE_UNAVAILABLE, "no Service has this port any more\n"),
    })
}

fn report((port, family): PortKey, answer: &PortAnswer, error: &io::Error, events: &Events) {
    let service = &answer.service;
    warn!(%service, port, %family, %error, "the health-check port cannot be had; it is tried again");
    events.tell(Notice {
        service: service.clone(),
        uid: answer.uid.clone(),
        kind: NoticeKind::Warning,
        reason: "FailedToStartServiceHealthcheck".to_owned(),
        action: "Listen".to_owned(),
        note: format!(
            "This node cannot listen on the health-check node port {port} ({family}) of Service {service}: {error}. Find which process has the port; it is tried again.",
        ),
    });
}

fn standing(listeners: &Listeners) -> PortsStanding {
    let troubles = listeners.troubles().map(|(port, answer, trouble)| PortReport {
        port,
        service: answer.service.to_string(),
        message: trouble.message.clone(),
        failures: trouble.failures,
        due: trouble.due,
    });
    PortsStanding { open: listeners.open(), troubles: troubles.collect() }
}
