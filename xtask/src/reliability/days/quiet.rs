//! Times in which only the cluster changes, and times in which nothing does.

use std::collections::BTreeSet;
use std::time::Duration;

use switchyard_hcn_emulator::Verb as HnsVerb;
use switchyard_winkernel::{Change, Reason, Subject, Verb};
use tokio::time::Instant;

use super::super::entrances::{Entrance, served};
use super::act::look_at_pods;
use super::check;
use super::day::{Day, Peace};
use super::healing::whole;

/// How many seconds of rest each further request of the API server may have: three kinds, each watched for 42 s.
const QUIET_REQUEST: u64 = 13;
/// How many other changes may come between the two halves of a replacement, and one.
const MOST_BETWEEN: u32 = 4;

impl Day<'_> {
    /// I2: only the cluster changes. What was served and still is, is served at every moment between, but for those between
    /// the two halves of a replacement.
    pub(super) async fn peaceful_change(&mut self) -> Result<(), String> {
        for _ in 0..4 {
            let before = self.emulator.steer(|service| served(service.state()));
            self.peace = Some(Peace { before, gaps: Vec::new() });
            let revision = self.agent.core.stream().revision();
            let wanted = self.cluster.truth.revision();
            // Of several changes the proxy may see a state between.
            let is_one = self.cluster.change() <= 1;
            let is_idle = is_one && wanted == self.cluster.truth.revision();
            self.pass(Duration::from_secs(2)).await?;
            let Some(Peace { before, gaps }) = self.peace.take() else { continue };
            let after = self.emulator.steer(|service| served(service.state()));
            let entrances = self.cluster.entrances();
            for entrance in before.intersection(&after).filter(|own| entrances.contains(own)) {
                if let Some(change) = black_hole(*entrance, &gaps) {
                    let operation = &change.operation;
                    return Err(format!("I2: {entrance:?} is not served after {operation:?}"));
                }
                self.report.checked("I2 no black hole");
            }
            if is_idle {
                if self.agent.core.stream().revision() != revision || !gaps.is_empty() {
                    return Err(format!(
                        "I8: a change that changes nothing led to {} calls",
                        gaps.len()
                    ));
                }
                self.report.met("F06 no-op events");
            }
        }
        // The CNI makes the pods that came with it.
        look_at_pods(self);
        self.heal().await
    }

    /// I8: nothing happens and nothing is missing, so nothing is written, and only audits read. A proxy that starts anew reads
    /// everything, and writes nothing either.
    pub(super) async fn rest(&mut self, end: Instant) -> Result<(), String> {
        // What a ledger is still for is written, and what is still to be read is read, while nothing else is to be done.
        self.pass(Duration::from_secs(15)).await?;
        let audits = self.agent.core.reconciler().standing().audits;
        drop(self.emulator.take_calls());
        self.looked_at = 0;
        let restarts = self.dice.percent(20);
        if restarts {
            self.restart_agent(false)?;
            self.report.met("F15 proxy starts into what is right");
        }
        let left = end.saturating_duration_since(Instant::now());
        let requests = self.front.requests();
        self.pass(left).await?;
        let requests = self.front.requests() - requests;
        if requests > left.as_secs() / QUIET_REQUEST + 60 {
            return Err(format!("I7: {requests} requests of the API server in {left:?} of rest"));
        }
        let calls = self.emulator.take_calls();
        self.looked_at = 0;
        if calls.total_mutating() > 0 {
            let functions: Vec<_> = calls.mutating().map(|call| call.function()).collect();
            return Err(format!("I8: changes at rest: {functions:?}"));
        }
        let audited = restarts || self.agent.core.reconciler().standing().audits != audits;
        let reads = calls.counts().iter().filter(|((verb, _), _)| *verb != HnsVerb::Close);
        let reads: u64 = reads.map(|(_, count)| count).sum();
        if !audited && reads > 0 {
            let functions: Vec<_> = calls.log().map(|call| call.function()).collect();
            return Err(format!("I8: {reads} calls at rest: {functions:?}"));
        }
        self.report.checked("I8 quiet");
        // An audit may be under way.
        let bound = ("at rest", Duration::from_secs(10));
        if restarts {
            return self.converge(bound, whole).await.map(drop);
        }
        // What was right in HNS is right still, where nothing changed on any side.
        self.converge(bound, |day| check::standing(day)).await.map(drop)
    }
}

/// The change after which `entrance` is not served although it has to be. While it is being replaced a few other changes may
/// come between: those that were under way.
fn black_hole(entrance: Entrance, gaps: &[(Box<Change>, BTreeSet<Entrance>)]) -> Option<&Change> {
    let mut left = 0;
    for (change, served) in gaps {
        let operation = &change.operation;
        let is_its_own = matches!(&operation.subject, Subject::LoadBalancer { key: Some(key), .. }
            if *key == entrance);
        match (operation.verb, operation.reason) {
            (Verb::Delete, Reason::Replaced) if is_its_own => left = MOST_BETWEEN,
            _ if is_its_own => left = 0,
            _ => left = left.saturating_sub(1),
        }
        if left == 0 && !served.contains(&entrance) {
            return Some(change);
        }
    }
    None
}
