//! The HTTP servers, all on one thread: the proxy's health, the health-check ports of Services, and the metrics page. They
//! read what the loop wrote last ([`Board`]) and never wait for it, so they answer while it works or hangs.

mod board;
mod http;
mod pages;
mod ports;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ::http::StatusCode;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::{info, warn};

pub use self::board::{Board, Heard, Now, PortReport, PortsStanding};
use self::http::{Handler, Page, pass_panic_on, serve, text};
use self::pages::Probe;
pub use self::ports::{AllAddresses, BindPort};
use crate::clock::wall;
use crate::events::Events;
use crate::metrics::CallMetrics;
use crate::page;

/// How many clients each page of the proxy's own has at once.
const MOST_CLIENTS: usize = 64;
/// How long a page that cannot be had is left.
const RETRY: Duration = Duration::from_secs(5);
/// How many connections may wait to be taken in.
const BACKLOG: i32 = 128;

/// Where the pages are, and what they need besides the [`Board`].
pub struct WebSetup {
    /// Where the proxy's health is asked for; nowhere if none.
    pub health: Option<SocketAddr>,
    /// Where the metrics are; nowhere if none.
    pub metrics: Option<SocketAddr>,
    /// Whether the process is not to begin where one of them cannot be had.
    pub hard_fail: bool,
    /// How the health-check ports of Services are had; they are not if none.
    pub binder: Option<Arc<dyn BindPort>>,
    /// What is read.
    pub board: Arc<Board>,
    /// The calls of HNS.
    pub calls: Arc<CallMetrics>,
    /// What `/configz` says.
    pub configuration: String,
    /// Who is told of ports that cannot be had.
    pub events: Events,
}

/// The thread of the HTTP servers. It ends when this is dropped.
#[derive(Debug)]
pub struct Web {
    health: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A page that is to be served.
struct Site {
    name: &'static str,
    address: SocketAddr,
    listener: io::Result<TcpListener>,
    handler: Handler,
}

impl Web {
    /// Begins to serve. `bell` is held by the thread, and dropped by it when it ends.
    ///
    /// # Errors
    /// Where the thread cannot be had, or a page cannot and [`WebSetup::hard_fail`] is set.
    pub fn start(setup: WebSetup, bell: impl Send + 'static) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let board = Arc::clone(&setup.board);
        board.configure(Some(setup.configuration));
        let health = setup.health.map(|at| Site::new("health", at, health_pages(&board)));
        let handler = metrics_pages(&board, &setup.calls);
        let metrics = setup.metrics.map(|at| Site::new("metrics", at, handler));
        for site in [&health, &metrics].into_iter().flatten() {
            if let Err(error) = &site.listener
                && setup.hard_fail
            {
                let what = format!("listen for {} on {}: {error}", site.name, site.address);
                return Err(io::Error::new(error.kind(), what));
            }
        }
        let bound = |site: &Option<Site>| site.as_ref().and_then(Site::bound);
        let (bound_health, bound_metrics) = (bound(&health), bound(&metrics));
        let (stop, stopped) = oneshot::channel::<()>();
        let serve_all = async move {
            let mut servers = JoinSet::new();
            for site in [health, metrics].into_iter().flatten() {
                servers.spawn(site.serve(Arc::clone(&board)));
            }
            if let Some(binder) = setup.binder {
                servers.spawn(ports::serve_all(board, binder, setup.events));
            }
            // Both arms are safe to drop: what is served ends with this.
            tokio::select! {
                _ = stopped => {}
                Some(ended) = servers.join_next() => pass_panic_on(ended),
            }
        };
        let work = move || {
            let _bell = bell;
            runtime.block_on(serve_all);
        };
        let thread = thread::Builder::new().name("web".to_owned()).spawn(work)?;
        Ok(Self {
            health: bound_health,
            metrics: bound_metrics,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where the proxy's health is asked for.
    #[must_use]
    pub fn health_address(&self) -> Option<SocketAddr> {
        self.health
    }

    /// Where the metrics are.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Had it panicked, its bell would have told.
            let _ = thread.join();
        }
    }
}

impl Site {
    fn new(name: &'static str, address: SocketAddr, handler: Handler) -> Self {
        Self { name, address, listener: listen(address), handler }
    }

    fn bound(&self) -> Option<SocketAddr> {
        self.listener.as_ref().ok().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves once it can be had, which is tried again and again.
    async fn serve(self, board: Arc<Board>) {
        let Self { name, address, mut listener, handler } = self;
        loop {
            let bound = listener.and_then(tokio::net::TcpListener::from_std);
            match bound {
                Ok(bound) => {
                    board.set_missing(name, None);
                    info!(page = name, %address, "listens");
                    return serve(bound, MOST_CLIENTS, handler).await;
                }
                Err(error) => {
                    let trouble = format!("cannot listen on {address}: {error}");
                    if board.missing_pages().get(name) != Some(&trouble) {
                        warn!(page = name, %address, %error, "cannot listen; it is tried again");
                    }
                    board.set_missing(name, Some(trouble));
                }
            }
            tokio::time::sleep(RETRY).await;
            listener = listen(address);
        }
    }
}

/// Listens on `address`. One for IPv6 leaves the port free for IPv4, unless it is for all addresses of the host.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    // As in Go, all addresses are those of both families, where the host has both.
    if address.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
        let both = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port());
        if let Ok(listener) = listen_as(both, false) {
            return Ok(listener);
        }
    }
    listen_as(address, address.is_ipv6() && !address.ip().is_unspecified())
}

/// Listens on `address`; where `only_v6`, the port stays free for IPv4.
fn listen_as(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // Elsewhere than on Windows a port of a process that just ended would stay taken for minutes; on Windows it would
    // let two processes have one port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn health_pages(board: &Arc<Board>) -> Handler {
    let board = Arc::clone(board);
    Arc::new(move |request| {
        let probe = match request.uri().path() {
            "/healthz" => Probe::Health,
            "/livez" => Probe::Life,
            _ => return not_found("there are /healthz and /livez\n"),
        };
        let (page, code) = pages::health(probe, &board.verdict(), board.now(), wall());
        board.answered(probe, code.as_u16());
        page
    })
}

fn metrics_pages(board: &Arc<Board>, calls: &Arc<CallMetrics>) -> Handler {
    let (board, calls) = (Arc::clone(board), Arc::clone(calls));
    Arc::new(move |request| match request.uri().path() {
        "/metrics" => metrics(request, &board, &calls),
        "/healthz" => text(StatusCode::OK, "ok"),
        "/proxyMode" => text(StatusCode::OK, "kernelspace"),
        "/configz" => http::page(StatusCode::OK, "application/json", board.configuration()),
        path if path.starts_with("/debug/pprof") => not_found(
            "there are no Go profiles: this proxy is not written in Go; /metrics has its figures\n",
        ),
        _ => not_found("there are /metrics, /healthz, /proxyMode and /configz\n"),
    })
}

fn metrics(
    request: &::http::Request<hyper::body::Incoming>,
    board: &Board,
    calls: &CallMetrics,
) -> Page {
    let accept = request.headers().get(::http::header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = page::Format::for_client(accept);
    let sources = page::Sources {
        figures: &board.figures(),
        input: board.input(),
        calls: &calls.snapshot(),
        answers: &board.answers(),
        ports: &board.ports(),
        now: board.now(),
        wall: wall(),
    };
    match page::render(&sources, format) {
        Ok(body) => http::page(StatusCode::OK, format.content_type(), body),
        Err(trouble) => text(StatusCode::INTERNAL_SERVER_ERROR, trouble.to_string()),
    }
}

fn not_found(what: &'static str) -> Page {
    text(StatusCode::NOT_FOUND, what)
}
