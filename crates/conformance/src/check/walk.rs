//! One cluster and its history.

use serde_json::{Value, json};

use super::report::{Case, Difference, Report};
use crate::oracle::Oracle;
use crate::random::Generator;
use crate::subject::{Answer, Change, Setup, Subject};

/// A random cluster on its way from a start through batches of changes.
pub(super) struct Walk<'a> {
    subject: &'a mut dyn Subject,
    report: &'a mut Report,
    generator: Generator,
    seed: u64,
    case: Case,
    now: Setup,
    first: Option<Difference>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(subject: &'a mut dyn Subject, report: &'a mut Report, seed: u64) -> Self {
        let mut generator = Generator::new(seed);
        let now = generator.setup();
        let case = Case { start: now.clone(), batches: Vec::new() };
        Self { subject, report, generator, seed, case, now, first: None }
    }

    /// Compares `packets` answers: all at the start, or half of them along a history.
    pub(super) fn run(&mut self, packets: u64, steps: u64) {
        if let Err(error) = self.subject.start(&self.now) {
            self.differ("failure", ("", ""), json!("a start"), json!(error));
            return;
        }
        // The seed alone decides, so that a cluster can be walked again.
        if steps == 0 || !self.seed.is_multiple_of(4) {
            self.compare_packets(packets);
            return;
        }
        self.report.histories += 1;
        let per_step = packets.div_ceil(2 * steps);
        self.compare_packets(packets.saturating_sub(per_step * steps).max(1));
        for _ in 0..steps {
            let batch = self.generator.change(&mut self.now);
            self.case.batches.push(batch.clone());
            if let Err(error) = self.subject.change(&batch) {
                self.differ("failure", ("", ""), json!("a change"), json!(error));
                return;
            }
            self.compare_packets(per_step);
        }
        self.compare_idle();
        self.compare_view();
    }

    pub(super) fn into_first_difference(self) -> Option<Difference> {
        self.first
    }

    fn compare_packets(&mut self, count: u64) {
        let oracle = match Oracle::new(&self.now) {
            Ok(oracle) => oracle,
            Err(error) => {
                self.differ("failure", ("", ""), json!(error), json!("a start"));
                return;
            }
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        for (from, to) in self.generator.packets(&self.now, count) {
            let explanation = oracle.explain(&from, &to);
            if let Ok(explanation) = &explanation {
                self.report.shares.count(explanation);
            }
            self.report.packets += 1;
            let expected = explanation.map(|explanation| explanation.answer);
            let got = self.subject.trace(&from, &to);
            if let Some(limits) = &mut self.report.limits {
                limits.count(&self.subject.limits());
            }
            if differs(&expected, &got) {
                self.differ("trace", (&from, &to), shown(&expected), shown(&got));
            }
        }
    }

    /// An object that is sent again unchanged changes nothing.
    fn compare_idle(&mut self) {
        let Some(object) = self.generator.document(&self.now).cloned() else { return };
        let batch = [Change::Apply(object)];
        match self.subject.change(&batch) {
            Ok(0) => {}
            Ok(changed) => {
                self.case.batches.push(batch.to_vec());
                self.differ("idle", ("", ""), json!(0), json!(changed));
            }
            Err(error) => self.differ("failure", ("", ""), json!(0), json!(error)),
        }
    }

    /// A history leads to the view that a fresh start of its end has.
    fn compare_view(&mut self) {
        let got = self.subject.view();
        let fresh = self.subject.start(&self.now);
        let expected = fresh.and_then(|()| self.subject.view());
        if expected != got || expected.is_err() {
            let say = |view: Result<Value, String>| view.unwrap_or_else(|error| json!(error));
            self.differ("view", ("", ""), say(expected), say(got));
        }
    }

    fn differ(&mut self, kind: &str, packet: (&str, &str), expected: Value, got: Value) {
        self.report.different += 1;
        if self.first.is_some() {
            return;
        }
        self.first = Some(Difference {
            kind: kind.to_owned(),
            seed: self.seed,
            step: self.case.batches.len(),
            node: self.now.node.clone(),
            from: packet.0.to_owned(),
            to: packet.1.to_owned(),
            expected,
            got,
            reduced: None,
            case: self.case.clone(),
        });
    }
}

/// Two failures are alike, whatever they say.
pub(super) fn differs(expected: &Result<Answer, String>, got: &Result<Answer, String>) -> bool {
    match (expected, got) {
        (Ok(expected), Ok(got)) => expected != got,
        (expected, got) => expected.is_ok() != got.is_ok(),
    }
}

fn shown(answer: &Result<Answer, String>) -> Value {
    match answer {
        Ok(answer) => serde_json::to_value(answer).unwrap_or_default(),
        Err(error) => json!({"error": error}),
    }
}
