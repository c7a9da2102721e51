//! The life of a proxy's process: who tells it to stop, and whom it tells that it has begun.
//!
//! Those who tell it know nothing of each other: signals on Unix, console events and the Service Control Manager on Windows. A
//! word that comes before the proxy listens is kept for it.

#[cfg(unix)]
#[path = "unix.rs"]
mod signals;
#[cfg(windows)]
#[path = "windows.rs"]
mod signals;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use self::signals::follow_signals;

type Stop = Arc<dyn Fn() + Send + Sync>;
type Started = Box<dyn FnOnce() + Send>;

/// What is known of the life of this process.
#[derive(Default)]
struct Life {
    is_to_stop: bool,
    stop: Option<Stop>,
    when_started: Option<Started>,
}

static LIFE: Mutex<Life> = Mutex::new(Life { is_to_stop: false, stop: None, when_started: None });

fn life(life: &Mutex<Life>) -> MutexGuard<'_, Life> {
    life.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the proxy to stop.
pub(crate) fn request_stop() {
    request_stop_of(&LIFE);
}

fn request_stop_of(all: &Mutex<Life>) {
    let mut known = life(all);
    known.is_to_stop = true;
    let stop = known.stop.clone();
    // It may wait for the proxy, which may be about to say something here.
    drop(known);
    if let Some(stop) = stop {
        stop();
    }
}

/// Has `stop` called when the proxy is to stop; at once, if it is already.
pub(crate) fn on_stop(stop: impl Fn() + Send + Sync + 'static) {
    on_stop_of(&LIFE, Arc::new(stop));
}

fn on_stop_of(all: &Mutex<Life>, stop: Stop) {
    let mut known = life(all);
    known.stop = Some(Arc::clone(&stop));
    let is_to_stop = known.is_to_stop;
    drop(known);
    if is_to_stop {
        stop();
    }
}

/// Has `then` called when the proxy has begun its work.
#[cfg_attr(not(windows), expect(dead_code, reason = "only services of Windows tell it further"))]
pub(crate) fn when_started(then: impl FnOnce() + Send + 'static) {
    life(&LIFE).when_started = Some(Box::new(then));
}

/// Says that the proxy has begun its work.
pub(crate) fn started() {
    let then = life(&LIFE).when_started.take();
    if let Some(then) = then {
        then();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_word_that_comes_early_is_kept() {
        let (all, count) = (Mutex::default(), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&count);
        let stop: Stop = Arc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        request_stop_of(&all);
        assert_eq!(count.load(Ordering::Relaxed), 0);
        on_stop_of(&all, stop);
        assert_eq!(count.load(Ordering::Relaxed), 1);
        request_stop_of(&all);
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_word_that_comes_late_is_passed_on() {
        let (all, count) = (Mutex::default(), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&count);
        on_stop_of(
            &all,
            Arc::new(move || {
                counted.fetch_add(1, Ordering::Relaxed);
            }),
        );
        assert_eq!(count.load(Ordering::Relaxed), 0);
        request_stop_of(&all);
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}
