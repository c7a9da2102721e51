//! The HNS that processes share, as one of them sees it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use switchyard_hcn::{Error, ErrorRecord, NotificationCallback, hresult};
use switchyard_hcn_emulator::{
    Answer, Begun, ByRequest, Request, Service, by_request, hcn_by_request,
};

use crate::copy::Copy;
use crate::journal::{Journal, JournalError, Position, Turn};
use crate::place::Place;
use crate::time::pause;
use crate::watch::Watch;

/// How often a call that takes its time looks whether HNS has stopped under it.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// An emulated HNS that all processes share which have the same [`Place`].
///
/// Handles are a process's own; those of others are none. Callbacks come on a thread of their own.
pub struct SharedHns {
    mine: Mutex<Mine>,
    watch: Arc<Watch>,
    me: Weak<Self>,
}

/// What belongs to this process.
struct Mine {
    place: Place,
    journal: Option<Journal>,
    copy: Option<Copy>,
    /// Up to where callbacks were told what happened.
    told: Position,
    /// The handles that it was given.
    handles: BTreeSet<usize>,
    log: Option<File>,
}

impl SharedHns {
    /// The HNS at `place`. Nothing is read before the first call.
    #[must_use]
    pub fn new(place: Place) -> Arc<Self> {
        let handles = BTreeSet::new();
        let told = Position::default();
        let mine = Mine { place, journal: None, copy: None, told, handles, log: None };
        Arc::new_cyclic(|me| Self { mine: Mutex::new(mine), watch: Arc::default(), me: me.clone() })
    }

    /// Reads what other processes have done. What they have told callbacks of this one is on its way then.
    pub(crate) fn look(&self) -> Result<(), JournalError> {
        let mut mine = self.lock();
        if mine.journal.as_ref().is_some_and(|journal| !journal.has_grown()) {
            return Ok(());
        }
        let looked = mine.turn(|_, _, _| Ok(()));
        self.hand_on(&mut mine);
        looked
    }

    /// A call that panicked has written itself down and left the copy as it was: it is read anew.
    fn lock(&self) -> MutexGuard<'_, Mine> {
        self.mine.lock().unwrap_or_else(|poisoned| {
            let mut mine = PoisonError::into_inner(poisoned);
            (mine.journal, mine.copy) = (None, None);
            self.mine.clear_poison();
            mine
        })
    }

    fn hand_on(&self, mine: &mut Mine) {
        let Mine { journal: Some(journal), copy: Some(copy), told, .. } = mine else { return };
        self.watch.add(copy.notices.drain(..));
        *told = journal.position().unwrap_or(*told);
    }

    /// Makes a call; `then` sees the answer before anybody else calls.
    fn call(
        &self,
        request: &Request<'_>,
        then: impl FnOnce(&Result<Answer, Error>),
    ) -> Result<Answer, Error> {
        let mut mine = self.lock();
        let called = mine.call(request);
        if let Ok((begun, _)) = &called {
            then(&begun.result);
        }
        self.hand_on(&mut mine);
        drop(mine);
        let (begun, stops) = called.map_err(|error| trouble(&error))?;
        self.finish(begun, stops)
    }

    /// Waits for the end of a call, or for HNS to stop under it.
    fn finish(&self, begun: Begun, stops: u64) -> Result<Answer, Error> {
        loop {
            let (now, stopped) = {
                let mine = self.lock();
                let Some(copy) = &mine.copy else { return begun.result };
                (copy.time().saturating_add(copy.ahead), copy.service.stops() != stops)
            };
            let left = begun.finishes_at.map(|end| end.saturating_sub(now));
            if left == Some(Duration::ZERO) {
                return begun.result;
            }
            if stopped {
                return Err(ErrorRecord::of(hresult::HCN_E_MANAGER_STOPPED, "").into_error());
            }
            pause(left.unwrap_or(LOOK_EVERY).min(LOOK_EVERY));
            self.look().map_err(|error| trouble(&error))?;
        }
    }
}

impl fmt::Debug for SharedHns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedHns").finish_non_exhaustive()
    }
}

impl Mine {
    /// Brings the copy up to date and does `act`, which gets the log of calls as well, while no other process does anything.
    fn turn<T>(
        &mut self,
        act: impl FnOnce(&mut Copy, &mut Turn<'_>, Option<&File>) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let Self { place, journal, copy, told, log, .. } = self;
        let journal = match journal {
            Some(journal) => journal,
            None => journal.insert(Journal::open(&place.directory)?),
        };
        let mut turn = journal.turn()?;
        turn.read_on(copy, *told, || Ok(Copy::new(Service::new(place.begin()?))))?;
        // It was read on, so there is one.
        let Some(copy) = copy else { unreachable!("a copy that was read on") };
        act(copy, &mut turn, log.as_ref())
    }

    /// Opens the log of calls, should one be named.
    fn open_log(&mut self) -> Result<(), JournalError> {
        if let (None, Some(path)) = (&self.log, &self.place.call_log) {
            let opened = OpenOptions::new().create(true).append(true).open(path);
            let failed = |source| JournalError::File { path: path.clone(), source };
            self.log = Some(opened.map_err(failed)?);
        }
        Ok(())
    }

    /// Begins a call, and says how often HNS had stopped then.
    fn call(&mut self, request: &Request<'_>) -> Result<(Begun, u64), JournalError> {
        let request = self.with_own_handles(*request);
        self.open_log()?;
        let (begun, stops) = self.turn(|copy, turn, log| {
            let at = copy.time();
            turn.write(at, &request)?;
            let before = copy.service.calls().total();
            let begun = copy.answer(at, &request);
            let row = copy.service.calls().newest().filter(|(seq, _)| *seq > before);
            if let (Some(mut log), Some((seq, call))) = (log, row) {
                // HNS does not end because nobody can follow it.
                let _ = log.write_all(format!("{}\n", call.row(seq)).as_bytes());
            }
            // One that stays long is only slow to start with.
            let _ = turn.shorten(copy);
            Ok((begun, copy.service.stops()))
        })?;
        match (&begun.result, &request) {
            (Ok(Answer::Handle(handle)), _) => drop(self.handles.insert(*handle)),
            (Ok(_), Request::Close { handle, .. } | Request::Unregister { handle }) => {
                self.handles.remove(handle);
            }
            _ => {}
        }
        Ok((begun, stops))
    }

    /// The request, without handles that were given to others.
    fn with_own_handles<'a>(&self, request: Request<'a>) -> Request<'a> {
        let own = |handle: usize| if self.handles.contains(&handle) { handle } else { 0 };
        match request {
            Request::Create { kind, network, id, settings } => {
                Request::Create { kind, network: network.map(own), id, settings }
            }
            Request::Modify { kind, handle, settings } => {
                Request::Modify { kind, handle: own(handle), settings }
            }
            Request::Query { kind, handle, query } => {
                Request::Query { kind, handle: own(handle), query }
            }
            Request::Close { kind, handle } => Request::Close { kind, handle: own(handle) },
            Request::Unregister { handle } => Request::Unregister { handle: own(handle) },
            other => other,
        }
    }
}

/// What clients are told when the journal cannot be used.
fn trouble(error: &JournalError) -> Error {
    ErrorRecord::of(hresult::RPC_S_CALL_FAILED, &format!("The shared HNS: {error}")).into_error()
}

impl ByRequest for SharedHns {
    fn request(&self, request: &Request<'_>) -> Result<Answer, Error> {
        self.call(request, |_| {})
    }

    fn register(&self, callback: NotificationCallback) -> Result<usize, Error> {
        let mut inserted = None;
        let answer = self.call(&Request::Register, |answer| {
            if let Ok(Answer::Handle(handle)) = answer {
                self.watch.insert(*handle, callback);
                inserted = Some(*handle);
            }
        });
        let started = answer.and_then(by_request::handle).and_then(|handle| {
            let watching = Watch::start(&self.watch, self.me.clone());
            watching.map_err(|source| {
                let detail = format!("No thread for notifications: {source}");
                ErrorRecord::of(hresult::E_OUTOFMEMORY, &detail).into_error()
            })?;
            Ok(handle)
        });
        if let (Err(_), Some(handle)) = (&started, inserted) {
            // Whoever is told that it failed does not expect to be called.
            self.watch.remove(handle);
        }
        started
    }

    fn unregister(&self, handle: usize) -> Result<(), Error> {
        self.watch.remove(handle);
        self.call(&Request::Unregister { handle }, |_| {}).map(drop)
    }
}

hcn_by_request!(SharedHns);
