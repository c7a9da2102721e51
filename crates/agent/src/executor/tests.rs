use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use switchyard_hcn_emulator::{Emulator, Fault, Setup, Trouble};
use switchyard_winkernel::{Ledger, MemoryLedger, Reconciler, ReconcilerSettings};

use super::*;
use crate::event::mailbox;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn calls_that_hang_hold_up_no_others_and_answer_late() {
    let hang = Fault { times: Some(4), ..Fault::at("*", Trouble::Hang { after: false }).unwrap() };
    let emulator = Arc::new(Emulator::blocking(Setup { faults: vec![hang], ..Setup::default() }));
    let (mailbox, inbox) = mailbox();
    let hcn: Arc<dyn Hcn> = Arc::clone(&emulator) as Arc<dyn Hcn>;
    let mut executor = Executor::new(hcn, SharedLedger::new(MemoryLedger::default()), 1, mailbox);
    let mut reconciler = Reconciler::new(ReconcilerSettings::default(), Ledger::default());
    // The reconciler's time is the test's: every two minutes it gives a call up, four times.
    let mut now = Duration::ZERO;
    let mut begun = 0;
    for _ in 0..10 {
        while let Some((id, call)) = reconciler.next(now) {
            executor.begin(id, call).unwrap();
            begun += 1;
        }
        now += Duration::from_secs(121);
    }
    assert_eq!((begun, executor.under_way()), (4, 4), "no more than four are given up");
    assert!(!reconciler.standing().alive);
    let pending = inbox.0.recv_timeout(Duration::ZERO);
    assert!(matches!(pending, Err(RecvTimeoutError::Timeout)), "all four hang");
    // Hung calls end when HNS does. All are answered, and one thread is kept for what comes.
    while emulator.calls().total() < 4 {
        thread::yield_now();
    }
    emulator.steer(|service| service.restart());
    for _ in 0..4 {
        let Ok(Event::Answered(id, result)) = inbox.0.recv_timeout(PATIENCE) else {
            panic!("a late answer is missing");
        };
        assert!(result.is_err());
        executor.ended(id);
        reconciler.call_done(id, result, now);
    }
    assert_eq!((executor.under_way(), executor.idle.len()), (0, 1));
    assert!(reconciler.standing().alive);
    let (id, call) = reconciler.next(now).unwrap();
    executor.begin(id, call).unwrap();
    let answer = inbox.0.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(answer, Event::Answered(own, Ok(_)) if own == id));
}

/// A ledger that breaks whoever writes to it.
struct Breaking;

impl LedgerStore for Breaking {
    fn append(&mut self, _lines: &str) -> io::Result<()> {
        panic!("this ledger breaks");
    }

    fn remove(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_thread_that_panics_is_told() {
    let hcn: Arc<dyn Hcn> = Arc::new(Emulator::blocking(Setup::default()));
    let (mailbox, inbox) = mailbox();
    let mut executor = Executor::new(hcn, SharedLedger::new(Breaking), 1, mailbox);
    let mut reconciler = Reconciler::new(ReconcilerSettings::default(), Ledger::default());
    let (id, _) = reconciler.next(Duration::ZERO).unwrap();
    executor.begin(id, Call::WriteLedger { lines: "line".to_owned() }).unwrap();
    assert!(matches!(inbox.0.recv_timeout(PATIENCE), Ok(Event::Died("hns-call"))));
}
