//! One proxy in virtual time: the agent's core, the following of the API beside it, and its calls of HNS.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use switchyard_agent::{CallMetrics, Core};
use switchyard_hcn::{Hcn, Notification};
use switchyard_model::{Name, Settings};
use switchyard_source::api::{Api, Shared};
use switchyard_winkernel::{
    Call, CallError, CallId, Ledger, LedgerStore, Performer, ReconcilerSettings, Reply,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::lane::{Ending, Lane};
use super::server::Front;

/// How long until registering for notifications is tried again, as the agent's own thread does at most.
const REGISTER_AGAIN: Duration = Duration::from_secs(5);

/// A file for the ledger that may not take anything.
#[derive(Debug, Clone, Default)]
pub(super) struct LedgerFile {
    pub(super) text: String,
    /// What a write of it fails with, and what that is called.
    pub(super) trouble: Option<(&'static str, io::ErrorKind)>,
    /// How often each was met.
    pub(super) met: BTreeMap<&'static str, u64>,
}

impl LedgerFile {
    fn write(&mut self, write: impl FnOnce(&mut String)) -> io::Result<()> {
        if let Some((name, kind)) = self.trouble {
            *self.met.entry(name).or_default() += 1;
            return Err(io::Error::from(kind));
        }
        write(&mut self.text);
        Ok(())
    }
}

impl LedgerStore for LedgerFile {
    fn append(&mut self, lines: &str) -> io::Result<()> {
        self.write(|text| text.push_str(lines))
    }

    fn replace(&mut self, lines: &str) -> io::Result<()> {
        self.write(|text| lines.clone_into(text))
    }

    fn remove(&mut self) -> io::Result<()> {
        self.write(String::clear)
    }
}

/// A call that is under way.
struct Flying {
    id: CallId,
    result: Result<Reply, CallError>,
    /// When its answer is there; none is when HNS stops, or when it is said to.
    at: Option<Duration>,
}

/// What a turn of the agent came to.
#[derive(Debug)]
pub(super) enum Made {
    /// A call was made.
    Call(Call),
    /// The process died in this call.
    Died(Call),
}

/// What an agent begins with.
#[derive(Clone)]
pub(super) struct Beginning {
    pub(super) node: Name,
    pub(super) settings: Settings,
    pub(super) reconciler: ReconcilerSettings,
    pub(super) seed: u64,
}

/// A proxy that runs.
pub(super) struct Agent<'e> {
    pub(super) core: Core,
    pub(super) shared: Arc<Shared>,
    following: JoinHandle<()>,
    pub(super) bell: Arc<Notify>,
    lane: &'e Lane<'e>,
    idle: Vec<Performer<'e>>,
    flying: Vec<Flying>,
    heard: Arc<Mutex<Vec<Notification>>>,
    /// The handle of the registration, and when it is tried again.
    registration: Option<usize>,
    register_at: Option<Duration>,
    begun: Instant,
    /// The time of HNS when it began: each process counts its own from there.
    offset: Duration,
}

impl<'e> Agent<'e> {
    /// Starts a proxy that finds `ledger`. `epoch` is the moment from which HNS counts its time.
    pub(super) fn start(
        beginning: &Beginning,
        ledger: &LedgerFile,
        front: &Front,
        lane: &'e Lane<'e>,
        epoch: Instant,
    ) -> Self {
        let begun = Instant::now();
        let bell = Arc::new(Notify::new());
        let rung = Arc::clone(&bell);
        let shared = Arc::new(Shared::new(
            Arc::new(move || begun.elapsed()),
            Arc::new(move || rung.notify_one()),
        ));
        let api = Api {
            clients: kube::Client::new(front.clone(), "default").into(),
            node: beginning.node.to_string(),
            seed: beginning.seed,
        };
        let followed = Arc::clone(&shared);
        let following = tokio::task::spawn_local(async move { api.follow(&followed).await });
        let mut core = Core::new(
            beginning.node.clone(),
            beginning.settings.clone(),
            beginning.reconciler.clone(),
            Ledger::read(&ledger.text),
            Arc::new(CallMetrics::default()),
        );
        core.follow(Arc::clone(&shared));
        Self {
            core,
            shared,
            following,
            bell,
            lane,
            idle: Vec::new(),
            flying: Vec::new(),
            heard: Arc::default(),
            registration: None,
            register_at: Some(Duration::ZERO),
            begun,
            offset: begun.duration_since(epoch),
        }
    }

    /// The time since it began.
    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The process is no more: what it had under way it never hears of, and HNS closes what it had open.
    pub(super) fn kill(self) {
        self.following.abort();
        self.lane.kill();
    }

    /// Whether a task beside the loop is no more, which is the end of the process.
    pub(super) fn has_panicked(&self) -> bool {
        self.following.is_finished()
    }

    /// How many calls are under way.
    pub(super) fn under_way(&self) -> usize {
        self.flying.len()
    }

    /// Has what hangs be answered now.
    pub(super) fn release(&mut self) {
        let now = self.now();
        for call in &mut self.flying {
            call.at.get_or_insert(now);
        }
    }

    /// Takes in everything that has happened by now; true where what is wanted changed.
    pub(super) fn take_in(&mut self) -> bool {
        let now = self.now();
        let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        for notification in heard {
            self.core.notified(&notification, now);
        }
        while let Some(index) =
            self.flying.iter().position(|call| call.at.is_some_and(|at| at <= now))
        {
            let Flying { id, result, .. } = self.flying.remove(index);
            self.core.answered(id, result, now);
        }
        if self.core.must_register() {
            self.register_at = Some(now);
        }
        if self.register_at.is_some_and(|at| at <= now) {
            self.register(now);
        }
        self.core.take_update(now)
    }

    fn register(&mut self, now: Duration) {
        self.lane.begin(self.offset + now);
        if let Some(handle) = self.registration.take() {
            let handle = switchyard_hcn::CallbackHandle(handle);
            let _ = self.lane.unregister_service_callback(handle);
        }
        let heard = Arc::clone(&self.heard);
        let bell = Arc::clone(&self.bell);
        let callback = Arc::new(move |notification: &Notification| {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(notification.clone());
            bell.notify_one();
        });
        let registered = self.lane.register_service_callback(callback);
        self.register_at = registered.is_err().then(|| now + REGISTER_AGAIN);
        self.registration = registered.as_ref().ok().map(|handle| handle.0);
        self.core.registered(registered.err().map(|error| error.to_string()));
    }

    /// Makes the next call that is due, if one is.
    pub(super) fn call(&mut self, ledger: &mut LedgerFile) -> Option<Made> {
        let now = self.now();
        let (id, call) = self.core.next_call(now)?;
        let mut performer = self.idle.pop().unwrap_or_else(|| Performer::new(self.lane));
        self.lane.begin(self.offset + now);
        let result = performer.perform(&call, ledger);
        let at = match self.lane.end() {
            Ending::Died => return Some(Made::Died(call)),
            Ending::Never => None,
            Ending::At(end) => {
                self.idle.push(performer);
                Some(end.saturating_sub(self.offset))
            }
        };
        self.flying.push(Flying { id, result, at });
        Some(Made::Call(call))
    }

    /// Has it tell what is new, as its rim does; how many events there were for Services. `wall` is the time in microseconds
    /// since 1970.
    pub(super) fn tell(&mut self, wall: i64) -> usize {
        let now = self.now();
        self.core.look(now, wall);
        self.core.tell(now);
        drop(self.core.take_ports());
        drop(self.core.take_figures(now));
        self.core.take_notices().len()
    }

    /// When it is to be looked at again, if nothing happens before.
    pub(super) fn due(&self) -> Option<Instant> {
        let answers = self.flying.iter().filter_map(|call| call.at);
        let dues = answers.chain(self.core.due(self.now())).chain(self.register_at);
        let due = dues.min()?;
        Some(self.begun + due)
    }

    /// The version that each kind is known at, and how often it was listed.
    pub(super) fn versions(&self) -> BTreeMap<&'static str, u64> {
        let status = self.shared.status();
        status
            .iter()
            .map(|(kind, status)| (kind.word(), status.version.parse().unwrap_or(0)))
            .collect()
    }
}
