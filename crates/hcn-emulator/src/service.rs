//! HNS as a machine without I/O: a call and the time go in; when it has its effect, when it ends, and how, come out.

mod door;
mod lifetime;
mod listing;
mod older;
mod perform;
mod properties;
mod saved;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use switchyard_hcn::{
    Error, Guid, Notification, NotificationData, NotificationType, Query, hresult,
};

use crate::fault::{FaultScript, Trouble};
use crate::index::Index;
use crate::latency::Concurrency;
use crate::request::{Answer, ObjectKind, Request};
use crate::settings::refused;
use crate::{Build, Call, Calls, Knobs, Latency, Setup, State};
use lifetime::Running;
pub use lifetime::SavedData;
use older::ManagementMacs;
pub use saved::RestoreError;

/// An emulated HNS. It holds, lists and answers by JSON, refuses what HNS refuses with the codes that HNS has for it, takes
/// its time, fails by script, and counts what it is asked.
///
/// Effects come in the order in which calls begin, at the moment they begin. Nobody who asks by calls can tell that from an
/// effect at [`Begun::effect_at`]: with one call at a time each begins after the effect of the one before, and calls that
/// run at once have no order that could be wrong.
#[derive(Debug, Clone)]
pub struct Service {
    pub(crate) state: State,
    pub(crate) index: Index,
    pub(crate) knobs: Knobs,
    latency: Latency,
    faults: FaultScript,
    calls: Calls,
    handles: BTreeMap<usize, (ObjectKind, Guid)>,
    callbacks: BTreeSet<usize>,
    notices: Vec<Notice>,
    running: Running,
    /// Whether the data that it would start with is another build's.
    is_mismatched: bool,
    /// How much time somebody at the door wants to pass.
    asked_time: Duration,
    /// How often HNS has stopped.
    stops: u64,
    /// When the last of the calls that wait for each other ends.
    busy_until: Duration,
    last_handle: usize,
    last_id: u64,
    pub(crate) last_compartment: u32,
    listings: usize,
    management_macs: ManagementMacs,
    /// The last query, which clients repeat for every object of a list.
    query: (String, Arc<Query>),
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// When it has its effect.
    pub effect_at: Duration,
    /// When it returns; none is when HNS stops, and until then never.
    pub finishes_at: Option<Duration>,
    /// What it returns.
    pub result: Result<Answer, Error>,
}

/// A notification for those who registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// For whom: the handles of the callbacks.
    pub recipients: Vec<usize>,
    /// What.
    pub notification: Notification,
}

impl Service {
    /// An HNS that begins with `setup`.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let Setup { state, knobs, latency, faults } = setup;
        Self {
            index: Index::of(&state),
            state,
            knobs,
            latency,
            faults: FaultScript { faults },
            calls: Calls::default(),
            handles: BTreeMap::new(),
            callbacks: BTreeSet::new(),
            notices: Vec::new(),
            running: Running::Up,
            is_mismatched: false,
            asked_time: Duration::ZERO,
            stops: 0,
            busy_until: Duration::ZERO,
            last_handle: 0,
            last_id: 0,
            last_compartment: 1,
            listings: 0,
            management_macs: ManagementMacs::default(),
            query: (String::new(), Arc::default()),
        }
    }

    /// What it holds now.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Puts `state` in the place of what it holds, as something that no client sees does.
    pub fn set_state(&mut self, state: State) {
        self.index = Index::of(&state);
        self.state = state;
    }

    /// What it has been asked so far.
    #[must_use]
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// What it has been asked since this was last called.
    pub fn take_calls(&mut self) -> Calls {
        std::mem::take(&mut self.calls)
    }

    /// Puts a script of faults in the place of the last one.
    pub fn set_faults(&mut self, faults: FaultScript) {
        self.faults = faults;
    }

    /// The script of faults, as far as it is not used up: who compares it with what was put in knows which were met.
    #[must_use]
    pub const fn faults(&self) -> &FaultScript {
        &self.faults
    }

    /// From now on it takes so long.
    pub const fn set_latency(&mut self, latency: Latency) {
        self.latency = latency;
    }

    /// How many handles are open.
    #[must_use]
    pub fn open_handles(&self) -> usize {
        self.handles.len()
    }

    /// How often it has stopped. A call that is still out when it stops fails with `HCN_E_MANAGER_STOPPED`.
    #[must_use]
    pub const fn stops(&self) -> u64 {
        self.stops
    }

    /// How much time clients asked to pass (`POST /emulator/advance`) since this was last called. Whoever keeps a time that
    /// is not real has it pass.
    pub fn take_asked_time(&mut self) -> Duration {
        std::mem::take(&mut self.asked_time)
    }

    /// The notifications that have not been delivered yet.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// What the build of its version does.
    pub(crate) fn build(&self) -> Build {
        Build::of(self.state.version)
    }

    /// Begins a call at `now`. Time must not go backwards.
    pub fn begin(&mut self, request: &Request<'_>, now: Duration) -> Begun {
        if let Request::HnsCall { method, path, object } = request
            && let Some(answer) = self.through_door(method, path, object, now)
        {
            return Begun { effect_at: now, finishes_at: Some(now), result: Ok(answer) };
        }
        let start = match self.latency.concurrency {
            Concurrency::Serial => now.max(self.busy_until),
            Concurrency::Parallel => now,
        };
        let id = self.object_of(request);
        if let Some(code) = self.out_of_reach(start) {
            let result = self.note(request, id, Err(refused(code)));
            return Begun { effect_at: now, finishes_at: Some(now), result };
        }
        let trouble = self.faults.meet(request, id);
        let objects = self.state.endpoints().len() + self.state.load_balancers().len();
        let takes = self.latency.of(request, objects);
        let Some(takes) = takes else {
            let result = self.note(request, id, Err(refused(hresult::HCN_E_MANAGER_STOPPED)));
            return Begun { effect_at: start, finishes_at: None, result };
        };
        let effect_at = start.saturating_add(takes);
        let finishes_at = effect_at.saturating_add(trouble.map_or(Duration::ZERO, Trouble::delay));
        let result = self.perform(request, id, trouble, effect_at);
        if matches!(trouble, Some(Trouble::Hang { .. })) {
            return Begun { effect_at, finishes_at: None, result };
        }
        if self.latency.concurrency == Concurrency::Serial {
            self.busy_until = finishes_at;
        }
        Begun { effect_at, finishes_at: Some(finishes_at), result }
    }

    /// The object that a call is about, where it says so.
    fn object_of(&self, request: &Request<'_>) -> Option<Guid> {
        match request {
            Request::Open { id, .. } | Request::Delete { id, .. } => Some(*id),
            Request::Create { id, .. } => (!id.is_nil()).then_some(*id),
            Request::Modify { kind, handle, .. }
            | Request::Query { kind, handle, .. }
            | Request::Close { kind, handle } => self.behind(*kind, *handle).ok(),
            Request::HnsCall { .. } => request.older()?.id(),
            _ => None,
        }
    }

    fn note(
        &mut self,
        request: &Request<'_>,
        id: Option<Guid>,
        result: Result<Answer, Error>,
    ) -> Result<Answer, Error> {
        let hresult = result.as_ref().err().map_or(hresult::S_OK, |error| error.hresult);
        let (verb, kind) = (request.verb(), request.kind());
        self.calls.note(Call { verb, kind, id, hresult, is_mutating: request.is_mutating() });
        result
    }

    fn open_handle(&mut self, kind: ObjectKind, id: Guid) -> usize {
        self.last_handle += 1;
        self.handles.insert(self.last_handle, (kind, id));
        self.last_handle
    }

    /// The object that a handle was opened for, whether it still exists or not.
    fn behind(&self, kind: ObjectKind, handle: usize) -> Result<Guid, Error> {
        match self.handles.get(&handle) {
            Some((opened, id)) if *opened == kind => Ok(*id),
            _ => Err(refused(hresult::E_HANDLE)),
        }
    }

    pub(crate) fn must_exist(&self, kind: ObjectKind, id: Guid) -> Result<(), Error> {
        let (exists, code) = match kind {
            // microsoft/hnslib has predicates for exactly these two codes.
            ObjectKind::Network => {
                (self.state.network(id).is_some(), hresult::HCN_E_NETWORK_NOT_FOUND)
            }
            ObjectKind::Endpoint => {
                (self.state.endpoint(id).is_some(), hresult::HCN_E_ENDPOINT_NOT_FOUND)
            }
            // microsoft/hcsshim's tests of namespaces.
            ObjectKind::Namespace => (self.state.namespace(id).is_some(), hresult::ERROR_NOT_FOUND),
            ObjectKind::LoadBalancer => {
                (self.state.load_balancer(id).is_some(), self.knobs.missing_load_balancer.code())
            }
            ObjectKind::Service => (true, hresult::S_OK),
        };
        if exists { Ok(()) } else { Err(refused(code)) }
    }

    /// The id for a new object: the one asked for, else that of the settings, else the next of a fixed series.
    pub(crate) fn new_id(&mut self, asked: Guid, settings: Option<Guid>) -> Guid {
        if self.knobs.honours_caller_id {
            if !asked.is_nil() {
                return asked;
            }
            if let Some(id) = settings {
                return id;
            }
        }
        self.next_id()
    }

    /// An id that nothing has.
    pub(crate) fn next_id(&mut self) -> Guid {
        loop {
            self.last_id += 1;
            let name = format!("switchyard/emulated-hns/{}", self.last_id);
            let id =
                Guid::from_uuid(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()));
            if ObjectKind::HELD.iter().all(|kind| self.must_exist(*kind, id).is_err()) {
                return id;
            }
        }
    }

    /// Tells those who registered.
    pub(crate) fn notify(&mut self, notification_type: NotificationType, about: Option<Guid>) {
        let recipients: Vec<usize> = self.callbacks.iter().copied().collect();
        if recipients.is_empty() {
            return;
        }
        let about =
            about.map(|id| NotificationData { id: Some(id), ..NotificationData::default() });
        let data = about.map(|data| listing::text(&data)).unwrap_or_default();
        let notification = Notification { notification_type, status: hresult::S_OK, data };
        self.notices.push(Notice { recipients, notification });
    }
}
