//! Puts the facts to a subject and judges its answers.

use serde::Serialize;
use serde_json::{Value, json};

use super::health;
use super::hns::{self, Aftermath};
use super::notation::{Case, Entry, Fixture, Frontends, Refusal, Standing, Step, ViewValue};
use super::outcome::{Trace, answer_words};
use super::{Fact, expand, fixture, load};
use crate::subject::{Answer, Subject};

/// The verdict on one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The fact.
    pub id: String,
    /// What came of it.
    pub verdict: Verdict,
    /// The limit of the backend that excuses it, for [`Verdict::Limit`].
    pub limit: Option<String>,
    /// The issue it waits for, for [`Verdict::Later`].
    pub issue: Option<u32>,
    /// What was asked, what had to come and what came, for [`Verdict::Fail`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What came of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every case held.
    Pass,
    /// A case did not hold.
    Fail,
    /// The backend cannot do it, says so, and does what it says.
    Limit,
    /// It waits for an open issue.
    Later,
    /// It belongs to another backend or to another part of the product.
    Other,
}

/// What is looked at in an answer, and which steps are asked at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Everything.
    Everything,
    /// Outcome, backends, source and affinity of the traces; nothing of who decided or of the view.
    #[cfg(test)]
    TracesAlone,
}

/// Puts every fact to `subject`, which is the backend of that name: `model` or `winkernel`.
///
/// `only` is the id of a fact or the letter of a section.
///
/// # Errors
/// A backend that nobody knows, an `only` that names nothing, or data that cannot be read. What the subject does wrong
/// is in the rows.
pub fn run(
    backend: &str,
    subject: &mut dyn Subject,
    only: Option<&str>,
) -> Result<Vec<Row>, String> {
    must_be_known(backend)?;
    let fixture = fixture()?;
    let mut facts = load()?;
    if let Some(only) = only {
        facts.retain(|fact| fact.id == only || fact.section == only);
        if facts.is_empty() {
            return Err(format!("no fact and no section is named {only}"));
        }
    }
    let judged = |fact: &Fact| match fact.standing.get(backend) {
        Some(Standing::Other) => row(fact, Verdict::Other),
        Some(Standing::Later(issue)) => Row { issue: Some(*issue), ..row(fact, Verdict::Later) },
        Some(Standing::Limit(name)) => excused(fact, name, subject, &fixture),
        None => match check(fact, subject, &fixture, Look::Everything) {
            Ok(None) => row(fact, Verdict::Pass),
            Ok(limit) => Row { limit, ..row(fact, Verdict::Limit) },
            Err(detail) => failed(fact, detail),
        },
    };
    Ok(facts.iter().map(judged).collect())
}

/// A row that the limit `name` excuses, although no packet shows it.
fn excused(fact: &Fact, name: &str, subject: &mut dyn Subject, fixture: &Fixture) -> Row {
    if let Err(detail) = check(fact, subject, fixture, Look::Everything) {
        return failed(fact, detail);
    }
    match subject.met_limits() {
        Ok(met) if met.iter().any(|met| met == name) => {
            Row { limit: Some(name.to_owned()), ..row(fact, Verdict::Limit) }
        }
        Ok(met) => failed(fact, format!("expected the limit {name} to be reported; came {met:?}")),
        Err(error) => failed(fact, format!("limits: {error}")),
    }
}

fn failed(fact: &Fact, detail: String) -> Row {
    Row { detail: Some(detail), ..row(fact, Verdict::Fail) }
}

/// The backends that rows can be put to.
const BACKENDS: &[&str] = &["model", "winkernel"];

fn must_be_known(backend: &str) -> Result<(), String> {
    if BACKENDS.contains(&backend) {
        return Ok(());
    }
    Err(format!("no facts for the backend {backend}: there are {}", BACKENDS.join(" and ")))
}

fn row(fact: &Fact, verdict: Verdict) -> Row {
    Row { id: fact.id.clone(), verdict, limit: None, issue: None, detail: None }
}

/// What came of a case so far.
#[derive(Default)]
struct Progress {
    /// How many view keys the last batch touched.
    changed: Option<usize>,
    /// The first limit that changed what became of a packet.
    limit: Option<String>,
    /// What the last thing done made of HNS.
    hns: Aftermath,
}

/// Runs every case of a fact; the error says which step of which case did not hold. Returns the first limit of the subject
/// that changed an answer.
pub(super) fn check(
    fact: &Fact,
    subject: &mut dyn Subject,
    fixture: &Fixture,
    look: Look,
) -> Result<Option<String>, String> {
    if fact.cases.is_empty() && look == Look::Everything {
        return Err("the row has no case".to_owned());
    }
    let mut limit = None;
    for (number, case) in fact.cases.iter().enumerate() {
        let name = case.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
        let place = |step: &str| format!("case {}{name}, {step}", number + 1);
        let setup = expand::setup(case, fixture)
            .map_err(|error| format!("{}: {error}", place("objects")))?;
        subject.start(&setup).map_err(|error| format!("{}: {error}", place("start")))?;
        let mut progress = Progress::default();
        if let Some(hns) = case.hns.as_ref().filter(|_| look == Look::Everything) {
            progress.hns = hns::begin(hns, subject, fixture)
                .map_err(|error| format!("{}: {error}", place("hns")))?;
        }
        for (number, step) in case.steps.iter().enumerate() {
            judge(case, step, subject, fixture, look, &mut progress)
                .map_err(|error| format!("{}: {error}", place(&format!("step {}", number + 1))))?;
        }
        limit = limit.or(progress.limit);
    }
    Ok(limit)
}

fn judge(
    case: &Case,
    step: &Step,
    subject: &mut dyn Subject,
    fixture: &Fixture,
    look: Look,
    progress: &mut Progress,
) -> Result<(), String> {
    match step {
        Step::Trace(trace) => {
            judge_trace(case, trace, subject, fixture, look)?;
            if progress.limit.is_none() {
                progress.limit = subject.limits().into_iter().next();
            }
            return Ok(());
        }
        Step::Change(objects) => {
            let batch = expand::batch(objects, fixture)?;
            let mut change = |subject: &mut dyn Subject| {
                let changed = subject.change(&batch).map_err(|error| format!("change: {error}"))?;
                progress.changed = Some(changed);
                Ok(())
            };
            if case.hns.is_some() && look == Look::Everything {
                return progress.hns.follow(subject, &mut change);
            }
            return change(subject);
        }
        _ if look != Look::Everything => return Ok(()),
        Step::Event(event) => {
            let event = event.resolved(subject, fixture)?;
            progress.hns.follow(subject, &mut |subject| subject.hns()?.event(&event))?;
            return Ok(());
        }
        Step::Hns(expected) => return expected.judge(subject, fixture, &progress.hns),
        Step::Proxy(event) => return event.happen(subject),
        Step::Get(get) => return get.judge(subject),
        Step::Reported(words) => return health::reported(words, subject),
        Step::Changed(count) if progress.changed == Some(*count) => return Ok(()),
        Step::Changed(count) => {
            let changed = progress.changed;
            return Err(format!("expected {count} changed view keys; came {changed:?}"));
        }
        _ => {}
    }
    let view = subject.view().map_err(|error| format!("view: {error}"))?;
    match step {
        Step::Refused(refusal) => refused(&view, refusal),
        Step::NotRefused(text) => not_refused(&view, text),
        Step::Conflict(conflict) => {
            let wanted = json!(conflict);
            let found = list(&view, "conflicts").contains(&wanted);
            found.then_some(()).ok_or_else(|| missing("the conflict", &wanted, &view["conflicts"]))
        }
        Step::Conflicts(count) => {
            let came = list(&view, "conflicts");
            (came.len() == *count)
                .then_some(())
                .ok_or_else(|| format!("expected {count} conflicts; came {}", json!(came)))
        }
        Step::Unserved(service) => {
            let wanted = expand::filled(service);
            let prefix = format!("{wanted}:");
            let found = list(&view, "servicePorts")
                .iter()
                .find(|entry| format!("{}:", service_of(entry)).starts_with(&prefix));
            found.map_or(Ok(()), |entry| Err(format!("expected no view of {wanted}; came {entry}")))
        }
        Step::Frontends(frontends) => judge_frontends(&view, frontends),
        Step::Value(value) => judge_value(&view, value),
        Step::Trace(_) | Step::Change(_) | Step::Changed(_) => Ok(()),
        Step::Event(_) | Step::Hns(_) => Ok(()),
        Step::Proxy(_) | Step::Get(_) | Step::Reported(_) => Ok(()),
    }
}

fn judge_trace(
    case: &Case,
    trace: &Trace,
    subject: &mut dyn Subject,
    fixture: &Fixture,
    look: Look,
) -> Result<(), String> {
    let (from, to) = (trace.source(fixture), trace.destination(fixture)?);
    let packet = format!("trace {from} -> {to}");
    let answer = subject.trace(&from, &to).map_err(|error| format!("{packet}: {error}"))?;
    let mut fits = false;
    for outcome in &trace.outcomes {
        fits |= outcome.fits(&answer, &case.node, fixture)?;
    }
    if !fits {
        let mut wanted = Vec::new();
        for outcome in &trace.outcomes {
            wanted.push(outcome.words(&case.node, fixture)?);
        }
        let (wanted, came) = (wanted.join(", or "), answer_words(&answer));
        return Err(format!("{packet}: expected {wanted}; came {came}"));
    }
    if look == Look::Everything {
        judge_deciders(trace, &answer).map_err(|error| format!("{packet}: {error}"))?;
    }
    Ok(())
}

/// Who decided: what the row names, and what every answer has to name.
fn judge_deciders(trace: &Trace, answer: &Answer) -> Result<(), String> {
    let came = &answer.decided_by;
    let wanted: Vec<String> = trace.by.iter().map(|name| expand::filled(name)).collect();
    let complete =
        if trace.only { *came == wanted } else { wanted.iter().all(|name| came.contains(name)) };
    if !complete {
        let only = if trace.only { "exactly " } else { "" };
        return Err(format!("expected decided_by {only}{wanted:?}; came {came:?}"));
    }
    if !came.is_sorted() {
        return Err(format!("expected decided_by in order; came {came:?}"));
    }
    let names = |kind: &str| came.iter().any(|name| name.starts_with(kind));
    match answer.outcome.as_str() {
        "pass" if !came.is_empty() => {
            Err(format!("expected nobody to decide a pass; came {came:?}"))
        }
        "forward" | "reject" | "drop"
            if !(names("service/") && names("frontend/") || names("range/")) =>
        {
            Err(format!("expected a service and a frontend in decided_by; came {came:?}"))
        }
        _ => Ok(()),
    }
}

fn list<'a>(view: &'a Value, name: &str) -> &'a [Value] {
    view[name].as_array().map_or(&[], Vec::as_slice)
}

fn missing(what: &str, wanted: &Value, came: &Value) -> String {
    format!("expected {what} {wanted}; came {came}")
}

fn refused(view: &Value, refusal: &Refusal) -> Result<(), String> {
    let object = refusal.object.as_deref().map(expand::filled);
    let reason = refusal.reason.as_deref().map(str::to_lowercase);
    let like = |came: &&Value| {
        let text = |name: &str| came[name].as_str().unwrap_or_default();
        object.as_deref().is_none_or(|wanted| text("object") == wanted)
            && refusal.field.as_deref().is_none_or(|wanted| text("field") == wanted)
            && reason.as_deref().is_none_or(|wanted| text("reason").to_lowercase().contains(wanted))
    };
    let wanted = json!({"object": object, "field": refusal.field, "reason": reason});
    let found = list(view, "refused").iter().find(like);
    found.map(|_| ()).ok_or_else(|| missing("the refusal", &wanted, &view["refused"]))
}

fn not_refused(view: &Value, text: &str) -> Result<(), String> {
    let text = expand::filled(text);
    let found = list(view, "refused")
        .iter()
        .find(|came| came["object"].as_str().is_some_and(|object| object.contains(&text)));
    found.map_or(Ok(()), |came| Err(format!("expected no refusal of {text}; came {came}")))
}

fn service_of(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("service"))
}

fn entry<'a>(view: &'a Value, wanted: &Entry) -> Result<&'a Value, String> {
    let is_wanted = |entry: &&Value| {
        let name = entry["port"].as_str().unwrap_or_default();
        format!("{}:{name}", service_of(entry)) == wanted.port
            && entry["protocol"] == wanted.protocol.as_str()
            && entry["family"] == wanted.family.as_str()
    };
    list(view, "servicePorts").iter().find(is_wanted).ok_or_else(|| {
        format!(
            "expected a view of {} {} {}; there is none",
            wanted.port, wanted.protocol, wanted.family
        )
    })
}

fn judge_frontends(view: &Value, frontends: &Frontends) -> Result<(), String> {
    let words = |frontend: &Value| {
        let text = |name: &str| frontend[name].as_str().unwrap_or("*").to_owned();
        format!("{}/{}/{}", text("kind"), text("address"), frontend["port"])
    };
    let entry = entry(view, &frontends.of)?;
    let mut came: Vec<String> = list(entry, "frontends").iter().map(words).collect();
    let mut wanted = frontends.are.clone();
    came.sort();
    wanted.sort();
    (came == wanted).then_some(()).ok_or_else(|| {
        format!("{}: expected the frontends {wanted:?}; came {came:?}", frontends.of.port)
    })
}

fn judge_value(view: &Value, value: &ViewValue) -> Result<(), String> {
    let place = value.of.as_ref().map_or("the view", |entry| entry.port.as_str());
    let inside = value.of.as_ref().map_or(Ok(view), |wanted| entry(view, wanted))?;
    let came = inside.pointer(&value.at);
    (came == Some(&value.is)).then_some(()).ok_or_else(|| {
        format!("{place}: expected {} at {}; came {}", value.is, value.at, json!(came))
    })
}
