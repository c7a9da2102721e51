//! Calls that are under way.

use std::collections::BTreeMap;
use std::time::Duration;

use switchyard_hcn::Guid;

use super::delays::{Delay, Target};
use crate::call::{Call, CallId};
use crate::ledger::Kind;
use crate::operation::Subject;

/// How long a call may take. A sick HNS has been seen to take 47 seconds (kubernetes/kubernetes#110849) and must still be
/// waited for.
pub(super) const DEADLINE: Duration = Duration::from_secs(120);
/// How many calls may be given up before nothing more is written.
pub(super) const MOST_ABANDONED: usize = 4;

/// A call that is under way.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) call: Call,
    pub(super) began: Duration,
    /// Whether it was given up: nobody waits for it, and what it concerns is left alone until it answers.
    pub(super) abandoned: bool,
    /// What it is done for, and how that had failed before.
    pub(super) target: Option<(Target, Option<Delay>)>,
    /// Whether it is part of an audit, which leaves HNS most of its time.
    pub(super) audit: bool,
    /// The time between two losses that it was begun in.
    pub(super) epoch: u64,
}

/// How a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// Its answer is waited for.
    Expected,
    /// It was given up.
    Abandoned,
}

impl Flight {
    fn course(&self) -> Course {
        if self.abandoned { Course::Abandoned } else { Course::Expected }
    }
}

/// All calls that are under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights {
    flights: BTreeMap<CallId, Flight>,
    last: u64,
}

impl Flights {
    pub(super) fn begin(
        &mut self,
        call: Call,
        target: Option<(Target, Option<Delay>)>,
        epoch: u64,
        now: Duration,
    ) -> CallId {
        self.insert(Flight { call, began: now, abandoned: false, target, audit: false, epoch })
    }

    /// Begins a call that is part of an audit.
    pub(super) fn begin_audit(&mut self, call: Call, epoch: u64, now: Duration) -> CallId {
        self.insert(Flight { call, began: now, abandoned: false, target: None, audit: true, epoch })
    }

    fn insert(&mut self, flight: Flight) -> CallId {
        self.last += 1;
        let id = CallId(self.last);
        self.flights.insert(id, flight);
        id
    }

    pub(super) fn end(&mut self, id: CallId) -> Option<Flight> {
        self.flights.remove(&id)
    }

    /// Gives up what is past its deadline, and returns what that is.
    pub(super) fn abandon(&mut self, now: Duration) -> Vec<Call> {
        let late = |flight: &&mut Flight| !flight.abandoned && flight.began + DEADLINE <= now;
        let late = self.flights.values_mut().filter(late);
        late.map(|flight| {
            flight.abandoned = true;
            flight.call.clone()
        })
        .collect()
    }

    /// The next deadline.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let waited_for = self.flights.values().filter(|flight| !flight.abandoned);
        waited_for.map(|flight| flight.began + DEADLINE).min()
    }

    pub(super) fn active(&self) -> usize {
        self.flights.len() - self.abandoned()
    }

    pub(super) fn abandoned(&self) -> usize {
        self.flights.values().filter(|flight| flight.abandoned).count()
    }

    /// Whether something is being read that changes would contradict.
    pub(super) fn is_surveying(&self) -> bool {
        self.flights.values().filter(|flight| !flight.abandoned).any(|flight| {
            matches!(flight.call, Call::FindNetwork { .. } | Call::List { .. } | Call::Read { .. })
        })
    }

    /// Whether a change of the object is under way, and whether it was given up.
    pub(super) fn changes(&self, kind: Kind, id: Guid) -> Option<Course> {
        let is_it = |flight: &&Flight| match &flight.call {
            Call::Change(change) => change.operation.is_about(kind, id),
            _ => false,
        };
        self.flights.values().find(is_it).map(Flight::course)
    }

    /// Whether a load balancer is being made or modified that will name the endpoint.
    pub(super) fn names(&self, endpoint: Guid) -> bool {
        self.flights.values().any(|flight| match &flight.call {
            Call::Change(change) => match &change.operation.subject {
                Subject::LoadBalancer { document: Some(document), .. } => {
                    document.host_compute_endpoints.contains(&endpoint)
                }
                Subject::LoadBalancer { .. } | Subject::Endpoint { .. } => false,
            },
            _ => false,
        })
    }

    /// Whether a call for `target` is under way, and whether it was given up.
    pub(super) fn concerns(&self, target: Target) -> Option<Course> {
        let is_it =
            |flight: &&Flight| flight.target.as_ref().is_some_and(|(own, _)| *own == target);
        self.flights.values().find(is_it).map(Flight::course)
    }

    /// What calls that were given up are for.
    pub(super) fn quarantined(&self) -> impl Iterator<Item = Target> {
        let given_up = self.flights.values().filter(|flight| flight.abandoned);
        given_up.filter_map(|flight| flight.target.as_ref().map(|(target, _)| *target))
    }
}
