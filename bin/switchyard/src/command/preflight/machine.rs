//! The machine around HNS, as a preflight needs it: time, ports, the operator.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use switchyard_hcn::IpProtocol;
use switchyard_hcn_emulator::{Emulator, Service};
use switchyard_preflight::{ListeningPort, Surroundings};

/// The machine that this runs on.
pub(super) struct Machine {
    begin: Instant,
    is_stopped: Arc<AtomicBool>,
    /// The HNS that is restarted without an operator.
    emulator: Option<Arc<Emulator>>,
}

impl Machine {
    /// The machine, which is told by `is_stopped` that the operator has enough.
    #[expect(
        clippy::disallowed_methods,
        reason = "the rim reads the clock; the core is told the time"
    )]
    pub(super) fn new(is_stopped: Arc<AtomicBool>, emulator: Option<Arc<Emulator>>) -> Self {
        Self { begin: Instant::now(), is_stopped, emulator }
    }
}

impl Surroundings for Machine {
    fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "whoever lets time pass says for how long and why"
    )]
    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    fn listen(&self) -> Option<ListeningPort> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        let port = listener.local_addr().ok()?.port();
        Some(ListeningPort { protocol: IpProtocol::TCP, port, guard: Box::new(listener) })
    }

    fn ask_for_restart(&self) {
        match &self.emulator {
            Some(emulator) => emulator.steer(Service::restart),
            None => tell("restart HNS now: net stop hns && net start hns"),
        }
    }

    fn asking(&self, question: &str) {
        // For whoever sits before it: a run may take minutes.
        if stderr().is_terminal() {
            tell(question);
        }
    }
}

/// Tells people something. Where standard error is closed, nobody is there to be told.
fn tell(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}
