//! Which health-check ports are to be opened and closed, and when one that cannot be had is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ports::{PortAnswer, PortKey, Wanted};

/// How long a port that cannot be had is left, at first and at most.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LONGEST: Duration = Duration::from_secs(60);

/// What is to be done about a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Listen on it, and tell by [`Listeners::opened`] or [`Listeners::failed`] what came of it.
    Open(PortKey),
    /// Listen no more, and end what is connected.
    Close(PortKey),
}

/// Why a port does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortTrouble {
    /// What the system said.
    pub message: String,
    /// How often it failed in a row.
    pub failures: u32,
    /// When it is tried again.
    pub due: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Closed,
    Opening,
    Open,
    Failed(PortTrouble),
}

/// The health-check ports of Services: those that are wanted, and how each stands.
#[derive(Debug, Clone, Default)]
pub struct Listeners {
    wanted: BTreeMap<PortKey, PortAnswer>,
    standing: BTreeMap<PortKey, Standing>,
}

impl Listeners {
    /// From now on these are wanted.
    pub fn want(&mut self, wanted: &Wanted) {
        self.wanted.clone_from(&wanted.ports);
        for port in self.wanted.keys() {
            self.standing.entry(*port).or_insert(Standing::Closed);
        }
    }

    /// What is to be done at `now`. Ports are closed before others are opened.
    pub fn next(&mut self, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        let wanted = &self.wanted;
        self.standing.retain(|port, standing| {
            let stays = wanted.contains_key(port);
            if !stays && matches!(standing, Standing::Open | Standing::Opening) {
                actions.push(Action::Close(*port));
            }
            stays
        });
        for (port, standing) in &mut self.standing {
            let is_due = match standing {
                Standing::Closed => true,
                Standing::Failed(trouble) => trouble.due <= now,
                Standing::Opening | Standing::Open => false,
            };
            if is_due {
                if matches!(standing, Standing::Closed) {
                    *standing = Standing::Opening;
                }
                actions.push(Action::Open(*port));
            }
        }
        actions
    }

    /// The port is listened on.
    pub fn opened(&mut self, port: PortKey) {
        if let Some(standing) = self.standing.get_mut(&port) {
            *standing = Standing::Open;
        }
    }

    /// The port could not be had. Returns the answer that nobody gets, where this is news.
    pub fn failed(&mut self, port: PortKey, message: &str, now: Duration) -> Option<&PortAnswer> {
        let standing = self.standing.get_mut(&port)?;
        let failures = match standing {
            Standing::Failed(trouble) => trouble.failures.saturating_add(1),
            Standing::Closed | Standing::Opening | Standing::Open => 1,
        };
        let due = now.saturating_add(pause(port, failures));
        *standing = Standing::Failed(PortTrouble { message: message.to_owned(), failures, due });
        self.wanted.get(&port).filter(|_| failures == 1)
    }

    /// What is answered at `port`.
    #[must_use]
    pub fn answer(&self, port: PortKey) -> Option<&PortAnswer> {
        self.wanted.get(&port)
    }

    /// The ports that cannot be had, with the Services that miss them.
    pub fn troubles(&self) -> impl Iterator<Item = (PortKey, &PortAnswer, &PortTrouble)> {
        self.standing.iter().filter_map(|(port, standing)| match standing {
            Standing::Failed(trouble) => Some((*port, self.wanted.get(port)?, trouble)),
            Standing::Closed | Standing::Opening | Standing::Open => None,
        })
    }

    /// How many ports are listened on.
    #[must_use]
    pub fn open(&self) -> usize {
        self.standing.values().filter(|standing| **standing == Standing::Open).count()
    }

    /// When [`Listeners::next`] has something to do at the latest, if nothing is told before.
    #[must_use]
    pub fn wake(&self) -> Option<Duration> {
        let due = self.standing.values().filter_map(|standing| match standing {
            Standing::Closed => Some(Duration::ZERO),
            Standing::Failed(trouble) => Some(trouble.due),
            Standing::Opening | Standing::Open => None,
        });
        due.min()
    }
}

/// How long a port is left after so many failures. Spread by a quarter, so that ports which fail together are not tried
/// together.
fn pause(port: PortKey, failures: u32) -> Duration {
    let doubled = RETRY_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let whole = doubled.min(RETRY_LONGEST);
    let spread = (u32::from(port.0.get()).wrapping_mul(2_654_435_761) ^ failures) % 256;
    whole - whole / 4 * spread / 255
}
