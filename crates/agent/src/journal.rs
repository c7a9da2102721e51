//! What is written to the log: what was done in a line when it is done, what failed when it begins to and when it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use switchyard_hcn::hresult;
use switchyard_winkernel::{
    Call, CallId, Kind, LoadBalancerKey, Reconciler, Standing, Target, Verb,
};
use tracing::{info, warn};

/// The least time between two looks at what fails, which costs time in a large cluster.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many objects one look names.
const MOST_NAMED: usize = 10;
/// How often work that goes on is told of.
const PROGRESS: Duration = Duration::from_secs(10);
/// How often it is said again what holds everything up, while it does: who reads the end of a log is to find it there.
const REMIND: Duration = Duration::from_secs(600);

/// What was told, so that nothing is told twice.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// The changes that are under way.
    changes: BTreeMap<CallId, (Verb, Kind)>,
    /// What was changed since it was told last.
    done: BTreeMap<(Verb, Kind), u64>,
    /// When the first of these began.
    began: Option<Duration>,
    /// Whether something happened that may have to be told.
    is_stale: bool,
    next_look: Duration,
    failing: BTreeMap<Target, Option<u32>>,
    held_by_others: BTreeSet<LoadBalancerKey>,
    /// What holds everything up.
    obstacle: Option<Obstacle>,
    ledger_trouble: Option<String>,
    has_settled: bool,
}

/// Something that holds everything up: a network that HNS lacks, calls that hang.
#[derive(Debug)]
struct Obstacle {
    reason: String,
    since: Duration,
    /// When it is said again.
    remind: Duration,
}

impl Journal {
    /// A call begins.
    pub(crate) fn begun(&mut self, id: CallId, call: &Call, now: Duration) {
        if let Call::Change(change) = call {
            self.changes.insert(id, (change.operation.verb, change.operation.kind()));
            self.began.get_or_insert(now);
        }
    }

    /// A call ended.
    pub(crate) fn ended(&mut self, id: CallId, succeeded: bool) {
        self.is_stale = true;
        if let Some(change) = self.changes.remove(&id)
            && succeeded
        {
            *self.done.entry(change).or_default() += 1;
        }
    }

    /// Something else happened that may have to be told.
    pub(crate) fn stir(&mut self) {
        self.is_stale = true;
    }

    /// Whether it has something to look at, at `now`.
    pub(crate) fn is_due(&self, settled: bool, now: Duration) -> bool {
        let is_stale =
            self.is_stale && (now >= self.next_look || (settled && !self.done.is_empty()));
        is_stale || self.obstacle.as_ref().is_some_and(|obstacle| now >= obstacle.remind)
    }

    /// When it has something to look at, if nothing happens before.
    pub(crate) fn due(&self) -> Option<Duration> {
        let remind = self.obstacle.as_ref().map(|obstacle| obstacle.remind);
        self.is_stale.then_some(self.next_look).into_iter().chain(remind).min()
    }

    /// Tells what is new. True when HNS was changed since the last time.
    pub(crate) fn look(&mut self, reconciler: &Reconciler, revision: u64, now: Duration) -> bool {
        self.is_stale = false;
        self.next_look = now + LOOK_EVERY;
        let standing = reconciler.standing();
        self.tell_obstacle(obstacle(&standing), now);
        self.tell_failures(reconciler, &standing);
        self.tell_held(reconciler.held_by_others().into_iter().collect());
        self.tell_ledger(&standing);
        let has_changed = !self.done.is_empty();
        let took = now.saturating_sub(self.began.unwrap_or(now));
        if has_changed && (standing.settled || took >= PROGRESS) {
            let (changes, seconds) = (self.summary(), took.as_secs_f64());
            if standing.settled {
                info!(revision, %changes, seconds, "HNS was changed");
            } else {
                info!(revision, %changes, seconds, "HNS is being changed");
            }
            self.began = (!standing.settled).then_some(now);
            self.done.clear();
        }
        if standing.settled && !std::mem::replace(&mut self.has_settled, true) {
            let (load_balancers, failing) = (standing.own_load_balancers, standing.delays.len());
            info!(revision, load_balancers, failing, "everything was attempted once");
        }
        self.is_stale |= !self.done.is_empty();
        has_changed
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        for ((verb, kind), count) in &self.done {
            let past = match verb {
                Verb::Create => "created",
                Verb::Modify => "modified",
                Verb::Delete => "deleted",
            };
            let what = match kind {
                Kind::Endpoint => "endpoints",
                Kind::LoadBalancer => "load balancers",
            };
            let separator = if text.is_empty() { "" } else { ", " };
            // Writing to a text cannot fail.
            let _ = write!(text, "{separator}{count} {what} {past}");
        }
        text
    }

    fn tell_obstacle(&mut self, reason: Option<String>, now: Duration) {
        let Some(reason) = reason else {
            if self.obstacle.take().is_some() {
                info!("HNS can be worked on again");
            }
            return;
        };
        let remind = now + REMIND;
        match &mut self.obstacle {
            Some(known) if known.reason == reason => {
                if now >= known.remind {
                    let seconds = now.saturating_sub(known.since).as_secs();
                    warn!(%reason, seconds, "still nothing can be done in HNS");
                    known.remind = remind;
                }
            }
            _ => {
                warn!(%reason, "nothing can be done in HNS");
                self.obstacle = Some(Obstacle { reason, since: now, remind });
            }
        }
    }

    fn tell_ledger(&mut self, standing: &Standing) {
        if self.ledger_trouble == standing.ledger_trouble {
            return;
        }
        match &standing.ledger_trouble {
            Some(error) => {
                warn!(%error, "the ledger cannot be written: after a crash, objects may pass for another's")
            }
            None => info!("the ledger is written again"),
        }
        self.ledger_trouble.clone_from(&standing.ledger_trouble);
    }

    fn tell_held(&mut self, held: BTreeSet<LoadBalancerKey>) {
        let new: Vec<_> = held.difference(&self.held_by_others).collect();
        for frontend in new.iter().take(MOST_NAMED) {
            warn!(%frontend, "a load balancer of another owner holds a frontend that is wanted; --takeover=kube-proxy replaces one of kube-proxy's");
        }
        tell_more(new.len(), "more frontends are held; `switchyard status` lists them");
        self.held_by_others = held;
    }

    fn tell_failures(&mut self, reconciler: &Reconciler, standing: &Standing) {
        let is_new = |target: &Target, code: Option<u32>| self.failing.get(target) != Some(&code);
        let new = standing.delays.iter().filter(|(target, delay)| is_new(target, delay.hresult));
        let new: Vec<_> = new.collect();
        for (target, delay) in new.iter().take(MOST_NAMED) {
            let condition = reconciler.condition(**target, delay);
            let code = delay.hresult.map(|code| format!("0x{code:08X}"));
            let name = delay.hresult.and_then(hresult::name).unwrap_or("none");
            let code = code.as_deref().unwrap_or("none");
            let advice = delay.hresult.map_or("", hresult::advice);
            warn!(object = %target, condition, hresult = code, name, error = %delay.message, advice, "HNS did not take a change; it is tried again");
        }
        tell_more(new.len(), "more objects failed; `switchyard status` lists them");
        let over: Vec<Target> = self
            .failing
            .keys()
            .filter(|target| !standing.delays.contains_key(target))
            .copied()
            .collect();
        for target in over.iter().take(MOST_NAMED) {
            info!(object = %target, "no longer fails");
        }
        tell_more(over.len(), "more objects no longer fail");
        let failing = standing.delays.iter().map(|(target, delay)| (*target, delay.hresult));
        self.failing = failing.collect();
    }
}

fn tell_more(count: usize, what: &str) {
    if count > MOST_NAMED {
        info!(count = count - MOST_NAMED, "{what}");
    }
}

/// Why nothing can be done.
fn obstacle(standing: &Standing) -> Option<String> {
    if !standing.alive {
        let count = standing.stuck_calls;
        return Some(format!("{count} calls of HNS hang: nothing more is written"));
    }
    let trouble = standing.network_trouble.as_ref().map(ToString::to_string);
    standing.missing_network.clone().or(trouble)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_everything_up_is_said_again_but_seldom() {
        let mut journal = Journal::default();
        let missing = || Some("there is no network".to_owned());
        let second = Duration::from_secs(1);
        assert!(!journal.is_due(true, REMIND) && journal.due().is_none());
        journal.tell_obstacle(missing(), second);
        assert_eq!(journal.due(), Some(second + REMIND));
        // Looks in between change nothing, whatever they are for.
        journal.tell_obstacle(missing(), REMIND / 2);
        assert_eq!(journal.due(), Some(second + REMIND));
        assert!(!journal.is_due(false, REMIND) && journal.is_due(false, second + REMIND));
        journal.tell_obstacle(missing(), second + REMIND);
        assert_eq!(journal.due(), Some(second + REMIND * 2));
        // Another reason is news, and so is the end.
        journal.tell_obstacle(Some("there are two".to_owned()), REMIND * 2);
        assert_eq!(journal.due(), Some(REMIND * 3));
        journal.tell_obstacle(None, REMIND * 2);
        assert!(!journal.is_due(true, REMIND * 9) && journal.due().is_none());
    }
}
