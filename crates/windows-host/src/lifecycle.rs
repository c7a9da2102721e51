//! What a service tells the Service Control Manager, and when: a machine without threads or clocks, which is told what happened and
//! how many seconds went by.
//!
//! A service that does not move on is taken for hung. So it says every second that it still starts, or still stops; but not for
//! ever: one that does hang has to be found out, and its recovery actions have to get their turn.

/// How long a start may take, in seconds.
const LONGEST_START: u32 = 300;
/// How long a stop may take once the work runs: calls that are under way have ten seconds.
const LONGEST_STOP: u32 = 30;
/// How long a stop may take before the work runs: there is nothing yet that would have to end well.
const LONGEST_EARLY_STOP: u32 = 3;
/// What the service answers that did not start in time: `ERROR_SERVICE_START_HANG` of winerror.h.
pub const START_HANGS: u32 = 1070;

/// Something that happened to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// Its work has begun.
    Started,
    /// It is to stop, or the machine is about to.
    StopRequested,
    /// Its work ended, with this exit code.
    Ended(u32),
    /// A second went by.
    Second,
}

/// What the Service Control Manager is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// It starts; the number grows as long as it gets on.
    StartPending(u32),
    /// It runs.
    Running,
    /// It stops; the number grows as long as it gets on.
    StopPending(u32),
    /// It is over. Nothing may be told after that.
    Stopped(u32),
}

/// A service from its start to its end.
#[derive(Debug)]
pub struct Lifecycle {
    last: Report,
    /// When a stop is given up, in its seconds.
    longest_stop: u32,
}

impl Lifecycle {
    /// A service that was just begun.
    #[must_use]
    pub fn begin() -> Self {
        Self { last: Report::StartPending(0), longest_stop: 0 }
    }

    /// What was told last, or is to be told first.
    #[must_use]
    pub fn report(&self) -> Report {
        self.last
    }

    /// Whether the work is to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        matches!(self.last, Report::StopPending(_))
    }

    /// What is to be told after something happened; `None` where that is nothing new.
    pub fn after(&mut self, happening: Happening) -> Option<Report> {
        let next = match (self.last, happening) {
            (Report::Stopped(_), _) => return None,
            (_, Happening::Ended(code)) => Report::Stopped(code),
            (Report::StartPending(_), Happening::Started) => Report::Running,
            (Report::StartPending(seconds), Happening::Second) if seconds >= LONGEST_START => {
                Report::Stopped(START_HANGS)
            }
            (Report::StartPending(seconds), Happening::Second) => Report::StartPending(seconds + 1),
            (Report::StartPending(_), Happening::StopRequested) => {
                self.longest_stop = LONGEST_EARLY_STOP;
                Report::StopPending(0)
            }
            (Report::Running, Happening::StopRequested) => {
                self.longest_stop = LONGEST_STOP;
                Report::StopPending(0)
            }
            // What was done stays done: there is nothing left that only more patience would save.
            (Report::StopPending(seconds), Happening::Second) if seconds >= self.longest_stop => {
                Report::Stopped(0)
            }
            (Report::StopPending(seconds), Happening::Second) => Report::StopPending(seconds + 1),
            (Report::Running, Happening::Started | Happening::Second)
            | (Report::StopPending(_), Happening::Started | Happening::StopRequested) => {
                return None;
            }
        };
        self.last = next;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Happening::{Ended, Second, Started, StopRequested};
    use Report::{Running, StartPending, StopPending, Stopped};

    fn after(happenings: &[Happening]) -> Report {
        let mut lifecycle = Lifecycle::begin();
        for happening in happenings {
            lifecycle.after(*happening);
        }
        lifecycle.report()
    }

    #[test]
    fn a_service_tells_each_step_once() {
        let mut lifecycle = Lifecycle::begin();
        let steps = [
            (Second, Some(StartPending(1))),
            (Started, Some(Running)),
            (Second, None),
            (StopRequested, Some(StopPending(0))),
            (StopRequested, None),
            (Second, Some(StopPending(1))),
            (Ended(0), Some(Stopped(0))),
            (Second, None),
            (Ended(1), None),
        ];
        for (happening, report) in steps {
            assert_eq!(lifecycle.after(happening), report, "{happening:?}");
        }
    }

    #[test]
    fn a_fault_is_told_with_its_code_wherever_it_comes() {
        assert_eq!(after(&[Ended(1)]), Stopped(1));
        assert_eq!(after(&[Started, Ended(4)]), Stopped(4));
        assert_eq!(after(&[Started, StopRequested, Ended(1)]), Stopped(1));
    }

    #[test]
    fn a_start_that_hangs_is_found_out() {
        let patient = vec![Second; LONGEST_START as usize];
        assert_eq!(after(&patient), StartPending(LONGEST_START));
        assert_eq!(after(&[&patient[..], &[Second]].concat()), Stopped(START_HANGS));
        assert_eq!(after(&[&patient[..], &[Started, Second]].concat()), Running);
    }

    #[test]
    fn a_stop_that_hangs_ends_nevertheless() {
        let seconds = |count: u32| vec![Second; count as usize];
        let running = |count| [&[Started, StopRequested][..], &seconds(count)].concat();
        assert_eq!(after(&running(LONGEST_STOP)), StopPending(LONGEST_STOP));
        assert_eq!(after(&running(LONGEST_STOP + 1)), Stopped(0));
        let early = [&[StopRequested, Started][..], &seconds(LONGEST_EARLY_STOP + 1)].concat();
        assert_eq!(after(&early), Stopped(0));
    }
}
