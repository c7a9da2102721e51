//! The servers over real connections on the loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU16;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use switchyard_model::{Family, ServiceKey};

use super::*;
use crate::health::ports::{PortAnswer, PortKey, Wanted};
use crate::health::{NodeStanding, ProxyHealth, SYNC_PERIOD};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ports of the loopback that stand for those of Services.
#[derive(Default)]
struct Loopback(Mutex<std::collections::BTreeMap<PortKey, SocketAddr>>);

impl BindPort for Loopback {
    fn bind(&self, port: PortKey) -> io::Result<TcpListener> {
        let mut known = self.0.lock().unwrap();
        let address = known.get(&port).copied().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = listen(address)?;
        known.insert(port, listener.local_addr()?);
        Ok(listener)
    }
}

struct Running {
    board: Arc<Board>,
    seconds: Arc<AtomicU64>,
    loopback: Arc<Loopback>,
    web: Web,
}

fn start() -> Running {
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&seconds);
    let now = Box::new(move || Duration::from_secs(clock.load(Ordering::SeqCst)));
    let mut health = ProxyHealth::new(SYNC_PERIOD);
    health.serves([Family::IPv4]);
    health.node(NodeStanding::Eligible);
    let board = Arc::new(Board::new(health, now));
    let loopback = Arc::new(Loopback::default());
    let anywhere = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let setup = WebSetup {
        health: anywhere,
        metrics: anywhere,
        hard_fail: true,
        binder: Some(Arc::clone(&loopback) as Arc<dyn BindPort>),
        board: Arc::clone(&board),
        calls: Arc::default(),
        configuration: "{\"kubeproxy.config.k8s.io\":{}}".to_owned(),
        events: Events::nowhere(),
    };
    let web = Web::start(setup, ()).unwrap();
    Running { board, seconds, loopback, web }
}

/// Sends `request` and reads all that comes back: the code, the head, the body.
fn ask(address: SocketAddr, request: &str) -> io::Result<(u16, String, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Ok((code, head.to_lowercase(), body.to_owned()))
}

fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: n1\r\n\r\n")).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test waits for what must come, with a deadline")]
fn wait(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not come");
        thread::sleep(Duration::from_millis(5));
    }
}

impl Running {
    fn health(&self, path: &str) -> (u16, serde_json::Value) {
        let (code, head, body) = get(self.web.health_address().unwrap(), path);
        assert!(head.contains("content-type: application/json"), "{head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        (code, serde_json::from_str(&body).unwrap())
    }

    fn metrics(&self, path: &str) -> (u16, String, String) {
        get(self.web.metrics_address().unwrap(), path)
    }

    fn want(&self, ports: &[(u16, &str, usize)]) {
        let answer = |name: &str, count| PortAnswer {
            service: ServiceKey::new("shop", name),
            uid: None,
            local_endpoints: count,
        };
        let ports = ports.iter().map(|(port, name, count)| (key(*port), answer(name, *count)));
        self.board.want_ports(Wanted { ports: ports.collect(), ..Wanted::default() });
    }

    fn address(&self, port: u16) -> Option<SocketAddr> {
        self.loopback.0.lock().unwrap().get(&key(port)).copied()
    }
}

fn key(port: u16) -> PortKey {
    (NonZeroU16::new(port).unwrap(), Family::IPv4)
}

#[test]
fn the_health_pages_say_what_the_loop_told_last() {
    let running = start();
    let (code, body) = running.health("/healthz");
    assert_eq!((code, &body["healthy"], &body["reason"]), (503, &false.into(), &"Starting".into()));
    assert_eq!(body["lastUpdated"], "0001-01-01T00:00:00Z");
    assert_eq!(running.health("/livez").0, 200);
    running.board.tell(|health| health.attempted(Duration::ZERO));
    let (code, body) = running.health("/healthz");
    assert_eq!((code, &body["nodeEligible"]), (200, &true.into()));
    assert_eq!(body["status"]["IPv4"]["healthy"], true);
    assert_eq!(body["lastUpdated"], body["currentTime"]);
    // Nobody tells anything any more: the loop is busy, and then it hangs.
    running.board.tell(|health| health.busy(Duration::ZERO));
    running.seconds.store(29, Ordering::SeqCst);
    assert_eq!((running.health("/healthz").0, running.health("/livez").0), (200, 200));
    running.seconds.store(30, Ordering::SeqCst);
    let (code, body) = running.health("/livez");
    assert_eq!((code, &body["reason"]), (503, &"LoopHangs".into()));
    assert!(body.get("nodeEligible").is_none());
    let page = running.metrics("/metrics").2;
    assert!(page.contains("kubeproxy_proxy_healthz_total{code=\"200\"} 2\n"), "{page}");
    assert!(page.contains("kubeproxy_proxy_livez_total{code=\"503\"} 1\n"), "{page}");
}

#[test]
fn how_old_the_input_is_is_found_when_the_page_is_asked_for() {
    let running = start();
    let heard = Arc::new(AtomicU64::new(7));
    let last = Arc::clone(&heard);
    running
        .board
        .hear_from(Box::new(move || Some(Duration::from_secs(last.load(Ordering::SeqCst)))));
    let age = |seconds| {
        running.seconds.store(seconds, Ordering::SeqCst);
        let page = running.metrics("/metrics").2;
        let line = page.lines().find_map(|line| line.strip_prefix("switchyard_input_age_seconds "));
        line.map(str::to_owned)
    };
    assert_eq!(age(10).as_deref(), Some("3.0"));
    // A bookmark changes nothing, and nobody publishes anything for it.
    heard.store(40, Ordering::SeqCst);
    assert_eq!(age(42).as_deref(), Some("2.0"));
}

#[test]
fn the_other_pages_are_where_kube_proxy_has_them() {
    let running = start();
    let (code, head, body) = running.metrics("/metrics");
    assert_eq!(code, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains("\nswitchyard_settled 0"), "{body}");
    let address = running.web.metrics_address().unwrap();
    let open = "GET /metrics HTTP/1.1\r\nHost: n1\r\nAccept: application/openmetrics-text\r\n\r\n";
    assert!(ask(address, open).unwrap().2.ends_with("# EOF\n"));
    assert_eq!(running.metrics("/proxyMode").2, "kernelspace");
    assert_eq!(running.metrics("/configz").2, "{\"kubeproxy.config.k8s.io\":{}}");
    assert_eq!(running.metrics("/healthz").0, 200);
    let (code, _, body) = running.metrics("/debug/pprof/heap");
    assert!(code == 404 && body.contains("no Go profiles"), "{code} {body}");
    assert_eq!(running.metrics("/elsewhere").0, 404);
    let (code, head, _) = ask(address, "POST /metrics HTTP/1.1\r\nHost: n1\r\n\r\n").unwrap();
    assert!(code == 405 && head.contains("allow: get, head"), "{code} {head}");
}

#[test]
fn slow_and_large_clients_harm_nobody() {
    let running = start();
    let address = running.web.health_address().unwrap();
    // More than may be connected, all of which say nothing.
    let slow: Vec<_> =
        (0..MOST_CLIENTS * 2).map(|_| TcpStream::connect_timeout(&address, PATIENCE)).collect();
    assert!(slow.iter().all(Result::is_ok));
    assert_eq!(running.health("/livez").0, 200);
    let large = format!("GET /livez HTTP/1.1\r\nHost: n1\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
    // It is refused, or cut off in the middle of what it says.
    assert!(ask(address, &large).map_or(true, |(code, ..)| code == 431 || code == 0));
    let many = format!("GET /livez HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1_000));
    assert!(ask(address, &many).map_or(true, |(code, ..)| code == 431 || code == 0));
    assert_eq!(running.health("/livez").0, 200);
}

#[test]
fn a_port_of_a_service_answers_for_that_service() {
    let running = start();
    running.board.tell(|health| health.attempted(Duration::ZERO));
    running.want(&[(31000, "web", 2), (31001, "old", 0)]);
    wait("two ports", || running.board.ports().open == 2);
    let (code, head, body) = get(running.address(31000).unwrap(), "/");
    assert_eq!(code, 200);
    for header in ["x-load-balancing-endpoint-weight: 2", "x-content-type-options: nosniff"] {
        assert!(head.contains(header), "{head}");
    }
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let service = serde_json::json!({"namespace": "shop", "name": "web"});
    assert_eq!((&body["service"], &body["localEndpoints"]), (&service, &2.into()));
    assert_eq!(body["serviceProxyHealthy"], true);
    assert_eq!(get(running.address(31001).unwrap(), "/").0, 503);
    // What is counted changes without a new connection to anything.
    running.want(&[(31000, "web", 0), (31001, "old", 1)]);
    assert_eq!(get(running.address(31000).unwrap(), "/").0, 503);
    assert_eq!(get(running.address(31001).unwrap(), "/").0, 200);
    // An unhealthy proxy serves nobody well; a node about to go is another matter.
    running.board.tell(|health| health.stuck(true));
    assert_eq!(get(running.address(31001).unwrap(), "/").0, 503);
    running.want(&[(31000, "web", 0)]);
    wait("a closed port", || running.board.ports().open == 1);
    assert!(TcpStream::connect_timeout(&running.address(31001).unwrap(), PATIENCE).is_err());
}

#[test]
fn a_port_that_is_taken_is_reported_and_had_once_it_is_free() {
    let running = start();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    running.loopback.0.lock().unwrap().insert(key(31000), taken);
    running.want(&[(31000, "web", 1), (31001, "old", 1)]);
    wait("the trouble", || running.board.ports().troubles.len() == 1);
    let ports = running.board.ports();
    assert_eq!((ports.open, ports.troubles[0].service.as_str()), (1, "shop/web"));
    assert!(get(running.address(31001).unwrap(), "/").2.contains("shop"));
    let page = running.metrics("/metrics").2;
    assert!(page.contains("switchyard_health_check_ports{state=\"failed\"} 1"), "{page}");
    drop(other);
    running.seconds.store(3_600, Ordering::SeqCst);
    wait("the port", || running.board.ports().open == 2);
    assert!(running.board.ports().troubles.is_empty());
}

#[test]
fn a_page_that_cannot_be_had_ends_the_start_only_where_it_must() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let setup = |hard_fail| WebSetup {
        health: Some(taken),
        metrics: None,
        hard_fail,
        binder: None,
        board: Arc::new(Board::new(ProxyHealth::new(SYNC_PERIOD), Box::new(|| Duration::ZERO))),
        calls: Arc::default(),
        configuration: String::new(),
        events: Events::nowhere(),
    };
    let error = Web::start(setup(true), ()).unwrap_err().to_string();
    assert!(error.contains("health") && error.contains(&taken.to_string()), "{error}");
    let soft = setup(false);
    let board = Arc::clone(&soft.board);
    let web = Web::start(soft, ()).unwrap();
    wait("the report", || board.missing_pages().contains_key("health"));
    drop(other);
    wait("the page", || board.missing_pages().is_empty());
    assert_eq!(get(taken, "/livez").0, 200);
    drop(web);
}
