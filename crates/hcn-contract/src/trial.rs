//! One rule put to an HNS: attempt by attempt, each on an HNS of its own.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use switchyard_hcn::Hcn;

use crate::finding::{Checked, Finding};
use crate::session::Session;
use crate::{Row, Verdict};

/// A rule, and how to find out whether it holds.
pub(crate) struct Rule {
    /// Its id, which never changes.
    pub(crate) id: &'static str,
    /// The rule in a few words.
    pub(crate) rule: &'static str,
    /// The HRESULT that it is about; 0 for a rule about success.
    pub(crate) code: u32,
    /// Makes the attempts.
    pub(crate) check: fn(&mut Trial<'_>),
}

/// The attempts at one rule.
pub(crate) struct Trial<'a> {
    hcn: &'a dyn Hcn,
    tried: Vec<String>,
    findings: Vec<Finding>,
}

impl Trial<'_> {
    /// Makes HNS anew from `setup`, and puts `check` to it. A finding ends the attempt, not the trial.
    pub(crate) fn attempt(
        &mut self,
        what: impl Into<String>,
        setup: &Value,
        check: impl FnOnce(&Session<'_>) -> Checked,
    ) {
        let what = what.into();
        let hcn = self.hcn;
        let outcome = guarded(|| {
            let session = Session::start(hcn, setup)?;
            // Caught here too, so that what it opened is closed.
            let outcome = guarded(|| check(&session));
            session.end();
            outcome
        });
        self.findings.extend(outcome.err().map(|finding| finding.during(&what)));
        self.tried.push(what);
    }
}

/// Puts a rule to an HNS.
pub(crate) fn run(hcn: &dyn Hcn, rule: &Rule) -> Row {
    let mut trial = Trial { hcn, tried: Vec::new(), findings: Vec::new() };
    let outcome = guarded(|| {
        (rule.check)(&mut trial);
        Ok(())
    });
    trial.findings.extend(outcome.err());
    if trial.tried.is_empty() {
        trial.findings.push(Finding::of("nothing was tried"));
    }
    let came = trial.findings.iter().find_map(|finding| finding.code);
    let details: Vec<_> = trial.findings.iter().map(|finding| finding.detail.as_str()).collect();
    Row {
        id: rule.id,
        rule: rule.rule,
        tried: trial.tried.join("; "),
        code: format!("0x{:08X}", came.unwrap_or(rule.code)),
        verdict: if details.is_empty() { Verdict::Pass } else { Verdict::Fail },
        detail: (!details.is_empty()).then(|| details.join("; ")),
    }
}

/// The outcome of a step; a panic is a finding.
fn guarded(step: impl FnOnce() -> Checked) -> Checked {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| {
        Err(Finding::of(format!("panicked: {}", panic_text(panic.as_ref()))))
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a text")
}
