//! The time that the processes of a machine share.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The time of day, as all processes read it, since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "processes share no other clock; the journal keeps it from going back"
)]
pub(crate) fn time_of_day() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// A moment of this process, to tell how much time has passed whatever is done to the time of day.
#[expect(clippy::disallowed_methods, reason = "the time of day may go back, and this may not")]
pub(crate) fn moment() -> Instant {
    Instant::now()
}

/// Waits, as a call that takes its time does.
#[expect(clippy::disallowed_methods, reason = "a call takes as long as the emulator says")]
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}
