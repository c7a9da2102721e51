//! Runs that do not come to their end: the process is killed, the operator stops it, a question panics.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use switchyard_hcn::{Error, Hcn, hresult};
use switchyard_hcn_emulator::Emulator;
use switchyard_preflight::{
    About, Entry, Extra, Journal, ListeningPort, MemoryJournal, Options, Surroundings,
};

use crate::faults::clean;
use crate::node::{answer, assert_untouched, full, held, machine, node, run_on};

/// An HNS whose client dies: after so many calls nothing reaches it any more.
struct Dying {
    hns: Arc<Emulator>,
    left: Arc<AtomicUsize>,
}

impl Dying {
    fn is_dead(&self) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err()
    }
}

macro_rules! dying {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty, $($word:ident)*;)*) => {
        impl Hcn for Dying {
            $(fn $name(&self, $($argument: $kind),*) -> Result<$answer, Error> {
                if self.is_dead() {
                    return Err(Error::without_record(hresult::RPC_S_SERVER_UNAVAILABLE));
                }
                self.hns.$name($($argument),*)
            })*
        }
    };
}

switchyard_hcn::for_each_function!(dying);

/// The journal of a client that dies: what it writes afterwards is not kept.
struct DyingJournal {
    kept: MemoryJournal,
    left: Arc<AtomicUsize>,
}

impl Journal for DyingJournal {
    fn read(&self) -> io::Result<Vec<Entry>> {
        self.kept.read()
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        if self.left.load(Ordering::SeqCst) == 0 {
            return Err(io::Error::other("dead"));
        }
        self.kept.write(entry)
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.left.load(Ordering::SeqCst) == 0 {
            return Err(io::Error::other("dead"));
        }
        self.kept.clear()
    }
}

fn options() -> Options {
    Options { also: vec![Extra::ScratchNetwork], ..full() }
}

/// A run that dies after so many calls; whether it came to its end before.
fn die_after(calls: usize, knobs: &serde_json::Value) -> bool {
    let emulator = node(knobs);
    let left = Arc::new(AtomicUsize::new(calls));
    let hcn = Arc::new(Dying { hns: Arc::clone(&emulator), left: Arc::clone(&left) });
    let mut journal = DyingJournal { kept: MemoryJournal::default(), left: Arc::clone(&left) };
    let machine = machine(&emulator);
    let result =
        switchyard_preflight::run(hcn, &machine, &options(), About::default(), &mut journal);
    let mut journal = journal.kept;
    let is_done = left.load(Ordering::SeqCst) > 0;
    if is_done {
        assert!(result.unwrap().cleanup.is_complete());
        assert!(journal.read().unwrap().is_empty());
    }
    let swept = clean(&emulator, &options(), &mut journal);
    assert!(swept.is_complete(), "after {calls} calls: {swept:?}");
    assert_untouched(&emulator, knobs, &format!("after {calls} calls"));
    assert!(journal.read().unwrap().is_empty());
    is_done
}

/// Dies at every phase of making, reading and removing: the step has no divisor in common with the lengths of those. With ids that HNS chooses and no owner kept, only the journal and what objects look like tell.
#[test]
fn a_cleanup_removes_what_a_killed_run_left() {
    let forgetful = json!({ "honoursCallerId": false, "keepsOwner": false });
    for knobs in [json!({}), forgetful, json!({ "deleteOfReferenced": "allowed" })] {
        let died = (0..).step_by(53).take_while(|calls| !die_after(*calls, &knobs)).count();
        assert!(died > 25, "only {died} deaths");
    }
}

/// Even without the journal the ids tell, where HNS heeds them.
#[test]
fn a_cleanup_without_a_journal_knows_ids_and_owners() {
    let emulator = node(&json!({}));
    let left = Arc::new(AtomicUsize::new(400));
    let hcn = Arc::new(Dying { hns: Arc::clone(&emulator), left: Arc::clone(&left) });
    let mut journal = DyingJournal { kept: MemoryJournal::default(), left };
    let machine = machine(&emulator);
    switchyard_preflight::run(hcn, &machine, &options(), About::default(), &mut journal).unwrap();
    assert_ne!(held(&emulator), held(&node(&json!({}))), "something is left");
    let swept = clean(&emulator, &options(), &mut MemoryJournal::default());
    assert!(!swept.removed.is_empty());
    assert_untouched(&emulator, &json!({}), "");
}

/// A machine whose operator stops the run when a question is asked, or that panics.
struct Stopping {
    inner: Arc<dyn Surroundings>,
    at: &'static str,
    panics: bool,
    is_stopped: AtomicBool,
}

impl Surroundings for Stopping {
    fn now(&self) -> Duration {
        self.inner.now()
    }

    fn pause(&self, time: Duration) {
        self.inner.pause(time);
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    fn listen(&self) -> Option<ListeningPort> {
        assert!(!self.panics, "no port today");
        self.inner.listen()
    }

    fn ask_for_restart(&self) {}

    fn asking(&self, question: &str) {
        if question.contains(self.at) {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
    }
}

fn stopping(emulator: &Arc<Emulator>, at: &'static str, panics: bool) -> Arc<dyn Surroundings> {
    let inner = machine(emulator);
    Arc::new(Stopping { inner, at, panics, is_stopped: AtomicBool::new(false) })
}

#[test]
fn a_run_that_is_stopped_removes_what_it_made() {
    let emulator = node(&json!({}));
    let hcn: Arc<dyn Hcn> = Arc::clone(&emulator) as Arc<dyn Hcn>;
    let machine = stopping(&emulator, "several port mappings", false);
    let mut journal = MemoryJournal::default();
    let report =
        switchyard_preflight::run(hcn, &machine, &full(), About::default(), &mut journal).unwrap();
    assert_eq!(answer(&report, "endpoint-twice"), "made");
    assert!(answer(&report, "modify").contains("stopped"));
    assert!(report.cleanup.is_complete());
    assert_untouched(&emulator, &json!({}), "");
}

#[test]
fn a_question_that_panics_harms_no_other() {
    let emulator = node(&json!({}));
    let hcn: Arc<dyn Hcn> = Arc::clone(&emulator) as Arc<dyn Hcn>;
    let machine = stopping(&emulator, "nothing at all", true);
    let mut journal = MemoryJournal::default();
    let report =
        switchyard_preflight::run(hcn, &machine, &full(), About::default(), &mut journal).unwrap();
    assert!(answer(&report, "port-of-process").contains("bug: no port today"));
    assert_eq!(answer(&report, "modify"), "yes");
    assert!(report.cleanup.is_complete());
    assert_untouched(&emulator, &json!({}), "");
}

#[test]
fn a_journal_that_cannot_be_written_lets_nothing_be_made() {
    let emulator = node(&json!({}));
    let left = Arc::new(AtomicUsize::new(0));
    let mut journal = DyingJournal { kept: MemoryJournal::default(), left };
    assert!(run_on(&emulator, &full(), &mut journal).is_err());
    assert_eq!(emulator.calls().total_mutating(), 0);
}
