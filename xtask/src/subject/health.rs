//! The health of the proxy and of Services over HTTP: the agent's own servers on ports of the loopback that are free, in
//! virtual time. In front of the model, what is wanted counts as attempted at once; in front of the Windows backend the agent's
//! core works on an emulated HNS.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchyard::network::Hns;
use switchyard_agent::events::Events;
use switchyard_agent::health::ports::{HealthPorts, PortKey};
use switchyard_agent::health::{NodeStanding, ProxyHealth, SYNC_PERIOD};
use switchyard_agent::web::{BindPort, Board, Web, WebSetup};
use switchyard_agent::{CallMetrics, Core};
use switchyard_conformance::{HealthEvent, HealthPage, HealthSubject};
use switchyard_hcn::{Guid, Network, Notification, NotificationType, hresult};
use switchyard_model::{Family, Settings, ViewEvent};
use switchyard_nodeview::Stream;
use switchyard_source::Manifests;
use switchyard_winkernel::{Ledger, MemoryLedger, Performer};

/// A proxy whose health is asked for.
pub(super) struct Health {
    board: Arc<Board>,
    ports: Arc<Ports>,
    now: Time,
    /// Whether nothing can be changed.
    blocked: bool,
    backend: Backend,
    web: Web,
}

/// The time, which passes where a case says so.
#[derive(Clone, Default)]
struct Time(Arc<AtomicU64>);

impl Time {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn set(&self, now: Duration) {
        let nanoseconds = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_max(nanoseconds, Ordering::SeqCst);
    }
}

enum Backend {
    /// Nothing is in the way of what is wanted.
    Model { health: ProxyHealth, ports: HealthPorts },
    /// The agent and its HNS.
    Windows(Box<Windows>),
}

struct Windows {
    core: Core,
    hns: Hns,
    ledger: MemoryLedger,
    /// The network, while it is gone.
    gone: Option<(Guid, Network)>,
}

/// Ports of the loopback that stand for those of Services, the same at all times, and those that somebody else has.
#[derive(Default)]
struct Ports(Mutex<BTreeMap<PortKey, (SocketAddr, Option<TcpListener>)>>);

impl Ports {
    fn known(&self) -> MutexGuard<'_, BTreeMap<PortKey, (SocketAddr, Option<TcpListener>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands for `port`.
    fn address(&self, port: PortKey) -> io::Result<SocketAddr> {
        let mut known = self.known();
        if let Some((address, _)) = known.get(&port) {
            return Ok(*address);
        }
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        known.insert(port, (address, None));
        Ok(address)
    }

    /// Somebody else has the port, or has it no more.
    fn take(&self, port: PortKey, is_taken: bool) -> io::Result<()> {
        let address = self.address(port)?;
        let listener = if is_taken { Some(TcpListener::bind(address)?) } else { None };
        self.known().insert(port, (address, listener));
        Ok(())
    }
}

impl BindPort for Ports {
    fn bind(&self, port: PortKey) -> io::Result<TcpListener> {
        TcpListener::bind(self.address(port)?)
    }
}

fn ipv4(port: u16) -> Result<PortKey, String> {
    NonZeroU16::new(port).map(|port| (port, Family::IPv4)).ok_or_else(|| "0 is no port".to_owned())
}

impl Health {
    /// One in front of the model.
    pub(super) fn of_model(stream: &Stream, blocked: bool) -> Result<Self, String> {
        let health = ProxyHealth::new(SYNC_PERIOD);
        let backend = Backend::Model { health: health.clone(), ports: HealthPorts::default() };
        let mut proxy = Self::start(backend, health, blocked)?;
        proxy.changed(&stream.snapshot(), stream)?;
        Ok(proxy)
    }

    /// One in front of an HNS.
    pub(super) fn of_windows(
        hns: Hns,
        settings: Settings,
        manifests: &[String],
        stream: &Stream,
        blocked: bool,
    ) -> Result<Self, String> {
        let node = stream.view().node().name.clone();
        let metrics = Arc::new(CallMetrics::default());
        let mut core = Core::new(node, settings, hns.settings.clone(), Ledger::default(), metrics);
        core.registered(None);
        let health = core.health().clone();
        let windows = Windows { core, hns, ledger: MemoryLedger::default(), gone: None };
        let mut proxy = Self::start(Backend::Windows(Box::new(windows)), health, false)?;
        if blocked {
            proxy.event(&HealthEvent::Blocked)?;
        }
        proxy.read(manifests, stream)?;
        Ok(proxy)
    }

    fn start(backend: Backend, health: ProxyHealth, blocked: bool) -> Result<Self, String> {
        let now = Time::default();
        let clock = now.clone();
        let board = Arc::new(Board::new(health, Box::new(move || clock.now())));
        let ports = Arc::new(Ports::default());
        let setup = WebSetup {
            health: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            metrics: None,
            hard_fail: true,
            binder: Some(Arc::clone(&ports) as Arc<dyn BindPort>),
            board: Arc::clone(&board),
            calls: Arc::default(),
            configuration: String::new(),
            events: Events::nowhere(),
        };
        let web = Web::start(setup, ()).map_err(|trouble| trouble.to_string())?;
        Ok(Self { board, ports, now, blocked, backend, web })
    }

    /// The documents are others: what of it comes out of `stream` is in `changes`.
    pub(super) fn change(
        &mut self,
        manifests: &[String],
        changes: &[ViewEvent],
        stream: &Stream,
    ) -> Result<(), String> {
        match self.backend {
            Backend::Model { .. } => self.changed(changes, stream),
            Backend::Windows(_) => self.read(manifests, stream),
        }
    }

    /// What the model wants changed.
    fn changed(&mut self, changes: &[ViewEvent], stream: &Stream) -> Result<(), String> {
        let now = self.now.now();
        let Backend::Model { health, ports } = &mut self.backend else { return Ok(()) };
        let node = stream.view().node();
        let known = stream.cluster().node(&node.name);
        health.node(NodeStanding::of(known.map(|node| &**node)));
        health.serves(Family::ALL.into_iter().filter(|family| node.has_family(*family)));
        if !changes.is_empty() {
            health.queued(now);
        }
        if ports.apply(changes) {
            self.board.want_ports(ports.wanted());
        }
        self.run_until(now)
    }

    /// The agent reads the documents.
    fn read(&mut self, manifests: &[String], stream: &Stream) -> Result<(), String> {
        let now = self.now.now();
        let Backend::Windows(windows) = &mut self.backend else { return Ok(()) };
        let mut read = Manifests::default();
        for text in manifests {
            read.add("document", text.as_bytes());
        }
        if windows.gone.is_none() {
            windows.hns.add_pod_endpoints(stream);
        }
        windows.core.read(Ok(read), now);
        self.run_until(now)
    }

    /// Has the proxy do what is due until `end`.
    fn run_until(&mut self, end: Duration) -> Result<(), String> {
        match &mut self.backend {
            Backend::Model { health, .. } => {
                if !self.blocked {
                    health.attempted(end);
                }
                self.now.set(end);
                self.board.tell(|told| told.clone_from(health));
            }
            Backend::Windows(windows) => windows.run_until(end, &self.now, &self.board)?,
        }
        Ok(())
    }
}

impl Windows {
    fn run_until(&mut self, end: Duration, time: &Time, board: &Board) -> Result<(), String> {
        let Self { core, hns, ledger, .. } = self;
        let mut performer = Performer::new(&hns.emulator);
        let mut now = time.now();
        loop {
            while let Some((id, call)) = core.next_call(now) {
                let result = performer.perform(&call, ledger);
                now = hns.emulator.now().max(now);
                core.answered(id, result, now);
            }
            core.look(now, 0);
            let _ = core.take_figures(now);
            core.tell(now);
            match core.due(now).filter(|due| *due <= end) {
                Some(due) if due > now => now = due,
                Some(due) => return Err(format!("nothing is due at {now:?}, but {due:?} is said")),
                None => break,
            }
            hns.emulator.advance_to(now);
        }
        now = end.max(now);
        hns.emulator.advance_to(now);
        time.set(now);
        board.tell(|told| told.clone_from(core.health()));
        if let Some(wanted) = core.take_ports() {
            board.want_ports(wanted);
        }
        Ok(())
    }

    /// The network goes, and HNS says so.
    fn block(&mut self, now: Duration) -> Result<(), String> {
        let id = self.hns.network.id;
        let mut state = self.hns.emulator.state();
        let network = state.remove_network(id).ok_or("the network is gone already")?;
        self.hns.emulator.steer(|service| service.set_state(state));
        self.gone = Some((id, network));
        let lost = NotificationType::ServiceDisconnect.value();
        let lost = Notification::new(lost, hresult::S_OK, String::new());
        self.core.notified(&lost, now);
        Ok(())
    }

    /// The network is there again.
    fn unblock(&mut self) -> Result<(), String> {
        let (id, network) = self.gone.take().ok_or("the network is there")?;
        let mut state = self.hns.emulator.state();
        state.insert_network(id, network);
        self.hns.emulator.steer(|service| service.set_state(state));
        Ok(())
    }
}

impl HealthSubject for Health {
    fn event(&mut self, event: &HealthEvent) -> Result<(), String> {
        let now = self.now.now();
        let trouble = |trouble: io::Error| trouble.to_string();
        let mut end = now;
        match (event, &mut self.backend) {
            (HealthEvent::Passes(time), _) => {
                end = now.checked_add(*time).ok_or("so much time is there not")?;
            }
            (HealthEvent::Blocked, Backend::Model { .. }) => self.blocked = true,
            (HealthEvent::GoesOn, Backend::Model { .. }) => self.blocked = false,
            (HealthEvent::Blocked, Backend::Windows(windows)) => windows.block(now)?,
            (HealthEvent::GoesOn, Backend::Windows(windows)) => windows.unblock()?,
            // The model keeps what it has: nothing comes.
            (HealthEvent::InputGoes, Backend::Model { .. }) => {}
            (HealthEvent::InputGoes, Backend::Windows(windows)) => {
                windows.core.read(Manifests::read("/nowhere/at/all"), now);
            }
            (HealthEvent::PortTaken(port), _) => {
                self.ports.take(ipv4(*port)?, true).map_err(trouble)?;
            }
            (HealthEvent::PortFree(port), _) => {
                self.ports.take(ipv4(*port)?, false).map_err(trouble)?;
            }
        }
        self.run_until(end)
    }

    fn address(&mut self, page: &HealthPage) -> Result<SocketAddr, String> {
        match page {
            HealthPage::Proxy(_) => {
                self.web.health_address().ok_or_else(|| "no health is served".to_owned())
            }
            HealthPage::Port(port) => {
                self.ports.address(ipv4(*port)?).map_err(|trouble| trouble.to_string())
            }
        }
    }

    fn reports(&mut self) -> Result<Vec<String>, String> {
        let now = self.now.now();
        let conditions = switchyard_agent::conditions_of_pages(&self.board, now);
        let words = |condition: switchyard_agent::Condition| {
            let services = condition.services.join(" ");
            format!("{} {services} {}", condition.condition, condition.detail)
        };
        Ok(conditions.into_iter().map(words).collect())
    }
}
